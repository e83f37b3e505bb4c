"""A file of questions and what answers them: one JSON object a line.

``{"question": "...", "relevant": ["d7", ...]}`` names passages by id, or quotes them. ``relevant`` may also map them to
grades. ``{"passages": [...]}`` beside them are the candidates, as `swaprank rerank` reads them; without them a corpus
is searched: the file that is given, else all passages that the questions quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...types import Passage
from .collection import Collection
from .tables import objects

_HINT = 'A line is {"question": "...", "relevant": ["id or text", ...]}, perhaps with "passages": ["...", ...].'


def read_questions(path: Path, corpus: Mapping[str, Passage] | None) -> Collection:
    """Questions with their relevant passages.

    A quote is every passage that holds it, white space and case aside. One that no passage holds counts as a relevant
    passage that was not found.

    Args:
        path: The file; gzip is read too.
        corpus: Passages by id, where there is a corpus.

    Raises:
        InputError: A line is something else, or there is no passage.
    """
    lines = list(objects(path))
    passages: dict[str, Passage] = dict(corpus or {})
    pools: dict[str, list[str]] = {}
    queries: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.get("question", line.get("query"))
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{str(path)!r}, line {number} has no question.", hint=_HINT)
        query = str(line.get("id", number))
        if query in queries:
            raise InputError(f"{str(path)!r}, line {number} has the id {query!r} of an earlier line.")
        queries[query] = text
        if "passages" in line:
            pools[query] = _add(passages, line["passages"], f"{str(path)!r}, line {number}")
    if not passages:
        _add(passages, [one for line in lines for one in _relevant(line, path)], str(path))
    folded = {id_: _fold(passage.content) for id_, passage in passages.items()}
    qrels = {
        query: _judged(_relevant(line, path), passages, {id_: folded[id_] for id_ in pools.get(query, folded)})
        for (query, _), line in zip(queries.items(), lines, strict=True)
    }
    return Collection(name=path.stem, source=str(path), passages=passages, queries=queries, qrels=qrels, pools=pools)


def _relevant(line: Mapping[str, Any], path: Path) -> dict[str, int]:
    given = line.get("relevant")
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and all(isinstance(one, str | int) for one in given):
        return {str(one): 1 for one in given}
    if isinstance(given, dict) and all(isinstance(grade, int) for grade in given.values()):
        return {str(one): int(grade) for one, grade in given.items()}
    raise InputError(f"{str(path)!r} has a question whose relevant is {str(given)[:60]!r}.", hint=_HINT)


def _judged(relevant: Mapping[str, int], passages: Mapping[str, Passage], folded: Mapping[str, str]) -> dict[str, int]:
    judged: dict[str, int] = {}
    for one, grade in relevant.items():
        quote = _fold(one)
        found = [one] if one in passages else [id_ for id_, text in folded.items() if quote and quote in text]
        for id_ in found or [one[:60]]:
            judged[id_] = max(grade, judged.get(id_, 0))
    return judged


def _add(passages: dict[str, Passage], given: Any, where: str) -> list[str]:
    """Put candidates among the passages; those without an id are known by their text."""
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise InputError(f"{where} has the passages {str(given)[:60]!r}.", hint=_HINT)
    ids = []
    for one in given:
        fields = {"text": one} if isinstance(one, str) else one
        if not isinstance(fields, Mapping) or not isinstance(fields.get("text"), str):
            raise InputError(f"{where} has the passage {str(one)[:60]!r}.", hint=_HINT)
        text = fields["text"]
        id_ = str(fields.get("id") or f"p{blake2b(text.encode(), digest_size=6).hexdigest()}")
        passages[id_] = Passage(text, id=id_, title=fields.get("title") or None)
        ids.append(id_)
    return list(dict.fromkeys(ids))


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
