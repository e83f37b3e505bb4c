"""The LlamaIndex postprocessor: nodes, scores, events, config."""

import asyncio
import copy
import difflib
import json
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import yaml
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.schema import (
    ImageNode,
    IndexNode,
    MediaResource,
    Node,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from pydantic import Field

from llamaindex_rerankers import FAILURES, REASONING, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from swaprank import ConfigError, InputError, RankedPassage, Ranking, ScoreKind, registry
from swaprank import Reranker as CoreReranker
from swaprank.errors import BackendError
from swaprank.requests import PairScored, Request, Response
from swaprank.stage import Limits
from swaprank.testing import OracleBackend, ScriptedBackend

CONFIG = {"method": "cross-encoder", "model": "scripted"}


def by_length(request: Request) -> Response:
    size = np.float32(len(request.passage))
    return PairScored(logit=size, activation="identity", activated=size)


def broken(request: Request) -> Response:
    raise BackendError("the model is down")


def scripted(answer=by_length, **options) -> Reranker:
    return Reranker({**CONFIG, **options}, backend=ScriptedBackend(answer))


def nodes() -> list[NodeWithScore]:
    texts = [("a", 0.9), ("ccc", 0.5), ("bb", None)]
    return [
        NodeWithScore(node=TextNode(text=text, id_=text, metadata={"page": text}), score=score) for text, score in texts
    ]


def rerank(reranker: Reranker, given: list[NodeWithScore], how: str = "sync", query: str = "q") -> list[NodeWithScore]:
    if how == "sync":
        return reranker.postprocess_nodes(given, query_str=query)
    return asyncio.run(reranker.apostprocess_nodes(given, query_str=query))


both = pytest.mark.parametrize("how", ["sync", "async"])


@both
def test_new_order_scores_and_metadata(how) -> None:
    ranked = rerank(scripted(top_n=2), nodes(), how)
    assert [(one.node.node_id, one.score) for one in ranked] == [("ccc", 3.0), ("bb", 2.0)]
    assert all(type(one.score) is float for one in ranked)
    assert ranked[0].node.metadata == {"page": "ccc", SCORE_KIND: "logit", RETRIEVAL_SCORE: 0.5}
    assert ranked[1].node.metadata == {"page": "bb", SCORE_KIND: "logit"}


@both
def test_the_nodes_handed_in_stay_as_they_are(how) -> None:
    given = nodes()
    before = copy.deepcopy(given)
    ranked = rerank(scripted(), given, how)
    assert given == before
    assert ranked[0] is not given[1]
    assert ranked[0].node is not given[1].node


def test_score_keys_never_reach_embedding_model_or_llm() -> None:
    [first, *_] = rerank(scripted(), nodes())
    for mode in ("embed", "llm"):
        assert first.node.get_content(metadata_mode=mode) == "page: ccc\n\nccc"


def test_relationships_and_type_are_kept() -> None:
    node = TextNode(text="a", id_="1", relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc")})
    [ranked] = rerank(scripted(), [NodeWithScore(node=node)])
    assert (type(ranked.node), ranked.node.ref_doc_id, ranked.node.node_id) == (TextNode, "doc", "1")


def test_the_same_node_twice_comes_back_twice() -> None:
    node = TextNode(text="a", id_="1")
    ranked = rerank(scripted(), [NodeWithScore(node=node, score=0.2), NodeWithScore(node=node, score=0.1)])
    assert [one.node.metadata[RETRIEVAL_SCORE] for one in ranked] == [0.2, 0.1]


def test_a_second_reranker_keeps_the_retrieval_score_and_doubles_no_key() -> None:
    once = rerank(scripted(), nodes())
    twice = rerank(scripted(activation="sigmoid"), once)
    assert [one.node.metadata.get(RETRIEVAL_SCORE) for one in twice] == [0.5, None, 0.9]
    assert twice[0].node.metadata[SCORE_KIND] == "probability"
    for excluded in (twice[0].node.excluded_llm_metadata_keys, twice[0].node.excluded_embed_metadata_keys):
        assert sorted(excluded) == sorted({SCORE_KIND, RETRIEVAL_SCORE})


def test_the_retrieval_score_another_reranker_kept_stays() -> None:
    """LlamaIndex's own rerankers write the same key with ``keep_retrieval_score=True``."""
    given = NodeWithScore(node=TextNode(text="a", metadata={RETRIEVAL_SCORE: 0.7}), score=5.0)
    assert rerank(scripted(), [given])[0].node.metadata[RETRIEVAL_SCORE] == 0.7


def test_failures_of_an_earlier_reranker_are_not_this_ones() -> None:
    [once] = rerank(scripted(broken, on_error="keep_order"), nodes()[:1])
    assert FAILURES in once.node.metadata
    assert FAILURES not in rerank(scripted(), [once])[0].node.metadata


def test_a_subclass_of_node_with_score_keeps_its_fields() -> None:
    class Tagged(NodeWithScore):
        tag: str

    [ranked] = rerank(scripted(), [Tagged(node=TextNode(text="a"), tag="t")])
    assert (type(ranked), ranked.tag, ranked.score) == (Tagged, "t", 1.0)


def test_nodes_without_text_are_ranked_last() -> None:
    given = [
        NodeWithScore(node=ImageNode(image_path="missing.png")),
        NodeWithScore(node=Node(image_resource=MediaResource(url="http://localhost/x.png"))),
        NodeWithScore(node=ImageNode(text="a caption", image_path="missing.png")),
        NodeWithScore(node=IndexNode(text="an index node", index_id="i")),
        NodeWithScore(node=Node(text_resource=MediaResource(text="multimodal text"))),
    ]
    ranked = rerank(scripted(), given)
    assert [type(one.node).__name__ for one in ranked] == ["Node", "IndexNode", "ImageNode", "ImageNode", "Node"]


def test_metadata_mode_says_what_the_model_reads() -> None:
    for mode, read in (("none", "a"), ("embed", "page: a\n\na")):
        backend = ScriptedBackend(by_length)
        rerank(Reranker(CONFIG, backend=backend, metadata_mode=mode), nodes()[:1])
        assert [request.passage for request in backend.requests] == [read]


def test_a_missing_query_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="needs a query"):
        scripted().postprocess_nodes(nodes())
    with pytest.raises(InputError, match="query"):
        scripted().postprocess_nodes(nodes(), query_str=" ")


def test_the_query_embedding_of_the_bundle_is_used() -> None:
    oracle = OracleBackend({"good": 3.0})
    reranker = Reranker({"method": "bi-encoder", "model": "oracle"}, backend=oracle)
    given = [NodeWithScore(node=TextNode(text=text)) for text in ("bad", "good")]
    for embedding in ([1.0, 0.0], np.array([1.0, 0.0])):
        ranked = reranker.postprocess_nodes(given, QueryBundle("q", embedding=embedding))
        assert ranked[0].node.get_content() == "good"
    assert {request.role for request in oracle.requests} == {"passage"}


class Events(BaseEventHandler):
    seen: list = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Events"

    def handle(self, event, **kwargs) -> None:
        if isinstance(event, ReRankStartEvent | ReRankEndEvent):
            self.seen.append(event)


class Callbacks(BaseCallbackHandler):
    def __init__(self) -> None:
        super().__init__([], [])
        self.seen: list[tuple[str, int]] = []

    def on_event_start(self, event_type, payload=None, event_id="", parent_id="", **kwargs) -> str:
        if event_type == CBEventType.RERANKING:
            self.seen.append(("start", len(payload[EventPayload.NODES])))
        return event_id

    def on_event_end(self, event_type, payload=None, event_id="", **kwargs) -> None:
        if event_type == CBEventType.RERANKING:
            self.seen.append(("end", len(payload.get(EventPayload.NODES, []))))

    def start_trace(self, trace_id=None) -> None: ...

    def end_trace(self, trace_id=None, trace_map=None) -> None: ...


@pytest.fixture
def events():
    dispatcher = get_dispatcher("llamaindex_rerankers.postprocessor")
    handler = Events()
    dispatcher.add_event_handler(handler)
    yield handler.seen
    dispatcher.event_handlers.remove(handler)


@both
@pytest.mark.parametrize("case", ["some", "none", "error"])
def test_both_event_systems_are_balanced(how, case, events) -> None:
    reranker = scripted(broken if case == "error" else by_length, top_n=2)
    callbacks = Callbacks()
    reranker.callback_manager = CallbackManager([callbacks])
    if case == "error":
        with pytest.raises(BackendError):
            rerank(reranker, nodes(), how)
    else:
        rerank(reranker, nodes() if case == "some" else [], how)
    assert [type(event) for event in events] == [ReRankStartEvent, ReRankEndEvent]
    sent, returned = (0 if case == "none" else 3), (2 if case == "some" else 0)
    assert [len(event.nodes) for event in events] == [sent, returned]
    assert callbacks.seen == [("start", sent), ("end", returned)]


def test_the_start_event_tells_model_and_limit(events) -> None:
    rerank(scripted(top_n=2), nodes())
    rerank(scripted(), nodes())
    starts = [(event.model_name, event.top_n, event.query) for event in events[::2]]
    assert starts == [("scripted", 2, "q"), ("scripted", 3, "q")]
    rerank(Reranker(), nodes())
    assert events[-2].model_name == "embedded"


@both
def test_both_methods_open_a_span(how) -> None:
    dispatcher = get_dispatcher("llamaindex_rerankers.postprocessor")
    handler = SimpleSpanHandler()
    dispatcher.add_span_handler(handler)
    try:
        rerank(scripted(), nodes(), how)
    finally:
        dispatcher.span_handlers.remove(handler)
    names = [span.id_.split("-")[0] for span in handler.completed_spans]
    assert ("Reranker._postprocess_nodes" if how == "sync" else "Reranker._apostprocess_nodes") in names


@both
def test_failures_are_visible_where_the_order_is_kept(how) -> None:
    ranked = rerank(scripted(broken, on_error="keep_order"), nodes(), how)
    assert [one.node.node_id for one in ranked] == ["a", "ccc", "bb"]
    assert all("the model is down (keep_order)" in one.node.metadata[FAILURES][0] for one in ranked)


def test_reasoning_is_kept_for_readers_and_hidden_from_models(monkeypatch) -> None:
    def reasoned(self, query, passages) -> Ranking:
        ranked = [RankedPassage(0, passages[0], 1.0, 1, "It answers."), RankedPassage(1, passages[1], 0.5, 2)]
        return Ranking("q", ranked, [1.0, 0.5], ScoreKind.PROBABILITY)

    monkeypatch.setattr(CoreReranker, "rerank", reasoned)
    with_reason, without = rerank(scripted(), nodes()[:2])
    assert with_reason.node.metadata[REASONING] == "It answers."
    assert "It answers." not in with_reason.node.get_content(metadata_mode="llm")
    assert REASONING not in without.node.metadata


def test_the_whole_ranking_can_be_seen() -> None:
    seen: list[Ranking] = []
    reranker = Reranker(CONFIG, backend=ScriptedBackend(by_length), on_ranking=seen.append)
    rerank(reranker, nodes())
    rerank(reranker, nodes(), "async")
    assert [ranking.order for ranking in seen] == [[1, 2, 0], [1, 2, 0]]


@pytest.mark.parametrize(("key", "right"), [("top_k", "top_n"), ("metadata_mod", "metadata_mode")])
def test_unknown_keys_are_refused_with_the_nearest(key, right) -> None:
    """LlamaIndex itself ignores unknown arguments."""
    with pytest.raises(ConfigError, match=f"Did you mean '{right}'"):
        Reranker("bm25", **{key: 3})


def test_no_key_of_the_core_is_taken_for_a_misspelt_one_of_ours() -> None:
    keys = {key for name in registry.names("method") for key in registry.method(name).model_fields} | {"on_error"}
    for key in keys | set(Limits.model_fields):
        assert not difflib.get_close_matches(key, Reranker.model_fields, cutoff=0.8)


def test_no_argument_is_dropped() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'embed'"):
        Reranker("bm25", metadata_mode="embeds")
    with pytest.raises(ConfigError, match="top_n was given"):
        Reranker(CoreReranker("bm25"), top_n=3)
    with pytest.raises(ConfigError, match="config="):
        Reranker("bm25", config={"reranker": "lexical"})
    assert Reranker(method="bm25", top_n=2).to_config() == {"method": "bm25", "top_n": 2}


def test_what_was_fixed_at_construction_cannot_be_set_without_effect() -> None:
    reranker = Reranker("bm25")
    for name, value in (("config", {"reranker": "lexical"}), ("metadata_mode", "embed"), ("top_n", 3)):
        with pytest.raises(ValueError, match=name):
            setattr(reranker, name, value)


def test_config_round_trips_without_weights_and_secrets(tmp_path) -> None:
    config = {"method": "cross-encoder", "model": "no/such-model", "top_n": 3}
    (tmp_path / "r.yaml").write_text(json.dumps(config))
    for reranker in (Reranker(config), Reranker.from_config(tmp_path / "r.yaml"), Reranker(CoreReranker(config))):
        assert reranker.to_config() == config
        for twin in (
            Reranker.from_dict(reranker.to_dict()),
            Reranker.from_json(reranker.to_json()),
            Reranker.model_validate(yaml.safe_load(yaml.safe_dump(reranker.model_dump()))),
            Reranker.model_validate_json(reranker.model_dump_json()),
            pickle.loads(pickle.dumps(reranker)),
            copy.deepcopy(reranker),
        ):
            assert twin.to_config() == config
            assert twin.to_dict() == reranker.to_dict()
    secret = Reranker({**config, "backend": {"type": "transformers", "token": "hf_secret"}}, metadata_mode="all")
    assert "hf_secret" not in repr(secret) + str(secret.to_config()) + secret.to_json() + secret.model_dump_json()
    assert Reranker.from_dict(secret.to_dict()).metadata_mode == "all"
    assert Reranker.class_name() == secret.to_dict()["class_name"] == "SwaprankReranker"


def test_overrides_beside_a_dump_and_the_json_schema() -> None:
    assert Reranker.from_dict(Reranker("bm25").to_dict(), top_n=2).to_config() == {"reranker": "bm25", "top_n": 2}
    assert {"config", "metadata_mode"} <= Reranker.model_json_schema()["properties"].keys()


def test_a_deep_copy_has_its_own_callbacks_and_copies_no_lock() -> None:
    reranker = scripted()
    reranker.callback_manager = manager = CallbackManager([Callbacks()])
    manager.lock = threading.Lock()
    twin = copy.deepcopy(reranker)
    twin.callback_manager = CallbackManager([])
    assert reranker.callback_manager is manager
    assert [one.score for one in rerank(twin, nodes())] == [3.0, 2.0, 1.0]


async def test_async_calls_are_in_flight_together() -> None:
    class Meeting(ScriptedBackend):
        """Answers only once two calls wait for it."""

        async def arun(self, requests):
            arrived.append(1)
            if len(arrived) == 2:
                both_are_here.set()
            await both_are_here.wait()
            return self.run(requests)

    arrived, both_are_here = [], asyncio.Event()
    reranker = Reranker(CONFIG, backend=Meeting(by_length))
    calls = [reranker.apostprocess_nodes(nodes(), query_str=query) for query in ("p", "q")]
    answers = await asyncio.wait_for(asyncio.gather(*calls), timeout=30)
    assert len(arrived) == 2
    assert [[one.node.node_id for one in answer] for answer in answers] == [["ccc", "bb", "a"]] * 2


def test_a_similarity_cutoff_after_ours_compares_the_new_scores() -> None:
    ranked = rerank(scripted(activation="sigmoid"), nodes())
    kept = SimilarityPostprocessor(similarity_cutoff=0.8).postprocess_nodes(ranked)
    assert [one.node.node_id for one in kept] == ["ccc", "bb"]


def test_importing_the_adapter_loads_nothing_heavy() -> None:
    heavy = "torch transformers sentence_transformers vllm bm25s wordllama Stemmer tokenizers ir_measures typer"
    code = f"import sys, llamaindex_rerankers; print([m for m in {heavy.split()!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
