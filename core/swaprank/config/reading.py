"""From ``long_passages`` and ``budget`` to the rankers that they put around a method."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError
from ..method import Method
from ..stages.budget import Budgeted
from ..stages.long_passages.options import LongPassagesOptions
from ..stages.long_passages.ranker import LongPassages
from ..stages.method_ranker import MethodRanker
from ..stages.ranker import Ranker
from ..stages.reading import Reading
from . import registry

# Strategies under which each passage is asked about once.
_ONCE = ("all-at-once", "one-by-one")
# Options of methods that are the most tokens of a passage, alone or with the query.
_LIMITS = ("max_length", "document_length", "passage_max_length")


@dataclass(slots=True)
class Inherited:
    """The ``long_passages`` of a composite, for the methods in it.

    Attributes:
        options: What it says.
        taken: Whether any method has taken it.
    """

    options: LongPassagesOptions
    taken: bool = False


def reading_ranker(reading: Reading, ranker: MethodRanker, inherited: Inherited | None, where: str) -> Ranker:
    """The ranker of a method, with its passages read as the options say.

    Args:
        reading: The method's own options.
        ranker: The method on its backend.
        inherited: Those of the composite around it.
        where: Its place in the config.

    Raises:
        ConfigError: The method does not score each passage by itself, or cuts below ``split``.
    """
    if reading.long_passages is not None:
        _check(ranker, "long_passages", where)
    long = reading.long_passages
    if long is None and inherited is not None and _fits(ranker):
        long, inherited.taken = inherited.options, True
    read: Ranker = ranker
    if long is not None:
        _check_limit(ranker.method, long, where)
        embedded = registry.backend("embedded")
        read = LongPassages(long, ranker, ranker.backend, embedded("", embedded.Options()))
    if reading.budget is None:
        return read
    _check(ranker, "budget", where)
    if ranker.method.scores_depend_on_others:
        raise ConfigError(
            f"{where}: the scores of {ranker.method.name!r} with these options depend on which passages are scored "
            "together, and a budget scores them in batches."
        )
    return Budgeted(reading.budget, read, ranker.backend, ranker.method.name)


def composite_reading(reading: Reading, where: str) -> Inherited | None:
    """What the methods in a composite inherit of its options.

    Raises:
        ConfigError: It has a budget.
    """
    if reading.budget is not None:
        raise ConfigError(
            f"{where}: a budget is for one method, and here are several.", hint="Write it beside the slow method."
        )
    return None if reading.long_passages is None else Inherited(reading.long_passages)


def check_taken(inherited: Inherited | None, where: str) -> None:
    """Refuse ``long_passages`` beside a composite in which no method takes it.

    Raises:
        ConfigError: No method has taken it.
    """
    if inherited is not None and not inherited.taken:
        raise ConfigError(
            f"{where}: long_passages is for methods that score each passage by itself, and there is none here that "
            "does not say its own."
        )


def _fits(ranker: MethodRanker) -> bool:
    return ranker.method.scores_each and ranker.strategy.name in _ONCE


def _check(ranker: MethodRanker, option: str, where: str) -> None:
    if not _fits(ranker):
        raise ConfigError(
            f"{where}: {option} is for methods that score each passage once and by itself, and {ranker.method.name!r} "
            f"is {ranker.method.family}, asked by strategy {ranker.strategy.name}.",
            hint="It goes with pointwise and embedding methods, under strategy all-at-once or one-by-one.",
        )


def _check_limit(method: Method, long: LongPassagesOptions, where: str) -> None:
    for name in _LIMITS:
        limit = getattr(method, name, None)
        if limit is not None and limit < long.split:
            raise ConfigError(
                f"{where}: long_passages splits at {long.split} tokens, and {name}: {limit} of {method.name!r} would "
                "cut the chunks.",
                hint=f"Set split to less than {limit}: the query and the model's own tokens need room, too.",
            )
