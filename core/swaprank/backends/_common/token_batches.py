"""Forward passes of bounded size: as many items as fit a budget of tokens, fewer when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ...errors import BackendError

logger = logging.getLogger(__name__)

# Columns of logits, each as wide as the vocabulary, that one batch may hold: 600 MB for 150,000 words.
_LOGITS = 1024
# Tokens of a forward pass that keep a CPU busy, and beyond which it becomes slower: its caches are small.
CPU_TOKENS = 512
CPU_BATCH = 4096
# How much shorter than the longest of its batch an item may be.
_EVEN = 0.7
# How the allocators of the devices say it.
_NO_MEMORY = ("out of memory", "can't allocate memory", "failed to allocate memory")


def in_batches(
    lengths: Sequence[int],
    batch_tokens: int,
    forward: Callable[[list[int]], None],
    widths: Sequence[int] = (),
    enough: int | None = None,
    packed: bool = False,
    unit: str = "tokens",
) -> None:
    """Call ``forward`` with index batches of similar length, longest first.

    Args:
        lengths: The length of each item in tokens.
        batch_tokens: Most tokens of a batch, padding included; a batch has at least one item. It is
            lowered to half a batch, and the run goes on, whenever the device runs out of memory.
        widths: How many columns of logits each item needs; a batch holds at most `_LOGITS` of them in all.
        enough: Tokens that keep the device busy: a batch of so many ends where padding would begin to cost more
            than another batch; None for no such bound.
        packed: Whether a batch is computed without padding, so that it holds as many tokens as its items have.
        unit: What lengths and budget count, in messages.
        forward: Computes the items of a batch; called again with fewer of them after it ran out of memory.

    Raises:
        BackendError: Not even a single item fits the device's memory.
    """
    waiting = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while waiting:
        longest = max(lengths[waiting[0]], 1)
        batch = _packed(waiting, lengths, batch_tokens) if packed else waiting[: max(1, batch_tokens // longest)]
        if widths:
            batch = batch[: max(1, _LOGITS // max(widths[place] for place in batch))]
        if enough:
            batch = _evened(batch, lengths, enough)
        try:
            forward(batch)
        except RuntimeError as error:
            if not any(sign in str(error).lower() for sign in _NO_MEMORY):
                raise
            if len(batch) == 1:
                raise BackendError(
                    f"One item of {longest} {unit} does not fit the device's memory.",
                    hint="Set a smaller max_length, or max_pixels for images.",
                ) from error
            batch_tokens = sum(lengths[place] for place in batch) // 2 if packed else len(batch) // 2 * longest
            logger.warning("Out of memory with a batch of %d; trying %d.", len(batch), len(batch) // 2)
        else:
            waiting = waiting[len(batch) :]


def _packed(waiting: list[int], lengths: Sequence[int], batch_tokens: int) -> list[int]:
    """The first items whose lengths add up to the budget at most, and at least one."""
    total = 0
    for size, place in enumerate(waiting):
        total += lengths[place]
        if total > batch_tokens:
            return waiting[: max(1, size)]
    return waiting


def _evened(batch: list[int], lengths: Sequence[int], enough: int) -> list[int]:
    """The first of a batch's items, longest first, up to where one is much shorter than the longest."""
    longest = lengths[batch[0]]
    for size, place in enumerate(batch):
        if size * longest >= enough and lengths[place] < _EVEN * longest:
            return batch[:size]
    return batch
