"""What a gallery holds, by filters alone: works in an order or along the years, values counted."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from artsim.catalog.hits import JSON, Note
from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind, all_fields
from artsim.catalog.names import fold_text
from artsim.catalog.payload import (
    ATTRIBUTIONS,
    AnyOf,
    Criteria,
    Known,
    Payload,
    Scalar,
    field_values,
)
from artsim.errors import OptionError, QueryError
from artsim.search.filters import (
    EXTRA,
    Filters,
    build_criteria,
    count_extra_names,
    count_indexed,
    find_field,
    read_years,
    scan_values,
)
from artsim.search.named_faces import count_people
from artsim.search.question import describe_criteria, output_form
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

_SHORT: Final[Mapping[str, str]] = {"date": "year_start", "year": "year_start", "id": "painting_id"}
"""Fields that people would call otherwise."""

_LONGEST_KEY: Final = 200
_PAGE: Final = 256

_DATES: Final = ("date", "dates", "year", "years", "decade", "decades")
_PEOPLE: Final = ("person", "people")
_BINS: Final = 12
_WIDTHS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_LAST_YEAR: Final = 9999

_Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One painting, or face, of a list: its point's id and payload."""

    point_id: str
    payload: Payload

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md: a hit without rank and score."""
        return {
            "painting_id": str(self.payload["painting_id"]),
            "point_id": self.point_id,
            "payload": self.payload,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Paintings or faces that meet filters, in an order that knows no likeness.

    `total` is how many there are, with those before the offset and behind the limit; `settings`
    are ``gallery``, ``location``, ``criteria``, ``faces``, ``limit``, ``offset`` and ``sort``;
    `notes` are remarks for the user, such as how an artist's name was understood.
    """

    points: tuple[Listed, ...]
    total: int
    settings: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kind: Kind = PAINTINGS

    @property
    def is_of_faces(self) -> bool:
        """Whether it lists faces rather than paintings."""
        return self.kind.name == FACES.name

    def to_dict(self) -> dict[str, Any]:
        """Return the list as ``artsim list --format json`` writes it: see docs/output.md."""
        points = [point.to_dict() for point in self.points]
        return output_form(
            settings=self.settings, notes=self.notes, total=self.total, points=points
        )


def list_paintings(
    gallery: Gallery,
    filters: Filters | None = None,
    *,
    kind: Kind = PAINTINGS,
    limit: int = 50,
    offset: int = 0,
    sort: str = "year_start",
) -> Listing:
    """List the paintings that meet filters, or their faces; without filters all of them.

    Every point that meets the filters is read once, for what it is sorted by; in memory are `limit`
    and `offset` together. Faces (``kind=FACES``) are listed each with its painting's metadata.
    `sort` is a field, texts without case and accents: ``year_start`` (also ``date``), ``artist``,
    ``title``, ``painting_id`` (``id``), ``extra.NAME``, … Where it is unknown comes last; equal
    ones are in order of year, then of id. Of a list the first value counts. QueryError if the
    filters make no sense, or there is no such field; OptionError if `limit` is below 1 or `offset`
    below 0.
    """
    if limit < 1 or offset < 0:
        raise OptionError(f"limit must be at least 1 and offset 0, not {limit} and {offset}")
    collection = gallery[kind]
    criteria, notes = build_criteria(filters or Filters(), collection, gallery)
    field = find_field(_SHORT.get(sort, sort), collection)
    needed = {"extra" if field.startswith(EXTRA) else field, "year_start", "painting_id"}
    needed |= set() if kind.is_whole else {kind.index_field}
    found = collection.scroll(criteria, payload_fields=sorted(needed))
    keys = heapq.nsmallest(offset + limit, (_key(record, field, kind) for record in found))
    shown = [str(key[-1]) for key in keys[offset:]]
    pages = (shown[start : start + _PAGE] for start in range(0, len(shown), _PAGE))
    records = [record for page in pages for record in collection.retrieve(page).values()]
    return Listing(
        points=tuple(Listed(record.point_id, record.payload) for record in records),
        total=collection.count(criteria),
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "criteria": describe_criteria(criteria),
            "faces": kind.name == FACES.name,
            "limit": limit,
            "offset": offset,
            "sort": field,
        },
        notes=tuple(notes),
        kind=kind,
    )


def _key(record: Record, field: str, kind: Kind) -> _Key:
    """Return what a point is sorted by, its id last: numbers, then texts, then unknown."""
    payload = record.payload
    value = next(iter(field_values(payload, field)), None)
    is_number = isinstance(value, (int, float))
    text = "" if is_number or value is None else fold_text(str(value)[:_LONGEST_KEY])
    of_field = (2 if value is None else 0 if is_number else 1, value if is_number else 0, text)
    year, index = payload.get("year_start"), payload.get(kind.index_field, 0)
    ties = (year is None, year or 0, payload.get("painting_id", ""), index)
    return *of_field, *ties, record.point_id


@dataclass(frozen=True, slots=True)
class ArtistCount:
    """How many works name an artist, in all and by the artist, by the workshop and so on.

    `artist` is as the works by the artist write it most often; spellings meet under `artist_key`,
    which is None where there is no name, as of "unknown".
    """

    artist: str
    artist_key: str | None
    count: int
    attributions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Values of a field, with how many works have each.

    Most frequent first; ranges of years and numbers in their order. `total` is how many different
    values there are, with those beyond the limit, `unknown` how many works do not have the field.
    Of the field ``artist``, `artists` are as `values`, with the spellings of a name together.
    `notes` are remarks on how the filters were understood, and on what is not in `values`.
    """

    field: str
    values: tuple[tuple[Scalar, int], ...]
    total: int
    unknown: int
    artists: tuple[ArtistCount, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``artsim facets --format json`` writes it: see docs/output.md."""
        found = {
            "field": self.field,
            "values": [{"value": value, "count": count} for value, count in self.values],
            "total": self.total,
            "unknown": self.unknown,
        }
        artists = {"artists": [asdict(artist) for artist in self.artists]}
        return found | artists if self.field == "artist" else found


def count_values(
    gallery: Gallery,
    field: str,
    filters: Filters | None = None,
    *,
    kind: Kind = PAINTINGS,
    limit: int = 50,
) -> ValueCounts:
    """Return the values of a field, with how many works, or faces, have each.

    The database counts texts and whole numbers by its indexes. Titles, numbers with
    decimals, dates and what manifests brought beside the fields are read from every work,
    which takes seconds for 100,000 of them. At most `limit` are returned, the most frequent.

    `field` is any but ``box`` and ``landmarks``. ``date`` counts decades, in each the works whose
    date overlaps it; ``person`` those whom the file of names knows on a face; numbers with decimals
    are counted in ranges, whose upper end belongs to the next; ``extra`` counts the names of what
    manifests brought, and ``extra.NAME`` (or NAME) the values of one. QueryError if there is no
    such field, its values cannot be counted, or there are too many of them; OptionError if `limit`
    is below 1.
    """
    if limit < 1:
        raise OptionError(f"limit must be at least 1, not {limit}")
    collection = gallery[kind]
    criteria, notes = build_criteria(filters or Filters(), collection, gallery)
    if field in _PEOPLE:
        of_people, nobody = count_people(gallery, kind, criteria)
        shown_people = tuple(of_people.items())[:limit]
        return ValueCounts(field, shown_people, len(of_people), nobody, notes=tuple(notes))
    counts, known_by, in_order = _counts(field, collection, criteria, kind)
    unknown = collection.count(criteria & Criteria(must_not=(Known(known_by),)))
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:limit]
    every = _artist_counts(collection, criteria) if known_by == "artist" else []
    artists = tuple(_named(artist, collection, criteria) for artist in every[:limit])
    shown = len(every or counts)
    if shown > limit:
        what = "artists" if artists else "values"
        notes.append(Note(f"{limit:,} of {shown:,} {what}", hint=f"--limit {shown}"))
    if unknown:
        have = f"{kind.noun} has" if unknown == 1 else f"{kind.noun}s have"
        notes.append(f"{unknown:,} {have} no {'date' if field in _DATES else field}")
    values = [pair for pair in counts.items() if pair in frequent] if in_order else frequent
    return ValueCounts(field, tuple(values), len(counts), unknown, artists, tuple(notes))


def _counts(
    field: str, collection: Collection, criteria: Criteria, kind: Kind
) -> tuple[Mapping[Any, int], str, bool]:
    """Return how often each value is there, which field tells, and whether they have an order."""
    if field in _DATES:
        return _count_decades(collection, criteria), "year_start", True
    if field == "extra":
        return count_extra_names(collection, criteria), field, False
    known_by = _countable(field, collection, kind)
    index = kind.fields.get(known_by)
    if index in ("keyword", "integer"):
        return count_indexed(known_by, collection, criteria), known_by, False
    counts = scan_values(known_by, collection, criteria)
    if index == "float":
        return _in_ranges(counts), known_by, True
    return counts, known_by, False


def _countable(field: str, collection: Collection, kind: Kind) -> str:
    name = find_field(field, collection)
    if name in ("box", "landmarks"):
        raise QueryError(f"{name} has no values to count: it is a list of coordinates")
    if name not in kind.fields and name in all_fields():
        owner = next(other for other in KINDS.values() if name in other.own_fields)
        hint = "--faces" if owner.name == FACES.name else f"--kind {owner.name}"
        raise QueryError(f"only {owner.name} have {name}; count {owner.name}", hint=hint)
    return name


def _in_ranges(counts: Mapping[Scalar, int]) -> dict[Scalar, int]:
    """Return counts of numbers in ranges of 1, 2 or 5 times a power of ten, in order."""
    numbers = sorted((float(value), count) for value, count in counts.items())
    if len(numbers) <= _BINS:
        return dict(numbers)
    least = (numbers[-1][0] - numbers[0][0]) / _BINS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    ranges: Counter[Scalar] = Counter()
    for number, count in numbers:
        first = math.floor(number / step) * step
        ranges[f"{first:.6g}..{first + step:.6g}"] += count
    return ranges


def _count_decades(collection: Collection, criteria: Criteria) -> dict[Scalar, int]:
    """Return by decade, in order, how many works have a date that overlaps it."""
    # 164 is 1640..1649, and -1 the years -9..-1.
    decades: Counter[int] = Counter()
    for _, start, end in _dated(collection, criteria):
        if -_LAST_YEAR <= start <= end <= _LAST_YEAR:
            first, last = (year // 10 if year >= 0 else ~(-year // 10) for year in (start, end))
            decades.update(range(first, last + 1))
    return {_decade_text(decade): decades[decade] for decade in sorted(decades)}


def _dated(collection: Collection, criteria: Criteria) -> Iterator[tuple[Record, int, int]]:
    """Yield every work whose date is known, and the first and the last year of it."""
    known = criteria & Criteria((Known("year_start"),))
    for record in collection.scroll(known, payload_fields=["year_start", "year_end"]):
        start: int = record.payload["year_start"]
        yield record, start, record.payload.get("year_end", start)


def _decade_text(decade: int) -> str:
    """Return a decade's years as a filter takes them; there is no year 0."""
    if decade >= 0:
        return f"{max(10 * decade, 1)}..{10 * decade + 9}"
    last = -10 * (decade + 1)
    return f"{-(last + 9)}..{-max(last, 1)}".replace("--", "-")


def _artist_counts(collection: Collection, criteria: Criteria) -> list[ArtistCount]:
    """Return all artists, most frequent first, called by their keys yet."""
    kinds: dict[str, dict[str, int]] = {}
    for kind in ATTRIBUTIONS:
        of_kind = criteria & Criteria((AnyOf("attribution", (kind,)),))
        for key, count in count_indexed("artist_key", collection, of_kind).items():
            kinds.setdefault(str(key), {})[kind] = count
    artists = [
        ArtistCount("", str(key), count, kinds.get(str(key), {}))
        for key, count in count_indexed("artist_key", collection, criteria).items()
    ]
    nameless = criteria & Criteria(must_not=(Known("artist_key"),))
    artists += [
        ArtistCount(str(name), None, count, {"unknown": count})
        for name, count in count_indexed("artist", collection, nameless).items()
    ]
    return sorted(artists, key=lambda a: (-a.count, a.artist_key or a.artist))


def _named(artist: ArtistCount, collection: Collection, criteria: Criteria) -> ArtistCount:
    """Return the artist under the name that works by the artist give most often."""
    if artist.artist_key is None:
        return artist
    of_artist = criteria & Criteria((AnyOf("artist_key", (artist.artist_key,)),))
    by_artist = of_artist & Criteria((AnyOf("attribution", ("by",)),))
    for works in (by_artist, of_artist):
        if named := collection.facet("artist", works, limit=1):
            return replace(artist, artist=str(named[0].value))
    return replace(artist, artist=artist.artist_key)


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


def draw_time_line(
    gallery: Gallery, filters: Filters | None = None, *, most: int = 16, shown: int = 8
) -> TimeLine:
    """Lay the works that meet filters along the years.

    A work stands at the middle of its date, and within the years that are asked for. Every
    work's date is read once. There are at most `most` spans, as long as that needs: 1, 2, 5, 10, …
    years; of the fullest `shown` works are to be looked at, of others as many in proportion, one at
    least. QueryError if the filters make no sense, OptionError if `most` or `shown` is below 1.
    """
    if most < 1 or shown < 1:
        raise OptionError(f"most and shown must be at least 1, not {most} and {shown}")
    filters, collection = filters or Filters(), gallery[PAINTINGS]
    criteria, notes = build_criteria(filters, collection, gallery)
    first, last, _ = read_years(filters.years) if filters.years is not None else (None, None, "")
    counts: Counter[int] = Counter()
    # Points come in the order of their ids, which are hashes: the first of a year are a sample.
    some: dict[int, list[str]] = defaultdict(list)
    for record, start, end in _dated(collection, criteria):
        year = _within((start + end) // 2, first, last)
        counts[year] += 1
        if len(some[year]) < shown:
            some[year].append(record.point_id)
    spans = _spans(sorted(counts), most)
    totals = [sum(counts[year] for year in span) for span in spans]
    greatest = max(totals, default=1)

    def draw(ends: tuple[int | None, int | None], count: int, ids: Iterable[str]) -> Span:
        few = -(-shown * count // max(greatest, count))
        records = collection.retrieve(sorted(ids)[:few]).values()
        points = [Listed(record.point_id, record.payload) for record in records]
        points.sort(key=lambda one: (one.payload.get("year_start", 0), one.point_id))
        return Span(*ends, count, tuple(points))

    drawn = [
        draw((span[0], span[-1]), total, chain.from_iterable(some.get(year, ()) for year in span))
        for span, total in zip(spans, totals, strict=True)
    ]
    without = criteria & Criteria(must_not=(Known("year_start"),))
    undated = islice(collection.scroll(without, payload_fields=()), shown)
    rest = draw((None, None), collection.count(without), (record.point_id for record in undated))
    return TimeLine(tuple(drawn), rest, tuple(notes))


def _within(year: int, first: int | None, last: int | None) -> int:
    year = year if first is None else max(first, year)
    year = year if last is None else min(last, year)
    return max(-_LAST_YEAR, min(_LAST_YEAR, year))


def _spans(years: Sequence[int], most: int) -> list[range]:
    """Return at most so many spans of equal length, without a gap, that have all the years."""
    if not years:
        return []
    least, greatest = years[0], years[-1]
    width = next(w for w in _WIDTHS if greatest // w - least // w < most or w == _WIDTHS[-1])
    starts = range(least // width * width, greatest + 1, width)
    return [range(start, start + width) for start in starts]
