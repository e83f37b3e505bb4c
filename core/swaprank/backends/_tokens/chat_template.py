"""What a model's chat template makes of messages, with the slots still marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...errors import BackendError
from ...prompt import Chat, Slot, Text, plain, spoken, user
from .quoting import Quoting
from .slots import slots

# Private characters, which no template and no ordinary text holds.
_MARK = re.compile("\ue000(\\d+)\ue001")
_MESSAGE = "\ue000\ue001"


class ChatTemplate:
    """The chat template of a tokenizer.

    Args:
        quoting: The tokenizer.
        model: Name of the model in messages.
    """

    def __init__(self, quoting: Quoting, model: str) -> None:
        self._quoting = quoting
        self._model = model

    def text(self, chat: Chat) -> Text:
        """What the chat template makes of the messages, with the slots marked where that matters."""
        filled = self._templated(chat, plain)
        outside = list(slots(chat))
        if not any(self._quoting.is_hostile(slot.text) for slot in outside):
            return filled
        numbers = iter(range(len(outside)))
        marked = self._templated(
            chat,
            lambda text: (
                text
                if isinstance(text, str)
                else "".join(
                    f"\ue000{next(numbers)}\ue001" if isinstance(part, Slot) else spoken(part) for part in text
                )
            ),
        )
        pieces = _MARK.split(marked)
        parts = tuple(outside[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces))
        stripped = tuple(replace(part, text=part.text.strip()) if isinstance(part, Slot) else part for part in parts)
        return stripped if plain(stripped) == filled else parts

    def around(self) -> tuple[str, str]:
        """What the template puts before and after a user's message."""
        before, _, after = self._templated(user(_MESSAGE), plain).partition(_MESSAGE)
        return before, after

    def _templated(self, chat: Chat, content: Callable[[Text], str]) -> str:
        messages = [{"role": message.role, "content": content(message.content)} for message in chat.messages]
        switches: dict[str, Any] = {} if chat.thinking is None else {"enable_thinking": chat.thinking}
        try:
            text: Any = self._quoting.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **switches
            )
        except Exception as error:  # templates are programs of many hands, which raise anything
            raise BackendError(
                f"The chat template of {self._model!r} does not take this conversation: {error}",
                hint="Is it a chat model? Base models have no template; some templates take no system message.",
            ) from error
        return str(text) + chat.start
