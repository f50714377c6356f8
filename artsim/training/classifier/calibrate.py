"""How sure a classifier may say it is, and when it had better say nothing."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.encoders.classifier.head import Logits, softmax
from artsim.training.classifier.classes import Labels

LEAST_ANSWERS: Final = 5
"""Answers of the calibration part that a threshold must leave, or precision means nothing."""

_BINS: Final = 15
"""As in Guo et al. (2017)."""

_LOG_RANGE: Final = (-5.0, 5.0)
_FLOOR: Final = 1e-12


def log_loss(probabilities: npt.NDArray[np.float64], labels: Labels) -> float:
    """Return the mean negative log likelihood of N labels."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, _FLOOR)).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature that makes N held-out labels most likely [1]_.

    Each label is believed but for one part in N + 2, as Platt does [2]_: the less was held
    out, the less sure one may be of it, even where all of it was right.

    Parameters
    ----------
    logits : ndarray of float64, shape (N, C)
        Of works that the classifier was not fitted to.

    References
    ----------
    .. [1] Guo, Pleiss, Sun & Weinberger (2017). On calibration of modern neural networks.
           ICML.
    .. [2] Platt (1999). Probabilistic outputs for support vector machines and comparisons to
           regularized likelihood methods. Advances in Large Margin Classifiers.
    """
    from scipy.optimize import minimize_scalar

    doubt = 1 / (len(labels) + 2)

    def loss(log_temperature: float) -> float:
        likely = softmax(logits / np.exp(log_temperature))
        anything = -np.log(np.maximum(likely, _FLOOR)).mean()
        return float((1 - doubt) * log_loss(likely, labels) + doubt * anything)

    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def choose_threshold(
    confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], *, precision: float
) -> float | None:
    """Return the least confidence from which on answers are right often enough.

    Parameters
    ----------
    confidences : ndarray of float64, shape (N,)
        Probability of the most probable class.
    right : ndarray of bool, shape (N,)
    precision : float
        Least share of right ones among the answers at or above the threshold.

    Returns
    -------
    float or None
        None where no threshold reaches it with at least `LEAST_ANSWERS` answers.
    """
    order = np.argsort(-confidences, kind="stable")
    falling = confidences[order]
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    ends = np.append(falling[1:] < falling[:-1], True)  # all of equal confidence, or none
    good = np.flatnonzero(ends & (shares >= precision))
    good = good[good + 1 >= LEAST_ANSWERS]
    return float(falling[good[-1]]) if len(good) else None


def calibration_error(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, in 0..1.

    The mean over 15 bins of equal width, weighted by their counts, of the difference between
    mean confidence and share of right answers: Guo et al. (2017), equation 3.
    """
    bins = np.clip(np.ceil(confidences * _BINS).astype(int) - 1, 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(
        np.bincount(bins, weights=confidences, minlength=_BINS)
        - np.bincount(bins, weights=right.astype(float), minlength=_BINS)
    )
    return float(gaps.sum() / counts.sum())
