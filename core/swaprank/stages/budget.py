"""A budget of time: candidates are scored in first-stage order until it is used up."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from ..backend import Backend
from ..errors import SwaprankError
from ..flow.flow import Answer, Ask, Flow, relay
from ..scores.ranks import descending, unread_behind
from ..strategy import UNREAD
from ..types import Passage, Query
from .candidate_scores import CandidateScores
from .ranker import Ranker
from .scale import Scale
from .truncation import cut_warnings

# How many passages are scored first where nothing is known of the model's speed.
_FIRST = 4
# Everything that is left goes into one batch where it is expected to take no more than this share of the time left.
_SAFE = 0.8
# Below so many passages in half of the time left, all that fits into it is the last batch.
_FEW = 8
# What the observations before count beside a new one.
_MEMORY = 0.7


class BudgetOptions(BaseModel):
    """``budget: {seconds: 0.3}``.

    Attributes:
        seconds: How long a query's model calls may take; the batch that is being computed then is the last. Of many
            queries reranked together each has its budget, and of a batch that they share it pays its share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(gt=0, allow_inf_nan=False)


class Cost:
    """How long a loaded model takes, learnt from the batches it has answered: seconds = a + b x tokens.

    A least-squares line in which older batches count less. The tokens of texts that were not read yet are estimated
    from their characters; where the backend counts no tokens, characters are taken for them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        self._per_character = 1.0
        self.loaded = False

    @property
    def known(self) -> bool:
        """Whether anything was learnt yet."""
        return self._weight > 0

    def learn(self, characters: int, tokens: int, seconds: float) -> None:
        """Take in how long a batch took.

        Args:
            characters: Of its texts.
            tokens: That the model read; 0 where it does not count them.
            seconds: How long it took.
        """
        read = float(tokens or characters)
        with self._lock:
            fresh = read / max(characters, 1)
            self._per_character = _MEMORY * self._per_character + (1 - _MEMORY) * fresh if self.known else fresh
            self._weight = _MEMORY * self._weight + 1
            self._x = _MEMORY * self._x + read
            self._y = _MEMORY * self._y + seconds
            self._xx = _MEMORY * self._xx + read * read
            self._xy = _MEMORY * self._xy + read * seconds

    def seconds(self, characters: int) -> float:
        """How long texts of so many characters will take together."""
        with self._lock:
            spread = self._weight * self._xx - self._x * self._x
            slope = self._y / self._x if self._x else 0.0
            if spread > 1e-9 * self._xx * self._weight:
                fitted = (self._weight * self._xy - self._x * self._y) / spread
                # A line that falls, or that begins below zero, is noise.
                slope = fitted if 0 < fitted < slope else slope
            start = (self._y - slope * self._x) / self._weight if self._weight else 0.0
            return max(start, 0.0) + slope * characters * self._per_character


# What is known of each backend's model, for as long as somebody holds the backend.
_costs: weakref.WeakKeyDictionary[Backend, Cost] = weakref.WeakKeyDictionary()


def _cost(backend: Backend) -> Cost:
    """What is known of a backend's model; of one that nothing can be kept about, nothing."""
    try:
        return _costs.setdefault(backend, Cost())
    except TypeError:
        return Cost()


@dataclass(frozen=True)
class Budgeted:
    """Scores candidates batch by batch, in the given order, and stops when the time is used up.

    A batch that is expected to outlast the budget is not begun, so that at most one goes over, by as much as it was
    misjudged. What was not scored keeps its order behind the rest. The first passage of a backend's first call is
    scored before the clock starts, because the model is loaded for it.

    Args:
        options: See there.
        ranker: Scores each passage by itself.
        backend: The model's.
        method: The method's name.
    """

    options: BudgetOptions
    ranker: Ranker
    backend: Backend
    method: str

    @property
    def takes_instruction(self) -> bool:
        """Whether the method reads `Query.instruction`."""
        return self.ranker.takes_instruction

    @property
    def scale(self) -> Scale:
        """That of the method."""
        return self.ranker.scale

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order as many of the passages as the budget suffices for; ``previous_scores`` are not read."""
        cost = _cost(self.backend)
        ends = list(itertools.accumulate(len(query.text) + len(passage.content) for passage in passages))
        done: list[CandidateScores] = []
        place, spent = 0, 0.0

        def timed(asks: list[Ask]) -> Flow[list[Answer | SwaprankError]]:
            nonlocal spent
            started = time.monotonic()
            answers = yield asks
            took = sum(answer.seconds for answer in answers if isinstance(answer, Answer))
            failed = not all(isinstance(answer, Answer) for answer in answers)
            # A failure does not tell what it took.
            spent += max(took, time.monotonic() - started) if failed else took
            return answers

        while place < len(passages):
            size = _batch(cost, ends, place, self.options.seconds - spent)
            if not size and done:
                break
            # The best of the first stage is always scored, however small the budget.
            size = max(size, 1)
            loading, before = not cost.loaded, spent
            own = passages[place : place + size]
            read = yield from relay(self.ranker.flow(query, own, None), timed)
            done.append(read)
            if loading:
                cost.loaded, spent = True, before
            elif not any(call.cached for call in read.calls):
                characters = ends[place + size - 1] - (ends[place - 1] if place else 0)
                cost.learn(characters, sum(call.input_tokens for call in read.calls), spent - before)
            place += size
        return self._joined(done, len(passages))

    def _joined(self, batches: Sequence[CandidateScores], count: int) -> CandidateScores:
        """The batches as one, and what was not scored behind them."""
        total = CandidateScores(order=[], scores=[], kind=batches[-1].kind)
        for batch in batches:
            first = len(total.scores)
            total.scores += batch.scores
            total.placed |= {first + place for place in batch.placed}
            total.repairs += batch.repairs
            total.calls += batch.calls
            total.failures += [failure for failure in batch.failures if failure not in total.failures]
            total.reasoning |= {first + place: text for place, text in batch.reasoning.items()}
            total.highlights |= {first + place: spans for place, spans in batch.highlights.items()}
        covered = [(batch.coverage, len(batch.scores)) for batch in batches if batch.coverage is not None]
        sizes = sum(size for _, size in covered)
        scored = len(total.scores)
        missing: list[float | None] = [None] * (count - scored)
        evidence = {
            name: [*(value for batch in batches for value in batch.evidence[name]), *missing]
            for name in batches[0].evidence
            if all(name in batch.evidence for batch in batches)
        }
        scores = [*total.scores, *[UNREAD] * (count - scored)]
        order = descending(scores)
        return replace(
            total,
            order=order,
            scores=unread_behind(scores, order),
            coverage=sum(share * size for share, size in covered) / sizes if sizes else None,
            relevance=[*(value for batch in batches for value in batch.relevance), *missing],
            evidence=evidence,
            warnings=cut_warnings(self.method, total.calls),
            unscored=list(range(scored, count)),
            placed=total.placed | frozenset(range(scored, count)),
        )


def _batch(cost: Cost, ends: Sequence[int], place: int, left: float) -> int:
    """How many of the next passages to score together; 0 when the time does not suffice for one.

    Args:
        cost: What is known of the model.
        ends: Characters up to and with each passage.
        place: The next passage.
        left: Seconds.
    """
    if not cost.loaded:
        return 1
    if left <= 0:
        return 0
    if not cost.known:
        return min(_FIRST, len(ends) - place)
    if _fitting(cost, ends, place, _SAFE * left) == len(ends) - place:
        return len(ends) - place
    half = _fitting(cost, ends, place, left / 2)
    return half if half >= _FEW else _fitting(cost, ends, place, left)


def _fitting(cost: Cost, ends: Sequence[int], place: int, seconds: float) -> int:
    """How many of the next passages are expected to take no longer."""
    before = ends[place - 1] if place else 0
    low, high = 0, len(ends) - place
    while low < high:
        middle = (low + high + 1) // 2
        if cost.seconds(ends[place + middle - 1] - before) <= seconds:
            low = middle
        else:
            high = middle - 1
    return low
