"""Wrong input is an InputError that says the way out, and nothing that was handed in is changed by it."""

import copy
import json
import math

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llamaindex_rerankers import RETRIEVAL_SCORE, Reranker
from swaprank import InputError
from tests.llamaindex.helpers import both, nodes, rerank, scripted


@both
@pytest.mark.parametrize("policy", ["raise", "keep_order"])
@pytest.mark.parametrize("query", [None, 5, b"q", ["q"]])
def test_what_is_no_query_is_refused_with_the_way_out(how, policy, query) -> None:
    given = nodes()
    before = copy.deepcopy(given)
    with pytest.raises(InputError, match="QueryBundle"):
        rerank(Reranker("bm25", on_error=policy), given, how, query)
    with pytest.raises(InputError, match="QueryBundle"):
        Reranker("bm25", on_error=policy).postprocess_nodes(given, QueryBundle(query))
    assert given == before


def test_a_text_in_place_of_a_bundle_is_refused() -> None:
    with pytest.raises(InputError, match="query_str="):
        Reranker("bm25").postprocess_nodes(nodes(), "q")


@both
@pytest.mark.parametrize(
    "wrong", [None, "text", {"a": 1}, ["text"], [None], [TextNode(text="a", id_="a")], [*nodes(), "text"]]
)
def test_what_is_no_list_of_scored_nodes_is_refused_with_the_way_out(how, wrong) -> None:
    with pytest.raises(InputError, match="NodeWithScore"):
        rerank(Reranker("bm25"), wrong, how)


def test_nodes_may_come_from_a_generator() -> None:
    ranked = scripted().postprocess_nodes((node for node in nodes()), query_str="q")
    assert [node.node.node_id for node in ranked] == ["ccc", "bb", "a"]


@both
@pytest.mark.parametrize("config", ["bm25", {"fusion": "rrf", "of": ["retrieval", "bm25"]}], ids=["bm25", "fusion"])
def test_a_score_that_is_no_number_counts_as_missing(how, config) -> None:
    """NaN comes out of some stores for zero vectors; it costs no node, and is in no dump."""
    given = [NodeWithScore(node=TextNode(text="tea", id_="t"), score=math.nan), *nodes()]
    ranked = rerank(Reranker(config), given, how)
    assert len(ranked) == 4
    [odd] = [node for node in ranked if node.node.node_id == "t"]
    assert RETRIEVAL_SCORE not in odd.node.metadata
    json.dumps([node.node.metadata for node in ranked], allow_nan=False)
