"""Work that is written once and runs synchronously and asynchronously.

A generator says what it needs by ``result = yield from step(function, coroutine_function, *arguments)``. `run` calls
the functions in the caller's thread, `arun` awaits the coroutine functions in the caller's event loop, so callbacks
and context variables of a framework work as in plain code. What a step raises is raised inside the generator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One call in both forms."""

    call: Callable[[], Any]
    acall: Callable[[], Awaitable[Any]]


Steps = Generator[Step, Any, T]
"""Work that ends in a ``T``."""


def step(
    function: Callable[P, T], coroutine_function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> Steps[T]:
    """Call the function, or await the coroutine function, whichever way the work runs.

    Example:
        ``ranking = yield from step(core.rerank, core.arerank, query, passages)``
    """
    result: T = yield Step(partial(function, *args, **kwargs), partial(coroutine_function, *args, **kwargs))
    return result


def thread_step(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Call a function that blocks and has no asynchronous form: `arun` calls it in a thread."""
    call = partial(function, *args, **kwargs)
    result: T = yield Step(call, partial(asyncio.to_thread, call))
    return result


def run(steps: Steps[T]) -> T:
    """Do the work in this thread."""
    try:
        wanted = next(steps)
        while True:
            try:
                result = wanted.call()
            except BaseException as error:
                wanted = steps.throw(error)
            else:
                wanted = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


async def arun(steps: Steps[T]) -> T:
    """Do the work in this event loop."""
    try:
        wanted = next(steps)
        while True:
            try:
                result = await wanted.acall()
            except BaseException as error:
                wanted = steps.throw(error)
            else:
                wanted = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
