r"""Turning text into terms: script, normalisation, stop words, stems.

English follows bm25s and LlamaIndex's BM25Retriever (lower case, ``\b\w\w+\b``, bm25s stop words,
Snowball). Arabic is normalised much as Lucene does it before Snowball's Arabic stemmer,
because ``\w`` does not match diacritics and would cut a vocalised word in two.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import TYPE_CHECKING

from .errors import ConfigError, nearest
from .requests import Analysis

if TYPE_CHECKING:
    from Stemmer import Stemmer

_WORD = re.compile(r"\b\w\w+\b")
_ARABIC_LETTER = re.compile(r"[\u0621-\u064a\u0671-\u06d3]")
_LETTER = re.compile(r"[^\W\d_]")
_ARABIC_MARKS = re.compile(r"[\u064b-\u0652\u0670\u0640]")
_ARABIC_FOLDS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي"})

# ISO 639-1 code -> Snowball's name of the language, which bm25s also uses for its stop words.
LANGUAGES = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}


def detect_language(text: str) -> str:
    """``"ar"`` when at least half of the letters are Arabic, else ``"en"``.

    Only the script is looked at: other languages in Latin script must be named in the config.
    """
    arabic = len(_ARABIC_LETTER.findall(text))
    return "ar" if arabic and 2 * arabic >= len(_LETTER.findall(text)) else "en"


def normalize_arabic(text: str) -> str:
    """Drop diacritics and tatweel, unify the forms of alef and alef maqsura.

    Ta marbuta stays, other than in Lucene: Snowball strips it itself, and after the article it would not strip
    the ha that Lucene makes of it.
    """
    return _ARABIC_MARKS.sub("", text).translate(_ARABIC_FOLDS)


def words(text: str, analysis: Analysis, language: str) -> list[str]:
    """The words of a text before stemming, normalised and without stop words."""
    if language == "ar" and analysis.normalize:
        text = normalize_arabic(text)
    found = _WORD.findall(text.lower())
    if not analysis.stopwords:
        return found
    unwanted = _stopwords(language)
    return [word for word in found if word not in unwanted]


def stems(found: list[str], analysis: Analysis, language: str) -> list[str]:
    """The stem of each word."""
    return _stemmer(language).stemWords(found) if analysis.stemmer else found


def terms(text: str, analysis: Analysis, language: str | None = None) -> list[str]:
    """The terms of a text, in order, repeated as often as they occur.

    Args:
        text: Any text; may be empty.
        analysis: What to do to it.
        language: Overrides ``analysis.language``; used to treat a query and its passages alike.

    Raises:
        ConfigError: A language that is not in `LANGUAGES`.
    """
    language = language or resolve_language(analysis, text)
    return stems(words(text, analysis, language), analysis, language)


def resolve_language(analysis: Analysis, text: str) -> str:
    """The language of the analysis, detected from the text when it says ``"auto"``."""
    if analysis.language == "auto":
        return detect_language(text)
    if analysis.language not in LANGUAGES:
        raise ConfigError(
            f"There is no tokenisation for language {analysis.language!r}.", hint=nearest(analysis.language, LANGUAGES)
        )
    return analysis.language


@cache
def _stopwords(language: str) -> frozenset[str]:
    """The stop words bm25s has for the language; it has none for some, Arabic among them."""
    from bm25s import stopwords

    suffix = "EN" if language == "en" else LANGUAGES[language].upper()
    return frozenset(getattr(stopwords, f"STOPWORDS_{suffix}", ()))


_stemmers = threading.local()


def _stemmer(language: str) -> Stemmer:
    """One stemmer per thread and language: a PyStemmer object is not safe to share between threads."""
    found = _stemmers.__dict__.get(language)
    if found is None:
        import Stemmer as snowball

        found = _stemmers.__dict__[language] = snowball.Stemmer(LANGUAGES[language])
    return found
