"""Concurrent calls on one local model: one batch, each its own answers, errors and cancellations."""

import asyncio
import json
import os
import pickle
import shutil
import signal
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from swaprank import Reranker
from swaprank.backends._common import shared
from swaprank.backends._common.batcher import DynamicBatcher
from swaprank.errors import BackendError
from swaprank.requests import Generate, Generated, PairScore
from tests.conftest import MODELS

TEXTS = ["green tea", "black coffee", "a cup of tea", "the harbour"]
CROSS_ENCODER = {
    "method": "cross-encoder",
    "model": str(MODELS / "tiny-bert-cross-encoder"),
    "backend": {"type": "transformers", "dtype": "float32", "device": "cpu"},
}


class Slow:
    """Holds its first batch until it is released; refuses the prompt "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()
        self.started, self.release = threading.Event(), threading.Event()

    def run(self, requests):
        prompts = [str(request.prompt) for request in requests]
        self.batches.append(prompts)
        self.threads.add(threading.get_ident())
        self.started.set()
        assert self.release.wait(10)
        if "bad" in prompts:
            raise ValueError("no")
        return [Generated(prompt.upper()) for prompt in prompts]


def ask(*prompts: str) -> list[Generate]:
    return [Generate(prompt, 1) for prompt in prompts]


def crowd(batcher: DynamicBatcher[Slow], *callers: tuple[str, ...]):
    """Futures of callers that all came while the model was busy with "first"."""
    first = batcher.submit(ask("first"))
    assert batcher.model.started.wait(10)
    return first, [batcher.submit(ask(*prompts)) for prompts in callers]


def test_whoever_comes_while_the_model_is_busy_shares_the_next_batch() -> None:
    batcher = DynamicBatcher(Slow(), window=0.0)
    first, others = crowd(batcher, ("a", "b"), ("c",), ("d", "e"))
    batcher.model.release.set()
    assert [one.text for one in first.result(10)] == ["FIRST"]
    assert [[one.text for one in other.result(10)] for other in others] == [["A", "B"], ["C"], ["D", "E"]]
    assert batcher.model.batches == [["first"], ["a", "b", "c", "d", "e"]]
    assert len(batcher.model.threads) == 1


def test_a_crowd_is_answered_in_batches_of_a_bounded_size_and_in_its_order() -> None:
    batcher = DynamicBatcher(Slow(), window=0.0, most=3)
    _, others = crowd(batcher, ("a", "b"), ("c", "d"), ("e",), ("f", "g", "h", "i"), ("j",))
    between = batcher.call(lambda model: len(model.batches))
    batcher.model.release.set()
    assert [other.result(10)[0].text for other in others] == ["A", "C", "E", "F", "J"]
    assert batcher.model.batches == [["first"], ["a", "b", "c", "d"], ["e", "f", "g", "h", "i"], ["j"]]
    assert between.result(10) == 2  # other work does not wait for all of them


def test_who_still_waits_when_the_program_ends_is_told(monkeypatch) -> None:
    batcher = DynamicBatcher(Slow(), window=0.0, most=1)
    _, (second, third) = crowd(batcher, ("a",), ("b",))

    def ended(*_):
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(batcher._worker, "submit", ended)
    batcher.model.release.set()
    assert second.result(10)[0].text == "A"
    with pytest.raises(BackendError, match="program ends"):
        third.result(10)


def test_an_error_strikes_only_the_caller_that_caused_it() -> None:
    batcher = DynamicBatcher(Slow(), window=0.0)
    _, (good, bad) = crowd(batcher, ("a",), ("bad",))
    batcher.model.release.set()
    assert [one.text for one in good.result(10)] == ["A"]
    with pytest.raises(ValueError, match="no"):
        bad.result(10)


class PanicError(BaseException):
    """As extensions in other languages raise: not an `Exception`."""


@pytest.mark.parametrize("callers", [1, 3])
def test_a_panic_is_an_error_of_every_caller_and_the_batcher_goes_on(callers) -> None:
    batcher = DynamicBatcher(Slow(), window=0.0)
    answer, panics = batcher.model.run, True

    def run(requests):
        if panics and batcher.model.release.is_set():
            raise PanicError("index out of bounds")
        return answer(requests)

    _, others = crowd(batcher, *[("a",)] * callers)
    batcher.model.run = run
    batcher.model.release.set()
    for other in others:
        with pytest.raises(BackendError, match="PanicError: index out of bounds") as failure:
            other.result(10)
        assert isinstance(failure.value.__cause__, PanicError)
    panics = False
    assert batcher.submit(ask("b")).result(10)[0].text == "B"


def test_a_model_that_answers_with_no_list_fails_its_caller() -> None:
    batcher = DynamicBatcher(Slow(), window=0.0)
    batcher.model.run = lambda requests: None
    with pytest.raises(TypeError):
        batcher.submit(ask("a")).result(10)


def test_a_thread_that_cannot_be_started_fails_its_callers_only(monkeypatch) -> None:
    def full(self):
        raise RuntimeError("can't start new thread")

    batcher = DynamicBatcher(Slow(), window=0.0)
    batcher.model.release.set()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="can't start"):
                batcher.submit(ask("a")).result(10)
    assert batcher.submit(ask("b")).result(10)[0].text == "B"


def test_a_caller_that_is_interrupted_while_it_asks_leaves_the_others_served(monkeypatch) -> None:
    def interrupted(self, work):
        raise KeyboardInterrupt

    batcher = DynamicBatcher(Slow(), window=0.0)
    batcher.model.release.set()
    with monkeypatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            batcher.submit(ask("a"))
    assert batcher.submit(ask("b")).result(10)[0].text == "B"


@pytest.mark.torch
def test_a_panic_of_a_tokenizer_is_a_backend_error(tmp_path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(CROSS_ENCODER["model"], folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    for options in ({}, {"timeout": 60}):
        reranker = Reranker({**CROSS_ENCODER, **options, "model": str(folder)})
        with pytest.raises(BackendError, match="PanicException"):
            reranker.rerank("tea", TEXTS)
        with pytest.raises(BackendError, match="PanicException"):
            asyncio.run(reranker.arerank("tea", TEXTS))
        kept = Reranker({**CROSS_ENCODER, **options, "model": str(folder), "on_error": "keep_order"})
        assert kept.rerank("tea", TEXTS).order == [0, 1, 2, 3]


def test_a_caller_that_leaves_before_its_batch_is_not_computed() -> None:
    batcher = DynamicBatcher(Slow(), window=0.0)
    _, (left, stayed) = crowd(batcher, ("a",), ("b",))
    assert left.cancel()
    batcher.model.release.set()
    assert [one.text for one in stayed.result(10)] == ["B"]
    assert batcher.model.batches == [["first"], ["b"]]
    with pytest.raises(CancelledError):
        left.result()


def test_a_batcher_nobody_holds_ends_its_thread() -> None:
    model = Slow()
    model.release.set()
    batcher = DynamicBatcher(model, window=0.0)
    batcher.submit(ask("a")).result(10)
    [ident] = model.threads
    del batcher
    deadline = time.monotonic() + 10
    while ident in {thread.ident for thread in threading.enumerate()} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ident not in {thread.ident for thread in threading.enumerate()}


@pytest.mark.torch
def test_concurrent_async_callers_get_their_own_answers_from_shared_batches(monkeypatch) -> None:
    reranker = Reranker(CROSS_ENCODER)
    queries = [f"query {number}" for number in range(16)]
    alone = [reranker.rerank(query, TEXTS) for query in queries]
    model = Reranker(CROSS_ENCODER)._stage.ranker.backend._batcher.model
    sizes: list[int] = []
    run = type(model).run

    def counted(self, requests):
        assert all(isinstance(request, PairScore) for request in requests)
        sizes.append(len(requests))
        return run(self, requests)

    monkeypatch.setattr(type(model), "run", counted)

    async def everyone():
        return await asyncio.gather(*(Reranker(CROSS_ENCODER).arerank(query, TEXTS) for query in queries))

    together = asyncio.run(everyone())
    assert [one.order for one in together] == [one.order for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
    assert sum(sizes) == 16 * len(TEXTS)
    assert len(sizes) < 8, sizes


@pytest.mark.torch
def test_the_loop_goes_on_while_a_model_computes() -> None:
    """A task of the same loop is served while the model is held."""
    reranker = Reranker(CROSS_ENCODER)
    model = reranker._stage.ranker.backend._batcher.model
    held, run = threading.Event(), model.run
    model.run = lambda requests: held.wait(10) and run(requests)

    async def both():
        task = asyncio.create_task(reranker.arerank("tea", TEXTS))
        await asyncio.sleep(0.01)
        assert not task.done()
        held.set()
        return await task

    assert len(asyncio.run(both()).order) == len(TEXTS)
    del model.run


@pytest.mark.torch
def test_threads_share_batches_and_a_pickled_reranker_loads_for_itself() -> None:
    reranker = Reranker(CROSS_ENCODER)
    expected = reranker.rerank("tea", TEXTS).order
    with ThreadPoolExecutor(8) as pool:
        rankings = list(pool.map(lambda _: reranker.rerank("tea", TEXTS), range(24)))
    assert all(ranking.order == expected for ranking in rankings)
    assert pickle.loads(pickle.dumps(reranker)).rerank("tea", TEXTS).order == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_the_child_has_its_own_worker() -> None:
    model = Slow()
    model.release.set()
    batcher = DynamicBatcher(model, window=0.0)
    batcher.submit(ask("a")).result(10)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if batcher.submit(ask("b")).result(10)[0].text == "B" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert batcher.submit(ask("c")).result(10)[0].text == "C"


@pytest.mark.torch
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_threads_rerank_loads_for_itself() -> None:
    """The locks of the parent are held at the fork, and its model is in the middle of a batch."""
    reranker = Reranker(CROSS_ENCODER)
    model = reranker._stage.ranker.backend._batcher.model
    expected = reranker.rerank("tea", TEXTS).order
    held, begun, run = threading.Event(), threading.Event(), model.run
    model.run = lambda requests: begun.set() or (held.wait(30) and run(requests))
    with ThreadPoolExecutor(1) as pool, shared._guard:
        answer = pool.submit(reranker.rerank, "tea", TEXTS)
        assert begun.wait(10)
        child = os.fork()
        if child == 0:
            os._exit(child_ranks(reranker, expected))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        held.set()
        assert answer.result(30).order == expected
    del model.run


def child_ranks(reranker: Reranker, expected: list[int]) -> int:
    """0 if all is well in a forked child; never hangs."""
    signal.alarm(30)
    try:
        again = Reranker(CROSS_ENCODER)
        one, other = reranker.rerank("tea", TEXTS).order, again.rerank("tea", TEXTS).order
        impatient = Reranker({**CROSS_ENCODER, "timeout": 60}).rerank("tea", TEXTS).order
        same = reranker._stage.ranker.backend._batcher is again._stage.ranker.backend._batcher
        return 0 if one == other == impatient == expected and same else 1
    except BaseException:
        return 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_the_embedded_default_works_has_its_own_worker() -> None:
    reranker = Reranker("embedded", timeout=60)
    expected = reranker.rerank("tea", TEXTS).order
    with shared._guard:
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(0 if reranker.rerank("tea", TEXTS).order == expected else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
