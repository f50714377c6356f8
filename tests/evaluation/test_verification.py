"""Verification against scikit-learn and against LFW's procedure written out in full."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import KFold

from artsim.evaluation.metrics import (
    FARS,
    RocCurve,
    best_threshold,
    consecutive_folds,
    folded_accuracy,
    rates,
)
from artsim.evaluation.statistics import draw_pairs, draw_people, estimate_rates

Pairs = tuple[np.ndarray, np.ndarray]


@st.composite
def scored_pairs(draw: st.DrawFn, least: int = 2, most: int = 60) -> Pairs:
    """Scores, many of them tied, with at least two pairs of either kind."""
    count = draw(st.integers(least + 2, most))
    steps = draw(st.sampled_from([2, 5, 40, 10_000]))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    same = rng.random(count) < rng.uniform(0.1, 0.9)
    same[:2], same[2:4] = True, False
    scores = np.round((rng.normal(size=count) + same * rng.uniform(0, 2)) * steps) / steps
    return scores, same


def sklearn_rates(scores: np.ndarray, same: np.ndarray) -> tuple[float, list[float]]:
    """EER and TAR at FAR from scikit-learn's curve, by going along it step by step."""
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    eer = None
    for i in range(1, len(far)):
        before, after = far[i - 1] - (1 - tar[i - 1]), far[i] - (1 - tar[i])
        if after >= 0:
            part = before / (before - after)
            eer = far[i - 1] + part * (far[i] - far[i - 1])
            break
    assert eer is not None
    return eer, [
        max(t for f, t in zip(far, tar, strict=True) if f <= wanted) for wanted in FARS.values()
    ]


@settings(max_examples=60)
@given(scored_pairs())
def test_rates_equal_scikit_learn(pairs: Pairs) -> None:
    scores, same = pairs
    found = rates(*RocCurve(scores, same).points())
    eer, tar_at_far = sklearn_rates(scores, same)
    assert found["auc"] == pytest.approx(roc_auc_score(same, scores), abs=1e-12)
    assert found["eer"] == pytest.approx(eer, abs=1e-12)
    assert [found[name] for name in FARS] == pytest.approx(tar_at_far, abs=1e-12)
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    corners = set(zip(*RocCurve(scores, same).points(), strict=True))
    assert corners <= set(zip(far, tar, strict=True))


def test_rates_of_many_pairs_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(20_000) < 0.1
    scores = np.round(rng.normal(size=20_000) + 2 * same, 3)
    found = rates(*RocCurve(scores, same).points())
    eer, tar_at_far = sklearn_rates(scores, same)
    assert [found[name] for name in FARS] == pytest.approx(tar_at_far, abs=1e-12)
    assert found["eer"] == pytest.approx(eer, abs=1e-12)
    # The rates mean something only if they differ.
    assert 0.05 < tar_at_far[1] < tar_at_far[0] < 0.6


@settings(max_examples=30)
@given(scored_pairs(), st.integers(0, 1000))
def test_weights_are_repetitions(pairs: Pairs, seed: int) -> None:
    scores, same = pairs
    weights = np.random.default_rng(seed).integers(0, 4, len(scores))
    weights[[0, 2]] = 1  # of either kind
    weighted = rates(*RocCurve(scores, same).points(weights))
    repeated = rates(*RocCurve(np.repeat(scores, weights), np.repeat(same, weights)).points())
    assert weighted == pytest.approx(repeated, abs=1e-12)


def test_perfect_and_worst() -> None:
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    same = np.array([True, True, False, False])
    best = rates(*RocCurve(scores, same).points())
    assert list(best.values()) == [1.0, 0.0, 1.0, 1.0]
    worst = rates(*RocCurve(-scores, same).points())
    assert list(worst.values()) == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("scores", "same"),
    [
        ([0.1, 0.2], [True, True]),
        ([0.1, 0.2], [False, False]),
        ([0.1, np.nan], [True, False]),
    ],
)
def test_no_curve(scores: list[float], same: list[bool]) -> None:
    with pytest.raises(ValueError, match="expected"):
        RocCurve(np.array(scores), np.array(same))


def lfw_procedure(scores: list[float], same: list[bool], folds: list[int]) -> list[bool]:
    """LFW's View 2, written out: for each set the best threshold of the other nine.

    Every threshold halfway between two scores of the others is tried on every pair, from
    the strictest; a later one is taken only if it is better.
    """
    right = [False] * len(scores)
    for held_out in sorted(set(folds)):
        others = [i for i in range(len(scores)) if folds[i] != held_out]
        levels = sorted({scores[i] for i in others}, reverse=True)
        tried = [float("inf")]
        tried += [(high + low) / 2 for high, low in pairwise(levels)]
        tried += [float("-inf")]
        best, most = tried[0], -1
        for threshold in tried:
            count = sum((scores[i] >= threshold) == same[i] for i in others)
            if count > most:
                best, most = threshold, count
        for i in range(len(scores)):
            if folds[i] == held_out:
                right[i] = (scores[i] >= best) == same[i]
    return right


@settings(max_examples=40)
@given(scored_pairs(least=6), st.integers(2, 5), st.integers(0, 1000))
def test_accuracy_is_that_of_the_procedure(pairs: Pairs, count: int, seed: int) -> None:
    scores, same = pairs
    folds = np.random.default_rng(seed).integers(0, count, len(scores))
    folds[:2] = 0, 1
    right, of_folds = folded_accuracy(scores, same, folds)
    expected = lfw_procedure(scores.tolist(), same.tolist(), folds.tolist())
    assert right.tolist() == expected
    wanted = [np.mean(np.array(expected)[folds == fold]) for fold in np.unique(folds)]
    assert of_folds == pytest.approx(wanted)


def test_accuracy_of_a_grid_of_distances() -> None:
    """The procedure as facenet has it, on a grid fine enough to hold every threshold."""
    rng = np.random.default_rng(5)
    same = np.tile(np.repeat([True, False], 30), 10)
    scores = np.round(np.clip(rng.normal(0.3, 0.2, 600) + 0.3 * same, -1, 1), 2)
    grid = np.arange(0, 4, 0.005) + 0.0025
    distances = 2 - 2 * scores
    accuracies = []
    for train, test in KFold(10, shuffle=False).split(scores):
        best = np.argmax([np.mean((distances[train] < t) == same[train]) for t in grid])
        accuracies.append(np.mean((distances[test] < grid[best]) == same[test]))
    right, of_folds = folded_accuracy(scores, same, consecutive_folds(same))
    assert of_folds == pytest.approx(accuracies)
    assert 0.7 < right.mean() < 0.9


def test_folds_of_lfw_are_its_sets() -> None:
    same = np.tile(np.repeat([True, False], 300), 10)
    folds = consecutive_folds(same)
    for number, (_, test) in enumerate(KFold(10, shuffle=False).split(same)):
        assert (folds[test] == number).all()


def test_folds_of_a_sorted_list_have_both_kinds() -> None:
    same = np.repeat([True, False], [25, 103])
    folds = consecutive_folds(same, 10)
    assert sorted(np.bincount(folds[same])) == [2] * 5 + [3] * 5
    assert sorted(np.bincount(folds[~same])) == [10] * 7 + [11] * 3
    assert (np.diff(folds[same]) >= 0).all()


def test_best_threshold_may_accept_all_or_none() -> None:
    same = np.array([True, True, True, False])
    assert best_threshold(np.array([0.1, 0.2, 0.3, 0.9]), same) == -np.inf
    assert best_threshold(np.array([0.9, 0.8, 0.7, 0.1]), ~same) == np.inf
    assert best_threshold(np.array([0.8, 0.7, 0.6, 0.2]), same) == pytest.approx(0.4)


def test_people_bring_their_pairs_with_them() -> None:
    first, second = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 2, 2, 0])
    draw = draw_people(first, second)
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(50):
        times = np.bincount(twin.integers(0, 3, 3), minlength=3)
        expected = [
            times[a] if a == b else times[a] * times[b] for a, b in zip(first, second, strict=True)
        ]
        assert draw(rng).tolist() == expected


def test_intervals() -> None:
    rng = np.random.default_rng(2)
    same = rng.random(2000) < 0.5
    scores = rng.normal(size=2000) + same
    curve = RocCurve(scores, same)
    counts = int(same.sum()), 2000
    found = estimate_rates(curve, draw_pairs(2000), counts)
    assert found == estimate_rates(curve, draw_pairs(2000), counts)
    assert list(found) == ["auc", "eer", "tar_at_far_1e-2", "tar_at_far_1e-3"]
    auc = found["auc"]
    assert auc.value == pytest.approx(roc_auc_score(same, scores))
    # Hanley & McNeil (1982): the standard error of an area from its value and the counts.
    a, n, m = auc.value, *(int(kind.sum()) for kind in (same, ~same))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m))
    assert (auc.high - auc.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.15)
    assert [found[name].count for name in found] == [2000, 2000, counts[0], counts[0]]
    for estimate in found.values():
        assert estimate.low <= estimate.value <= estimate.high


def test_resamples_without_a_kind_are_left_out() -> None:
    scores, same = np.array([0.9, 0.1]), np.array([True, False])
    found = estimate_rates(RocCurve(scores, same), draw_pairs(2), (1, 2))
    assert (found["auc"].low, found["auc"].high) == (1.0, 1.0)
