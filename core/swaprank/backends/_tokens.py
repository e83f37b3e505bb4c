"""From prompts to token ids: chat templates, spans, cuts, and outside text that stays text."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import BackendError, ConfigError, PromptTooLongError
from ..prompt import Chat, Message, Prompt, Slot, Span, Special, Text, plain, user

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

# Most vocabularies hold these as ordinary tokens, and none ends a turn: they are what the vocabulary says.
_THINKING = ("<think>", "</think>")
_MARK = re.compile("\ue000(\\d+)\ue001")
_MESSAGE = "\ue000\ue001"


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
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        model: str,
        *,
        ends: Collection[int] = (),
        parse_control_tokens: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self._model = model
        self.ends = frozenset(ends)
        self._parse = parse_control_tokens
        self._constant = lru_cache(maxsize=256)(lambda text: tuple(self._ids(text)))

    def encode(self, prompt: Prompt, limit: int | None = None) -> Encoded:
        """The ids of a prompt of at most ``limit`` tokens.

        Raises:
            PromptTooLongError: It does not fit, however far what shrinks is cut.
        """
        if isinstance(prompt, Span):
            encoded = self._fitted_span(prompt, limit)
            self._check(encoded, limit)
            return encoded
        return self.fitted(prompt, limit)[1]

    def fitted(self, prompt: Text | Chat, limit: int | None = None) -> tuple[Text | Chat, Encoded]:
        """The prompt as it is read, its slots cut where they must be, and its ids, at most ``limit``.

        What shrinks is cut evenly, the longest first.

        Raises:
            PromptTooLongError: It does not fit, however far what shrinks is cut.
        """
        shown = prompt = self.cut(prompt)
        ids, cut = self._rendered(prompt), 0
        if limit is not None and len(ids) > limit:
            lengths = [len(self._ids(slot.text, split=True)) for slot in _slots(prompt) if slot.shrinks]
            most = max(lengths, default=0)
            while len(ids) > limit and most > 0:
                most = _level(lengths, most, len(ids) - limit)
                shown = _slots_cut(prompt, partial(self._first_cut, most=most))
                ids = self._rendered(shown)
            cut = sum(length > most for length in lengths)
        encoded = Encoded(ids, cut)
        self._check(encoded, limit)
        return shown, encoded

    def located(self, text: tuple[str | Slot, ...], *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of a text, and from which to which character of it each token reaches.

        Args:
            text: The text.
            special: Whether the tokenizer's special tokens go around it; they reach nowhere: (0, 0).

        Raises:
            ConfigError: The tokenizer does not tell.
        """
        if not self.tokenizer.is_fast:
            raise ConfigError(
                f"The tokenizer of {self._model!r} does not tell which characters a token stands for.",
                hint="Give the model a tokenizer.json, or take another model.",
            )
        if not any(self._is_hostile(part.text) for part in text if isinstance(part, Slot)):
            return self._offsets(plain(text), special=special)
        before, after = self._frame if special else ([], [])
        ids, offsets, start = list(before), [(0, 0)] * len(before), 0
        for chunk, split in self._chunks(text):
            own, reached = self._offsets(chunk, split=split)
            ids += own
            offsets += [(start + low, start + high) for low, high in reached]
            start += len(chunk)
        return ids + after, offsets + [(0, 0)] * len(after)

    def around(self) -> tuple[str, str]:
        """What the chat template puts before and after a user's message."""
        before, _, after = self._templated(user(_MESSAGE), plain).partition(_MESSAGE)
        return before, after

    def continuation(self, text: Text) -> list[int]:
        """The ids of a text without special tokens around it."""
        return self._text(text)

    def label(self, word: str, *, single: bool = False) -> int:
        """The first token of a word.

        Raises:
            ConfigError: The vocabulary lacks it, or it is several tokens although `single`.
        """
        ids = self._constant(word)
        if not ids or ids[0] == self.tokenizer.unk_token_id or (single and len(ids) > 1):
            raise ConfigError(
                f"The word {word!r} is {len(ids)} tokens for {self._model!r}: {self._names(ids)}.",
                hint="The model cannot answer in this word; was it trained for this method?",
            )
        if len(ids) > 1:
            _several_tokens(self._model, word)
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
                f"The word {word!r} is no token of {self._model!r}.",
                hint="The model cannot answer in this word; was it trained for this method?",
            )
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)  # type: ignore[assignment]
        return text

    def cut(self, prompt: Text | Chat) -> Text | Chat:
        """The prompt with every slot cut to its own limit."""
        return _slots_cut(prompt, self._first_cut)

    def _first_cut(self, slot: Slot, most: int | None = None) -> Slot:
        """The slot cut to its own limit, and to ``most`` tokens where it shrinks."""
        limits = [slot.max_tokens, most if slot.shrinks else None]
        limit = min((limit for limit in limits if limit is not None), default=None)
        if limit is None and not slot.reread:
            return slot
        ids = self._ids(slot.text, split=True)
        if not slot.reread and limit is not None and len(ids) <= limit:
            return slot
        text: str = self.tokenizer.decode(ids[:limit], skip_special_tokens=slot.reread)  # type: ignore[assignment]
        return replace(slot, text=text, max_tokens=None)

    def _rendered(self, prompt: Text | Chat) -> list[int]:
        if isinstance(prompt, Chat):
            return self._text(self._conversation(prompt), special=prompt.special)
        return self._text(prompt, special=True)

    def _conversation(self, chat: Chat) -> Text:
        """What the chat template makes of the messages, with the slots marked where that matters."""
        filled = self._templated(chat, plain)
        slots = list(_slots(chat))
        if not any(self._is_hostile(slot.text) for slot in slots):
            return filled
        numbers = iter(range(len(slots)))
        marked = self._templated(
            chat,
            lambda text: (
                text
                if isinstance(text, str)
                else "".join(f"\ue000{next(numbers)}\ue001" if isinstance(part, Slot) else part for part in text)
            ),
        )
        pieces = _MARK.split(marked)
        parts = tuple(slots[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces))
        stripped = tuple(replace(part, text=part.text.strip()) if isinstance(part, Slot) else part for part in parts)
        return stripped if plain(stripped) == filled else parts

    def _templated(self, chat: Chat, content: Callable[[Text], str]) -> str:
        messages = [{"role": message.role, "content": content(message.content)} for message in chat.messages]
        switches: dict[str, Any] = {} if chat.thinking is None else {"enable_thinking": chat.thinking}
        try:
            text: Any = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **switches
            )
        except Exception as error:  # templates are programs of many hands, which raise anything
            raise BackendError(
                f"The chat template of {self._model!r} does not take this conversation: {error}",
                hint="Is it a chat model? Base models have no template; some templates take no system message.",
            ) from error
        return str(text) + chat.start

    def _text(self, text: Text, *, special: bool = False) -> list[int]:
        if isinstance(text, str) or not any(self._is_hostile(part.text) for part in text if isinstance(part, Slot)):
            return self._ids(plain(text), special=special)
        return self._guarded(text, special)

    def _guarded(self, text: Sequence[str | Slot], special: bool) -> list[int]:
        """The ids of a text some slots of which hold control tokens: only those of the template count."""
        before, after = self._frame if special else ([], [])
        inner = [token for chunk, split in self._chunks(text) for token in self._ids(chunk, split=split)]
        return before + inner + after

    def _chunks(self, text: Sequence[str | Slot]) -> Iterator[tuple[str, bool]]:
        """The text in pieces that are tokenised one by one, and whether control tokens in them are plain text."""
        joined, outside, end = plain(tuple(text)), [], 0
        for part in text:
            start, end = end, end + len(part.text if isinstance(part, Slot) else part)
            if isinstance(part, Slot):
                outside.append((start, end))
        done = 0
        for match in self._control.finditer(joined):
            inside = any(start < match.end() and match.start() < end for start, end in outside)
            if inside and match.group() not in _THINKING:
                continue
            yield from self._as_text(joined[done : match.start()])
            yield match.group(), False
            done = match.end()
        yield from self._as_text(joined[done:])

    def _as_text(self, text: str) -> Iterator[tuple[str, bool]]:
        """A text without any control token, in pieces that make none."""
        cuts = [0, len(text)]
        if any(self._control.fullmatch(name) for name in self._names(self._ids(text, split=True))):
            # SentencePiece vocabularies hold them as pieces, too: read each in two halves.
            cuts[1:1] = [match.start() + 1 for match in self._control.finditer(text)]
        return ((text[start:end], True) for start, end in pairwise(cuts))

    def _fitted_span(self, span: Span, limit: int | None) -> Encoded:
        ids, cut = self._span(span, limit)
        return Encoded(ids, int(cut))

    def _span(self, span: Span, limit: int | None) -> tuple[list[int], bool]:
        """Ids of at most ``limit`` tokens if what shrinks allows it, and whether anything was cut."""
        room = limit
        if span.max_tokens is not None:
            own = span.max_tokens + sum(len(self._constant(text)) for text in span.plus)
            room = own if limit is None else min(limit, own)
        pieces = [self._part(part, None) for part in span.parts]
        excess = 0 if room is None else sum(len(ids) for ids, _ in pieces) - room
        if excess <= 0:
            return [token for ids, _ in pieces for token in ids], any(cut for _, cut in pieces)
        giving = [place for place, part in enumerate(span.parts) if isinstance(part, Span) and part.shrinks]
        if giving:
            place = giving[-1]
            pieces[place] = self._part(span.parts[place], max(0, len(pieces[place][0]) - excess))
        ids = [token for ids, _ in pieces for token in ids]
        # Only a limit of the span itself, or of a span around it that it gives way to, cuts its own end.
        return (ids[:room] if span.shrinks or span.max_tokens is not None else ids), True

    def _part(self, part: Text | Span | Special, limit: int | None) -> tuple[list[int], bool]:
        if isinstance(part, Span):
            return self._span(part, limit)
        if isinstance(part, Special):
            bos = self.tokenizer.bos_token_id
            return ([] if bos is None or bos == self.tokenizer.pad_token_id else [int(bos)]), False
        if isinstance(part, str):
            return list(self._constant(part)), False
        text = tuple(self._first_cut(piece) if isinstance(piece, Slot) else piece for piece in part)
        return self._text(text), text != part

    def _check(self, encoded: Encoded, limit: int | None) -> None:
        if limit is not None and len(encoded.ids) > limit:
            raise PromptTooLongError(
                f"A prompt of {len(encoded.ids)} tokens is too long for {self._model!r}: {limit} fit.",
                hint="Shorten the query or the instruction, set a smaller truncate_length, or take another model.",
            )

    def _names(self, ids: Sequence[int]) -> Any:
        return self.tokenizer.convert_ids_to_tokens(list(ids))

    def _is_hostile(self, text: str) -> bool:
        return not self._parse and any(match.group() not in _THINKING for match in self._control.finditer(text))

    def _ids(self, text: str, *, special: bool = False, split: bool = False) -> list[int]:
        encoding = self.tokenizer(
            text, add_special_tokens=special, split_special_tokens=split and not self._parse, verbose=False
        )
        return list(encoding["input_ids"])

    def _offsets(
        self, text: str, *, special: bool = False, split: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self.tokenizer(
            text,
            add_special_tokens=special,
            split_special_tokens=split and not self._parse,
            return_offsets_mapping=True,
            verbose=False,
        )
        return list(encoding["input_ids"]), list(encoding["offset_mapping"])

    @cached_property
    def _control(self) -> re.Pattern[str]:
        """Matches every control token of the vocabulary."""
        added = self.tokenizer.added_tokens_decoder.values()
        control = {token.content for token in added if token.special} | set(self.tokenizer.all_special_tokens)
        spelled = sorted(map(re.escape, control), key=len, reverse=True)
        return re.compile("|".join(spelled) or r"(?!)")

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens that the tokenizer puts before and after a text."""
        inner, framed = self._ids("a"), self._ids("a", special=True)
        start = next(place for place in range(len(framed)) if framed[place : place + len(inner)] == inner)
        return framed[:start], framed[start + len(inner) :]


def _slots(prompt: Text | Chat) -> Iterator[Slot]:
    texts = [message.content for message in prompt.messages] if isinstance(prompt, Chat) else [prompt]
    for text in texts:
        if not isinstance(text, str):
            yield from (part for part in text if isinstance(part, Slot))


def _slots_cut(prompt: Text | Chat, cut: Callable[[Slot], Slot]) -> Text | Chat:
    """The prompt with every slot replaced."""
    if isinstance(prompt, Chat):
        messages = tuple(Message(message.role, _cut_text(message.content, cut)) for message in prompt.messages)
        return replace(prompt, messages=messages)
    return _cut_text(prompt, cut)


def _cut_text(text: Text, cut: Callable[[Slot], Slot]) -> Text:
    return text if isinstance(text, str) else tuple(cut(part) if isinstance(part, Slot) else part for part in text)


def _level(lengths: Sequence[int], most: int, excess: int) -> int:
    """The largest length below ``most`` that takes off ``excess`` tokens when everything is cut to it; 0 if none."""
    held = sum(min(length, most) for length in lengths) - excess
    rest = sorted(lengths)
    while rest and held > 0:
        share = held // len(rest)
        if rest[0] >= share:
            return min(share, most - 1)
        held -= rest.pop(0)
    return 0


@lru_cache
def _several_tokens(model: str, word: str) -> None:
    """Warn once for each model and word."""
    logger.warning("The word %r is several tokens for %r; only its first token is looked at.", word, model)
