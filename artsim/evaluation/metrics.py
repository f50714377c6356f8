"""Metrics of rankings with right and wrong answers, and of pairs of faces with scores.

Of rankings all follow the TREC program trec_eval (https://github.com/usnistgov/trec_eval), by whose
Python binding they are tested, with every right answer worth the same. Where a ranking is shorter
than k, precision still divides by k, and what is missing counts as wrong.

A pair is accepted, that is taken for one person, if its score reaches a threshold. TAR is the share
of pairs of one person that are accepted (true accepts), FAR that of pairs of different people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.intp]
Booleans: TypeAlias = npt.NDArray[np.bool_]

Metrics: TypeAlias = dict[str, Floats]
"""By name one value of each of Q queries, shape (Q,)."""

RECALL_LEVELS: Final = tuple(level / 10 for level in range(11))
"""Where `interpolated_precision` is read, as TREC does."""

NDCG_DEPTH: Final = 10
"""Depth of the second, shallow nDCG."""

Weights: TypeAlias = npt.NDArray[Any]
"""How often each of N pairs counts, at least 0, shape (N,)."""

FARS: Final = {"tar_at_far_1e-2": 1e-2, "tar_at_far_1e-3": 1e-3}
"""False accept rates at which the true accept rate is reported, by the name of the column."""


@dataclass(frozen=True, slots=True)
class RelevantRanks:
    """At which ranks Q rankings have their right answers, of which there are T.

    `query` is which query each belongs to, 0..Q-1 and rising, `rank` is from 1 and rises within a
    query, both of shape (T,); `to_find` of shape (Q,) is how many there are, found or not.
    """

    query: Integers
    rank: Integers
    to_find: Integers

    @classmethod
    def from_matrix(cls, right: Booleans, to_find: Integers | None = None) -> RelevantRanks:
        """Return the ranks of the True of each row of `right`, shape (Q, N), best first.

        `to_find` is by default the number of True.
        """
        # Faster by far than `nonzero` of a matrix.
        flat = np.flatnonzero(right)
        query = flat // max(right.shape[1], 1)
        rank = flat - query * right.shape[1] + 1
        counts = np.bincount(query, minlength=len(right)).astype(np.intp)
        return cls(query, rank, counts if to_find is None else to_find)

    @property
    def position(self) -> Integers:
        """Which of its query's right answers each is, from 1."""
        counts = np.bincount(self.query, minlength=len(self.to_find))
        starts = np.cumsum(counts) - counts
        return np.arange(1, len(self.query) + 1) - starts[self.query]

    def sum_by_query(self, values: npt.ArrayLike) -> Floats:
        """Return the sum of one value for each right answer by query."""
        weights = np.asarray(values, dtype=np.float64)
        sums = np.bincount(self.query, weights, minlength=len(self.to_find))
        return sums.astype(np.float64)


def all_metrics(ranks: RelevantRanks, ks: Sequence[int]) -> Metrics:
    """Return every metric by name; ValueError if a query has nothing to find."""
    if (ranks.to_find < 1).any():
        raise ValueError("a query has nothing to find: no metric is defined for it")
    return {
        **{f"precision_at_{k}": precision_at(ranks, k) for k in ks},
        **{f"recall_at_{k}": recall_at(ranks, k) for k in ks},
        "map": average_precision(ranks),
        "ndcg": ndcg(ranks),
        f"ndcg_at_{NDCG_DEPTH}": ndcg(ranks, NDCG_DEPTH),
        "mrr": reciprocal_rank(ranks),
    }


def precision_at(ranks: RelevantRanks, k: int) -> Floats:
    """Return the share of right answers among the first k; trec_eval's ``P_k``."""
    return ranks.sum_by_query(ranks.rank <= k) / k


def recall_at(ranks: RelevantRanks, k: int) -> Floats:
    """Return 1 where one of the first k is right, else 0; trec_eval's ``success_k``.

    This is recall as papers on finding one of several equally good answers count it, not
    the share of all right answers.
    """
    return (ranks.sum_by_query(ranks.rank <= k) > 0).astype(np.float64)


def average_precision(ranks: RelevantRanks) -> Floats:
    """Return the mean precision at the ranks of all right answers; trec_eval's ``map``."""
    return ranks.sum_by_query(ranks.position / ranks.rank) / ranks.to_find


def reciprocal_rank(ranks: RelevantRanks) -> Floats:
    """Return 1 by the rank of the first right answer, 0 without one; ``recip_rank``."""
    return ranks.sum_by_query(np.where(ranks.position == 1, 1.0 / ranks.rank, 0.0))


def ndcg(ranks: RelevantRanks, depth: int | None = None) -> Floats:
    """Return the discounted gain of the right answers by that of the best ranking.

    Of the first `depth`, as ``ndcg_cut_depth``; by default of all, as ``ndcg``: Järvelin &
    Kekäläinen (2002), TOIS 20, with the discount log2(rank + 1) as trec_eval has it.
    """
    gains = 1.0 / np.log2(ranks.rank + 1.0)
    best = ranks.to_find
    if depth is not None:
        gains[ranks.rank > depth] = 0.0
        best = np.minimum(best, depth)
    return ranks.sum_by_query(gains) / _ideal_gain(best)


def _ideal_gain(counts: Integers) -> Floats:
    """Return the discounted gain of rankings that begin with `counts` right answers."""
    most = int(counts.max(initial=0))
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2.0, most + 2)))])
    return np.asarray(sums[counts], dtype=np.float64)


def interpolated_precision(ranks: RelevantRanks) -> Floats:
    """Return the greatest precision at each of `RECALL_LEVELS` or beyond, shape (Q, 11).

    trec_eval's ``iprec_at_recall``, where recall is the share of all right answers. A level
    that was never reached has precision 0.
    """
    counts = np.bincount(ranks.query, minlength=len(ranks.to_find))
    starts = np.cumsum(counts) - counts
    # Twice the query's number keeps queries apart, so that one running maximum, from the
    # last right answer to the first, does for all of them.
    apart = -2.0 * ranks.query
    precision = ranks.position / ranks.rank + apart
    best = np.maximum.accumulate(precision[::-1])[::-1] - apart
    curve = np.zeros((len(ranks.to_find), len(RECALL_LEVELS)))
    for column, level in enumerate(RECALL_LEVELS):
        # trec_eval's own rounding: level 0.25 of 10 right answers is the third.
        wanted = np.maximum((level * ranks.to_find + 0.9).astype(np.intp), 1)
        reached = wanted <= counts
        curve[reached, column] = best[(starts + wanted - 1)[reached]]
    return curve


def random_metrics(ranked: Integers, to_find: Integers, ks: Sequence[int]) -> Metrics:
    """Return the expected metrics of Q random rankings, as `all_metrics` does.

    Closed forms, exact: of the `ranked` works `to_find` (at least 1) are right, and every order
    of them is as likely as any other. The average precision is Bestgen's: Exact expected average
    precision of the random baseline (2015), Prague Bulletin of Mathematical Linguistics 103.
    """
    n, right = ranked.astype(np.float64), to_find.astype(np.float64)
    most = int(ranked.max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1.0, most + 1))])
    pairs = (right - 1) / np.maximum(n - 1, 1)

    def any_among(k: int) -> Floats:
        missed = np.ones_like(n)
        for left in (n - drawn for drawn in range(k)):
            wrong = np.maximum(left - right, 0.0) / np.maximum(left, 1.0)
            missed *= np.where(left > 0, wrong, 1.0)
        return 1.0 - missed

    def gain(ranked: Integers, to_find: Integers) -> Floats:
        return right / n * _ideal_gain(ranked) / _ideal_gain(to_find)

    return {
        **{f"precision_at_{k}": right / n * np.minimum(k, n) / k for k in ks},
        **{f"recall_at_{k}": any_among(k) for k in ks},
        "map": (harmonic[ranked] + pairs * (n - harmonic[ranked])) / n,
        "ndcg": gain(ranked, to_find),
        f"ndcg_at_{NDCG_DEPTH}": gain(*(np.minimum(x, NDCG_DEPTH) for x in (ranked, to_find))),
        "mrr": right / (n - right + 1) * (harmonic[ranked] - harmonic[to_find - 1]),
    }


def random_curve(ranked: Integers, to_find: Integers, *, seed: int) -> Floats:
    """Return the `interpolated_precision` of one shuffled ranking for each query."""
    rng = np.random.default_rng(seed)
    ranks = [
        np.sort(rng.choice(n, size=right, replace=False)) + 1
        for n, right in zip(ranked.tolist(), to_find.tolist(), strict=True)
    ]
    query = np.repeat(np.arange(len(to_find)), to_find)
    return interpolated_precision(RelevantRanks(query, np.concatenate(ranks), to_find))


class RocCurve:
    """The points that the thresholds of scored pairs reach, for any weights of the pairs.

    `scores` are finite, higher is nearer; `same` is whether both faces of a pair are one person's,
    and there is one at least of either kind. Only the corners of the curve are kept. Between
    thresholds that admit pairs of one kind alone the curve is straight whatever the weights, so
    that nothing is lost, and a bootstrap over many pairs takes cumulative sums and little more;
    scikit-learn's ``roc_curve`` would sort all pairs for each resample.
    """

    def __init__(self, scores: Floats, same: Booleans) -> None:
        if not np.isfinite(scores).all() or not same.any() or same.all():
            raise ValueError("expected finite scores, of pairs of one person and of different ones")
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
        accepted = np.cumsum(same[order])[ends]
        rises, runs = (np.diff(n, prepend=0) > 0 for n in (accepted, ends + 1 - accepted))
        straight = (rises[:-1] != runs[:-1]) & (rises[:-1] == rises[1:]) & (runs[:-1] == runs[1:])
        corner = np.append(~straight, True)
        # Of pairs of different people, and of one person: which, and how many each corner accepts.
        self._parts = (
            (order[~same[order]], (ends + 1 - accepted)[corner]),
            (order[same[order]], accepted[corner]),
        )

    def points(self, weights: Weights | None = None) -> tuple[Floats, Floats]:
        """Return FAR and TAR of each corner, from (0, 0) to (1, 1), for weights of the pairs.

        They rise; either is NaN where the weights leave no pair of that kind.
        """
        shares = []
        for part, counts in self._parts:
            counted = np.ones(len(part)) if weights is None else weights[part]
            sums = np.concatenate([[0.0], np.cumsum(counted, dtype=np.float64)])
            shares.append(sums[np.append(0, counts)] / (sums[-1] or np.nan))
        return shares[0], shares[1]


def rates(far: Floats, tar: Floats) -> dict[str, float]:
    """Return what a curve from `RocCurve.points` comes down to; NaN where the curve is.

    ``auc`` is the area under the curve, the chance that a pair of one person scores higher than
    a pair of different people, a tie counting half; ``eer`` is where FAR equals 1 - TAR, the curve
    taken as straight between its points; and for each of `FARS` the largest TAR of a threshold
    whose FAR is at most that, not interpolated.
    """
    if not (np.isfinite(far).all() and np.isfinite(tar).all()):
        return dict.fromkeys(("auc", "eer", *FARS), np.nan)
    excess = far + tar - 1.0
    after = int(np.searchsorted(excess, 0.0, side="left"))
    part = -excess[after - 1] / (excess[after] - excess[after - 1])
    reached = np.searchsorted(far, list(FARS.values()), side="right") - 1
    return {
        "auc": float(np.trapezoid(tar, far)),
        "eer": float(far[after - 1] + part * (far[after] - far[after - 1])),
        **dict(zip(FARS, tar[reached].tolist(), strict=True)),
    }


def consecutive_folds(same: Booleans, count: int = 10) -> Integers:
    """Divide pairs into folds of neighbors, with as many pairs of either kind in each.

    On LFW's own list, ten sets of 300 pairs of one person and 300 of different people, these are
    its sets: what KFold without shuffling makes of it in facenet (``src/facenet.py``) and
    insightface (``recognition/arcface_mxnet/verification.py``). A list with all pairs of one kind
    first divides as well.
    """
    folds = np.empty(len(same), dtype=np.intp)
    for kind in (same, ~same):
        for fold, part in enumerate(np.array_split(np.flatnonzero(kind), count)):
            folds[part] = fold
    return folds


def folded_accuracy(scores: Floats, same: Booleans, folds: Integers) -> tuple[Booleans, Floats]:
    """Judge each of two folds or more with the threshold that is best on all the others.

    The protocol of LFW's View 2, as facenet's and insightface's evaluation code have it.
    Theirs tries a grid of distances; here every threshold that makes a difference on the
    other folds is tried, halfway between two of their scores, so that encoders whose
    scores crowd together are not wronged. Of equally good ones the strictest is taken, as
    theirs do. Returns whether each pair was judged right, and the share of right ones by fold.
    """
    right = np.empty(len(scores), dtype=np.bool_)
    numbers = np.unique(folds)
    for number in numbers:
        judged = folds == number
        threshold = best_threshold(scores[~judged], same[~judged])
        right[judged] = (scores[judged] >= threshold) == same[judged]
    return right, np.array([right[folds == number].mean() for number in numbers])


def best_threshold(scores: Floats, same: Booleans) -> float:
    """Return the threshold that judges most pairs right, the strictest of equally good ones.

    It lies halfway between two neighboring scores, or is infinite where it is best to
    accept none or all.
    """
    values, which = np.unique(scores, return_inverse=True)
    values = values[::-1]
    more = np.bincount(which, np.where(same, 1, -1), minlength=len(values))[::-1]
    # With the first k values accepted, k from 0 on; all but a constant.
    best = int(np.argmax(np.concatenate([[0], np.cumsum(more)])))
    if best in (0, len(values)):
        return np.inf if best == 0 else -np.inf
    return float((values[best - 1] + values[best]) / 2)
