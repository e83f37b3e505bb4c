"""From prompts to token ids: chat templates, spans and cuts."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, PromptTooLongError
from ...prompt import Chat, Prompt, Slot, Span, Special, Text, plain
from .chat_template import ChatTemplate
from .quoting import Quoting
from .slots import level, slots, slots_cut, text_cut

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt in token ids, and how many of its slots were cut to make it fit."""

    ids: list[int]
    cut: int = 0


class Tokens:
    """A model's tokenizer, as prompts need it.

    Args:
        tokenizer: The tokenizer; every call of this class must come from one thread at a time.
        model: Name of the model in messages.
        ends: Tokens that end an answer.
        parse_control_tokens: Whether control tokens that stand in slots are read as such. Official codes
            do so, which lets a passage end its own quotation; off, they are read as plain text.
        placeholder: What stands for an image in a prompt; empty for models that read text only.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        model: str,
        *,
        ends: Collection[int] = (),
        parse_control_tokens: bool = False,
        placeholder: str = "",
    ) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self.ends = frozenset(ends)
        self.quoting = Quoting(tokenizer, model, parse_control_tokens=parse_control_tokens)
        self.template = ChatTemplate(self.quoting, model, placeholder)
        self._length = lru_cache(maxsize=256)(lambda text: len(self.quoting.ids(text, special=True, split=True)))
        self._constant = lru_cache(maxsize=256)(lambda text: tuple(self.quoting.ids(text)))

    def encode(self, prompt: Prompt, limit: int | None = None) -> Encoded:
        """The ids of a prompt of at most ``limit`` tokens.

        Raises:
            PromptTooLongError: It does not fit, however far what shrinks is cut.
        """
        if isinstance(prompt, Span):
            ids, cut = self._span(prompt, limit, None)
            return self._checked(Encoded(ids, int(cut)), limit)
        return self.fitted(prompt, limit)[1]

    def fitted(self, prompt: Text | Chat, limit: int | None = None) -> tuple[Text | Chat, Encoded]:
        """The prompt as it is read, its slots cut where they must be, and its ids, at most ``limit``.

        What shrinks is cut evenly, the longest first.

        Raises:
            PromptTooLongError: It does not fit, however far what shrinks is cut.
        """
        shortened: list[bool] = []

        def own_cut(slot: Slot) -> Slot:
            bounded = self._bounded(slot, limit)
            shown, was_cut = self._own_cut(bounded)
            shortened.append(was_cut or bounded.text != slot.text)
            return shown

        shown = prompt = slots_cut(prompt, own_cut)
        ids = self._rendered(prompt)
        if limit is not None and len(ids) > limit:
            lengths = [len(self.quoting.ids(slot.text, split=True)) if slot.shrinks else 0 for slot in slots(prompt)]
            most = max(lengths, default=0)
            while len(ids) > limit and most > 0:
                most = level(lengths, most, len(ids) - limit)
                shown = slots_cut(prompt, partial(self._first, most=most))
                ids = self._rendered(shown)
            shortened = [was_cut or length > most for was_cut, length in zip(shortened, lengths, strict=True)]
        return shown, self._checked(Encoded(ids, sum(shortened)), limit)

    def located(self, text: tuple[str | Slot, ...], *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of a text, and from which to which character of it each token reaches.

        Args:
            text: The text.
            special: Whether the tokenizer's special tokens go around it; they reach nowhere: (0, 0).

        Raises:
            ConfigError: The tokenizer does not say.
        """
        return self.quoting.located(text, special=special)

    def around(self) -> tuple[str, str]:
        """What the chat template puts before and after a user's message."""
        return self.template.around()

    def continuation(self, text: Text) -> list[int]:
        """The ids of a text without special tokens around it."""
        return self.quoting.text(text)

    def label(self, word: str, *, single: bool = False) -> int:
        """The first token of a word.

        Raises:
            ConfigError: The vocabulary lacks it, or it is several tokens although `single`.
        """
        ids = self._constant(word)
        if not ids or ids[0] == self.tokenizer.unk_token_id or (single and len(ids) > 1):
            raise ConfigError(
                f"The word {word!r} is {len(ids)} tokens for {self.model!r}: {self._names(ids)}.",
                hint="The model cannot answer in this word; was it trained for this method?",
            )
        if len(ids) > 1:
            _several_tokens(self.model, word)
        return ids[0]

    def spellings(self, word: str) -> list[int]:
        """Every token that decodes to a word.

        Raises:
            ConfigError: There is none.
        """
        spelled = [word, f"\u2581{word}", *(f"<0x{byte:02X}>" for byte in word.encode())]
        # By name, because `get_vocab` copies the whole vocabulary. What it lacks is None, or the unknown token.
        ids: Any = self.tokenizer.convert_tokens_to_ids(spelled)
        found = [token for token in ids if token is not None and self.tokenizer.decode([token]) == word]
        if not found:
            raise ConfigError(
                f"The word {word!r} is not a token of {self.model!r}.",
                hint="The model cannot answer in this word; was it trained for this method?",
            )
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)  # type: ignore[assignment]
        return text

    def bounded(self, prompt: Text | Chat, limit: int | None) -> Text | Chat:
        """The prompt without what cannot be among its first ``limit`` tokens, so that it need not be tokenised."""
        return slots_cut(prompt, lambda slot: self._bounded(slot, limit))

    def cut(self, prompt: Text | Chat) -> Text | Chat:
        """The prompt with every slot cut to its own limit."""
        return slots_cut(prompt, lambda slot: self._own_cut(slot)[0])

    def _bounded(self, slot: Slot, limit: int | None) -> Slot:
        return slot if slot.max_tokens is not None else replace(slot, text=self.quoting.beginning(slot.text, limit))

    def _own_cut(self, slot: Slot) -> tuple[Slot, bool]:
        """The slot cut to its own limit, and whether that took anything off."""
        limit = slot.max_tokens
        if limit is None and not slot.reread:
            return slot, False
        if limit is not None and slot.minus:
            limit = max(0, limit - self._length(slot.minus))
        ids = self.quoting.ids(self.quoting.beginning(slot.text, limit), split=True)
        was_cut = limit is not None and len(ids) > limit
        if slot.reread:
            text = str(self.tokenizer.decode(ids[:limit], skip_special_tokens=True))
        elif not was_cut:
            text = slot.text
        elif limit is not None and self.tokenizer.unk_token_id in ids[:limit]:
            text = self.quoting.first(slot.text, limit)  # what the vocabulary lacks would become the literal "<unk>"
        else:
            text = str(self.tokenizer.decode(ids[:limit]))
        return Slot(text, shrinks=slot.shrinks), was_cut

    def _first(self, slot: Slot, most: int) -> Slot:
        """The slot cut to its first tokens, where it shrinks."""
        return replace(slot, text=self.quoting.first(slot.text, most)) if slot.shrinks else slot

    def _rendered(self, prompt: Text | Chat) -> list[int]:
        if isinstance(prompt, Chat):
            return self.quoting.text(self.template.text(prompt), special=prompt.special)
        return self.quoting.text(prompt, special=True)

    def _span(self, span: Span, limit: int | None, bound: int | None) -> tuple[list[int], bool]:
        """Ids of at most ``limit`` tokens if what shrinks allows it, and whether anything was cut.

        No text in it can use more than ``bound`` tokens.
        """
        room = limit
        if span.max_tokens is not None:
            own = span.max_tokens + sum(len(self._constant(text)) for text in span.plus)
            room = own if limit is None else min(limit, own)
        bound = min((size for size in (room, bound) if size is not None), default=None)
        pieces = [self._part(part, None, bound) for part in span.parts]
        excess = 0 if room is None else sum(len(ids) for ids, _ in pieces) - room
        if excess <= 0:
            return [token for ids, _ in pieces for token in ids], any(cut for _, cut in pieces)
        giving = [place for place, part in enumerate(span.parts) if isinstance(part, Span) and part.shrinks]
        if giving:
            place = giving[-1]
            pieces[place] = self._part(span.parts[place], max(0, len(pieces[place][0]) - excess), bound)
        ids = [token for ids, _ in pieces for token in ids]
        # Only a limit of the span itself, or of a span around it that it gives way to, cuts its own end.
        return (ids[:room] if span.shrinks or span.max_tokens is not None else ids), True

    def _part(self, part: Text | Span | Special, limit: int | None, bound: int | None) -> tuple[list[int], bool]:
        if isinstance(part, Span):
            return self._span(part, limit, bound)
        if isinstance(part, Special):
            bos = self.tokenizer.bos_token_id
            return ([] if bos is None or bos == self.tokenizer.pad_token_id else [int(bos)]), False
        if isinstance(part, str):
            return list(self._constant(part)), False
        shown = text_cut(part, lambda slot: self._own_cut(self._bounded(slot, bound))[0])
        return self.quoting.text(shown), plain(shown) != plain(part)

    def _checked(self, encoded: Encoded, limit: int | None) -> Encoded:
        if limit is not None and len(encoded.ids) > limit:
            raise PromptTooLongError(
                f"A prompt of {len(encoded.ids)} tokens is too long for {self.model!r}: {limit} fit.",
                hint="Shorten the query or the instruction, set query_max_length or a smaller truncate_length where "
                "the method has them, or take another model.",
            )
        return encoded

    def _names(self, ids: Sequence[int]) -> Any:
        return self.tokenizer.convert_ids_to_tokens(list(ids))


@lru_cache
def _several_tokens(model: str, word: str) -> None:
    """Warn once for each model and word."""
    logger.warning("The word %r is several tokens for %r; only its first token is looked at.", word, model)
