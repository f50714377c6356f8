"""Re-ranking: reordering hits by how alike their pixels are to the query's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Hit

Method = Literal["ssim", "rmse"]

METHODS: Final[tuple[str, ...]] = get_args(Method)

PIXELS: Final = "pixels"
"""Named vector of the small gray pictures."""


def rerank_by_ssim(
    hits: Sequence[Hit], query: Sequence[Pixels], *, weight: float | None = None
) -> list[Hit]:
    """Reorder hits by mean structural similarity to the query pictures, in one call each.

    Parameters
    ----------
    hits : sequence of Hit
        With their `pixels`, which the result no longer carries.
    query : sequence of ndarray of uint8
        One picture or more, of the same size as the hits'.
    weight : float, optional
        What the similarity counts for beside the first score, to which it is added; by
        default it counts alone.

    Returns
    -------
    list of Hit
        With ``rerank_score``, alone in -1..1, best first.
    """
    from artsim.images.pixels import ssim

    if not hits:
        return []
    gallery = np.stack([hit.vectors[PIXELS] for hit in hits])
    scores = np.mean([ssim(pixels, gallery) for pixels in query], axis=0)
    reranked = [
        replace(without_pixels(hit), rerank_score=_second_score(hit, float(score), weight))
        for hit, score in zip(hits, scores, strict=True)
    ]
    return sorted(reranked, key=rerank_order)


def rerank_by_distance(
    hits: Sequence[Hit],
    distances: Sequence[Mapping[str, float]],
    dim: int,
    *,
    weight: float | None = None,
) -> list[Hit]:
    """Reorder hits by root mean squared error, from the distances that Qdrant computed.

    Parameters
    ----------
    distances : sequence of mapping of str to float
        For each query picture the Euclidean distance of pixels in 0..255, by point id;
        a hit that one of them lacks goes last.
    dim : int
        Number of pixels.
    weight : float, optional
        As of `rerank_by_ssim`.

    Returns
    -------
    list of Hit
        With ``rerank_score``, alone minus the error of pixels in 0..1, so in -1..0, best
        first.
    """
    scale = math.sqrt(dim) * 255.0
    reranked = []
    for hit in hits:
        errors = [of_picture.get(hit.point_id, math.inf) / scale for of_picture in distances]
        score = _second_score(hit, -float(np.mean(errors)), weight)
        reranked.append(replace(hit, rerank_score=score))
    return sorted(reranked, key=rerank_order)


def _second_score(hit: Hit, score: float, weight: float | None) -> float:
    return score if weight is None else hit.score + weight * score


def rerank_order(hit: Hit) -> tuple[float, float, str, str]:
    """Sort key of a re-ranked ranking: best first, ties by painting id, then by point id.

    Hits that were not re-ranked come last, by their first score.
    """
    if hit.rerank_score is None:
        return (math.inf, -hit.score, hit.painting_id, hit.point_id)
    return (-hit.rerank_score, 0.0, hit.painting_id, hit.point_id)


def without_pixels(hit: Hit) -> Hit:
    """Return the hit without its `pixels`, which are of no use to the caller."""
    kept = {name: vector for name, vector in hit.vectors.items() if name != PIXELS}
    return replace(hit, vectors=kept)
