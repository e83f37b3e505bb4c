"""ColPali and ColQwen2: a vector for every token of a page that is read as an image, and of a query.

Faysse et al., ColPali (2024), arXiv 2407.01449; protocol of colpali-engine (MIT, https://github.com/illuin-tech/colpali).
The forward pass of transformers' own `ColQwen2ForRetrieval` hands no grid on, so that image tokens get plain positions
in place of those that the weights were trained with. Here the inner model is called, with what `page_formats` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....errors import ImageError
from ....prompt import Slot
from ....requests import EmbedImageTokens, EmbedTokens, Request, Response, TokenEmbeddings, Usage
from ..._tokens.quoting import Quoting
from ..encoder import Encoder
from .page_formats import PageFormat

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from ..options import TransformersOptions


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
    """A vision-language model without its head for words, and a projection of its last states.

    Args:
        network: The model: a transformers model whose first output is [rows, width, size].
        projection: From [..., size] to the dimensions of the vectors.
        tokenizer: Its tokenizer.
        form: What it reads around pages and texts.
        model: Name of the model in messages.
        options: The backend's options.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        projection: torch.nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        form: PageFormat,
        model: str,
        options: TransformersOptions,
    ) -> None:
        # Positions are rotary; only the vision tower has a table of them, which bounds no text.
        config: Any = network.config
        super().__init__(projection, config.text_config.max_position_embeddings, model, options)
        self._network: Any = network
        self._projection = projection
        self._tokenizer = tokenizer
        self._form = form
        self._constants: dict[str, list[int]] = {}
        self._quoting = Quoting(tokenizer, model, parse_control_tokens=options.parse_control_tokens)

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
        prefix = request.marker if request.marker is not None else self._form.query_prefix if is_query else ""
        after: list[int] = []
        if is_query and request.expansion is not False:
            after = self._constant(self._form.expansion(prefix))
        begins = self._form.start + prefix
        ids = self._quoting.text((begins, Slot(request.text)) if begins else (Slot(request.text),))
        limit = self._limit(request.max_length)
        kept = ids if limit is None else ids[: max(limit - len(after), 0)]
        whole = (*kept, *after)
        return _Item(whole, range(len(whole)), cut=len(kept) < len(ids))

    def _page(self, request: EmbedImageTokens) -> _Item:
        """The prompt around as many places as the image has tokens.

        Raises:
            ImageError: The image cannot be read, or is too narrow for the model.
        """
        count = self._form.length(request)
        before, after = map(self._constant, self._form.around_page)
        ids = (*before, *[self._form.image_token] * count, *after)
        own = range(len(before), len(before) + count) if request.image_only else range(len(ids))
        return _Item(ids, own, page=request)

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
        pages = [item.page for item in items if item.page is not None]
        inputs = self._form.inputs(ids, mask, pages)
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(self._network.dtype)
        hidden = self._network(input_ids=ids, attention_mask=mask, use_cache=False, **inputs)[0]
        vectors = self._projection(hidden)
        unit = torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()
        return [row[width - len(item.ids) :] for row, item in zip(unit, items, strict=True)]

    def _constant(self, text: str) -> list[int]:
        """The ids of a text of the protocol."""
        if text not in self._constants:
            self._constants[text] = self._quoting.ids(text)
        return self._constants[text]


def _unreadable(why: str) -> TokenEmbeddings:
    import numpy as np

    return TokenEmbeddings([], np.zeros((0, 1), dtype=np.float32), unreadable=why)
