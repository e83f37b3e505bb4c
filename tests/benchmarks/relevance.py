"""Fits the map from evidence to relevance of an embedded recipe, and measures it on collections it was not fitted on.

Run: python -m tests.benchmarks.relevance FOLDER_OF_BEIR_FOLDERS [--reranker embedded] [--measure-only] [--without-wordllama]

Each query with a relevant passage is asked about three groups of passages: the relevant ones, the others of the first
stage's 100, and 30 drawn at random from the collection. Collections count alike, and in each the groups count 1/2, 1/4
and 1/4, however many passages they hold: precision is at even odds, so that it compares between collections.

- ``held out``: the map fitted on all the other collections.
- ``recipe``: the map in the recipe, which is what users get; its figures on unseen data are those of --measure-only.

``--without-wordllama`` fits and measures the map for machines on which the embedding table is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from swaprank import Passage, Reranker
from swaprank.runs.evaluation import load_beir
from swaprank.scores.relevance import Evidence

RANDOM = 30
RELEVANT, FOUND, DRAWN = range(3)
SHARES = {RELEVANT: 0.5, FOUND: 0.25, DRAWN: 0.25}


@dataclass(frozen=True)
class Pairs:
    """Pairs of a query and a passage: what was found [pairs, names], the group and the recipe's relevance of each."""

    found: NDArray[np.float64]
    group: NDArray[np.int64]
    relevance: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        counts = np.bincount(self.group, minlength=3)
        return np.array([SHARES[group] / counts[group] for group in self.group])


def pairs(folder: Path, run: str, reranker: Reranker, names: list[str], queries: int | None) -> Pairs:
    """Ask about one collection; passages are never kept."""
    data = load_beir(folder, run=run)
    # The official rule of the TREC Deep Learning passage task.
    least = 2 if folder.name.startswith("trec-dl") else 1
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    corpus = {
        entry["_id"]: Passage(entry["text"], id=entry["_id"], title=entry.get("title"))
        for entry in map(json.loads, lines)
    }
    ids = sorted(corpus)
    chance = random.Random(0)
    found: list[list[float]] = []
    group: list[int] = []
    relevance: list[float] = []
    asked = [query for query in sorted(data.candidates) if query in data.qrels]
    for query in asked[:queries]:
        relevant = {key for key, grade in data.qrels[query].items() if grade >= least and key in corpus}
        first = [key for passage in data.candidates[query] if (key := passage.id) and key not in relevant]
        if not relevant:
            continue
        drawn = [key for key in chance.sample(ids, min(RANDOM, len(ids))) if key not in relevant]
        listed = [*sorted(relevant), *first, *drawn]
        ranking = reranker.rerank(data.queries[query], [corpus[key] for key in listed])
        rows = list(zip(*(ranking.evidence[name] for name in names), ranking.relevance, strict=True))
        for place, row in enumerate(rows):
            # Passages without text are told apart by that alone.
            if corpus[listed[place]].is_empty:
                continue
            values = [value if value is not None else float("nan") for value in row]
            found.append(values[:-1])
            relevance.append(values[-1])
            group.append(RELEVANT if place < len(relevant) else FOUND if place < len(relevant) + len(first) else DRAWN)
    return Pairs(np.array(found), np.array(group), np.array(relevance))


def fitted(collections: list[Pairs], names: list[str]) -> Evidence:
    """A logistic regression without a penalty worth the name."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e3, max_iter=1000)
    weights = np.concatenate([each.weights for each in collections]) * 1000
    labels = np.concatenate([each.group == RELEVANT for each in collections])
    model.fit(np.concatenate([each.found for each in collections]), labels, sample_weight=weights)
    slopes = dict(zip(names, (round(float(slope), 2) for slope in model.coef_[0]), strict=True))
    return Evidence(weights=slopes, intercept=round(float(model.intercept_[0]), 2))


def applied(how: Evidence, found: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    return np.array([how.relevance(dict(zip(names, row, strict=True))) for row in found.tolist()])


def figures(relevance: NDArray[np.float64], each: Pairs, threshold: float) -> list[float]:
    """Precision and recall at even odds, how many of the two groups that are not relevant pass, and the precision in the
    first stage's list with all that is relevant, as it is."""
    passed, weights = relevance >= threshold, each.weights
    right = float(weights[passed & (each.group == RELEVANT)].sum())
    chosen = float(weights[passed].sum())
    shares = [float(passed[each.group == group].mean()) for group in (FOUND, DRAWN)]
    listed = int((passed & (each.group != DRAWN)).sum())
    as_it_is = int((passed & (each.group == RELEVANT)).sum()) / listed if listed else 1.0
    return [right / chosen if chosen else 1.0, right / SHARES[RELEVANT], *shares, as_it_is]


def main() -> None:
    """Print the fitted map and one row per collection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reranker", default="embedded")
    parser.add_argument("--run", default="bm25", help="The first stage of each folder.")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--queries", type=int, help="At most so many of each collection.")
    parser.add_argument("--measure-only", action="store_true", help="Measure the recipe's map; fit nothing.")
    parser.add_argument(
        "--without-wordllama", action="store_true", help="As if the embedding table were not installed."
    )
    given = parser.parse_args()
    with _without_wordllama() if given.without_wordllama else nullcontext():
        _measure(given)


@contextmanager
def _without_wordllama() -> Iterator[None]:
    """As if the embedding table were not installed."""
    find = importlib.util.find_spec

    def hidden(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "wordllama" else find(name, package)

    with patch.object(importlib.util, "find_spec", hidden):
        yield


def _measure(given: argparse.Namespace) -> None:
    reranker = Reranker(given.reranker)
    names = sorted(reranker.rerank("tea", ["tea"]).evidence)
    folders = sorted(path.parent for path in given.folder.glob("*/corpus.jsonl"))
    known = {folder.name: pairs(folder, given.run, reranker, names, given.queries) for folder in folders}
    heads = ["precision", "recall", "first stage passes", "random passes", "precision as it is"]
    table = Table("data", *([] if given.measure_only else [f"held out: {head}" for head in heads]), *heads)
    rows: list[list[float]] = []
    for name, each in known.items():
        row = figures(each.relevance, each, given.threshold)
        if not given.measure_only:
            others = [other for key, other in known.items() if key != name]
            row = figures(applied(fitted(others, names), each.found, names), each, given.threshold) + row
        rows.append(row)
        table.add_row(name, *(f"{figure:.3f}" for figure in row))
    mean = np.mean(rows, axis=0)
    summary = {"mean": mean, "lowest": np.min(rows, axis=0), "highest": np.max(rows, axis=0)}
    for name, line in {**summary, "farthest from the mean": np.abs(rows - mean).max(axis=0)}.items():
        table.add_row(name, *(f"{figure:.3f}" for figure in line))
    console = Console(width=200)
    console.print(table)
    if not given.measure_only:
        console.print(fitted(list(known.values()), names).model_dump_json())


if __name__ == "__main__":
    main()
