"""A reranker with a cache ranks as without one, asks its model only what is new, and never mixes models or options up."""

import asyncio
import pickle
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema_rs
import pytest

from swaprank import BackendError, ConfigError, Passage, Query, Reranker
from swaprank.backends._checkpoints.hub import HubAccess
from swaprank.backends._checkpoints.snapshot import fingerprints
from swaprank.backends._common import models
from swaprank.config import registry
from swaprank.config.schema import json_schema
from swaprank.requests import PairScore, PairScored, Usage
from swaprank.testing import OracleBackend, ScriptedBackend, check_backend, check_reranker
from tests.backends.checkpoints.fake_hub import COMMIT
from tests.backends.checkpoints.test_snapshot import MODEL, hub  # noqa: F401
from tests.conftest import MODELS

TEXTS = ["green tea", "black coffee", "a cup of tea", "the harbour", "green tea"]
CPU = {"type": "transformers", "device": "cpu", "dtype": "float32"}
CROSS_ENCODER = {"method": "cross-encoder", "model": str(MODELS / "tiny-bert-cross-encoder"), "backend": CPU}
CONFIGS = {
    "cross-encoder": CROSS_ENCODER,
    "bi-encoder": {**CROSS_ENCODER, "method": "bi-encoder"},
    "late-interaction": {"method": "late-interaction", "model": str(MODELS / "tiny-colbert-stanford"), "backend": CPU},
    "monot5": {"method": "monot5", "model": str(MODELS / "tiny-t5"), "backend": CPU},
    "pointwise-qlm": {"method": "pointwise-qlm", "model": str(MODELS / "tiny-qwen2-lm"), "backend": CPU},
    "erank": {"method": "erank", "model": str(MODELS / "tiny-qwen3-lm"), "backend": CPU, "max_tokens": 4},
    "e2rank": {"method": "e2rank", "model": str(MODELS / "tiny-qwen3-embedding"), "backend": CPU},
    "static-embedding": {"method": "static-embedding"},
}


def cached(ranking):
    return sum(call.cached for call in ranking.calls)


def requests(ranking):
    return sum(call.requests for call in ranking.calls)


@pytest.fixture(params=["memory", "disk"])
def cache(request, tmp_path):
    return "memory" if request.param == "memory" else {"type": "disk", "path": str(tmp_path / "cache")}


@pytest.mark.torch
@pytest.mark.parametrize("name", CONFIGS)
def test_answers_are_the_same_and_cost_nothing_the_second_time(name, cache) -> None:
    config = {key: value for key, value in CONFIGS[name].items() if key in _keys(name)}
    plain, kept = Reranker(config), Reranker({**config, "cache": cache})
    expected = plain.rerank("tea", TEXTS)
    first, second = kept.rerank("tea", TEXTS), kept.rerank("tea", TEXTS)
    for ranking in (first, second):
        assert ranking.order == expected.order
        assert ranking.scores == pytest.approx(expected.scores, abs=1e-5)
    assert first.scores == second.scores
    # Two of the passages are equal; a query that is shown among them is asked for once more.
    assert cached(first) == 1
    assert cached(second) == requests(second) == requests(first)
    assert sum(call.input_tokens + call.output_tokens for call in second.calls) == 0
    assert [call.cut for call in second.calls] == [call.cut for call in first.calls]
    if isinstance(cache, dict):
        again = Reranker({**config, "cache": cache}).rerank("tea", TEXTS)
        assert again.scores == first.scores and cached(again) == requests(again)


def _keys(name):
    return {"method", "model", "backend", *registry.method(name).model_fields}


@pytest.mark.torch
@pytest.mark.parametrize("name", ["bi-encoder", "late-interaction", "e2rank"])
def test_embeddings_of_passages_serve_all_queries(name) -> None:
    reranker = Reranker({**CONFIGS[name], "cache": "memory"})
    reranker.rerank("tea", TEXTS)
    other = reranker.rerank("coffee", [*TEXTS, "a new passage"])
    assert (requests(other), cached(other)) == (7, 5)


@pytest.mark.torch
def test_sync_async_many_and_threads_share_one_cache(cache) -> None:
    reranker = Reranker({**CROSS_ENCODER, "cache": cache})
    expected = reranker.rerank("tea", TEXTS)
    rankings = [
        asyncio.run(reranker.arerank("tea", TEXTS)),
        *reranker.rerank_many(["tea"] * 3, [TEXTS] * 3),
        *asyncio.run(reranker.arerank_many(["tea"] * 3, [TEXTS] * 3)),
    ]
    with ThreadPoolExecutor(4) as pool:
        rankings += pool.map(lambda _: reranker.rerank("tea", TEXTS), range(8))
    assert all(one.scores == expected.scores and cached(one) == 5 for one in rankings)


def counting(answer=None):
    backend = ScriptedBackend(answer or (lambda one: PairScored(float(len(one.passage)), "identity", 1.0, Usage(7))))
    backend.identity = lambda: "counting"
    return backend


def test_equal_passages_are_asked_once_also_across_queries_of_a_batch() -> None:
    backend = counting()
    reranker = Reranker({"method": "cross-encoder", "model": "m", "cache": "memory"}, backend=backend)
    many = reranker.rerank_many(["tea", "tea", "coffee"], [TEXTS, TEXTS, TEXTS[:2]])
    assert len(backend.requests) == len(set(backend.requests)) == 6
    assert [cached(one) for one in many] == [1, 5, 0]
    assert sum(call.input_tokens for one in many for call in one.calls) == 6 * 7


def test_a_failed_request_is_not_kept_and_a_retry_asks_only_for_it() -> None:
    failed = []

    def answer(request):
        if request.passage == "the harbour" and len(failed) < 2:
            failed.append(request)
            return BackendError("busy", retryable=True)
        return PairScored(1.0, "identity", 1.0)

    backend = counting(answer)
    config = {"method": "cross-encoder", "model": "m", "cache": "memory", "on_error": "keep_order"}
    reranker = Reranker(config, backend=backend)
    assert [one.action for one in reranker.rerank("tea", TEXTS).failures] == ["partial"]
    ranking = reranker.rerank("tea", TEXTS)
    assert ranking.failures and len(backend.requests) == 4 + 1
    assert not reranker.rerank("tea", TEXTS).failures


def test_a_timeout_holds_before_a_cache_and_what_comes_late_is_kept() -> None:
    released, asked = threading.Event(), []

    def answer(request):
        asked.append(request)
        if len(asked) > 1:  # so that only the first answer, which is late, can have been kept
            return BackendError("busy")
        assert released.wait(60)
        return PairScored(1.0, "identity", 1.0)

    config = {"method": "cross-encoder", "model": "m", "cache": "memory", "on_error": "keep_order", "timeout": 0.1}
    reranker = Reranker(config, backend=counting(answer))
    assert "timeout" in reranker.rerank("tea", TEXTS[:1]).failures[0].error
    assert len(asked) == 1
    released.set()
    end = time.monotonic() + 60
    while cached(reranker.rerank("tea", TEXTS[:1])) != 1:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.torch
def test_callers_who_gave_up_before_a_cache_leave_the_models_queue() -> None:
    patient = Reranker({**CROSS_ENCODER, "cache": "memory"})
    patient.warm_up()
    batcher = patient._stage.ranker.backend._batcher
    impatient = Reranker({**CROSS_ENCODER, "cache": "memory", "timeout": 0.2, "on_error": "keep_order"})
    assert impatient._stage.ranker.backend._batcher is batcher
    began, released, batches, run = threading.Event(), threading.Event(), [], batcher.model.run

    def held(requests):
        batches.append(len(requests))
        began.set()
        assert released.wait(60)
        return run(requests)

    batcher.model.run = held
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(patient.rerank, "first", TEXTS)
        assert began.wait(60)
        for query in ("second", "third"):
            assert impatient.rerank(query, TEXTS).failures
        released.set()
        assert not first.result(60).failures
    batcher.call(lambda models: models).result(60)
    del batcher.model.run
    assert batches == [4]


def test_a_warm_up_after_a_failure_serves_a_reranker_with_a_cache(hub) -> None:  # noqa: F811
    hub.status = 500
    reranker = Reranker({**CROSS_ENCODER, "model": MODEL, "cache": "memory"})
    with pytest.raises(BackendError, match="HTTP 500"):
        reranker.rerank("tea", TEXTS)
    hub.status = None
    reranker.warm_up()
    assert cached(reranker.rerank("tea", TEXTS)) == 1


@pytest.mark.torch
def test_a_model_that_is_not_needed_is_not_loaded(tmp_path, monkeypatch) -> None:
    config = {**CROSS_ENCODER, "cache": {"type": "disk", "path": str(tmp_path)}}
    first = Reranker(config).rerank("tea", TEXTS)
    monkeypatch.setattr(models.Models, "runner", None)
    assert Reranker(config).rerank("tea", TEXTS).scores == first.scores


@pytest.mark.torch
def test_other_models_files_options_and_texts_have_answers_of_their_own(tmp_path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "tiny-bert-cross-encoder", folder)
    base = {**CROSS_ENCODER, "model": str(folder), "cache": {"type": "disk", "path": str(tmp_path / "cache")}}

    def hits(query="tea", passage="green tea", **changed):
        return cached(Reranker({**base, **changed}).rerank(query, [passage]))

    assert (hits(), hits()) == (0, 1)
    assert hits(backend={**CPU, "batch_tokens": 99, "gather_ms": 0, "retry_load_after": 1}) == 1
    assert hits(top_n=1, normalize="sigmoid") == 1
    assert hits("tea ") == hits(passage="green tea.") == hits(max_length=64) == 0
    assert hits(backend={**CPU, "dtype": "bfloat16"}) == 0
    assert hits(model=str(MODELS / "tiny-xlmr-cross-encoder")) == 0
    assert hits(method="bi-encoder") == 0
    (folder / "model.safetensors").touch()
    assert hits() == 0


@pytest.mark.torch
def test_auto_is_the_number_format_of_the_machine(monkeypatch) -> None:
    from swaprank.backends.transformers.loading import device

    backend = Reranker({**CROSS_ENCODER, "backend": {"device": "cpu"}})._stage.ranker.backend
    told = set()
    for fast in (True, False):
        monkeypatch.setattr(device, "_fast_bfloat16", lambda fast=fast: fast)
        told.add(backend.identity())
    assert len(told) == 2


def test_a_model_of_the_hub_is_known_by_its_commit(hub, tmp_path) -> None:  # noqa: F811
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text(f'{{"base_model_name_or_path": "{MODEL}"}}')
    assert fingerprints([(MODEL, HubAccess())]) == [f"{MODEL}@{COMMIT}"]
    adapter, base = fingerprints([(str(tmp_path / "adapter"), HubAccess())])
    assert "adapter_config.json" in adapter and base == f"{MODEL}@{COMMIT}"


def test_sampled_answers_are_asked_for_every_time() -> None:
    from swaprank.requests import Generate, Generated

    backend = counting(lambda request: Generated("yes"))
    wrapped = Reranker({"method": "cross-encoder", "model": "m", "cache": "memory"}, backend=backend)
    asked = [Generate("a", 1, temperature=1.0), Generate("a", 1, temperature=1.0), Generate("a", 1), Generate("a", 1)]
    for _ in range(2):
        wrapped._stage.ranker.backend.run(asked)
    assert len(backend.requests) == 2 + 1 + 2


def test_the_contract_of_backends_and_rerankers_holds(cache) -> None:
    reranker = Reranker({"method": "static-embedding", "cache": cache})
    check_reranker(reranker)
    check_reranker(reranker)
    check_backend(reranker._stage.ranker.backend)


@pytest.mark.torch
def test_close_pickle_warm_up_and_names_go_through() -> None:
    reranker = Reranker({**CROSS_ENCODER, "cache": "memory"})
    backend = reranker._stage.ranker.backend
    assert (backend.name, backend.model) == ("transformers", CROSS_ENCODER["model"])
    reranker.warm_up()
    expected = reranker.rerank("tea", TEXTS)
    other = pickle.loads(pickle.dumps(reranker))
    assert cached(other.rerank("tea", TEXTS)) == 1
    reranker.close()
    again = reranker.rerank("tea", TEXTS)
    assert again.order == expected.order and cached(again) == 1
    assert reranker.to_config()["cache"] == "memory"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"reranker": "bm25", "cache": "memory"}, r"'bm25' asks about many.*Methods with a cache: .*cross-encoder"),
        ({"method": "rankgpt", "model": "m", "cache": "memory"}, "asks about many passages"),
        ({"method": "mvp", "model": "m", "cache": "memory"}, "asks about many passages"),
        ({"reranker": "embedded", "cache": "memory"}, "belongs under each reranker of a single method"),
        ({**CROSS_ENCODER, "cache": "ram"}, r"config.cache: type: .*'memory' or 'disk'.*'ram'"),
        ({**CROSS_ENCODER, "cache": {"type": "memory", "size": "much"}}, "size"),
        ({**CROSS_ENCODER, "cache": {"type": "memory", "size": 0}}, "size"),
        ({**CROSS_ENCODER, "cache": {"type": "memory", "size": "0 MB"}}, "'0 MB' is nothing"),
        ({**CROSS_ENCODER, "cache": {"type": "memory", "path": "x"}}, "path 'x' is for type: disk"),
        ({**CROSS_ENCODER, "cache": {"type": "disk", "limit": 1}}, "limit"),
        ({**CROSS_ENCODER, "cache": {"size": 1}}, "type"),
    ],
    ids=str,
)
def test_a_wrong_cache_is_refused_when_the_reranker_is_made(config, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(config)


def test_a_backend_that_does_not_say_what_it_is_has_no_cache() -> None:
    with pytest.raises(ConfigError, match="oracle backend does not say what its answers depend on"):
        Reranker({"method": "cross-encoder", "model": "m", "cache": "memory"}, backend=OracleBackend({}))


def test_the_schema_takes_what_construction_takes() -> None:
    valid = jsonschema_rs.validator_for(json_schema()).is_valid
    sizes = [1, 0, -1, True, None, "1GB", "512 mb", "1.5GiB", "10b", "GB", "1", "1 XB", "-1GB", 1.5, [], {}]
    values = ["memory", "disk", "ram", None, True, [], {}, *({"type": "disk", "size": size} for size in sizes)]
    values += [
        {"type": "disk", "path": "here"},
        {"type": "disk", "path": 1},
        {"type": "x"},
        {"type": "disk", "more": 1},
    ]
    for config in (CROSS_ENCODER, {"method": "bm25"}, {"reranker": "ms-marco-minilm-l6"}, {"reranker": "embedded"}):
        for value in values:
            try:
                Reranker({**config, "cache": value})
            except ConfigError:
                built = False
            else:
                built = True
            assert valid({**config, "cache": value}) == built, (config, value)


def test_the_query_and_its_instruction_are_part_of_what_is_asked() -> None:
    backend = counting()
    reranker = Reranker({"method": "cross-encoder", "model": "m", "cache": "memory"}, backend=backend)
    for passage in (Passage("tea", id="1", score=3.0), Passage("tea", id="2"), Passage("tea", title="T")):
        reranker.rerank(Query("q"), [passage])
    assert [request for request in backend.requests if isinstance(request, PairScore)] == backend.requests
    assert len(backend.requests) == 2
