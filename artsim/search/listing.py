"""What a gallery holds, by filters alone."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.catalog.names import fold_text
from artsim.catalog.payload import Payload, field_values
from artsim.catalog.results import JSON, SCHEMA, plain_json
from artsim.errors import OptionError
from artsim.search.fields import EXTRA, find_field
from artsim.search.filters import Filters, build_criteria
from artsim.search.question import describe_criteria
from artsim.store.base import Collection, Record
from artsim.store.gallery import Gallery

_SHORT: Final[Mapping[str, str]] = {"date": "year_start", "year": "year_start", "id": "painting_id"}
"""Fields that people would call otherwise."""

_LONGEST_KEY: Final = 200
_PAGE: Final = 256

_Key: TypeAlias = tuple[Any, ...]


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
    kind : Kind
        What is listed.
    """

    points: tuple[Listed, ...]
    total: int
    settings: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kind: Kind = PAINTINGS

    @property
    def is_of_faces(self) -> bool:
        """Whether it lists faces rather than paintings."""
        return self.kind.name == FACES.name

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


def list_paintings(
    gallery: Gallery,
    filters: Filters | None = None,
    *,
    kind: Kind = PAINTINGS,
    limit: int = 50,
    offset: int = 0,
    sort: str = "year_start",
) -> Listing:
    """List the paintings that meet filters, or their faces; without filters all of them.

    Every point that meets the filters is read once, for what it is sorted by; in memory are
    `limit` and `offset` together.

    Parameters
    ----------
    gallery : Gallery
        From `open_gallery`.
    filters : Filters, optional
        What to list.
    kind : Kind
        What to list: ``FACES`` are listed each with its painting's metadata.
    limit, offset : int
        How many, after skipping how many.
    sort : str
        Field to sort by, texts without case and accents: ``year_start`` (also ``date``),
        ``artist``, ``title``, ``painting_id`` (``id``), ``extra.NAME``, … Where it is unknown
        comes last; equal ones are in order of year, then of id. Of a list the first
        value counts.

    Raises
    ------
    QueryError
        If the filters make no sense, or there is no such field.
    OptionError
        If `limit` is below 1 or `offset` below 0.
    """
    if limit < 1 or offset < 0:
        raise OptionError(f"limit must be at least 1 and offset 0, not {limit} and {offset}")
    collection = gallery[kind]
    criteria, notes = build_criteria(filters or Filters(), collection)
    field = find_field(_SHORT.get(sort, sort), collection)
    needed = {"extra" if field.startswith(EXTRA) else field, "year_start", "painting_id"}
    needed |= set() if kind.is_whole else {kind.index_field}
    found = collection.scroll(criteria, payload_fields=sorted(needed))
    keys = heapq.nsmallest(offset + limit, (_key(record, field, kind) for record in found))
    return Listing(
        points=tuple(_read([str(key[-1]) for key in keys[offset:]], collection)),
        total=collection.count(criteria),
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "criteria": describe_criteria(criteria),
            "faces": kind.name == FACES.name,
            "limit": limit,
            "offset": offset,
            "sort": field,
        },
        notes=tuple(notes),
        kind=kind,
    )


def _key(record: Record, field: str, kind: Kind) -> _Key:
    """Return what a point is sorted by, its id last: numbers, then texts, then unknown."""
    payload = record.payload
    value = next(iter(field_values(payload, field)), None)
    if isinstance(value, (int, float)):
        of_field: _Key = (0, value, "")
    elif value is None:
        of_field = (2, 0, "")
    else:
        of_field = (1, 0, fold_text(str(value)[:_LONGEST_KEY]))
    year = payload.get("year_start")
    ties = (
        year is None,
        year or 0,
        payload.get("painting_id", ""),
        payload.get(kind.index_field, 0),
    )
    return *of_field, *ties, record.point_id


def _read(point_ids: list[str], collection: Collection) -> Iterator[Listed]:
    for start in range(0, len(point_ids), _PAGE):
        records = collection.retrieve(point_ids[start : start + _PAGE])
        yield from (Listed(record.point_id, record.payload) for record in records.values())
