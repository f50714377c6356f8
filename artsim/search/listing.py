"""What a gallery holds, by filters alone."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from artsim.catalog.names import fold_text
from artsim.catalog.payload import field_value
from artsim.catalog.results import Listed, Listing
from artsim.errors import OptionError
from artsim.search.describe import describe_criteria
from artsim.search.fields import EXTRA, find_field
from artsim.search.filters import Filters, build_criteria
from artsim.store.base import Collection, Record
from artsim.store.gallery import Gallery

_SHORT: Final[Mapping[str, str]] = {"date": "year_start", "year": "year_start", "id": "painting_id"}
"""Fields that people would call otherwise."""

_LONGEST_KEY: Final = 200
_PAGE: Final = 256

_Key: TypeAlias = tuple[Any, ...]


def list_paintings(
    gallery: Gallery,
    filters: Filters | None = None,
    *,
    faces: bool = False,
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
    faces : bool
        List faces, each with its painting's metadata.
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
    collection = gallery.faces if faces else gallery.paintings
    criteria, notes = build_criteria(filters or Filters(), collection)
    field = find_field(_SHORT.get(sort, sort), collection)
    needed = {"extra" if field.startswith(EXTRA) else field, "year_start", "painting_id"}
    needed |= {"face_index"} if faces else set()
    found = collection.scroll(criteria, payload_fields=sorted(needed))
    keys = heapq.nsmallest(offset + limit, (_key(record, field) for record in found))
    return Listing(
        points=tuple(_read([str(key[-1]) for key in keys[offset:]], collection)),
        total=collection.count(criteria),
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "criteria": describe_criteria(criteria),
            "faces": faces,
            "limit": limit,
            "offset": offset,
            "sort": field,
        },
        notes=tuple(notes),
    )


def _key(record: Record, field: str) -> _Key:
    """Return what a point is sorted by, its id last: numbers, then texts, then unknown."""
    payload = record.payload
    value = field_value(payload, field)
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, (int, float)):
        of_field: _Key = (0, value, "")
    elif value is None:
        of_field = (2, 0, "")
    else:
        of_field = (1, 0, fold_text(str(value)[:_LONGEST_KEY]))
    year = payload.get("year_start")
    ties = (year is None, year or 0, payload.get("painting_id", ""), payload.get("face_index", 0))
    return *of_field, *ties, record.point_id


def _read(point_ids: list[str], collection: Collection) -> Iterator[Listed]:
    for start in range(0, len(point_ids), _PAGE):
        records = collection.retrieve(point_ids[start : start + _PAGE])
        yield from (Listed(record.point_id, record.payload) for record in records.values())
