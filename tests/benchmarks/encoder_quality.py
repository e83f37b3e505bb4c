"""nDCG@10 of a bi-encoder in bfloat16 beside float32, over BEIR folders: what 16-bit numbers cost.

Run: python -m tests.benchmarks.encoder_quality <folder of BEIR folders> [--queries 60] [--sets NAME ...]

Each text is embedded once per set and number format. ``--queries`` takes so many queries of each set, evenly spread.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from swaprank import Reranker
from swaprank.runs.evaluation import Dataset, evaluate, load_beir

MEASURE = "nDCG@10"
FORMATS = ("float32", "bfloat16")


def sampled(dataset: Dataset, most: int | None) -> Dataset:
    """The set with at most so many of its queries."""
    names = list(dataset.queries)
    if most is None or most >= len(names):
        return dataset
    kept = {names[place * len(names) // most] for place in range(most)}
    return replace(
        dataset,
        queries={name: text for name, text in dataset.queries.items() if name in kept},
        candidates={name: found for name, found in dataset.candidates.items() if name in kept},
        qrels={name: judged for name, judged in dataset.qrels.items() if name in kept},
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", default="bm25")
    parser.add_argument("--sets", nargs="+", default=None)
    parser.add_argument("--queries", type=int, default=None)
    parser.add_argument("--reranker", default="embedded-all-minilm-l6-v2")
    given = parser.parse_args()
    write = sys.stdout.write
    write(f"| data | queries | {' | '.join(FORMATS)} | difference |\n|---|---|---|---|---|\n")
    for data in sorted(path.parent.parent for path in given.folder.glob(f"*/runs/{given.run}.trec")):
        if given.sets is not None and data.name not in given.sets:
            continue
        dataset = sampled(load_beir(data, run=given.run), given.queries)
        figures = []
        for name in FORMATS:
            reranker = Reranker({"reranker": given.reranker, "backend": {"device": "cpu", "dtype": name}})
            report = evaluate(reranker, dataset, [MEASURE], batch_size=len(dataset.queries))
            figures.append(report.measures[MEASURE])
        single, half = figures
        write(f"| {dataset.name} | {len(dataset.queries)} | {single:.4f} | {half:.4f} | {half - single:+.4f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
