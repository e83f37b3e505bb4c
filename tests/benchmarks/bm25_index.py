"""Time of a BM25 index: built, opened, updated, searched, and used to score candidates.

Run: python -m tests.benchmarks.bm25_index [--passages 100000] [--corpus corpus.jsonl]

Without a corpus the passages are made up: 40 to 160 words by Zipf's law out of 200,000, the length of MS MARCO's.
With one, its texts are taken over and over, each with a number of its own, until there are enough.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from swaprank import BM25Index, Passage, Reranker

WORDS = 200_000
QUERIES = 200


def made_up(count: int) -> list[Passage]:
    chance = np.random.default_rng(7)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    vocabulary = ["".join(chance.choice(letters, size)) for size in chance.integers(2, 12, WORDS)]
    words = np.minimum(chance.zipf(1.15, (count, 160)), WORDS) - 1
    lengths = chance.integers(40, 160, count)
    return [
        Passage(" ".join(vocabulary[word] for word in row[:length]), id=str(place))
        for place, (row, length) in enumerate(zip(words.tolist(), lengths, strict=True))
    ]


def taken(corpus: Path, count: int) -> list[Passage]:
    texts = [json.loads(line)["text"] for line in corpus.read_text(encoding="utf-8").splitlines()]
    return [Passage(f"{text} {place}", id=str(place)) for place, text in enumerate(islice(cycle(texts), count))]


def timed(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--corpus", type=Path)
    given = parser.parse_args()
    passages = taken(given.corpus, given.passages) if given.corpus else made_up(given.passages)
    queries = [" ".join(passage.text.split()[5:15]) for passage in passages[:: max(1, len(passages) // QUERIES)]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        figures = {"build, s": timed(lambda: BM25Index.build(passages, path, language="en"))}
        index = BM25Index.load(path)
        changed = [Passage(f"{passage.text} changed", id=passage.id) for passage in passages[:100]]
        figures["update of 100 passages, s"] = timed(lambda: index.update(changed))
        figures["open, s"] = timed(lambda: BM25Index.load(path))
        index = BM25Index.load(path)
        searches = [timed(partial(index.search, query, 100)) for query in queries]
        figures["search of the top 100, ms (median)"] = 1000 * statistics.median(searches)
        figures["search of the top 100, ms (slowest)"] = 1000 * max(searches)
        reranker = Reranker("bm25", collection=str(path))
        reranker.rerank(queries[0], passages[:100])
        scored = [timed(partial(reranker.rerank, query, passages[200:300])) for query in queries]
        figures["scoring 100 candidates, ms (median)"] = 1000 * statistics.median(scored)
        size = sum(file.stat().st_size for file in path.rglob("*"))
        figures["size on disk, MB"] = size / 1e6
    for name, figure in figures.items():
        sys.stdout.write(f"{name}: {figure:.2f}\n")


if __name__ == "__main__":
    main()
