"""What a prompt is made of, said without a tokenizer; `backends/_tokens/` turns it into token ids.

A method marks what came from outside (queries, passages, earlier answers) as a `Slot`. A backend then knows
what it may cut, and what must never be read as the model's control tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from .errors import CapabilityError
from .images import Image


@dataclass(frozen=True, slots=True)
class Slot:
    """Text from outside in a prompt: the model's control tokens in it are read as plain text.

    Attributes:
        text: The text.
        max_tokens: Keep only so many of its first tokens: encoded alone without special tokens, cut,
            decoded. A letter of several tokens that is cut through becomes U+FFFD, as in official codes.
        shrinks: Whether it may be cut further when the whole prompt does not fit the model. Several such
            slots of a prompt are cut evenly: the longest first.
        reread: Whether it is replaced by its own tokens decoded, even where nothing is cut: a text that
            the vocabulary cannot spell changes (rank_llm).
        minus: A text whose tokens, with the special ones around it, are taken off `max_tokens`.
    """

    text: str
    max_tokens: int | None = None
    shrinks: bool = False
    reread: bool = False
    minus: str = ""


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """An image in a prompt. Only backends that read images take prompts with one.

    Attributes:
        image: The image.
        min_pixels: An image of fewer pixels is enlarged; None for what the model's own files say.
        max_pixels: An image of more pixels is shrunk; None for what the model's own files say. Models that cut an image
            into tiles (InternVL) take no more tiles than that; models whose images all have one size read neither.
    """

    image: Image
    min_pixels: int | None = None
    max_pixels: int | None = None


# Joined first, tokenised then.
Text = str | tuple[str | Slot | ImageSlot, ...]


class Special(Enum):
    """Special tokens that a `Span` may hold."""

    BOS = "bos"


@dataclass(frozen=True, slots=True)
class Span:
    """Parts tokenised one by one, without special tokens, and put together.

    Attributes:
        parts: The parts in order. `Special.BOS` is left out where the tokenizer has none of its own
            (none at all, or the padding token).
        max_tokens: Most tokens of the whole span. What is too much is taken from the end of the last part
            that `shrinks`, or else from the end of the span.
        plus: Texts whose tokens come on top of `max_tokens`.
        shrinks: Whether the span around it, or the model's limit, may cut it.
    """

    parts: tuple[Text | Span | Special, ...]
    max_tokens: int | None = None
    plus: tuple[str, ...] = ()
    shrinks: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: Text


@dataclass(frozen=True, slots=True)
class Chat:
    """Messages that go through the model's chat template, up to where the assistant speaks.

    Attributes:
        messages: The turns.
        thinking: The template's switch ``enable_thinking``; None leaves it to the template.
        start: What the assistant's answer begins with; the model goes on from there.
        special: Whether the tokenizer's special tokens go around what the template made, as around any text: a
            second beginning of sequence, in official codes that tokenise the rendered text once more.
    """

    messages: tuple[Message, ...]
    thinking: bool | None = None
    start: str = ""
    special: bool = False


# A text is sent as it is, with the special tokens that the tokenizer puts around any text.
Prompt = Text | Span | Chat


@dataclass(frozen=True, slots=True)
class Compression:
    """Averaging neighbouring tokens in the middle of a prompt between layers, so that the layers behind compute fewer.

    Attributes:
        ratio: How many tokens become one, at least 2.
        layers: In front of which layers, counted from 0, this is done; in front of the first it is not.
        before: What the prompt begins with, which is not compressed.
        after: What the prompt ends with, which is not compressed.
    """

    ratio: int
    layers: tuple[int, ...]
    before: Prompt
    after: Prompt


def user(*content: str | Slot | ImageSlot, thinking: bool | None = None) -> Chat:
    """A chat of one message by the user."""
    return Chat((Message("user", content),), thinking=thinking)


def spoken(part: str | Slot | ImageSlot) -> str:
    """The text of one part.

    Raises:
        CapabilityError: It is an image.
    """
    if isinstance(part, ImageSlot):
        raise CapabilityError(
            "The prompt holds an image, and the model or its backend reads text only.",
            hint="Take a vision-language model, or a method that reads the passages' text.",
        )
    return part.text if isinstance(part, Slot) else part


def plain(text: Text) -> str:
    """The text with the slots filled in whole.

    Raises:
        CapabilityError: It holds an image.
    """
    return text if isinstance(text, str) else "".join(map(spoken, text))


def image_slots(prompt: Prompt) -> tuple[ImageSlot, ...]:
    """The images of a prompt, in order."""
    if isinstance(prompt, Chat):
        texts: tuple[Text, ...] = tuple(message.content for message in prompt.messages)
    elif isinstance(prompt, Span):
        return ()
    else:
        texts = (prompt,)
    return tuple(part for text in texts if not isinstance(text, str) for part in text if isinstance(part, ImageSlot))


def with_placeholders(prompt: Text | Chat, placeholder: str) -> Text | Chat:
    """The prompt with a string of the model's own in place of each image."""
    if isinstance(prompt, Chat):
        messages = tuple(replace(turn, content=_placed(turn.content, placeholder)) for turn in prompt.messages)
        return replace(prompt, messages=messages)
    return _placed(prompt, placeholder)


def _placed(text: Text, placeholder: str) -> Text:
    if isinstance(text, str):
        return text
    return tuple(placeholder if isinstance(part, ImageSlot) else part for part in text)


def fill(template: str, slots: Mapping[str, Slot | str]) -> tuple[str | Slot, ...]:
    """A template with ``{name}`` filled in, once and literally: braces in what is filled in stay as they are.

    Args:
        template: The template; a brace that belongs to no name of `slots` is an ordinary character.
        slots: What stands for each name.

    Returns:
        The parts: strings of the template and the slots between them.
    """
    parts: list[str | Slot] = []
    rest = template
    while rest:
        place, name = min(
            ((rest.find("{" + name + "}"), name) for name in slots if "{" + name + "}" in rest), default=(-1, "")
        )
        if place < 0:
            parts.append(rest)
            break
        parts += [rest[:place], slots[name]] if place else [slots[name]]
        rest = rest[place + len(name) + 2 :]
    return tuple(parts)
