"""Filters as people write them, made into criteria that a gallery's values meet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from artsim.domain.criteria import (
    AnyOf,
    Between,
    Condition,
    Criteria,
    Scalar,
    Words,
    overlaps_years,
)
from artsim.domain.names import fold_text, match_artist, suggest_artists
from artsim.domain.payload import ATTRIBUTIONS, FACE_FIELDS
from artsim.errors import QueryError
from artsim.store.base import Collection

_ALL_VALUES = 1_000_000
_SUGGESTIONS = 5
_EXTRA = "extra."


@dataclass(frozen=True, slots=True)
class Filters:
    """What the user wants filtered, field by field.

    Attributes
    ----------
    any_of : mapping of str to sequence of str
        By field the values of which one is enough; case and accents do not matter, and
        artists are found however their names are written.
    years : str or None
        ``1642``, ``1510..1530``, ``..1700`` or ``1850..``: works whose date overlaps.
    title : str or None
        Words that all occur in the title.
    where, where_not : sequence of str
        ``field=value`` or ``field=A..B`` for numbers; values of one field are
        alternatives.
    """

    any_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    years: str | None = None
    title: str | None = None
    where: Sequence[str] = ()
    where_not: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filtered."""
        return self == Filters()


def build_criteria(filters: Filters, collection: Collection) -> tuple[Criteria, list[str]]:
    """Return the criteria, and remarks on how names and values were understood.

    A value that nothing in the collection has is kept, so that nothing is found, and the
    remark suggests the nearest there are.

    Raises
    ------
    QueryError
        If a field does not exist, or a year or number cannot be understood.
    """
    notes: list[str] = []
    must: list[Condition] = []
    wanted = {name: list(values) for name, values in filters.any_of.items() if values}
    for name, value in _assignments(filters.where):
        wanted.setdefault(name, []).append(value)
    for name, values in wanted.items():
        must.append(_condition(name, values, collection, notes))
    if filters.years is not None:
        must.extend(overlaps_years(*parse_range(filters.years, "--year")))
    if filters.title is not None:
        must.append(Words("title", filters.title))
    must_not = [
        _condition(name, [value], collection, notes)
        for name, value in _assignments(filters.where_not)
    ]
    return Criteria(tuple(must), tuple(must_not)), notes


def parse_range(text: str, place: str) -> tuple[int | None, int | None]:
    """Return the ends of ``A..B``, ``A..``, ``..B`` or ``A``, in whole numbers.

    Raises
    ------
    QueryError
        If it is none of these, or A is above B.
    """
    match = re.fullmatch(r"\s*(-?\d+)?\s*(\.\.)?\s*(-?\d+)?\s*", text)
    if match is None or not (match[1] or match[3]) or (match[1] and match[3] and not match[2]):
        raise QueryError(f"{place} {text!r}: expected A..B, A.., ..B or a number, as 1510..1530")
    first = int(match[1]) if match[1] else None
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if first is not None and last is not None and first > last:
        raise QueryError(f"{place} {text!r}: {first} is above {last}; write {last}..{first}")
    return first, last


def _assignments(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise QueryError(f"{text!r}: expected field=value, as school=Dutch")
        yield name.strip(), value.strip()


def _condition(
    name: str, values: Sequence[str], collection: Collection, notes: list[str]
) -> Condition:
    if name.startswith(_EXTRA) and len(name) > len(_EXTRA):
        return AnyOf(name, tuple(alternative for value in values for alternative in _typed(value)))
    check_field(name)
    if name == "attribution":
        return AnyOf(name, tuple(_attribution(value) for value in values))
    if name in ("artist", "artist_key"):
        return AnyOf("artist_key", tuple(_artists(values, collection, notes)))
    kind = FACE_FIELDS[name]
    if kind in ("integer", "float"):
        if len(values) > 1:
            raise QueryError(f"{name}: one number or range at a time, not {len(values)}")
        return _between(name, values[0])
    if kind == "text":
        return Words(name, " ".join(values))
    if kind == "keyword":
        return AnyOf(name, tuple(_spellings(name, values, collection, notes)))
    return AnyOf(name, tuple(values))


def _between(name: str, text: str) -> Between:
    first, dots, last = (part.strip() for part in text.partition(".."))
    try:
        least = float(first) if first else None
        most = (float(last) if last else None) if dots else least
    except ValueError as exc:
        raise QueryError(f"{name}={text}: expected a number or a range, as 40..60") from exc
    return Between(name, least, most)


def _typed(value: str) -> list[Scalar]:
    """Return a value of a field of unknown type, as text and as the number it may be."""
    typed: list[Scalar] = [value]
    if re.fullmatch(r"-?\d{1,18}", value):
        typed.append(int(value))
    if value.lower() in ("true", "false"):
        typed.append(value.lower() == "true")
    return typed


def _attribution(value: str) -> str:
    if value.lower() not in ATTRIBUTIONS:
        raise QueryError(f"attribution {value!r}: expected one of {', '.join(ATTRIBUTIONS)}")
    return value.lower()


def _values(name: str, collection: Collection) -> list[str]:
    return [str(facet.value) for facet in collection.facet(name, limit=_ALL_VALUES)]


def _artists(names: Sequence[str], collection: Collection, notes: list[str]) -> list[str]:
    known = _values("artist_key", collection)
    keys: list[str] = []
    for name in names:
        found = match_artist(name, known)
        if not found:
            near = suggest_artists(name, known, limit=_SUGGESTIONS)
            notes.append(_nothing("artist", name, _as_written(near, collection)))
        elif len(found) > 1:
            written = _as_written(found[:_SUGGESTIONS], collection)
            more = f" and {len(found) - len(written)} more" if len(found) > len(written) else ""
            notes.append(f"artist {name!r} matches {len(found)}: {'; '.join(written)}{more}")
        else:
            others = [key for key in _sharing_words(found[0], known) if key not in keys]
            if others:
                not_taken = "; ".join(_as_written(others[:_SUGGESTIONS], collection))
                notes.append(f"artist {name!r} is one of that name; not taken: {not_taken}")
        keys.extend(found or [fold_text(name)])
    return list(dict.fromkeys(keys))


def _sharing_words(key: str, known: Sequence[str]) -> list[str]:
    """Return the keys that have all words of `key` and more."""
    words = set(key.split())
    return [other for other in known if other != key and words <= set(other.split())]


def _as_written(keys: Sequence[str], collection: Collection) -> list[str]:
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
            notes.append(_nothing(name, value, [by_folded[n][0] for n in near]))
        found.extend(by_folded.get(folded, [value]))
    return list(dict.fromkeys(found))


def _nothing(name: str, value: str, near: Sequence[str]) -> str:
    hint = f"nearest: {'; '.join(near)}" if near else f"`artsim facets {name}` lists those it has"
    return f"the gallery has no {name} {value!r}; {hint}"


def check_field(name: str) -> None:
    """Raise QueryError unless payloads may have a field of that name."""
    if name not in FACE_FIELDS and not name.startswith(_EXTRA):
        raise QueryError(_unknown_field(name))


def _unknown_field(name: str) -> str:
    near = difflib.get_close_matches(name, FACE_FIELDS, n=3, cutoff=0.5)
    return (
        f"no field is called {name!r}: did you mean {' or '.join([*near, _EXTRA + name])}? "
        f"Fields: {', '.join(FACE_FIELDS)}; what a manifest had beside these is extra.NAME"
    )
