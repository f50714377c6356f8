"""Whole rankings that several encoders, or pixels, reorder as a query's are.

Each equals what `find_similar` answers for one painting: the same fusion, and re-ranking
by the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Hit
from artsim.search.blocks import Indices
from artsim.search.find import FUSION_DEPTH
from artsim.search.fusion import RRF_K
from artsim.search.neighbors import Barred, Ranker, Rankings
from artsim.search.rerank import PIXELS, Method, rerank_by_distance, rerank_by_ssim


class FusedRanker:
    """Ranks by several rankers, fused by reciprocal rank as `fuse_rankings` does.

    A query fuses the first `depth` of each ranking; what none of these has follows here by
    the reciprocal ranks of the whole rankings, so that every work has a place.

    Parameters
    ----------
    rankers : sequence of Ranker
        Over the same works.
    depth : int
        As of the search that this stands for: its limit, and `FUSION_DEPTH` at least.
    """

    def __init__(self, rankers: Sequence[Ranker], depth: int = FUSION_DEPTH) -> None:
        self._rankers = tuple(rankers)
        self._depth = max(depth, FUSION_DEPTH)

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank all works for each of `rows`; see `Ranker`."""
        rankings = [ranker.rank(rows, barred, head=0) for ranker in self._rankers]
        lengths, shape = rankings[0].lengths, rankings[0].order.shape
        places = np.arange(1, shape[1] + 1)
        shares = np.where(places <= lengths[:, None], 1.0 / (RRF_K + places), 0.0)
        first, whole = np.zeros(shape), np.zeros(shape)
        every = np.arange(len(rows))[:, None]
        for ranking in rankings:
            whole[every, ranking.order] += shares
            first[every, ranking.order[:, : self._depth]] += shares[:, : self._depth]
        order = _order_of_two(first, whole)
        scores = np.take_along_axis(first, order[:, :head], axis=1)
        scores[scores == 0.0] = -np.inf
        return Rankings(order, lengths, scores)


def _order_of_two(first: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> Indices:
    """Return the columns by falling `first`; where that is 0, behind, by falling `whole`."""
    found = first > 0.0
    by_first = np.argsort(-first, axis=1, kind="stable")
    by_whole = np.argsort(np.where(found, -np.inf, -whole), axis=1, kind="stable")
    places = np.arange(first.shape[1])
    return np.where(places < found.sum(axis=1)[:, None], by_first, by_whole)


class PixelRanker:
    """Reorders the first `depth` works of each ranking by pixels, as ``--rerank`` does.

    Parameters
    ----------
    ranker : Ranker
        Makes the rankings.
    method : {"ssim", "rmse"}
    pixels : ndarray of uint8, shape (N, side * side)
    depth : int
        How many first works are reordered, at least 1.
    weight : float, optional
        What pixels count for beside the rankings' scores; by default they count alone.
    """

    def __init__(
        self,
        ranker: Ranker,
        method: Method,
        pixels: Pixels,
        depth: int,
        *,
        weight: float | None = None,
    ) -> None:
        self._ranker = ranker
        self._method: Method = method
        self._pixels = pixels
        self._depth = depth
        self._weight = weight

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank all works for each of `rows`; see `Ranker`."""
        before = self._ranker.rank(rows, barred, head=0 if self._weight is None else self._depth)
        order = before.order.copy()
        scores = np.full((len(rows), head), -np.inf)
        for i, query in enumerate(rows):
            works = before.order[i, : min(self._depth, int(before.lengths[i]))]
            firsts = before.head_scores[i] if self._weight is not None else np.zeros(len(works))
            hits = self._reorder(int(query), works, firsts.tolist()[: len(works)])
            order[i, : len(hits)] = [int(hit.point_id) for hit in hits]
            scores[i, : len(hits)] = [hit.rerank_score for hit in hits[:head]]
        return Rankings(order, before.lengths, scores)

    def _reorder(self, query: int, works: Indices, scores: Sequence[float]) -> list[Hit]:
        # Index order is painting id order, and of numbers as wide as each other text sorts
        # as they do.
        names = [f"{work:012d}" for work in works]
        if self._method == "ssim":
            hits = [
                Hit(name, score, {"painting_id": name}, {PIXELS: self._pixels[work]})
                for name, score, work in zip(names, scores, works, strict=True)
            ]
            return rerank_by_ssim(hits, [self._pixels[query]], weight=self._weight)
        hits = [
            Hit(name, score, {"painting_id": name})
            for name, score in zip(names, scores, strict=True)
        ]
        distances = _distances(self._pixels[query], self._pixels[works])
        by_id = dict(zip(names, distances.tolist(), strict=True))
        side_squared = self._pixels.shape[1]
        return rerank_by_distance(hits, [by_id], side_squared, weight=self._weight)


def _distances(query: Pixels, gallery: Pixels) -> npt.NDArray[np.float32]:
    """Return Euclidean distances in float32, as the database computes them of uint8."""
    difference = gallery.astype(np.int32) - query.astype(np.int32)
    squares = np.einsum("nd,nd->n", difference, difference, dtype=np.int64, casting="safe")
    distances: npt.NDArray[np.float32] = np.sqrt(squares.astype(np.float32))
    return distances
