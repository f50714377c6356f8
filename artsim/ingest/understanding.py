"""How a source's metadata is understood, before anything of it is ingested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from artsim.catalog.payload import Payload
from artsim.ingest.columns import Columns
from artsim.ingest.records import Manifest, Problem, Row, Source
from artsim.ingest.row_payload import as_text, clean

_SHOWN_ROWS: Final = 3
_SHOWN_TEXTS: Final = 3
_SHOWN_PROBLEMS: Final = 20
_ROWS_OF_EXAMPLES: Final = 200
_LONGEST_EXAMPLE: Final = 200

_FROM_COLUMN: Final = {
    "artist": "artist, artist_key, attribution",
    "attribution_suffix": "attribution",
    "date_text": "date_text, year_start, year_end",
    "dimensions": "height_cm, width_cm, extra",
}


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a source comes to by its metadata; no picture was opened.

    Attributes
    ----------
    pictures, described, failed : int
        Paintings, those of them that the metadata says anything of, and rows or files that are
        none; of these the first are `problems`.
    rows : tuple of dict
        Payloads of the first paintings that were described.
    missed : mapping of str to Counter
        Texts from which nothing could be read, by what is not there: ``year``, ``artist``,
        ``size``.
    """

    pictures: int
    described: int
    failed: int
    problems: tuple[Problem, ...]
    rows: tuple[Payload, ...]
    missed: Mapping[str, Counter[str]]


def understand(source: Source) -> Understanding:
    """Read a source through."""
    columns = source.columns or Columns({}, ())
    rows: list[Payload] = []
    problems: list[Problem] = []
    missed: dict[str, Counter[str]] = {"year": Counter(), "artist": Counter(), "size": Counter()}
    pictures = described = failed = 0
    for entry in source:
        if isinstance(entry, Problem):
            failed += 1
            problems += [entry] if failed <= _SHOWN_PROBLEMS else []
            continue
        pictures += 1
        described += (is_described := len(entry.payload) > 2)
        rows += [entry.payload] if is_described and len(rows) < _SHOWN_ROWS else []
        for kind, text in _not_understood(entry.payload, columns).items():
            missed[kind][text] += 1
    return Understanding(pictures, described, failed, tuple(problems), tuple(rows), missed)


def examples(manifest: Manifest) -> dict[str, str]:
    """Return for each column of a list the first value in it; "" where there is none near."""
    found = dict.fromkeys(filter(None, manifest.columns), "")
    for row in islice(manifest.rows(), _ROWS_OF_EXAMPLES):
        for column in [name for name, text in found.items() if not text]:
            value = clean(row.values.get(column)) if isinstance(row, Row) else None
            if value is not None:
                found[column] = as_text(value)[:_LONGEST_EXAMPLE]
        if all(found.values()):
            break
    return found


def understand_metadata(source: Source) -> list[str] | None:
    """Read a source's metadata through, opening no picture, and say how it is understood.

    There is a line for each column with its field, for those that go to ``extra``, for what was
    read of the first paintings, and for texts from which no year, artist or size was read, with
    how many paintings have such. None if there is no metadata.
    """
    columns = source.columns
    if columns is None:
        return None
    found = understand(source)
    by_column = sorted(columns.by_field.items(), key=lambda item: item[1])
    lines = [f"{column} -> {_FROM_COLUMN.get(field, field)}" for field, column in by_column]
    lines += [f"{', '.join(columns.extra)} -> extra"] if columns.extra else []
    lines += [f"{row['painting_id']}: {_in_words(row)}" for row in found.rows]
    for kind, texts in found.missed.items():
        if texts:
            some = ", ".join(f"{text[:60]!r}" for text, _ in texts.most_common(_SHOWN_TEXTS))
            more = ", ..." if len(texts) > _SHOWN_TEXTS else ""
            without = f"{'an' if kind == 'artist' else 'a'} {kind}"
            lines.append(f"{texts.total()} of {found.pictures} without {without}: {some}{more}")
    return lines


def _not_understood(payload: Payload, columns: Columns) -> dict[str, str]:
    """Return the texts of a payload from which nothing could be read, by what is not there."""
    sizes = payload.get("extra", {}).get(columns.by_field.get("dimensions", ""))
    texts = {
        "year": None if "year_start" in payload else payload.get("date_text"),
        "artist": None if "artist_key" in payload else payload.get("artist"),
        "size": None if payload.keys() & {"height_cm", "width_cm"} else sizes,
    }
    return {kind: str(text) for kind, text in texts.items() if text}


def _in_words(payload: Payload) -> str:
    """Return what was read of a painting in a line."""
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
