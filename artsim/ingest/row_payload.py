"""From a manifest's row to a painting's payload."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from artsim.catalog.attribution import Attribution, parse_attribution, without_role
from artsim.catalog.dates import LATEST_YEAR, YearRange, parse_date
from artsim.catalog.names import artist_key
from artsim.catalog.payload import ATTRIBUTIONS, Payload
from artsim.ingest.cells import as_text, clean, says_nothing, text_within
from artsim.ingest.columns import Columns, is_single_year
from artsim.ingest.dimensions import read_length, read_size

_PLAIN: Final = ("title", "medium", "institution", "rights", "source", "source_url")
_LISTS: Final = ("style", "genre", "tags")
_YEAR: Final = re.compile(r"-?[0-9]{1,4}(?:\.0+)?")
_ZERO: Final = re.compile(r"-?0+(?:\.0+)?")
_LIST_DIVIDERS: Final = re.compile(r"[|;]")
_WEB: Final = re.compile(r"https?://\S+", re.IGNORECASE)


def row_payload(values: Mapping[str, Any], columns: Columns) -> Payload:
    """Return what a row says of its painting, in the fields of `artsim.catalog.payload`.

    - `artist` is the text as given, without a role (", artist"); `artist_key` and
      `attribution` are read from it. A column of its own for the attribution ("Workshop
      of", a role "pupil of", a suffix "and Workshop") has the last word; a role that ties
      nobody ("artist") says nothing.
    - A first and a last year that make sense beat the years read from the date's text. One
      alone can only make the text's interval longer; where the text is none it stands for
      a single year, and where it is not understood for none, since the other half is not
      known. Of a column ``year`` the text is the better witness. 0 and years to come mean
      nothing.
    - A text of dimensions fills `height_cm` and `width_cm`, and stays in ``extra``.
    - Lists are divided at ``|`` and ``;``. Of several schools `school` is the first.
    - Of a nested value the text counts: ``[{"title": "Portrait", "type": …}]``.
    - "NULL", "None", "-", "o. A." and the like are empty cells, and so is "unknown" but for
      the artist and in columns that are no field. A title may be "None" or "?", unless
      another cell of the row says so as well.
    - Columns that are no field, and values that their field cannot take, go to ``extra``
      under the column's name.

    Never sets an empty value, `painting_id` or anything measured from the picture.
    """
    extra: Payload = {}
    given = _given(values, columns, extra)
    payload: Payload = {field: as_text(given[field]) for field in _PLAIN if field in given}
    if "source_url" not in payload and _WEB.fullmatch(payload.get("source", "")):
        payload["source_url"] = payload.pop("source")
    payload.update(_artist_fields(given, columns, extra))
    payload.update(_date_fields(given, columns, extra))
    for field in _LISTS:
        if parts := _parts(given.get(field)):
            payload[field] = parts
    if schools := _parts(given.get("school")):
        payload["school"] = schools[0]
        if len(schools) > 1:
            extra[columns.by_field["school"]] = given["school"]
    if "dimensions" in given:
        extra[columns.by_field["dimensions"]] = clean(values[columns.by_field["dimensions"]])
    payload.update(_size_fields(given, columns, extra))
    for column in columns.extra:
        value = clean(values.get(column))
        if value is not None and not says_nothing(value):
            extra[column] = value
    return {**payload, "extra": extra} if extra else payload


def _given(values: Mapping[str, Any], columns: Columns, extra: Payload) -> dict[str, Any]:
    """Return the values of the fields that say anything; nested ones without text are extra."""
    given: dict[str, Any] = {}
    for field, column in columns.by_field.items():
        value = clean(values.get(column))
        if value is None or field in ("image", "id"):
            continue
        if field == "title":
            is_empty = says_nothing(value) and _is_repeated(value, values)
        else:
            is_empty = says_nothing(value, or_not_known=field != "artist")
        if is_empty:
            continue
        text = text_within(value)
        if text is None:
            extra[column] = value
        else:
            given[field] = text
    return given


def _is_repeated(text: str, values: Mapping[str, Any]) -> bool:
    return sum(isinstance(cell, str) and cell.strip() == text for cell in values.values()) > 1


def _artist_fields(given: Mapping[str, Any], columns: Columns, extra: Payload) -> Payload:
    if "artist" not in given:
        return {}
    text = as_text(given["artist"])
    line = without_role(text)
    if line != text:
        extra[columns.by_field["artist"]] = given["artist"]
    before, behind = (as_text(given.get(f, "")) for f in ("attribution", "attribution_suffix"))
    attribution = _with_columns(line, before, behind)
    kind: str = attribution.kind
    if attribution.artist is not None and before.casefold() in ATTRIBUTIONS:
        kind = before.casefold()
    fields: Payload = {"artist": line, "attribution": kind}
    named = attribution.artist if kind != "unknown" else None
    if named is not None and (key := artist_key(named)):
        fields["artist_key"] = key
    return fields


def _with_columns(line: str, before: str, behind: str) -> Attribution:
    """Read an artist line with what other columns write before and behind its names."""
    attribution = parse_attribution(line)
    if not before and not behind:
        return attribution
    names = line.split("|")
    if len(names) > 1:
        around = zip(_each(before, names), names, _each(behind, names), strict=True)
        return parse_attribution(" | ".join(" ".join(words) for words in around))
    stated = parse_attribution(f"{before} {attribution.artist or ''} {behind}")
    return attribution if stated.kind == "by" else stated


def _each(text: str, names: Sequence[str]) -> list[str]:
    """Return the part of `text` for each name, as it is divided like the names."""
    parts = text.split("|")[: len(names)]
    return parts + [""] * (len(names) - len(parts))


def _date_fields(given: Mapping[str, Any], columns: Columns, extra: Payload) -> Payload:
    fields: Payload = {}
    read: YearRange | None = None
    if "date_text" in given:
        fields["date_text"] = as_text(given["date_text"])
        read = parse_date(fields["date_text"])
    stated: dict[str, YearRange] = {}
    for field in ("year_start", "year_end"):
        if field in given:
            found = _stated_years(as_text(given[field]))
            if found is not None:
                stated[field] = found
            elif not _ZERO.fullmatch(as_text(given[field])):
                extra[columns.by_field[field]] = given[field]
    first, last = stated.get("year_start"), stated.get("year_end")
    if first and last and first.start <= last.end:
        years: YearRange | None = YearRange(first.start, last.end)
    elif first and last:
        years = read
    elif first or last:
        years = _with_one_half(first, last, read, columns, "date_text" in given)
        if years is None:
            extra.update((columns.by_field[field], given[field]) for field in stated)
    else:
        years = read
    if years is not None:
        fields["year_start"], fields["year_end"] = years.start, years.end
    return fields


def _with_one_half(
    first: YearRange | None,
    last: YearRange | None,
    read: YearRange | None,
    columns: Columns,
    has_text: bool,
) -> YearRange | None:
    """Return the years where one column of two says something; see `row_payload`."""
    is_whole = last is None and is_single_year(columns.by_field["year_start"])
    if read is None:
        return (first or last) if is_whole or not has_text else None
    if is_whole:
        return read
    start = min(first.start, read.start) if first else read.start
    end = max(last.end, read.end) if last else read.end
    return YearRange(start, end)


def _stated_years(text: str) -> YearRange | None:
    if not _YEAR.fullmatch(text):
        return parse_date(text)
    year = int(float(text))
    is_year = year not in (0, _NO_YEAR) and year <= LATEST_YEAR
    return YearRange(year, year) if is_year else None


_NO_YEAR: Final = -9999


def _parts(value: Any) -> list[str]:
    pieces = value if isinstance(value, list) else [value] if value is not None else []
    texts = [
        part.strip()
        for piece in pieces
        for part in ([piece] if not isinstance(piece, str) else _LIST_DIVIDERS.split(piece))
        if isinstance(part, str)
    ]
    kept = [text for text in texts if text and not says_nothing(text, or_not_known=True)]
    return list(dict.fromkeys(kept))


def _size_fields(given: Mapping[str, Any], columns: Columns, extra: Payload) -> Payload:
    """Read height and width from columns of their own, else from the text of dimensions."""
    fields: Payload = {}
    if "dimensions" in given:
        column = columns.by_field["dimensions"]
        size = read_size(as_text(given["dimensions"]), heading=column)
        if size is not None:
            both = {"height_cm": size.height, "width_cm": size.width}
            fields.update({field: side for field, side in both.items() if side is not None})
    for field in ("height_cm", "width_cm"):
        if field in given:
            column = columns.by_field[field]
            length = _own_length(as_text(given[field]), column, field)
            if length is None:
                extra[column] = given[field]
            else:
                fields[field] = length
    return fields


def _own_length(text: str, column: str, field: str) -> float | None:
    length = read_length(text, heading=column)
    if length is not None:
        return length
    size = read_size(text, heading=column)
    return None if size is None else size.height if field == "height_cm" else size.width
