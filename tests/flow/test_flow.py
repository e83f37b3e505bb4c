"""Flows: merging, failures by value, early ends, and one body for sync, async and batches."""

import asyncio

import pytest

from swaprank.errors import BackendError, ResponseError
from swaprank.flow.drivers import adrive, drive
from swaprank.flow.flow import Flow, ask, relay, together
from swaprank.requests import Generate, Generated, Request, Response
from swaprank.testing import ScriptedBackend


def echo(request: Request) -> Response:
    assert isinstance(request, Generate)
    return Generated(text=str(request.prompt).upper())


def rounds(backend: ScriptedBackend, *prompts: str) -> Flow[list[str]]:
    """Ask one prompt a round."""
    heard = []
    for prompt in prompts:
        answer = yield from ask(backend, [Generate(prompt, 1)])
        heard.append(answer.responses[0].text)
    return heard


@pytest.mark.parametrize("drive_it", [drive, lambda flows: asyncio.run(adrive(flows))], ids=["sync", "async"])
def test_flows_of_unequal_length_share_batches(drive_it) -> None:
    backend = ScriptedBackend(echo)
    flows = [rounds(backend, "a"), rounds(backend), rounds(backend, "b", "c", "d")]
    assert drive_it(flows) == [["A"], [], ["B", "C", "D"]]
    assert backend.batches == [2, 1, 1]


def test_backends_of_one_round_are_called_once_each() -> None:
    one, other = ScriptedBackend(echo), ScriptedBackend(echo)
    assert drive([rounds(one, "a"), rounds(other, "b"), rounds(one, "c")]) == [["A"], ["B"], ["C"]]
    assert (one.batches, other.batches) == ([2], [1])


def test_nothing_to_ask_calls_nothing() -> None:
    backend = ScriptedBackend(echo)
    assert drive([]) == drive([together([])])[0] == []
    assert drive([ask(backend, [])])[0].responses == ()
    assert backend.batches == []


@pytest.mark.parametrize("drive_it", [drive, lambda flows: asyncio.run(adrive(flows))], ids=["sync", "async"])
def test_a_failure_reaches_the_flow_with_its_cause(drive_it) -> None:
    def fail(request: Request) -> Response:
        raise ZeroDivisionError("boom")

    with pytest.raises(BackendError, match="scripted backend failed: ZeroDivisionError: boom") as caught:
        drive_it([rounds(ScriptedBackend(fail), "a")])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_flow_may_bridge_a_failure_and_leave_its_neighbour_alone() -> None:
    def fail(request: Request) -> Response:
        raise BackendError("down")

    def bridged() -> Flow[list[str]]:
        try:
            return (yield from rounds(ScriptedBackend(fail), "a"))
        except BackendError:
            return ["bridged"]

    assert drive([bridged(), rounds(ScriptedBackend(echo), "b", "c")]) == [["bridged"], ["B", "C"]]


def test_a_wrong_number_of_responses_is_refused() -> None:
    class Short(ScriptedBackend):
        def run(self, requests):
            return super().run(requests)[:-1]

    with pytest.raises(ResponseError, match="returned 1 responses for 2 requests"):
        drive([rounds(backend := Short(echo), "a"), rounds(backend, "b")])


def test_async_rounds_wait_for_their_backends_together() -> None:
    """Two backends that each wait for the other's start can only finish when awaited together."""
    started: list[str] = []

    class Waiting(ScriptedBackend):
        async def arun(self, requests):
            started.append(self.model)
            while len(started) < 2:
                await asyncio.sleep(0)
            return self.run(requests)

    one, other = Waiting(echo, model="one"), Waiting(echo, model="other")
    both = [rounds(one, "a"), rounds(other, "b")]
    assert asyncio.run(asyncio.wait_for(adrive(both), timeout=5)) == [["A"], ["B"]]


def test_relay_has_each_question_of_a_generator_answered_by_a_flow() -> None:
    backend = ScriptedBackend(echo)

    def inner():
        first = yield "a"
        second = yield first + "b"
        return [first, second]

    def answer(question: str) -> Flow[str]:
        return (yield from ask(backend, [Generate(question, 1)])).responses[0].text

    assert drive([relay(inner(), answer), relay(inner(), answer)]) == [["A", "AB"]] * 2
    assert backend.batches == [2, 2]


def test_relay_of_a_generator_that_asks_nothing_is_its_result() -> None:
    assert drive([relay((one for one in ()), lambda question: iter(()))]) == [None]
