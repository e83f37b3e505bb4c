"""Outside text stays text: tokenising prompts so that control tokens in their slots are plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...prompt import Slot, Text, plain

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Most vocabularies hold these as ordinary tokens, and none ends a turn: they are what the vocabulary says.
_THINKING = ("<think>", "</think>")


class Quoting:
    """A tokenizer that tells the control tokens of a template from those that a passage brings.

    Args:
        tokenizer: The tokenizer; every call of this class must come from one thread at a time.
        model: Name of the model in messages.
        parse_control_tokens: Whether control tokens that stand in slots are read as such.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: str, *, parse_control_tokens: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._parse = parse_control_tokens

    def ids(self, text: str, *, special: bool = False, split: bool = False) -> list[int]:
        """The ids of a text.

        Args:
            text: The text.
            special: Whether the tokenizer's special tokens go around it.
            split: Whether it comes from outside: control tokens in it are split into plain ones.
        """
        encoding = self._tokenizer(
            text, add_special_tokens=special, split_special_tokens=split and not self._parse, verbose=False
        )
        return list(encoding["input_ids"])

    def text(self, text: Text, *, special: bool = False) -> list[int]:
        """The ids of a text in which only the control tokens outside of its slots count."""
        if isinstance(text, str) or not self._guards(text):
            return self.ids(plain(text), special=special)
        before, after = self._frame if special else ([], [])
        inner = [token for chunk, split in self._chunks(text) for token in self.ids(chunk, split=split)]
        return before + inner + after

    def located(self, text: Sequence[str | Slot], *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """As `text`, and from which to which character of it each token reaches; (0, 0) is a special one.

        Raises:
            ConfigError: The tokenizer does not tell.
        """
        if not self._tokenizer.is_fast:
            raise ConfigError(
                f"The tokenizer of {self._model!r} does not tell which characters a token stands for.",
                hint="Give the model a tokenizer.json, or take another model.",
            )
        if not self._guards(text):
            return self._offsets(plain(tuple(text)), special=special)
        before, after = self._frame if special else ([], [])
        ids, offsets, start = list(before), [(0, 0)] * len(before), 0
        for chunk, split in self._chunks(text):
            own, reached = self._offsets(chunk, split=split)
            ids += own
            offsets += [(start + low, start + high) for low, high in reached]
            start += len(chunk)
        return ids + after, offsets + [(0, 0)] * len(after)

    def is_hostile(self, text: str) -> bool:
        """Whether a text from outside holds control tokens that must be read as plain text."""
        return not self._parse and any(match.group() not in _THINKING for match in self._control.finditer(text))

    def _guards(self, text: Sequence[str | Slot]) -> bool:
        return any(self.is_hostile(part.text) for part in text if isinstance(part, Slot))

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
        names = self._tokenizer.convert_ids_to_tokens(self.ids(text, split=True))
        if any(self._control.fullmatch(name) for name in names):
            # SentencePiece vocabularies hold them as pieces, too: read each in two halves.
            cuts[1:1] = [match.start() + 1 for match in self._control.finditer(text)]
        return ((text[start:end], True) for start, end in pairwise(cuts))

    def _offsets(
        self, text: str, *, special: bool = False, split: bool = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self._tokenizer(
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
        added = self._tokenizer.added_tokens_decoder.values()
        control = {token.content for token in added if token.special} | set(self._tokenizer.all_special_tokens)
        spelled = sorted(map(re.escape, control), key=len, reverse=True)
        return re.compile("|".join(spelled) or r"(?!)")

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens that the tokenizer puts before and after a text."""
        inner, framed = self.ids("a"), self.ids("a", special=True)
        start = next(place for place in range(len(framed)) if framed[place : place + len(inner)] == inner)
        return framed[:start], framed[start + len(inner) :]
