"""What a query answers: the hits, and all that is needed to show what was asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from artsim.catalog.arrays import RGBImage
from artsim.catalog.faces import Box
from artsim.catalog.hits import Hit
from artsim.catalog.payload import Payload

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""Value that JSON can hold."""

SCHEMA: Final = 1
"""Version of the forms for programs; it changes only when a program would have to."""

PictureSource: TypeAlias = Path | bytes | RGBImage
"""A picture's file, what is in one, or its pixels."""


class Note(str):
    """A remark for the user, with the command or option that goes on from it.

    Parameters
    ----------
    text : str
        The remark, in words that hold in Python as on the command line.
    hint : str
        Such as ``--attribution by``; the command line prints it in brackets behind.
    """

    __slots__ = ("hint",)
    hint: str

    def __new__(cls, text: str, *, hint: str = "") -> Note:
        """Return `text` with the hint."""
        note = super().__new__(cls, text)
        note.hint = hint
        return note

    @property
    def with_hint(self) -> str:
        """The remark as the command line shows it."""
        return f"{self} ({self.hint})" if self.hint else str(self)


@dataclass(frozen=True, slots=True)
class QueryFace:
    """One face of the query picture.

    Attributes
    ----------
    index : int
        Its number, to which `Hit.query_face` refers.
    box : Box
        In pixels of the upright query picture at its full size.
    score : float
        The detector's confidence, in 0..1.
    """

    index: int
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that the query was to be like, or unlike.

    Attributes
    ----------
    image : Path, bytes, ndarray or None
        The picture, where it was not named by its id.
    role : {"like", "unlike"}
        What it was for.
    payload : dict or None
        Its metadata, where it is one of the gallery.
    """

    image: PictureSource | None = field(repr=False, compare=False)
    role: Literal["like", "unlike"]
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class HitGroup:
    """The hits that share a value of the field they were grouped by, best first."""

    value: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, with the query and the settings that led to them.

    Attributes
    ----------
    hits : list of Hit
        Best first; where there are groups, group after group.
    query : mapping
        What was asked: ``image`` (a path), ``id``, ``text``, or ``like`` and ``unlike``
        (lists of paths or ids); ``faces`` is true where faces were searched.
    settings : mapping
        How it was answered: ``gallery``, ``encoders``, ``criteria``, ``limit``,
        ``offset``, ``rerank``, ``group_by``, … Unset ones are absent or None.
    query_image : Path, bytes, ndarray or None
        The query picture, where it was not named by its id.
    query_payload : dict or None
        Metadata of the query painting, where it is one of the gallery.
    query_faces : tuple of QueryFace
        Faces of the query picture that were searched by.
    examples : tuple of Example
        Pictures given as ``like`` and ``unlike``.
    notes : tuple of str
        Remarks for the user, such as how an artist's name was understood.
    groups : tuple of HitGroup
        The same hits by group; empty where they were not grouped.
    left_out : tuple of dict
        Metadata of the paintings that are the very file that was searched by, and were
        left out for that.
    why_empty : str
        Why there are no hits, in words; "" where there are.
    """

    hits: list[Hit]
    query: Mapping[str, JSON] = field(default_factory=dict)
    settings: Mapping[str, JSON] = field(default_factory=dict)
    query_image: PictureSource | None = field(default=None, repr=False, compare=False)
    query_payload: Payload | None = None
    query_faces: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    groups: tuple[HitGroup, ...] = ()
    left_out: tuple[Payload, ...] = ()
    why_empty: str = ""

    @property
    def is_of_faces(self) -> bool:
        """Whether the hits are faces rather than whole pictures."""
        return bool(self.query.get("faces")) or any("face_index" in h.payload for h in self.hits)

    @property
    def score_name(self) -> str:
        """What a hit's score is: a cosine, or of several encoders a sum of reciprocal ranks."""
        encoders = self.settings.get("encoders")
        return "rrf" if isinstance(encoders, list) and len(encoders) > 1 else "score"

    @property
    def first_rank(self) -> int:
        """Rank of the first hit: 1, or more after an offset."""
        offset = self.settings.get("offset")
        return 1 + (offset if isinstance(offset, int) else 0)

    def ranked(self) -> Iterator[tuple[int, Hit, str | None]]:
        """Yield each hit with its rank and the value of its group."""
        groups = [group.value for group in self.groups for _ in group.hits]
        for row, hit in enumerate(self.hits):
            yield self.first_rank + row, hit, groups[row] if row < len(groups) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as ``artsim query --format json`` writes it: see docs/output.md.

        Fields are added within one `SCHEMA`, never renamed, removed or given another meaning.
        """
        document: dict[str, object] = {
            "schema": SCHEMA,
            "query": self.query,
            "settings": {name: v for name, v in self.settings.items() if v is not None},
            "notes": self.notes,
        }
        if self.is_of_faces:
            document["query_faces"] = [
                {
                    "index": face.index,
                    "box": [face.box.x, face.box.y, face.box.width, face.box.height],
                    "score": face.score,
                }
                for face in self.query_faces
            ]
        if self.left_out:
            document["left_out"] = [payload["painting_id"] for payload in self.left_out]
        if self.why_empty:
            document["why_empty"] = self.why_empty
        document["hits"] = [hit.to_dict(rank, group) for rank, hit, group in self.ranked()]
        found: dict[str, Any] = plain_json(document)
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """One painting, or face, of a list: its point's id and payload."""

    point_id: str
    payload: Payload

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md: a hit without rank and score."""
        return {
            "painting_id": str(self.payload["painting_id"]),
            "point_id": self.point_id,
            "payload": self.payload,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Paintings or faces that meet filters, in an order that knows no likeness.

    Attributes
    ----------
    points : tuple of Listed
        In order.
    total : int
        How many there are, with those before the offset and behind the limit.
    settings : mapping
        ``gallery``, ``location``, ``criteria``, ``faces``, ``limit``, ``offset``, ``sort``.
    notes : tuple of str
        Remarks for the user, such as how an artist's name was understood.
    """

    points: tuple[Listed, ...]
    total: int
    settings: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_of_faces(self) -> bool:
        """Whether it lists faces rather than paintings."""
        return bool(self.settings.get("faces"))

    def to_dict(self) -> dict[str, Any]:
        """Return the list as ``artsim list --format json`` writes it: see docs/output.md."""
        document = {
            "schema": SCHEMA,
            "settings": {name: v for name, v in self.settings.items() if v is not None},
            "notes": self.notes,
            "total": self.total,
            "points": [point.to_dict() for point in self.points],
        }
        found: dict[str, Any] = plain_json(document)
        return found


def plain_json(value: object) -> Any:
    """Return `value` as strict JSON holds it, copied.

    Numbers and arrays of NumPy become plain ones, numbers that JSON lacks (NaN and the
    infinities) None, lone surrogates question marks, and anything unknown its ``str``.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain_json(str(name))): plain_json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(part) for part in value]
    # An array or scalar of NumPy, known by its method so that NumPy need not be imported.
    to_list = getattr(value, "tolist", None)
    return plain_json(to_list() if callable(to_list) else str(value))
