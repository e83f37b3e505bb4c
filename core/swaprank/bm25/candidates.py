"""BM25 over the candidates or over a collection handed in once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from ..errors import ConfigError
from ..requests import Analysis, Lexical, LexicalScores, Usage
from .analysis import resolve_language, terms
from .index import newest_index
from .postings import Postings, index_terms


def bm25_scores(request: Lexical, max_characters: int | None = None) -> LexicalScores:
    """BM25 of every passage; 0 for empty passages, and for all when no query term is known.

    Under ``language: auto`` the query's script decides for the passages too, so that both meet in the
    same terms.

    Args:
        request: Query, passages, and what tells how rare a word is.
        max_characters: Most characters that are read of the query and of a passage outside the collection; None for
            all. `LexicalScores.usage` tells how many texts were cut.

    Raises:
        ConfigError: The collection cannot be read, or was indexed by another analysis than is asked for.
    """
    if isinstance(request.collection, str) and Path(request.collection).is_dir():
        return _scores_by_index(request, request.collection, max_characters)
    collection = _collection(request.collection)
    rows_by_text = _rows_by_text(collection)
    query, passages, usage = _read(request, max_characters, [text in rows_by_text for text in request.passages])
    language = resolve_language(request.analysis, query)
    new = tuple(text for text in passages if text not in rows_by_text)
    new_rows = iter(range(len(collection), len(collection) + len(new)))
    rows = [rows_by_text[text] if text in rows_by_text else next(new_rows) for text in passages]
    index = (_cached_index if collection else _index)(collection + new, request.analysis, language)
    vocabulary, postings = index
    counts = Counter(vocabulary[term] for term in terms(query, request.analysis, language) if term in vocabulary)
    if postings is None or not counts:
        return LexicalScores((0.0,) * len(passages), usage)
    scores = postings.all_scores(counts)
    return LexicalScores(tuple(float(scores[row]) for row in rows), usage)


def _scores_by_index(request: Lexical, path: str, max_characters: int | None) -> LexicalScores:
    """The scores of an index in a folder, by the analysis it was built with."""
    index = newest_index(path)
    wanted, default, built = (asdict(one) for one in (request.analysis, Analysis(), index.analysis))
    for key, value in wanted.items():
        if value not in (default[key], built[key]):
            raise ConfigError(
                f"The index {path!r} was built with {key}: {built[key]!r}, not {value!r}.",
                hint="Build it anew, or leave the option out.",
            )
    query, passages, usage = _read(request, max_characters, index.holds(request.passages))
    return LexicalScores(tuple(index.scores(query, passages)), usage)


def _read(
    request: Lexical, max_characters: int | None, in_collection: Sequence[bool]
) -> tuple[str, tuple[str, ...], Usage]:
    """Query and passages as they are read: those outside the collection cut to so many characters."""
    query = request.query[:max_characters]
    passages = tuple(
        text if known else text[:max_characters] for text, known in zip(request.passages, in_collection, strict=True)
    )
    cut = sum(len(text) < len(whole) for text, whole in zip(passages, request.passages, strict=True))
    return query, passages, Usage(cut=cut + (len(query) < len(request.query)))


def _index(texts: tuple[str, ...], analysis: Analysis, language: str) -> tuple[dict[str, int], Postings | None]:
    """Vocabulary and postings of some texts; no postings where no text holds a term."""
    vocabulary: dict[str, int] = {}
    documents = [
        [vocabulary.setdefault(term, len(vocabulary)) for term in terms(text, analysis, language)] for text in texts
    ]
    return vocabulary, index_terms(analysis, documents) if vocabulary else None


_cached_index = lru_cache(maxsize=8)(_index)


@lru_cache(maxsize=8)
def _rows_by_text(collection: tuple[str, ...]) -> dict[str, int]:
    return {text: place for place, text in enumerate(collection)}


def _collection(given: tuple[str, ...] | str) -> tuple[str, ...]:
    return _file_texts(given) if isinstance(given, str) else given


@lru_cache(maxsize=8)
def _file_texts(path: str) -> tuple[str, ...]:
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
