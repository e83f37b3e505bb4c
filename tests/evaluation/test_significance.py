"""Tests of significance: exact values by hand, agreement with scipy, one seed, one number."""

import numpy as np
import pytest
from scipy import stats

from swaprank.evaluation.significance import holm, interval, p_value


def test_few_differences_are_tested_exactly() -> None:
    assert p_value([0.1, 0.2, 0.3], "randomisation") == pytest.approx(2 / 8)
    assert p_value([0.1] * 5 + [0.0] * 15, "randomisation") == pytest.approx(2 / 32)
    # Of the 8 signs of (3, 1, -2), those with a sum of 2 or more in size: +-2, +-6, and +-4.
    assert p_value([3, 1, -2], "randomisation") == pytest.approx(6 / 8)


def test_many_differences_are_sampled_as_scipy_does() -> None:
    differences = np.random.default_rng(1).normal(0.05, 0.2, 60)
    other = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)
    )
    assert p_value(differences, "randomisation") == pytest.approx(other.pvalue, abs=0.01)
    assert p_value(differences, "randomisation", seed=3) == p_value(differences, "randomisation", seed=3)


def test_the_t_test_is_scipys() -> None:
    one, other = np.random.default_rng(2).normal(0, 1, (2, 30))
    assert p_value(one - other, "t-test") == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert p_value([0.5, 0.5], "t-test") == 0.0
    assert p_value([0.5], "t-test") == 1.0


@pytest.mark.parametrize("test", ["randomisation", "t-test"])
def test_equal_rankings_differ_by_chance(test) -> None:
    assert p_value([0.0] * 20, test) == 1.0


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 400)
    low, high = interval(values, seed=1)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert interval(values, seed=1) == (low, high)
    assert interval([0.5, 0.5]) == (0.5, 0.5)
