"""HybridFusion as a node postprocessor."""

import pickle

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from llamaindex_rerankers import RETRIEVAL_SCORE, SCORE_KIND, HybridFusion
from swaprank import ConfigError, Passage
from swaprank import Reranker as CoreReranker
from tests.llamaindex.helpers import both, rerank


def node(text, id_, score, **metadata) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, id_=id_, metadata=metadata), score=score)


def found() -> list[NodeWithScore]:
    return [
        node("coffee beans", "c", 0.9),
        node("green tea leaves", "g", 0.8),
        node("tea", "t", 0.7),
        node("green tea leaves", "g", 0.95, source="sparse"),
    ]


@both
def test_scores_are_fused_labelled_and_copies_merged(how) -> None:
    fused = rerank(HybridFusion(fusion="erank", of=["bm25", "retrieval"]), found(), how, "green tea")
    core = CoreReranker({"fusion": "erank", "of": ["bm25", "retrieval"]})
    assert [one.node.node_id for one in fused][-1] == "t"
    assert sorted(one.node.node_id for one in fused) == ["c", "g", "t"]
    [green] = [one for one in fused if one.node.node_id == "g"]
    assert (green.node.metadata["source"], green.node.metadata[RETRIEVAL_SCORE]) == ("sparse", 0.95)
    assert {one.node.metadata[SCORE_KIND] for one in fused} == {"fused"}
    passages = [Passage("coffee beans", score=0.9), Passage("tea", score=0.7), Passage("green tea leaves", score=0.95)]
    expected = sorted(core.rerank("green tea", passages).scores, reverse=True)
    assert [one.score for one in fused] == pytest.approx(expected)


def test_all_copies_can_be_kept() -> None:
    assert len(rerank(HybridFusion(deduplicate=False), found(), query="green tea")) == 4


def test_what_is_left_out_is_filled_in() -> None:
    assert HybridFusion().to_config() == {"fusion": "evidence", "of": ["first-stage", "bm25"], "deduplicate": True}
    assert HybridFusion(with_="bm25", alpha=0.2).to_config() == {
        "fusion": "evidence", "with": "bm25", "alpha": 0.2, "deduplicate": True,
    }  # fmt: skip
    assert HybridFusion("embedded").to_config() == {"reranker": "embedded", "deduplicate": True}


def test_dumps_pickles_and_files(tmp_path) -> None:
    (tmp_path / "fusion.yaml").write_text("fusion: rrf\nk: 10\nof: [retrieval, bm25]\ntop_n: 2\n")
    fusion = HybridFusion.from_config(tmp_path / "fusion.yaml")
    expected = [one.score for one in rerank(fusion, found(), query="green tea")]
    assert len(expected) == 2
    for twin in (HybridFusion.from_dict(fusion.to_dict()), pickle.loads(pickle.dumps(fusion))):
        assert twin.to_config() == fusion.to_config()
        assert [one.score for one in rerank(twin, found(), query="green tea")] == expected
    assert fusion.to_dict()["class_name"] == "SwaprankHybridFusion"


@pytest.mark.parametrize("wrong", ["bm25", CoreReranker("bm25")], ids=["config", "ready"])
def test_only_fusions_are_taken(wrong) -> None:
    with pytest.raises(ConfigError, match="HybridFusion takes a config with the key 'fusion'"):
        HybridFusion(wrong)
    with pytest.raises(ConfigError, match="alhpa"):
        HybridFusion(of=["retrieval", "bm25"], alhpa=0.2)


def test_type_checkers_see_the_arguments_not_the_fields() -> None:
    """mypy and pyright derive a signature for pydantic classes that do not write their own."""
    assert all("__init__" in vars(kind) for kind in (HybridFusion, *HybridFusion.__bases__))
