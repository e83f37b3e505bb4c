"""Prompts as plain text and messages, for models whose tokenizer is not here."""

from __future__ import annotations

from ...prompt import Chat, Slot, Text, spoken

# A limit in tokens is kept by characters; what English text comes to with common vocabularies.
_CHARACTERS = 4


def written(text: Text) -> str:
    """The text with its slots filled in, each cut to about its own limit of tokens."""
    if isinstance(text, str):
        return text
    return "".join(_cut(part) if isinstance(part, Slot) else spoken(part) for part in text)


def messages(chat: Chat) -> list[dict[str, str]]:
    """The turns of a chat, without what the answer begins with."""
    return [{"role": message.role, "content": written(message.content)} for message in chat.messages]


def _cut(slot: Slot) -> str:
    return slot.text if slot.max_tokens is None else slot.text[: _CHARACTERS * slot.max_tokens]
