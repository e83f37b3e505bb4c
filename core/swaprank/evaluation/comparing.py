"""Measuring several rerankers on the same candidates: quality, time, calls, and whether differences are chance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import __version__
from ..errors import SwaprankError
from ..masking import masked
from ..reranker import Reranker
from ..runs.evaluation import DEFAULT_MEASURES, Dataset
from ..types import Passage, Ranking
from .comparisons import comparisons
from .machine import this_machine
from .query_log import QueryLog
from .result import FIRST_STAGE, DatasetInfo, Evaluation, InnerSearch, PassageText, QueryResult, Question, Row
from .row_figures import measured, run_name, write_run
from .significance import Test
from .thumbnails import thumbnails

# Backends whose calls may cost money: nothing is asked of them a second time.
_REMOTE = frozenset({"http", "llm"})

Progress = Callable[[str, int], None]
"""Told the name of the row and how many more of its queries are done."""


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        measures: Names in ir-measures' syntax and ``INQUIRE_AP``; the first one decides which row is best.
        batch_size: Queries reranked together; 1 times each by itself.
        test: The test of significance.
        seed: Of everything random: the test and the bootstrap.
        runs: A folder for every run in TREC format and for what is needed to go on after an interruption.
        texts: Put the texts of candidates into the result.
        images: Put thumbnails of candidates' images into the result.
        keep_loaded: Leave models loaded when their row is done, for another call; else each makes room for the next.
    """

    measures: Sequence[str] = DEFAULT_MEASURES
    batch_size: int = 1
    test: Test = "randomisation"
    seed: int = 0
    runs: Path | None = None
    texts: bool = False
    images: bool = False
    keep_loaded: bool = False


def compare(
    rerankers: Mapping[str, Reranker | SwaprankError],
    dataset: Dataset,
    options: Options | None = None,
    *,
    progress: Progress = lambda name, done: None,
) -> Evaluation:
    """Measure rerankers beside the first stage.

    Args:
        rerankers: By the name of the row; an error stands for one that could not be built.
        dataset: Queries, candidates and judgements.
        options: How to measure.
        progress: Told of every query that is done.

    Returns:
        One row per reranker after the first stage's. One that fails has a row with its error.

    Raises:
        InputError: A measure is unknown, or `Options.runs` cannot be written.
    """
    how = options or Options()
    rows = [_first_stage(dataset, how)]
    for name, reranker in rerankers.items():
        rows.append(
            Row(name=name, kind="reranker", error=_message(reranker))
            if isinstance(reranker, SwaprankError)
            else _row(name, reranker, dataset, how, progress)
        )
    found = Evaluation(
        swaprank=__version__,
        dataset=_info(dataset),
        machine=this_machine(),
        measures=list(how.measures),
        seed=how.seed,
        rows=rows,
        comparisons=comparisons(rows, how.measures, how.test, how.seed),
        questions=_questions(dataset),
        passages=_shown(dataset, how),
    )
    if how.runs is not None:
        (how.runs / "evaluation.json").write_text(found.model_dump_json(), encoding="utf-8")
    return found


def _first_stage(dataset: Dataset, how: Options) -> Row:
    results = {
        query: QueryResult(
            ranking=[passage.id or "" for passage in found],
            scores=[0.0 if passage.score is None else passage.score for passage in found],
            score_kind="retrieval",
        )
        for query, found in dataset.candidates.items()
    }
    return _finished(Row(name=FIRST_STAGE, kind="first-stage"), results, dataset, how)


def _row(name: str, reranker: Reranker, dataset: Dataset, how: Options, progress: Progress) -> Row:
    row = Row(name=name, kind="reranker", config=reranker.to_config())
    log = QueryLog(
        None if how.runs is None else how.runs / f"{run_name(name)}.queries.jsonl", row.config, how.batch_size
    )
    try:
        results = _reranked(name, reranker, dataset, how.batch_size, log, progress)
    except Exception as error:  # models and their libraries fail in many ways; the other rows are measured all the same
        return row.model_copy(update={"error": _message(error)})
    finally:
        log.close()
        if not how.keep_loaded:
            reranker.close()
    return _finished(row, results, dataset, how)


def _finished(row: Row, results: Mapping[str, QueryResult], dataset: Dataset, how: Options) -> Row:
    """The row with its figures; its run is written where runs are kept."""
    if how.runs is not None:
        write_run(how.runs / f"{run_name(row.name)}.trec", results, row.name)
    return measured(row, results, dataset, how.measures, batch_size=how.batch_size, seed=how.seed)


def _reranked(
    name: str, reranker: Reranker, dataset: Dataset, batch_size: int, log: QueryLog, progress: Progress
) -> dict[str, QueryResult]:
    results: dict[str, QueryResult] = {}
    missing: list[str] = []
    for query, found in dataset.candidates.items():
        known = log.known(query, dataset.queries[query], found)
        if known is not None:
            results[query] = known
            progress(name, 1)
        elif found:
            missing.append(query)
        else:
            results[query] = QueryResult(ranking=[], scores=[])
            progress(name, 1)
    if missing:
        reranker.warm_up()
    for start in range(0, len(missing), batch_size):
        batch = missing[start : start + batch_size]
        rankings, seconds = _timed(reranker, batch, dataset)
        if not start and _may_be_asked_again(rankings):
            rankings, seconds = _timed(reranker, batch, dataset)
        for query, ranking in zip(batch, rankings, strict=True):
            results[query] = _result(ranking, dataset.candidates[query], seconds / len(batch))
            log.add(query, dataset.queries[query], dataset.candidates[query], results[query])
            progress(name, 1)
    return {query: results[query] for query in dataset.candidates}


def _timed(reranker: Reranker, batch: Sequence[str], dataset: Dataset) -> tuple[list[Ranking], float]:
    started = time.perf_counter()
    rankings = reranker.rerank_many(
        [dataset.queries[query] for query in batch], [dataset.candidates[query] for query in batch]
    )
    return rankings, time.perf_counter() - started


def _may_be_asked_again(rankings: Sequence[Ranking]) -> bool:
    """Whether the first batch, which also imports and allocates, can be timed anew for nothing."""
    calls = [call for ranking in rankings for call in ranking.calls]
    return not any(call.backend in _REMOTE or call.cached for call in calls)


def _result(ranking: Ranking, candidates: Sequence[Passage], seconds: float) -> QueryResult:
    return QueryResult(
        ranking=[ranked.passage.id or "" for ranked in ranking.passages],
        scores=[ranked.score for ranked in ranking.passages],
        score_kind=ranking.score_kind.value,
        seconds=seconds,
        calls=ranking.calls,
        repairs=ranking.repairs,
        failures=ranking.failures,
        warnings=ranking.warnings,
        reasoning={one.passage.id or "": one.reasoning for one in ranking.passages if one.reasoning},
        inner=[
            InnerSearch(
                query=one.query or "",
                stage=one.stage,
                ranking=[candidates[index].id or "" for index in one.kept],
                scores=list(one.scores),
            )
            for one in ranking.trace().inner_searches()
        ],
    )


def _info(dataset: Dataset) -> DatasetInfo:
    sizes = [len(dataset.candidates.get(query, ())) for query in dataset.qrels]
    return DatasetInfo(
        name=dataset.name,
        source=dataset.source,
        split=dataset.split,
        first_stage=dataset.first_stage_name,
        depth=max(sizes, default=0),
        queries=len(dataset.qrels),
        candidates=sum(sizes) / max(len(sizes), 1),
    )


def _questions(dataset: Dataset) -> dict[str, Question]:
    return {
        query: Question(
            text=dataset.queries.get(query, ""),
            candidates=[passage.id or "" for passage in dataset.candidates.get(query, ())],
            relevance=judged,
        )
        for query, judged in dataset.qrels.items()
    }


def _shown(dataset: Dataset, how: Options) -> dict[str, PassageText]:
    """The texts and images that the result was asked for."""
    if not (how.texts or how.images):
        return {}
    found: dict[str, Passage] = {one.id or "": one for each in dataset.candidates.values() for one in each}
    return {
        id_: PassageText(
            text=one.text if how.texts else "",
            title=(one.title or "") if how.texts else "",
            images=thumbnails(one.images) if how.images else [],
        )
        for id_, one in found.items()
    }


def _message(error: Exception) -> str:
    told = " ".join(str(error).split()) if isinstance(error, SwaprankError) else f"{type(error).__name__}: {error}"
    return masked(" ".join(told.split()))


def sampled(dataset: Dataset, queries: int) -> Dataset:
    """The first so many judged queries that have candidates, for a quick look."""
    kept = [query for query, found in dataset.candidates.items() if found][:queries]
    return replace(
        dataset,
        queries={query: dataset.queries[query] for query in kept},
        candidates={query: dataset.candidates[query] for query in kept},
        qrels={query: dataset.qrels[query] for query in kept},
    )
