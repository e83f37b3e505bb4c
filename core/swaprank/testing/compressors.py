"""A conformance suite for LangChain document compressors that rerank, which langchain-tests does not have."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .conformance import ODD_TEXTS, QUERY, SURROGATES, TEXTS, Finding, Promise, findings, raise_broken

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, Document

_STALE = 99.0


def check_compressor(
    compressor: BaseDocumentCompressor, *, score_key: str = "relevance_score", skip: Collection[str] = ()
) -> None:
    """What a compressor that reranks owes its users, whoever wrote it.

    Args:
        compressor: The compressor, configured to keep every document.
        score_key: The metadata key it writes its score under.
        skip: Names of promises it does not make, such as ``scores`` for one that only orders.

    Raises:
        AssertionError: Promises are broken; the message lists them all.
        ValueError: ``skip`` names no promise.
    """
    raise_broken(compressor, compressor_findings(compressor, score_key=score_key, skip=skip))


def compressor_findings(
    compressor: BaseDocumentCompressor, *, score_key: str = "relevance_score", skip: Collection[str] = ()
) -> list[Finding]:
    """As `check_compressor`, without raising: what became of each promise, in the order of the table in the docs."""
    return findings(COMPRESSOR_PROMISES, _Subject(compressor, score_key), skip)


@dataclass(frozen=True)
class _Subject:
    compressor: BaseDocumentCompressor
    score_key: str

    def rank(self, documents: Sequence[Document]) -> list[Document]:
        return list(self.compressor.compress_documents(documents, QUERY))

    def scores(self, documents: Sequence[Document]) -> list[Any]:
        missing = [one.id for one in documents if self.score_key not in one.metadata]
        assert not missing, f"no {self.score_key!r} in the metadata"
        return [one.metadata[self.score_key] for one in documents]


def _documents(texts: Sequence[str] = TEXTS, metadata: Mapping[str, Any] | None = None) -> list[Document]:
    from langchain_core.documents import Document

    return [
        Document(
            page_content=text, metadata={"page": place, "tags": ["a", {"b": place}], **(metadata or {})}, id=f"d{place}"
        )
        for place, text in enumerate(texts)
    ]


def _pages(documents: Sequence[Document]) -> list[Any]:
    return [one.metadata.get("page") for one in documents]


def _complete(ranked: Sequence[Document], given: Sequence[Document]) -> None:
    got, expected = sorted(one.page_content for one in ranked), sorted(one.page_content for one in given)
    assert len(got) == len(expected), f"{len(expected)} documents gave {len(got)}"
    assert got == expected, "a text was lost, doubled or changed"


def _permutation(subject: _Subject) -> None:
    _complete(subject.rank(_documents()), _documents())


def _odd_texts(subject: _Subject) -> None:
    given = _documents(ODD_TEXTS)
    ranked = subject.rank(given)
    _complete(ranked, given)
    assert sorted(_pages(ranked), key=str) == _pages(given), "of two documents with one text, one came back twice"


def _surrogates(subject: _Subject) -> None:
    _complete(subject.rank(_documents(SURROGATES)), _documents(SURROGATES))


def _single(subject: _Subject) -> None:
    _complete(subject.rank(_documents(TEXTS[:1])), _documents(TEXTS[:1]))


def _empty(subject: _Subject) -> None:
    assert subject.rank([]) == [], "an empty list gave documents"


def _untouched(subject: _Subject) -> None:
    given = _documents()
    before = copy.deepcopy(given)
    subject.rank(given)
    assert given == before, "the caller's documents were changed"


def _identity(subject: _Subject) -> None:
    given = {one.page_content: one for one in _documents()}
    for one in subject.rank(list(given.values())):
        origin = given[one.page_content]
        assert one.id == origin.id, f"the id {origin.id!r} became {one.id!r}"
        assert type(one) is type(origin), f"a {type(origin).__name__} became a {type(one).__name__}"


def _metadata(subject: _Subject) -> None:
    given = {one.page_content: one for one in _documents()}
    for one in subject.rank(list(given.values())):
        origin = given[one.page_content]
        lost = sorted(origin.metadata.keys() - one.metadata.keys())
        assert not lost, f"lost the keys {', '.join(lost)}"
        assert all(one.metadata[key] == value for key, value in origin.metadata.items()), "a value was changed"


def _scores(subject: _Subject) -> None:
    found = subject.scores(subject.rank(_documents()))
    odd = next((score for score in found if type(score) is not float), None)
    assert odd is None, f"a score is a {type(odd).__module__}.{type(odd).__name__}"
    assert all(math.isfinite(score) for score in found), "a score is not finite"


def _order(subject: _Subject) -> None:
    found = subject.scores(subject.rank(_documents()))
    assert found == sorted(found, reverse=True), f"scores in the order given: {found}"


def _stale(subject: _Subject) -> None:
    given = _documents(metadata={subject.score_key: _STALE})
    assert _STALE not in subject.scores(subject.rank(given)), "the score of an earlier stage was kept as the new one"


def _again(subject: _Subject) -> None:
    once = subject.rank(_documents())
    _complete(subject.rank(once), once)


def _json(subject: _Subject) -> None:
    for one in subject.rank(_documents()):
        one.model_dump_json()


def _async(subject: _Subject) -> None:
    ranked = subject.rank(_documents())
    awaited = list(asyncio.run(subject.compressor.acompress_documents(_documents(), QUERY)))
    assert [one.page_content for one in awaited] == [one.page_content for one in ranked], "sync and async differ"


def _threads(subject: _Subject) -> None:
    expected = [one.page_content for one in subject.rank(_documents())]
    with ThreadPoolExecutor(4) as pool:
        for ranked in pool.map(subject.rank, [_documents() for _ in range(8)]):
            assert [one.page_content for one in ranked] == expected, "threads changed the order"


COMPRESSOR_PROMISES: tuple[Promise[_Subject], ...] = (
    Promise("permutation", "Every document comes back, once.", _permutation),
    Promise("odd-texts", "So do equal, empty and odd texts.", _odd_texts),
    Promise("surrogates", "So do texts with half a surrogate pair.", _surrogates),
    Promise("single", "A single document comes back.", _single),
    Promise("empty", "An empty list gives an empty list.", _empty),
    Promise("untouched", "The caller's documents stay as they are.", _untouched),
    Promise("identity", "Documents keep id and type.", _identity),
    Promise("metadata", "Documents keep their metadata.", _metadata),
    Promise("scores", "Each document has a score, a Python float.", _scores),
    Promise("order", "Scores fall with rank.", _order),
    Promise("stale", "A score from before is replaced.", _stale),
    Promise("again", "What comes back can be ranked again.", _again),
    Promise("json", "What comes back can be written as JSON.", _json),
    Promise("async", "Async gives the same order.", _async),
    Promise("threads", "Concurrent calls give the same order.", _threads),
)
