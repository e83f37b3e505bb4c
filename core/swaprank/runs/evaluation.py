"""Measuring a reranker: BEIR folders or TREC files in, ir-measures figures out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..reranker import Reranker
from ..types import Passage
from . import inquire_ap
from .judged_files import json_lines, read_qrels, read_run

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

Run = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Dataset:
    """Queries, candidates and judgements.

    Attributes:
        name: For reports.
        queries: Query text by id; only queries that have judgements.
        candidates: First-stage candidates by query id, best first, with their retrieval score.
        qrels: Relevance by query id and passage id; may name passages that have no text here.
        source: The folder, file or id that it was read from.
        split: The split of the judgements; empty where there are none.
        first_stage_name: Where the candidates come from, in words.
    """

    name: str
    queries: dict[str, str]
    candidates: dict[str, list[Passage]]
    qrels: dict[str, dict[str, int]]
    source: str = ""
    split: str = ""
    first_stage_name: str = ""

    def first_stage(self) -> Run:
        """The candidates as a run."""
        return {query: as_run([passage.id or "" for passage in found]) for query, found in self.candidates.items()}


@dataclass(frozen=True)
class Report:
    """What one run scores.

    Attributes:
        name: The reranker, or ``first stage``.
        dataset: Name of the data.
        measures: Mean of each measure over all judged queries; a query without candidates counts 0.
        per_query: Each measure by query id.
        seconds_per_query: Wall time of reranking.
        calls: Requests made to models.
        run: The ranking as a run, its scores falling strictly along our order, so that trec_eval, which
            breaks ties by passage id, ranks as we do.
    """

    name: str
    dataset: str
    measures: dict[str, float]
    per_query: dict[str, dict[str, float]]
    seconds_per_query: float = 0.0
    calls: int = 0
    run: Run = field(default_factory=dict, repr=False)


def load_beir(folder: str | Path, *, run: str = "bm25", depth: int = 100) -> Dataset:
    """A BEIR folder: corpus.jsonl, queries.jsonl, qrels/test.tsv and runs/<run>.trec.

    Raises:
        InputError: A file is missing or does not parse.
    """
    folder = Path(folder)
    files = {
        "corpus": folder / "corpus.jsonl",
        "queries": folder / "queries.jsonl",
        "qrels": folder / "qrels" / "test.tsv",
        "run": folder / "runs" / f"{run}.trec",
    }
    return replace(load_files(**files, depth=depth), name=folder.name, source=str(folder), split="test")


def load_files(
    *, corpus: str | Path, queries: str | Path, qrels: str | Path, run: str | Path, depth: int = 100
) -> Dataset:
    """The same from single files.

    Args:
        corpus: JSONL of {"_id", "title", "text"}.
        queries: JSONL of {"_id", "text"}.
        qrels: BEIR's three columns with a header, or TREC's four columns.
        run: TREC run: query id, Q0, passage id, rank, score, tag.
        depth: Candidates per query.

    Raises:
        InputError: A file is missing or does not parse, or there is nothing to rerank in them.
    """
    judged = read_qrels(Path(qrels))
    texts = {query["_id"]: query["text"] for query in json_lines(Path(queries), ("_id", "text"))}
    found = read_run(Path(run))
    wanted = {passage for ranked in found.values() for passage, _ in ranked}
    passages = {
        entry["_id"]: Passage(text=entry["text"], id=entry["_id"], title=entry.get("title") or None)
        for entry in json_lines(Path(corpus), ("_id", "text"))
        if entry["_id"] in wanted
    }
    candidates = {
        query: [replace(passages[id_], score=score) for id_, score in ranked if id_ in passages][:depth]
        for query, ranked in found.items()
        if query in judged and query in texts
    }
    if not any(candidates.values()):
        raise InputError(
            f"There is nothing to rerank: of the {len(found)} queries in {str(run)!r}, {len(candidates)} have a text "
            f"and judgements, and {len(passages)} of their passages have a text.",
            hint="Do all files use the same ids?",
        )
    judged_texts = {query: texts[query] for query in judged if query in texts}
    return Dataset(
        name=Path(run).stem,
        queries=judged_texts,
        candidates=candidates,
        qrels=judged,
        source=str(run),
        first_stage_name=Path(run).name,
    )


def evaluate(
    reranker: Reranker, dataset: Dataset, measures: Sequence[str] = DEFAULT_MEASURES, *, batch_size: int = 16
) -> Report:
    """Rerank all candidates and measure.

    Args:
        reranker: What to measure.
        dataset: On what.
        measures: Names in ir-measures' syntax, such as ``nDCG@10`` or ``RR(rel=2)@10``.
        batch_size: Queries reranked together.
    """
    queries = list(dataset.candidates)
    run: Run = {}
    calls = 0
    started = time.perf_counter()
    for start in range(0, len(queries), batch_size):
        batch = queries[start : start + batch_size]
        rankings = reranker.rerank_many(
            [dataset.queries[query] for query in batch], [dataset.candidates[query] for query in batch]
        )
        for query, ranking in zip(batch, rankings, strict=True):
            run[query] = as_run([ranked.passage.id or "" for ranked in ranking.passages])
            calls += sum(call.requests for call in ranking.calls)
    seconds = (time.perf_counter() - started) / max(len(queries), 1)
    report = measure(run, dataset, measures, name=reranker.name)
    return replace(report, seconds_per_query=seconds, calls=calls)


def measure(run: Run, dataset: Dataset, measures: Sequence[str] = DEFAULT_MEASURES, *, name: str) -> Report:
    """Measure a run as it is.

    Args:
        run: Scores by query id and passage id; queries without judgements are not measured.
        dataset: Holds the judgements.
        measures: Names in ir-measures' syntax, and ``INQUIRE_AP`` (`inquire_ap`); two names of one measure are both
            reported.
        name: What the report calls the run.

    Raises:
        InputError: ir-measures does not know a measure, or cannot compute it on this data.
    """
    library = require("ir_measures", extra="cli", purpose="Measuring")
    names: dict[Any, list[str]] = {}
    for text in measures:
        names.setdefault(_measure(library, text), []).append(text)
    judged = {query: ranked for query, ranked in run.items() if query in dataset.qrels}
    try:
        metrics = list(library.iter_calc(list(names), dataset.qrels, judged))
    except Exception as error:  # its providers are code of many hands, with assertions and subprocesses
        raise InputError(f"ir-measures cannot compute {', '.join(measures)}: {error}.") from error
    per_query: dict[str, dict[str, float]] = {query: dict.fromkeys(measures, 0.0) for query in dataset.qrels}
    for metric in metrics:
        per_query[metric.query_id].update(dict.fromkeys(names[metric.measure], float(metric.value)))
    means = {text: sum(row[text] for row in per_query.values()) / max(len(per_query), 1) for text in measures}
    return Report(name=name, dataset=dataset.name, measures=means, per_query=per_query, run=run)


def _measure(library: Any, text: str) -> Any:
    try:
        parsed = inquire_ap.parse(library, text) or library.parse_measure(text)
        hash(parsed)  # only this looks at the names of its parameters
    except (NameError, ValueError, KeyError) as error:
        raise InputError(f"ir-measures does not know the measure {text!r}: {error}.") from error
    cutoff = parsed.params.get("cutoff", 1)
    if not isinstance(cutoff, int) or cutoff < 1:  # trec_eval would abort the process
        raise InputError(f"The measure {text!r} has the cut-off {cutoff!r}.", hint="Cut off at 1 or more.")
    return parsed


def as_run(ids: Sequence[str]) -> dict[str, float]:
    """A ranking as scores by id that fall strictly, so that trec_eval, which breaks ties by id, keeps its order."""
    return {id_: float(len(ids) - place) for place, id_ in enumerate(ids)}
