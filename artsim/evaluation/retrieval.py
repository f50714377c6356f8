"""How good a ranking is, from labels alone: leave-one-out recall and precision."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import Embeddings

Neighbors = npt.NDArray[np.intp]
"""Indices of the nearest others, best first, shape (N, K); -1 fills rows that are short."""

_RESAMPLES: Final = 2000
_DRAWS: Final = 1_000_000
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries, with its 95 % bootstrap interval.

    Attributes
    ----------
    value, low, high : float
        In 0..1.
    queries : int
        How many queries the mean is over.
    """

    value: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Leave-one-out scores for one kind of label.

    Attributes
    ----------
    recall_at_1 : Estimate
        Share of queries whose nearest neighbor has the query's label, among the queries
        for which another work with that label was left to find.
    precision_at_k : Estimate
        Mean share of the first `k` neighbors with the query's label, over all queries
        with a label.
    k : int
        Depth of the precision.
    """

    recall_at_1: Estimate
    precision_at_k: Estimate
    k: int


def nearest_neighbors(
    embeddings: Embeddings, k: int, groups: Sequence[Hashable | None] | None = None
) -> Neighbors:
    """Rank, for each row, the other rows by cosine, exactly.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (N, D)
        Unit rows.
    k : int
        How many neighbors, at least 1.
    groups : sequence of length N, optional
        Rows of one group, such as scans of the same painting, are not neighbors of each
        other. None is in no group.

    Returns
    -------
    ndarray of int, shape (N, k)
        Equal cosines in order of index.

    Raises
    ------
    ValueError
        If `k` is below 1, or `groups` is of another length than `embeddings`.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    count = len(embeddings)
    group = _codes([None] * count if groups is None else groups)
    if len(group) != count:
        raise ValueError(f"expected {count} groups, one for each embedding, got {len(group)}")
    neighbors = np.full((count, k), -1, dtype=np.intp)
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        scores = embeddings[rows] @ embeddings.T
        barred = (group[rows, None] == group[None, :]) & (group[rows, None] >= 0)
        barred[np.arange(len(rows)), rows] = True
        scores[barred] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        order[np.take_along_axis(barred, order, axis=1)] = -1
        neighbors[rows, : order.shape[1]] = order
    return neighbors


def leave_one_out(
    neighbors: Neighbors,
    labels: Sequence[Hashable | None],
    *,
    k: int = 10,
    groups: Sequence[Hashable | None] | None = None,
    seed: int = 0,
) -> RetrievalScores:
    """Score the rankings of N works, each the query once and never its own neighbor.

    Parameters
    ----------
    neighbors : ndarray of int, shape (N, K)
        Row i ranks the neighbors of work i, best first, `K` at least `k`; -1 where there
        are fewer. From `nearest_neighbors`, or from a gallery's answers.
    labels : sequence of length N
        Artist or style; works labeled None are no queries, but can be neighbors.
    k : int
        Depth of the precision. A ranking shorter than `k` loses precision.
    groups : sequence of length N, optional
        As given to `nearest_neighbors`: works of the query's group do not count as left
        to find.
    seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        If the shapes do not fit, `k` is below 1, a row names its own work, or no work
        can be a query.
    """
    count = len(labels)
    if k < 1 or neighbors.ndim != 2 or neighbors.shape[0] != count or neighbors.shape[1] < k:
        raise ValueError(
            f"expected neighbors of shape ({count}, at least {max(k, 1)}), got "
            f"{neighbors.shape} with k = {k}"
        )
    if (neighbors == np.arange(count)[:, None]).any():
        raise ValueError("a work is listed among its own neighbors")
    label = _codes(labels)
    same = (label[neighbors] == label[:, None]) & (neighbors >= 0) & (label[:, None] >= 0)
    findable = _findable(label, _codes([None] * count if groups is None else groups))
    rng = np.random.default_rng(seed)
    return RetrievalScores(
        recall_at_1=_estimate(same[findable, 0], rng),
        precision_at_k=_estimate(same[label >= 0, :k].mean(axis=1), rng),
        k=k,
    )


def _findable(label: npt.NDArray[np.intp], group: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Return which works have another one with their label outside of their group."""
    alike = (label[:, None] == label[None, :]) & (label[:, None] >= 0)
    twins = (group[:, None] == group[None, :]) & (group[:, None] >= 0)
    np.fill_diagonal(twins, True)
    return np.asarray((alike & ~twins).any(axis=1))


def _codes(labels: Sequence[Hashable | None]) -> npt.NDArray[np.intp]:
    """Return each label's number, from 0 in order of appearance; -1 for None."""
    number: dict[Hashable, int] = {}
    codes = [-1 if label is None else number.setdefault(label, len(number)) for label in labels]
    return np.array(codes, dtype=np.intp)


def _estimate(values: npt.NDArray[np.generic], rng: np.random.Generator) -> Estimate:
    """Return mean and percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13)."""
    count = len(values)
    if count == 0:
        raise ValueError("no work can be a query: none shares its label with another")
    wide = values.astype(np.float64)
    at_once = max(1, _DRAWS // count)
    means = [
        wide[rng.integers(0, count, (min(at_once, _RESAMPLES - done), count))].mean(axis=1)
        for done in range(0, _RESAMPLES, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Estimate(float(wide.mean()), float(low), float(high), count)
