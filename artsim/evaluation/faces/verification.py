"""Verification: from scored pairs of faces to ROC curve, error rates and accuracy.

A pair is accepted, that is taken for one person, if its score reaches a threshold. TAR is
the share of pairs of one person that are accepted (true accepts), FAR the share of pairs
of different people (false accepts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
"""One score per pair, higher is nearer, shape (N,)."""

Same = npt.NDArray[np.bool_]
"""Whether both faces of a pair are one person's, shape (N,)."""

FARS: Final = (1e-2, 1e-3)
"""False accept rates at which the true accept rate is reported."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a ROC curve comes down to.

    Attributes
    ----------
    auc : float
        Area under the curve: the chance that a pair of one person scores higher than a
        pair of different people, a tie counting half.
    eer : float
        Equal error rate: where FAR equals 1 - TAR, the curve taken as straight between
        its points.
    tar_at_far : tuple of float
        For each of `FARS` the largest TAR of a threshold whose FAR is at most that; not
        interpolated.
    """

    auc: float
    eer: float
    tar_at_far: tuple[float, ...]


class RocCurve:
    """The points that the thresholds of scored pairs reach, for any weights of the pairs.

    Parameters
    ----------
    scores : ndarray of float64, shape (N,)
    same : ndarray of bool, shape (N,)

    Raises
    ------
    ValueError
        If the shapes differ, a score is not finite, or either kind of pair is missing.

    Notes
    -----
    Only the corners of the curve are kept. Between thresholds that admit pairs of one
    kind alone the curve is straight whatever the weights, so that nothing is lost, and a
    bootstrap over many pairs takes a cumulative sum and little more.
    """

    def __init__(self, scores: Scores, same: Same) -> None:
        if scores.shape != same.shape or scores.ndim != 1 or not np.isfinite(scores).all():
            raise ValueError(
                f"expected finite scores and truths of one shape (N,), got {scores.shape} and "
                f"{same.shape}"
            )
        if not same.any() or same.all():
            raise ValueError("expected pairs of one person and pairs of different people")
        order = np.argsort(-scores, kind="stable")
        self._same = order[same[order]]
        self._different = order[~same[order]]
        thresholds = np.unique(scores)[::-1]
        accepted = [
            np.searchsorted(-scores[part], -thresholds, side="right")
            for part in (self._same, self._different)
        ]
        corner = _corners(*accepted)
        self._accepted = tuple(np.concatenate([[0], counts[corner]]) for counts in accepted)
        self._thresholds = thresholds[corner]
        self._count = len(scores)

    def points(
        self, weights: npt.NDArray[np.generic] | None = None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return FAR and TAR of each corner, from (0, 0) to (1, 1).

        Parameters
        ----------
        weights : ndarray, shape (N,), optional
            How often each pair counts, at least 0; by default once.

        Returns
        -------
        far, tar : ndarray of float64, shape (T + 1,)
            Rising; NaN where the weights leave no pair of that kind.
        """
        even = np.ones(self._count) if weights is None else weights
        tar, far = (
            _shares(even[part], counts)
            for part, counts in zip((self._same, self._different), self._accepted, strict=True)
        )
        return far, tar

    @property
    def thresholds(self) -> npt.NDArray[np.float64]:
        """Score that reaches each corner but the first, falling, shape (T,)."""
        return self._thresholds


def rates(far: npt.NDArray[np.float64], tar: npt.NDArray[np.float64]) -> Rates:
    """Return what a curve comes down to.

    Parameters
    ----------
    far, tar : ndarray of float64, shape (T,)
        From `RocCurve.points`.
    """
    reached = np.searchsorted(far, FARS, side="right") - 1
    return Rates(
        auc=float(np.trapezoid(tar, far)),
        eer=_equal_error_rate(far, tar),
        tar_at_far=tuple(float(tar[i]) for i in reached),
    )


@dataclass(frozen=True, slots=True)
class FoldedAccuracy:
    """Accuracy with thresholds that the judged pairs had no part in.

    Attributes
    ----------
    right : ndarray of bool, shape (N,)
        Whether each pair was judged right, with the threshold of its fold.
    of_folds : ndarray of float64, shape (F,)
        Share of right pairs in each fold.
    thresholds : ndarray of float64, shape (F,)
        With which each fold was judged; a pair is accepted if its score reaches it.
    """

    right: npt.NDArray[np.bool_]
    of_folds: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]

    @property
    def standard_error(self) -> float:
        """Standard error of the mean over folds, as results on LFW are reported [1]_.

        References
        ----------
        .. [1] Huang, Ramesh, Berg & Learned-Miller (2007). Labeled Faces in the Wild: a
           database for studying face recognition in unconstrained environments. UMass
           technical report 07-49, section 4.
        """
        return float(self.of_folds.std(ddof=1) / np.sqrt(len(self.of_folds)))


def consecutive_folds(same: Same, count: int = 10) -> npt.NDArray[np.intp]:
    """Divide pairs into folds of neighbors, with as many pairs of either kind in each.

    On LFW's own list, ten sets of 300 pairs of one person and 300 of different people,
    these are its sets: what KFold without shuffling makes of it in facenet [1]_ and
    insightface [2]_. A list with all pairs of one kind first divides as well.

    Returns
    -------
    ndarray of int, shape (N,)
        Number of each pair's fold, from 0.

    Raises
    ------
    ValueError
        If `count` is below 2, or above the pairs of either kind.

    References
    ----------
    .. [1] Sandberg. facenet, ``src/facenet.py``, ``calculate_roc``.
    .. [2] Guo & Deng. insightface, ``recognition/arcface_mxnet/verification.py``.
    """
    fewest = int(min(same.sum(), (~same).sum()))
    if count < 2 or count > fewest:
        raise ValueError(
            f"expected at least 2 folds, and a pair of either kind in each, got {count} folds "
            f"of {fewest} pairs of the rarer kind"
        )
    folds = np.empty(len(same), dtype=np.intp)
    for kind in (same, ~same):
        members = np.flatnonzero(kind)
        for fold, part in enumerate(np.array_split(members, count)):
            folds[part] = fold
    return folds


def folded_accuracy(scores: Scores, same: Same, folds: npt.NDArray[np.intp]) -> FoldedAccuracy:
    """Judge each fold with the threshold that is best on all the others.

    The protocol of LFW's View 2, as facenet's and insightface's evaluation code have it.
    Theirs tries a grid of distances; here every threshold that makes a difference on the
    other folds is tried, halfway between two of their scores, so that encoders whose
    scores crowd together are not wronged. Of equally good ones the strictest is taken, as
    theirs do.

    Parameters
    ----------
    folds : ndarray of int, shape (N,)
        Fold of each pair.

    Raises
    ------
    ValueError
        If the shapes differ or there are fewer than two folds.
    """
    numbers = np.unique(folds)
    if not scores.shape == same.shape == folds.shape or len(numbers) < 2:
        raise ValueError(
            f"expected scores, truths and two folds or more of one shape (N,), got "
            f"{scores.shape}, {same.shape} and {len(numbers)} folds of {folds.shape}"
        )
    right = np.empty(len(scores), dtype=np.bool_)
    thresholds = []
    for number in numbers:
        judged = folds == number
        threshold = best_threshold(scores[~judged], same[~judged])
        right[judged] = (scores[judged] >= threshold) == same[judged]
        thresholds.append(threshold)
    of_folds = np.array([right[folds == number].mean() for number in numbers])
    return FoldedAccuracy(right, of_folds, np.array(thresholds))


def best_threshold(scores: Scores, same: Same) -> float:
    """Return the threshold that judges most pairs right, the strictest of equally good ones.

    It lies halfway between two neighboring scores, or is infinite where it is best to
    accept none or all.
    """
    values = np.unique(scores)[::-1]
    accepted_same = np.searchsorted(-np.sort(scores[same])[::-1], -values, side="right")
    accepted_different = np.searchsorted(-np.sort(scores[~same])[::-1], -values, side="right")
    # With the first k values accepted, k from 0 on; all but a constant.
    right = np.concatenate([[0], accepted_same - accepted_different])
    ends = np.concatenate([[np.inf], values, [-np.inf]])
    best = int(np.argmax(right))
    if best in (0, len(values)):
        return float(ends[0] if best == 0 else ends[-1])
    return float((ends[best] + ends[best + 1]) / 2)


def _corners(same: npt.NDArray[np.intp], different: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Return which thresholds are no inner points of a straight run."""
    rises = np.diff(same, prepend=0) > 0
    runs = np.diff(different, prepend=0) > 0
    straight = (rises[:-1] != runs[:-1]) & (rises[:-1] == rises[1:]) & (runs[:-1] == runs[1:])
    return np.concatenate([~straight, [True]])


def _shares(
    weights: npt.NDArray[np.generic], counts: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    sums = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    if sums[-1] == 0.0:
        return np.full(len(counts), np.nan)
    return np.asarray(sums[counts] / sums[-1])


def _equal_error_rate(far: npt.NDArray[np.float64], tar: npt.NDArray[np.float64]) -> float:
    """Return where the polyline meets the line on which FAR equals 1 - TAR."""
    excess = far + tar - 1.0
    after = int(np.searchsorted(excess, 0.0, side="left"))
    step = excess[after] - excess[after - 1]
    part = -excess[after - 1] / step
    return float(far[after - 1] + part * (far[after] - far[after - 1]))
