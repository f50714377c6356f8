"""How a source's metadata is understood, before anything of it goes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from artsim.catalog.payload import Payload
from artsim.ingest.columns import Columns
from artsim.ingest.source_types import Source, SourcePainting

SHOWN_ROWS: Final = 3
_SHOWN_TEXTS: Final = 3
_FROM_COLUMN: Final = {
    "artist": "artist, artist_key, attribution",
    "attribution_suffix": "attribution",
    "date_text": "date_text, year_start, year_end",
    "dimensions": "height_cm, width_cm, extra",
}


@dataclass(frozen=True, slots=True)
class Understanding:
    """What becomes of a file of metadata.

    Attributes
    ----------
    fields : mapping of str to str
        What each column that is known becomes, in the fields of a painting.
    extra : tuple of str
        The columns that go to ``extra``.
    paintings : int
        Paintings that the source names; bad rows are not counted.
    rows : tuple of dict
        The payloads of the first of them.
    not_understood : mapping of str to Counter
        Texts by kind (dates, artists, sizes) from which no year, artist or size was read,
        with how many paintings have each.
    """

    fields: Mapping[str, str]
    extra: tuple[str, ...]
    paintings: int
    rows: tuple[Payload, ...]
    not_understood: Mapping[str, Counter[str]]

    def lines(self) -> list[str]:
        """Return all of it in words, a line each."""
        lines = [f"{column} -> {fields}" for column, fields in self.fields.items()]
        if self.extra:
            lines.append(f"{', '.join(self.extra)} -> extra")
        lines += [f"{row['painting_id']}: {_in_words(row)}" for row in self.rows]
        for kind, texts in self.not_understood.items():
            if texts:
                some = ", ".join(f"{text[:60]!r}" for text, _ in texts.most_common(_SHOWN_TEXTS))
                more = ", ..." if len(texts) > _SHOWN_TEXTS else ""
                lines.append(f"{texts.total()} of {self.paintings} without {kind}: {some}{more}")
        return lines


def understand_metadata(source: Source) -> Understanding | None:
    """Read a source's metadata through; None if it has none. No picture is opened."""
    columns = source.columns
    if columns is None:
        return None
    rows: list[Payload] = []
    missed: dict[str, Counter[str]] = {kind: Counter() for kind in _TEXTS}
    paintings = 0
    for entry in source:
        if not isinstance(entry, SourcePainting):
            continue
        paintings += 1
        if len(rows) < SHOWN_ROWS and len(entry.payload) > 2:
            rows.append(entry.payload)
        for kind in _TEXTS:
            if text := _not_understood(entry.payload, kind, columns):
                missed[kind][text] += 1
    known = {
        column: _FROM_COLUMN.get(field, field)
        for field, column in sorted(columns.by_field.items(), key=lambda item: item[1])
    }
    return Understanding(known, columns.extra, paintings, tuple(rows), missed)


_TEXTS: Final = {"a year": "date_text", "an artist": "artist", "a size": "dimensions"}


def _not_understood(payload: Payload, kind: str, columns: Columns) -> str | None:
    """Return the text of a payload from which nothing could be read."""
    text: Any
    if kind == "a year":
        text = None if "year_start" in payload else payload.get("date_text")
    elif kind == "an artist":
        text = None if "artist_key" in payload else payload.get("artist")
    else:
        column = columns.by_field.get("dimensions", "")
        is_read = "height_cm" in payload or "width_cm" in payload
        text = None if is_read else payload.get("extra", {}).get(column)
    return None if text is None else str(text)


def _in_words(payload: Payload) -> str:
    parts = [str(payload["title"])] if "title" in payload else []
    if "artist" in payload:
        key = payload.get("artist_key")
        read = f"{payload['attribution']} {key}" if key else str(payload["attribution"])
        parts.append(f"{payload['artist']} = {read}")
    if "date_text" in payload or "year_start" in payload:
        has_years = "year_start" in payload
        years = f"{payload['year_start']}..{payload['year_end']}" if has_years else "no year"
        parts.append(f"{payload.get('date_text', '')} = {years}".strip())
    if "height_cm" in payload or "width_cm" in payload:
        height, width = (f"{payload.get(side, '?')}" for side in ("height_cm", "width_cm"))
        parts.append(f"{height} x {width} cm")
    return "; ".join(parts) or "nothing but its picture"
