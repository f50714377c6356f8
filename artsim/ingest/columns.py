"""Which column of a manifest is which field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from artsim.errors import MetadataError

FIELD_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": (
        "image", "image_file", "image_path", "image_filename", "filename", "file_name", "file",
        "file_path", "path", "local_path", "picture", "img",
    ),
    "id": (
        "painting_id", "id", "object_id", "artwork_id", "work_id", "object_number",
        "accession_number", "inventory_number", "inventory_no", "inventory",
    ),
    "title": ("title", "object_title", "artwork_title", "titel", "titre", "titolo"),
    "artist": (
        "artist", "artist_name", "artist_display_name", "attribution", "painter", "creator",
        "author", "maker", "kunstler", "artiste", "auteur", "artista", "autore",
    ),
    "attribution": (
        "attribution_kind", "attribution_type", "attribution_qualifier", "artist_prefix",
        "artist_qualifier", "creator_qualifier", "attribution",
    ),
    "date_text": (
        "date_text", "date", "display_date", "object_date", "date_display", "dated", "dating",
        "creation_date", "date_created", "year", "datierung", "datation",
    ),
    "year_start": (
        "year_start", "begin_year", "start_year", "object_begin_date", "date_start",
        "earliest_date", "date_earliest", "year_from", "year",
    ),
    "year_end": (
        "year_end", "end_year", "object_end_date", "date_end", "latest_date", "date_latest",
        "year_to",
    ),
    "style": ("style", "styles", "movement", "art_movement"),
    "genre": ("genre", "genres", "object_genre"),
    "school": ("school", "nationality", "artist_nationality", "culture"),
    "medium": ("medium", "materials", "material", "medium_display", "technique"),
    "institution": (
        "institution", "museum", "repository", "holding_institution", "collection",
        "current_location", "owner",
    ),
    "width_cm": ("width_cm", "width_in_cm"),
    "height_cm": ("height_cm", "height_in_cm"),
    "rights": ("rights", "license", "licence", "copyright", "rights_statement"),
    "source": ("source", "data_source", "provider", "dataset"),
    "source_url": (
        "source_url", "object_url", "page_url", "web_page", "permalink", "url", "link",
    ),
    "tags": ("tags", "tag", "keywords", "keyword", "subjects", "subject"),
}  # fmt: skip
"""Names under which a field is recognized, the best first, whatever their case, spaces,
hyphens and underscores. ``width`` and ``height`` are nobody's: most files mean pixels."""

_ALIASES: Final = {"painting_id": "id", "date": "date_text", "tag": "tags"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one file, sorted out.

    Attributes
    ----------
    by_field : mapping of str to str
        Column of each field that has one.
    extra : tuple of str
        The other columns, in the file's order.
    """

    by_field: Mapping[str, str]
    extra: tuple[str, ...]


def resolve_columns(
    header: Sequence[str], column_map: Mapping[str, str] | None = None, *, place: str
) -> Columns:
    """Find the column of every field.

    Parameters
    ----------
    header : sequence of str
        The file's column names; columns without a name are left out.
    column_map : mapping of str to str, optional
        Field to column, where the recognized names will not do; ``""`` means that no
        column is that field.
    place : str
        The file, for messages.

    Raises
    ------
    MetadataError
        If `column_map` names a field or a column that does not exist; the message lists
        those that do.
    """
    named = [column for column in header if column]
    chosen = _mapped(named, column_map or {}, place)
    taken = {column for column in chosen.values() if column}
    by_norm = {_norm(column): column for column in reversed(named)}
    for field, names in FIELD_COLUMNS.items():
        if field in chosen:
            continue
        candidates = (by_norm.get(_norm(name)) for name in names)
        found = next((column for column in candidates if column and column not in taken), None)
        if found is not None:
            chosen[field] = found
            taken.add(found)
    by_field = {field: column for field, column in chosen.items() if column}
    return Columns(by_field, tuple(column for column in named if column not in taken))


def _mapped(header: Sequence[str], column_map: Mapping[str, str], place: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for given, column in column_map.items():
        field = _ALIASES.get(given, given)
        if field not in FIELD_COLUMNS:
            raise MetadataError(
                f"there is no field {given!r} to map a column to; "
                f"the fields are {', '.join(FIELD_COLUMNS)}"
            )
        chosen[field] = column if column in header else _like(header, column)
        if column and not chosen[field]:
            raise MetadataError(
                f"{place} has no column {column!r} to map to {field}; "
                f"its columns are {', '.join(header)}"
            )
    return chosen


def _like(header: Sequence[str], column: str) -> str:
    alike = [name for name in header if _norm(name) == _norm(column)]
    return alike[0] if column and len(alike) == 1 else ""


def _norm(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
