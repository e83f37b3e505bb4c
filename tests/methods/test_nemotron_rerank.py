"""Parity of nemotron-rerank with an oracle of our own: token ids, logits under each pooling, order."""

import json
import shutil

import pytest

from swaprank import BackendError, ConfigError, Reranker, ScoreKind
from swaprank.methods import nemotron_rerank
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, requests, rerank, same_ids, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

NEMOTRON = golden("nemotron-rerank")
NAME = "nemotron-rerank"


def bidirectional(folder, **changed) -> str:
    """The tiny classifier as a Nemotron reranker: the same tensors under another config."""
    shutil.copytree(MODELS / NEMOTRON["model"], folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "llama_bidirec", "architectures": ["LlamaBidirectionalForSequenceClassification"]}
    config |= {"auto_map": {"AutoConfig": "absent.Absent"}, "pooling": "avg", "temperature": 1.0, **changed}
    (folder / "config.json").chmod(0o644)
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize(
    "case", NEMOTRON["cases"], ids=lambda case: f"{case['input']}-{case['pooling']}-{case['max_length']}"
)
def test_ids_logits_and_order(case, tmp_path) -> None:
    own = tokens(NEMOTRON["model"])
    asked = requests(case, nemotron_rerank.METHOD(max_length=case["max_length"]))
    for request, recorded in zip(asked, case["prompts"], strict=True):
        assert same_ids(own.encode(request.prompt, request.max_length).ids, recorded)
    model = bidirectional(tmp_path / "model", pooling=case["pooling"], temperature=case["temperature"])
    ranking = rerank(case, NAME, model, max_length=case["max_length"])
    assert ranking.scores == pytest.approx(case["logits"], abs=1e-5)
    assert ranking.score_kind is ScoreKind.LOGIT
    assert ranking.order == case["order"]
    normalized = rerank(case, NAME, model, max_length=case["max_length"], activation="sigmoid")
    assert normalized.scores == pytest.approx(case["scores"], abs=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100_000])
def test_padding_changes_nothing(batch_tokens, tmp_path) -> None:
    case = NEMOTRON["cases"][0]
    ranking = rerank(case, NAME, bidirectional(tmp_path / "model"), {"batch_tokens": batch_tokens})
    assert ranking.scores == pytest.approx(case["logits"], abs=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pooling": "max"}, "the pooling 'max'; known are avg, cls, last"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}, "has 2 outputs"),
    ],
    ids=["pooling", "labels"],
)
def test_another_head_is_refused(changed, message, tmp_path) -> None:
    config = {"method": NAME, "model": bidirectional(tmp_path / "model", **changed), "backend": BACKEND}
    with pytest.raises(ConfigError, match=message):
        Reranker(config).rerank("q", ["p"])


def test_a_model_of_this_kind_is_not_taken_for_another(tmp_path) -> None:
    config = {"method": "bge-llm-reranker-layerwise", "model": bidirectional(tmp_path / "model"), "backend": BACKEND}
    with pytest.raises(ConfigError, match="It is for method: nemotron-rerank"):
        Reranker({**config, "cutoff_layers": 2}).rerank("q", ["p"])


def test_a_broken_config_is_an_error_of_the_model(tmp_path) -> None:
    model = bidirectional(tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text('{"model_type": ')
    with pytest.raises(BackendError, match=r"(?s)model.*Expecting value"):
        Reranker({"method": NAME, "model": model, "backend": BACKEND}).rerank("q", ["p"])
