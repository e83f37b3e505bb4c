"""Decoder-only networks: next-token logits of many prompts, their common beginnings computed once."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._common.token_batches import in_batches
from .decoders.checked import packed_decoder
from .prefixes import Group, shared_prefixes

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


# Tokens of one packed pass on a CPU: few enough that what a layer writes stays in its caches.
PACKED_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Scored:
    """A batch of prompts that has been read.

    Attributes:
        logits: Next-token logits [rows, vocabulary], float32.
        forced_logprobs: The log-probability of each forced token of each row.
    """

    logits: torch.Tensor
    forced_logprobs: list[tuple[float, ...]]


class CausalNetwork:
    """A network that reads from left to right.

    Prompts are padded on the left, so that every row ends at the same column, and only the logits of the
    last columns are computed. Positions are counted without padding.

    Args:
        network: The transformers model.
        head: Reads hidden states in place of the model's own head; its outputs take the place of logits.
        prefix_caching: Whether common beginnings are computed once. Results are the same either way.
    """

    def __init__(
        self, network: PreTrainedModel, *, head: torch.nn.Module | None = None, prefix_caching: bool = True
    ) -> None:
        self.network = network
        self._head = head
        self._body: Any = network if head is None else network.base_model
        accepted = inspect.signature(self._body.forward).parameters
        self._positions = "position_ids" in accepted
        self._partial = "logits_to_keep" in accepted
        self._prefix_caching = prefix_caching
        self._packed = packed_decoder(network, head, self._plain)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        batch_tokens: int,
        use: Callable[[list[int], Scored | Session], None],
    ) -> None:
        """Read prompts that are not continued: on a CPU packed, where the network is known to give the same so.

        Args:
            prompts: As in `read`.
            forced: As in `read`.
            batch_tokens: As in `read`.
            use: Takes the places of a batch and what was read.
        """
        import torch

        packed = self._packed
        longest = max((len(prompt) + len(after) for prompt, after in zip(prompts, forced, strict=True)), default=0)
        if packed is None or (packed.longest is not None and longest > packed.longest):
            self.read(prompts, forced, [0] * len(prompts), batch_tokens, use)
            return
        sequences, keep, groups = self._grouped(prompts, forced)
        for group in groups:
            prefix = packed.prefix(sequences[group.places[0]][: group.shared]) if group.shared else None

            def forward(batch: list[int], group: Group = group, prefix: Any = prefix) -> None:
                places = [group.places[position] for position in batch]
                rows = [sequences[place][group.shared :] for place in places]
                counts = [keep[place] for place in places]
                own = torch.split(packed.logits(rows, counts, prefix), counts)
                logprobs = [chosen_logprobs(one[:-1], forced[place]) for one, place in zip(own, places, strict=True)]
                use(places, Scored(torch.stack([one[-1] for one in own]), logprobs))

            lengths = [len(sequences[place]) - group.shared for place in group.places]
            in_batches(lengths, min(batch_tokens, PACKED_TOKENS), forward, [keep[place] for place in group.places])

    def read(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        room: Sequence[int],
        batch_tokens: int,
        use: Callable[[list[int], Session], None],
    ) -> None:
        """Read the prompts in batches.

        Args:
            prompts: Token ids of each prompt, at least one token.
            forced: Token ids the model is made to say after each prompt.
            room: How many tokens each row may still grow by, as far as memory is concerned.
            batch_tokens: Most tokens of a batch, padding included.
            use: Takes the places of a batch and its session.
        """
        sequences, keep, groups = self._grouped(prompts, forced)
        for group in groups:
            prefix = self._prefix(sequences[group.places[0]][: group.shared]) if group.shared else None
            shared = 0 if prefix is None else group.shared

            def forward(batch: list[int], group: Group = group, prefix: Any = prefix, shared: int = shared) -> None:
                places = [group.places[position] for position in batch]
                rows = [sequences[place][shared:] for place in places]
                grows = any(room[place] for place in places)
                use(places, Session(self, prefix, shared, rows, [forced[place] for place in places], grows))

            lengths = [len(sequences[place]) + room[place] for place in group.places]
            in_batches(lengths, batch_tokens, forward, [keep[place] for place in group.places])

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any, keep: int, use_cache: bool
    ) -> tuple[torch.Tensor, Any]:
        """Logits [rows, keep, vocabulary] in float32 of the last columns, and the cache."""
        inputs: dict[str, Any] = {"input_ids": ids, "past_key_values": cache, "use_cache": use_cache}
        # Without padding the network may take the faster kernels for plain causal attention.
        inputs["attention_mask"] = None if bool(mask.all()) else mask
        if self._positions:
            inputs["position_ids"] = positions
        if self._partial:
            inputs["logits_to_keep"] = keep
        output = self._body(**inputs)
        logits = output.logits[:, -keep:] if self._head is None else self._head(output.last_hidden_state[:, -keep:])
        return logits.float(), output.past_key_values

    def _grouped(
        self, prompts: Sequence[Sequence[int]], forced: Sequence[Sequence[int]]
    ) -> tuple[list[list[int]], list[int], list[Group]]:
        """What is read, of how many last tokens logits are needed, and which share a beginning."""
        sequences = [[*prompt, *after] for prompt, after in zip(prompts, forced, strict=True)]
        keep = [len(after) + 1 for after in forced]
        groups = shared_prefixes(sequences, keep) if self._prefix_caching else [Group(list(range(len(sequences))))]
        return sequences, keep, groups

    def _plain(self, ids: list[int], keep: int, pads: int = 0) -> torch.Tensor:
        """The logits [keep, width] of one sequence behind so much padding, by the network's own forward."""
        import torch

        tokens = torch.tensor([[0] * pads + ids], device=self.network.device)
        columns = torch.arange(pads + len(ids), device=self.network.device)[None] - pads
        return self.forward(tokens, (columns >= 0).long(), columns.clamp(min=0), None, keep, False)[0][0]

    def _prefix(self, ids: Sequence[int]) -> Any:
        """The keys and values of a beginning; None for networks that do not keep them all."""
        import torch
        from transformers.cache_utils import DynamicCache, DynamicLayer

        tokens = torch.tensor([ids], device=self.network.device)
        positions = torch.arange(len(ids), device=self.network.device)[None]
        _, cache = self.forward(tokens, torch.ones_like(tokens), positions, None, 1, True)
        whole = isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)
        return cache if whole else None


class Session:
    """One batch of prompts that has been read; one that `grows` can be continued token by token.

    Attributes:
        logits: Next-token logits [rows, vocabulary], float32.
        forced_logprobs: The log-probability of each forced token of each row.
    """

    def __init__(
        self,
        causal: CausalNetwork,
        prefix: Any,
        shared: int,
        rows: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        grows: bool,
    ) -> None:
        import torch

        self._causal = causal
        self._device = causal.network.device
        width = max(map(len, rows))
        pads = [width - len(row) for row in rows]
        ids = torch.tensor([[0] * pad + list(row) for pad, row in zip(pads, rows, strict=True)], device=self._device)
        starts = torch.tensor(pads, device=self._device)[:, None]
        columns = torch.arange(width, device=self._device)[None]
        own = columns >= starts
        self._mask = torch.cat([own.new_ones(len(rows), shared), own], dim=1).long()
        self._next = torch.tensor([[shared + len(row)] for row in rows], device=self._device)
        positions = shared + (columns - starts).clamp(min=0)
        cache = None
        if prefix is not None:
            cache = copy.deepcopy(prefix)
            cache.batch_repeat_interleave(len(rows))
        keep = max(map(len, forced)) + 1
        logits, self._cache = causal.forward(ids, self._mask, positions, cache, keep, grows or cache is not None)
        self.logits = logits[:, -1]
        self.forced_logprobs = [
            chosen_logprobs(logits[row, -len(after) - 1 : -1], after) for row, after in enumerate(forced)
        ]

    def advance(self, tokens: torch.Tensor, kept: torch.Tensor) -> None:
        """Go on with the rows ``kept`` [rows] by one token each, ``tokens`` [rows]."""
        import torch

        if len(kept) < len(self._mask):
            self._cache.batch_select_indices(kept)
            self._mask, self._next = self._mask[kept], self._next[kept]
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(kept), 1)], dim=1)
        logits, self._cache = self._causal.forward(tokens[:, None], self._mask, self._next, self._cache, 1, True)
        self._next = self._next + 1
        self.logits = logits[:, -1]


def chosen_logprobs(logits: torch.Tensor, ids: Sequence[int]) -> tuple[float, ...]:
    """The log-probability of each id by the logits [ids, vocabulary] before it."""
    if not ids:
        return ()
    logprobs = logits.log_softmax(-1)
    return tuple(float(logprobs[step, token]) for step, token in enumerate(ids))
