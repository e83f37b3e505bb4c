"""Flows: reranking logic as generators that never call a model themselves.

A flow yields a list of `Ask`s, each with requests for one backend, and is sent one answer per ask: an `Answer`, or the
error of that ask, which the flow may raise or handle. It returns its result. So logic is written once, and `drivers.py`
runs it synchronously, asynchronously and many at a time, as httpx does with its auth flows. The contract:

- yield the asks of one round together where they do not need each other's answers; they share batches;
- expect the answers in the order of the asks, whatever order they came in;
- call nothing that blocks, and keep no state outside the generator: another flow may run between two rounds;
- leave threads, event loops, deadlines and batches to the driver.

Inside a flow, `ask` puts one question, `together` runs other flows side by side, and `relay` runs the generator of a
method or a strategy.

Example:
    A flow that asks twice, and what drives it:

    >>> from swaprank.flow.drivers import drive
    >>> from swaprank.requests import Generate, Generated
    >>> from swaprank.testing import ScriptedBackend
    >>> def summary_of_summaries(backend, texts):
    ...     answer = yield from ask(backend, [Generate(text, max_tokens=9) for text in texts])
    ...     both = " ".join(response.text for response in answer.responses)
    ...     answer = yield from ask(backend, [Generate(both, max_tokens=9)])
    ...     return answer.responses[0].text
    >>> backend = ScriptedBackend(lambda request: Generated(request.prompt.title()))
    >>> drive([summary_of_summaries(backend, ["green tea", "a cup"]), summary_of_summaries(backend, ["coffee"])])
    ['Green Tea A Cup', 'Coffee']
    >>> backend.batches
    [3, 2]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..backend import Backend
from ..errors import SwaprankError
from ..requests import Request, Response


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests for one backend.

    Attributes:
        backend: What answers them.
        requests: What is asked; may be empty.
        earliest: Not to be put before this moment of `time.monotonic`.
        deadline: Answered with a `BackendTimeoutError` if nothing else has come by this moment.
    """

    backend: Backend
    requests: tuple[Request, ...]
    earliest: float = -math.inf
    deadline: float = math.inf


@dataclass(frozen=True, slots=True)
class Answer:
    """The responses to one `Ask`, in order, and its share of the wall time of the batch it was in."""

    responses: tuple[Response, ...]
    seconds: float


T = TypeVar("T")
Flow = Generator[list[Ask], "list[Answer | SwaprankError]", T]


def ask(backend: Backend, requests: Sequence[Request]) -> Flow[Answer]:
    """Put requests to a backend from inside a flow.

    Raises:
        SwaprankError: The backend failed; raised here, inside the flow, so that the flow may handle it.
    """
    [answer] = yield [Ask(backend, tuple(requests))]
    if isinstance(answer, SwaprankError):
        raise answer
    return answer


def together(flows: Sequence[Flow[T]]) -> Flow[list[T]]:
    """Run flows side by side as one flow; their questions of a round travel in one list.

    A flow that ends early does not hold the others, and the results come back in the given order.
    """
    results: dict[int, T] = {}
    waiting: dict[int, list[Ask]] = {}

    def resume(index: int, answers: list[Answer | SwaprankError] | None) -> None:
        try:
            waiting[index] = advance(flows[index], answers)
        except StopIteration as stop:
            waiting.pop(index, None)
            results[index] = stop.value

    for index in range(len(flows)):
        resume(index, None)
    while waiting:
        answers = yield [one for asks in waiting.values() for one in asks]
        start = 0
        for index, asks in list(waiting.items()):
            resume(index, answers[start : start + len(asks)])
            start += len(asks)
    return [results[index] for index in range(len(flows))]


Y = TypeVar("Y")
S = TypeVar("S")
Question = TypeVar("Question")
Reply = TypeVar("Reply")


def relay(
    inner: Generator[Question, Reply, T], answer: Callable[[Question], Generator[Y, S, Reply]]
) -> Generator[Y, S, T]:
    """Run a generator to its end, and have each question it yields answered by a generator of another kind.

    Errors of `answer` end both.

    Args:
        inner: Such as the rounds of a strategy, which yield groups and are sent scores.
        answer: Makes the reply to one question; such as a flow that has the groups scored.

    Returns:
        What `inner` returns.
    """
    reply: Reply | None = None
    while True:
        try:
            question = advance(inner, reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        reply = yield from answer(question)


def advance(generator: Generator[Question, Reply, T], reply: Reply | None) -> Question:
    """The next question of a generator that is sent the reply to its last; None starts it.

    Raises:
        StopIteration: It has ended.
    """
    return next(generator) if reply is None else generator.send(reply)
