"""How sure a classifier may say it is, and when it had better say nothing."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.encoders.classifier import Logits, softmax
from artsim.training.classifier.classes import Labels

SURENESS: Final = 0.9
"""Probability that the answers above a threshold are right as often as was asked for."""

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

    Often enough is more than the share of held-out answers, the least confidence with which
    would be a lucky one: with the probability `SURENESS`, `precision` of all answers at or above
    it are right, if they come from where the held-out works do. The answers are as many as
    a binary search finds, each of whose looks has its part in the doubt [1]_, by the interval
    of Clopper & Pearson [2]_.

    Parameters
    ----------
    confidences : ndarray of float64, shape (N,)
        Probability of the most probable class.
    right : ndarray of bool, shape (N,)
    precision : float
        Least share of right ones among the answers at or above the threshold, below 1.

    Returns
    -------
    float or None
        None where no threshold is found that reaches it.

    References
    ----------
    .. [1] Geifman & El-Yaniv (2017). Selective classification for deep neural networks.
           NeurIPS. Algorithm 1.
    .. [2] Clopper & Pearson (1934). The use of confidence or fiducial limits illustrated in the
           case of the binomial. Biometrika 26.
    """
    from scipy.stats import beta

    levels = np.unique(confidences)[::-1]
    doubt = (1 - SURENESS) / max(1, math.ceil(math.log2(len(levels) + 1)))
    found: float | None = None
    least, most = 0, len(levels)
    while least < most:
        middle = (least + most) // 2
        answered = confidences >= levels[middle]
        good = int(right[answered].sum())
        wrong = int(answered.sum()) - good
        if good > 0 and beta.ppf(doubt, good, wrong + 1) >= precision:
            found = float(levels[middle])
            least = middle + 1
        else:
            most = middle
    return found


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
