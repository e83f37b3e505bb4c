"""Prompts with images in token ids: an id below zero stands for a patch of one of the images at hand."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, require
from ...prompt import Chat, ImageSlot, Prompt, Span, Text, image_slots, plain, with_placeholders
from .image_reading import ImageReader, Read
from .tokens import Encoded, Tokens

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from transformers import PreTrainedTokenizerBase

    from .._checkpoints.source import Source

# Images that keep their numbers from call to call, and bytes of pixels that are held during one.
_MOST_NUMBERS = 4096
_MOST_BYTES = 512 << 20


class VisionTokens(Tokens):
    """A tokenizer whose prompts may hold images.

    Equal images with equal bounds have one number, and each of the tokens that an image becomes is minus that number.
    So prompts are compared, cut and counted by their ids alone, and a network finds the pixels by `image`.

    Args:
        tokenizer: The tokenizer.
        model: Name of the model in messages.
        reader: What reads the images.
        ends: Ids that end an answer.
        parse_control_tokens: As in `Tokens`.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        model: str,
        reader: ImageReader,
        *,
        ends: Collection[int] = (),
        parse_control_tokens: bool = False,
    ) -> None:
        super().__init__(
            tokenizer,
            model,
            ends=ends,
            parse_control_tokens=parse_control_tokens,
            placeholder=reader.placeholder,
        )
        self._reader = reader
        self._numbers: OrderedDict[tuple[str, int | None, int | None], int] = OrderedDict()
        self._sizes: dict[int, tuple[int, int]] = {}
        self._count = 0
        # Of the call that runs:
        self._slots: dict[int, ImageSlot] = {}
        self._read: OrderedDict[int, Read] = OrderedDict()

    @property
    def image_token(self) -> int:
        """The id of the token that stands for each patch of an image."""
        return self._reader.token

    def encode(self, prompt: Prompt, limit: int | None = None) -> Encoded:
        """As in `Tokens`, with images.

        Raises:
            ImageError: An image cannot be read.
            PromptTooLongError: It does not fit, however far what shrinks is cut.
        """
        shown = image_slots(prompt)
        if not shown or isinstance(prompt, Span):
            return super().encode(prompt, limit)
        numbers = [self._number(slot) for slot in shown]
        lengths = [self.length(number) for number in numbers]
        room = None if limit is None else max(0, limit - sum(lengths) + len(lengths))
        encoded = super().encode(with_placeholders(prompt, self._reader.placeholder), room)
        if encoded.ids.count(self._reader.token) != len(shown):
            raise BackendError(
                f"The chat template of {self.model!r} shows {encoded.ids.count(self._reader.token)} of "
                f"{len(shown)} images.",
                hint="Does the model read images in this place of a conversation?",
            )
        order = iter(zip(numbers, lengths, strict=True))
        ids: list[int] = []
        for token in encoded.ids:
            if token == self._reader.token:
                number, length = next(order)
                ids += [-number] * length
            else:
                ids.append(token)
        return Encoded(ids, encoded.cut)

    def image(self, number: int) -> Read:
        """The pixels of an image by its number, in the call that brought it."""
        found = self._read.get(number)
        if found is None:
            found = self._read[number] = self._reader.read(self._slots[number])
            while len(self._read) > 1 and sum(read.size for read in self._read.values()) > _MOST_BYTES:
                self._read.popitem(last=False)
        return found

    def picture(self, number: int) -> Picture:
        """The picture of an image by its number, as the image processor gets it, in the call that brought it.

        Raises:
            ImageError: It cannot be read.
        """
        return self._reader.picture(self._slots[number])

    def bounds(self, number: int) -> dict[str, Any]:
        """What the image processor is told of an image beside its own settings."""
        return self._reader.bounds(self._slots[number])

    def forget(self) -> None:
        """Give up the images of a call; they keep their numbers."""
        self._slots.clear()
        self._read.clear()
        while len(self._numbers) > _MOST_NUMBERS:
            _, number = self._numbers.popitem(last=False)
            self._sizes.pop(number, None)

    def length(self, number: int) -> int:
        """How many tokens an image becomes."""
        return self._size(number)[0]

    def area(self, number: int) -> int:
        """How many pixels of an image the network reads."""
        return self._size(number)[1]

    def _rendered(self, prompt: Text | Chat) -> list[int]:
        """As in `Tokens`; a chat begins as any text does where its template does not say so, as in LLaVA's."""
        if not isinstance(prompt, Chat):
            return super()._rendered(prompt)
        rendered = self.template.text(prompt)
        begun = str(self.tokenizer.bos_token or "")
        return self.quoting.text(rendered, special=prompt.special or not begun or not plain(rendered).startswith(begun))

    def _size(self, number: int) -> tuple[int, int]:
        """The tokens and the pixels of an image."""
        if number not in self._sizes:
            read = self.image(number)
            self._sizes[number] = (read.tokens, read.area)
        return self._sizes[number]

    def _number(self, slot: ImageSlot) -> int:
        key = (slot.image.digest, slot.min_pixels, slot.max_pixels)
        if key not in self._numbers:
            self._count += 1
            self._numbers[key] = self._count
        self._numbers.move_to_end(key)
        number = self._numbers[key]
        self._slots.setdefault(number, slot)
        return number


def vision_tokens(source: Source, *, ends: Collection[int], parse_control_tokens: bool) -> VisionTokens:
    """The tokenizer of a vision-language model, with what reads its images.

    Raises:
        MissingDependencyError: Pillow is not installed.
        BackendError: The tokenizer or the image processor cannot be loaded.
        ConfigError: The model is of a family that is not known here.
    """
    require("PIL.Image", extra="vision", purpose=f"The vision-language model {source.model!r}")
    tokenizer = source.tokenizer()
    template = source.file("chat_template.json")
    if template is not None:
        # The template of the model's processor, which comes before the tokenizer's own; tokenizers do not read it.
        tokenizer.chat_template = json.loads(template.read_text(encoding="utf-8"))["chat_template"]
    reader = ImageReader(source.image_processor(), source.config(), tokenizer, source.model)
    return VisionTokens(tokenizer, source.model, reader, ends=ends, parse_control_tokens=parse_control_tokens)
