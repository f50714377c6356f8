"""Splits, calibration and scores: by properties, and against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

from artsim.encoders.classifier import softmax
from artsim.errors import TrainingError
from artsim.training.data import FOLDS, LabeledWorks, Work, artist_of, split_works
from artsim.training.heads import (
    SURENESS,
    calibration_error,
    choose_threshold,
    fit_temperature,
    score_classifier,
)
from artsim.training.recipes import ClassifierOptions


def labeled(counts: list[int], artists: int) -> LabeledWorks:
    labels = np.repeat(np.arange(len(counts)), counts)
    works = [
        Work(Path(f"{i}.png"), f"w/{i}", {"artist_key": f"a{i % artists}"} if i % 7 else {})
        for i in range(len(labels))
    ]
    return LabeledWorks(works, labels, tuple(f"c{c}" for c in range(len(counts))), {}, 0)


@settings(max_examples=25)
@given(st.lists(st.integers(5, 40), min_size=2, max_size=6), st.integers(0, 50))
def test_a_random_split_has_every_class_everywhere(counts: list[int], seed: int) -> None:
    sides = split_works(labeled(counts, 5), "random", test=0.2, seed=seed)
    assert sides.untrained == {}
    labels = sides.labeled.labels
    for value, count in enumerate(counts):
        tested = int((labels[sides.test] == value).sum())
        assert tested == max(1, round(0.2 * count))
        assert (labels[sides.folds > 0] == value).sum() >= 1
    sizes = np.bincount(sides.folds[sides.train], minlength=FOLDS)
    assert 1 <= sizes[0] <= sizes[1]


@settings(max_examples=25)
@given(st.integers(30, 80), st.integers(0, 50))
def test_no_artist_is_in_two_parts(artists: int, seed: int) -> None:
    sides = split_works(labeled([90, 60, 60], artists), "artist", test=0.3, seed=seed)
    part_of: dict[str, int] = {}
    for row, fold in enumerate(sides.folds):
        artist = artist_of(sides.labeled, row)
        assert part_of.setdefault(artist, int(fold)) == fold
    assert len(sides.labeled.works) + sum(sides.untrained.values()) == 210


def test_too_few_artists_to_split() -> None:
    works = labeled([12, 12], 1)
    works = works.take(np.array([i for i in range(24) if i % 7]), [0, 1])
    with pytest.raises(TrainingError, match="too few to split by artist"):
        split_works(works, "artist", test=0.2, seed=0)


def drawn(scale: float, count: int = 20_000, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are `scale` times too large, and labels drawn by the right ones."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 1.5, (count, classes))
    ends = softmax(logits).cumsum(axis=1)
    labels = (random.random((count, 1)) > ends).sum(axis=1).clip(max=classes - 1)
    return scale * logits, labels


@pytest.mark.parametrize("scale", [0.25, 1.0, 8.0])
def test_temperature_undoes_what_is_too_sure(scale: float) -> None:
    logits, labels = drawn(scale)
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(scale, rel=0.05)
    likely = softmax(logits / temperature)
    right = likely.argmax(axis=1) == labels
    assert calibration_error(likely.max(axis=1), right) < 0.015


def test_nobody_is_sure_after_few_works() -> None:
    logits, labels = np.eye(3).repeat(4, axis=0) * 5, np.arange(3).repeat(4)
    assert softmax(logits / fit_temperature(logits, labels)).max() < 0.97


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=60),
    st.floats(0.05, 0.99),
)
def test_a_threshold_is_a_confidence_that_was_right_more_often(
    pairs: list[tuple[int, bool]], precision: float
) -> None:
    confidences = np.array([tenth / 10 for tenth, _ in pairs])
    right = np.array([r for _, r in pairs])
    threshold = choose_threshold(confidences, right, precision=precision)
    if threshold is not None:
        assert threshold in confidences
        of_answers = right[confidences >= threshold]
        # Were so many right only as often as asked, this would be unlikely luck.
        luck = binomtest(int(of_answers.sum()), len(of_answers), precision, "greater").pvalue
        assert luck <= 1 - SURENESS


@pytest.mark.parametrize("count", [200, 1000])
def test_a_threshold_keeps_its_promise_where_it_was_not_chosen(count: int) -> None:
    random = np.random.default_rng(7)
    kept, answering = 0, 0
    for _ in range(200):
        confidences = random.uniform(0.3, 1.0, count)
        threshold = choose_threshold(confidences, random.random(count) < confidences, precision=0.8)
        if threshold is not None:
            answering += 1
            kept += (threshold + 1) / 2 >= 0.8  # of all answers above it so many are right
    assert answering > 50
    assert kept / answering > 0.9


def test_few_answers_make_no_threshold() -> None:
    assert choose_threshold(np.linspace(0.5, 1, 8), np.ones(8, bool), precision=0.8) is None
    assert choose_threshold(np.linspace(0.5, 1, 80), np.ones(80, bool), precision=0.8) == 0.5


def test_calibration_error_by_hand() -> None:
    confidences = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])
    assert calibration_error(confidences, right) == pytest.approx((4 * 0.2 + 2 * 0.05) / 6)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@settings(max_examples=10)
@given(st.integers(0, 200))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    likely = softmax(random.normal(0, 2, (40, 5)))
    labels = random.integers(0, 4, 40)  # nothing of class 4 is put aside
    scores = score_classifier(likely, labels, labels, list("abcde"), threshold=0.6)
    predicted = likely.argmax(axis=1)
    there = np.unique(labels)
    assert scores.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    macro = f1_score(labels, predicted, labels=there, average="macro", zero_division=0)
    assert scores.macro_f1 == pytest.approx(macro)
    assert scores.log_loss == pytest.approx(log_loss(labels, likely, labels=range(5)))
    assert scores.top_5 == 1
    assert scores.confusion.sum() == 40
    assert scores.classes[4].support == 0
    answered = likely.max(axis=1) >= 0.6
    assert scores.coverage == pytest.approx(answered.mean())
    low, high = scores.accuracy_interval
    assert 0 <= low <= scores.accuracy <= high <= 1


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "forest"}, {"split": "year"}, {"test_share": 1.0}, {"precision": 0.0},
     {"min_works": 1}, {"epochs": -1}, {"learning_rate": -0.1}],
)  # fmt: skip
def test_options_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ClassifierOptions("style", **wrong)  # type: ignore[arg-type]
