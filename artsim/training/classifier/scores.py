"""How good a classifier is on works it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from artsim.training.classifier.calibrate import calibration_error, log_loss
from artsim.training.classifier.classes import Labels
from artsim.training.classifier.sides import class_counts

_TOP: int = 5


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One line of the classification report.

    Attributes
    ----------
    support : int
        Works of the class on the test side; precision and recall are in 0..1.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores on N works of the test side; all but counts and `log_loss` are in 0..1.

    Attributes
    ----------
    accuracy_interval : tuple of float
        Wilson's 95 % interval.
    balanced_accuracy : float
        Mean recall of the classes that have works on the test side.
    macro_f1 : float
        Mean F1 of the same.
    majority : float
        Accuracy of always naming the class that is most frequent on the training side.
    coverage, answered_accuracy : float
        Share of works that are answered, and of right answers among these (0 where none).
    calibration_error : float
        See `artsim.training.classifier.calibrate.calibration_error`.
    confusion : ndarray of int, shape (C, C)
        Row: the work's class; column: the most probable one, abstentions or not.
    """

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_5: float
    balanced_accuracy: float
    macro_f1: float
    majority: float
    log_loss: float
    calibration_error: float
    coverage: float
    answered_accuracy: float
    classes: tuple[ClassScore, ...]
    confusion: npt.NDArray[np.int64]

    def summary(self) -> dict[str, float | int]:
        """Return the single numbers, by name."""
        names = (
            "count",
            "accuracy",
            "top_5",
            "balanced_accuracy",
            "macro_f1",
            "majority",
            "log_loss",
            "calibration_error",
            "coverage",
            "answered_accuracy",
        )
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

    Parameters
    ----------
    trained_on : ndarray of int
        Labels of the training side.
    """
    from sklearn.metrics import precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    confidences = probabilities.max(axis=1)
    right = predicted == labels
    answered = confidences >= threshold if threshold is not None else np.zeros(len(labels), bool)
    names = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=names, zero_division=0
    )
    there = support > 0
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    rank_of_right = (probabilities > probabilities[np.arange(len(labels)), labels][:, None]).sum(1)
    return Scores(
        count=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(labels)),
        top_5=float((rank_of_right < _TOP).mean()),
        balanced_accuracy=float(recall[there].mean()),
        macro_f1=float(f1[there].mean()),
        majority=float((labels == class_counts(trained_on, classes).argmax()).mean()),
        log_loss=log_loss(probabilities, labels),
        calibration_error=calibration_error(confidences, right),
        coverage=float(answered.mean()),
        answered_accuracy=float(right[answered].mean()) if answered.any() else 0.0,
        classes=tuple(
            ClassScore(classes[c], float(precision[c]), float(recall[c]), float(f1[c]), int(n))
            for c, n in enumerate(support)
        ),
        confusion=confusion,
    )


def wilson_interval(right: int, count: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share [1]_, in 0..1.

    References
    ----------
    .. [1] Wilson (1927). Probable inference, the law of succession, and statistical
           inference. JASA 22.
    """
    share = right / count
    center = share + z**2 / (2 * count)
    half = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    whole = 1 + z**2 / count
    return max(0.0, (center - half) / whole), min(1.0, (center + half) / whole)
