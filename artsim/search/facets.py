"""How many works have each value of a field."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from artsim.catalog.criteria import AnyOf, Criteria, Known, Scalar
from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind, all_fields
from artsim.catalog.payload import ATTRIBUTIONS
from artsim.catalog.results import Note
from artsim.errors import OptionError, QueryError
from artsim.search.fields import count_extra_names, find_field, scan_values
from artsim.search.filters import ALL_VALUES, Filters, build_criteria
from artsim.store.base import Collection
from artsim.store.gallery import Gallery

_DATES: Final = ("date", "dates", "year", "years", "decade", "decades")
_BINS: Final = 12
_LAST_YEAR: Final = 9999


@dataclass(frozen=True, slots=True)
class ArtistCount:
    """How many works name an artist, however they write the name.

    Attributes
    ----------
    artist : str
        As the works by the artist write it most often.
    artist_key : str or None
        Under which the spellings meet; None where there is no name, as of "unknown".
    attributions : mapping of str to int
        How many are by the artist, by the workshop and so on.
    """

    artist: str
    artist_key: str | None
    count: int
    attributions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Values of a field, with how many works have each.

    Attributes
    ----------
    field : str
        As it was asked for.
    values : tuple of (value, int)
        Most frequent first; ranges of years and numbers in their order.
    total : int
        How many different values there are, with those beyond the limit.
    unknown : int
        How many works do not have the field.
    artists : tuple of ArtistCount
        Of the field ``artist``: as `values`, with the spellings of a name together.
    notes : tuple of str
        Remarks on how the filters were understood, and on what is not in `values`.
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
    which takes seconds for 100,000 of them.

    Parameters
    ----------
    kind : Kind
        What is counted.
    field : str
        Any field but ``box`` and ``landmarks``. ``date`` counts decades, in each the works
        whose date overlaps it; numbers with decimals are counted in ranges, whose upper
        end belongs to the next; ``extra`` counts the names of what manifests brought, and
        ``extra.NAME`` (or NAME) the values of one.
    limit : int
        Most values to return: the most frequent ones.

    Raises
    ------
    QueryError
        If there is no such field, its values cannot be counted, or there are too many of
        them.
    OptionError
        If `limit` is below 1.
    """
    if limit < 1:
        raise OptionError(f"limit must be at least 1, not {limit}")
    collection = gallery[kind]
    criteria, notes = build_criteria(filters or Filters(), collection)
    counts: Mapping[Any, int]
    if field in _DATES:
        known_by, in_order = "year_start", True
        counts = _count_decades(collection, criteria)
    elif field == "extra":
        known_by, in_order = field, False
        counts = count_extra_names(collection, criteria)
    else:
        known_by = _countable(field, collection, kind)
        in_order = kind.fields.get(known_by) == "float"
        counts = _count(known_by, collection, criteria, kind)
    unknown = collection.count(criteria & Criteria(must_not=(Known(known_by),)))
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:limit]
    artists: tuple[ArtistCount, ...] = ()
    total = shown = len(counts)
    if known_by == "artist":
        every = _artist_counts(collection, criteria)
        artists = tuple(_named(artist, collection, criteria) for artist in every[:limit])
        shown = len(every)
    if shown > limit:
        what = "artists" if artists else "values"
        notes.append(Note(f"{limit:,} of {shown:,} {what}", hint=f"--limit {shown}"))
    if unknown:
        have = f"{kind.noun} has" if unknown == 1 else f"{kind.noun}s have"
        notes.append(f"{unknown:,} {have} no {'date' if field in _DATES else field}")
    values = [pair for pair in counts.items() if pair in frequent] if in_order else frequent
    return ValueCounts(field, tuple(values), total, unknown, artists, tuple(notes))


def _countable(field: str, collection: Collection, kind: Kind) -> str:
    name = find_field(field, collection)
    if name in ("box", "landmarks"):
        raise QueryError(f"{name} has no values to count: it is a list of coordinates")
    if name not in kind.fields and name in all_fields():
        owner = next(other for other in KINDS.values() if name in other.own_fields)
        hint = "--faces" if owner.name == FACES.name else f"--kind {owner.name}"
        raise QueryError(f"only {owner.name} have {name}; count {owner.name}", hint=hint)
    return name


def _count(
    name: str, collection: Collection, criteria: Criteria, kind: Kind
) -> Mapping[Scalar, int]:
    index = kind.fields.get(name)
    if index in ("keyword", "integer"):
        return {f.value: f.count for f in collection.facet(name, criteria, limit=ALL_VALUES)}
    counts = scan_values(name, collection, criteria)
    return _in_ranges(counts) if index == "float" else counts


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
    decades: Counter[int] = Counter()
    dated = criteria & Criteria((Known("year_start"),))
    for record in collection.scroll(dated, payload_fields=["year_start", "year_end"]):
        start: int = record.payload["year_start"]
        end: int = record.payload.get("year_end", start)
        if -_LAST_YEAR <= start <= end <= _LAST_YEAR:
            decades.update(range(_decade(start), _decade(end) + 1))
    return {_decade_text(decade): decades[decade] for decade in sorted(decades)}


def _decade(year: int) -> int:
    """Return the number of a year's decade: 164 of 1640..1649, -1 of the years -9..-1."""
    return year // 10 if year >= 0 else -(-year // 10) - 1


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
        for found in collection.facet("artist_key", of_kind, limit=ALL_VALUES):
            kinds.setdefault(str(found.value), {})[kind] = found.count
    artists = [
        ArtistCount("", str(found.value), found.count, kinds.get(str(found.value), {}))
        for found in collection.facet("artist_key", criteria, limit=ALL_VALUES)
    ]
    nameless = criteria & Criteria(must_not=(Known("artist_key"),))
    artists += [
        ArtistCount(str(found.value), None, found.count, {"unknown": found.count})
        for found in collection.facet("artist", nameless, limit=ALL_VALUES)
    ]
    return sorted(artists, key=lambda a: (-a.count, a.artist_key or a.artist))


def _named(artist: ArtistCount, collection: Collection, criteria: Criteria) -> ArtistCount:
    """Return the artist under the name that works by the artist give most often."""
    key = artist.artist_key
    if key is None:
        return artist
    of_artist = criteria & Criteria((AnyOf("artist_key", (key,)),))
    by_artist = of_artist & Criteria((AnyOf("attribution", ("by",)),))
    for works in (by_artist, of_artist):
        if named := collection.facet("artist", works, limit=1):
            return ArtistCount(str(named[0].value), key, artist.count, artist.attributions)
    return ArtistCount(key, key, artist.count, artist.attributions)
