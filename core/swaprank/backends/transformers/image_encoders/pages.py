"""ColQwen2: a vector for every token of a page that is read as an image, and of a query.

Faysse et al., ColPali (2024), arXiv 2407.01449; protocol of colpali-engine (MIT, https://github.com/illuin-tech/colpali).
The forward pass of transformers' own `ColQwen2ForRetrieval` hands no grid on, so that image tokens get plain positions
in place of those that the weights were trained with. Here the inner model is called with the grid and the token types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ....errors import ImageError
from ....prompt import Slot
from ....requests import EmbedImageTokens, EmbedTokens, Request, Response, TokenEmbeddings, Usage
from ..._tokens.quoting import Quoting
from ..encoders import Encoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from ..options import TransformersOptions

_BEFORE = "<|im_start|>user\n<|vision_start|>"
_AFTER = "<|vision_end|>Describe the image.<|im_end|><|endoftext|>"
# What the published weights were trained with; colpali-engine has left the prefix out since 0.3.11.
_QUERY = "Query: "
_EXPANSION, _EXPANSIONS = "<|endoftext|>", 10


@dataclass(frozen=True, slots=True)
class _Item:
    """What the network reads of a text or a page.

    Attributes:
        ids: Token ids.
        kept: The places whose vectors count.
        cut: Whether the text was longer.
        page: The request of a page; None for a text.
    """

    ids: tuple[int, ...]
    kept: range
    cut: bool = False
    page: EmbedImageTokens | None = None


class PageEncoder(Encoder[EmbedTokens | EmbedImageTokens]):
    """ColQwen2 as transformers loads it.

    Args:
        network: A `ColQwen2ForRetrieval`.
        tokenizer: Its tokenizer.
        processor: Its image processor, for Pillow's pictures.
        model: Name of the model in messages.
        options: The backend's options.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        processor: Any,
        model: str,
        options: TransformersOptions,
    ) -> None:
        config: Any = network.config
        super().__init__(network, config.vlm_config.text_config.max_position_embeddings, model, options)
        self._network: Any = network
        self._tokenizer = tokenizer
        self._processor = processor
        self._quoting = Quoting(tokenizer, model, parse_control_tokens=options.parse_control_tokens)
        self._image_token = int(config.vlm_config.image_token_id)

    def _check_kinds(self, requests: Sequence[Request]) -> None:
        """Texts and images are both read."""

    def _run(self, requests: Sequence[EmbedTokens | EmbedImageTokens]) -> list[Response]:
        items: list[_Item] = []
        places: list[int] = []
        answers: dict[int, Response] = {}
        for place, request in enumerate(requests):
            try:
                items.append(self._text(request) if isinstance(request, EmbedTokens) else self._page(request))
                places.append(place)
            except ImageError as error:
                answers[place] = _unreadable(str(error))

        def forward(batch: list[int]) -> None:
            # Texts apart, so that their batches hold no pictures.
            for part in ([one for one in batch if items[one].page is None], [one for one in batch if items[one].page]):
                for one, vectors in zip(part, self._forward([items[one] for one in part]), strict=True):
                    item = items[one]
                    usage = Usage(input_tokens=len(item.ids), cut=int(item.cut))
                    ids = [item.ids[place] for place in item.kept]
                    answers[places[one]] = TokenEmbeddings(ids, vectors[list(item.kept)], usage=usage)

        self._in_batches([len(item.ids) for item in items], forward)
        return [answers[place] for place in range(len(requests))]

    def _text(self, request: EmbedTokens) -> _Item:
        """A query between its prefix and the tokens that expand it; a passage as it is."""
        is_query = request.role == "query"
        prefix = request.marker if request.marker is not None else _QUERY if is_query else ""
        after = self._expansion if is_query and request.expansion is not False else []
        ids = self._quoting.text((prefix, Slot(request.text)) if prefix else (Slot(request.text),))
        limit = self._limit(request.max_length)
        kept = ids if limit is None else ids[: max(limit - len(after), 0)]
        whole = (*kept, *after)
        return _Item(whole, range(len(whole)), cut=len(kept) < len(ids))

    def _page(self, request: EmbedImageTokens) -> _Item:
        """The prompt around as many places as the image has tokens.

        Raises:
            ImageError: The image cannot be read, or is too narrow for the model.
        """
        picture = request.image.open()
        try:
            least, most = self._limits(request)
            bounds = {"min_pixels": least, "max_pixels": most}
            patches = self._processor.get_number_of_image_patches(picture.height, picture.width, bounds)
        except ValueError as error:
            raise ImageError(f"{request.image.name} does not suit the model {self._name!r}: {error}") from error
        count = patches // self._processor.merge_size**2
        before, after = self._prompt
        ids = (*before, *[self._image_token] * count, *after)
        own = range(len(before), len(before) + count) if request.image_only else range(len(ids))
        return _Item(ids, own, page=request)

    def _limits(self, request: EmbedImageTokens) -> tuple[int, int]:
        """The least and most pixels of an image: the model's, with the request's own."""
        most = request.max_pixels or int(self._processor.size["longest_edge"])
        return min(int(self._processor.size["shortest_edge"]), most), most

    def _forward(self, items: Sequence[_Item]) -> list[Any]:
        """Unit vectors [tokens, dimensions] of each item, all of them texts or all of them pages."""
        import torch

        if not items:
            return []
        place = self._network.device
        width = max(len(item.ids) for item in items)
        pad = self._tokenizer.pad_token_id or 0
        # On the left, as in the official code.
        ids = torch.tensor([[*[pad] * (width - len(item.ids)), *item.ids] for item in items], device=place)
        starts = torch.tensor([[width - len(item.ids)] for item in items], device=place)
        mask = (torch.arange(width, device=place)[None] >= starts).long()
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        pages = [item.page for item in items if item.page is not None]
        if pages:
            inputs |= self._pixels(pages)
            # Without it every token gets a plain position, and the vectors are others.
            inputs["mm_token_type_ids"] = ((ids == self._image_token) & mask.bool()).long()
        hidden = self._network.vlm(**inputs, use_cache=False)[0]
        vectors = self._network.embedding_proj_layer(hidden)
        unit = torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()
        return [row[width - len(item.ids) :] for row, item in zip(unit, items, strict=True)]

    def _pixels(self, pages: Sequence[EmbedImageTokens]) -> dict[str, torch.Tensor]:
        import torch

        # Opened batch by batch: decoded pictures are large.
        read = []
        for page in pages:
            least, most = self._limits(page)
            size = {"shortest_edge": least, "longest_edge": most}
            read.append(self._processor([page.image.open()], return_tensors="pt", size=size))
        place, kind = self._network.device, self._network.dtype
        return {
            "pixel_values": torch.cat([one["pixel_values"] for one in read]).to(place, kind),
            "image_grid_thw": torch.cat([one["image_grid_thw"] for one in read]).to(place),
        }

    @cached_property
    def _prompt(self) -> tuple[list[int], list[int]]:
        """The tokens before and after those of the image."""
        return self._quoting.ids(_BEFORE), self._quoting.ids(_AFTER)

    @cached_property
    def _expansion(self) -> list[int]:
        return self._quoting.ids(_EXPANSION) * _EXPANSIONS


def _unreadable(why: str) -> TokenEmbeddings:
    import numpy as np

    return TokenEmbeddings([], np.zeros((0, 1), dtype=np.float32), unreadable=why)
