"""Parity of BGE's lightweight reranker with FlagEmbedding: token ids, logits of cut and compressed networks, order."""

import pytest

from swaprank import ConfigError, Reranker, ScoreKind
from swaprank.methods import bge_llm_reranker_lightweight as lightweight
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, INPUTS, requests, rerank, same_ids, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

BGE = golden("bge-llm-reranker-lightweight")
NAME = "bge-llm-reranker-lightweight"
MODEL = str(MODELS / BGE["model"])


def options(case) -> dict:
    """The settings of a case, by our names."""
    return {
        "max_length": case["max_length"],
        "cutoff_layers": (case["cutoff_layers"] or [None])[0],
        "compress_ratio": case["compress_ratio"],
        "compress_layers": tuple(case["compress_layers"]),
        **case["options"],
    }


def name(case) -> str:
    return f"{case['input']}-{case['compress_ratio']}-{case['compress_layers']}-{case['cutoff_layers']}"


@pytest.mark.parametrize("batch_tokens", [16384, 700], ids=["together", "apart"])
@pytest.mark.parametrize("case", BGE["cases"], ids=name)
def test_logits(case, batch_tokens) -> None:
    own = tokens(BGE["model"])
    asked = requests(case, lightweight.METHOD(**options(case)))
    for request, recorded in zip(asked, case["prompts"], strict=True):
        assert same_ids(own.encode(request.prompt).ids, recorded)
    backend = {"batch_tokens": batch_tokens}
    ranking = rerank(case, NAME, BGE["model"], backend, **options(case))
    assert ranking.scores == pytest.approx(case["raw"]["logits"], abs=BGE["tolerance"]["logits_abs"])
    assert ranking.score_kind is ScoreKind.LOGIT
    assert ranking.order == case["order"]
    normalized = rerank(case, NAME, BGE["model"], backend, activation="sigmoid", **options(case))
    assert normalized.scores == pytest.approx(case["scores"], abs=5e-5)


def test_16_bits_move_the_logits_a_little() -> None:
    case = BGE["cases"][1]
    ranking = rerank(case, NAME, BGE["model"], {"dtype": "bfloat16"}, **options(case))
    assert ranking.scores == pytest.approx(case["raw"]["logits"], abs=0.1)


def test_lists_of_several_queries_are_read_as_each_alone() -> None:
    config = {"method": NAME, "model": MODEL, "backend": BACKEND, "compress_ratio": 4, "compress_layers": [1, 3]}
    reranker = Reranker(config)
    asked = [
        (INPUTS[place]["query"], [document["text"] for document in INPUTS[place]["documents"]])
        for place in ("arabic", "edison", "happy")
    ]
    together = reranker.rerank_many(*zip(*asked, strict=True))
    for (query, passages), ranking in zip(asked, together, strict=True):
        assert ranking.scores == pytest.approx(reranker.rerank(query, passages).scores, abs=1e-5)


def test_layers_behind_the_cut_are_not_computed_and_see_fewer_tokens_behind_a_compression(monkeypatch) -> None:
    from transformers.models.gemma2.modeling_gemma2 import Gemma2MLP

    widths = []
    whole = Gemma2MLP.forward

    def counted(self, hidden):
        widths.append(hidden.shape[1])
        return whole(self, hidden)

    monkeypatch.setattr(Gemma2MLP, "forward", counted)
    config = {"method": NAME, "model": MODEL, "backend": BACKEND, "cutoff_layers": 4, "compress_ratio": 8}
    Reranker({**config, "compress_layers": [2]}).rerank("a question", ["one two three four five " * 20])
    assert len(widths) == 4
    assert widths[0] == widths[1]
    assert widths[2] == widths[3] < widths[0] / 2


@pytest.mark.parametrize("layer", [1, 7])
def test_a_layer_without_a_head_is_refused_with_those_that_have_one(layer) -> None:
    config = {"method": NAME, "model": MODEL, "backend": BACKEND, "cutoff_layers": layer}
    with pytest.raises(ConfigError, match=f"no head on layer {layer}.*one of 2, 3, 4, 5, 6"):
        Reranker(config).rerank("q", ["p"])


def test_compression_is_refused_by_models_that_are_not_trained_for_it() -> None:
    config = {"method": NAME, "model": str(MODELS / "tiny-minicpm-layerwise"), "backend": BACKEND, "compress_ratio": 2}
    with pytest.raises(ConfigError, match=r"cannot compress tokens.*bge-llm-reranker-layerwise"):
        Reranker(config).rerank("q", ["p"])


@pytest.mark.parametrize("setting", [{"attn_implementation": "eager"}, {"device_map": "auto"}])
def test_another_attention_and_several_devices_are_refused(setting) -> None:
    config = {"method": NAME, "model": MODEL, "backend": {**BACKEND, **setting}}
    with pytest.raises(ConfigError, match=r"layer by layer.*Leave out"):
        Reranker(config).rerank("q", ["p"])


def test_a_checkpoint_without_the_head_is_refused(tmp_path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "headless"
    shutil.copytree(MODEL, folder)
    tensors = load_file(folder / "model.safetensors")
    save_file({key: value for key, value in tensors.items() if "lm_head.0" not in key}, folder / "model.safetensors")
    with pytest.raises(ConfigError, match="no head of one output"):
        Reranker({"method": NAME, "model": str(folder), "backend": BACKEND}).rerank("q", ["p"])


def test_the_model_alone_says_which_method_it_is_for() -> None:
    assert Reranker(MODEL)._stage.ranker.method.name == NAME
