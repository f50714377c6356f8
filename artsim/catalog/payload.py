"""The payload contract: fields of a point, which other applications rely on, and criteria of them.

Payloads are flat and snake_case. A field that is absent is unknown; no field is ever
``""``, ``None`` or an empty list.
"""

from __future__ import annotations

import json
import math
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

Payload: TypeAlias = dict[str, Any]
"""JSON-like metadata of a point."""

IndexKind = Literal["keyword", "text", "integer", "float"]

PAINTING_FIELDS: Final[Mapping[str, IndexKind | None]] = {
    "painting_id": "keyword",
    "title": "text",
    "artist": "keyword",
    "artist_key": "keyword",
    "attribution": "keyword",
    "date_text": None,
    "year_start": "integer",
    "year_end": "integer",
    "style": "keyword",
    "genre": "keyword",
    "school": "keyword",
    "medium": "keyword",
    "institution": "keyword",
    "width_cm": "float",
    "height_cm": "float",
    "rights": "keyword",
    "source": "keyword",
    "source_url": None,
    "image_uri": "keyword",
    "image_sha256": "keyword",
    "image_width": "integer",
    "image_height": "integer",
    "ingested_from": "keyword",
    "video_uri": "keyword",
    "time_start": "float",
    "time_end": "float",
    "tags": "keyword",
    "face_count": "integer",
    "face_detector": "keyword",
    "face_encoders": "keyword",
    "point_detector": "keyword",
    "extra": None,
}
"""Fields of a point in ``paintings``, each with its payload index (None: not indexed).

``face_count``, ``face_detector`` and ``face_encoders`` say whether and how the faces of
the painting were looked for; they are absent where nobody looked, as ``point_detector`` is,
which says how its local points were found. ``ingested_from`` is the
``file://`` address of the folder or manifest that the painting came from last; points of an
artsim that did not note it lack it until they are ingested again. ``video_uri``, ``time_start``
and ``time_end`` are of frames alone: the film's address, and the seconds of it that the frame
stands for.
"""

FACE_FIELDS: Final[Mapping[str, IndexKind | None]] = {
    **PAINTING_FIELDS,
    "face_index": "integer",
    "box": None,
    "landmarks": None,
    "detection_score": "float",
    "face_size": "integer",
}
"""Fields of a point in ``faces``: its painting's, and the face's own."""

LIST_FIELDS: Final = frozenset({"style", "genre", "tags", "face_encoders"})
"""Fields whose value is a list of strings."""

AttributionKind = Literal[
    "by", "attributed", "workshop", "circle", "follower", "manner", "after", "unknown"
]
"""How a work is tied to the artist it names, nearest first."""

ATTRIBUTIONS: Final[tuple[AttributionKind, ...]] = get_args(AttributionKind)

MAX_DEPTH: Final = 64
"""Most levels of lists and objects in each other.

The embedded engine writes what it cannot read: with 123 levels it does not open the collection
again (its log is CBOR, read with a limit of 128; measured with qdrant-edge 0.9). A server reads
JSON with the same limit. Half of it leaves room for what wraps a payload on its way."""

MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
"""Most bytes of a payload as JSON: as much as a line of a manifest may have. The embedded
engine gave back one of 70 MB; a server refuses requests over 32 MiB by default."""

NAMESPACE: Final = uuid.UUID("6e464aee-97ad-5bad-802d-435252eb144e")
"""``uuid5(NAMESPACE_OID, "artsim")``, written out because point ids depend on it."""


def painting_point_id(painting_id: str) -> str:
    """Return the id of the painting's point: a UUIDv5 of `painting_id`."""
    return str(uuid.uuid5(NAMESPACE, unicode_text(painting_id)))


def unicode_text(text: str) -> str:
    """Return a text that Unicode can hold: halves of surrogate pairs as their escapes.

    No payload has such halves; those of command lines and requests are to be found nowhere.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def field_value(payload: Mapping[str, Any], field: str) -> Any:
    """Return a field's value, ``extra.NAME`` for one of `extra`; None where it is unknown.

    Of `extra` a key of the whole NAME counts first, then the value that its parts between
    dots lead to.
    """
    name = field.removeprefix("extra.")
    extra = payload.get("extra")
    if name == field or not isinstance(extra, Mapping):
        return payload.get(field)
    if name in extra:
        return extra[name]
    value: Any = extra
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def stored_field(field: str) -> str:
    """Return the field by which values are told apart: artists by their key, however written."""
    return "artist_key" if field == "artist" else field


def field_values(payload: Mapping[str, Any], field: str) -> list[Any]:
    """Return the values of a field, the elements of a list; [] where it is unknown."""
    value = field_value(payload, field)
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def first_text(payload: Mapping[str, Any], field: str) -> str | None:
    """Return a field's value as text, of a list the first; None where it is unknown."""
    values = field_values(payload, field)
    return None if not values or values[0] is None else str(values[0])


def most_written(texts: Iterable[str]) -> str:
    """Return the text that occurs most often, of equally frequent ones the first by alphabet."""
    counts = Counter(texts)
    return min(counts, key=lambda text: (-counts[text], text))


def why_unstorable(payload: Mapping[str, object]) -> str | None:
    """Return what of a payload the database could not give back, in words; None if all is well.

    Refused are values nested deeper than `MAX_DEPTH`, whole numbers beyond 64 bits, which would
    come back rounded, numbers that are none or infinite, texts that are not Unicode, values and
    keys that JSON does not have, and payloads of more than `MAX_PAYLOAD_BYTES`.
    """
    pending: list[tuple[str, object, int]] = [("it", payload, 0)]
    while pending:
        name, value, depth = pending.pop()
        wrong: str | None = None
        if isinstance(value, Mapping | list | tuple):
            if depth > MAX_DEPTH:
                return f"{name} is nested more than {MAX_DEPTH} levels deep"
            if isinstance(value, Mapping):
                wrong = next((f"the key {k!r}" for k in value if not isinstance(k, str)), None)
                # Of the fields that a source has and artsim does not know, the source's own name.
                is_own = depth == 0 or name == "'extra'"
                pending += [
                    (repr(key)[:80] if is_own else name, part, depth + 1)
                    for key, part in value.items()
                ]
            else:
                pending += [(name, part, depth + 1) for part in value]
        else:
            wrong = _wrong_scalar(value)
        if wrong is not None:
            return f"{name} holds {wrong}"
    try:
        size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        return "a text in it is not Unicode: it holds half of a surrogate pair"
    if size > MAX_PAYLOAD_BYTES:
        most = f"at most {MAX_PAYLOAD_BYTES >> 20} MiB are kept with a painting"
        return f"its metadata has {size / 2**20:,.1f} MiB; {most}"
    return None


def _wrong_scalar(value: object) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value}, which is no number"
    if isinstance(value, int):
        fits = -(2**63) <= value < 2**64
        return None if fits else "a whole number of more than 64 bits"
    if value is None or isinstance(value, str):
        return None
    return f"a value of the type {type(value).__name__}, which JSON does not have"


# --- criteria: filters over payloads, independent of any database ------------------------

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field, or one of its values if it is a list, equals one of `values`."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field's number lies in ``least..most``, both included; None is open."""

    field: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of `text` occurs in the field, whatever its case and accents."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """The field is present."""

    field: str


@dataclass(frozen=True, slots=True)
class HasVector:
    """The point has a vector of that name."""

    vector_name: str


@dataclass(frozen=True, slots=True)
class Shows:
    """The point is one of `point_ids`: those that show `people`, as a file names them."""

    people: tuple[str, ...]
    point_ids: tuple[str, ...]


Condition: TypeAlias = AnyOf | Between | Words | Known | HasVector | Shows


@dataclass(frozen=True, slots=True)
class Criteria:
    """Points that meet all of `must` and none of `must_not`; empty: every point."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    def __and__(self, other: Criteria) -> Criteria:
        """Return the criteria that hold where both do."""
        return Criteria(self.must + other.must, self.must_not + other.must_not)


def overlaps_years(first: int | None, last: int | None) -> tuple[Condition, ...]:
    """Return the conditions that a work's ``year_start..year_end`` overlaps ``first..last``."""
    conditions: list[Condition] = []
    if last is not None:
        conditions.append(Between("year_start", most=last))
    if first is not None:
        conditions.append(Between("year_end", least=first))
    return tuple(conditions)


EVERYTHING = Criteria()
"""Criteria that every point meets."""
