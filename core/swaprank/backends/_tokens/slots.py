"""The slots of a prompt: finding them, replacing them, and how long each may be for all of them to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...prompt import Chat, Message, Slot, Text


def slots(prompt: Text | Chat) -> Iterator[Slot]:
    """The slots of a prompt, in order."""
    texts = [message.content for message in prompt.messages] if isinstance(prompt, Chat) else [prompt]
    for text in texts:
        if not isinstance(text, str):
            yield from (part for part in text if isinstance(part, Slot))


def slots_cut(prompt: Text | Chat, cut: Callable[[Slot], Slot]) -> Text | Chat:
    """The prompt with every slot replaced."""
    if isinstance(prompt, Chat):
        messages = tuple(Message(message.role, text_cut(message.content, cut)) for message in prompt.messages)
        return replace(prompt, messages=messages)
    return text_cut(prompt, cut)


def text_cut(text: Text, cut: Callable[[Slot], Slot]) -> Text:
    """The text with every slot replaced."""
    return text if isinstance(text, str) else tuple(cut(part) if isinstance(part, Slot) else part for part in text)


def level(lengths: Sequence[int], most: int, excess: int) -> int:
    """The largest length below ``most`` that takes off ``excess`` tokens when everything is cut to it; 0 if none."""
    held = sum(min(length, most) for length in lengths) - excess
    rest = sorted(lengths)
    while rest and held > 0:
        share = held // len(rest)
        if rest[0] >= share:
            return min(share, most - 1)
        held -= rest.pop(0)
    return 0
