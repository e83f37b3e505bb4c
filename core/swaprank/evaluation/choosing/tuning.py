"""The best config for one's own data within a time: recipes and their fusions, chosen by cross-validation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ...config.data import Config
from ...errors import InputError, SwaprankError
from ...reranker import Reranker
from ...runs.evaluation import Dataset, as_run, measure
from ...scores.fusion_rules import RULES, fuse
from ..comparing import Options, compare, sampled
from ..result import FIRST_STAGE, Row
from ..significance import p_value

RULE: Final = "z-score"
# The share of the first list, in a fusion of two.
_SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_PROBES = 3
# A probe may be this many times too slow by chance.
_SLACK = 1.5
RETRIEVAL: Final = "retrieval"

Scores = dict[str, list[float]]
"""By query id, one score per candidate in the order of the first stage."""


@dataclass(frozen=True)
class Candidate:
    """A config that was measured.

    Attributes:
        name: For people.
        config: What builds it; empty for the first stage as it is.
        values: The measure by query id.
        milliseconds: The time that 95 of 100 queries do not exceed; of a fusion, the sum of its parts'.
    """

    name: str
    config: Config
    values: Mapping[str, float]
    milliseconds: float

    def mean(self, queries: Iterable[str] | None = None) -> float:
        """The mean over some queries, or all."""
        chosen = self.values if queries is None else queries
        return float(np.mean([self.values[query] for query in chosen]))


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        best: The best on all queries, within the budget.
        held_out: Mean of the measure over queries that had no part in choosing: in each fold the best on the other
            folds is measured on this one. What may be expected of the best on new queries.
        first_stage: The same mean of the first stage.
        p: Two-sided p-value of the difference, by the paired randomisation test.
        folds: How many folds.
        candidates: All that were measured within the budget, best first.
        left_out: Why rerankers were not measured, by name.
    """

    best: Candidate
    held_out: float
    first_stage: float
    p: float
    folds: int
    candidates: list[Candidate]
    left_out: dict[str, str] = field(default_factory=dict)


def tune(
    rerankers: Mapping[str, tuple[Config, Reranker | SwaprankError]],
    dataset: Dataset,
    *,
    budget_ms: float | None = None,
    name: str = "nDCG@10",
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[str, int], None] = lambda row, done: None,
) -> Tuned:
    """Measure rerankers, each alone and fused with the first stage and with one another, and choose.

    Fusions are of z-scores, with weights from 0.1 to 0.9. Their rankings are computed of the scores that were measured,
    so that no model is asked twice.

    Args:
        rerankers: Configs and what they build, by name; none of them may cut its list.
        dataset: Judged queries with candidates, at least two per fold.
        budget_ms: Most milliseconds for 95 of 100 queries; None for any.
        name: The measure that decides.
        folds: How many parts the queries are divided into.
        seed: Of the division and the test.
        progress: Told of every reranked query.

    Raises:
        InputError: There are too few queries, or the measure is unknown.
    """
    queries = [query for query, found in dataset.candidates.items() if found]
    if len(queries) < 2 * folds:
        raise InputError(
            f"There are {len(queries)} judged queries with candidates, too few for {folds} folds.",
            hint=f"Label {2 * folds} or more, or ask for fewer folds.",
        )
    left_out: dict[str, str] = {}
    options = Options(measures=(name,), seed=seed)
    first = compare({}, dataset, options).rows[0]
    found = [Candidate(FIRST_STAGE, {}, _values(first, name), 0.0)]
    lists: dict[str, tuple[Config | str, Scores, float]] = {}
    if all(passage.score is not None for query in queries for passage in dataset.candidates[query]):
        lists[RETRIEVAL] = (RETRIEVAL, _scores(first, dataset), 0.0)
    for key, (config, reranker) in rerankers.items():
        why = str(reranker) if isinstance(reranker, SwaprankError) else _too_slow(reranker, dataset, budget_ms)
        if isinstance(reranker, SwaprankError):
            left_out[key] = why
            continue
        if why:
            left_out[key] = why
            reranker.close()
            continue
        row = compare({key: reranker}, dataset, options, progress=progress).rows[1]
        milliseconds = 1000 * row.latency.p95 if row.latency else 0.0
        if row.error or not _within(milliseconds, budget_ms):
            left_out[key] = row.error or f"{milliseconds:.0f} ms for 95 of 100 queries"
            continue
        found.append(Candidate(key, config, _values(row, name), milliseconds))
        lists[key] = (config, _scores(row, dataset), milliseconds)
    found += _fusions(lists, dataset, name, budget_ms)
    return _chosen(found, queries, name, folds, seed, left_out)


def _too_slow(reranker: Reranker, dataset: Dataset, budget_ms: float | None) -> str:
    """Why a reranker is not measured on all queries; empty where it is."""
    how = Options(measures=("nDCG@10",), keep_loaded=True)
    row = compare({"probe": reranker}, sampled(dataset, _PROBES), how).rows[1]
    if row.error:
        return row.error
    median = 1000 * row.latency.p50 if row.latency else 0.0
    return "" if budget_ms is None or median <= _SLACK * budget_ms else f"{median:.0f} ms for a query"


def _within(milliseconds: float, budget_ms: float | None) -> bool:
    return budget_ms is None or milliseconds <= budget_ms


def _values(row: Row, name: str) -> dict[str, float]:
    return {query: result.measures[name] for query, result in row.queries.items()}


def _scores(row: Row, dataset: Dataset) -> Scores:
    """The scores of a row in the order of the candidates."""
    found: Scores = {}
    for query, candidates in dataset.candidates.items():
        result = row.queries[query]
        by_id = dict(zip(result.ranking, result.scores, strict=True))
        found[query] = [by_id.get(passage.id or "", float("nan")) for passage in candidates]
    return found


def _fusions(
    lists: Mapping[str, tuple[Config | str, Scores, float]], dataset: Dataset, name: str, budget_ms: float | None
) -> list[Candidate]:
    """Every two lists with every share that fit the budget together."""
    found = []
    for (one, (left, ours, first)), (other, (right, theirs, second)) in itertools.combinations(lists.items(), 2):
        if not _within(first + second, budget_ms):
            continue
        for share in _SHARES:
            weights = (share, round(1 - share, 1))
            runs = {
                query: as_run(_order(ours[query], theirs[query], weights, [passage.id or "" for passage in candidates]))
                for query, candidates in dataset.candidates.items()
            }
            report = measure(runs, dataset, (name,), name="fusion")
            config: Config = {"fusion": RULE, "of": [left, right], "weights": list(weights)}
            values = {query: row[name] for query, row in report.per_query.items()}
            found.append(Candidate(f"{weights[0]} {one} + {weights[1]} {other}", config, values, first + second))
    return found


def _order(left: list[float], right: list[float], weights: tuple[float, float], ids: list[str]) -> list[str]:
    fused = fuse(RULES[RULE], [left, right], weights)
    return [ids[place] for place in sorted(range(len(ids)), key=lambda place: -fused[place])]


def _chosen(
    found: list[Candidate], queries: Sequence[str], name: str, folds: int, seed: int, left_out: dict[str, str]
) -> Tuned:
    """The best on all queries, and what the same choice gives on queries that it has not seen."""
    shuffled = [queries[place] for place in np.random.default_rng(seed).permutation(len(queries))]
    held_out: dict[str, float] = {}
    for fold in range(folds):
        apart = set(shuffled[fold::folds])
        rest = [query for query in queries if query not in apart]
        best = max(found, key=lambda one: (one.mean(rest), -one.milliseconds))
        held_out.update((query, best.values[query]) for query in apart)
    first = found[0]
    ranked = sorted(found, key=lambda one: (-one.mean(queries), one.milliseconds))
    return Tuned(
        best=ranked[0],
        held_out=float(np.mean(list(held_out.values()))),
        first_stage=first.mean(queries),
        p=p_value([held_out[query] - first.values[query] for query in queries], "randomisation", seed=seed),
        folds=folds,
        candidates=[replace(one, values={query: one.values[query] for query in queries}) for one in ranked],
        left_out=left_out,
    )
