"""A gallery along the years: how many works are of each span, and some of them to look at."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Criteria, Known
from artsim.errors import OptionError
from artsim.search.filters import Filters, build_criteria, read_years
from artsim.search.listing import Listed
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

_WIDTHS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_LAST_YEAR: Final = 9999


@dataclass(frozen=True, slots=True)
class Span:
    """Works of the years `first` to `last`, of which `points` are some; None where undated."""

    first: int | None
    last: int | None
    count: int
    points: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Works by the middle of their dates, in spans of equal length without a gap.

    `undated` are those without a date; `notes` say how the filters were understood.
    """

    spans: tuple[Span, ...]
    undated: Span
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Year:
    """How many works are of a year, and the ids of some, by which they were drawn at random.

    Ids of points are hashes, so that the smallest are a sample, the same each time.
    """

    count: int = 0
    least: list[str] = field(default_factory=list)

    def add(self, point_id: str, most: int) -> None:
        self.count += 1
        self.least.append(point_id)
        if len(self.least) > 2 * most:
            self.least = heapq.nsmallest(most, self.least)


def draw_time_line(
    gallery: Gallery, filters: Filters | None = None, *, most: int = 16, shown: int = 8
) -> TimeLine:
    """Lay the works that meet filters along the years.

    A work stands at the middle of its date, and within the years that are asked for. Every
    work's date is read once.

    Parameters
    ----------
    most : int
        Most spans; they are as long as that needs: 1, 2, 5, 10, … years.
    shown : int
        Most works of the fullest span to look at; of others as many in proportion, one at least.

    Raises
    ------
    QueryError
        If the filters make no sense.
    OptionError
        If `most` or `shown` is below 1.
    """
    if most < 1 or shown < 1:
        raise OptionError(f"most and shown must be at least 1, not {most} and {shown}")
    filters, collection = filters or Filters(), gallery[PAINTINGS]
    criteria, notes = build_criteria(filters, collection, gallery)
    first, last, _ = read_years(filters.years) if filters.years is not None else (None, None, "")
    years: dict[int, _Year] = {}
    dated = criteria & Criteria((Known("year_start"),))
    for record in collection.scroll(dated, payload_fields=["year_start", "year_end"]):
        year = _middle(record, first, last)
        years.setdefault(year, _Year()).add(record.point_id, shown)
    spans = _spans(years, most)
    greatest = max((span.count for span in spans.values()), default=1)
    drawn = [
        _drawn(collection, of, (start, end), shown, greatest) for (start, end), of in spans.items()
    ]
    undated = _Year()
    for record in collection.scroll(
        criteria & Criteria(must_not=(Known("year_start"),)), payload_fields=()
    ):
        undated.add(record.point_id, shown)
    rest = _drawn(collection, undated, (None, None), shown, max(greatest, undated.count))
    return TimeLine(tuple(drawn), rest, tuple(notes))


def _middle(record: Record, first: int | None, last: int | None) -> int:
    start: int = record.payload["year_start"]
    end: int = record.payload.get("year_end", start)
    middle = (start + end) // 2
    middle = middle if first is None else max(first, middle)
    middle = middle if last is None else min(last, middle)
    return max(-_LAST_YEAR, min(_LAST_YEAR, middle))


def _spans(years: dict[int, _Year], most: int) -> dict[tuple[int, int], _Year]:
    """Return the works of years together, in at most so many spans."""
    if not years:
        return {}
    least, greatest = min(years), max(years)
    width = next(w for w in _WIDTHS if greatest // w - least // w < most or w == _WIDTHS[-1])
    found = {
        (start, start + width - 1): _Year()
        for start in range(least // width * width, greatest + 1, width)
    }
    for year, of in sorted(years.items()):
        start = year // width * width
        span = found[start, start + width - 1]
        span.count += of.count
        span.least += of.least
    return found


def _drawn(
    collection: Collection,
    of: _Year,
    ends: tuple[int | None, int | None],
    shown: int,
    greatest: int,
) -> Span:
    most = -(-shown * of.count // greatest)
    records = collection.retrieve(heapq.nsmallest(most, of.least)).values()
    points = (Listed(record.point_id, record.payload) for record in _by_date(records))
    return Span(*ends, of.count, tuple(points))


def _by_date(records: Iterable[Record]) -> Sequence[Record]:
    return sorted(records, key=lambda one: (one.payload.get("year_start", 0), one.point_id))
