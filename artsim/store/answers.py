"""What either engine answers, as artsim's values."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

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
    sign = _sign(request, schema)
    return float(np.nextafter(np.float32(sign * request.min_score), np.float32(-sign * np.inf)))


def _sign(request: SearchRequest, schema: CollectionSchema) -> float:
    return -1.0 if schema.vectors[request.last.using].distance == "euclid" else 1.0


def to_hits(scored: Iterable[Any], request: SearchRequest, schema: CollectionSchema) -> list[Hit]:
    """Return scored points as hits, by falling score, equal scores by painting id.

    ValueError if a score or vector is no number, or too large a one.
    """
    points = list(scored)
    with np.errstate(over="ignore"):
        # In the engine's precision, whatever carried them; plus zero makes no minus zero.
        scores = np.array([point.score for point in points], np.float32)
        scores = _sign(request, schema) * scores + np.float32(0)
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number, or too large a one")
    records = to_records(points, request.with_vectors, schema)
    hits = [
        Hit(record.point_id, score, record.payload, record.vectors)
        for record, score in zip(records, scores.tolist(), strict=True)
    ]
    if request.min_score is not None:
        least = float(np.float32(request.min_score))
        hits = [hit for hit in hits if hit.score >= least]
    return sorted(hits, key=rank_order)


def to_records(
    found: Iterable[Any], names: Sequence[str], schema: CollectionSchema
) -> list[Record]:
    """Return points as they were read, with those of the named vectors that they have.

    These are float32, or uint8 for pixels and points. ValueError if one has another length than
    its schema says, or holds NaN or infinity.
    """
    records = []
    for point in found:
        raw = point.vector or {}
        vectors = {
            name: _to_array(raw[name], schema.vectors[name]) for name in names if name in raw
        }
        records.append(Record(str(point.id), vectors, dict(point.payload or {})))
    return records


def _to_array(numbers: Sequence[Any] | Vector, spec: VectorSpec) -> Vector:
    if isinstance(numbers, np.ndarray):
        return numbers
    if spec.many:
        if not numbers or any(len(row) != spec.dim for row in numbers):
            raise ValueError(f"no rows of {spec.dim} numbers")
        flat = VectorSpec(len(numbers) * spec.dim, spec.distance, spec.datatype)
        return _to_array([*chain.from_iterable(numbers)], flat).reshape(-1, spec.dim)
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


# --- of a server, as JSON ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JsonPoint:
    """A point as JSON has it, under the names that the embedded engine gives its parts."""

    id: Any
    score: Any
    payload: Any
    vector: Any


_COMMA: Final = np.uint8((ord(",") - ord("0")) % 256)  # as which a digit a comma is read


def to_points(found: Iterable[Any]) -> list[JsonPoint]:
    """Return points that JSON was read to."""
    return [JsonPoint(p["id"], p.get("score"), p.get("payload"), p.get("vector")) for p in found]


def load_result(content: bytes, names: Sequence[str], schema: CollectionSchema) -> Any:
    """Return the ``result`` of an answer; vectors of whole numbers among `names` may be arrays.

    ValueError, TypeError or LookupError if it is none.
    """
    whole = {name: spec for name in names if (spec := schema.vectors[name]).datatype == "uint8"}
    # Where there are several, the longest.
    name = max(whole, key=lambda name: whole[name].many, default=None)
    found = None if name is None else _load_with_arrays(content, name, whole[name])
    return orjson.loads(content)["result"] if found is None else found


def _load_with_arrays(content: bytes, name: str, spec: VectorSpec) -> Any:
    """Return the result with arrays for the vectors of that name; None where they are not plain.

    They are cut out of the text, which then is short, and put back in its place.
    """
    begin, stop = b'"%b":[' % name.encode(), b"]"
    if spec.many:
        begin, stop = begin + b"[", b"]]"
    rest: list[bytes] = []
    rows: list[Vector] = []
    at = 0
    while (start := content.find(begin, at)) >= 0:
        end = content.find(stop, start)
        row = _read_whole_numbers(content[start + len(begin) : end], spec)
        if row is None:
            return None
        rest += [content[at : start + len(begin) - len(stop)], b"%d" % len(rows)]
        rows.append(row)
        at = end + len(stop)
    result = orjson.loads(b"".join([*rest, content[at:]]))["result"]
    groups = result if isinstance(result, list) else [result]
    points = [point for group in groups for point in group.get("points", [group])]
    vectors = [point["vector"] for point in points if name in (point.get("vector") or ())]
    if len(vectors) != len(rows):  # something else of that name, as in a payload
        return None
    for vector in vectors:
        vector[name] = rows[vector[name]]
    return result


def _read_whole_numbers(text: bytes, spec: VectorSpec) -> npt.NDArray[np.uint8] | None:
    """Return the numbers of a vector from ``1.0,23.0,255.0``, of many rows with ``],[`` between.

    None if it is none of so many. A third of the time that it takes to read them as any JSON and
    to make an array of that. The digit behind a point is taken for 0, as it is of what is stored
    as whole numbers.
    """
    count = text.count(b"],[") + 1 if spec.many else 1
    text = text.replace(b"],[", b",") if spec.many else text
    text = b"0," + text  # so that a comma, or a digit and a comma, is before each below 100
    codes = np.frombuffer(text, np.uint8)
    points = np.flatnonzero(codes == ord("."))
    if len(points) != count * spec.dim or codes.min() < ord(",") or codes.max() > ord("9"):
        return None
    digits = codes - np.uint8(ord("0"))
    ones, tens, hundreds = (digits.take(points - place) for place in (1, 2, 3))
    has_tens = tens != _COMMA
    has_hundreds = has_tens & (hundreds != _COMMA)
    values = (hundreds * has_hundreds).astype(np.uint16) * 100
    values += tens * has_tens * np.uint8(10)
    values += ones
    length = 4 * len(points) + 1 + np.count_nonzero(has_tens) + np.count_nonzero(has_hundreds)
    if len(text) != length or values.max() > 255 or b"-" in text or b"/" in text:
        return None
    numbers: npt.NDArray[np.uint8] = values.astype(np.uint8)
    return numbers.reshape(count, spec.dim) if spec.many else numbers
