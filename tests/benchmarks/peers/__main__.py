"""swaprank beside what a user would install in its place: the same weights, texts and machine, in alternating order.

    make bench-peers                  # about 15 minutes on two cores; writes docs/performance.md
    make bench-peers ARGS=--quick     # 3 minutes; prints the page, and writes nothing

Each contender runs in a process of its own. Their outputs are compared first; one whose probabilities lie apart, or that
cannot be loaded, is named on the page with the reason.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .contenders import APART, APART_16, CONTENDERS, DEFAULT, EXTRAS, REFERENCE, SIXTEEN_BIT
from .machine import machine
from .page import page
from .running import Process, alternate
from .texts import ask, mixed

DOCS = Path(__file__).parents[3] / "docs"
# What grows with passages, queries and callers: ours, and the rivals that come nearest.
GROWING = (
    DEFAULT,
    "swaprank, float32",
    REFERENCE,
    "sentence-transformers, bfloat16",
    "sentence-transformers, OpenVINO",
)
Found = dict[str, Any]


def ready(folder: Path, names: Sequence[str], found: Found) -> dict[str, Process]:
    processes = {name: Process(folder, name) for name in names}
    for name, process in list(processes.items()):
        if process.error:
            found["left_out"][name] = process.error
            processes.pop(name).end()
        else:
            found["loaded"][name] = process.first["loaded"]
    return processes


def agree(processes: dict[str, Process], found: Found) -> None:
    """Leave out who computes something else; the reference is sentence-transformers."""
    question = ask(mixed(24, 5), 5)
    probabilities = {name: process.do([question], scores=True) for name, process in processes.items()}
    expected = probabilities[REFERENCE]["scores"][0]
    for name, answer in probabilities.items():
        if "scores" not in answer:
            found["left_out"][name] = str(answer.get("error"))
        else:
            apart = max(abs(one - other) for one, other in zip(expected, answer["scores"][0], strict=True))
            found["apart"][name] = apart
            if apart > (APART_16 if name in SIXTEEN_BIT else APART):
                found["left_out"][name] = f"its probabilities are up to {apart:.2g} apart"
        if name in found["left_out"]:
            processes.pop(name).end()


def growth(processes: dict[str, Process], found: Found, quick: bool, seconds: float) -> None:
    """10 to 3,000 passages, 1 to 64 queries, 1 to 32 callers; passages of 60 words."""
    growing = [processes[name] for name in GROWING if name in processes]
    short = [60] * 10
    plans: list[tuple[str, list[int], Callable[[int], list[Any]], str]] = [
        (
            "passages",
            [10, 100, 300] if quick else [10, 30, 100, 300, 1000, 3000],
            lambda n: [ask([60] * n)],
            "one by one",
        ),
        ("queries", [1, 8] if quick else [1, 4, 16, 64], lambda n: [ask(short, seed) for seed in range(n)], "many"),
        ("callers", [1, 8] if quick else [1, 2, 8, 32], lambda n: [ask(short, seed) for seed in range(n)], "callers"),
    ]
    for name, sizes, asks, way in plans:
        rows = found["growth"][name] = {}
        for size in sizes:
            rounds = 1 if size >= 1000 else 3
            rows[str(size)] = alternate(growing, asks(size), rounds=rounds, seconds=seconds / 12, way=way)


def extras(folder: Path, found: Found, quick: bool) -> None:
    """What only some have: the embedded default beside the smallest FlashRank, a cache, a budget."""
    more = ready(folder, list(EXTRAS), found)
    rounds = 3 if quick else 7
    for row, lengths in (("short", [20] * 100), ("abstracts", [200] * 100), ("mixed", mixed(100))):
        names = ("swaprank, embedded default", "FlashRank, TinyBERT size")
        pair = [more[name] for name in names if name in more]
        asks = [ask(lengths)]
        for process in pair:
            process.do(asks)
        found["extras"][row] = alternate(pair, asks, rounds=rounds, seconds=20)
    asks = [ask(mixed(100), 7)]
    if "swaprank, cache" in more:
        first = more["swaprank, cache"].do(asks)
        again = alternate([more["swaprank, cache"]], asks, rounds=5, seconds=5)
        found["extras"]["cache"] = {"first": first["seconds"], "again": again["swaprank, cache"]["median"]}
    if "swaprank, budget 0.3 s" in more:
        process = more["swaprank, budget 0.3 s"]
        asks = [ask(mixed(400), 8)]
        process.do(asks)
        found["extras"]["budget"] = [process.do(asks)["seconds"] for _ in range(3)]
    for process in more.values():
        process.end()


def memory(folder: Path, found: Found, count: int) -> None:
    """The most megabytes for passages of two lengths, each contender in a fresh process that has done nothing else."""
    rows: dict[str, dict[str, float]] = {}
    found["memory"] = {"passages": count, "rows": rows}
    for title, lengths in (("mixed length", mixed(count, 9)), ("60 words", [60] * count)):
        rows[title] = {}
        for name in GROWING:
            for process in ready(folder, [name], found).values():
                answer = process.do([ask(lengths, 9)])
                if "megabytes" in answer:
                    rows[title][name] = answer["megabytes"]
                process.end()


def run(folder: Path, quick: bool) -> Found:
    began = time.monotonic()
    found: Found = {
        "quick": quick,
        "machine": machine(),
        "left_out": {},
        "loaded": {},
        "apart": {},
        "cases": {},
        "growth": {},
        "extras": {},
        "memory": {},
    }
    peak = Process(folder, "GEMM")
    found["gemm"] = peak.first
    peak.end()
    processes = ready(folder, list(CONTENDERS), found)
    agree(processes, found)
    cases = {"100 mixed": mixed(100), "10 mixed": mixed(10, 2), "20 x 300": [292] * 20}
    budgets = {"100 mixed": 60 if quick else 270, "10 mixed": 15 if quick else 40, "20 x 300": 25 if quick else 70}
    for name, lengths in cases.items():
        print(name, f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        asks = [ask(lengths, 3)]
        found["cases"][name] = {
            "tokens": sum(length + 11 for length in lengths),
            "tokens_squared": sum((length + 11) ** 2 for length in lengths),
            "passages": len(lengths),
            "ways": alternate(processes.values(), asks, rounds=3 if quick else 7, seconds=budgets[name]),
        }
    for name in [name for name in processes if name not in GROWING]:
        processes.pop(name).end()
    print("growth", f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    growth(processes, found, quick, 40 if quick else 240)
    for process in processes.values():
        process.end()
    print("extras", f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    extras(folder, found, quick)
    memory(folder, found, 100 if quick else 1_000)
    found["minutes"] = round((time.monotonic() - began) / 60, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 rounds; print the page and write nothing")
    parser.add_argument("--write", action="store_true", help="write the page of a --quick run, too")
    parser.add_argument("--models", type=Path, help="keep the models in this folder, and take them from there")
    parser.add_argument("--page", type=Path, help="write the page anew from this performance.json, and run nothing")
    parser.add_argument(
        "--extras", type=Path, help="measure the extras alone, anew; the rest is of this performance.json"
    )
    given = parser.parse_args()
    if given.page:
        found = json.loads(given.page.read_text())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.models or Path(temporary)
            if not (folder / "openvino" / "config.json").exists():
                module = "tests.benchmarks.peers.models"
                subprocess.run([sys.executable, "-W", "ignore", "-m", module, str(folder)], check=True)
            if given.extras:
                found = json.loads(given.extras.read_text())
                extras(folder, found, given.quick)
            else:
                found = run(folder, given.quick)
    if found["quick"] and not given.write and not given.page:
        print(page(found))
        return
    from .plot import plot

    (DOCS / "performance.json").write_text(json.dumps(found, indent=1) + "\n")
    plot(found, DOCS / "performance.png")
    (DOCS / "performance.md").write_text(page(found))


if __name__ == "__main__":
    main()
