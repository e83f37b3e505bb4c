"""The contract of a strategy: which groups of passages to ask about, in which order."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

Group = tuple[int, ...]

# The score of a passage that could not be asked about; no method gives it.
UNREAD = -math.inf


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """Where a strategy ends.

    Attributes:
        order: A permutation of ``range(n)``, best first.
        scores: One per index when the method's own scores are comparable over the whole list;
            None when only the order means something (scores are then made from the ranks).
    """

    order: Sequence[int]
    scores: Sequence[float] | None = None


Rounds = Generator[list[Group], list[Sequence[float]], StrategyResult]


class Strategy(BaseModel):
    """A frozen value: the options of an order of asking, and that order itself.

    A strategy lives alone in ``strategies/<name>.py``, which ends in ``STRATEGY = <the class>``; its
    fields are options that a config may set beside ``method:``.

    `rounds` is the strategy: a generator that yields lists of index groups (groups of one list are
    independent and may be asked about at the same time) and is sent one list of scores per group, each in
    the group's order, all of them `UNREAD` where no answer came. It never sees text and never calls a model,
    so one body serves sync, async and batches of queries.

    Attributes:
        permutations: Permutation self-consistency, for methods whose answer depends on the order shown: ask
            about each group this often, first as it is and then shuffled, and merge by rank
            (`stages/consistency.py`).
        seed: Seed of every shuffle; None for 0 where something must be shuffled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    # Whether the scores of the result are always the method's own; else they may be made from the order.
    keeps_scores: ClassVar[bool] = True

    permutations: int = Field(default=1, ge=1)
    seed: int | None = None

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages (n >= 1), given in first-stage order."""
        raise NotImplementedError
