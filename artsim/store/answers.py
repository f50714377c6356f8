"""What either engine answers, as artsim's values."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.hits import Hit, rank_order
from artsim.store.protocol import CollectionSchema, Record, SearchRequest, VectorSpec


def score_threshold(request: SearchRequest, schema: CollectionSchema) -> float | None:
    """Return the request's least score in Qdrant's terms, a hair looser than asked.

    Qdrant reports distances as they are, least first, and its versions differ in whether
    a score equal to the threshold passes: `to_hits` draws the exact line.
    """
    if request.min_score is None:
        return None
    if schema.vectors[request.last.using].distance == "euclid":
        return float(np.nextafter(np.float32(-request.min_score), np.float32(np.inf)))
    return float(np.nextafter(np.float32(request.min_score), np.float32(-np.inf)))


def to_hits(scored: Iterable[Any], request: SearchRequest, schema: CollectionSchema) -> list[Hit]:
    """Return scored points as hits, by falling score, equal scores by painting id.

    ValueError if a score or vector is no number, or too large a one.
    """
    sign = -1.0 if schema.vectors[request.last.using].distance == "euclid" else 1.0
    points = list(scored)
    with np.errstate(over="ignore"):
        # In the engine's precision, whatever carried them; plus zero makes no minus zero.
        scores = sign * np.array([point.score for point in points], np.float32) + np.float32(0)
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number, or too large a one")
    hits = [
        Hit(
            str(point.id),
            score,
            dict(point.payload or {}),
            to_vectors(point.vector, request.with_vectors, schema),
        )
        for point, score in zip(points, scores.tolist(), strict=True)
    ]
    if request.min_score is not None:
        least = float(np.float32(request.min_score))
        hits = [hit for hit in hits if hit.score >= least]
    return sorted(hits, key=rank_order)


def to_records(
    found: Iterable[Any], names: Sequence[str], schema: CollectionSchema
) -> list[Record]:
    """Return points as they were read, with those of the named vectors that they have."""
    return [
        Record(str(raw.id), dict(raw.payload or {}), to_vectors(raw.vector, names, schema))
        for raw in found
    ]


def to_vectors(
    raw: Mapping[str, Any] | None, names: Sequence[str], schema: CollectionSchema
) -> dict[str, Vector]:
    """Return the vectors among `names` that a point has: float32, or uint8 for pixels.

    ValueError if one has another length than its schema says, or holds NaN or infinity.
    """
    if not names or not raw:
        return {}
    return {name: _to_array(raw[name], schema.vectors[name]) for name in names if name in raw}


def _to_array(numbers: Sequence[float], spec: VectorSpec) -> Vector:
    # By way of float32 and of what packs it, a third of the time that NumPy takes for a list.
    try:
        array = np.frombuffer(struct.pack(f"{spec.dim}f", *numbers), np.float32)
    except struct.error as exc:
        raise ValueError(f"no vector of {spec.dim} numbers") from exc
    # Where one is NaN, so is the least.
    with np.errstate(invalid="ignore"):
        least, most = float(array.min()), float(array.max())
    low, high = (-1.0, 256.0) if spec.datatype == "uint8" else (-np.inf, np.inf)
    if not (low < least and most < high):
        raise ValueError("a vector holds what is no number, or too large a one")
    return array.astype(spec.datatype, copy=False)
