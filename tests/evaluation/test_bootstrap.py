"""Intervals as wide as theory says, and the same for many columns as for one."""

import numpy as np
import pytest

from artsim.evaluation.statistics import estimate_mean, estimate_means


def test_interval_is_as_wide_as_theory_says_and_repeats() -> None:
    values = (np.random.default_rng(5).random(2000) < 0.3).astype(float)
    found = estimate_mean(values)
    assert found.value == pytest.approx(values.mean())
    assert found.count == 2000
    expected = 2 * 1.96 * np.sqrt(found.value * (1 - found.value) / 2000)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)
    assert found.low < found.value < found.high
    assert estimate_mean(values) == found
    assert estimate_mean(values, seed=1) != found


@pytest.mark.parametrize("count", [1, 7, 3000])
def test_columns_are_estimated_as_each_alone(count: int) -> None:
    values = np.random.default_rng(1).random((count, 3))
    together = estimate_means(values, seed=4)
    for column, found in zip(values.T, together, strict=True):
        alone = estimate_mean(column, seed=4)
        assert found.count == count
        for name in ("value", "low", "high"):
            assert getattr(found, name) == pytest.approx(getattr(alone, name), abs=1e-12)


def test_what_has_no_mean_is_refused() -> None:
    for values in ([], [[1.0]], [np.nan]):
        with pytest.raises(ValueError, match="finite values"):
            estimate_mean(values)
    for values in ([], [1.0], [[np.inf]], np.zeros((0, 2))):
        with pytest.raises(ValueError, match="finite values"):
            estimate_means(values)
