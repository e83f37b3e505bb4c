"""Concurrent calls on one local model: one batch, each its own answers, errors and cancellations."""

import asyncio
import os
import pickle
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from swaprank import Reranker
from swaprank.backends._common.batcher import DynamicBatcher
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


def crowd(gatherer: DynamicBatcher[Slow], *callers: tuple[str, ...]):
    """Futures of callers that all came while the model was busy with "first"."""
    first = gatherer.submit(ask("first"))
    assert gatherer.model.started.wait(10)
    return first, [gatherer.submit(ask(*prompts)) for prompts in callers]


def test_whoever_comes_while_the_model_is_busy_shares_the_next_batch() -> None:
    gatherer = DynamicBatcher(Slow(), window=0.0)
    first, others = crowd(gatherer, ("a", "b"), ("c",), ("d", "e"))
    gatherer.model.release.set()
    assert [one.text for one in first.result(10)] == ["FIRST"]
    assert [[one.text for one in other.result(10)] for other in others] == [["A", "B"], ["C"], ["D", "E"]]
    assert gatherer.model.batches == [["first"], ["a", "b", "c", "d", "e"]]
    assert len(gatherer.model.threads) == 1


def test_an_error_strikes_only_the_caller_that_caused_it() -> None:
    gatherer = DynamicBatcher(Slow(), window=0.0)
    _, (good, bad) = crowd(gatherer, ("a",), ("bad",))
    gatherer.model.release.set()
    assert [one.text for one in good.result(10)] == ["A"]
    with pytest.raises(ValueError, match="no"):
        bad.result(10)


def test_a_caller_that_leaves_before_its_batch_is_not_computed() -> None:
    gatherer = DynamicBatcher(Slow(), window=0.0)
    _, (left, stayed) = crowd(gatherer, ("a",), ("b",))
    assert left.cancel()
    gatherer.model.release.set()
    assert [one.text for one in stayed.result(10)] == ["B"]
    assert gatherer.model.batches == [["first"], ["b"]]
    with pytest.raises(CancelledError):
        left.result()


def test_a_gatherer_nobody_holds_ends_its_thread() -> None:
    model = Slow()
    model.release.set()
    gatherer = DynamicBatcher(model, window=0.0)
    gatherer.submit(ask("a")).result(10)
    [ident] = model.threads
    del gatherer
    deadline = time.monotonic() + 10
    while ident in {thread.ident for thread in threading.enumerate()} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ident not in {thread.ident for thread in threading.enumerate()}


@pytest.mark.torch
def test_concurrent_async_callers_get_their_own_answers_from_shared_batches(monkeypatch) -> None:
    reranker = Reranker(CROSS_ENCODER)
    queries = [f"query {number}" for number in range(16)]
    alone = [reranker.rerank(query, TEXTS) for query in queries]
    model = Reranker(CROSS_ENCODER)._stage.ranker.backend._gatherer.model
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
    model = reranker._stage.ranker.backend._gatherer.model
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
    gatherer = DynamicBatcher(model, window=0.0)
    gatherer.submit(ask("a")).result(10)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if gatherer.submit(ask("b")).result(10)[0].text == "B" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gatherer.submit(ask("c")).result(10)[0].text == "C"
