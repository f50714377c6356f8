"""Which column of a manifest is which field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from artsim.catalog.names import fold_text
from artsim.errors import MetadataError

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


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one file: that of each field that has one, and the others in order."""

    by_field: Mapping[str, str]
    extra: tuple[str, ...]


def resolve_columns(
    header: Sequence[str], column_map: Mapping[str, str] | None = None, *, place: str
) -> Columns:
    """Find the column of every field; columns without a name are left out.

    The two halves of a pair of years are found together. In a file with a column of
    departments, which one museum wrote, collections and locations are no institutions.

    Parameters
    ----------
    column_map : mapping of str to str, optional
        Field to column, where the recognized names will not do; ``""`` means that no
        column is that field.
    place : str
        The file, for messages.

    Raises
    ------
    MetadataError
        If `column_map` names a field or a column that does not exist.
    """
    named = [column for column in header if column]
    chosen = _mapped(named, column_map or {}, place)
    taken = {column for column in chosen.values() if column}
    by_norm = {spelling: column for column in reversed(named) for spelling in _spellings(column)}
    for field, column in _year_pair([name for name in named if name not in taken]).items():
        if field not in chosen:
            chosen[field] = column
            taken.add(column)
    for field, names in _ALL_COLUMNS.items():
        for name in () if field in chosen else names:
            found = next((by_norm[n] for n in _alias_spellings(name) if n in by_norm), None)
            if found and found not in taken and not _is_misleading(name, by_norm):
                chosen[field] = found
                taken.add(found)
                break
    by_field = {field: column for field, column in chosen.items() if column}
    return Columns(by_field, tuple(column for column in named if column not in taken))


def is_single_year(column: str) -> bool:
    """Say whether a column's name is that of a year, not of the first or last of several."""
    return _norm(column) in {_norm(name) for name in FIELD_COLUMNS["year_start"]}


def _is_misleading(name: str, by_norm: Mapping[str, str]) -> bool:
    others = _MISLEADING.get(name, ())
    return any(spelling in by_norm for other in others for spelling in _alias_spellings(other))


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
        chosen[field] = column if column in header else _like(header, column)
        if column and not chosen[field]:
            raise MetadataError(
                f"{place} has no column {column!r} to map to {field}; "
                f"its columns are {', '.join(header)}"
            )
    return chosen


def _like(header: Sequence[str], column: str) -> str:
    alike = [name for name in header if _alias_spellings(name) & _alias_spellings(column)]
    return alike[0] if column and len(alike) == 1 else ""


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
