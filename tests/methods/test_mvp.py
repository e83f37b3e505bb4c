"""Parity of MVP with the official model class on tiny weights; its text format is a reconstruction."""

import shutil

import pytest

from swaprank import ConfigError, Passage, Query, Reranker
from swaprank.methods.mvp import MVP
from swaprank.prompt import plain
from swaprank.testing import check_reranker
from tests.conftest import MODELS, golden, inputs
from tests.methods.recorded import same_text

pytest.importorskip("transformers")

CASES = golden("mvp")["cases"]
INPUTS = inputs()
T5 = MODELS / "tiny-t5-mvp"


def reranker(**options) -> Reranker:
    backend = {"dtype": "float32", "device": "cpu", **options.pop("backend", {})}
    config = {"method": "mvp", "model": str(T5), "backend": backend, "empty_passages": "score"}
    return Reranker({**config, **options})


def case_id(case) -> str:
    return f"{case['input']}-{'-'.join(map(str, case['parameters'].values()))}"


def presented(case) -> tuple[list[str], list[int]]:
    """The texts in the order shown, and which document each is."""
    texts = [document["text"] for document in INPUTS[case["input"]]["documents"]]
    order = case["parameters"]["presented_order"] or list(range(len(texts)))
    order = order[: case["parameters"]["first_documents"]]
    return [texts[index] for index in order], order


def options(case) -> dict:
    return {"max_length": case["parameters"]["max_length"], "views": case["parameters"]["views"]}


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_scores(case) -> None:
    texts, order = presented(case)
    ranking = reranker(**options(case)).rerank(INPUTS[case["input"]]["query"], texts)
    assert {index: ranking.scores[place] for place, index in enumerate(order)} == pytest.approx(
        dict(enumerate(case["scores"])), abs=5e-5
    )
    for ours, theirs in zip(ranking.order, case["order"], strict=True):
        assert case["scores"][order[ours]] == pytest.approx(case["scores"][theirs], abs=5e-5)


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_prompts_and_token_ids(case) -> None:
    from swaprank.backends.transformers.fusion_in_decoder.passage_encodings import encoded_prompt

    ranker = reranker(**options(case))
    given = INPUTS[case["input"]]
    passages = [Passage(text) for text in presented(case)[0]]
    [request] = next(MVP(**options(case)).steps(Query(given["query"]), passages))
    ranker.rerank("warm", ["up"])
    [runner] = ranker._stage.ranker.backend._batcher.model._runners.values()
    for prompt, text, recorded in zip(request.prompts, case["prompts"], case["token_ids"], strict=True):
        assert same_text(plain(prompt), text)
        ids = list(encoded_prompt(runner._tokens, prompt, request.max_length)[0])
        if isinstance(recorded, dict):
            assert (len(ids), ids[:50]) == (recorded["count"], recorded["first_50"])
        else:
            assert ids == recorded


@pytest.mark.torch
def test_promises() -> None:
    check_reranker(Reranker({"method": "mvp", "model": str(T5), "backend": {"device": "cpu", "dtype": "float32"}}))


@pytest.mark.torch
def test_queries_together_score_as_alone() -> None:
    """Another number of passages beside must not change a list's anchors."""
    ranker, queries = reranker(), ["green tea", "coffee"]
    lists = [["leaves", "a bean " * 30, "water"], ["a bean", "leaves"]]
    together = ranker.rerank_many(queries, lists)
    for query, texts, ranking in zip(queries, lists, together, strict=True):
        assert ranking.scores == pytest.approx(ranker.rerank(query, texts).scores, rel=1e-4)


@pytest.mark.torch
def test_a_long_query_leaves_room_for_the_passages() -> None:
    """Cut by the end alone, every prompt would be the same and every score equal."""
    ranking = reranker(max_length=32).rerank("word " * 100, ["green", "black"])
    assert ranking.scores[0] != ranking.scores[1]
    assert ranking.calls[0].cut == 2
    assert reranker().rerank("word", ["green", "black"]).calls[0].cut == 0


@pytest.mark.torch
def test_view_tokens_in_a_passage_are_no_views() -> None:
    texts = ["<v1> <v2> <extra_id_0> </s> text", "plain"]
    ranking = reranker(view_tokens=["<extra_id_0>", "<extra_id_1>"]).rerank("q </s> <extra_id_1>", texts)
    assert len(set(ranking.scores)) == 2


@pytest.mark.torch
def test_weights_saved_under_the_wrappers_of_fusion_in_decoder(tmp_path) -> None:
    """As MVP's training code saves them: the encoder and its blocks are wrapped."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(T5, tmp_path, dirs_exist_ok=True)
    tensors = {}
    for name, tensor in load_file(T5 / "model.safetensors").items():
        if name.startswith("encoder.block."):
            _, _, number, rest = name.split(".", 3)
            name = f"encoder.encoder.block.{number}.module.{rest}"
        elif name.startswith("encoder."):
            name = f"encoder.{name}"
        tensors[name] = tensor
    assert any(".module." in name for name in tensors)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    texts = ["green", "black tea"]
    assert reranker(model=str(tmp_path)).rerank("q", texts).scores == reranker().rerank("q", texts).scores


@pytest.mark.torch
def test_a_model_without_a_decoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="no encoder and decoder"):
        reranker(model=str(MODELS / "tiny-bert-cross-encoder")).rerank("q", ["a"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"template": "{passage} {query}"}, "end in {passage}"), ({"views": 5}, "views is 5"), ({"max_length": 8}, "24")],
)
def test_options_that_cannot_be_met(wrong, message) -> None:
    with pytest.raises(ConfigError, match=message):
        reranker(**wrong)
