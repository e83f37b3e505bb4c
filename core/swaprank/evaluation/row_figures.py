"""The figures of one row: measures with their intervals, times, work, and its run as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config.prices import price_table
from ..runs.evaluation import Dataset, as_run, measure
from .result import Cost, Latency, QueryResult, Row, Work
from .significance import interval

_UNSAFE = re.compile(r"[^\w.-]+")


def measured(
    row: Row,
    results: Mapping[str, QueryResult],
    dataset: Dataset,
    measures: Sequence[str],
    *,
    batch_size: int,
    seed: int,
) -> Row:
    """The row with its figures.

    Args:
        row: Name, kind and config.
        results: What became of each query that has candidates.
        dataset: Holds the judgements.
        measures: What is measured.
        batch_size: How many queries were timed together.
        seed: Of the bootstrap.
    """
    runs = {query: as_run(result.ranking) for query, result in results.items()}
    report = measure(runs, dataset, measures, name=row.name)
    nothing = QueryResult(ranking=[], scores=[])
    queries = {
        query: results.get(query, nothing).model_copy(update={"measures": values})
        for query, values in report.per_query.items()
    }
    columns = {name: [values[name] for values in report.per_query.values()] for name in measures}
    return row.model_copy(
        update={
            "measures": report.measures,
            "intervals": {name: interval(values, seed=seed) for name, values in columns.items()},
            "latency": None if row.kind == "first-stage" else _latency(results.values(), batch_size),
            "work": _work(results.values()),
            "cost": _cost(row.config, results.values()),
            "queries": queries,
        }
    )


def write_run(path: Path, results: Mapping[str, QueryResult], name: str) -> None:
    """Write a run in TREC format, with the reranker's own scores.

    Where scores tie, trec_eval would order by passage id; then the scores written are ranks, which fall strictly.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tag = run_name(name)
    with path.open("w", encoding="utf-8") as file:
        for query, result in results.items():
            falls = all(one > other for one, other in zip(result.scores, result.scores[1:], strict=False))
            scores = result.scores if falls else list(as_run(result.ranking).values())
            for rank, (passage, score) in enumerate(zip(result.ranking, scores, strict=True), start=1):
                file.write(f"{query} Q0 {passage} {rank} {score} {tag}\n")


def run_name(row: str) -> str:
    """The name of a row as a file and as the tag of a run: no white space, nothing that a path could mean."""
    return _UNSAFE.sub("-", row).strip("-.") or "run"


def _latency(results: Iterable[QueryResult], batch_size: int) -> Latency | None:
    seconds = [result.seconds for result in results if result.ranking]
    if not seconds:
        return None
    median, most = np.percentile(seconds, [50, 95])
    return Latency(
        mean=float(np.mean(seconds)), p50=float(median), p95=float(most), highest=max(seconds), batch_size=batch_size
    )


def _work(results: Iterable[QueryResult]) -> Work:
    found = list(results)
    calls = [call for result in found for call in result.calls]
    return Work(
        requests=sum(call.requests for call in calls),
        cached=sum(call.cached for call in calls),
        input_tokens=sum(call.input_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        billed_units=sum(call.billed_units for call in calls),
        cut=sum(call.cut for call in calls),
        repairs=sum(result.repairs for result in found),
        failures=sum(len(result.failures) for result in found),
    )


def _cost(config: Mapping[str, Any], results: Iterable[QueryResult]) -> Cost | None:
    table = price_table(config) if config else None
    found = [result for result in results if result.ranking]
    amount = table.cost(call for result in found for call in result.calls) if table else None
    if table is None or amount is None or not found:
        return None
    return Cost(amount=amount, currency=table.currency, per_1000_queries=1000 * amount / len(found))
