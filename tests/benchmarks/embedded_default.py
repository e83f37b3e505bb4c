"""nDCG@10 of the download-free recipes over BEIR folders, as the table of docs/embedded-default.md.

Run: python -m tests.benchmarks.embedded_default <folder of BEIR folders> [--recipes embedded embedded-minilm] [--run dense]

Each recipe runs twice: on candidates that bring their retrieval score, and on the bare texts, in the first stage's order
or, with ``--shuffled``, in one that means nothing. ``--run dense`` reads what `dense_runs` wrote. Languages are told
by the name of the folder (``-ar``) for the averages only; the recipes know nothing of data sets.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from pathlib import Path

from swaprank import Passage, Reranker
from swaprank.runs.evaluation import Dataset, evaluate, load_beir, measure

MEASURE = "nDCG@10"


BARE = "#bare"


def with_bare_texts(dataset: Dataset, shuffled: bool = False) -> Dataset:
    """Every query twice: as it is, and with candidates that are bare texts; so that both share embeddings."""
    doubled: dict[str, list[Passage]] = {}
    chance = random.Random(0)
    for query, found in dataset.candidates.items():
        doubled[query] = found
        bare = [replace(passage, score=None) for passage in found]
        doubled[query + BARE] = chance.sample(bare, len(bare)) if shuffled else bare
    return Dataset(
        name=dataset.name,
        queries=dataset.queries | {query + BARE: text for query, text in dataset.queries.items()},
        candidates=doubled,
        qrels=dataset.qrels | {query + BARE: judged for query, judged in dataset.qrels.items()},
    )


def rows(folder: Path, run: str, recipes: list[str], shuffled: bool) -> list[tuple[str, list[float]]]:
    """One row per data set: first stage, then each recipe with and without retrieval scores."""
    found = []
    for data in sorted(path.parent.parent for path in folder.glob(f"*/runs/{run}.trec")):
        dataset = load_beir(data, run=run)
        figures = [measure(dataset.first_stage(), dataset, [MEASURE], name="first stage").measures[MEASURE]]
        doubled = with_bare_texts(dataset, shuffled)
        for recipe in recipes:
            report = evaluate(Reranker(recipe), doubled, [MEASURE], batch_size=len(doubled.queries))
            for bare in (False, True):
                values = [row[MEASURE] for query, row in report.per_query.items() if query.endswith(BARE) == bare]
                figures.append(sum(values) / len(values))
        found.append((dataset.name, figures))
        sys.stderr.write(f"{dataset.name} {run} {[round(figure, 4) for figure in figures]}\n")
    return found


def table(found: list[tuple[str, list[float]]], recipes: list[str]) -> str:
    """The rows in Markdown, with gains over the first stage and the English average."""
    heads = ["data", "first stage", *(f"{recipe}{how}" for recipe in recipes for how in ("", ", bare texts"))]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name, (first, *others) in found:
        lines.append(f"| {name} | {first:.4f} | {' | '.join(f'{one:.4f} ({one - first:+.4f})' for one in others)} |")
    english = [figures for name, figures in found if not name.endswith("-ar")]
    gains = [
        sum(figures[column] - figures[0] for figures in english) / len(english)
        for column in range(1, 1 + 2 * len(recipes))
    ]
    worst = [min(figures[column] - figures[0] for _, figures in found) for column in range(1, 1 + 2 * len(recipes))]
    lines.append(f"| mean gain, English | | {' | '.join(f'{gain:+.4f}' for gain in gains)} |")
    lines.append(f"| worst set | | {' | '.join(f'{gain:+.4f}' for gain in worst)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", default="bm25")
    parser.add_argument("--recipes", nargs="+", default=["embedded", "embedded-minilm"])
    parser.add_argument("--shuffled", action="store_true", help="Bare texts come in a random order.")
    given = parser.parse_args()
    found = rows(given.folder, given.run, given.recipes, given.shuffled)
    sys.stdout.write(table(found, given.recipes) + "\n")


if __name__ == "__main__":
    main()
