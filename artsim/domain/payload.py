"""The payload contract: the fields of a point, which other applications rely on.

Payloads are flat and snake_case. A field that is absent is unknown; no field is ever
``""``, ``None`` or an empty list.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

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
    "tags": "keyword",
    "face_count": "integer",
    "face_detector": "keyword",
    "face_encoders": "keyword",
    "extra": None,
}
"""Fields of a point in ``paintings``, each with its payload index (None: not indexed).

``face_count``, ``face_detector`` and ``face_encoders`` say whether and how the faces of
the painting were looked for; they are absent where nobody looked.
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

ATTRIBUTIONS: Final = (
    "by",
    "attributed",
    "workshop",
    "circle",
    "follower",
    "manner",
    "after",
    "unknown",
)
"""How a work is tied to the artist it names, nearest first."""

MAX_DEPTH: Final = 16
"""Most levels of lists and objects in each other. The embedded engine writes deeper values
than it can read: from 120 levels on it cannot open the collection again."""

MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of a payload as JSON; a server refuses requests over 32 MiB by default."""

_NAMESPACE: Final = uuid.UUID("6e464aee-97ad-5bad-802d-435252eb144e")
"""``uuid5(NAMESPACE_OID, "artsim")``, written out because point ids depend on it."""


def painting_point_id(painting_id: str) -> str:
    """Return the id of the painting's point: a UUIDv5 of `painting_id`."""
    return str(uuid.uuid5(_NAMESPACE, painting_id))


def face_point_id(painting_id: str, face_index: int) -> str:
    """Return the id of a face's point: a UUIDv5 of ``<painting_id>#face<face_index>``."""
    return str(uuid.uuid5(_NAMESPACE, f"{painting_id}#face{face_index}"))


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


def why_unstorable(payload: Mapping[str, object]) -> str | None:
    """Return what of a payload the database could not give back, in words; None if all is well.

    Refused are values nested deeper than `MAX_DEPTH`, whole numbers beyond 64 bits, texts that
    are not Unicode, and payloads of more than `MAX_PAYLOAD_BYTES`.
    """
    pending: list[tuple[str, object, int]] = [(name, payload[name], 1) for name in payload]
    while pending:
        name, value, depth = pending.pop()
        if isinstance(value, Mapping | list | tuple):
            if depth > MAX_DEPTH:
                return f"{name!r} is nested more than {MAX_DEPTH} levels deep"
            inner: Sequence[object] = list(value.values() if isinstance(value, Mapping) else value)
            pending += [(name, part, depth + 1) for part in inner]
        elif isinstance(value, int) and not -(2**63) <= value < 2**64:
            return f"{name!r} holds a whole number of more than 64 bits"
    try:
        size = len(json.dumps(payload, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return "a text in it is not Unicode: it holds half of a surrogate pair"
    if size > MAX_PAYLOAD_BYTES:
        return (
            f"its metadata has {size / 2**20:,.1f} MiB; at most "
            f"{MAX_PAYLOAD_BYTES >> 20} MiB are kept with a painting"
        )
    return None
