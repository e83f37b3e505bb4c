"""From the texts of a collection to term ids."""

from __future__ import annotations

from collections.abc import Mapping

from ..requests import Analysis
from .analysis import resolve_language, stems, words


class Encoder:
    """Gives each term an id; every word is stemmed once.

    Attributes:
        vocabulary: Term to id, growing with the texts.
    """

    def __init__(self, analysis: Analysis, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = dict(vocabulary)
        self._analysis = analysis
        self._known: dict[tuple[str, str], int] = {}

    def ids(self, text: str) -> list[int]:
        """The id of each term of a text, in order; new terms get new ids."""
        language = resolve_language(self._analysis, text)
        return [self._id(word, language) for word in words(text, self._analysis, language)]

    def _id(self, word: str, language: str) -> int:
        found = self._known.get((word, language))
        if found is None:
            [stem] = stems([word], self._analysis, language)
            found = self._known[word, language] = self.vocabulary.setdefault(stem, len(self.vocabulary))
        return found
