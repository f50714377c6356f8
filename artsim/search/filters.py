"""Filters as people write them, made into criteria that a gallery's values meet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from artsim.catalog.criteria import (
    AnyOf,
    Between,
    Condition,
    Criteria,
    Scalar,
    Words,
    overlaps_years,
)
from artsim.catalog.kinds import KINDS, all_fields
from artsim.catalog.names import fold_text, match_artist, suggest_artists
from artsim.catalog.payload import ATTRIBUTIONS
from artsim.catalog.results import Note
from artsim.errors import QueryError
from artsim.search.fields import EXTRA, count_extra_names, find_field, scan_values
from artsim.search.years import Years, read_years
from artsim.store.base import Collection
from artsim.store.gallery import remark_on_reading

ALL_VALUES: Final = 1_000_000
_SUGGESTIONS: Final = 5
_NUMBER: Final = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the user wants filtered, field by field.

    Attributes
    ----------
    any_of : mapping of str to str, number, or sequence of these
        By field the values of which one is enough; case and accents do not matter, and
        artists are found however their names are written.
    years : str, int, or tuple of (int or None, int or None), optional
        Works whose date overlaps: ``1510..1530``, ``..1700``, ``1850..``, ``1642``, or words
        such as ``17th century`` and ``c. 1640``; see `artsim.search.years.read_years`.
    title : str or None
        Words that all occur in the title.
    where, where_not : str or sequence of str
        ``field=value`` or ``field=A..B`` for numbers; values of one field are
        alternatives. What only manifests brought is found with and without ``extra.``.

    Raises
    ------
    TypeError
        If one of them is of another type.
    """

    any_of: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict)
    years: Years | None = None
    title: str | None = None
    where: str | Sequence[str] = ()
    where_not: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse other types, and make sequences of single values."""
        if not isinstance(self.any_of, Mapping):
            raise TypeError(f"any_of: expected values by field, found {_type(self.any_of)}")
        any_of = {
            name: _texts(values, str(name), (str, int, float))
            for name, values in self.any_of.items()
        }
        object.__setattr__(self, "any_of", {name: some for name, some in any_of.items() if some})
        for name in ("where", "where_not"):
            object.__setattr__(self, name, _texts(getattr(self, name), name, (str,)))
        if self.title is not None and not isinstance(self.title, str):
            raise TypeError(f"title: expected words, found {_type(self.title)}")
        _check_years(self.years)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filtered."""
        return self == Filters()


def _texts(values: object, name: str, types: tuple[type, ...]) -> tuple[str, ...]:
    """Return one value or several as texts."""
    listed = [values] if isinstance(values, types) else values
    if isinstance(listed, Iterable) and not isinstance(listed, (Mapping, bytes)):
        given = list(listed)
        if all(isinstance(value, types) for value in given):
            return tuple(map(str, given))
    raise TypeError(f"{name}: expected a text or a list of texts, found {_type(values)}")


def _check_years(years: object) -> None:
    ends = years if isinstance(years, tuple) else (years, None)
    whole = all(end is None or (isinstance(end, int) and not isinstance(end, bool)) for end in ends)
    if not isinstance(years, str) and not (whole and len(ends) == 2):
        raise TypeError(
            f"years: expected a text, a year, or first and last year, found {_type(years)}"
        )


def _type(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"


def build_criteria(filters: Filters, collection: Collection) -> tuple[Criteria, list[str]]:
    """Return the criteria, and remarks on how names, values and years were understood.

    A value that nothing in the collection has is kept, so that nothing is found, and the
    remark suggests the nearest there are.

    Raises
    ------
    QueryError
        If a field does not exist, or a year or number cannot be understood.
    """
    notes: list[str] = []
    must: list[Condition] = []
    wanted: dict[str, list[str]] = {}
    given = [(name, str(value)) for name, values in filters.any_of.items() for value in values]  # type: ignore[union-attr]
    for name, value in (*given, *_assignments(filters.where)):
        wanted.setdefault(find_field(name, collection), []).append(value)
    for name, values in wanted.items():
        must.append(_condition(name, values, collection, notes))
    if filters.years is not None or wanted.keys() & {"year_start", "year_end"}:
        notes += [remark] if (remark := remark_on_reading(collection)) else []
    if filters.years is not None:
        first, last, remark = read_years(filters.years)
        must.extend(overlaps_years(first, last))
        notes += [remark] if remark else []
    if filters.title is not None:
        must.append(Words("title", filters.title))
    must_not = [
        _condition(find_field(name, collection), [value], collection, notes)
        for name, value in _assignments(filters.where_not)
    ]
    criteria = Criteria(tuple(must), tuple(must_not))
    if {"artist", "artist_key"} & set(wanted) and "attribution" not in wanted:
        notes += _kinds(criteria, collection)
    return criteria, notes


def _assignments(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise QueryError(f"{text!r}: expected field=value, as school=Dutch")
        yield name.strip(), value.strip()


def _condition(
    name: str, values: Sequence[str], collection: Collection, notes: list[str]
) -> Condition:
    if name.startswith(EXTRA):
        return _extra_condition(name, values, collection, notes)
    if name == "attribution":
        return AnyOf(name, tuple(_attribution(value) for value in values))
    if name in ("artist", "artist_key"):
        return AnyOf("artist_key", tuple(_artists(values, collection, notes)))
    kind = all_fields()[name]
    if kind in ("integer", "float"):
        if len(values) > 1:
            raise QueryError(f"{name}: one number or range at a time, not {len(values)}")
        return Between(name, *_read_range(name, values[0]))
    if kind == "text":
        return Words(name, " ".join(values))
    if kind == "keyword":
        return AnyOf(name, tuple(_spellings(name, values, collection, notes)))
    return AnyOf(name, tuple(values))


def _read_range(name: str, text: str) -> tuple[float | None, float | None]:
    first, dots, last = (part.strip() for part in text.partition(".."))
    try:
        least = float(first) if first else None
        most = (float(last) if last else None) if dots else least
    except ValueError as exc:
        raise QueryError(f"{name}={text}: expected a number or a range, as 40..60") from exc
    return least, most


def _extra_condition(
    name: str, values: Sequence[str], collection: Collection, notes: list[str]
) -> Condition:
    """Return the condition on a field whose type nobody knows.

    A value is compared letter by letter first, which the database does alone; if that
    finds nothing, with all values the field has: as a number or range, or without case and
    accents.
    """
    plain = AnyOf(name, tuple(alternative for value in values for alternative in _typed(value)))
    if collection.count(Criteria((plain,))):
        return plain
    known = scan_values(name, collection)
    if not known:
        has = "; ".join(EXTRA + other for other in sorted(count_extra_names(collection))[:5])
        notes.append(f"the gallery has no {name}" + (f"; it has: {has}" if has else ""))
    found: list[Scalar] = []
    for value in values:
        meets = [other for other in known if _meets(other, value)]
        if known and not meets:
            frequent = sorted(known, key=lambda other: (-known[other], str(other)))
            notes.append(_nothing(name, value, [], list(map(str, frequent))))
        found += meets
    if len(values) == 1 and found and not any(isinstance(value, str) for value in known):
        return Between(name, *_read_range(name, values[0].replace(",", ".")))
    return AnyOf(name, tuple(dict.fromkeys(found))) if found else plain


def _typed(value: str) -> list[Scalar]:
    """Return a value of a field of unknown type, as text and as the number it may be."""
    typed: list[Scalar] = [value]
    if re.fullmatch(r"-?\d{1,18}", value):
        typed.append(int(value))
    return typed


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


def _attribution(value: str) -> str:
    if value.lower() not in ATTRIBUTIONS:
        raise QueryError(f"attribution {value!r}: expected one of {', '.join(ATTRIBUTIONS)}")
    return value.lower()


def _kinds(criteria: Criteria, collection: Collection) -> list[str]:
    """Return a remark on how works are tied to the artist, where not all are in one way."""
    counts = {f.value: f.count for f in collection.facet("attribution", criteria)}
    if len(counts) < 2:
        return []
    of_kind = [f"{counts[kind]} {kind}" for kind in ATTRIBUTIONS if kind in counts]
    indexed = collection.schema.payload_indexes
    parts = [
        kind.name for kind in KINDS.values() if not kind.is_whole and kind.index_field in indexed
    ]
    what = parts[0] if parts else "works"
    text = f"{collection.count(criteria)} {what}: {', '.join(of_kind)}"
    return [Note(text, hint=f"--attribution {next(k for k in ATTRIBUTIONS if k in counts)}")]


def _values(name: str, collection: Collection) -> list[str]:
    return [str(facet.value) for facet in collection.facet(name, limit=ALL_VALUES)]


def _artists(names: Sequence[str], collection: Collection, notes: list[str]) -> list[str]:
    known = _values("artist_key", collection)
    keys: list[str] = []
    for name in names:
        found = match_artist(name, known)
        if not found:
            near = suggest_artists(name, known, limit=_SUGGESTIONS)
            most = known[: _SUGGESTIONS + 1]
            notes.append(
                _nothing("artist", name, as_written(near, collection), as_written(most, collection))
            )
        elif len(found) > 1:
            written = as_written(found[:_SUGGESTIONS], collection)
            more = f" and {len(found) - len(written)} more" if len(found) > len(written) else ""
            notes.append(f"artist {name!r} matches {len(found)}: {'; '.join(written)}{more}")
        else:
            others = [key for key in _sharing_words(found[0], known) if key not in keys]
            if others:
                not_taken = "; ".join(as_written(others[:_SUGGESTIONS], collection))
                notes.append(f"artist {name!r} is one of that name; not taken: {not_taken}")
        keys.extend(found or [fold_text(name)])
    return list(dict.fromkeys(keys))


def _sharing_words(key: str, known: Sequence[str]) -> list[str]:
    """Return the keys that have all words of `key` and more."""
    words = set(key.split())
    return [other for other in known if other != key and words <= set(other.split())]


def as_written(keys: Sequence[str], collection: Collection) -> list[str]:
    """Return artists' names as the works give them most often."""
    names = []
    for key in keys:
        facets = collection.facet("artist", Criteria((AnyOf("artist_key", (key,)),)), limit=1)
        names.append(str(facets[0].value) if facets else key)
    return names


def _spellings(
    name: str, values: Sequence[str], collection: Collection, notes: list[str]
) -> list[str]:
    known = _values(name, collection)
    by_folded: dict[str, list[str]] = {}
    for value in known:
        by_folded.setdefault(fold_text(value), []).append(value)
    found: list[str] = []
    for value in values:
        folded = fold_text(value)
        if folded not in by_folded:
            near = difflib.get_close_matches(folded, by_folded, n=_SUGGESTIONS, cutoff=0.5)
            notes.append(_nothing(name, value, [by_folded[n][0] for n in near], known))
        found.extend(by_folded.get(folded, [value]))
    return list(dict.fromkeys(found))


def _nothing(name: str, value: str, near: Sequence[str], known: Sequence[str]) -> str:
    """Say that nothing has the value, and which there are: all, the nearest, or the frequent."""
    said = f"the gallery has no {name} {value!r}"
    if 0 < len(known) <= _SUGGESTIONS:
        return f"{said}; it has: {'; '.join(known)}"
    hint = "artsim list" if name == "painting_id" else f"artsim facets {name}"
    if near:
        return Note(f"{said}; nearest: {'; '.join(near)}", hint=hint)
    if not known:
        return f"{said}, nor any other"
    if name == "painting_id":
        return Note(said, hint=hint)
    return Note(f"{said}; most often: {'; '.join(known[:_SUGGESTIONS])}", hint=hint)
