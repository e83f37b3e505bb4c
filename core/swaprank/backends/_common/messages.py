"""Prompts as plain text and messages, for models whose tokenizer is not here."""

from __future__ import annotations

from typing import Any

from ...prompt import Chat, ImageSlot, Slot, Text, spoken

# A limit in tokens is kept by characters; what English text comes to with common vocabularies.
_CHARACTERS = 4


def written(text: Text) -> str:
    """The text with its slots filled in, each cut to about its own limit of tokens."""
    if isinstance(text, str):
        return text
    return "".join(_cut(part) if isinstance(part, Slot) else spoken(part) for part in text)


def messages(chat: Chat) -> list[dict[str, Any]]:
    """The turns of a chat, without what the answer begins with.

    The content of a turn is a text, or in one that shows images a list of parts as OpenAI's interface has them:
    ``text``, and ``image_url`` with a ``data:`` URL. Images are opened and encoded for it, which takes time.

    Raises:
        ImageError: An image cannot be read.
    """
    return [{"role": message.role, "content": _content(message.content)} for message in chat.messages]


def _content(text: Text) -> str | list[dict[str, Any]]:
    if isinstance(text, str) or not any(isinstance(part, ImageSlot) for part in text):
        return written(text)
    parts: list[dict[str, Any]] = []
    for part in text:
        if isinstance(part, ImageSlot):
            parts.append({"type": "image_url", "image_url": {"url": part.image.data_url(part.max_pixels)}})
        elif parts and parts[-1]["type"] == "text":
            parts[-1]["text"] += written((part,))
        else:
            parts.append({"type": "text", "text": written((part,))})
    return parts


def _cut(slot: Slot) -> str:
    return slot.text if slot.max_tokens is None else slot.text[: _CHARACTERS * slot.max_tokens]
