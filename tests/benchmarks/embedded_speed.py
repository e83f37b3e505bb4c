"""How long `Reranker()` takes for 100 passages, in milliseconds.

Run: python -m tests.benchmarks.embedded_speed <folder of BEIR folders> [--sets scifact trec-dl2019]

Each data set gives its first 100 documents and its first 20 queries. The first call reads the table and knows no word;
warm calls are those of the other queries, three times each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from itertools import islice
from pathlib import Path

from swaprank import Reranker


def texts(path: Path, count: int) -> list[str]:
    """The first texts of a BEIR file, with their titles."""
    with path.open(encoding="utf-8") as lines:
        entries = [json.loads(line) for line in islice(lines, count)]
    return [" ".join(filter(None, (entry.get("title"), entry["text"]))) for entry in entries]


def milliseconds(reranker: Reranker, query: str, passages: list[str]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    reranker.rerank(query, passages)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["scifact", "trec-dl2019"])
    parser.add_argument("--passages", type=int, default=100)
    given = parser.parse_args()
    write = sys.stdout.write
    write(
        "| data | characters a passage | first call, ms | warm, median ms | warm, slowest ms |\n|---|---|---|---|---|\n"
    )
    for name in given.sets:
        passages = texts(given.folder / name / "corpus.jsonl", given.passages)
        queries = texts(given.folder / name / "queries.jsonl", 20)
        reranker = Reranker()
        first = milliseconds(reranker, queries[0], passages)
        warm = [milliseconds(reranker, query, passages) for _ in range(3) for query in queries[1:]]
        characters = sum(map(len, passages)) / len(passages)
        figures = f"{characters:.0f} | {first:.0f} | {statistics.median(warm):.1f} | {max(warm):.1f}"
        write(f"| {name} | {figures} |\n")


if __name__ == "__main__":
    main()
