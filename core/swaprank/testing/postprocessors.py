"""A conformance suite for LlamaIndex node postprocessors that rerank."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .conformance import ODD_TEXTS, QUERY, SURROGATES, TEXTS, Finding, Promise, findings, raise_broken

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import NodeWithScore


def check_postprocessor(postprocessor: BaseNodePostprocessor, *, skip: Collection[str] = ()) -> None:
    """What a node postprocessor that reranks owes its users, whoever wrote it.

    Args:
        postprocessor: The postprocessor, configured to keep every node.
        skip: Names of promises it does not make, such as ``serialises`` for one that holds a live client.

    Raises:
        AssertionError: Promises are broken; the message lists them all.
        ValueError: ``skip`` names no promise.
    """
    raise_broken(postprocessor, postprocessor_findings(postprocessor, skip=skip))


def postprocessor_findings(postprocessor: BaseNodePostprocessor, *, skip: Collection[str] = ()) -> list[Finding]:
    """As `check_postprocessor`, without raising: what became of each promise, in the order of the table in the docs."""
    return findings(POSTPROCESSOR_PROMISES, _Subject(postprocessor), skip)


@dataclass(frozen=True)
class _Subject:
    postprocessor: BaseNodePostprocessor

    def rank(self, nodes: list[NodeWithScore]) -> list[NodeWithScore]:
        return list(self.postprocessor.postprocess_nodes(nodes, query_str=QUERY))


def _nodes(texts: Sequence[str] = TEXTS, *, scored: bool = True) -> list[NodeWithScore]:
    from llama_index.core.schema import NodeWithScore, TextNode

    return [
        NodeWithScore(
            node=TextNode(
                id_=f"n{place}",
                text=text,
                metadata={"page": place, "tags": ["a", {"b": place}]},
                excluded_llm_metadata_keys=["tags"],
                excluded_embed_metadata_keys=["tags"],
            ),
            # Against the order in which they are given: a score that was kept, and not made, is seen.
            score=0.1 + 0.1 * place if scored else None,
        )
        for place, text in enumerate(texts)
    ]


def _ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [one.node.node_id for one in nodes]


def _complete(ranked: Sequence[NodeWithScore], given: Sequence[NodeWithScore]) -> None:
    assert len(ranked) == len(given), f"{len(given)} nodes gave {len(ranked)}"
    assert sorted(_ids(ranked)) == sorted(_ids(given)), f"the order is {', '.join(_ids(ranked))}"


def _permutation(subject: _Subject) -> None:
    _complete(subject.rank(_nodes()), _nodes())


def _odd_texts(subject: _Subject) -> None:
    _complete(subject.rank(_nodes(ODD_TEXTS)), _nodes(ODD_TEXTS))


def _surrogates(subject: _Subject) -> None:
    _complete(subject.rank(_nodes(SURROGATES)), _nodes(SURROGATES))


def _single(subject: _Subject) -> None:
    _complete(subject.rank(_nodes(TEXTS[:1])), _nodes(TEXTS[:1]))


def _empty(subject: _Subject) -> None:
    assert subject.rank([]) == [], "an empty list gave nodes"


def _unscored(subject: _Subject) -> None:
    _complete(subject.rank(_nodes(scored=False)), _nodes())


def _untouched(subject: _Subject) -> None:
    given = _nodes()
    before = [(one.score, copy.deepcopy(one.node.to_dict())) for one in given]
    ids = _ids(given)
    subject.rank(given)
    assert _ids(given) == ids, "the caller's list was sorted"
    assert [one.score for one in given] == [score for score, _ in before], "scores of the caller's nodes were changed"
    assert [one.node.to_dict() for one in given] == [data for _, data in before], "the caller's nodes were changed"


def _identity(subject: _Subject) -> None:
    given = {one.node.node_id: one for one in _nodes()}
    for one in subject.rank(list(given.values())):
        origin = given[one.node.node_id]
        assert type(one.node) is type(origin.node), f"a {type(origin.node).__name__} became a {type(one.node).__name__}"
        kept = all(one.node.metadata.get(key) == value for key, value in origin.node.metadata.items())
        assert kept, "metadata was lost or changed"


def _prompt(subject: _Subject) -> None:
    from llama_index.core.schema import MetadataMode

    given = {one.node.node_id: one for one in _nodes()}
    for one in subject.rank(_nodes()):
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            same = one.node.get_content(mode) == given[one.node.node_id].node.get_content(mode)
            assert same, f"what {mode.name} reads of a node was changed"


def _scores(subject: _Subject) -> None:
    for one in subject.rank(_nodes()):
        assert type(one.score) is float, f"a score is a {type(one.score).__module__}.{type(one.score).__name__}"
        assert math.isfinite(one.score), "a score is not finite"


def _order(subject: _Subject) -> None:
    found = [one.get_score() for one in subject.rank(_nodes())]
    assert found == sorted(found, reverse=True), f"scores in the order given: {found}"


def _again(subject: _Subject) -> None:
    once = subject.rank(_nodes())
    _complete(subject.rank(once), once)


def _json(subject: _Subject) -> None:
    for one in subject.rank(_nodes()):
        one.model_dump_json()


def _async(subject: _Subject) -> None:
    awaited = asyncio.run(subject.postprocessor.apostprocess_nodes(_nodes(), query_str=QUERY))
    assert _ids(awaited) == _ids(subject.rank(_nodes())), "sync and async differ"


def _threads(subject: _Subject) -> None:
    expected = _ids(subject.rank(_nodes()))
    with ThreadPoolExecutor(4) as pool:
        for ranked in pool.map(subject.rank, [_nodes() for _ in range(8)]):
            assert _ids(ranked) == expected, "threads changed the order"


def _query(subject: _Subject) -> None:
    try:
        subject.postprocessor.postprocess_nodes(_nodes())
    except ValueError:
        return
    raise AssertionError("nodes without a query were ranked")


def _events(subject: _Subject) -> None:
    assert _seen(subject, _nodes()) == ["ReRankStartEvent", "ReRankEndEvent"], f"saw {_seen(subject, _nodes())}"
    for_none = _seen(subject, [])
    assert for_none.count("ReRankStartEvent") == for_none.count("ReRankEndEvent"), (
        "a start without an end for an empty list"
    )


def _seen(subject: _Subject, nodes: list[NodeWithScore]) -> list[str]:
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent

    seen: list[str] = []

    class Recorder(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            if isinstance(event, ReRankStartEvent | ReRankEndEvent):
                seen.append(type(event).__name__)

    root, recorder = get_dispatcher(), Recorder()
    root.add_event_handler(recorder)
    try:
        subject.rank(nodes)
    finally:
        root.event_handlers.remove(recorder)
    return seen


def _serialises(subject: _Subject) -> None:
    kind = type(subject.postprocessor)
    twin = _Subject(kind.from_dict(subject.postprocessor.to_dict()))
    assert _ids(twin.rank(_nodes())) == _ids(subject.rank(_nodes())), "its copy ranks otherwise"


POSTPROCESSOR_PROMISES: tuple[Promise[_Subject], ...] = (
    Promise("permutation", "Every node comes back, once.", _permutation),
    Promise("odd-texts", "So do nodes with equal, empty and odd texts.", _odd_texts),
    Promise("surrogates", "So do texts with half a surrogate pair.", _surrogates),
    Promise("single", "A single node comes back.", _single),
    Promise("empty", "An empty list gives an empty list.", _empty),
    Promise("unscored", "Nodes without a score are ranked.", _unscored),
    Promise("untouched", "The caller's nodes stay as they are.", _untouched),
    Promise("identity", "Nodes keep id, type and metadata.", _identity),
    Promise("prompt", "What LLMs and embedding models read of a node stays the same.", _prompt),
    Promise("scores", "Each node has a score, a Python float.", _scores),
    Promise("order", "Scores fall with rank.", _order),
    Promise("again", "What comes back can be ranked again.", _again),
    Promise("json", "What comes back can be written as JSON.", _json),
    Promise("async", "Async gives the same order.", _async),
    Promise("threads", "Concurrent calls give the same order.", _threads),
    Promise("query", "Without a query there is an error.", _query),
    Promise("events", "Each call sends a start and an end event.", _events),
    Promise("serialises", "`from_dict(to_dict())` gives one that ranks the same.", _serialises),
)
