"""Filters as people write them, made into criteria that a gallery's values meet."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from artsim.catalog.dates import parse_date, read_spans
from artsim.catalog.hits import Note
from artsim.catalog.kinds import FRAMES, KINDS, all_fields
from artsim.catalog.names import fold_text, match_artist, suggest_artists
from artsim.catalog.payload import (
    ATTRIBUTIONS,
    EVERYTHING,
    AnyOf,
    Between,
    Condition,
    Criteria,
    Known,
    Scalar,
    Words,
    field_values,
    overlaps_years,
)
from artsim.errors import QueryError
from artsim.search.named_faces import people_criteria
from artsim.store.gallery import Gallery, remark_on_reading, without_frames
from artsim.store.protocol import Collection

EXTRA: Final = "extra."

USEFUL_FIELDS: Final = (
    "artist", "attribution", "title", "year_start", "year_end", "style", "genre", "school",
    "medium", "institution", "tags", "width_cm", "height_cm",
)  # fmt: skip
"""Fields that a person filters by; the others are for programs."""

_SHOWN: Final = 8
_MOST_NAMES: Final = 10_000
_MOST_BYTES: Final = 64 * 1024 * 1024
_BYTES_OF_ENTRY: Final = 100
"""About what a value takes beside its text, and its count."""

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

ALL_VALUES: Final = 1_000_000
_SUGGESTIONS: Final = 5
_NUMBER: Final = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the user wants filtered, field by field; TypeError if one of them is of another type.

    Attributes
    ----------
    any_of
        By field the values of which one is enough; case and accents do not matter, and
        artists are found however their names are written.
    years
        Works whose date overlaps: ``1510..1530``, ``..1700``, ``1850..``, ``1642``, or words
        such as ``17th century`` and ``c. 1640``; see `artsim.search.filters.read_years`.
    title
        Words that all occur in the title.
    people
        Who is shown, by a name of the gallery's file of names (`artsim.search.named_faces`): of
        faces those of one of them, of paintings those with such a face.
    where, where_not
        ``field=value`` or ``field=A..B`` for numbers; values of one field are
        alternatives. What only manifests brought is found with and without ``extra.``.
    films
        Frames of films instead of paintings; without it these are passed over.
    """

    any_of: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict)
    years: Years | None = None
    title: str | None = None
    where: str | Sequence[str] = ()
    where_not: str | Sequence[str] = ()
    people: str | Sequence[str] = ()
    films: bool = False

    def __post_init__(self) -> None:
        """Refuse other types, and make sequences of single values."""
        if not isinstance(self.any_of, Mapping):
            raise _mistyped("any_of", "values by field", self.any_of)
        given = ((name, _texts(v, str(name), str, int, float)) for name, v in self.any_of.items())
        object.__setattr__(self, "any_of", {name: some for name, some in given if some})
        for name in ("where", "where_not", "people"):
            object.__setattr__(self, name, _texts(getattr(self, name), name, str))
        if not isinstance(self.title, str | None):
            raise _mistyped("title", "words", self.title)
        ends = self.years if isinstance(self.years, tuple) else (self.years, None)
        whole = all(isinstance(end, int | None) and not isinstance(end, bool) for end in ends)
        if not isinstance(self.years, str) and not (whole and len(ends) == 2):
            raise _mistyped("years", "a text, a year, or first and last year", self.years)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filtered."""
        return self == Filters()


def _texts(values: object, name: str, *types: type) -> tuple[str, ...]:
    """Return one value or several as texts."""
    listed = [values] if isinstance(values, types) else values
    if isinstance(listed, Iterable) and not isinstance(listed, (Mapping, bytes)):
        given = list(listed)
        if all(isinstance(value, types) for value in given):
            return tuple(map(str, given))
    raise _mistyped(name, "a text or a list of texts", values)


def _mistyped(name: str, expected: str, value: object) -> TypeError:
    found = f"{type(value).__name__} {str(value)[:60]!r}"
    return TypeError(f"{name}: expected {expected}, found {found}")


def build_criteria(
    filters: Filters, collection: Collection, gallery: Gallery | None = None
) -> tuple[Criteria, list[str]]:
    """Return the criteria, and remarks on how names, values and years were understood.

    `gallery`, of which the collection is, knows where people's names are written. A value that
    nothing in the collection has is kept, so that nothing is found, and the remark suggests the
    nearest there are. QueryError if a field does not exist, or a year or number cannot be
    understood.
    """
    read = _Reader(collection)
    notes = read.notes
    wanted: dict[str, list[str]] = {}
    given = [(name, str(value)) for name, values in filters.any_of.items() for value in values]  # type: ignore[union-attr]
    for name, value in (*given, *_assignments(filters.where)):
        wanted.setdefault(find_field(name, collection), []).append(value)
    must = [read.condition(name, values) for name, values in wanted.items()]
    if filters.years is not None or wanted.keys() & {"year_start", "year_end"}:
        notes += filter(None, [remark_on_reading(collection)])
    if filters.years is not None:
        first, last, remark = read_years(filters.years)
        must += overlaps_years(first, last)
        notes += filter(None, [remark])
    if filters.title is not None:
        must.append(Words("title", filters.title))
    must_not = [
        read.condition(find_field(name, collection), [value])
        for name, value in _assignments(filters.where_not)
    ]
    of_films = FRAMES if filters.films else without_frames(collection)
    criteria = Criteria(tuple(must), tuple(must_not)) & of_films
    if {"artist", "artist_key"} & set(wanted) and "attribution" not in wanted:
        notes += _kinds(criteria, collection)
    if filters.people:
        if gallery is None:
            raise ValueError("people are known by the gallery, which is not given")
        kind = next(
            kind for kind in gallery.kinds if gallery.collection_name(kind) == collection.name
        )
        shows, remarks = people_criteria(filters.people, gallery, kind)
        return criteria & shows, [*notes, *remarks]
    return criteria, notes


def _assignments(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise QueryError(f"{text!r}: expected field=value, as school=Dutch")
        yield name.strip(), value.strip()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads values as people write them, by what a collection has, and notes how."""

    collection: Collection
    notes: list[str] = field(default_factory=list)

    def condition(self, name: str, values: Sequence[str]) -> Condition:
        """Return the condition that the field has one of the values, or a number in the range."""
        if name.startswith(EXTRA):
            return self._extra(name, values)
        if name in ("artist", "artist_key"):
            return AnyOf("artist_key", tuple(self._artists(values)))
        if name == "attribution":
            for value in values:
                if value.lower() not in ATTRIBUTIONS:
                    expected = ", ".join(ATTRIBUTIONS)
                    raise QueryError(f"attribution {value!r}: expected one of {expected}")
            return AnyOf(name, tuple(value.lower() for value in values))
        kind = all_fields()[name]
        if kind in ("integer", "float"):
            if len(values) > 1:
                raise QueryError(f"{name}: one number or range at a time, not {len(values)}")
            return Between(name, *_read_range(name, values[0]))
        if kind == "text":
            return Words(name, " ".join(values))
        return AnyOf(name, tuple(self._spellings(name, values) if kind == "keyword" else values))

    def _extra(self, name: str, values: Sequence[str]) -> Condition:
        """Return the condition on a field whose type nobody knows.

        Values are compared letter by letter first, by the database; if that finds nothing, with
        all that the field has: as a number or range, or without case and accents.
        """
        typed: list[Scalar] = []
        for value in values:
            typed += [value, int(value)] if re.fullmatch(r"-?\d{1,18}", value) else [value]
        plain = AnyOf(name, tuple(typed))
        if self.collection.count(Criteria((plain,))):
            return plain
        known = scan_values(name, self.collection)
        if not known:
            names = sorted(count_extra_names(self.collection))[:5]
            has = "; ".join(EXTRA + other for other in names)
            self.notes.append(f"the gallery has no {name}" + (f"; it has: {has}" if has else ""))
        found: list[Scalar] = []
        for value in values:
            meets = [other for other in known if _meets(other, value)]
            if known and not meets:
                frequent = sorted(known, key=lambda other: (-known[other], str(other)))
                self._nothing(name, value, [], list(map(str, frequent)))
            found += meets
        if len(values) == 1 and found and not any(isinstance(value, str) for value in known):
            return Between(name, *_read_range(name, values[0].replace(",", ".")))
        return AnyOf(name, tuple(dict.fromkeys(found))) if found else plain

    def _artists(self, names: Sequence[str]) -> Iterable[str]:
        known = [str(key) for key in count_indexed("artist_key", self.collection)]
        keys: list[str] = []
        for name in names:
            found = match_artist(name, known)
            words = set(found[0].split()) if len(found) == 1 else set()
            others = [k for k in known if k not in (*found, *keys) and words <= set(k.split())]
            if not found:
                near = suggest_artists(name, known, limit=_SUGGESTIONS)
                most = known[: _SUGGESTIONS + 1]
                self._nothing("artist", name, self._as_written(near), self._as_written(most))
            elif len(found) > 1:
                written = self._as_written(found[:_SUGGESTIONS])
                more = f" and {len(found) - len(written)} more" if len(found) > len(written) else ""
                self.notes.append(
                    f"artist {name!r} matches {len(found)}: {'; '.join(written)}{more}"
                )
            elif others:
                not_taken = "; ".join(self._as_written(others[:_SUGGESTIONS]))
                self.notes.append(f"artist {name!r} is one of that name; not taken: {not_taken}")
            keys.extend(found or [fold_text(name)])
        return dict.fromkeys(keys)

    def _as_written(self, keys: Sequence[str]) -> list[str]:
        """Return artists' names as the works give them most often."""
        of_each = (Criteria((AnyOf("artist_key", (key,)),)) for key in keys)
        most = [self.collection.facet("artist", of_artist, limit=1) for of_artist in of_each]
        return [str(f[0].value) if f else key for key, f in zip(keys, most, strict=True)]

    def _spellings(self, name: str, values: Sequence[str]) -> Iterable[str]:
        known = [str(value) for value in count_indexed(name, self.collection)]
        by_folded: dict[str, list[str]] = {}
        for value in known:
            by_folded.setdefault(fold_text(value), []).append(value)
        found: list[str] = []
        for value in values:
            folded = fold_text(value)
            if folded not in by_folded:
                near = difflib.get_close_matches(folded, by_folded, n=_SUGGESTIONS, cutoff=0.5)
                self._nothing(name, value, [by_folded[n][0] for n in near], known)
            found.extend(by_folded.get(folded, [value]))
        return dict.fromkeys(found)

    def _nothing(self, name: str, value: str, near: Sequence[str], known: Sequence[str]) -> None:
        """Note that nothing has the value, and which there are: all, the nearest, the frequent."""
        said = f"the gallery has no {name} {value!r}"
        is_id = name == "painting_id"
        hint = "artsim list" if is_id else f"artsim facets {name}"
        if 0 < len(known) <= _SUGGESTIONS:
            said, hint = f"{said}; it has: {'; '.join(known)}", ""
        elif not (near or known):
            said, hint = f"{said}, nor any other", ""
        elif near or not is_id:
            others = near or known[:_SUGGESTIONS]
            said += f"; {'nearest' if near else 'most often'}: {'; '.join(others)}"
        self.notes.append(Note(said, hint=hint) if hint else said)


def _read_range(name: str, text: str) -> tuple[float | None, float | None]:
    first, dots, last = (part.strip() for part in text.partition(".."))
    try:
        least = float(first) if first else None
        most = (float(last) if last else None) if dots else least
    except ValueError as exc:
        raise QueryError(f"{name}={text}: expected a number or a range, as 40..60") from exc
    return least, most


def _meets(known: Scalar, asked: str) -> bool:
    """Return whether a value of unknown type is the one asked for, or in the range."""
    if isinstance(known, bool):
        if fold_text(asked) in ("true", "false"):
            raise QueryError(f"{asked!r}: the database cannot compare with true or false")
        return False
    written = _NUMBER.fullmatch(known) if isinstance(known, str) else None
    number = float(written[1].replace(",", ".")) if written else known
    if isinstance(number, str):
        return fold_text(number) == fold_text(asked)
    try:
        least, most = _read_range("", asked.replace(",", "."))
    except QueryError:
        return False
    return (least is None or least <= number) and (most is None or number <= most)


def _kinds(criteria: Criteria, collection: Collection) -> list[str]:
    """Return a remark on how works are tied to the artist, where not all are in one way."""
    counts = count_indexed("attribution", collection, criteria)
    if len(counts) < 2:
        return []
    of_kind = [f"{counts[kind]} {kind}" for kind in ATTRIBUTIONS if kind in counts]
    indexed = collection.schema.payload_indexes
    parts = (kind.name for kind in KINDS.values() if kind.index_field in indexed)
    what = next(parts, "works")
    text = f"{collection.count(criteria)} {what}: {', '.join(of_kind)}"
    return [Note(text, hint=f"--attribution {next(k for k in ATTRIBUTIONS if k in counts)}")]


def check_field(name: str, collection: Collection | None = None) -> None:
    """Raise QueryError, which names what there is, unless payloads may have such a field."""
    if name not in all_fields() and not _is_extra(name):
        raise _unknown_field(name, None if collection is None else count_extra_names(collection))


def find_field(name: str, collection: Collection) -> str:
    """Return the field that is meant: of the contract, or ``extra.NAME``.

    A name that the contract does not have is looked for among what manifests brought into
    `collection`, whatever its case and accents, at the price of reading all of it. QueryError if
    there is none of that name, or several are alike.
    """
    if name in all_fields():
        return name
    bare = name.removeprefix(EXTRA)
    if _is_extra(name) and collection.count(Criteria((Known(name),))):
        return name
    names = count_extra_names(collection)
    if bare in names:
        return EXTRA + bare
    alike = sorted(other for other in names if fold_text(other) == fold_text(bare))
    if len(alike) > 1:
        raise QueryError(
            f"{name!r} may be any of {', '.join(EXTRA + other for other in alike)}; name one"
        )
    if alike:
        return EXTRA + alike[0]
    if _is_extra(name):
        return name
    raise _unknown_field(name, names)


def count_indexed(
    field: str, collection: Collection, criteria: Criteria = EVERYTHING
) -> dict[Any, int]:
    """Return how many points have each value of an indexed field, most frequent first."""
    return {f.value: f.count for f in collection.facet(field, criteria, limit=ALL_VALUES)}


def count_extra_names(collection: Collection, criteria: Criteria = EVERYTHING) -> Counter[str]:
    """Return how many points have each name below ``extra``, by reading all of them.

    QueryError if there are more than ten thousand.
    """
    names: Counter[str] = Counter()
    for record in collection.scroll(criteria, payload_fields=("extra",)):
        names.update(list(record.payload.get("extra") or ()))
        if len(names) > _MOST_NAMES:
            raise QueryError(f"the gallery has more than {_MOST_NAMES:,} names below extra")
    return names


def scan_values(
    field: str, collection: Collection, criteria: Criteria = EVERYTHING
) -> Counter[Scalar]:
    """Return how many points have each value of a field, by reading all that have it.

    Each value of a list counts; objects count for nothing. True and 1 are one value. QueryError
    if the different values take more than 64 MiB.
    """
    top = "extra" if field.startswith(EXTRA) else field
    counts: Counter[Scalar] = Counter()
    size = 0
    known = criteria & Criteria((Known(field),))
    for record in collection.scroll(known, payload_fields=[top]):
        values = field_values(record.payload, field)
        for value in dict.fromkeys(v for v in values if isinstance(v, str | int | float)):
            if value not in counts:
                size += _BYTES_OF_ENTRY + (len(value) if isinstance(value, str) else 0)
            counts[value] += 1
        if size > _MOST_BYTES:
            raise QueryError(
                f"{field} has more than {len(counts):,} different values, too many to count; "
                "count those of a selection, or of another field"
            )
    return counts


def _is_extra(name: str) -> bool:
    return name.startswith(EXTRA) and len(name) > len(EXTRA)


def _unknown_field(name: str, extra: Iterable[str] | None) -> QueryError:
    names = [EXTRA + other for other in extra or ()]
    near = difflib.get_close_matches(name, all_fields(), n=2, cutoff=0.6)
    near += difflib.get_close_matches(EXTRA + name, names, n=2, cutoff=0.75)
    near += [EXTRA + name] if extra is None else []
    meant = f": did you mean {' or '.join(dict.fromkeys(near))}?" if near else "."
    rest = "what a manifest had beside these is extra.NAME"
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        rest = f"beside these the gallery has {', '.join(sorted(names)[:_SHOWN])}{more}"
    return QueryError(
        f"no field is called {name!r}{meant} Fields: {', '.join(USEFUL_FIELDS)}; {rest}"
    )


def read_years(years: Years) -> tuple[int | None, int | None, str]:
    """Return first and last year that are asked for, None where open, and a remark.

    Besides ``A..B``, ``A..``, ``..B`` and one year, which may be negative, all is taken that
    `parse_date` reads in a catalog's date. "Before" and "after" are open here, and "c. 1640"
    reaches `CIRCA_YEARS` either way. The remark says how words were understood; it is "" where
    there is nothing to understand. QueryError if it is none of these, or the first year is after
    the last.
    """
    if not isinstance(years, str):
        first, last = years if isinstance(years, tuple) else (years, years)
    else:
        text = years.strip()
        found, two = _RANGE.fullmatch(text), _TWO_YEARS.fullmatch(text)
        if found and (found[2] or not found[3]) and (found[1] or found[3]):
            first = int(found[1]) if found[1] else None
            last = int(found[3]) if found[3] else (None if found[2] else first)
        elif two:
            first, last = int(two[1]), int(two[2])
        else:
            return _from_date(text)
    if first is not None and last is not None and first > last:
        turned = f"{last}..{first}"
        raise QueryError(f"years: {first} is after {last}; write {turned}", hint=f"--year {turned}")
    return first, last, ""


def _from_date(text: str) -> tuple[int | None, int | None, str]:
    read = parse_date(text)
    if read is None:
        raise QueryError(
            f"years {text[:100]!r}: expected A..B, A.., ..B, a year, or a date as catalogs write "
            "it: 1620-1650, 17th century, c. 1640",
            hint="--year 1510..1530",
        )
    first: int | None = read.start
    last: int | None = read.end
    why = ""
    spans = read_spans(text)
    if len(spans) == 1 and spans[0].open_end and not spans[0].is_close:
        first, last = (first, None) if spans[0].open_end == "after" else (None, last)
    elif _CIRCA.search(fold_text(text)):
        first, last = read.start - CIRCA_YEARS, read.end + CIRCA_YEARS
        why = f": {CIRCA_YEARS} years either way, as most museums take it"
    ends = ["" if year is None else str(year) for year in (first, last)]
    meant = ends[0] if first == last else "..".join(ends)
    return first, last, f"years {text!r} mean {meant}{why}"
