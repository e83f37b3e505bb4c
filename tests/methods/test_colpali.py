"""Parity of ColPali on PaliGemma, and of models in colpali-engine's format, with the official codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swaprank import ConfigError, Image, Passage
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import EmbedImageTokens, EmbedTokens
from swaprank.testing import check_backend
from tests.conftest import GOLDEN, MODELS, golden
from tests.methods import colpali
from tests.methods.multimodal import asked, reranker

pytestmark = [pytest.mark.torch]
pytest.importorskip("PIL")
pytest.importorskip("torch")
RECORDED = golden("colpali-paligemma")
IMAGES = GOLDEN / "images"
IDS = [case["input"] for case in RECORDED["cases"]]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The tiny models, by the code that reads them."""
    folder = tmp_path_factory.mktemp("colpali")
    return {
        "engine": colpali.engine_colpali(folder / "base"),
        "engine, old names": colpali.engine_colpali(folder / "older-base", old=True),
        "transformers": colpali.native_colpali(folder / "native"),
    }


def backend(model) -> TransformersBackend:
    return TransformersBackend(str(model), TransformersOptions(dtype="float32", device="cpu"))


def scores(model, name: str, **options) -> list[float]:
    query, passages = asked(name)
    return reranker("late-interaction", str(model), images="read", **options).rerank(query, passages).scores


@pytest.mark.parametrize(
    ("code", "options"), [("engine", {"query_prefix": ""}), ("transformers", {})], ids=["engine", "transformers"]
)
@pytest.mark.parametrize("case", RECORDED["cases"], ids=IDS)
def test_the_official_codes(case, code, options, models) -> None:
    recorded = case[code]
    assert scores(models[code], case["input"], **options) == pytest.approx(recorded["scores"], abs=1e-4)
    query, passages = asked(case["input"])
    own = backend(models[code])
    [text, page] = own.run(
        [EmbedTokens(query.text, "query", marker=options.get("query_prefix")), EmbedImageTokens(passages[0].images[0])]
    )
    assert (list(text.ids), list(page.ids)) == (recorded["query_ids"], recorded["page_ids"])


def test_the_names_of_older_checkpoints(models) -> None:
    assert scores(models["engine, old names"], "pages") == pytest.approx(scores(models["engine"], "pages"), abs=1e-6)


def test_an_adapter_on_colqwen2_is_merged(tmp_path) -> None:
    from safetensors.numpy import save_file

    adapter = colpali.engine_colqwen2(tmp_path / "base")
    weights = colpali.merged(tmp_path / "base", adapter)
    whole = tmp_path / "whole"
    whole.mkdir()
    for path in (MODELS / "tiny-colqwen2").glob("*.json"):
        (whole / path.name).write_bytes(path.read_bytes())
    renamed = {
        f"vlm.{name.replace('model.', 'language_model.', 1) if name.startswith('model.') else name}"
        if "custom" not in name
        else name.replace("custom_text_proj", "embedding_proj_layer"): value
        for name, value in weights.items()
    }
    save_file(renamed, whole / "model.safetensors", metadata={"format": "pt"})
    found = scores(adapter, "pages")
    assert found == pytest.approx(scores(whole, "pages"), abs=1e-4)
    assert found != pytest.approx(scores(MODELS / "tiny-colqwen2", "pages"), abs=1e-2)


def test_batches_and_threads_do_not_matter(models) -> None:
    requests = [EmbedTokens("tea", "query"), EmbedTokens("a page about tea", "passage")]
    requests += [EmbedImageTokens(Image(IMAGES / name)) for name in ("page_tea.png", "very_wide.png", "meadow.jpg")]
    requests.append(EmbedImageTokens(Image(IMAGES / "page_tea.png"), image_only=True))
    check_backend(backend(models["engine"]), requests)


def test_image_tokens_only_and_broken_images(models) -> None:
    whole, own, broken = backend(models["transformers"]).run(
        [
            EmbedImageTokens(Image(IMAGES / "page_tea.png")),
            EmbedImageTokens(Image(IMAGES / "page_tea.png"), image_only=True),
            EmbedImageTokens(Image(IMAGES / "truncated.jpg")),
        ]
    )
    assert len(own.vectors) == 16
    assert np.allclose(whole.vectors[:16], own.vectors)
    assert "truncated.jpg" in broken.unreadable


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"use_dora": True}, "only plain LoRA"), ({"peft_type": "IA3"}, "only plain LoRA")],
    ids=["DoRA", "IA3"],
)
def test_other_adapters_are_refused(changed, message, tmp_path) -> None:
    adapter = colpali.engine_colpali(tmp_path / "base")
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(ConfigError, match=message):
        reranker("late-interaction", str(adapter), images="read", on_error="raise").rerank(
            "tea", [Passage("", images=IMAGES / "page_tea.png")]
        )


def test_an_adapter_may_bring_tokenizer_and_image_processor(tmp_path, models) -> None:
    adapter = colpali.engine_colpali(tmp_path / "base")
    for path in [*(tmp_path / "base").glob("*token*.json"), tmp_path / "base" / "preprocessor_config.json"]:
        path.rename(adapter / path.name)
    assert scores(adapter, "one") == pytest.approx(scores(models["engine"], "one"), abs=1e-6)


def test_a_quantized_base_is_refused(tmp_path) -> None:
    adapter = colpali.engine_colpali(tmp_path / "base")
    backend = {"type": "transformers", "device": "cpu", "quantization": {"load_in_4bit": True}}
    with pytest.raises(ConfigError, match="cannot be quantized"):
        reranker("late-interaction", str(adapter), images="read", on_error="raise", backend=backend).rerank(
            "tea", [Passage("", images=IMAGES / "page_tea.png")]
        )


def test_an_adapter_of_another_model_is_refused(tmp_path) -> None:
    from safetensors.numpy import load_file, save_file

    adapter = colpali.engine_colpali(tmp_path / "base")
    weights = load_file(adapter / "adapter_model.safetensors")
    moved = {name.replace("layers.1.", "layers.7."): value for name, value in weights.items()}
    save_file(moved, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="no counterpart of"):
        reranker("late-interaction", str(adapter), images="read", on_error="raise").rerank(
            "tea", [Passage("", images=IMAGES / "page_tea.png")]
        )
