"""Defects of LlamaIndex's own rerankers (core 0.14.25 and its packages), each shown not to be ours."""

import asyncio
import json
import random

import numpy as np
import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llamaindex_rerankers import FAILURES, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from swaprank.backends.embedded.backend import EmbeddedBackend
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.errors import ResponseError
from swaprank.requests import PairScored, Request, Response
from swaprank.testing import ScriptedBackend

CONFIG = {"method": "cross-encoder", "model": "scripted"}
TEXTS = [str(number) for number in range(30)]


def nodes(texts=TEXTS) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=1 / (1 + n)) for n, text in enumerate(texts)]


def its_number(request: Request) -> Response:
    logit = np.float32(request.passage)
    return PairScored(logit=logit, activation="identity", activated=logit)


def nonsense(request: Request) -> Response:
    return PairScored(logit=float("nan"), activation="identity", activated=float("nan"))


def short(_) -> list[Response]:
    return [PairScored(logit=1.0, activation="identity", activated=1.0)]


def test_every_score_stands_at_its_own_node() -> None:
    """LLMRerank gives one document the relevance of another; the TEI reranker ignored the index."""
    shuffled = random.Random(0).sample(TEXTS, len(TEXTS))
    ranked = Reranker(CONFIG, backend=ScriptedBackend(its_number)).postprocess_nodes(nodes(shuffled), query_str="q")
    assert [one.score for one in ranked] == [float(one.node.get_content()) for one in ranked]
    assert [one.node.node_id for one in ranked] == list(reversed(TEXTS))


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("fault", ["nonsense", "too few"])
def test_unusable_answers_lose_and_double_no_node(fault, how, monkeypatch) -> None:
    """LLMRerank returns an empty list, duplicates, or the last document for document 0."""
    backend = ScriptedBackend(nonsense)
    if fault == "too few":
        monkeypatch.setattr(backend, "run", short)
    strict = Reranker(CONFIG, backend=backend)
    with pytest.raises(ResponseError):
        strict.postprocess_nodes(nodes(), query_str="q")
    lenient = Reranker(CONFIG, backend=backend, on_error="keep_order")
    if how == "sync":
        ranked = lenient.postprocess_nodes(nodes(), query_str="q")
    else:
        ranked = asyncio.run(lenient.apostprocess_nodes(nodes(), query_str="q"))
    assert [one.node.node_id for one in ranked] == TEXTS
    assert all("keep_order" in one.node.metadata[FAILURES][0] for one in ranked)


def test_remote_code_is_trusted_only_when_the_config_says_so() -> None:
    """Core's SentenceTransformerRerank trusts it while its field says False."""
    assert TransformersOptions().trust_remote_code is False
    config = {**CONFIG, "backend": {"type": "transformers", "trust_remote_code": True}}
    assert Reranker(config).to_config()["backend"]["trust_remote_code"] is True


def test_scores_survive_json() -> None:
    """Core's SentenceTransformerRerank returns np.float32, which breaks to_json."""
    for one in Reranker(CONFIG, backend=ScriptedBackend(its_number)).postprocess_nodes(nodes(), query_str="q"):
        assert type(one.score) is float
        assert json.loads(one.to_json())["score"] == one.score


def test_every_option_of_the_backend_reaches_it(monkeypatch) -> None:
    """ColbertRerank stores a device that it never uses, RankLLMRerank a batch_size."""
    built = []
    monkeypatch.setattr(TransformersBackend, "__init__", lambda self, model, options: built.append((model, options)))
    monkeypatch.setattr(TransformersBackend, "name", "transformers")
    monkeypatch.setattr(TransformersBackend, "capabilities", TransformersOptions.capabilities)
    Reranker(CONFIG, backend={"type": "transformers", "device": "cuda:1", "batch_tokens": 128})
    [(model, options)] = built
    assert (options.device, options.batch_tokens, model) == ("cuda:1", 128, "scripted")


def test_the_backend_is_built_once_for_all_calls(monkeypatch) -> None:
    """RankLLMRerank builds its model again on every call."""
    built = []
    build = EmbeddedBackend.__init__
    monkeypatch.setattr(EmbeddedBackend, "__init__", lambda self, *given: built.append(1) or build(self, *given))
    reranker = Reranker("bm25")
    for _ in range(3):
        reranker.postprocess_nodes(nodes(), query_str="7")
    assert len(built) == 1


def test_no_argument_is_needed() -> None:
    """RankGPTRerank() fails to validate, and RankLLMRerank has no default for top_n."""
    texts = ["Coffee is brewed from beans.", "Green tea is not roasted.", "Milk comes from cows."]
    ranked = Reranker().postprocess_nodes(nodes(texts), query_str="Which tea is green?")
    assert ranked[0].node.node_id == "Green tea is not roasted."
    assert {one.node.node_id for one in ranked} == set(texts)


def test_weights_count_in_reciprocal_rank_fusion() -> None:
    """QueryFusionRetriever ignores retriever_weights in this mode."""
    first = []
    for weights in ([1, 0], [0, 1]):
        reranker = Reranker({"fusion": "rrf", "of": ["retrieval", "bm25"], "weights": weights})
        first.append(reranker.postprocess_nodes(nodes(["alpha", "beta"]), QueryBundle("beta"))[0].node.node_id)
    assert first == ["alpha", "beta"]


def test_listed_scores_fall_with_rank_and_say_their_kind() -> None:
    """RankGPTRerank and RankLLMRerank leave the retriever's scores on the reordered nodes."""
    ranked = Reranker(CONFIG, backend=ScriptedBackend(its_number)).postprocess_nodes(nodes(), query_str="q")
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    assert [one.node.metadata[RETRIEVAL_SCORE] for one in ranked] == sorted(1 / (1 + n) for n in range(30))
    assert {one.node.metadata[SCORE_KIND] for one in ranked} == {"logit"}
