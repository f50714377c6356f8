"""Leave-one-out: every work the query once, all others ranked and judged, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.evaluation.metrics import (
    RECALL_LEVELS,
    Floats,
    Integers,
    RelevantRanks,
    all_metrics,
    interpolated_precision,
    metric_names,
)
from artsim.evaluation.relevance import Relevance
from artsim.search.neighbors import Ranker, over_blocks

D = TypeVar("D", bound=np.generic)

HEAD: Final = 5
"""First works of each ranking that are kept, to be looked at."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The judged rankings of Q queries that had something to find.

    Attributes
    ----------
    rows : ndarray of int, shape (Q,)
        The queries' numbers among the works.
    ranked, to_find : ndarray of int, shape (Q,)
        How many works were ranked for each, and how many of them were right.
    metrics : ndarray of float64, shape (Q, M)
        By column as `metric_names` says.
    curve : ndarray of float64, shape (Q, 11)
        Interpolated precision at `RECALL_LEVELS`.
    first_right : ndarray of int, shape (Q,)
        Rank of the first right answer, from 1.
    head : ndarray of int, shape (Q, 5)
        The first works; -1 where there are fewer.
    head_scores : ndarray of float64, shape (Q, 5)
        Their scores.
    head_right : ndarray of bool, shape (Q, 5)
        Whether they were right.
    """

    rows: Integers
    ranked: Integers
    to_find: Integers
    metrics: Floats
    curve: Floats
    first_right: Integers
    head: Integers
    head_scores: Floats
    head_right: npt.NDArray[np.bool_]

    def column(self, name: str, ks: Sequence[int]) -> Floats:
        """Return one metric of every query, by name."""
        return np.asarray(self.metrics[:, metric_names(ks).index(name)])


def judge_rankings(
    ranker: Ranker,
    relevance: Relevance,
    rows: Integers,
    ks: Sequence[int],
    *,
    on_done: Callable[[int], None] | None = None,
) -> Judged:
    """Rank all works for each of `rows`, and judge the rankings by every metric.

    Memory is bounded by a block of rankings for each processor core, not by the square of
    the number of works.

    Parameters
    ----------
    ranker : Ranker
        Over the N works of `relevance`.
    rows : ndarray of int, shape (Q,)
        Queries; those with nothing to find are dropped.
    ks : sequence of int
        Depths of precision and recall.
    on_done : callable, optional
        Told how many queries are done.
    """

    def judge(block: Integers) -> Judged:
        return _judge(ranker, relevance, block, ks)

    blocks = over_blocks(rows, len(relevance.labels.of_work), judge, on_done=on_done)
    if not blocks:
        blocks = [judge(rows)]
    joined = {
        field.name: np.concatenate([getattr(block, field.name) for block in blocks])
        for field in fields(Judged)
    }
    return Judged(**joined)


def _judge(ranker: Ranker, relevance: Relevance, rows: Integers, ks: Sequence[int]) -> Judged:
    barred = relevance.barred(rows)
    right = relevance.right(rows, barred)
    to_find = right.sum(axis=1, dtype=np.intp)
    finding = to_find > 0
    rows, barred, right, to_find = (a[finding] for a in (rows, barred, right, to_find))
    rankings = ranker.rank(rows, barred, head=HEAD)
    # As `take_along_axis`, in a quarter of its time.
    starts = np.arange(len(rows))[:, None] * right.shape[1]
    in_order = right.ravel().take(rankings.order + starts)
    ranks = RelevantRanks.from_matrix(in_order)
    return Judged(
        rows=rows,
        ranked=rankings.lengths,
        to_find=to_find,
        metrics=all_metrics(ranks, ks),
        curve=interpolated_precision(ranks, RECALL_LEVELS),
        first_right=ranks.rank[ranks.position == 1],
        head=_head(rankings.order, rankings.lengths, -1),
        head_scores=_head(rankings.head_scores, rankings.lengths, -np.inf).astype(np.float64),
        head_right=_head(in_order, rankings.lengths, False),
    )


def count_to_find(
    relevance: Relevance, rows: Integers, *, on_done: Callable[[int], None] | None = None
) -> Integers:
    """Return how many right answers each of `rows` has left to find, shape (Q,)."""

    def count(block: Integers) -> Integers:
        right = relevance.right(block, relevance.barred(block))
        return np.asarray(right.sum(axis=1, dtype=np.intp))

    counts = over_blocks(rows, len(relevance.labels.of_work), count, on_done=on_done)
    return np.concatenate([np.zeros(0, dtype=np.intp), *counts])


def _head(values: npt.NDArray[D], lengths: Integers, filler: float) -> npt.NDArray[D]:
    """Return the first columns; `filler` where a ranking is shorter."""
    head = np.full((len(values), HEAD), filler, dtype=values.dtype)
    width = min(HEAD, values.shape[1])
    head[:, :width] = values[:, :width]
    head[np.arange(HEAD) >= lengths[:, None]] = filler
    return head
