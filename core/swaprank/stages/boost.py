"""Boost: a passage's metadata raises or lowers its score, by recency or by listed values."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..flow.flow import Flow
from ..scores.moments import moment, seconds_of
from ..scores.ranks import descending
from ..scores.scaling import SCALINGS
from ..types import Passage, Query, ScoreKind
from .candidate_scores import CandidateScores
from .scale import Scale
from .stage import given_order

logger = logging.getLogger(__name__)

# Bounded, so that sums are always finite.
_Bounded = Annotated[float, Field(ge=-1e9, le=1e9)]


class Boost(BaseModel):
    """What is read of the metadata, and what it counts.

    Attributes:
        field: The metadata key; dots lead into nested mappings where there is no such key.
        half_life: The age at which a passage has half the boost of a new one: days, or text such as ``12h``, ``30d``,
            ``2w``, ``1y``. The boost is 2 ** -(age / half_life), from 1 for today (and the future) down to 0.
        values: The boost of each value, above 0 to raise and below to lower; of a list of values the largest counts.
        weight: What a boost of 1 adds to the score.
        norm: ``min-max`` scales the scores of the stage before to 0..1 over the candidates first, so that weights
            mean the same whatever ranked before; ``none`` adds to them as they are, for probabilities and cosines.
        now: ISO 8601: the moment that ages are counted from; None for the moment of the call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(min_length=1)
    half_life: float | str | None = None
    values: dict[str, _Bounded] | None = Field(default=None, min_length=1)
    weight: _Bounded = 0.2
    norm: Literal["min-max", "none"] = "min-max"
    now: str | None = None

    @field_validator("half_life")
    @classmethod
    def _is_a_span(cls, half_life: float | str | None) -> float | str | None:
        if half_life is not None:
            seconds_of(half_life)
        return half_life

    @field_validator("now")
    @classmethod
    def _is_a_moment(cls, now: str | None) -> str | None:
        if now is not None and moment(now) is None:
            raise ValueError(f"now is {now!r}, which is no date: give one such as 2026-01-31 or 2026-01-31T12:00:00Z")
        return now

    @model_validator(mode="after")
    def _one_source(self) -> Boost:
        if (self.half_life is None) == (self.values is None):
            raise ValueError("give either half_life or values")
        if self.now is not None and self.half_life is None:
            raise ValueError("now is for half_life")
        return self

    def of(self, metadata: Mapping[str, Any], now: float) -> float | None:
        """The boost of one passage; None where the field is missing, unreadable or has a value that is not listed.

        Args:
            metadata: The passage's.
            now: Seconds since 1970.
        """
        found = _found(metadata, self.field)
        if self.values is not None:
            listed = [self.values[text] for text in map(_text, _each(found)) if text in self.values]
            return max(listed, default=None)
        then = moment(found)
        if then is None or self.half_life is None:
            return None
        age = max(now - then, 0.0) / seconds_of(self.half_life)
        return math.exp2(-min(age, 1000.0))


class BoostOptions(BaseModel):
    """``{boost: {field: published, half_life: 90d, weight: 0.3}}``.

    Attributes:
        boost: See `Boost`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    boost: Boost


@dataclass(frozen=True)
class Booster:
    """Adds weight times boost to the scores of the stage before; in a first stage, to the retrieval scores.

    A passage without a readable field is neutral: with ``half_life`` it counts as the mean of those that have a date,
    with ``values`` as 0. How many there are is logged.
    """

    boost: Boost

    @property
    def takes_instruction(self) -> bool:
        """No: nothing is asked."""
        return False

    @property
    def scale(self) -> Scale:
        """Boosted scores are relative to their list."""
        why = "boosts are added to scores that are scaled over the list"
        return Scale(frozenset({ScoreKind.FUSED}), absolute=False, why=why)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Add the boosts."""
        yield from ()
        before = given_order(passages).scores if previous_scores is None else previous_scores
        scaled = SCALINGS[self.boost.norm](before)
        given = None if self.boost.now is None else moment(self.boost.now)
        now = time.time() if given is None else given
        boosts = [self.boost.of(passage.metadata, now) for passage in passages]
        known = [boost for boost in boosts if boost is not None]
        neutral = math.fsum(known) / len(known) if known and self.boost.values is None else 0.0
        if len(known) < len(boosts):
            self._say(len(boosts) - len(known), len(boosts), passages)
        scores = [
            (score or 0.0) + self.boost.weight * (neutral if boost is None else boost)
            for score, boost in zip(scaled, boosts, strict=True)
        ]
        return CandidateScores(descending(scores), scores, kind=ScoreKind.FUSED)

    def _say(self, unread: int, count: int, passages: Sequence[Passage]) -> None:
        """Log how many passages are neutral: as a warning where none has the field, for that is a wrong name."""
        absent = sum(_found(passage.metadata, self.boost.field) is None for passage in passages)
        level = logging.WARNING if unread == count else logging.INFO
        what = "date" if self.boost.values is None else "listed value"
        logger.log(
            level,
            "boost: %d of %d passages have no %s in the metadata field %r (%d do not have the field) and are neutral.",
            unread, count, what, self.boost.field, absent,
        )  # fmt: skip


def _found(metadata: Mapping[str, Any], field: str) -> Any:
    """The value of a key, or of a path with dots; None where there is none."""
    if field in metadata:
        return metadata[field]
    value: Any = metadata
    for key in field.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _each(value: Any) -> Sequence[Any]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]


def _text(value: Any) -> str:
    """A value as a config writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
