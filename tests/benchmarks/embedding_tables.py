"""nDCG@10 and reciprocal rank of rerankers over BEIR folders, as the tables of docs/attention-and-embedding-tables.md.

Run: python -m tests.benchmarks.embedding_tables <folder of BEIR folders> [--add NAME=CONFIG ...] [--only NAME ...]

CONFIG is the name of a recipe or a config file. All queries of a set are reranked together, so that a passage they
share is read once; the seconds are those of the whole set.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from swaprank import Reranker
from swaprank.runs.evaluation import Dataset, Report, evaluate, load_beir, measure

SETS = ["scifact", "trec-dl2019", "xquad-ar", "arcd-ar"]
ROWS = {
    "BM25 over the candidates": "bm25",
    "wordllama (static)": "static-embedding",
    "all-MiniLM-L6-v2 (bi-encoder)": "embedded-all-minilm-l6-v2",
}
FIRST = "BM25 run (first stage)"


def measures(name: str) -> list[str]:
    """The measures of a set; the passage track counts grade 2 and above as relevant for a binary measure."""
    return ["nDCG@10", "RR(rel=2)@10" if name.startswith("trec-") else "RR@10"]


def first(dataset: Dataset, queries: int | None) -> Dataset:
    """The dataset with the first so many queries, in the order of its file; None for all."""
    kept = list(dataset.queries)[:queries]
    return replace(
        dataset,
        queries={query: dataset.queries[query] for query in kept},
        qrels={query: dataset.qrels[query] for query in kept if query in dataset.qrels},
        candidates={query: dataset.candidates[query] for query in kept if query in dataset.candidates},
    )


def report(name: str, config: str | None, dataset: Dataset, of: str) -> Report:
    """The figures of one reranker, or of the first stage."""
    if config is None:
        return measure(dataset.first_stage(), dataset, measures(of), name=name)
    reranker = Reranker.from_config(Path(config)) if Path(config).is_file() else Reranker(config)
    return evaluate(reranker, dataset, measures(of), batch_size=len(dataset.queries))


def table(found: dict[str, dict[str, Report]], sets: list[str]) -> str:
    """Rows of rerankers, columns of sets, in Markdown."""
    lines = [f"| | {' | '.join(sets)} |", f"|{'---|' * (len(sets) + 1)}"]
    for name, reports in found.items():
        cells = [" / ".join(f"{value:.4f}" for value in reports[one].measures.values()) for one in sets]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print one table per depth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--run", default="bm25")
    parser.add_argument("--depths", nargs="+", type=int, default=[20, 100])
    parser.add_argument("--add", nargs="+", default=[], metavar="NAME=CONFIG")
    parser.add_argument("--queries", type=int, default=None, help="only the first so many of each set")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME")
    given = parser.parse_args()
    rows: dict[str, str | None] = {FIRST: None, **ROWS, **dict(one.split("=", 1) for one in given.add)}
    if given.only is not None:
        rows = {name: rows[name] for name in given.only}
    for depth in given.depths:
        found: dict[str, dict[str, Report]] = {name: {} for name in rows}
        for one in given.sets:
            dataset = first(load_beir(given.folder / one, run=given.run, depth=depth), given.queries)
            for name, config in rows.items():
                found[name][one] = done = report(name, config, dataset, one)
                seconds = done.seconds_per_query * len(dataset.candidates)
                sys.stderr.write(f"top {depth} {one} {name} {done.measures} {seconds:.0f} s\n")
        sys.stdout.write(f"\nTop {depth}, {' / '.join(measures(''))}:\n\n{table(found, given.sets)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
