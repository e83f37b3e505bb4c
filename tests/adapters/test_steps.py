"""Steps give the same result in both ways to run them, and raise what a step raises inside the generator."""

import asyncio

import pytest

from swaprank.adapters import Steps, arun, run, step, thread_step

both = pytest.mark.parametrize("how", ["sync", "async"])


def finish(steps: Steps, how: str):
    return run(steps) if how == "sync" else asyncio.run(arun(steps))


class Doubler:
    def __init__(self) -> None:
        self.called: list[str] = []

    def double(self, value: int, *, plus: int = 0) -> int:
        self.called.append("sync")
        if value < 0:
            raise ValueError("negative")
        return 2 * value + plus

    async def adouble(self, value: int, *, plus: int = 0) -> int:
        await asyncio.sleep(0)
        result = self.double(value, plus=plus)
        self.called[-1] = "async"
        return result


@both
def test_results_are_handed_on(how) -> None:
    doubler = Doubler()

    def work() -> Steps[int]:
        first = yield from step(doubler.double, doubler.adouble, 3)
        return (yield from step(doubler.double, doubler.adouble, first, plus=1))

    assert finish(work(), how) == 13
    assert doubler.called == [how, how]


@both
def test_work_without_a_step(how) -> None:
    def work() -> Steps[int]:
        return 7
        yield

    assert finish(work(), how) == 7


@both
def test_what_a_step_raises_may_be_caught_inside(how) -> None:
    doubler, left = Doubler(), []

    def work(catches: bool) -> Steps[int]:
        try:
            return (yield from step(doubler.double, doubler.adouble, -1))
        except ValueError:
            if not catches:
                raise
            return (yield from step(doubler.double, doubler.adouble, 1))
        finally:
            left.append(catches)

    assert finish(work(catches=True), how) == 2
    with pytest.raises(ValueError, match="negative"):
        finish(work(catches=False), how)
    assert left == [True, False]


async def test_blocking_functions_leave_the_event_loop() -> None:
    def in_a_loop() -> bool:
        return asyncio._get_running_loop() is not None

    assert await arun(thread_step(in_a_loop)) is False


async def test_cancelling_reaches_the_work() -> None:
    seen = []

    def work() -> Steps[None]:
        try:
            yield from step(int, asyncio.Event().wait)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(arun(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]
