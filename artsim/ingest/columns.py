"""From a list's row to a painting: which column is which field, and what its cell says."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from artsim.catalog.cells import read_length, read_size
from artsim.catalog.dates import LATEST_YEAR, YearRange, parse_date
from artsim.catalog.names import Attribution, artist_key, fold_text, parse_attribution, without_role
from artsim.catalog.payload import ATTRIBUTIONS, Payload, why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.records import Columns, Row, SourcePainting

WORDS: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("list_words.toml").read_text(encoding="utf-8")
)
"""Words in museums' lists."""


def words_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the words of lines of `WORDS`, which are divided by commas."""
    return tuple(name.strip() for line in lines for name in line.rstrip(", ").split(","))


FIELD_COLUMNS: Final = {field: words_of(lines) for field, lines in WORDS["fields"].items()}
"""Names under which a field is recognized, the best first."""

HELPER_COLUMNS: Final = {field: words_of(lines) for field, lines in WORDS["helpers"].items()}
"""Names of columns from which fields are read that they are not themselves."""

_ALL_COLUMNS: Final = {**FIELD_COLUMNS, **HELPER_COLUMNS}
_ALIASES: Final[Mapping[str, str]] = WORDS["aliases"]
_MISLEADING: Final = {
    name: words_of(group["beside"])
    for group in WORDS["misleading"]
    for name in words_of(group["names"])
}

_DETAILS: Final = re.compile(r"\b(?:in )?(?:cm|mm|m|in|inch|inches|zoll|px|pixels?)\b")
_ORDER: Final = re.compile(r"\b[hbwltd] ?x ?[hbwltd](?: ?x ?[hbwltd])?\b")

_DATE, _OF_A_WORK, _FIRST, _LAST = (
    "|".join(words_of(WORDS["years"][name])) for name in ("date", "of_a_work", "first", "last")
)
_BARE_PAIRS: Final = words_of(WORDS["years"]["bare_pairs"])
_HALF: Final = re.compile(
    rf"(?P<before>(?:{_DATE}|{_OF_A_WORK})*?)(?:(?P<first>{_FIRST})|(?P<last>{_LAST}))"
    rf"(?P<after>(?:{_DATE}|{_OF_A_WORK})*)"
)


def resolve_columns(
    header: Sequence[str], column_map: Mapping[str, str] | None = None, *, place: str
) -> Columns:
    """Find the column of every field; columns without a name are left out.

    The two halves of a pair of years are found together. In a file with a column of
    departments, which one museum wrote, collections and locations are no institutions.
    `column_map` has the column of fields where the recognized names will not do, ``""`` where no
    column is that field; MetadataError if it names a field or a column that does not exist.
    `place` is the file, for messages.
    """
    named = [column for column in header if column]
    chosen = _mapped(named, column_map or {}, place)
    taken = {column for column in chosen.values() if column}
    by_norm = {spelling: column for column in reversed(named) for spelling in _spellings(column)}
    for field, column in _year_pair([name for name in named if name not in taken]).items():
        if field not in chosen:
            chosen[field] = column
            taken.add(column)

    def called(name: str) -> str | None:
        return next((by_norm[n] for n in _alias_spellings(name) if n in by_norm), None)

    for field, names in _ALL_COLUMNS.items():
        for name in () if field in chosen else names:
            found, is_misleading = called(name), any(map(called, _MISLEADING.get(name, ())))
            if found and found not in taken and not is_misleading:
                chosen[field] = found
                taken.add(found)
                break
    by_field = {field: column for field, column in chosen.items() if column}
    return Columns(by_field, tuple(column for column in named if column not in taken))


def _year_pair(header: Sequence[str]) -> dict[str, str]:
    """Return the columns of first and last year: both if any pair is whole, else one half.

    ``DateBegin`` belongs to ``DateEnd``, not to ``year_to``: the rest of the name is one.
    """
    pairs: dict[str, dict[str, str]] = {}
    for column in header:
        name = _norm(column)
        found = _HALF.fullmatch(name)
        rest = found["before"] + found["after"] if found else ""
        if found and (re.search(_DATE, rest) or name in _BARE_PAIRS):
            side = "year_start" if found["first"] else "year_end"
            pairs.setdefault(rest, {}).setdefault(side, column)
    # Years before dates, which may have days; otherwise the first in the file.
    usable = [(rest, pair) for rest, pair in pairs.items() if rest or len(pair) == 2]
    ranked = sorted(usable, key=lambda found: (-len(found[1]), "year" not in found[0]))
    return ranked[0][1] if ranked else {}


def _mapped(header: Sequence[str], column_map: Mapping[str, str], place: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for given, column in column_map.items():
        field = given if given in _ALL_COLUMNS else _ALIASES.get(given.casefold(), given)
        if field not in _ALL_COLUMNS:
            aliases = ", ".join(f"{alias} for {name}" for alias, name in _ALIASES.items())
            raise MetadataError(
                f"there is no field {given!r} to map a column to; "
                f"the fields are {', '.join(_ALL_COLUMNS)}; also taken: {aliases}"
            )
        alike = [name for name in header if _alias_spellings(name) & _alias_spellings(column)]
        is_like = column and column not in header and len(alike) == 1
        chosen[field] = alike[0] if is_like else column
        if column and chosen[field] not in header:
            raise MetadataError(
                f"{place} has no column {column!r} to map to {field}; "
                f"its columns are {', '.join(header)}"
            )
    return chosen


def _spellings(column: str) -> list[str]:
    """Return a column's plain names, the best last; ``Maße (H x B) in cm`` is ``Maße`` too."""
    folded = " ".join(re.sub(r"[\W_]+", " ", fold_text(column)).split())
    bare = _DETAILS.sub("", _ORDER.sub("", folded)).replace(" ", "")
    details = _DETAILS.search(folded)
    sized = f"{bare}cm" if details and "p" not in details[0] else ""
    is_size = bare in {_norm(name) for name in HELPER_COLUMNS["dimensions"]}
    return [name for name in (sized, _norm(column), bare if is_size else "") if name]


@cache
def _alias_spellings(name: str) -> frozenset[str]:
    """Return the plain forms of a name, with and without German ``ae``, ``oe``, ``ue``."""
    spelled_out = name.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    return frozenset({_norm(name), _norm(spelled_out)})


def _norm(name: str) -> str:
    return re.sub(r"[\W_]+", "", fold_text(name))


# --- rows ---------------------------------------------------------------------------

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


def shown(text: str) -> str:
    """Return a text from a list as a message quotes it, shortened in its middle."""
    return repr(text if len(text) <= 120 else f"{text[:60]}…{text[-60:]}")


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
        if is_empty and field == "title":  # which may be "None", unless another cell says so too
            texts = [cell.strip() for cell in values.values() if isinstance(cell, str)]
            is_empty = texts.count(value) > 1
        if is_empty:
            continue
        text = text_within(value)
        if text is None:
            extra[column] = value
        else:
            given[field] = text
    return given


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
        # Whether the column is that of a year, not of the first or last of several.
        names = map(_norm, FIELD_COLUMNS["year_start"])
        is_whole = last is None and _norm(columns.by_field["year_start"]) in names
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
