"""Reordering the first hits by SSIM or RMSE, or by a mixture with the cosine.

The first hits by cosine get their pixels compared once, at each side, by the very
functions that `artsim query --rerank` calls; every depth and mixture follows from that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.images.pixels import rmse, ssim
from benchmarks.quality_data import Array, Data, Indices
from benchmarks.quality_judge import (
    Scores,
    cosines,
)

Method = Literal["ssim", "rmse"]

METHODS: Final[tuple[Method, ...]] = ("ssim", "rmse")
DEPTHS: Final = (10, 50, 100, 200)
WEIGHTS: Final = (0.1, 0.5, 1.0)
DEEPEST: Final = max(DEPTHS)

_ABOVE: Final = 10.0
"""Added to the scores of reordered hits, so that they stay before all others."""


def first_hits(scores: Scores, depth: int) -> Indices:
    """Return the numbers of the first `depth` works, best first: shape (Q, depth)."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :depth]


def compare_pixels(
    queries: npt.NDArray[np.uint8],
    gallery: npt.NDArray[np.uint8],
    hits: Indices,
    method: Method,
) -> npt.NDArray[np.float32]:
    """Return the pixels' likeness of each query to its hits: shape (Q, depth), RMSE negated."""
    compare = ssim if method == "ssim" else rmse
    sign = 1.0 if method == "ssim" else -1.0
    rows = [sign * compare(query, gallery[own]) for query, own in zip(queries, hits, strict=True)]
    return np.stack(rows).astype(np.float32)


def spread(hits: Indices, values: npt.NDArray[np.float32], count: int) -> Scores:
    """Return values of hits (Q, depth) as scores of all works (Q, count), NaN elsewhere."""
    scores = np.full((len(hits), count), np.nan, dtype=np.float32)
    np.put_along_axis(scores, hits, values, axis=1)
    return scores


class PixelScores:
    """Likeness in pixels of some queries to their first hits by cosine."""

    def __init__(self, data: Data, name: str, queries: Indices, side: int, method: Method) -> None:
        vectors, pixels = data.plain(name), data.pixels(side)
        self._row = {int(query): row for row, query in enumerate(queries)}
        self._count = len(vectors)
        scores = cosines(vectors[queries], vectors)
        scores[np.arange(len(queries)), queries] = -np.inf
        # One more than the deepest, since one hit, a twin, may be left out.
        self._hits = first_hits(scores, DEEPEST + 1)
        self._values = data.kept(
            f"{name}-{method}-{side}-{len(queries)}",
            lambda: compare_pixels(pixels[queries], pixels, self._hits, method),
        )

    def dense(self, queries: Indices) -> Scores:
        """Return the likeness to every work: shape (Q, N), NaN where it was not compared."""
        rows = [self._row[int(query)] for query in queries]
        return spread(self._hits[rows], self._values[rows], self._count)


def rerank(scores: Scores, likeness: Scores, depth: int) -> Scores:
    """Reorder the first `depth` hits by their likeness in pixels alone."""
    return _reorder(scores, likeness, depth, lambda cosine, pixels: pixels)


def mix(scores: Scores, likeness: Scores, depth: int, weight: float) -> Scores:
    """Reorder the first `depth` hits by cosine + `weight` times their likeness in pixels."""
    return _reorder(
        scores, likeness, depth, lambda cosine, pixels: cosine + np.float32(weight) * pixels
    )


def _reorder(
    scores: Scores, likeness: Scores, depth: int, combine: Callable[[Array, Array], Array]
) -> Scores:
    first = first_hits(scores, depth)
    old = np.take_along_axis(scores, first, axis=1)
    new = combine(old, np.take_along_axis(likeness, first, axis=1)) + _ABOVE
    # A query with fewer hits than `depth` keeps what is left out, left out.
    new[np.isneginf(old)] = -np.inf
    changed = scores.copy()
    np.put_along_axis(changed, first, new.astype(np.float32), axis=1)
    return changed
