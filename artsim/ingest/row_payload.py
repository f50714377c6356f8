"""From a manifest's row to a painting: its cells made plain, read, and put into fields."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from artsim.catalog.cells import read_length, read_size
from artsim.catalog.dates import LATEST_YEAR, YearRange, parse_date
from artsim.catalog.names import Attribution, artist_key, fold_text, parse_attribution, without_role
from artsim.catalog.payload import ATTRIBUTIONS, Payload, why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.columns import WORDS, Columns, is_single_year
from artsim.ingest.records import Row, SourcePainting

_CELLS: Final = WORDS["cells"]
_NEVER_A_VALUE: Final = frozenset(_CELLS["never_a_value"])
_NOTHING: Final = frozenset(_CELLS["nothing"])
_NOT_KNOWN: Final = frozenset(_CELLS["not_known"])
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")

_PLAIN: Final = ("title", "medium", "institution", "rights", "source", "source_url")
_LISTS: Final = ("style", "genre", "tags")
_YEAR: Final = re.compile(r"-?[0-9]{1,4}(?:\.0+)?")
_ZERO: Final = re.compile(r"-?0+(?:\.0+)?")
_LIST_DIVIDERS: Final = re.compile(r"[|;]")
_WEB: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_NO_YEAR: Final = -9999


def make_painting(
    row: Row, columns: Columns, path: Path, relative: str, seen: dict[str, int]
) -> SourcePainting:
    """Join a row and its picture, whose path below the source is the id where the row has none.

    `seen` has the lines of the ids so far, and gets this one. MetadataError if the id has been
    there, or the gallery could not give back what the row says.
    """
    painting_id = _cell_that_says(row, columns, "id") or relative
    said = row_payload(row.values, columns)
    payload = {"painting_id": painting_id, **said, "image_uri": path.as_uri()}
    if reason := why_unstorable(payload):
        raise MetadataError(reason)
    first = seen.setdefault(painting_id, row.line)
    if first != row.line:
        raise MetadataError(f"the id {shown(painting_id)} is already that of line {first}")
    return SourcePainting(painting_id, path, payload)


def named_by(row: Row, columns: Columns) -> str:
    """Return the id of a row, else its picture's path; "" if it has neither."""
    return _cell_that_says(row, columns, "id") or _cell_that_says(row, columns, "image")


def _cell_that_says(row: Row, columns: Columns, field: str) -> str:
    given = clean(row.values.get(columns.by_field.get(field, "")))
    return "" if given is None or says_nothing(given) else as_text(given)


def shown(text: str, limit: int = 120) -> str:
    """Return a text from a list as a message quotes it, shortened in its middle."""
    half = limit // 2
    return repr(text if len(text) <= limit else f"{text[:half]}…{text[-half:]}")


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
        is_empty = says_nothing(value, or_not_known=field not in ("artist", "title"))
        if is_empty and (field != "title" or _is_repeated(value, values)):
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
    years: YearRange | None = None
    if "date_text" in given:
        fields["date_text"] = as_text(given["date_text"])
        years = parse_date(fields["date_text"])
    stated: dict[str, YearRange] = {}
    for field in ("year_start", "year_end"):
        if field in given:
            found = _stated_years(as_text(given[field]))
            if found is not None:
                stated[field] = found
            elif not _ZERO.fullmatch(as_text(given[field])):
                extra[columns.by_field[field]] = given[field]
    first, last = stated.get("year_start"), stated.get("year_end")
    if first and last:
        if first.start <= last.end:
            years = YearRange(first.start, last.end)
    elif one := first or last:
        is_whole = last is None and is_single_year(columns.by_field["year_start"])
        if years is None and (is_whole or "date_text" not in given):
            years = one
        elif years is None:
            extra.update((columns.by_field[field], given[field]) for field in stated)
        elif first and not is_whole:
            years = YearRange(min(first.start, years.start), years.end)
        elif last:
            years = YearRange(years.start, max(last.end, years.end))
    if years is not None:
        fields["year_start"], fields["year_end"] = years.start, years.end
    return fields


def _stated_years(text: str) -> YearRange | None:
    if not _YEAR.fullmatch(text):
        return parse_date(text)
    year = int(float(text))
    is_year = year not in (0, _NO_YEAR) and year <= LATEST_YEAR
    return YearRange(year, year) if is_year else None


def _parts(value: Any) -> list[str]:
    pieces = [p for p in (value if isinstance(value, list) else [value]) if isinstance(p, str)]
    texts = [part.strip() for piece in pieces for part in _LIST_DIVIDERS.split(piece)]
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
            column, text = columns.by_field[field], as_text(given[field])
            length = read_length(text, heading=column)
            if length is None and (size := read_size(text, heading=column)) is not None:
                length = size.height if field == "height_cm" else size.width
            if length is None:
                extra[column] = given[field]
            else:
                fields[field] = length
    return fields


# --- cells -----------------------------------------------------------------------


def clean(value: Any) -> Any:
    """Return `value` as JSON would hold it, stripped; None if nothing is left of it.

    ``NULL``, ``nan``, ``[blank]`` and the like are nothing.
    """
    if isinstance(value, str):
        text = value.strip()
        return text if text and text not in _NEVER_A_VALUE else None
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


def says_nothing(value: Any, *, or_not_known: bool = False) -> bool:
    """Say whether a cleaned value is a person's mark for nothing: ``-``, or even ``unknown``."""
    if not isinstance(value, str) or len(value) > 24:
        return False
    folded = " ".join(fold_text(value).split())
    return folded in _NOTHING or (or_not_known and folded in _NOT_KNOWN)


def as_text(value: Any) -> str:
    """Return a cleaned value as a person would write it: 12.0 is ``"12"``.

    Of a nested value the text in it, else JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "; ".join(dict.fromkeys(map(as_text, value)))
    if isinstance(value, Mapping):
        inner = text_within(value)
        return json.dumps(value, ensure_ascii=False) if inner is None else as_text(inner)
    return json.dumps(value)


def text_within(value: Any) -> Any:
    """Return what a nested value says in words: a plain value, a list of such, or None."""
    if isinstance(value, list):
        parts = [text_within(inner) for inner in value]
        return None if None in parts or not parts else parts
    if not isinstance(value, Mapping):
        return value
    by_key = {key.casefold(): inner for key, inner in value.items()}
    for key in _CELLS["text_keys"]:
        if key in by_key and (found := text_within(by_key[key])) is not None:
            return found
    if all(_LANGUAGE.fullmatch(key) for key in value):
        return text_within(next(iter(value.values())))
    return None
