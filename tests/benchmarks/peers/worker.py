"""One contender in a process of its own, which answers lines of JSON: its memory is its own, and nobody waits for it.

python -m tests.benchmarks.peers.worker FOLDER NAME
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .contenders import CONTENDERS, EXTRAS, Contender


def held(key: str) -> float:
    """Megabytes of this process by a key of Linux: ``VmRSS`` (now) or ``VmHWM`` (at most so far)."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1e3 if found else float("nan")


def measured(contender: Contender, job: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of one job, its most memory, and the probabilities where they are asked for."""
    asks = [(str(query), list(passages)) for query, passages in job["asks"]]
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    found: dict[str, Any] = {}
    started = time.perf_counter()
    if job["way"] == "callers":
        with ThreadPoolExecutor(len(asks)) as callers:
            waiting = [callers.submit(contender.score, *ask) for ask in asks]
        errors = [error for call in waiting if (error := call.exception())]
        if errors:  # libraries that allow one caller at a time: their time would be that of doing nothing
            return {"error": f"{len(errors)} of {len(asks)} calls failed: {errors[0]}"[:300]}
    elif job["way"] == "many" and contender.many is not None:
        contender.many(asks)
    else:
        for ask in asks:
            contender.score(*ask)
    found["seconds"] = time.perf_counter() - started
    found["megabytes"] = held("VmHWM")
    if job.get("scores"):
        found["scores"] = [contender.probabilities(*ask) for ask in asks]
    return found


def gemm_peak() -> dict[str, float]:
    """GFLOP/s of a large product of matrices, the best of some, by dtype."""
    import torch

    size = 2048
    found = {}
    for dtype in (torch.bfloat16, torch.float32):
        one = torch.randn(size, size).to(dtype)
        seconds = []
        for _ in range(12):
            started = time.perf_counter()
            one @ one
            seconds.append(time.perf_counter() - started)
        found[str(dtype).removeprefix("torch.")] = 2 * size**3 / min(seconds) / 1e9
    return found


def main() -> None:
    # What libraries print must not come between the lines of the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder, name = Path(sys.argv[1]), sys.argv[2]

    def answer(what: object) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    if name == "GEMM":
        answer(gemm_peak())
        return
    try:
        contender = {**CONTENDERS, **EXTRAS}[name](folder)
        contender.score("a query", ["a passage", "another one"])
    except Exception as error:  # the libraries of many hands, which raise anything; the report says what
        answer({"error": f"{type(error).__name__}: {error}"[:300]})
        return
    answer({"loaded": held("VmRSS")})
    for line in sys.stdin:
        answer(measured(contender, json.loads(line)))


if __name__ == "__main__":
    main()
