"""The hub is asked once for a model, fails once and soon, and is done without where the cache has the model."""

import asyncio
import gc
import json
import shutil
import socket
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from swaprank import BackendError, MissingDependencyError, Reranker
from swaprank.backends._checkpoints.hub import HubAccess
from swaprank.backends._checkpoints.needed_files import needed_files
from swaprank.backends._checkpoints.snapshot import snapshot
from tests.backends.checkpoints.fake_hub import COMMIT, FakeHub
from tests.conftest import MODELS

hub_library = pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_hub.constants")
pytestmark = pytest.mark.torch

MODEL = "me/cross-encoder"
INFO = f"GET /api/models/{MODEL}"


@pytest.fixture
def hub(monkeypatch, tmp_path, nothing_loaded):
    """A hub with one model, an empty cache, and a library that may ask it, for a second at most."""
    fake = FakeHub(**{MODEL.replace("/", "__"): MODELS / "tiny-bert-cross-encoder"})
    for name, value in {
        "HF_HUB_OFFLINE": False,
        "ENDPOINT": fake.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": fake.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_ETAG_TIMEOUT": 1,
    }.items():
        monkeypatch.setattr(constants, name, value)
    hub_library.close_session() if hasattr(hub_library, "close_session") else None
    yield fake
    fake.close()


def config(**backend):
    return {"method": "cross-encoder", "model": MODEL, "backend": {"device": "cpu", "dtype": "float32", **backend}}


def ranked(reranker):
    return reranker.rerank("tea", ["black coffee", "green tea"])


def test_a_model_is_fetched_once_and_what_is_in_the_cache_costs_one_request(hub) -> None:
    local = Reranker({**config(), "model": str(MODELS / "tiny-bert-cross-encoder")})
    with Reranker(config()) as reranker:
        assert ranked(reranker).scores == pytest.approx(ranked(local).scores, abs=1e-6)
    assert len(hub.asked_for("GET /me/cross-encoder/resolve")) == 4
    hub.asked.clear()
    ranked(Reranker(config()))
    assert hub.asked == [INFO]


def test_offline_the_cache_serves_and_nothing_is_asked(hub, monkeypatch) -> None:
    fetched = snapshot(MODEL, HubAccess())
    assert fetched.commit == COMMIT
    hub.asked.clear()
    assert snapshot(MODEL, HubAccess(local_files_only=True)).path == fetched.path
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert snapshot(MODEL, HubAccess()).path == fetched.path
    with pytest.raises(BackendError, match=r"not to be asked.*swaprank download me/other"):
        snapshot("me/other", HubAccess())
    with pytest.raises(BackendError, match=r"swaprank download --config FILE"):
        snapshot(MODEL, HubAccess(engine="onnxruntime"))
    assert hub.asked == []


def test_a_model_in_the_cache_survives_a_hub_that_does_not_answer(hub, caplog) -> None:
    fetched = snapshot(MODEL, HubAccess())
    hub.asked.clear()
    for hub.status in (429, 500, 503, 401):
        assert snapshot(MODEL, HubAccess()).path == fetched.path
    hub.status, hub.hang = None, 30.0
    assert snapshot(MODEL, HubAccess()).path == fetched.path
    assert len(hub.asked_for(INFO)) == 5
    assert "is loaded from the cache" in caplog.text


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "", "no such model, or shows it only to those with access"),
        (401, "GatedRepo", "to those who have asked for access"),
        (403, "", r"to those who have asked for access.*HF_TOKEN"),
        (404, "", "no such model.*Is it a hub id or an existing folder"),
        (404, "RevisionNotFound", "no revision 'v9'"),
        (429, "", "HTTP 429"),
        (500, "", "HTTP 500"),
    ],
)
def test_a_refusal_is_said_as_it_is_after_one_request(hub, status, code, message) -> None:
    hub.status, hub.error_code = status, code
    with pytest.raises(BackendError, match=message):
        snapshot(MODEL, HubAccess(revision="v9"))
    assert hub.asked_for("/api/models/") == [f"{INFO}/revision/v9"]


def test_a_hub_that_hangs_fails_once_and_is_not_asked_again_for_a_while(hub) -> None:
    hub.hang = 30.0
    reranker = Reranker(config())
    for _ in range(3):
        with pytest.raises(BackendError, match="cannot be reached") as failure:
            ranked(reranker)
    assert "in 30 s it is tried again, by warm_up() at once" in str(failure.value)
    assert hub.asked_for("/api/models/") == [INFO]


def test_a_hub_out_of_reach_fails_at_once(hub, monkeypatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(BackendError, match=r"cannot be reached.*proxies and HF_ENDPOINT"):
        snapshot(MODEL, HubAccess())


def test_all_who_wait_share_one_load_and_its_failure(hub) -> None:
    """Threads and tasks, with several rerankers, though a failure is not to be remembered at all."""
    hub.hang = 30.0
    rerankers = [Reranker(config(retry_load_after=0)) for _ in range(3)]

    async def tasks():
        return await asyncio.gather(*(one.arerank("tea", ["a", "b"]) for one in rerankers * 2), return_exceptions=True)

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(ranked, one) for one in rerankers * 2]
        outcomes = [*asyncio.run(tasks()), *(one.exception() for one in threads)]
    assert all(isinstance(one, BackendError) for one in outcomes)
    assert len(hub.asked_for(INFO)) <= 2


def test_a_fallback_comes_at_once_after_the_first_failure(hub) -> None:
    hub.hang = 30.0
    reranker = Reranker({**config(), "timeout": 0.2, "on_error": {"fallback": "bm25"}})
    assert [one.action for one in ranked(reranker).failures] == ["fallback"]
    deadline = time.monotonic() + 60
    while "cannot be reached" not in ranked(reranker).failures[0].error:
        assert time.monotonic() < deadline
    assert hub.asked_for("/api/models/") == [INFO]


def test_callers_who_gave_up_are_not_served_after_the_load(hub, monkeypatch) -> None:
    """The batch in which the load began is ended, for the model stays; those who came meanwhile have left."""
    hub.hang = 60.0
    reranker = Reranker({**config(), "timeout": 0.1, "on_error": "keep_order"})
    batcher = reranker._stage.ranker.backend._batcher
    batches, run = [], batcher.model.run
    monkeypatch.setattr(batcher.model, "run", lambda requests: batches.append(len(requests)) or run(requests))
    for _ in range(3):
        assert ranked(reranker).failures
    hub.released.set()
    batcher.call(lambda models: models).result(60)
    assert batches == [2]


def test_warm_up_tries_again_and_loads(hub) -> None:
    hub.status = 500
    reranker = Reranker(config())
    with pytest.raises(BackendError):
        ranked(reranker)
    with pytest.raises(BackendError, match="HTTP 500"):
        reranker.warm_up()
    hub.status = None
    with pytest.raises(BackendError, match="tried again"):
        ranked(reranker)
    asyncio.run(reranker.awarm_up())
    hub.status = 500
    assert not ranked(reranker).failures
    reranker.warm_up()


def test_a_missing_package_is_remembered_and_still_said_as_such(hub) -> None:
    reranker = Reranker({**config(), "model": "package:no_such_package_here/model"})
    for _ in range(2):
        with pytest.raises(MissingDependencyError, match="no_such_package_here"):
            ranked(reranker)


def test_a_connection_that_dies_within_a_file_is_taken_up_again(hub) -> None:
    hub.die_after, hub.deaths = 2000, 1
    local = snapshot(MODEL, HubAccess())
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        assert Path(local.path, name).read_bytes() == (MODELS / "tiny-bert-cross-encoder" / name).read_bytes()


def test_half_a_model_in_the_cache_is_fetched_whole(hub) -> None:
    hub_library.hf_hub_download(MODEL, "config.json", endpoint=hub.url)
    hub.status = 500
    with pytest.raises(BackendError, match="HTTP 500"):
        snapshot(MODEL, HubAccess())
    hub.status = None
    assert Path(snapshot(MODEL, HubAccess()).path, "model.safetensors").is_file()


def test_the_token_goes_to_the_hub_and_into_no_message(hub) -> None:
    hub.status = 500
    with pytest.raises(BackendError) as failure:
        ranked(Reranker(config(token="hf_secret123")))
    assert "Bearer hf_secret123" in hub.tokens
    assert "hf_secret123" not in str(failure.value)


def test_the_base_of_an_adapter_and_trusted_code_of_others_are_fetched_too(hub, tmp_path) -> None:
    adapter, code, plain = tmp_path / "adapter", tmp_path / "code", tmp_path / "plain"
    for folder in (adapter, code, plain):
        folder.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": MODEL}))
    (adapter / "adapter_model.safetensors").write_bytes(b"x")
    (code / "modeling.py").write_text("raise SystemExit")
    (code / "config.json").write_text("{}")
    (plain / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "me/code--modeling.Model"}}))
    (plain / "own.py").write_text("raise SystemExit")
    (plain / "model.safetensors").write_bytes(b"x")
    hub.repositories |= {"me/adapter": adapter, "me/code": code, "me/plain": plain}
    snapshot("me/adapter", HubAccess())
    snapshot("me/plain", HubAccess())
    assert hub.asked_for("/me/cross-encoder/resolve") and not hub.asked_for(".py")
    snapshot("me/plain", HubAccess(trust_remote_code=True))
    assert hub.asked_for("own.py") and hub.asked_for("/me/code/resolve") and hub.asked_for("modeling.py")


def test_the_base_of_a_student_comes_without_its_weights(hub, tmp_path) -> None:
    student = tmp_path / "student"
    student.mkdir()
    (student / "config.json").write_text(json.dumps({"model_type": "BERT_Cat", "bert_model": MODEL}))
    (student / "pytorch_model.bin").write_bytes(b"x")
    hub.repositories["me/student"] = student
    snapshot("me/student", HubAccess())
    assert hub.asked_for("/me/cross-encoder/resolve") and not hub.asked_for("model.safetensors")


def test_code_of_a_fetched_sentence_encoder_is_not_run(hub, tmp_path) -> None:
    """A fetched model is a folder, and sentence-transformers before 6.0 trusts folders."""
    shutil.copytree(MODELS / "tiny-bert-cross-encoder", tmp_path / "own")
    (tmp_path / "own" / "modules.json").write_text(
        json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own.Module"}])
    )
    (tmp_path / "own" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    hub.repositories["me/own"] = tmp_path / "own"
    with pytest.raises(BackendError, match="Python code of its own"):
        ranked(Reranker({**config(), "model": "me/own", "method": "bi-encoder"}))
    assert not (tmp_path / "ran").exists()


def test_a_name_without_an_owner_is_looked_for_where_sentence_transformers_does(hub) -> None:
    hub.repositories = {"sentence-transformers/tiny": MODELS / "tiny-bert-cross-encoder"}
    fetched = snapshot("tiny", HubAccess())
    assert fetched.commit == COMMIT
    hub.status = 500
    assert snapshot("tiny", HubAccess()).path == fetched.path


def test_the_memory_of_a_closed_model_is_free_when_nobody_else_holds_it(hub) -> None:
    one, other = Reranker(config()), Reranker(config())
    ranked(one), ranked(other)
    [runner] = one._stage.ranker.backend._batcher.model._runners.values()
    network = weakref.ref(runner)
    del runner
    one.close()
    assert network() is not None
    other.close()
    for _ in range(50):
        gc.collect()
        if network() is None:
            break
        time.sleep(0.05)
    assert network() is None
    assert ranked(one).order == ranked(other).order


def test_a_reranker_is_a_context_manager_and_works_again_after_it(hub) -> None:
    async def asynchronous():
        async with Reranker(config()) as reranker:
            return await reranker.arerank("tea", ["black coffee", "green tea"])

    with Reranker(config()) as reranker:
        inside = ranked(reranker)
    assert reranker._stage.ranker.backend._held is None
    assert ranked(reranker).order == inside.order == asyncio.run(asynchronous()).order
    reranker.close()
    reranker.close()


def test_download_fetches_what_stages_and_fallbacks_need(hub) -> None:
    hub.repositories["me/fallback"] = MODELS / "tiny-bert-cross-encoder"
    stages = [{"reranker": "bm25"}, {**config(), "on_error": {"fallback": {**config(), "model": "me/fallback"}}}]
    reranker = Reranker({"stages": stages})
    fetched = reranker.download()
    assert [(one.model, one.commit) for one in fetched] == [(MODEL, COMMIT), ("me/fallback", COMMIT)]
    assert all(one.size == one.fetched > 1000 for one in fetched)
    assert [one.fetched for one in reranker.download()] == [0, 0]
    assert reranker._stage.ranker.stages[1].ranker.backend._held is None


def test_what_is_needed_is_one_format_of_weights_and_the_texts() -> None:
    names = [
        "README.md",
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "pytorch_model.bin",
        "model.fp16.safetensors",
        "tf_model.h5",
        "onnx/model.onnx",
        "onnx/model_O3.onnx",
        "onnx/model_O3.onnx_data",
        "onnx/config.json",
        "openvino/openvino_model.xml",
        "openvino/openvino_model.bin",
        "1_Pooling/config.json",
        "2_Dense/model.safetensors",
        "2_Dense/pytorch_model.bin",
        "own.py",
        "consolidated.safetensors",
        "training_args.bin",
        "checkpoint-10/model.safetensors",
        "flax_model.msgpack",
        "weights.gguf",
    ]
    texts = ["1_Pooling/config.json", "config.json", "tokenizer.json"]
    whole = sorted([*texts, "2_Dense/model.safetensors", "model.safetensors"])
    assert needed_files(names, HubAccess()) == whole
    assert needed_files(names, HubAccess(weights=False)) == texts
    assert needed_files(names, HubAccess(trust_remote_code=True)) == sorted([*whole, "own.py"])
    assert needed_files(names, HubAccess(gguf_file="weights.gguf")) == sorted([*texts, "weights.gguf"])
    assert needed_files(names, HubAccess(engine="onnx")) == sorted([*texts, "onnx/model.onnx"])
    large = needed_files(names, HubAccess(engine="onnx", engine_file="onnx/model_O3.onnx"))
    assert large == sorted([*texts, "onnx/model_O3.onnx", "onnx/model_O3.onnx_data"])
    exported = needed_files(names, HubAccess(engine="openvino"))
    assert exported == sorted([*texts, "openvino/openvino_model.bin", "openvino/openvino_model.xml"])
    unsafe = ["config.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    assert needed_files(unsafe, HubAccess()) == unsafe
    assert needed_files(unsafe, HubAccess(engine="onnx")) == unsafe
    adapter = ["adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"]
    assert needed_files(adapter, HubAccess()) == ["adapter_config.json", "adapter_model.safetensors"]
