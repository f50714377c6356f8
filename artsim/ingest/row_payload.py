"""From a manifest's row to a painting's payload."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from artsim.domain.attribution import Attribution, parse_attribution
from artsim.domain.dates import LATEST_YEAR, YearRange, parse_date
from artsim.domain.names import artist_key
from artsim.domain.payload import ATTRIBUTIONS, Payload
from artsim.ingest.columns import Columns

_PLAIN: Final = ("title", "medium", "institution", "rights", "source", "source_url")
_LISTS: Final = ("style", "genre", "tags")
_SIZES: Final = ("width_cm", "height_cm")
_NUMBER: Final = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(?:cm)?", re.IGNORECASE)
_YEAR: Final = re.compile(r"-?[0-9]{1,4}(?:\.0+)?")
_LIST_DIVIDERS: Final = re.compile(r"[|;]")


def row_payload(values: Mapping[str, Any], columns: Columns) -> Payload:
    """Return what a row says of its painting, in the fields of `artsim.domain.payload`.

    - `artist` is the text as given; `artist_key` and `attribution` are read from it. A
      column of its own for the attribution ("Workshop of") has the last word.
    - Year columns that make sense beat the years read from the date's text. One alone is
      completed from the text, or else stands for a single year; 0 and years to come mean nothing.
    - Lists are divided at ``|`` and ``;``. Of several schools `school` is the first.
    - Columns that are no field, and values that their field cannot take, go to ``extra``
      under the column's name.

    Never sets an empty value, `painting_id` or anything measured from the picture.
    """
    given = {
        field: value
        for field, column in columns.by_field.items()
        if (value := clean(values.get(column))) is not None
    }
    payload: Payload = {field: as_text(given[field]) for field in _PLAIN if field in given}
    extra: Payload = {}
    payload.update(_artist_fields(given))
    payload.update(_date_fields(given, columns, extra))
    for field in _LISTS:
        if parts := _parts(given.get(field)):
            payload[field] = parts
    if schools := _parts(given.get("school")):
        payload["school"] = schools[0]
        if len(schools) > 1:
            extra[columns.by_field["school"]] = given["school"]
    for field in _SIZES:
        if field in given:
            size = _centimeters(given[field])
            if size is None:
                extra[columns.by_field[field]] = given[field]
            else:
                payload[field] = size
    for column in columns.extra:
        if (value := clean(values.get(column))) is not None:
            extra[column] = value
    return {**payload, "extra": extra} if extra else payload


def clean(value: Any) -> Any:
    """Return `value` as JSON would hold it, stripped; None if nothing is left of it."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float | decimal.Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        cleaned = {str(key): clean(inner) for key, inner in value.items()}
        return {key: inner for key, inner in cleaned.items() if inner is not None} or None
    if isinstance(value, list | tuple):
        return [inner for inner in map(clean, value) if inner is not None] or None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None


def as_text(value: Any) -> str:
    """Return a cleaned value as a person would write it: 12.0 is ``"12"``."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "; ".join(map(as_text, value))
    return str(value)


def _artist_fields(given: Mapping[str, Any]) -> Payload:
    if "artist" not in given:
        return {}
    line = as_text(given["artist"])
    attribution = parse_attribution(line)
    kind: str = attribution.kind
    if "attribution" in given and attribution.artist is not None:
        kind = _stated_kind(as_text(given["attribution"]), attribution)
    fields: Payload = {"artist": line, "attribution": kind}
    if attribution.artist is not None and (key := artist_key(attribution.artist)):
        fields["artist_key"] = key
    return fields


def _stated_kind(text: str, attribution: Attribution) -> str:
    if text.casefold() in ATTRIBUTIONS:
        return text.casefold()
    return parse_attribution(f"{text} {attribution.artist}").kind


def _date_fields(given: Mapping[str, Any], columns: Columns, extra: Payload) -> Payload:
    fields: Payload = {}
    read: YearRange | None = None
    if "date_text" in given:
        fields["date_text"] = as_text(given["date_text"])
        read = parse_date(fields["date_text"])
    stated = {}
    for field in ("year_start", "year_end"):
        if field in given:
            years = _stated_years(as_text(given[field]))
            if years is None:
                extra[columns.by_field[field]] = given[field]
            else:
                stated[field] = years.start if field == "year_start" else years.end
    years = _reconcile(stated.get("year_start"), stated.get("year_end"), read)
    if years is not None:
        fields["year_start"], fields["year_end"] = years.start, years.end
    return fields


def _stated_years(text: str) -> YearRange | None:
    if not _YEAR.fullmatch(text):
        return parse_date(text)
    year = int(float(text))
    return YearRange(year, year) if year != 0 and year <= LATEST_YEAR else None


def _reconcile(start: int | None, end: int | None, read: YearRange | None) -> YearRange | None:
    """Join stated years and those read from the text; where they clash, the text is right."""
    first = start if start is not None else (read.start if read else end)
    last = end if end is not None else (read.end if read else start)
    if first is None or last is None or first > last:
        return read
    return YearRange(first, last)


def _parts(value: Any) -> list[str]:
    pieces = value if isinstance(value, list) else [value] if value is not None else []
    texts = [
        part.strip()
        for piece in pieces
        for part in ([piece] if not isinstance(piece, str) else _LIST_DIVIDERS.split(piece))
        if isinstance(part, str)
    ]
    return list(dict.fromkeys(text for text in texts if text))


def _centimeters(value: Any) -> float | None:
    found = _NUMBER.fullmatch(as_text(value))
    size = float(found[1].replace(",", ".")) if found else 0.0
    return size if 0 < size < math.inf else None
