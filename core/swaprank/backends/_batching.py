"""Forward passes of bounded size: as many items as fit a budget of tokens, fewer when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ..errors import BackendError

logger = logging.getLogger(__name__)


def in_batches(lengths: Sequence[int], batch_tokens: int, forward: Callable[[list[int]], None]) -> None:
    """Call ``forward`` with index batches of similar length, longest first.

    Args:
        lengths: The length of each item in tokens.
        batch_tokens: Most tokens of a batch, padding included; a batch has at least one item. It is
            lowered to half a batch, and the run goes on, whenever the device runs out of memory.
        forward: Computes the items of a batch; called again with fewer of them after it ran out of memory.

    Raises:
        BackendError: Not even a single item fits the device's memory.
    """
    waiting = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while waiting:
        longest = max(lengths[waiting[0]], 1)
        batch = waiting[: max(1, batch_tokens // longest)]
        try:
            forward(batch)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            if len(batch) == 1:
                raise BackendError(
                    f"One item of {longest} tokens does not fit the device's memory.", hint="Set a smaller max_length."
                ) from error
            batch_tokens = len(batch) // 2 * longest
            logger.warning("Out of memory with a batch of %d; trying %d.", len(batch), len(batch) // 2)
        else:
            waiting = waiting[len(batch) :]
