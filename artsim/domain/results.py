"""What a query answers: the hits, and all that is needed to show what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from artsim.domain.faces import Box
from artsim.domain.hits import Hit
from artsim.domain.payload import Payload

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""Value that JSON can hold."""


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
    """A picture that the query was to be like, or unlike."""

    path: Path
    role: Literal["like", "unlike"]


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
    query_image : Path or None
        Picture that stands for the query on a contact sheet.
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
    """

    hits: list[Hit]
    query: Mapping[str, JSON] = field(default_factory=dict)
    settings: Mapping[str, JSON] = field(default_factory=dict)
    query_image: Path | None = None
    query_payload: Payload | None = None
    query_faces: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    groups: tuple[HitGroup, ...] = ()

    @property
    def is_of_faces(self) -> bool:
        """Whether the hits are faces rather than whole pictures."""
        return bool(self.query.get("faces")) or any("face_index" in h.payload for h in self.hits)

    @property
    def first_rank(self) -> int:
        """Rank of the first hit: 1, or more after an offset."""
        offset = self.settings.get("offset")
        return 1 + (offset if isinstance(offset, int) else 0)
