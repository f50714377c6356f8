"""The closed forms for random order against all orders there are."""

from itertools import permutations

import numpy as np
import pytest

from artsim.evaluation.metrics import (
    RelevantRanks,
    all_metrics,
    interpolated_precision,
    random_curve,
    random_metrics,
)

KS = (1, 2, 5, 10)


@pytest.mark.parametrize("works", range(1, 7))
def test_equals_the_mean_over_all_orders(works: int) -> None:
    for right in range(1, works + 1):
        one = np.arange(works) < right
        orders = np.array(list(permutations(one)))
        expected = all_metrics(RelevantRanks.from_matrix(orders), KS)
        found = random_metrics(np.array([works]), np.array([right]), KS)
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name] == pytest.approx([values.mean()], abs=1e-12), (name, right)


def test_long_rankings_equal_shuffles() -> None:
    works, right, shuffles = 400, 30, 3000
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(np.arange(works) < right, (shuffles, 1)), axis=1)
    sampled = all_metrics(RelevantRanks.from_matrix(shuffled), KS)
    for name, (found,) in random_metrics(np.array([works]), np.array([right]), KS).items():
        error = sampled[name].std() / np.sqrt(shuffles)
        assert abs(found - sampled[name].mean()) < 4 * error, name


def test_each_query_has_its_own() -> None:
    ranked, to_find = np.array([5, 100, 5]), np.array([2, 7, 5])
    together = random_metrics(ranked, to_find, KS)
    for i in range(3):
        alone = random_metrics(ranked[i : i + 1], to_find[i : i + 1], KS)
        assert {name: values[i] for name, values in together.items()} == pytest.approx(
            {name: value for name, (value,) in alone.items()}
        )
    assert together["map"][2] == pytest.approx(1.0)


def test_curve_is_of_shuffles() -> None:
    ranked, to_find = np.full(2000, 50), np.full(2000, 5)
    curve = random_curve(ranked, to_find, seed=3).mean(axis=0)
    rng = np.random.default_rng(9)
    shuffled = rng.permuted(np.tile(np.arange(50) < 5, (2000, 1)), axis=1)
    other = interpolated_precision(RelevantRanks.from_matrix(shuffled)).mean(axis=0)
    np.testing.assert_allclose(curve, other, atol=0.03)
    assert curve[-1] < 0.2 < curve[0]
