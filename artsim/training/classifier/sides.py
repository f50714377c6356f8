"""Which works are learned from, which calibrate, and which test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artsim.catalog.split import side_of
from artsim.errors import TrainingError
from artsim.training.classifier.classes import LabeledWorks, Labels
from artsim.training.classifier.options import Split

CALIBRATION: Final = 0.2
"""Share of the training side that networks are not fitted to, but calibrated on."""

FOLDS: Final = 5

_ORDER: Final = (1, 0, 2, 3, 4)
"""In which folds get works of a class: one to learn from first, then one to calibrate on."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A split of works into two sides, the first of them in folds.

    Attributes
    ----------
    labeled : LabeledWorks
        Of classes that have works to learn from.
    folds : ndarray of int, shape (N,)
        0 to `FOLDS` - 1 on the training side, -1 for works of the test side. Fold 0 is the
        calibration part of what needs one.
    untrained : mapping of str to int
        Classes all of whose works fell to the test side, with how many they have; they are
        in no part.
    """

    labeled: LabeledWorks
    folds: Labels
    untrained: dict[str, int]

    @property
    def train(self) -> Labels:
        """Rows of the training side."""
        return np.flatnonzero(self.folds >= 0)

    @property
    def test(self) -> Labels:
        """Rows of the test side."""
        return np.flatnonzero(self.folds < 0)


def split_works(labeled: LabeledWorks, split: Split, *, test: float, seed: int) -> Sides:
    """Put aside works, or artists, for the test, and the rest into folds.

    Parameters
    ----------
    split : {"random", "artist"}
        ``random``: of each class the share `test` of its works, as published work does it.
        ``artist``: the share `test` of the artists, with all of their works; a work without
        an artist is an artist's of its own.

    Raises
    ------
    TrainingError
        If a side would have no works, or fewer than two classes are to be learned.
    """
    if split == "random":
        folds = _by_class(labeled.labels, test, seed)
    else:
        folds = _by_artist(labeled, test, seed)
    trained = np.unique(labeled.labels[folds > 0])  # fold 0 may be kept from learning
    kept = np.isin(labeled.labels, trained)
    untrained = {
        labeled.classes[c]: int((labeled.labels == c).sum())
        for c in np.unique(labeled.labels[~kept])
    }
    rows = np.flatnonzero(kept)
    sides = Sides(labeled.take(rows, trained.tolist()), folds[rows], untrained)
    if len(trained) < 2 or len(sides.test) == 0 or not (sides.folds == 0).any():
        raise TrainingError(
            f"{len(labeled.works)} works of {len(labeled.classes)} classes are too few to split by "
            f"{'artist' if split == 'artist' else 'chance'}; add works, or try another seed",
            hint="--seed",
        )
    return sides


def _by_class(labels: Labels, test: float, seed: int) -> Labels:
    folds = np.empty(len(labels), dtype=np.intp)
    for value in np.unique(labels):
        rows = np.flatnonzero(labels == value)
        np.random.default_rng([seed, int(value)]).shuffle(rows)
        tested = min(len(rows) - 2, max(1, round(test * len(rows))))
        folds[rows[:tested]] = -1
        folds[rows[tested:]] = np.resize(_ORDER, len(rows) - tested)
    return folds


def _by_artist(labeled: LabeledWorks, test: float, seed: int) -> Labels:
    groups = [artist_of(labeled, row) for row in range(len(labeled.works))]
    return np.array([_fold_of(group, test, seed) for group in groups], dtype=np.intp)


def _fold_of(group: str, test: float, seed: int) -> int:
    if side_of(group, test=test, seed=seed) == "test":
        return -1
    for fold in range(FOLDS - 1):
        if side_of(f"{fold}\0{group}", test=1 / (FOLDS - fold), seed=seed) == "test":
            return fold
    return FOLDS - 1


def artist_of(labeled: LabeledWorks, row: int) -> str:
    """Return the artist's key of a work, or a name of its own."""
    work = labeled.works[row]
    return work.label("artist") or f"\0{work.key}"


def class_counts(labels: Labels, classes: Sequence[str]) -> Labels:
    """Return how many works each class has, shape (C,)."""
    return np.bincount(labels, minlength=len(classes))
