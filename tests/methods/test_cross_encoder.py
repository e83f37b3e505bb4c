"""Parity of the cross-encoder with sentence-transformers and with FlagEmbedding."""

import json
import shutil

import pytest

from swaprank import ConfigError, Reranker, ScoreKind
from swaprank.backends._tokens.pairs import encode_pairs
from swaprank.backends._tokens.quoting import Quoting
from swaprank.requests import PairScore
from tests.conftest import MODELS, golden, inputs

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")

RECORDED = golden("cross-encoder")
INPUTS = inputs()


def config(model, **options):
    # The official codes leave empty passages where the model puts them.
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu"}
    return {"method": "cross-encoder", "model": str(model), "backend": backend, "empty_passages": "score", **options}


def assert_same_order(ranking, case) -> None:
    """The recorded order; where recorded scores are equal, the given order (theirs is not stable)."""
    expected = sorted(case["order"], key=lambda index: (-case["scores"][index], index))
    assert ranking.order == expected


def case_id(case) -> str:
    return f"{case['input']}-{case['model']}-{case['max_length']}"


def rerank(case, model=None, **options):
    given = INPUTS[case["input"]]
    texts = [document["text"] for document in given["documents"]]
    return Reranker(config(model or MODELS / case["model"], **options)).rerank(given["query"], texts)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=case_id)
def test_sentence_transformers(case) -> None:
    ranking = rerank(case, max_length=case["max_length"])
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-5)
    assert_same_order(ranking, case)
    assert ranking.score_kind is ScoreKind.PROBABILITY
    assert ranking.calls[0].input_tokens == sum(len(ids) for ids in case["prompts"])
    logits = rerank(case, max_length=case["max_length"], activation="identity")
    assert logits.scores == pytest.approx(case["raw"]["logits"], abs=5e-5)
    assert logits.score_kind is ScoreKind.LOGIT


@pytest.mark.parametrize("case", [case for case in RECORDED["cases"] if case["max_length"] == 512], ids=case_id)
def test_the_default_length_is_the_tokenizers(case) -> None:
    assert rerank(case).scores == pytest.approx(case["scores"], abs=1e-5)


@pytest.mark.parametrize("case", RECORDED["flagembedding"]["cases"], ids=case_id)
def test_flagembedding(case) -> None:
    options = {"protocol": "flagembedding", "max_length": case["max_length"]}
    ranking = rerank(case, **options)
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-5)
    assert_same_order(ranking, case)
    assert rerank(case, activation="identity", **options).scores == pytest.approx(case["raw"]["logits"], abs=5e-5)


def encoded(case, **options):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODELS / case["model"])
    given = INPUTS[case["input"]]
    pairs = [PairScore(given["query"], document["text"], **options) for document in given["documents"]]
    quoting = Quoting(tokenizer, case["model"])
    return [pair.inputs for pair in encode_pairs(quoting, pairs, [options["max_length"]] * len(pairs))]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=case_id)
def test_token_ids_and_segments(case) -> None:
    pairs = encoded(case, max_length=case["max_length"])
    assert [pair["input_ids"] for pair in pairs] == case["prompts"]
    if case["token_type_ids_ones"] and case["token_type_ids_ones"][0] is not None:
        assert [sum(pair["token_type_ids"]) for pair in pairs] == case["token_type_ids_ones"]


@pytest.mark.parametrize("case", RECORDED["flagembedding"]["cases"], ids=case_id)
def test_flagembedding_token_ids(case) -> None:
    pairs = encoded(
        case, max_length=case["max_length"], truncation="passage", query_max_length=case["query_max_length"]
    )
    assert [pair["input_ids"] for pair in pairs] == case["prompts"]


@pytest.mark.parametrize("case", RECORDED["activation_cases"], ids=lambda case: str(case["config_patch"]))
def test_the_activation_is_the_models(case, tmp_path) -> None:
    folder = shutil.copytree(MODELS / "tiny-bert-cross-encoder", tmp_path / "model")
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **case["config_patch"]}))
    ranking = rerank(case, model=folder)
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-5)
    kinds = {"Identity": ScoreKind.LOGIT, "Sigmoid": ScoreKind.PROBABILITY}
    assert ranking.score_kind is kinds.get(case["activation"], ScoreKind.OTHER)


def test_by_default_empty_passages_are_ranked_last() -> None:
    given = INPUTS["edge"]
    texts = [document["text"] for document in given["documents"]]
    whole = config(MODELS / "tiny-bert-cross-encoder")
    official = Reranker(whole).rerank(given["query"], texts)
    ours = Reranker({**whole, "empty_passages": "last"}).rerank(given["query"], texts)
    assert official.order[0] == 0
    assert ours.order == [*official.order[1:], 0]


def test_a_model_with_several_outputs_needs_a_label(tmp_path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    source = MODELS / "tiny-bert-cross-encoder"
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=2, ignore_mismatched_sizes=True)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="has 2 outputs and label is None"):
        Reranker(config(tmp_path)).rerank("q", ["a"])
    with pytest.raises(ConfigError, match="label: 0 to 1"):
        Reranker(config(tmp_path, label=2)).rerank("q", ["a"])
    both = [Reranker(config(tmp_path, label=label)).rerank("q", ["a", "b c"]) for label in (0, 1)]
    assert both[0].scores != both[1].scores
    assert all(ranking.score_kind is ScoreKind.LOGIT for ranking in both)


def test_instructions_stand_before_query_and_passage() -> None:
    model = MODELS / "tiny-xlmr-cross-encoder"
    options = {"query_instruction_for_rerank": "find: ", "passage_instruction_for_rerank": "text: "}
    told = Reranker(config(model, **options)).rerank("tea", ["green"])
    written = Reranker(config(model)).rerank("find: tea", ["text: green"])
    assert told.scores == written.scores


def test_a_pair_fits_whatever_query_max_length_says() -> None:
    """FlagEmbedding would hand the model more tokens than it has positions."""
    model = MODELS / "tiny-xlmr-cross-encoder"
    options = {"protocol": "flagembedding", "max_length": 20, "query_max_length": 400}
    ranking = Reranker(config(model, **options)).rerank("tea " * 600, ["green", "black"])
    assert ranking.calls[0].input_tokens == 2 * 20


def test_query_max_length_needs_the_protocol_that_reads_it() -> None:
    with pytest.raises(ConfigError, match="query_max_length is for protocol: flagembedding"):
        Reranker(config("model", query_max_length=64))
