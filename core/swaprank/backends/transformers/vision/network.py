"""Vision-language networks: next-token logits of prompts of which some tokens are patches of images.

The vision tower reads each image once, however many prompts show it; what it made of an image is kept for the calls
that follow, such as the windows of one query.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..._common.token_batches import in_batches
from ..._tokens.image_tokens import VisionTokens
from ..causal import chosen_logprobs
from .tower import VisionTower

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class VisionNetwork:
    """A decoder that reads text and images from left to right; as `CausalNetwork`, without shared beginnings.

    Attributes:
        tower: What reads the images.

    Args:
        network: The transformers model.
        tokens: Its tokenizer, which knows the images behind ids below zero.
        model: The model's name in messages.

    Raises:
        ConfigError: This version of transformers does not take images that the vision tower has read before.
    """

    def __init__(self, network: PreTrainedModel, tokens: VisionTokens, model: str) -> None:
        self.network: Any = network
        self._tokens = tokens
        accepted = inspect.signature(network.forward).parameters
        if "mm_encoder_outputs" not in accepted:
            raise ConfigError(
                f"This version of transformers cannot run the vision-language model {model!r} here.",
                hint="Install transformers 5.23 or newer.",
            )
        self._kinds = "mm_token_type_ids" in accepted
        self._token = tokens.image_token
        self.tower = VisionTower(network, tokens)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        batch_tokens: int,
        use: Callable[[list[int], VisionSession], None],
    ) -> None:
        """Read prompts that are not continued; see `read`."""
        self.read(prompts, forced, [0] * len(prompts), batch_tokens, use)

    def read(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        room: Sequence[int],
        batch_tokens: int,
        use: Callable[[list[int], VisionSession], None],
    ) -> None:
        """Read prompts in batches; arguments as in `CausalNetwork.read`."""
        sequences = [[*prompt, *after] for prompt, after in zip(prompts, forced, strict=True)]
        lengths = [len(ids) + more for ids, more in zip(sequences, room, strict=True)]

        def forward(places: list[int]) -> None:
            rows = [sequences[place] for place in places]
            grows = any(room[place] for place in places)
            use(places, VisionSession(self, rows, [forced[place] for place in places], grows))

        in_batches(lengths, batch_tokens, forward, [len(after) + 1 for after in forced])

    def first(self, rows: Sequence[Sequence[int]], keep: int, use_cache: bool) -> tuple[torch.Tensor, Any, Any, Any]:
        """Read padded rows.

        Returns:
            Logits [rows, keep, vocabulary] in float32, the cache, the mask [rows, width], and how far each row's
            positions lie off the count of its tokens [rows, 1].
        """
        import torch

        device = self.network.device
        width = max(map(len, rows))
        pads = [width - len(row) for row in rows]
        flat = torch.tensor([[0] * pad + list(row) for pad, row in zip(pads, rows, strict=True)], device=device)
        mask = (torch.arange(width, device=device)[None] >= torch.tensor(pads, device=device)[:, None]).long()
        shown = flat < 0
        inputs: dict[str, Any] = {
            "input_ids": flat.masked_fill(shown, self._token),
            "attention_mask": mask,
            "use_cache": use_cache,
            "logits_to_keep": keep,
        }
        inner = self.network.model
        if hasattr(inner, "rope_deltas"):
            inner.rope_deltas = None
        if bool(shown.any()):
            inputs |= self._images(rows)
            if self._kinds:
                inputs["mm_token_type_ids"] = shown.long()
        if not self._kinds or not bool(shown.any()):
            inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
        output = self.network(**inputs)
        shift = getattr(inner, "rope_deltas", None)
        if shift is None:
            shift = torch.zeros(len(rows), 1, dtype=torch.long, device=device)
        return output.logits.float(), output.past_key_values, mask, shift

    def following(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any
    ) -> tuple[torch.Tensor, Any]:
        """Logits [rows, vocabulary] after one more token [rows, 1] at these positions [rows, 1], and the cache."""
        output = self.network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions.expand(3, -1, -1) if self._kinds else positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float(), output.past_key_values

    def _images(self, rows: Sequence[Sequence[int]]) -> Mapping[str, Any]:
        """What the network gets of the images in these rows, in the order in which they stand there."""
        import torch

        numbers = []
        for row in rows:
            place = 0
            while place < len(row):
                if row[place] >= 0:
                    place += 1
                    continue
                numbers.append(-row[place])
                place += self._tokens.length(-row[place])
        seen = self.tower.look(numbers)
        vectors = [one.vectors for one in seen]
        tiled = isinstance(vectors[0], torch.Tensor)
        together = SimpleNamespace(
            pooler_output=torch.cat(vectors) if tiled else [part for parts in vectors for part in parts],
            deepstack_features=[
                [part for parts in layer for part in parts] for layer in zip(*(one.deep for one in seen), strict=True)
            ],
        )
        found: dict[str, Any] = {"mm_encoder_outputs": {"image": together}}
        grids = [one.grid for one in seen if one.grid is not None]
        if grids:
            found["image_grid_thw"] = torch.cat(grids)
        return found


class VisionSession:
    """One batch of prompts that has been read; one that `grows` can be continued token by token.

    Attributes:
        logits: Next-token logits [rows, vocabulary], float32.
        forced_logprobs: The log-probability of each forced token of each row.
    """

    def __init__(
        self, network: VisionNetwork, rows: Sequence[Sequence[int]], forced: Sequence[Sequence[int]], grows: bool
    ) -> None:
        self._network = network
        keep = max(map(len, forced)) + 1
        logits, self._cache, self._mask, self._shift = network.first(rows, keep, grows)
        self.logits = logits[:, -1]
        self.forced_logprobs = [
            chosen_logprobs(logits[row, -len(after) - 1 : -1], after) for row, after in enumerate(forced)
        ]

    def advance(self, tokens: torch.Tensor, kept: torch.Tensor) -> None:
        """Go on with the rows ``kept`` [rows] by one token each, ``tokens`` [rows]."""
        import torch

        if len(kept) < len(self._mask):
            self._cache.batch_select_indices(kept)
            self._mask, self._shift = self._mask[kept], self._shift[kept]
        positions = self._mask.sum(-1, keepdim=True) + self._shift
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(kept), 1)], dim=1)
        self.logits, self._cache = self._network.following(tokens[:, None], self._mask, positions, self._cache)
