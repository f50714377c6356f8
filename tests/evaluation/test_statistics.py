"""Intervals and paired differences, against theory, SciPy and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from artsim.evaluation.statistics import estimate_mean, estimate_means, holm, paired_p_value


def hits(seed: int, count: int = 400, gain: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hard = rng.random(count)
    first = (hard + rng.normal(0, 0.1, count) < 0.4).astype(float)
    second = (hard + rng.normal(0, 0.1, count) < 0.4 + gain).astype(float)
    return first, second


@pytest.mark.parametrize("seed", range(2))
def test_the_interval_is_that_of_scipy(seed: int) -> None:
    first, second = hits(seed)
    ours = estimate_mean(second - first, seed=1)
    theirs = stats.bootstrap(
        (first, second),
        lambda a, b, axis: b.mean(axis=axis) - a.mean(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=4999,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.value == pytest.approx(second.mean() - first.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)
    assert ours.count == 400


def test_pairing_narrows_the_interval() -> None:
    first, second = hits(0)
    paired = estimate_mean(second - first)
    shuffled = estimate_mean(np.random.default_rng(0).permutation(second) - first)
    assert paired.value == pytest.approx(shuffled.value)
    assert paired.high - paired.low < 0.7 * (shuffled.high - shuffled.low)


def test_nineteen_of_twenty_intervals_hold_the_true_difference() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(150):
        hard = rng.normal(0, 1, 150)
        first, second = hard + rng.normal(0, 0.3, 150), hard + 0.1 + rng.normal(0, 0.3, 150)
        found = estimate_mean(second - first, seed=trial)
        held += found.low <= 0.1 <= found.high
    assert 0.9 <= held / 150 <= 0.99


def test_the_same_twice_has_no_difference_and_repeats() -> None:
    first, second = hits(1)
    same = estimate_mean(first - first)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert estimate_mean(second - first) == estimate_mean(second - first)
    back = estimate_mean(first - second)
    assert back.value == -estimate_mean(second - first).value


@pytest.mark.parametrize("seed", range(2))
def test_the_p_value_is_that_of_scipy(seed: int) -> None:
    first, second = hits(seed, gain=0.02 * seed)
    ours = paired_p_value(second - first)
    assert ours == pytest.approx(float(stats.ttest_rel(second, first).pvalue))


def test_few_queries_prove_nothing() -> None:
    assert paired_p_value([0.5]) == 1.0
    assert paired_p_value([0.0, 0.0, 0.0]) == 1.0
    assert paired_p_value([0.0, 1.0, 0.0]) == 1.0
    assert paired_p_value([1.0, 1.0]) == 0.5
    assert paired_p_value([0.2] * 5) == 2.0**-4
    assert paired_p_value([1e-300] * 5000) >= 0
    with pytest.raises(ValueError, match="finite"):
        paired_p_value([np.inf])
    with pytest.raises(ValueError, match="finite"):
        paired_p_value([])


def test_chance_alone_is_called_significant_one_time_in_twenty() -> None:
    rng = np.random.default_rng(5)
    found = [paired_p_value(rng.normal(0, 1, 60)) <= 0.05 for _ in range(1000)]
    assert 0.035 <= np.mean(found) <= 0.065


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_what_its_definition_says(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    count = len(p_values)
    for i, p in enumerate(p_values):
        ranks = [k for k, q in enumerate(sorted(p_values)) if q <= p]
        expected = max((count - k) * sorted(p_values)[k] for k in ranks)
        assert adjusted[i] == pytest.approx(min(1.0, expected))
        assert p <= adjusted[i] <= 1


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


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
