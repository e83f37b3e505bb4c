"""Does reranking pay: what each reranker gains over the first stage, of what could be gained, for what time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import SwaprankError
from ...reranker import Reranker
from ...runs.evaluation import Dataset, as_run, measure
from ..comparing import Options, compare
from ..result import Comparison, Row
from ..significance import holm, interval

# A difference with a higher p-value may be chance.
LEVEL = 0.05


@dataclass(frozen=True)
class Payoff:
    """One reranker on the first so many candidates.

    Attributes:
        name: Of the row.
        depth: How many candidates it reranked.
        first_stage: Mean of the measure before.
        after: Mean of the measure after.
        possible: Mean of the measure if the candidates were in the perfect order.
        gain: `after` minus `first_stage`.
        gain_interval: 95 % confidence interval of the gain, by bootstrap over the queries.
        p: Of the paired randomisation test, corrected by Holm's method over all rows.
        wins: Queries that became better.
        losses: Queries that became worse.
        milliseconds: Median time for a query.
        error: Why there are no figures; empty where all went well.
    """

    name: str
    depth: int
    first_stage: float = 0.0
    after: float = 0.0
    possible: float = 0.0
    gain: float = 0.0
    gain_interval: tuple[float, float] = (0.0, 0.0)
    p: float = 1.0
    wins: int = 0
    losses: int = 0
    milliseconds: float = 0.0
    error: str = ""

    @property
    def share(self) -> float:
        """How much of what could be gained was gained; 0 where nothing could."""
        room = self.possible - self.first_stage
        return self.gain / room if room > 0 else 0.0

    @property
    def verdict(self) -> str:
        """``"pays"``, ``"harms"``, ``"unclear"`` (the difference may be chance) or ``"failed"``."""
        if self.error:
            return "failed"
        if self.p >= LEVEL:
            return "unclear"
        return "pays" if self.gain > 0 else "harms"

    def slowdown(self, search_ms: float) -> float:
        """How many times longer a query takes with reranking than the search alone."""
        return (search_ms + self.milliseconds) / search_ms


def payoffs(
    rerankers: Mapping[str, Reranker | SwaprankError],
    dataset: Dataset,
    depths: Sequence[int],
    *,
    name: str = "nDCG@10",
    seed: int = 0,
    progress: Callable[[str, int], None] = lambda row, done: None,
) -> list[Payoff]:
    """Measure rerankers on the first candidates of each depth.

    What lies deeper is left out, before and after: a depth below the measure's cut-off measures less of it.

    Args:
        rerankers: By name; an error stands for one that could not be built.
        dataset: Judged queries with candidates.
        depths: How many candidates to rerank; of depths beyond the longest list, the smallest counts for all.
        name: The measure.
        seed: Of the test and the bootstrap.
        progress: Told of every reranked query.

    Raises:
        InputError: The measure is unknown.
    """
    found: list[Payoff] = []
    longest = max(map(len, dataset.candidates.values()))
    wanted = sorted(depths)
    for place, depth in enumerate(wanted):
        if place and wanted[place - 1] >= longest:
            break
        shallow = replace(dataset, candidates={query: each[:depth] for query, each in dataset.candidates.items()})
        how = Options(measures=(name,), seed=seed, keep_loaded=True)
        measured = compare(rerankers, shallow, how, progress=progress)
        first = measured.rows[0]
        possible = measure(_perfect(shallow), shallow, (name,), name="perfect").measures[name]
        against = {one.row: one for one in measured.comparisons if one.role == "first-stage"}
        found += [_payoff(row, first, depth, possible, against.get(row.name), name, seed) for row in measured.rows[1:]]
    for reranker in rerankers.values():
        if isinstance(reranker, Reranker):
            reranker.close()
    corrected = iter(holm([one.p for one in found if not one.error]))
    return [one if one.error else replace(one, p=next(corrected)) for one in found]


def _payoff(
    row: Row, first: Row, depth: int, possible: float, against: Comparison | None, name: str, seed: int
) -> Payoff:
    if against is None:
        return Payoff(row.name, depth, error=row.error)
    gains = [result.measures[name] - first.queries[query].measures[name] for query, result in row.queries.items()]
    return Payoff(
        row.name,
        depth,
        first_stage=first.measures[name],
        after=row.measures[name],
        possible=possible,
        gain=float(np.mean(gains)),
        gain_interval=interval(gains, seed=seed),
        p=against.p,
        wins=against.wins,
        losses=against.losses,
        milliseconds=1000 * row.latency.p50 if row.latency else 0.0,
    )


def _perfect(dataset: Dataset) -> dict[str, dict[str, float]]:
    """The candidates by their judged relevance."""
    return {
        query: as_run(
            sorted((one.id or "" for one in found), key=lambda id_: -dataset.qrels.get(query, {}).get(id_, 0))
        )
        for query, found in dataset.candidates.items()
    }
