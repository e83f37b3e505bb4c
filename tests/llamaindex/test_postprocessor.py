"""The LlamaIndex postprocessor: nodes, scores, metadata, what the model reads."""

import asyncio
import copy
import math
import subprocess
import sys

import numpy as np
import pytest
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

from llamaindex_rerankers import FAILURES, RELEVANCE, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from swaprank import InputError, Ranking
from swaprank.testing import OracleBackend, ScriptedBackend
from tests.llamaindex.helpers import CONFIG, both, broken, by_length, nodes, rerank, scripted


@both
def test_new_order_scores_and_metadata(how) -> None:
    ranked = rerank(scripted(top_n=2), nodes(), how)
    assert [(one.node.node_id, one.score) for one in ranked] == [("ccc", 3.0), ("bb", 2.0)]
    assert all(type(one.score) is float for one in ranked)
    relevance = [one.node.metadata.pop(RELEVANCE) for one in ranked]
    assert relevance == pytest.approx([1 / (1 + math.exp(-3)), 1 / (1 + math.exp(-2))])
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
        assert sorted(excluded) == sorted({SCORE_KIND, RETRIEVAL_SCORE, RELEVANCE})


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
    reranker = Reranker({"method": "bi-encoder", "model": "oracle", "reuse_embeddings": True}, backend=oracle)
    given = [NodeWithScore(node=TextNode(text=text)) for text in ("bad", "good")]
    for embedding in ([1.0, 0.0], np.array([1.0, 0.0])):
        ranked = reranker.postprocess_nodes(given, QueryBundle("q", embedding=embedding))
        assert ranked[0].node.get_content() == "good"
    assert {request.role for request in oracle.requests} == {"passage"}


@both
def test_failures_are_visible_where_the_order_is_kept(how) -> None:
    ranked = rerank(scripted(broken, on_error="keep_order"), nodes(), how)
    assert [one.node.node_id for one in ranked] == ["a", "ccc", "bb"]
    assert all("the model is down (keep_order)" in one.node.metadata[FAILURES][0] for one in ranked)


def test_the_whole_ranking_can_be_seen() -> None:
    seen: list[Ranking] = []
    reranker = Reranker(CONFIG, backend=ScriptedBackend(by_length), on_ranking=seen.append)
    rerank(reranker, nodes())
    rerank(reranker, nodes(), "async")
    assert [ranking.order for ranking in seen] == [[1, 2, 0], [1, 2, 0]]


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
