"""What either engine answers, as artsim's values."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def _to_array(numbers: Sequence[float] | Vector, spec: VectorSpec) -> Vector:
    if isinstance(numbers, np.ndarray):
        return numbers
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


def to_points(found: Iterable[Any]) -> list[JsonPoint]:
    """Return points that JSON was read to."""
    return [JsonPoint(p["id"], p.get("score"), p.get("payload"), p.get("vector")) for p in found]


def load_result(content: bytes, names: Sequence[str], schema: CollectionSchema) -> Any:
    """Return the ``result`` of an answer; vectors of whole numbers among `names` may be arrays.

    ValueError, TypeError or LookupError if it is none.
    """
    whole = [name for name in names if schema.vectors[name].datatype == "uint8"]
    found = _load_with_arrays(content, whole[0], schema.vectors[whole[0]].dim) if whole else None
    return orjson.loads(content)["result"] if found is None else found


def _load_with_arrays(content: bytes, name: str, dim: int) -> Any:
    """Return the result with arrays for the vectors of that name; None where they are not plain.

    They are cut out of the text, which then is short, and put back in its place.
    """
    begin = b'"%b":[' % name.encode()
    rest: list[bytes] = []
    texts: list[bytes] = []
    at = 0
    while (start := content.find(begin, at)) >= 0:
        end = content.find(b"]", start)
        rest += [content[at : start + len(begin) - 1], b"%d" % len(texts)]
        texts.append(content[start + len(begin) : end])
        at = end + 1
    rows = _read_whole_numbers(texts, dim)
    if rows is None:
        return None
    result = orjson.loads(b"".join([*rest, content[at:]]))["result"]
    groups = result if isinstance(result, list) else [result]
    points = [point for group in groups for point in group.get("points", [group])]
    vectors = [point["vector"] for point in points if name in (point.get("vector") or ())]
    if len(vectors) != len(texts):  # something else of that name, as in a payload
        return None
    for vector in vectors:
        vector[name] = rows[vector[name]]
    return result


def _read_whole_numbers(texts: Sequence[bytes], dim: int) -> npt.NDArray[np.uint8] | None:
    """Return rows of numbers from texts such as ``1.0,23.0``; None if they are written otherwise.

    A fifth of the time that it takes to read them as any JSON and to make arrays of that.
    """
    text = np.frombuffer(b"0," + b",".join(texts), np.uint8)
    points = np.flatnonzero(text == ord("."))
    if not texts or len(points) != dim * len(texts):
        return None
    # Of a number below 100 a comma stands before its digits, which is -4 of them.
    comma = np.uint8((ord(",") - ord("0")) % 256)
    ones, tens, hundreds = (text.take(points - place) - np.uint8(ord("0")) for place in (1, 2, 3))
    has_tens = tens != comma
    has_hundreds = has_tens & (hundreds != comma)
    tens *= has_tens
    hundreds *= has_hundreds
    length = has_tens.astype(np.intp) + has_hundreds + 1
    values = ones + np.uint16(10) * tens + np.uint16(100) * hundreds
    ends = np.cumsum([len(one) + 1 for one in texts]) + 1
    if (
        max(ones.max(), tens.max()) <= 9
        and values.max() <= 255
        and points[0] == length[0] + 2
        and (np.diff(points) == length[1:] + 3).all()
        and (text.take(points - length - 1) == ord(",")).all()
        and (text.take(points[:-1] + 1) == ord("0")).all()
        and (points[dim - 1 :: dim] + 2 == ends).all()
        and text[-1] == ord("0")
    ):
        rows: npt.NDArray[np.uint8] = values.astype(np.uint8).reshape(-1, dim)
        return rows
    return None
