r"""Turning text into terms: script, normalisation, stop words, stems.

English follows bm25s and LlamaIndex's BM25Retriever (lower case, ``\b\w\w+\b``, bm25s stop words,
Snowball). Arabic is normalised much as Lucene does it before Snowball's Arabic stemmer,
because ``\w`` does not match diacritics and would cut a vocalised word in two; for the same reason words of
Indic scripts hold their vowel signs. Chinese, Japanese and Korean, which do not put spaces between all words, fall
into overlapping pairs of characters, as in Lucene's CJKAnalyzer.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import TYPE_CHECKING

from ..errors import ConfigError, nearest
from ..requests import Analysis

if TYPE_CHECKING:
    from Stemmer import Stemmer

_WORD = re.compile(r"\b\w\w+\b")
_MARKED_WORD = re.compile(r"(?:\w[\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0b82\u0bbe-\u0bd7\u200d]*){2,}")
_CJK = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_CJK_RUN = re.compile(f"[{_CJK}]+|[^\\W{_CJK}]{{2,}}")
_CJK_LETTER = re.compile(f"[{_CJK}]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_ARABIC_LETTER = re.compile(r"[\u0621-\u064a\u0671-\u06d3]")
_LETTER = re.compile(r"[^\W\d_]")
# What is no part of a word in ASCII text, as blanks: cutting at blanks takes a quarter of the time of the expression.
_ASCII_BLANKS = {code: " " for code in range(128) if not re.match(r"\w", chr(code))}
_ASCII_SINGLES = frozenset(chr(code) for code in range(128)) - frozenset(map(chr, _ASCII_BLANKS))
_ARABIC_MARKS = re.compile(r"[\u064b-\u0652\u0670\u0640]")
_ARABIC_FOLDS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي"})

# Stems of words that have come up, by language: stemming them again takes longest of all when a list is scored.
_known: dict[str, dict[str, str]] = {}
_MOST_KNOWN, _LONGEST_KNOWN = 1 << 16, 32

# ISO 639-1 code -> Snowball's name of the language, which bm25s also uses for its stop words.
SNOWBALL = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
CHARACTER_PAIRS = ("ja", "ko", "zh")
LANGUAGES = (*SNOWBALL, *CHARACTER_PAIRS)
_MARKED = ("hi", "ne", "ta")


def detect_language(text: str) -> str:
    """The language of the script that at least half of the letters belong to; English for all other scripts.

    Only the script counts: any other language, such as Persian or German, must be named in the config.

    Returns:
        ``"ar"``, ``"ja"``, ``"ko"``, ``"zh"`` or ``"en"``.
    """
    if text.isascii():
        return "en"
    letters = len(_LETTER.findall(text))
    arabic, cjk = len(_ARABIC_LETTER.findall(text)), len(_CJK_LETTER.findall(text))
    if arabic and 2 * arabic >= letters:
        return "ar"
    if cjk and 2 * cjk >= letters:
        return "ja" if _KANA.search(text) else "ko" if _HANGUL.search(text) else "zh"
    return "en"


def normalize_arabic(text: str) -> str:
    """Drop diacritics and tatweel, unify the forms of alef and alef maqsura.

    Ta marbuta stays. Lucene turns it into ha, which Snowball would not strip after the article; ta marbuta it strips.
    """
    return _ARABIC_MARKS.sub("", text).translate(_ARABIC_FOLDS)


def words(text: str, analysis: Analysis, language: str) -> list[str]:
    """The words of a text before stemming, normalised and without stop words."""
    if language == "ar" and analysis.normalize:
        text = normalize_arabic(text)
    if language in CHARACTER_PAIRS:
        return _character_pairs(text.lower())
    text = text.lower()
    unwanted = _stopwords(language) if analysis.stopwords else frozenset()
    if text.isascii():
        found = text.translate(_ASCII_BLANKS).split()
        unwanted |= _ASCII_SINGLES
    else:
        found = (_MARKED_WORD if language in _MARKED else _WORD).findall(text)
    return [word for word in found if word not in unwanted]


def _character_pairs(text: str) -> list[str]:
    """Overlapping pairs of the characters of each CJK run (one that stands alone is a term), other words whole."""
    terms: list[str] = []
    for run in _CJK_RUN.findall(text):
        if _CJK_LETTER.match(run) and len(run) > 1:
            terms += [run[start : start + 2] for start in range(len(run) - 1)]
        else:
            terms.append(run)
    return terms


def stems(found: list[str], analysis: Analysis, language: str) -> list[str]:
    """The stem of each word; of words that have come up before it is remembered."""
    if not analysis.stemmer or language not in SNOWBALL:
        return found
    known = _known.setdefault(language, {})
    new = list(set(found).difference(known))
    if new:
        fresh = dict(zip(new, _stemmer(language).stemWords(new), strict=True))
        if len(known) + len(new) <= _MOST_KNOWN and len(max(new, key=len)) <= _LONGEST_KNOWN:
            known.update(fresh)
        else:
            # Begun anew, not emptied: another thread may be reading it.
            _known[language] = {}
            known = {**known, **fresh}
    return list(map(known.__getitem__, found))


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
    """The stop words that bm25s has for the language; it has none for Arabic and some others."""
    from bm25s import stopwords

    suffix = "EN" if language == "en" else SNOWBALL[language].upper()
    return frozenset(getattr(stopwords, f"STOPWORDS_{suffix}", ()))


_stemmers = threading.local()


def _stemmer(language: str) -> Stemmer:
    """One stemmer per thread and language: a PyStemmer object is not safe to share between threads."""
    found = _stemmers.__dict__.get(language)
    if found is None:
        import Stemmer as snowball

        try:
            found = _stemmers.__dict__[language] = snowball.Stemmer(SNOWBALL[language])
        except KeyError as error:
            raise ConfigError(
                f"The installed PyStemmer has no stemmer for {SNOWBALL[language]!r}.",
                hint='Update it (pip install -U PyStemmer), or say "stemmer: false".',
            ) from error
    return found
