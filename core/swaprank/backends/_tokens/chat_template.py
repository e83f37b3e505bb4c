"""What a model's chat template makes of messages, with the slots still marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ...errors import BackendError
from ...prompt import Chat, ImageSlot, Slot, Text, plain, spoken, user
from .quoting import Quoting
from .slots import slots

# Private characters, which no template and no ordinary text holds.
_MARK = re.compile("\ue000(\\d+)\ue001")
_MESSAGE = "\ue000\ue001"

Part = str | Slot | ImageSlot


class ChatTemplate:
    """The chat template of a tokenizer.

    Messages go in as strings, with the placeholders of images where the images stand. Templates that take lists of
    parts only, such as LLaVA's, get parts.

    Args:
        quoting: The tokenizer.
        model: Name of the model in messages.
        placeholder: What stands for an image in a prompt; empty for models that read text only.
    """

    def __init__(self, quoting: Quoting, model: str, placeholder: str = "") -> None:
        self._quoting = quoting
        self._model = model
        self._placeholder = placeholder

    def text(self, chat: Chat) -> Text:
        """What the chat template makes of the messages, with the slots marked where that matters."""
        filled = self._templated(chat, spoken)
        outside = list(slots(chat))
        if not any(self._quoting.is_hostile(slot.text) for slot in outside):
            return filled
        numbers = iter(range(len(outside)))
        marked = self._templated(
            chat, lambda part: f"\ue000{next(numbers)}\ue001" if isinstance(part, Slot) else spoken(part)
        )
        pieces = _MARK.split(marked)
        parts = tuple(outside[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces))
        stripped = tuple(replace(part, text=part.text.strip()) if isinstance(part, Slot) else part for part in parts)
        return stripped if plain(stripped) == filled else parts

    def around(self) -> tuple[str, str]:
        """What the template puts before and after a user's message."""
        before, _, after = self._templated(user(_MESSAGE), spoken).partition(_MESSAGE)
        return before, after

    def _templated(self, chat: Chat, spell: Callable[[Part], str]) -> str:
        messages = [
            {"role": message.role, "content": self._content(message.content, spell)} for message in chat.messages
        ]
        switches: dict[str, Any] = {} if chat.thinking is None else {"enable_thinking": chat.thinking}
        try:
            text = self._applied(messages, **switches)
        except Exception as error:  # templates are programs of many hands, which raise anything
            raise BackendError(
                f"The chat template of {self._model!r} does not take this conversation: {error}",
                hint="Is it a chat model? Base models have no template; some templates take no system message.",
            ) from error
        return text + chat.start

    def _content(self, content: Text, spell: Callable[[Part], str]) -> str | list[dict[str, str]]:
        parts = (content,) if isinstance(content, str) else content
        if not self._takes_lists_only:
            return "".join(map(spell, parts))
        found: list[dict[str, str]] = []
        as_parts = self._shows_in_place or (self._shows_first and _begins_with_images(parts, self._placeholder))
        for part in parts:
            if as_parts and part == self._placeholder:
                found.append({"type": "image"})
            elif found and found[-1]["type"] == "text":
                found[-1]["text"] += spell(part)
            else:
                found.append({"type": "text", "text": spell(part)})
        return found

    @cached_property
    def _takes_lists_only(self) -> bool:
        """Whether the template leaves strings out, or refuses them, and takes a list of parts."""
        return _MESSAGE not in self._tried(_MESSAGE) and _MESSAGE in self._tried([{"type": "text", "text": _MESSAGE}])

    @cached_property
    def _shows_in_place(self) -> bool:
        """Whether the template writes the placeholder of an image where the image stands among the parts."""
        return _follow(self._both, _MESSAGE, self._placeholder, _MESSAGE)

    @cached_property
    def _shows_first(self) -> bool:
        """Whether it writes the placeholders before all texts."""
        return _follow(self._both, self._placeholder, _MESSAGE, _MESSAGE)

    @cached_property
    def _both(self) -> str:
        """What the template makes of an image between two texts; empty for models that read text only."""
        text = {"type": "text", "text": _MESSAGE}
        return self._tried([text, {"type": "image"}, text]) if self._placeholder else ""

    def _tried(self, content: str | list[dict[str, str]]) -> str:
        """What the template makes of a user's message; empty where it refuses."""
        try:
            return self._applied([{"role": "user", "content": content}])
        except Exception:  # as in `_templated`, where the real conversation tells why
            return ""

    def _applied(self, messages: list[dict[str, Any]], **switches: Any) -> str:
        text: Any = self._quoting.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **switches
        )
        return str(text)


def _follow(text: str, *pieces: str) -> bool:
    """Whether the pieces stand in the text in this order."""
    return re.search(".*".join(map(re.escape, pieces)), text, re.DOTALL) is not None


def _begins_with_images(parts: Sequence[Part], placeholder: str) -> bool:
    """Whether no text stands before an image."""
    shown = [part == placeholder for part in parts]
    return shown == sorted(shown, reverse=True)
