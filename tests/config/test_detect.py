"""A model that is named without a method gets the one that a recipe or its own files say; several are an error."""

import json
import logging
import re

import pytest

from swaprank import ConfigError, Reranker
from swaprank.config import recipe
from tests.conftest import MODELS

PLAIN = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "id2label": {"0": "LABEL_0"}}
CAUSAL = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
MODULE = "sentence_transformers.models.Transformer"
MODEL2VEC = {"architectures": ["StaticModel"], "model_type": "model2vec", "normalize": True}
STATIC = [{"type": f"sentence_transformers.models.{name}"} for name in ("StaticEmbedding", "Normalize")]


@pytest.fixture
def model(tmp_path):
    """Writes the files of a model."""

    def write(**files):
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(json.dumps(content))
        return str(tmp_path)

    return write


@pytest.mark.parametrize(
    ("first", "method"),
    [
        ("BAAI/bge-reranker-v2-m3", "cross-encoder"),
        ("cross-encoder/ms-marco-MiniLM-L6-v2", "cross-encoder"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", "cross-encoder"),
        ("Qwen/Qwen3-Reranker-0.6B", "qwen3-reranker"),
        ("intfloat/e5-base-v2", "bi-encoder"),
    ],
)
def test_a_hub_id_of_a_recipe_is_built_without_the_hub(first, method, caplog) -> None:
    caplog.set_level(logging.INFO, "swaprank")
    for reranker in (Reranker(first), Reranker(model=first), Reranker({"model": first}), Reranker({"reranker": first})):
        assert reranker._stage.ranker.method.name == method
        assert reranker._stage.ranker.backend.model == first
    assert f"{first} is of the method {method}, as the recipe" in caplog.text


def test_a_recipes_options_come_with_its_model_and_can_be_overridden() -> None:
    assert Reranker("cross-encoder/ms-marco-MiniLM-L-6-v2")._stage.ranker.method.max_length == 512
    reranker = Reranker("cross-encoder/ms-marco-MiniLM-L-6-v2", max_length=128, top_n=3)
    assert (reranker._stage.ranker.method.max_length, reranker.top_n) == (128, 3)
    assert Reranker.from_config(reranker.to_config()).to_config() == reranker.to_config()


@pytest.mark.parametrize(
    ("files", "method"),
    [
        ({"config__json": PLAIN}, "cross-encoder"),
        ({"config__json": {**PLAIN, "id2label": {}, "num_labels": 1}}, "cross-encoder"),
        ({"config__json": PLAIN, "modules__json": [{"type": MODULE}]}, "bi-encoder"),
        (
            {
                "config__json": CAUSAL,
                "modules__json": [{"type": MODULE}],
                "config_sentence_transformers__json": {"model_type": "CrossEncoder"},
            },
            "cross-encoder",
        ),
        ({"modules__json": [{"type": "sentence_transformers.cross_encoder.modules.LogitScore"}]}, "cross-encoder"),
        ({"modules__json": [{"type": MODULE}, {"type": "pylate.models.Dense.Dense"}]}, "late-interaction"),
        ({"config__json": {"architectures": ["HF_ColBERT"]}}, "late-interaction"),
        ({"config__json": PLAIN, "artifact__metadata": {"dim": 128}}, "late-interaction"),
        ({"config__json": MODEL2VEC}, "static-embedding"),
        ({"config__json": MODEL2VEC, "modules__json": STATIC}, "static-embedding"),
        ({"modules__json": STATIC}, "static-embedding"),
        ({"modules__json": [*STATIC, {"type": "sentence_transformers.models.Dense"}]}, "bi-encoder"),
    ],
)
def test_a_folders_own_files_say_the_method(model, files, method) -> None:
    folder = model(**files)
    assert Reranker(folder)._stage.ranker.method.name == method
    assert Reranker(stages=["bm25", folder])._stage.ranker.stages[1].ranker.method.name == method


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config__json": CAUSAL}, "fits several methods: rankgpt, zero-shot, qwen3-reranker"),
        ({"config__json": {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}}, "monot5, setwise"),
        ({"config__json": {"architectures": ["BertModel"], "model_type": "bert"}}, "bi-encoder, late-interaction"),
        ({"config__json": {**PLAIN, "id2label": {"0": "a", "1": "b", "2": "c"}}}, "has 3 outputs"),
        ({"config__json": {**PLAIN, "id2label": None}}, "has 2 outputs"),
        (
            {"config__json": {**PLAIN, "architectures": ["LlamaForSequenceClassification"], "model_type": "llama"}},
            "cross-encoder, dear-pointwise",
        ),
        ({"config__json": {"architectures": ["ViTForImageThings"]}}, "is a ViTForImageThings"),
        ({"config__json": {}}, "a network without a name"),
        ({"config__json": []}, "has no config.json"),
        ({}, "has no config.json"),
        ({"adapter_config__json": {}}, "is a PEFT adapter"),
        ({"modules__json": [{"type": "sentence_transformers.sparse_encoder.models.SpladePooling"}]}, "sparse"),
    ],
)
def test_what_does_not_say_one_method_is_an_error_with_the_way_out(model, files, said) -> None:
    with pytest.raises(ConfigError) as caught:
        Reranker(model(**files))
    assert said in str(caught.value)


def test_several_recipes_of_one_model_are_named() -> None:
    with pytest.raises(ConfigError, match=r"several recipes: .*setwise-flan-t5-large \(setwise\)") as caught:
        Reranker("google/flan-t5-large")
    advised = re.search(r"such as reranker: ([\w.-]+)", str(caught.value))
    assert advised is not None
    assert recipe.get(advised[1]).config["model"] == "google/flan-t5-large"


def test_two_recipes_of_one_method_are_told_apart_by_their_names(monkeypatch) -> None:
    known = recipe.all_recipes()
    ours = known["bge-reranker-v2-m3"]
    monkeypatch.setattr(recipe, "all_recipes", lambda: {**known, "company-bge": ours})
    with pytest.raises(ConfigError, match=r"bge-reranker-v2-m3 \(cross-encoder\), company-bge \(cross-encoder\)"):
        Reranker("BAAI/bge-reranker-v2-m3")
    assert Reranker("company-bge").to_config()["reranker"] == "company-bge"
    assert Reranker("BAAI/bge-reranker-v2-m3", method="cross-encoder").to_config()["method"] == "cross-encoder"


def test_broken_files_and_missing_folders(model, tmp_path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config.json of the model .* cannot be read"):
        Reranker(str(tmp_path))
    for missing in ("./no/such/folder", "./nope", "../nope", "~/no-such-folder", "/no/such"):
        with pytest.raises(ConfigError, match="There is no folder"):
            Reranker(missing)
    with pytest.raises(ConfigError, match="'nope', which is not installed"):
        Reranker("package:nope/x")


def test_a_file_and_the_name_of_a_service_are_no_models(model, tmp_path) -> None:
    model(config__json=PLAIN)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"is a file, and a model is a folder.*onnx_file"):
        Reranker(str(tmp_path / "model.onnx"), backend="onnx")
    with pytest.raises(ConfigError, match=r"No recipe is named 'cohere'. It is a hosted service.*api: cohere"):
        Reranker("cohere")
    with pytest.raises(ConfigError, match="Did you mean 'batch_tokens' under 'backend'"):
        Reranker("bm25", batch_size=8)


def test_a_model_on_a_server_needs_a_recipe_or_a_method() -> None:
    served = {"type": "http", "api": "vllm-score"}
    assert Reranker("BAAI/bge-reranker-v2-m3", backend=served)._stage.ranker.backend.name == "http"
    with pytest.raises(ConfigError, match="has no files"):
        Reranker("my/model", backend=served)


def test_a_path_object_may_be_a_model(tmp_path, model) -> None:
    model(config__json=PLAIN)
    assert Reranker(tmp_path)._stage.ranker.method.name == "cross-encoder"


@pytest.mark.torch
def test_a_folder_is_scored_as_with_its_method() -> None:
    folder = str(MODELS / "tiny-bert-cross-encoder")
    passages = ["green tea", "coffee"]
    said = Reranker(method="cross-encoder", model=folder).rerank("tea", passages)
    assert Reranker(folder).rerank("tea", passages).scores == said.scores


class TestHub:
    """The hub as `huggingface_hub` shows it, without a network."""

    @pytest.fixture
    def hub(self, monkeypatch, tmp_path):
        import huggingface_hub
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        asked = []

        def download(model, name, *, local_files_only, etag_timeout, **where):
            asked.append((model, name, local_files_only))
            if model == "gone/away":
                raise LocalEntryNotFoundError("no connection")
            if not (tmp_path / name).is_file():
                raise EntryNotFoundError("404")
            return str(tmp_path / name)

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        (tmp_path / "config.json").write_text(json.dumps(PLAIN))
        return asked

    def test_an_unknown_id_is_read_from_the_hub(self, hub) -> None:
        assert Reranker("some/model")._stage.ranker.method.name == "cross-encoder"
        assert ("some/model", "config.json", False) in hub

    def test_beside_a_method_nothing_is_read(self, hub) -> None:
        Reranker(method="bi-encoder", model="some/model")
        assert hub == []

    def test_a_hub_out_of_reach_says_what_to_write(self, hub) -> None:
        with pytest.raises(ConfigError, match=r"cannot be read from the hub.*no connection.*Say it: method"):
            Reranker("gone/away")


def test_aliases_are_no_models_of_recipes() -> None:
    models = {one.config.get("model") for one in recipe.all_recipes().values()}
    assert not models & {alias for one in recipe.all_recipes().values() for alias in one.aliases}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["BaseRetriever"], "a retriever"),
        (["BaseChatModel", "BaseLanguageModel"], r"an LLM.*llm="),
        (["Embeddings"], "an embedding model"),
        (["VectorStore"], "a store of passages"),
        (["CrossEncoder"], "a loaded model"),
    ],
)
def test_other_things_in_the_first_place_are_told_what_to_write(line, said) -> None:
    kind: type = object
    for name in reversed(line):
        kind = type(name, (kind,), {})
    with pytest.raises(ConfigError, match=said):
        Reranker(type("Mine", (kind,), {})())


def test_a_layerwise_decoder_is_told_from_other_decoders() -> None:
    reranker = Reranker(str(MODELS / "tiny-minicpm-layerwise"))
    assert reranker._stage.ranker.method.name == "bge-llm-reranker-layerwise"


@pytest.mark.parametrize("name", ["bge-reranker-v2-m3", "bm25"])
def test_the_name_of_a_reranker_in_place_of_a_model_is_told_where_to_stand(name) -> None:
    with pytest.raises(ConfigError, match=f"{name}' is the name of a reranker, and no model. Write reranker: {name} "):
        Reranker(model=name)
