"""BM25 by bm25s, over the candidates or over a collection handed in once."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..requests import Analysis, Lexical, LexicalScores
from .analysis import resolve_language, terms
from .formula import bm25s_model
from .index import newest_index

if TYPE_CHECKING:
    from bm25s import BM25


def bm25_scores(request: Lexical) -> LexicalScores:
    """BM25 of every passage; 0 for empty passages, and for all when no query term is known.

    Under ``language: auto`` the query's script decides for the passages too, so that both meet in the
    same terms.
    """
    if isinstance(request.collection, str) and Path(request.collection).is_dir():
        return _by_index(request, request.collection)
    language = resolve_language(request.analysis, request.query)
    collection = _collection(request.collection)
    known = _positions(collection)
    new = tuple(text for text in request.passages if text not in known)
    added = iter(range(len(collection), len(collection) + len(new)))
    rows = [known[text] if text in known else next(added) for text in request.passages]
    index = (_index if collection else _indexed)(collection + new, request.analysis, language)
    query = [term for term in terms(request.query, request.analysis, language) if index and term in index.vocab_dict]
    if index is None or not query:
        return LexicalScores((0.0,) * len(request.passages))
    scores = index.get_scores(query)
    return LexicalScores(tuple(float(scores[row]) for row in rows))


def _by_index(request: Lexical, path: str) -> LexicalScores:
    """The scores of an index in a folder, by the analysis it was built with.

    Raises:
        ConfigError: The request wants another analysis than the index has.
    """
    index = newest_index(path)
    wanted, default, built = (asdict(one) for one in (request.analysis, Analysis(), index.analysis))
    for key, value in wanted.items():
        if value not in (default[key], built[key]):
            raise ConfigError(
                f"The index {path!r} was built with {key}: {built[key]!r}, not {value!r}.",
                hint="Build it anew, or leave the option out.",
            )
    return LexicalScores(tuple(index.scores(request.query, request.passages)))


def _indexed(texts: tuple[str, ...], analysis: Analysis, language: str) -> BM25 | None:
    tokens = [terms(text, analysis, language) for text in texts]
    if not any(tokens):
        return None
    index = bm25s_model(analysis)
    index.index(tokens, show_progress=False)
    return index


_index = lru_cache(maxsize=8)(_indexed)


@lru_cache(maxsize=8)
def _positions(collection: tuple[str, ...]) -> dict[str, int]:
    return {text: place for place, text in enumerate(collection)}


def _collection(given: tuple[str, ...] | str) -> tuple[str, ...]:
    return _read(given) if isinstance(given, str) else given


@lru_cache(maxsize=8)
def _read(path: str) -> tuple[str, ...]:
    """The texts of a JSONL file, one object with ``text`` and perhaps ``title`` a line (BEIR's layout)."""
    try:
        with Path(path).open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines if line.strip()]
        return tuple(" ".join(filter(None, (entry.get("title"), entry["text"]))) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"The collection {path!r} cannot be read: {error!r}.",
            hint='Give a JSONL file with {"text": ...} in every line, or the folder of a BM25Index.',
        ) from error
