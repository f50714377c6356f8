"""How good a classifier is, how sure it may say it is, and when it had better say nothing.

References
----------
.. [1] Guo, Pleiss, Sun & Weinberger (2017). On calibration of modern neural networks. ICML.
.. [2] Platt (1999). Probabilistic outputs for support vector machines and comparisons to
   regularized likelihood methods. Advances in Large Margin Classifiers.
.. [3] Geifman & El-Yaniv (2017). Selective classification for deep neural networks. NeurIPS.
   Algorithm 1.
.. [4] Clopper & Pearson (1934). The use of confidence or fiducial limits illustrated in the case
   of the binomial. Biometrika 26.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from artsim.encoders.classifier import Logits, softmax
from artsim.training.data import Labels

SURENESS: Final = 0.9
"""Probability that the answers above a threshold are right as often as was asked for."""

_BINS: Final = 15  # as in Guo et al. (2017).
_LOG_RANGE: Final = (-5.0, 5.0)
_FLOOR: Final = 1e-12
_TOP: Final = 5


def log_loss(probabilities: npt.NDArray[np.float64], labels: Labels) -> float:
    """Return the mean negative log likelihood of N labels."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, _FLOOR)).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature that makes N held-out labels most likely [1]_.

    Each label is believed but for one part in N + 2, as Platt does [2]_: the less was held
    out, the less sure one may be of it, even where all of it was right.
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
    a binary search finds, each of whose looks has its part in the doubt [3]_, by the interval
    of Clopper & Pearson [4]_. None where no threshold is found that reaches it.
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


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of the test side: precision, recall and F1 in 0..1, and how many works it has."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores on N works of the test side; all but counts and `log_loss` are in 0..1."""

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]  # Wilson's, of 95 %
    top_5: float
    balanced_accuracy: float  # mean recall of the classes that have works on the test side
    macro_f1: float  # mean F1 of the same
    majority: float  # accuracy of always naming the training side's most frequent class
    log_loss: float
    calibration_error: float
    coverage: float  # share of works that are answered
    answered_accuracy: float  # share of right answers among these (0 where none)
    classes: tuple[ClassScore, ...]
    confusion: npt.NDArray[np.int64]  # (C, C): class by most probable one, abstentions or not

    def summary(self) -> dict[str, float | int]:
        """Return the single numbers, by name."""
        listed = ("accuracy_interval", "classes", "confusion")
        names = [each.name for each in fields(self) if each.name not in listed]
        return {name: getattr(self, name) for name in names}


def score_classifier(
    probabilities: npt.NDArray[np.float64],
    labels: Labels,
    trained_on: Labels,
    classes: Sequence[str],
    *,
    threshold: float | None,
) -> Scores:
    """Return the scores of probabilities (N, C) for works of known `labels`.

    `trained_on` are the labels of the training side.
    """
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    confidences = probabilities.max(axis=1)
    right = predicted == labels
    answered = confidences >= threshold if threshold is not None else np.zeros(len(labels), bool)
    names = np.arange(len(classes))
    each = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=0)
    _, recall, f1, support = each
    rank_of_right = (probabilities > probabilities[np.arange(len(labels)), labels][:, None]).sum(1)
    interval = binomtest(int(right.sum()), len(labels)).proportion_ci(0.95, "wilson")
    most_frequent = np.bincount(trained_on, minlength=len(classes)).argmax()
    return Scores(
        count=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=(float(interval.low), float(interval.high)),
        top_5=float((rank_of_right < _TOP).mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1[support > 0].mean()),
        majority=float((labels == most_frequent).mean()),
        log_loss=log_loss(probabilities, labels),
        calibration_error=calibration_error(confidences, right),
        coverage=float(answered.mean()),
        answered_accuracy=float(right[answered].mean()) if answered.any() else 0.0,
        classes=tuple(
            ClassScore(name, float(p), float(r), float(f), int(count))
            for name, p, r, f, count in zip(classes, *each, strict=True)
        ),
        confusion=confusion_matrix(labels, predicted, labels=names),
    )


class PublishedAccuracy(NamedTuple):
    """An accuracy, in 0..1, on the publication's own data, classes and split."""

    name: str
    field: str
    accuracy: float
    note: str


_ARTEXTRACT: Final = (
    "published, on its own classes and split of WikiArt; convolutional-recurrent network of "
    "ArtExtract"
)
_PANDORA: Final = "published, on its own data, the 18 styles of Pandora18k; MobileNetV2 fine-tuned"
PUBLISHED: Final = (
    PublishedAccuracy("ArtExtract, WikiArt", "artist", 0.63, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "genre", 0.70, _ARTEXTRACT),
    PublishedAccuracy("ArtExtract, WikiArt", "style", 0.40, _ARTEXTRACT),
    PublishedAccuracy("MobileNetV2, Pandora18k", "style", 0.462, _PANDORA),
)
"""To stand beside one's own."""


def published_for(field: str) -> list[PublishedAccuracy]:
    """Return what was published for a field."""
    return [figure for figure in PUBLISHED if figure.field == field]
