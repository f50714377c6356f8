"""Metrics of rankings with right and wrong answers, and what random order scores.

All follow the TREC program trec_eval (https://github.com/usnistgov/trec_eval), by whose Python
binding they are tested, with every right answer worth the same. Where a ranking is shorter than
k, precision still divides by k, and what is missing counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

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
