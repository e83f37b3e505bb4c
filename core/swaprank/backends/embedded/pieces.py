"""Texts in pieces of a vocabulary, by a dictionary of the words that have been seen.

The vocabulary is one of byte-pair encoding without a pre-tokenizer: in principle every two characters of a text may be
merged. In fact no merge of wordllama's joins what `_SEGMENT` tells apart (letters, other signs, and spaces in front of
either), so a text's pieces are those of its segments, one after the other. A segment is tokenized once, and a text is
looked up. A test compares the ids with the tokenizer's own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...scores.coverage import READ_CHARACTERS, read_letters

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

    Numbers = NDArray[np.int32]

# The tokenizer reads a space as "▁". "²" is a letter, and merges with other signs as no other letter does: a text that
# holds it is taken apart at spaces only.
_SEGMENT = re.compile(r"[ ▁]*[^\W_]+|[ ▁]*(?:[^\w ▁]|_)+|[ ▁]+")
_SPACED = re.compile("[ ▁]*[^ ▁]+|[ ▁]+")
_SPECIAL = re.compile("(<unk>|<s>|</s>)")
# Ids below are special and byte tokens; from here on ids are merges, ordered by frequency.
FIRST_PIECE = 259
# Characters that are looked up at a time.
_BATCH = 1_000_000
# What is kept between calls: about 30 MB at most.
MOST_SEGMENTS = 100_000
MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text in tokens.

    Attributes:
        ids: The token ids [tokens].
        coverage: How much of the text the vocabulary knows as more than letters and bytes, 0 to 1; None where there is
            no word to judge by.
    """

    ids: Numbers
    coverage: float | None


class Pieces:
    """The tokens of texts. May be used by several threads at a time.

    Args:
        tokenizer: Its normalizer is replaced: what it puts in front of a text is put there by this class.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        from tokenizers.normalizers import Replace

        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.normalizer = Replace(" ", "▁")
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._forget()

    def __len__(self) -> int:
        return len(self._rows)

    def tokens(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The tokens of each text, without special tokens."""
        for batch in batches(texts):
            with self._lock:
                found = self._read([_segments(text) for text in batch])
            yield from found

    def _forget(self) -> None:
        """Begin with an empty dictionary."""
        self._rows: dict[str, int] = {}
        self._ids: Numbers = np.zeros(0, dtype=np.int32)
        # Of each segment: where its ids begin, how many they are, characters, letters, and letters in known pieces.
        self._facts: Numbers = np.zeros((0, 5), dtype=np.int32)

    def _read(self, texts: Sequence[list[str]]) -> list[Tokens]:
        self._learn(list(set().union(*texts).difference(self._rows)))
        counts = [len(segments) for segments in texts]
        rows = np.fromiter(map(self._rows.__getitem__, chain.from_iterable(texts)), dtype=np.intp, count=sum(counts))
        starts, sizes, characters, letters, known = self._facts[rows].T.astype(np.int64)
        first = np.concatenate([[0], np.cumsum(sizes)])
        ids = self._ids[np.repeat(starts - first[:-1], sizes) + np.arange(first[-1])]
        # Where each text ends, in segments and in tokens.
        ends = np.cumsum([0, *counts])
        begins = np.concatenate([[0], np.cumsum(characters)])
        # The space in front of a text is no character of it.
        limits = begins[ends[:-1]] + READ_CHARACTERS + 1
        whole = begins[1:] <= np.repeat(limits, counts)
        sums = np.concatenate([[[0, 0]], np.cumsum(np.stack([letters * whole, known * whole], axis=1), axis=0)])
        totals = sums[ends[1:]] - sums[ends[:-1]]
        # The segment that the limit goes through counts as far as it.
        parts = np.flatnonzero(~whole & (begins[:-1] < np.repeat(limits, counts)))
        if len(parts):
            owners = np.searchsorted(ends, parts, side="right") - 1
            cut = [texts[owner][part - ends[owner]] for owner, part in zip(owners, parts, strict=True)]
            encodings = self._tokenizer.encode_batch(cut, add_special_tokens=False)
            np.add.at(totals, owners, _letters(cut, encodings, (limits[owners] - begins[parts]).tolist()))
        if len(self._rows) > MOST_SEGMENTS or int(self._facts[:, 2].sum()) > MOST_CHARACTERS:
            self._forget()
        return [
            Tokens(part, min(1.0, int(inside) / int(read)) if read else None)
            for part, (read, inside) in zip(np.split(ids, first[ends[1:-1]]), totals, strict=True)
        ]

    def _learn(self, segments: list[str]) -> None:
        """Tokenize segments and keep what is to be known about each."""
        if not segments:
            return
        encodings = self._tokenizer.encode_batch(segments, add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        sizes = np.array([len(each) for each in ids])
        starts = len(self._ids) + np.cumsum(sizes) - sizes
        characters = [len(segment) for segment in segments]
        facts = np.column_stack([starts, sizes, characters, _letters(segments, encodings, characters)])
        self._ids = np.concatenate([self._ids, np.fromiter(chain.from_iterable(ids), dtype=np.int32)])
        self._facts = np.concatenate([self._facts, facts.astype(np.int32)])
        self._rows.update(zip(segments, range(len(self._rows), len(self._rows) + len(segments)), strict=True))


def _letters(segments: Sequence[str], encodings: Sequence[Encoding], characters: Sequence[int]) -> NDArray[np.int64]:
    """Letters of each segment, and those of them that lie in known pieces of two letters or more [segments, 2].

    Args:
        segments: The segments.
        encodings: Each in tokens.
        characters: How much of each is read.
    """
    lengths = np.asarray(characters)
    # One sign lies between two segments, so that no word goes on from one to the next.
    before = read_letters("\n".join(segment[:length] for segment, length in zip(segments, characters, strict=True)))
    begins = np.cumsum(lengths + 1) - lengths - 1
    counts = [len(encoding.ids) for encoding in encodings]
    base, size = np.repeat(begins, counts)[:, None], np.repeat(lengths, counts)[:, None]
    spans = np.array(list(chain.from_iterable(encoding.offsets for encoding in encodings)), dtype=np.int64)
    spans = base + np.minimum(spans.reshape(-1, 2), size)
    inside = before[spans[:, 1]] - before[spans[:, 0]]
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), dtype=np.int64)
    inside[(inside < 2) | (ids < FIRST_PIECE)] = 0
    owners = np.repeat(np.arange(len(segments)), counts)
    known = np.bincount(owners, weights=inside, minlength=len(segments))
    return np.column_stack([before[begins + lengths] - before[begins], known.astype(np.int64)])


def _segments(text: str) -> list[str]:
    """The segments of a text as the tokenizer reads it: with a space in front of it, and after every special token."""
    if not text:
        return []
    segments = (_SPACED if "²" in text else _SEGMENT).findall
    if "<" not in text or not _SPECIAL.search(text):
        return segments(" " + text)
    found: list[str] = []
    for part in filter(None, _SPECIAL.split(text)):
        found += [part] if _SPECIAL.fullmatch(part) else segments(" " + part)
    return found


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Neighbouring texts of `_BATCH` characters together, so that what is known about few of them is held at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
