"""Parity of BGE's layerwise reranker with FlagEmbedding: token ids, logits of each layer, order."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from swaprank import ConfigError, Reranker, ScoreKind
from swaprank.methods import bge_llm_reranker_layerwise as layerwise
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, requests, rerank, same_ids, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

BGE = golden("bge-llm-reranker-layerwise")
NAME = "bge-llm-reranker-layerwise"
CASES = [
    (case, place, layer)
    for case in BGE["cases"]
    for place, layer in enumerate(case["cutoff_layers"] or [None])
]  # fmt: skip


def by_layer(case, key: str, place: int) -> list[float]:
    """The recorded figures of one of the layers of a case."""
    found = case["raw"]["logits"] if key == "logits" else case["scores"]
    return found[place] if isinstance(found[0], list) else found


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize(
    ("case", "place", "layer"), CASES, ids=[f"{case['input']}-{layer}" for case, _, layer in CASES]
)
def test_logits_of_each_layer(case, place, layer, packed, monkeypatch) -> None:
    if not packed:
        monkeypatch.setattr("swaprank.backends.transformers.causal.packed_decoder", lambda *_: None)
    options = {"max_length": case["max_length"], "cutoff_layers": layer, **case["options"]}
    own = tokens(BGE["model"])
    asked = requests(case, layerwise.METHOD(**options))
    for request, recorded in zip(asked, case["prompts"], strict=True):
        assert same_ids(own.encode(request.prompt).ids, recorded)
    # Shared beginnings are computed by both forwards, too.
    backend = {"prefix_caching": packed}
    ranking = rerank(case, NAME, BGE["model"], backend, **options)
    assert ranking.scores == pytest.approx(by_layer(case, "logits", place), abs=BGE["tolerance"]["logits_abs"])
    assert ranking.score_kind is ScoreKind.LOGIT
    assert ranking.order == case["order_by_layer"][place]
    normalized = rerank(case, NAME, BGE["model"], backend, activation="sigmoid", **options)
    assert normalized.scores == pytest.approx(by_layer(case, "scores", place), abs=5e-5)


def test_the_layers_behind_the_cut_are_not_computed(monkeypatch) -> None:
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer

    monkeypatch.setattr("swaprank.backends.transformers.causal.packed_decoder", lambda *_: None)
    computed = []
    whole = LlamaDecoderLayer.forward

    def counted(self, *given, **named):
        computed.append(self.self_attn.layer_idx)
        return whole(self, *given, **named)

    monkeypatch.setattr(LlamaDecoderLayer, "forward", counted)
    # Options that no other test has: the network is loaded anew, without the packed forward.
    rerank(BGE["cases"][0], NAME, BGE["model"], {"max_model_len": 2001}, cutoff_layers=3)
    assert set(computed) == {0, 1, 2}


@pytest.mark.parametrize("layer", [1, 6])
def test_a_layer_without_a_head_is_refused_with_the_range(layer) -> None:
    config = {"method": NAME, "model": str(MODELS / BGE["model"]), "backend": BACKEND, "cutoff_layers": layer}
    with pytest.raises(ConfigError, match=f"no head on layer {layer}.*from 2 to 5"):
        Reranker(config).rerank("q", ["p"])


def test_a_quantized_layerwise_model_is_refused() -> None:
    backend = {**BACKEND, "quantization": {"load_in_4bit": True}}
    config = {"method": NAME, "model": str(MODELS / BGE["model"]), "backend": backend}
    with pytest.raises(ConfigError, match="cannot be quantized"):
        Reranker(config).rerank("q", ["p"])


@pytest.mark.filterwarnings("error::FutureWarning")
def test_both_spellings_of_rope_are_read_without_a_warning(tmp_path) -> None:
    spellings = [
        {"rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 500.0},
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
    ]
    old, new = (rerank(BGE["cases"][0], NAME, _with(tmp_path / str(n), rope)) for n, rope in enumerate(spellings))
    assert new.scores == old.scores
    assert new.scores != pytest.approx(rerank(BGE["cases"][0], NAME, BGE["model"]).scores, abs=1e-4)


def _with(folder: Path, rope: dict[str, Any]) -> str:
    """The tiny model under a config with these rotary positions."""
    shutil.copytree(MODELS / BGE["model"], folder)
    path = folder / "config.json"
    path.chmod(0o644)
    known = {key: value for key, value in json.loads(path.read_text()).items() if not key.startswith("rope_")}
    path.write_text(json.dumps(known | rope))
    return str(folder)
