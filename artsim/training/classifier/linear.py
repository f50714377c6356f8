"""A linear head on a frozen encoder's vectors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.progress import Progress
from artsim.encoders.classifier import Head, Logits
from artsim.training.classifier.classes import Labels
from artsim.training.classifier.sides import FOLDS

STRENGTHS: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Of the fit beside the regularization: scikit-learn's C, for numbers of unit variance."""

_MAX_ITERATIONS: Final = 300
_PATIENCE: Final = 2
"""Stronger fits that are no better, in a row, before the search ends: they take longest."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A head, and what it says of works that it did not see.

    Attributes
    ----------
    head : Head
        Fitted to all works.
    held_out : ndarray of float64, shape (N, C)
        Logits of each work by a head that was fitted to the other folds.
    strength : float
        The one of `STRENGTHS` that was chosen.
    search : mapping of float to float
        Balanced accuracy over the folds, by strength.
    """

    head: Head
    held_out: Logits
    strength: float
    search: Mapping[float, float]


def fit_linear(
    vectors: Embeddings, labels: Labels, folds: Labels, classes: int, *, progress: Progress
) -> LinearFit:
    """Fit softmax regression with class-weighted loss.

    The regularization is chosen by cross-validation, for balanced accuracy.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        Unit rows of the training side.
    labels, folds : ndarray of int, shape (N,)
        Classes, each of which has works in two folds at least or is never right in one of
        them; and the fold in which each work is held out.
    """
    search: dict[float, float] = {}
    held_out: dict[float, Logits] = {}
    progress.start(len(STRENGTHS), "Choosing the regularization")
    try:
        for place, strength in enumerate(STRENGTHS):
            logits = _cross_validate(vectors, labels, folds, classes, strength)
            held_out[strength] = logits
            search[strength] = _balanced_accuracy(logits.argmax(axis=1), labels)
            progress.update(place + 1)
            best = max(search, key=lambda c: (search[c], -c))
            if list(search).index(best) + _PATIENCE <= place:
                break
    finally:
        progress.finish()
    head = _fit(vectors, labels, classes, best)
    return LinearFit(head, held_out[best], best, search)


def _cross_validate(
    vectors: Embeddings, labels: Labels, folds: Labels, classes: int, strength: float
) -> Logits:
    logits = np.zeros((len(labels), classes))
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            logits[out] = _fit(vectors[~out], labels[~out], classes, strength).logits(vectors[out])
    return logits


def _fit(vectors: Embeddings, labels: Labels, classes: int, strength: float) -> Head:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) == 1:  # a fold may have held out all others
        nothing = np.zeros((1, vectors.shape[1]), np.float32)
        return Head(*_with_absent(nothing, np.zeros(1, np.float32), labels[:1], classes))
    # Vectors of a network lie in a narrow cone: what they share is no use, and slows the fit.
    center = vectors.mean(axis=0)
    scale = float(np.sqrt(vectors.var(axis=0).mean())) or 1.0
    model: Any = LogisticRegression(
        C=strength, class_weight="balanced", max_iter=_MAX_ITERATIONS, tol=1e-3
    )
    with warnings.catch_warnings():
        # A fit that is cut short is judged by cross-validation like any other.
        warnings.simplefilter("ignore")
        model.fit((vectors - center) / scale, labels)
    weights, bias = _full(model.coef_, model.intercept_)
    weights = weights / scale
    bias = bias - weights @ center
    return Head(*_with_absent(weights, bias, model.classes_, classes))


def _full(
    weights: npt.NDArray[Any], bias: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return a row for each class; scikit-learn has one row for two classes."""
    if len(weights) > 1:
        return weights, bias
    return np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2


def _with_absent(
    weights: npt.NDArray[Any], bias: npt.NDArray[Any], there: Labels, classes: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return rows for all classes; one without works in a fold is the least likely there."""
    all_weights = np.zeros((classes, weights.shape[1]), dtype=np.float32)
    all_bias = np.full(classes, bias.min() - 10.0, dtype=np.float32)
    all_weights[there], all_bias[there] = weights, bias
    return all_weights, all_bias


def _balanced_accuracy(predicted: Labels, labels: Labels) -> float:
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))
