"""The contenders' processes, and jobs that they do in turn."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

Ask = tuple[str, Sequence[str]]


class Process:
    """A worker. ``error`` says why it could not be started; None where it stands ready."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "TQDM_DISABLE": "1"}
        self._log = (folder / "log.txt").open("a")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.peers.worker", str(folder), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **offline},
        )
        self.first: dict[str, Any] = self._answer()
        self.error: str | None = self.first.get("error")

    def do(self, asks: Sequence[Ask], way: str = "one by one", scores: bool = False) -> dict[str, Any]:
        """Seconds, most megabytes, and the probabilities where they are asked for."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"asks": asks, "way": way, "scores": scores}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=60)
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return {"error": f"its process ended with status {self._process.wait()}"}
        found: dict[str, Any] = json.loads(line)
        return found


class Clock:
    """When to stop repeating: rounds are dropped, never contenders.

    Args:
        seconds: Of the whole run.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return self._end - time.monotonic()


def alternate(
    processes: Iterable[Process], asks: Sequence[Ask], *, rounds: int, seconds: float, way: str = "one by one"
) -> dict[str, dict[str, Any]]:
    """One job by all in turn, in a new order each round, until the rounds or the seconds are over.

    Returns:
        For each name: the median of its seconds, all of them, and its most megabytes.
    """
    waiting = list(processes)
    found: dict[str, list[dict[str, Any]]] = {process.name: [] for process in waiting}
    clock, longest = Clock(seconds), 0.0
    for number in range(rounds):
        if number and clock.left() < longest:
            break
        started = time.monotonic()
        random.Random(number).shuffle(waiting)
        for process in waiting:
            found[process.name].append(process.do(asks, way))
        longest = time.monotonic() - started
    return {name: summary(answers) for name, answers in found.items() if all("seconds" in one for one in answers)}


def summary(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = [float(answer["seconds"]) for answer in answers]
    return {
        "median": statistics.median(seconds),
        "seconds": [round(one, 4) for one in seconds],
        "megabytes": max(float(answer["megabytes"]) for answer in answers),
    }
