"""Outside text stays text: tokenising texts so that control tokens which a user or a passage writes are plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unicodedata import is_normalized, normalize

from ...errors import BackendError, ConfigError
from ...prompt import ImageSlot, Slot, Text, plain, spoken
from .cutting import beginning

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

# Most vocabularies hold these as ordinary tokens, and none ends a turn: they are what the vocabulary says.
_THINKING = ("<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Row:
    """A text, or a pair of texts, as the tokenizer's own call gives it.

    Attributes:
        values: ``input_ids`` and whatever else the tokenizer returns, one value per token.
        cut: Whether the tokenizer cut something off.
        texts: The texts as the tokenizer read them; ``offset_mapping`` refers to these.
    """

    values: dict[str, list[Any]]
    cut: bool
    texts: tuple[str, ...]


class Quoting:
    """A tokenizer that tells the control tokens of a template from those that a passage brings.

    Prompts go through `text`. Texts and pairs that the tokenizer frames itself go through `rows`. What another
    library tokenises (sentence-transformers) goes through `quoted` first.

    Args:
        tokenizer: The tokenizer; every call of this class must come from one thread at a time.
        model: Name of the model in messages.
        parse_control_tokens: Whether control tokens that stand in outside texts are read as such.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: str, *, parse_control_tokens: bool = False) -> None:
        self.tokenizer = tokenizer
        self._model = model
        self._parse = parse_control_tokens

    def ids(self, text: str, *, special: bool = False, split: bool = False) -> list[int]:
        """The ids of a text.

        Args:
            text: The text.
            special: Whether the tokenizer's special tokens go around it.
            split: Whether it comes from outside: control tokens in it are split into plain ones.
        """
        return list(self._call(text, add_special_tokens=special, split=split)["input_ids"])

    def text(self, text: Text, *, special: bool = False) -> list[int]:
        """The ids of a text in which only the control tokens outside of its slots count."""
        if isinstance(text, str) or not self._guards(text):
            return self.ids(plain(text), special=special)
        before, after = self.frame if special else ([], [])
        inner = [token for chunk, split in self._chunks(text) for token in self.ids(chunk, split=split)]
        return before + inner + after

    def located(self, text: Sequence[str | Slot], *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """As `text`, and from which to which character of it each token reaches; (0, 0) is a special one.

        Raises:
            ConfigError: The tokenizer does not say.
        """
        if not self.tokenizer.is_fast:
            raise ConfigError(
                f"The tokenizer of {self._model!r} does not say which characters a token stands for.",
                hint="Give the model a tokenizer.json, or take another model.",
            )
        if not self._guards(text):
            return self.offsets(plain(tuple(text)), special=special)
        before, after = self.frame if special else ([], [])
        ids, offsets, start = list(before), [(0, 0)] * len(before), 0
        for chunk, split in self._chunks(text):
            own, reached = self.offsets(chunk, split=split)
            ids += own
            offsets += [(start + low, start + high) for low, high in reached]
            start += len(chunk)
        return ids + after, offsets + [(0, 0)] * len(after)

    def offsets(
        self, text: str, *, special: bool = False, split: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """As `ids`, and from which to which character each token reaches; for fast tokenizers only."""
        encoding = self._call(text, add_special_tokens=special, split=split, return_offsets_mapping=True)
        return list(encoding["input_ids"]), list(encoding["offset_mapping"])

    def rows(self, *sides: Sequence[str], **options: Any) -> list[Row]:
        """Outside texts, or pairs of them, through the tokenizer's own call with the special tokens around them.

        Args:
            sides: The texts; for pairs, the first and the second texts.
            options: Further arguments of the tokenizer, such as ``truncation`` and ``max_length``.
        """
        pairs = list(zip(*sides, strict=True))
        rows: dict[int, Row] = {}
        for split in (False, True):
            places = [place for place, pair in enumerate(pairs) if split == any(map(self.is_hostile, pair))]
            if not places:
                continue
            texts = [pairs[place] for place in places]
            if split and self._spells:
                texts = [tuple(map(self.quoted, pair)) for pair in texts]
            # Lists, not single texts: for a single empty text the tokenizer leaves the second separator out.
            encoded = self._call(*map(list, zip(*texts, strict=True)), split=split, **options)
            for number, place in enumerate(places):
                values = {key: list(of[number]) for key, of in encoded.items()}
                cut = bool(encoded.encodings and encoded.encodings[number].overflowing)
                rows[place] = Row(values, cut, texts[number])
        return [rows[place] for place in range(len(pairs))]

    def quoted(self, text: str) -> str:
        """An outside text that any call of the tokenizer reads without control tokens.

        Where it spells some, a blank breaks each of them after its first character; other texts stay as they are.
        """
        return " ".join(self._pieces(text)) if self.is_hostile(text) else text

    def beginning(self, text: str, limit: int | None) -> str:
        """The first characters of an outside text, which give its first ``limit`` tokens: see `cutting.beginning`."""
        if limit is None:
            return text
        return beginning(text, limit, lambda part: len(self.ids(part, split=True)))

    def first(self, text: str, limit: int) -> str:
        """The first characters of an outside text that are at most ``limit`` tokens of it; no character is cut through.

        Slow tokenizers, which do not know the characters of a token, give the decoded tokens instead.
        """
        start = self.beginning(text, limit)
        if not self.tokenizer.is_fast:
            ids = self.ids(start, split=True)
            return text if len(ids) <= limit else str(self.tokenizer.decode(ids[:limit]))
        ids, offsets = self.offsets(start, split=True)
        if len(ids) <= limit:
            return start
        # A character may be several tokens, of which each reaches from its start to its end.
        return start[: min(offsets[limit][0], offsets[limit - 1][1])] if limit > 0 else ""

    def is_hostile(self, text: str) -> bool:
        """Whether a text from outside holds control tokens that must be read as plain text."""
        if self._parse:
            return False
        if self._spells and not is_normalized("NFKC", text):
            # Tokenizers that spell control tokens normalise first: a full-width "<" is one that has yet to become one.
            text = normalize("NFKC", text)
        return any(match.group() not in _THINKING for match in self._control.finditer(text))

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """The special tokens that the tokenizer puts before and after a text."""
        inner, framed = self.ids("a"), self.ids("a", special=True)
        start = next(place for place in range(len(framed)) if framed[place : place + len(inner)] == inner)
        return framed[:start], framed[start + len(inner) :]

    def _call(self, *texts: str | list[str], split: bool, **options: Any) -> BatchEncoding:
        try:
            encoding: BatchEncoding = self.tokenizer(
                *texts, split_special_tokens=split and not self._parse, verbose=False, **options
            )
        except BaseException as error:
            # Tokenizers in Rust panic with a BaseException of their own, which would end the thread.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise BackendError(
                f"The tokenizer of {self._model!r} failed: {error}",
                hint="Is its tokenizer.json whole, and are the texts ordinary Unicode?",
            ) from error
        return encoding

    def _guards(self, text: Sequence[str | Slot | ImageSlot]) -> bool:
        return any(self.is_hostile(part.text) for part in text if isinstance(part, Slot))

    def _chunks(self, text: Sequence[str | Slot | ImageSlot]) -> Iterator[tuple[str, bool]]:
        """The text in pieces that are tokenised one by one, and whether control tokens in them are plain text."""
        joined, outside, end = plain(tuple(text)), [], 0
        for part in text:
            start, end = end, end + len(spoken(part))
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
        return ((piece, True) for piece in (self._pieces(text) if self._spells else [text]))

    def _pieces(self, text: str) -> list[str]:
        """A text in pieces of which none spells a control token."""
        cuts = {match.start() + 1 for match in self._control.finditer(text)}
        if self._spells and not is_normalized("NFKC", text):
            changing = [place for place, letter in enumerate(text) if normalize("NFKC", letter) != letter]
            cuts.update(border for place in changing for border in (place, place + 1))
        borders = [0, *sorted(cuts - {0, len(text)}), len(text)]
        return [text[start:end] for start, end in pairwise(borders)]

    @cached_property
    def _control(self) -> re.Pattern[str]:
        """Matches every control token of the vocabulary."""
        spelled = sorted(map(re.escape, self._names), key=len, reverse=True)
        return re.compile("|".join(spelled) or r"(?!)")

    @cached_property
    def _names(self) -> set[str]:
        added = self.tokenizer.added_tokens_decoder.values()
        return {token.content for token in added if token.special} | set(self.tokenizer.all_special_tokens)

    @cached_property
    def _spells(self) -> bool:
        """Whether the vocabulary reads control tokens out of plain text, too, as those of SentencePiece do."""
        found = self.tokenizer.convert_ids_to_tokens(self.ids(" ".join(sorted(self._names)), split=True))
        return not self._names.isdisjoint(found)
