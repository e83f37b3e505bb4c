"""nDCG@10 of fusion rules over BEIR folders, as the tables of docs/hybrid.md.

Run: python -m tests.benchmarks.hybrid <folder of BEIR folders> [--rerankers static-embedding lexical embedded]

Each reranker alone, then each rule over the first stage and that reranker.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaprank import Passage, Query, Ranking, Reranker
from swaprank.flow.drivers import drive
from swaprank.flow.flow import Flow
from swaprank.runs.evaluation import Dataset, load_beir, measure
from swaprank.scores.ranks import descending
from swaprank.stages.candidate_scores import CandidateScores
from swaprank.stages.fusion.fusion import Fusion
from swaprank.stages.fusion.options import FusionOptions
from swaprank.stages.scale import Scale
from swaprank.stages.stage import Limits, Stage

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


@dataclass(frozen=True)
class PromptBody:
    """A ranking that is known already, in the place of the reranker that made it."""

    ranking: Ranking

    @property
    def takes_instruction(self) -> bool:
        return False

    @property
    def scale(self) -> Scale:
        return Scale(frozenset({self.ranking.score_kind}), absolute=False)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        yield from ()
        told = self.ranking
        return CandidateScores(descending(told.scores), told.scores, kind=told.score_kind, coverage=told.coverage)


def fused(rule: dict[str, Any], query: str, passages: Sequence[Passage], ranking: Ranking) -> list[str]:
    """The ids in the order of a rule over the first stage and a ranking of all passages."""
    options = FusionOptions.model_validate({**rule, "of": ["first-stage", "reranker"]})
    reranker = Stage("reranker", PromptBody(ranking), Limits(empty_passages="score"))
    stage = Stage("fusion", Fusion(options, ("first-stage", reranker)), Limits())
    return [ranked.passage.id or "" for ranked in drive([stage.flow(Query(query), passages, None)])[0].passages]


def figures(dataset: Dataset, name: str) -> list[float]:
    """First stage, reranker, then the rules; the reranker reads everything once."""
    asked = list(dataset.candidates)
    rankings = Reranker(name).rerank_many(
        [dataset.queries[query] for query in asked], [dataset.candidates[query] for query in asked]
    )
    told = dict(zip(asked, rankings, strict=True))
    runs = [
        dataset.first_stage(),
        {query: run([one.passage.id or "" for one in told[query].passages]) for query in asked},
    ]
    for rule in RULES.values():
        runs.append(
            {query: run(fused(rule, dataset.queries[query], dataset.candidates[query], told[query])) for query in asked}
        )
    return [measure(one, dataset, [MEASURE], name="run").measures[MEASURE] for one in runs]


def run(ids: Sequence[str]) -> dict[str, float]:
    """Falling scores for an order."""
    return {id_: float(len(ids) - place) for place, id_ in enumerate(ids)}


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
