"""Driving flows: who waits for whom, deadlines, failures of every kind, and what a cancelled call leaves behind."""

import asyncio
import threading
import time

import pytest

from swaprank import Reranker
from swaprank.backend import BackendOptions, LocalBackend
from swaprank.errors import BackendError, BackendTimeoutError
from swaprank.flow import threads
from swaprank.flow.drivers import adrive, drive
from swaprank.flow.flow import Ask, Flow, ask, together
from swaprank.requests import Generate, Generated, LabelLogprobs, LabelScores
from swaprank.testing import ScriptedBackend


class Server(ScriptedBackend):
    """Takes many batches at a time; prompts in `held` wait until they are released."""

    concurrency = 8

    def __init__(self, held: set[str]) -> None:
        super().__init__(lambda request: Generated(str(request.prompt)))
        self.held, self.release = held, threading.Event()
        self.began = self.cancelled = 0

    def run(self, requests):
        if any(str(request.prompt) in self.held for request in requests):
            assert self.release.wait(60)
        return super().run(requests)

    async def arun(self, requests):
        self.began += 1
        try:
            while any(str(request.prompt) in self.held for request in requests) and not self.release.is_set():
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return ScriptedBackend.run(self, requests)


def steps(backend, *prompts: str, log: list[str] | None = None, last: threading.Event | None = None) -> Flow[str]:
    for prompt in prompts:
        yield from ask(backend, [Generate(prompt, 1)])
        if log is not None:
            log.append(prompt)
    if last is not None:
        last.set()
    return prompts[-1]


both = pytest.mark.parametrize("drive_it", [drive, lambda flows: asyncio.run(adrive(flows))], ids=["sync", "async"])


@both
def test_a_slow_answer_of_a_server_holds_its_own_query_only(drive_it) -> None:
    """The held flow is released by the end of the other one: in shared rounds neither would ever end."""
    server, log = Server({"slow"}), []
    flows = [steps(server, "slow", "then", log=log), steps(server, "1", "2", "3", log=log, last=server.release)]
    assert drive_it(flows) == ["then", "3"]
    assert log == ["1", "2", "3", "slow", "then"]


@both
def test_a_server_gets_no_more_batches_at_once_than_it_takes(drive_it) -> None:
    class Counting(Server):
        concurrency = 3
        now = most = 0

        # The first ones wait until as many are there as it takes.
        def run(self, requests):
            self.enter()
            assert wait_until(lambda: self.most >= self.concurrency)
            time.sleep(0.005)
            self.now -= 1
            return super().run(requests)

        async def arun(self, requests):
            self.enter()
            while self.most < self.concurrency:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.005)
            self.now -= 1
            return await super().arun(requests)

        def enter(self):
            self.now += 1
            self.most = max(self.most, self.now)

    server = Counting(set())
    assert drive_it([steps(server, str(number), "end") for number in range(10)]) == ["end"] * 10
    assert server.most == 3


@both
def test_a_flow_that_asks_a_server_and_a_model_waits_for_both(drive_it) -> None:
    server, model = Server(set()), ScriptedBackend(lambda request: Generated("local"))
    flows = [together([steps(server, "a"), steps(model, "b", "c")]), steps(model, "d")]
    assert drive_it(flows) == [["a", "c"], "d"]
    assert model.batches == [2, 1]


@both
def test_an_ask_past_its_deadline_is_answered_with_an_error_and_the_other_flows_go_on(drive_it) -> None:
    server = Server({"hang"})

    def impatient() -> Flow[str]:
        [answer] = yield [Ask(server, (Generate("hang", 1),), deadline=time.monotonic() + 0.05)]
        return type(answer).__name__

    assert drive_it([impatient(), steps(server, "1", "2")]) == ["BackendTimeoutError", "2"]
    server.release.set()


@both
def test_a_deadline_takes_only_its_own_ask_out_of_the_line(drive_it) -> None:
    """Two wait for a busy model, and only one of them is impatient."""
    server, model = Server(set()), Server({"slow"})
    model.concurrency = 1

    def asking(prompt: str, patience: float) -> Flow[str]:
        if prompt != "slow":
            yield from ask(server, [Generate(prompt, 1)])
        [answer] = yield [Ask(model, (Generate(prompt, 1),), deadline=time.monotonic() + patience)]
        if prompt == "impatient":
            model.release.set()
        return type(answer).__name__

    flows = [asking("slow", 60), asking("impatient", 0.05), asking("patient", 60)]
    assert drive_it(flows) == ["Answer", "BackendTimeoutError", "Answer"]


def test_an_ask_whose_deadline_is_gone_is_not_put_at_all() -> None:
    server = Server(set())

    def late() -> Flow[str]:
        [answer] = yield [Ask(server, (Generate("late", 1),), deadline=time.monotonic() - 1)]
        return type(answer).__name__

    assert drive([late()]) == asyncio.run(adrive([late()])) == [BackendTimeoutError.__name__]
    assert server.requests == []


def test_cancelling_a_call_cancels_what_it_waits_for() -> None:
    server = Server({"hang"})

    async def cancel() -> None:
        task = asyncio.create_task(adrive([steps(server, "hang")]))
        while not server.began:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(cancel())
    assert server.cancelled == 1


def test_heap_sorts_of_many_queries_advance_by_themselves() -> None:
    """One query's comparisons are held until the other query is ranked to the end."""
    finished, needed = threading.Event(), 0

    class Held(ScriptedBackend):
        concurrency = 4

        def run(self, requests):
            if "slow" in repr(requests[0].prompt):
                assert finished.wait(60)
            responses = super().run(requests)
            if len(self.requests) == needed:
                finished.set()
            return responses

    def pick(request: LabelLogprobs) -> LabelScores:
        return LabelScores(tuple(-float(place) for place in range(len(request.labels))))

    backend = Held(pick, capabilities={"label_logprobs"})
    reranker = Reranker({"method": "setwise", "scoring": "likelihood", "model": "any", "k": 3}, backend=backend)
    texts = [f"passage {number}" for number in range(12)]

    reranker.rerank("fast", texts)
    needed = len(backend.requests)
    backend.requests.clear()
    rankings = reranker.rerank_many(["slow", "fast"], [texts, texts])
    prompts = [repr(request.prompt) for request in backend.requests]
    first_slow = next(place for place, prompt in enumerate(prompts) if "slow" in prompt)
    assert all("fast" in prompt for prompt in prompts[:first_slow])
    assert sum("fast" in prompt for prompt in prompts) == first_slow
    assert [ranking.query for ranking in rankings] == ["slow", "fast"]


class PanicError(BaseException):
    """As extensions in other languages raise: not an `Exception`."""


def reading(backend, patience: float = 60.0) -> Flow[str]:
    """What an ask with a deadline comes to, in one word, with its cause."""
    [answer] = yield [Ask(backend, (Generate("a", 1),), deadline=time.monotonic() + patience)]
    return f"{type(answer).__name__} from {getattr(answer, '__cause__', None)!r}"


@both
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("error", [PanicError("p"), asyncio.CancelledError("c"), ValueError("v")], ids=repr)
def test_whatever_a_backend_raises_is_an_answer(drive_it, concurrency, error) -> None:
    def fail(request):
        raise error

    backend = ScriptedBackend(fail)
    backend.concurrency = concurrency
    assert drive_it([reading(backend), reading(backend)]) == [f"BackendError from {error!r}"] * 2
    with pytest.raises(BackendError):
        drive_it([steps(backend, "a")])


@both
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("patience", [60, float("inf")])
def test_what_ends_a_program_reaches_the_thread_of_the_caller(drive_it, error, patience) -> None:
    def fail(request):
        raise error

    with pytest.raises(error):
        drive_it([reading(ScriptedBackend(fail), patience)])


@both
def test_a_deadline_beyond_what_the_clock_of_threads_can_count_is_no_deadline(drive_it) -> None:
    assert drive_it([reading(ScriptedBackend(lambda request: Generated("")), 1e10)]) == ["Answer from None"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_thread_that_cannot_be_started_fails_its_batch_only(monkeypatch, concurrency) -> None:
    def full(self):
        raise RuntimeError("can't start new thread")

    for backend in (ScriptedBackend(lambda request: Generated("")), Gate()):
        backend.concurrency = concurrency
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", full)
            assert "BackendError from RuntimeError" in drive([reading(backend)])[0]
        assert drive([reading(backend)]) == ["Answer from None"]


class GateOptions(BackendOptions):
    name = "gate"
    capabilities = frozenset({"text"})


class Gate(LocalBackend):
    """A model of this process that computes one batch at a time, and only while its gate is open."""

    Options = GateOptions

    def __init__(self) -> None:
        super().__init__("", GateOptions())
        self.open, self.begun = threading.Event(), []
        self.open.set()

    def run(self, requests):
        self.begun += [request.prompt for request in requests]
        assert self.open.wait(60)
        return [Generated("") for _ in requests]


def test_questions_that_nobody_waits_for_are_neither_computed_nor_hold_threads() -> None:
    gate, before = Gate(), threading.active_count()
    gate.open.clear()
    for _ in range(50):
        assert "BackendTimeoutError" in drive([reading(gate, 0.002)])[0]
    assert wait_until(lambda: threading.active_count() <= before + 1)
    gate.open.set()
    assert drive([reading(gate)]) == ["Answer from None"]
    assert len(gate.begun) == 2, "the one that had begun, and the last"


def test_calls_that_cannot_be_stopped_are_bounded() -> None:
    server, before = Server({"a"}), threading.active_count()
    for _ in range(3 * threads.MOST_ABANDONED):
        assert "BackendTimeoutError" in drive([reading(server, 0.002)])[0]
    assert wait_until(lambda: threading.active_count() <= before + threads.MOST_ABANDONED)
    assert drive([steps(server, "b")]) == ["b"], "a call without a deadline goes on beside them"
    threading.Timer(0.05, server.release.set).start()
    assert drive([reading(server)]) == ["Answer from None"], "one with a deadline has its turn when they end"
    assert len(server.requests) <= threads.MOST_ABANDONED + 2
    assert wait_until(lambda: threads._calls == {})


def wait_until(true) -> bool:
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_an_interrupted_call_gives_up_what_it_waits_for() -> None:
    gate = Gate()
    gate.open.clear()
    busy = gate.submit([Generate("busy", 1)])

    def interrupted() -> Flow[str]:
        yield from ask(ScriptedBackend(lambda request: Generated("")), [Generate("b", 1)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive([reading(gate), interrupted()])
    gate.open.set()
    assert busy.result(10)
    assert gate.submit([Generate("last", 1)]).result(10)
    assert gate.begun == ["busy", "last"]
