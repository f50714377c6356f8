"""Years as people ask for them, as the ends of an interval."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from artsim.catalog.date_spans import read_spans
from artsim.catalog.dates import parse_date
from artsim.catalog.names import fold_text
from artsim.errors import QueryError

Years: TypeAlias = str | int | tuple[int | None, int | None]
"""Years as a filter takes them: words, one year, or the first and last (None: open)."""

CIRCA_YEARS: Final = 5
"""How far "c. 1640" reaches either way when it is asked for; what a gallery stores is not
widened. Six of eight museums that publish years of their own beside such dates give it so
(CMOA, NPG, Dallas, Cleveland, the Cranach archive and AIC; Tate is exact, the Walters reach
12), after Cataloging Cultural Objects, 4.2.3."""

_CIRCA: Final = re.compile(
    r"\bc\.?\s*(?=\d)|\b(?:ca|circa|cca|cir|about|around|approximately|approx|abt|vers|env|environ"
    r"|um|etwa|ungefahr|gegen|hacia|ongeveer|omstreeks|verso)\b"
)
_RANGE: Final = re.compile(r"(-?\d{1,9})?\s*(\.\.)?\s*(-?\d{1,9})?")
_TWO_YEARS: Final = re.compile("(\\d{3,4})\\s*[-\u2010-\u2015\u2212]\\s*(\\d{3,4})")

_HINT: Final = "--year 1510..1530"


def read_years(years: Years) -> tuple[int | None, int | None, str]:
    """Return first and last year that are asked for, None where open, and a remark.

    Besides ``A..B``, ``A..``, ``..B`` and one year, which may be negative, all is taken
    that `parse_date` reads in a catalog's date. "Before" and "after" are open here, and
    "c. 1640" reaches `CIRCA_YEARS` either way. The remark says how words were understood;
    it is "" where there is nothing to understand.

    Raises
    ------
    QueryError
        If it is none of these, or the first year is after the last.
    """
    if isinstance(years, int):
        return years, years, ""
    if isinstance(years, tuple):
        return *_ascending(*years), ""
    text = years.strip()
    found = _RANGE.fullmatch(text)
    if found and (found[2] or not found[3]) and (found[1] or found[3]):
        first = int(found[1]) if found[1] else None
        last = int(found[3]) if found[3] else (None if found[2] else first)
        return *_ascending(first, last), ""
    if two := _TWO_YEARS.fullmatch(text):
        return *_ascending(int(two[1]), int(two[2])), ""
    return _from_date(text)


def _ascending(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    if first is not None and last is not None and first > last:
        raise QueryError(
            f"years: {first} is after {last}; write {last}..{first}", hint=f"--year {last}..{first}"
        )
    return first, last


def _from_date(text: str) -> tuple[int | None, int | None, str]:
    read = parse_date(text)
    if read is None:
        raise QueryError(
            f"years {text[:100]!r}: expected A..B, A.., ..B, a year, or a date as catalogs write "
            "it: 1620-1650, 17th century, c. 1640",
            hint=_HINT,
        )
    first: int | None = read.start
    last: int | None = read.end
    why = ""
    spans = read_spans(text)
    if len(spans) == 1 and spans[0].open_end and not spans[0].is_close:
        if spans[0].open_end == "after":
            last = None
        else:
            first = None
    elif _CIRCA.search(fold_text(text)):
        first, last = read.start - CIRCA_YEARS, read.end + CIRCA_YEARS
        why = f": {CIRCA_YEARS} years either way, as most museums take it"
    ends = ["" if year is None else str(year) for year in (first, last)]
    meant = ends[0] if first == last else "..".join(ends)
    return first, last, f"years {text!r} mean {meant}{why}"
