"""From what Qdrant answers to what artsim's callers see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.hits import Hit
from artsim.store.base import CollectionSchema, FacetCount, SearchRequest, VectorSpec


def score_threshold(min_score: float | None, spec: VectorSpec) -> float | None:
    """Return `min_score` in Qdrant's terms, a hair looser than asked.

    Qdrant reports distances as they are, least first, and its versions differ in whether
    a score equal to the threshold passes: `to_hits` draws the exact line.
    """
    if min_score is None:
        return None
    if spec.distance == "euclid":
        return float(np.nextafter(np.float32(-min_score), np.float32(np.inf)))
    return float(np.nextafter(np.float32(min_score), np.float32(-np.inf)))


def to_hits(scored: Iterable[Any], request: SearchRequest, schema: CollectionSchema) -> list[Hit]:
    """Return scored points as hits, by falling score, equal scores by painting id."""
    final = request.rescore.using if request.rescore else request.using
    sign = -1.0 if schema.vectors[final].distance == "euclid" else 1.0
    hits = [
        Hit(
            str(point.id),
            # The engine's precision, whatever carried it; adding 0 makes no minus zero.
            sign * float(np.float32(point.score)) + 0.0,
            dict(point.payload or {}),
            to_vectors(point.vector, request.with_vectors, schema),
        )
        for point in scored
    ]
    if request.min_score is not None:
        least = float(np.float32(request.min_score))
        hits = [hit for hit in hits if hit.score >= least]
    return sorted(hits, key=hit_order)


def hit_order(hit: Hit) -> tuple[float, str, str]:
    """Sort key of a ranking; faces of one painting go by point id."""
    return (-hit.score, str(hit.payload.get("painting_id", "")), hit.point_id)


def to_vectors(raw: Any, names: Sequence[str], schema: CollectionSchema) -> dict[str, Vector]:
    """Return the vectors among `names` that a point has: float32, or uint8 for pixels.

    `raw` is a mapping of names to lists, as the libraries give it, or None. ValueError if one
    is shorter than its schema says, or holds NaN or infinity.
    """
    if not names or not raw:
        return {}
    return {name: _to_array(raw[name], schema.vectors[name]) for name in names if name in raw}


def _to_array(numbers: Sequence[float], spec: VectorSpec) -> Vector:
    # By way of float32, a third of the time that a list takes straight to uint8.
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.fromiter(numbers, np.float32, spec.dim)
        # Where one is NaN, so is the least.
        least, most = float(array.min()), float(array.max())
    low, high = (-1.0, 256.0) if spec.datatype == "uint8" else (-np.inf, np.inf)
    if not (low < least and most < high):
        raise ValueError("a vector holds what is no number, or too large a one")
    return array.astype(spec.datatype, copy=False)


def to_facets(counts: Iterable[Any], limit: int) -> list[FacetCount]:
    """Return values and counts, most frequent first, ties by value."""
    facets = [FacetCount(count.value, count.count) for count in counts]
    return sorted(facets, key=lambda f: (-f.count, f.value))[:limit]
