"""What every store checks before the database sees it, and makes of what it answers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.criteria import Criteria
from artsim.catalog.hits import Hit, rank_order
from artsim.catalog.payload import Payload, why_unstorable
from artsim.errors import SchemaMismatchError, StoreError, UnknownVectorError, listed, shortened
from artsim.store.protocol import CollectionSchema, FacetCount, Point, SearchRequest, VectorSpec

COLLECTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""Names that are safe as a folder and in an address."""

FACETED: Final = frozenset({"keyword", "integer"})
"""Payload indexes whose values Qdrant counts."""


def check_collection_name(name: str) -> None:
    """Raise ValueError unless `name` is letters, digits, ``-`` and ``_``, 200 at most."""
    if not COLLECTION_NAME.fullmatch(name):
        raise ValueError(f"collection name {name!r}: expected 1 to 200 letters, digits, '-' or '_'")


def as_stored(vector: Vector, spec: VectorSpec, vector_name: str) -> Vector:
    """Return `vector` in the dtype that `spec` stores.

    Raises
    ------
    ValueError
        If it is not of shape (D,), not finite, or out of 0..255 for ``uint8``.
    """
    array = np.asarray(vector)
    if array.shape != (spec.dim,):
        raise ValueError(
            f"vector {vector_name!r}: expected shape ({spec.dim},), found {array.shape}"
        )
    if spec.datatype == "uint8":
        if array.dtype != np.uint8 and not _fits_uint8(array):
            raise ValueError(f"vector {vector_name!r}: expected whole numbers in 0..255")
        return array.astype(np.uint8, copy=False)
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"vector {vector_name!r}: expected finite numbers, found NaN or infinity")
    return array


def _fits_uint8(array: Vector) -> bool:
    return bool(((array >= 0) & (array <= 255) & (array == np.floor(array))).all())


def check_points(points: Sequence[Point], schema: CollectionSchema) -> list[Point]:
    """Return `points` with stored dtypes; of points with one id, only the last.

    Raises
    ------
    ValueError
        If an id is no UUID, a vector is not in the schema, or of another shape.
    StoreError
        If a payload could not be read back.
    """
    checked: dict[str, Point] = {}
    for point in points:
        point_id = str(uuid.UUID(point.point_id))
        check_payload(point_id, point.payload)
        vectors = {
            name: as_stored(vector, spec_of(schema, name), name)
            for name, vector in point.vectors.items()
        }
        checked.pop(point_id, None)
        checked[point_id] = Point(point_id, vectors, point.payload)
    return list(checked.values())


def check_payload(point_id: str, payload: Payload) -> None:
    """Raise StoreError if the database could not give `payload` back.

    The embedded engine would write it all the same, and then not open the collection again.
    """
    reason = why_unstorable(payload)
    if reason is None:
        return
    painting_id = payload.get("painting_id")
    known = painting_id if isinstance(painting_id, str) else None
    name = f"painting {shortened(known)!r}" if known else f"point {point_id}"
    raise StoreError(
        f"{name} cannot be stored: {reason}; nothing of its batch was written: change that in "
        "its metadata, or leave it out",
        painting_id=known,
    )


def spec_of(schema: CollectionSchema, vector_name: str) -> VectorSpec:
    """Return the spec of a named vector; UnknownVectorError with those that exist if unknown."""
    try:
        return schema.vectors[vector_name]
    except KeyError:
        known = listed(sorted(schema.vectors))
        raise UnknownVectorError(f"no vector named {vector_name!r}; there is: {known}") from None


def check_request(request: SearchRequest, schema: CollectionSchema) -> None:
    """Raise ValueError unless `request` can be answered by a collection of `schema`."""
    as_stored_query(request.vector, spec_of(schema, request.using), request.using)
    if request.limit < 1 or request.offset < 0:
        raise ValueError(
            f"expected limit of 1 or more and offset of 0 or more, "
            f"found limit={request.limit}, offset={request.offset}"
        )
    for name in request.with_vectors:
        spec_of(schema, name)
    if request.rescore is not None:
        second = request.rescore
        as_stored_query(second.vector, spec_of(schema, second.using), second.using)
        if second.depth < 1:
            raise ValueError(f"expected a rescoring depth of 1 or more, found {second.depth}")


def as_stored_query(vector: Vector, spec: VectorSpec, vector_name: str) -> Vector:
    """Return a query vector as float32; ValueError if its shape or a value is wrong."""
    return as_stored(vector, VectorSpec(spec.dim), vector_name)


def check_deletion(criteria: Criteria) -> None:
    """Raise ValueError if `criteria` would delete everything."""
    if not criteria.must and not criteria.must_not:
        raise ValueError("expected at least one condition on what to delete, found none")


def check_facet(field: str, schema: CollectionSchema, limit: int) -> None:
    """Raise ValueError unless the values of `field` can be counted."""
    if schema.payload_indexes.get(field) not in FACETED:
        countable = sorted(f for f, kind in schema.payload_indexes.items() if kind in FACETED)
        raise ValueError(
            f"the values of {field!r} cannot be counted; those of these fields can: "
            f"{', '.join(countable) or 'none'}"
        )
    if limit < 1:
        raise ValueError(f"expected a limit of 1 or more, found {limit}")


def missing_vectors(
    place: str, existing: Mapping[str, VectorSpec], wanted: Mapping[str, VectorSpec]
) -> dict[str, VectorSpec]:
    """Return what of `wanted` is not in `existing`.

    Raises
    ------
    SchemaMismatchError
        If a vector of the same name has another dimension, distance or datatype; the
        message lists every difference.
    """
    differences = [
        f"vector {name!r} has {what} {getattr(existing[name], what)}, "
        f"expected {getattr(spec, what)}"
        for name, spec in wanted.items()
        if name in existing
        for what in ("dim", "distance", "datatype")
        if getattr(existing[name], what) != getattr(spec, what)
    ]
    if differences:
        raise SchemaMismatchError(
            f"{place} was made with other settings: {'; '.join(differences)}. "
            "Use another gallery name, or delete this gallery and ingest again"
        )
    return {name: spec for name, spec in wanted.items() if name not in existing}


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
    return sorted(hits, key=rank_order)


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
