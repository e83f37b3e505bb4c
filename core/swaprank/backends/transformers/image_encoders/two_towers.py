"""CLIP and SigLIP: one tower for texts, one for images, and vectors that compare across them.

Texts go in as the models were trained: CLIP's are padded to the longest and masked; SigLIP's are always padded to the
full length, without a mask, because its vector is that of the last token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ImageError
from ....requests import Embed, Embedded, EmbedImage, Request, Response, Usage
from ....scores.coverage import coverage
from ..._tokens.quoting import Quoting
from ..encoder import Encoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from ..options import TransformersOptions


class TwoTowers(Encoder[Embed | EmbedImage]):
    """A network with ``get_text_features`` and ``get_image_features``.

    Args:
        network: The network.
        tokenizer: Its tokenizer.
        processor: Its image processor, for Pillow's pictures.
        model: Name of the model in messages.
        options: The backend's options.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        processor: Callable[..., Any],
        model: str,
        options: TransformersOptions,
    ) -> None:
        config: Any = network.config
        super().__init__(network, config.text_config.max_position_embeddings, model, options)
        self._network: Any = network
        self._tokenizer = tokenizer
        self._processor = processor
        self._quoting = Quoting(tokenizer, model, parse_control_tokens=options.parse_control_tokens)
        self._full = config.model_type == "siglip"
        # SigLIP 2 is SigLIP with Gemma's vocabulary, and was trained on lower-cased texts.
        self._lowers = self._full and "Gemma" in type(tokenizer).__name__
        self._length = int(config.text_config.max_position_embeddings)
        vision = config.vision_config
        self._patches = (vision.image_size // vision.patch_size) ** 2

    def _check_kinds(self, requests: Sequence[Request]) -> None:
        """Texts and images are both read."""

    def _run(self, requests: Sequence[Embed | EmbedImage]) -> list[Response]:
        answers: dict[int, Response] = {}
        texts = {place: request for place, request in enumerate(requests) if isinstance(request, Embed)}
        images = {place: request for place, request in enumerate(requests) if isinstance(request, EmbedImage)}
        answers.update(zip(texts, self._texts(list(texts.values())), strict=True))
        answers.update(zip(images, self._images(list(images.values())), strict=True))
        return [answers[place] for place in range(len(requests))]

    def _texts(self, requests: Sequence[Embed]) -> list[Response]:
        read = [self._ids(request) for request in requests]
        vectors: dict[int, Any] = {}

        def forward(batch: list[int]) -> None:
            vectors.update(zip(batch, self._text_vectors([read[place][0] for place in batch]), strict=True))

        self._in_batches([self._length if self._full else len(ids) for ids, _, _ in read], forward)
        return [
            Embedded(vectors[place], covered, Usage(input_tokens=len(ids), cut=int(cut)))
            for place, (ids, cut, covered) in enumerate(read)
        ]

    def _ids(self, request: Embed) -> tuple[list[int], bool, float | None]:
        """The token ids of a text, whether it was cut, and how much of it the vocabulary knows."""
        limit = self._limit(request.max_length)
        whole = (request.prompt or "") + request.text
        text = self._quoting.beginning(whole.lower() if self._lowers else whole, limit)
        offsets = {"return_offsets_mapping": True} if self._tokenizer.is_fast else {}
        [row] = self._quoting.rows([text], truncation=True, max_length=limit, **offsets)
        ids, reached = row.values["input_ids"], row.values.get("offset_mapping")
        unknown = self._tokenizer.unk_token_id
        covered = None if reached is None else coverage(row.texts[0], reached, [token != unknown for token in ids])
        return ids, row.cut or len(text) < len(whole), covered

    def _text_vectors(self, texts: Sequence[list[int]]) -> list[Any]:
        import torch

        width = self._length if self._full else max(map(len, texts))
        pad = self._tokenizer.pad_token_id or 0
        place = self._network.device
        ids = torch.tensor([[*own, *[pad] * (width - len(own))] for own in texts], device=place)
        lengths = torch.tensor([[len(own)] for own in texts], device=place)
        mask = None if self._full else (torch.arange(width, device=place)[None] < lengths).long()
        return _numbers(self._network.get_text_features(input_ids=ids, attention_mask=mask))

    def _images(self, requests: Sequence[EmbedImage]) -> list[Response]:
        answers: dict[int, Response] = {}

        def forward(batch: list[int]) -> None:
            # Opened batch by batch: decoded pictures are large.
            pictures = {}
            for place in batch:
                try:
                    pictures[place] = self._pixels(requests[place])
                except ImageError as error:
                    answers[place] = Embedded([], unreadable=str(error))
            if pictures:
                vectors = self._image_vectors(list(pictures.values()))
                usage = Usage(input_tokens=self._patches)
                answers.update(
                    (place, Embedded(vector, usage=usage)) for place, vector in zip(pictures, vectors, strict=True)
                )

        self._in_batches([self._patches] * len(requests), forward)
        return [answers[place] for place in range(len(requests))]

    def _pixels(self, request: EmbedImage) -> torch.Tensor:
        picture = request.image.open()
        try:
            found: torch.Tensor = self._processor(images=[picture], return_tensors="pt")["pixel_values"]
        except ValueError as error:
            raise ImageError(f"{request.image.name} does not suit the model {self._name!r}: {error}") from error
        return found

    def _image_vectors(self, pixels: Sequence[torch.Tensor]) -> list[Any]:
        import torch

        values = torch.cat(list(pixels)).to(self._network.device, self._network.dtype)
        return _numbers(self._network.get_image_features(pixel_values=values))


def _numbers(output: Any) -> list[Any]:
    """The vectors of an answer, which is a tensor before transformers 5 and an object since."""
    return list(getattr(output, "pooler_output", output).float().cpu().numpy())
