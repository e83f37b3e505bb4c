"""Whether a difference between two rankings of the same queries is more than chance.

The paired randomisation test as Smucker, Allan and Carterette (CIKM 2007) recommend it for retrieval, Student's paired
t-test beside it, Holm's correction (1979) for several comparisons, and percentile bootstrap intervals of a mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from ..errors import require

Test = Literal["randomisation", "t-test"]

SAMPLES: Final = 10_000
# Up to so many differences all signs are tried, which is exact: 2 ** 13 < SAMPLES.
_EXACT = 13
_CHUNK = 500
# Sums of the same numbers in another order differ by rounding.
_ROUNDING = 1e-9


def p_value(differences: Sequence[float], test: Test, *, seed: int = 0) -> float:
    """The two-sided p-value of paired differences, one per query.

    Args:
        differences: Measure of one row minus measure of the other [queries].
        test: ``"randomisation"`` flips the sign of each difference at random; ``"t-test"`` needs scipy.
        seed: Of the random signs.

    Returns:
        From 0 to 1; 1 where no query differs.
    """
    given = np.asarray(differences, dtype=np.float64)
    if not np.any(given):
        return 1.0
    return _randomisation(given[given != 0], seed) if test == "randomisation" else _t_test(given)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: each p-value as it counts among all of them, in the given order."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def interval(values: Sequence[float], *, seed: int = 0, samples: int = 2000) -> tuple[float, float]:
    """The 95 % confidence interval of a mean: the percentile bootstrap over queries.

    Args:
        values: One per query; at least one.
        seed: Of the samples.
        samples: How many means are drawn.
    """
    given = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    means = [
        given[random.integers(0, len(given), (min(_CHUNK, samples - start), len(given)))].mean(axis=1)
        for start in range(0, samples, _CHUNK)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def _randomisation(differences: np.ndarray, seed: int) -> float:
    count = len(differences)
    observed = abs(differences.sum()) * (1 - _ROUNDING)
    if count <= _EXACT:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(np.abs(signs @ differences) >= observed))
    random = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, SAMPLES, _CHUNK):
        signs = 1 - 2 * random.integers(0, 2, (min(_CHUNK, SAMPLES - start), count))
        extreme += int(np.sum(np.abs(signs @ differences) >= observed))
    return (extreme + 1) / (SAMPLES + 1)


def _t_test(differences: np.ndarray) -> float:
    if len(differences) < 2:
        return 1.0
    spread = differences.std(ddof=1)
    if spread == 0:
        return 0.0
    stats = require("scipy.stats", extra="cli", purpose="The t-test")
    t = abs(differences.mean()) / (spread / np.sqrt(len(differences)))
    return float(2 * stats.t.sf(t, len(differences) - 1))
