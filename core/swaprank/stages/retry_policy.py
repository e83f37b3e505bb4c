"""The failure policy of a stage: how long it may take, and how often a failed question is put again."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ..errors import BackendError, SwaprankError
from ..flow.flow import Answer, Ask, Flow, relay
from ..types import Failure

logger = logging.getLogger(__name__)

# Seconds before the first repetition; each further one waits twice as long, up to the longest.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0

T = TypeVar("T")


class RetryPolicy(BaseModel):
    """How patient a stage is.

    Attributes:
        timeout: Seconds that reranking one query may take in this stage, repetitions included; None for no limit.
        retries: How often a question is put again after a failure that may pass (`BackendError.retryable`), with
            growing pauses. What a backend has tried by itself (`BackendError.tries`) counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    retries: int = Field(default=0, ge=0)


def guarded(flow: Flow[T], policy: RetryPolicy, name: str, repeated: list[Failure]) -> Flow[T]:
    """The same flow, with the deadline on all its questions and failed ones put again.

    Args:
        flow: What is run.
        policy: How patient to be.
        name: What reports call the stage.
        repeated: Takes one `Failure` for every repetition.
    """
    deadline = math.inf if policy.timeout is None else time.monotonic() + policy.timeout

    def answered(asks: list[Ask]) -> Flow[list[Answer | SwaprankError]]:
        if deadline < math.inf:
            asks = [replace(one, deadline=min(one.deadline, deadline)) for one in asks]
        asked = time.monotonic()
        answers = list((yield asks))
        tries = [0] * len(answers)
        for attempt in range(policy.retries):
            tries = [tried + _tries(answer) for tried, answer in zip(tries, answers, strict=True)]
            failed = [
                place for place, answer in enumerate(answers) if _tries(answer) and tries[place] <= policy.retries
            ]
            if not failed:
                break
            messages = dict.fromkeys(str(answers[place]) for place in failed)
            repeated.extend(Failure(reranker=name, error=message, action="retry") for message in messages)
            logger.warning("%s failed, asking again: %s", name, next(iter(messages)))
            earliest = time.monotonic() + min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
            # The wait belongs to what the answer took, or a budget of time would not see it.
            lost = earliest - asked
            again = yield [replace(asks[place], earliest=earliest) for place in failed]
            for place, answer in zip(failed, again, strict=True):
                if isinstance(answer, Answer):
                    answer = replace(answer, seconds=answer.seconds + lost)
                answers[place] = answer
        return answers

    return (yield from relay(flow, answered))


def _tries(answer: Answer | SwaprankError) -> int:
    """How often the backend tried in vain what may succeed another time; 0 where no further try helps."""
    return answer.tries if isinstance(answer, BackendError) and answer.retryable else 0
