"""nDCG@10 of fusion rules over BEIR folders, as the tables of docs/hybrid.md.

Run: python -m tests.benchmarks.hybrid <folder of BEIR folders> [--rerankers static-embedding lexical embedded]

Each reranker alone, then each rule over the first stage and that reranker.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from swaprank import Reranker
from swaprank.evaluation import Dataset, evaluate, load_beir, measure

MEASURE = "nDCG@10"
RULES: dict[str, dict[str, Any]] = {
    "evidence": {"fusion": "evidence"},
    "z-score": {"fusion": "z-score"},
    "z-score, alpha 0.2": {"fusion": "z-score", "alpha": 0.2},
    "min-max": {"fusion": "min-max"},
    "rrf": {"fusion": "rrf"},
    "dbsf": {"fusion": "dbsf"},
    "combmnz": {"fusion": "combmnz"},
}


def figures(dataset: Dataset, reranker: str) -> list[float]:
    """First stage, reranker, then the rules."""
    configs = [{"reranker": reranker}, *({**rule, "of": ["first-stage", reranker]} for rule in RULES.values())]
    first = measure(dataset.first_stage(), dataset, [MEASURE], name="first stage").measures[MEASURE]
    return [first, *(evaluate(Reranker(config), dataset, [MEASURE]).measures[MEASURE] for config in configs)]


def table(found: dict[str, list[float]], reranker: str) -> str:
    """The figures in Markdown, with their means and the worst difference to the better of the two lists."""
    heads = ["data", "first stage", reranker, *RULES]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {name} | {' | '.join(f'{one:.4f}' for one in row)} |" for name, row in found.items()]
    means = [sum(column) / len(found) for column in zip(*found.values(), strict=True)]
    lines.append(f"| mean | {' | '.join(f'{one:.4f}' for one in means)} |")
    worst = [min(row[place] - max(row[:2]) for row in found.values()) for place in range(2, len(heads) - 1)]
    lines.append(f"| worst set against the better of both | | | {' | '.join(f'{one:+.4f}' for one in worst)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print one table per reranker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", default="bm25")
    parser.add_argument("--rerankers", nargs="+", default=["static-embedding", "lexical", "embedded"])
    given = parser.parse_args()
    datasets = [
        load_beir(path.parent.parent, run=given.run) for path in sorted(given.folder.glob(f"*/runs/{given.run}.trec"))
    ]
    for reranker in given.rerankers:
        found = {}
        for dataset in datasets:
            found[dataset.name] = figures(dataset, reranker)
            sys.stderr.write(f"{reranker} {dataset.name} {[round(one, 4) for one in found[dataset.name]]}\n")
        sys.stdout.write(f"\n{table(found, reranker)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
