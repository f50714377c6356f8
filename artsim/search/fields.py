"""Fields as people name them: those of the payload contract, and what a manifest had beside."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Final

from artsim.catalog.criteria import EVERYTHING, Criteria, Known, Scalar
from artsim.catalog.kinds import all_fields
from artsim.catalog.names import fold_text
from artsim.catalog.payload import field_values
from artsim.errors import QueryError
from artsim.store.base import Collection

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


def check_field(name: str, collection: Collection | None = None) -> None:
    """Raise QueryError unless payloads may have a field of that name.

    The error names what manifests brought into `collection`, where that is given.
    """
    if name not in all_fields() and not _is_extra(name):
        raise _unknown_field(name, None if collection is None else count_extra_names(collection))


def find_field(name: str, collection: Collection) -> str:
    """Return the field that is meant: of the contract, or ``extra.NAME``.

    A name that the contract does not have is looked for among what manifests brought
    into `collection`, whatever its case and accents, at the price of reading all of it.

    Raises
    ------
    QueryError
        If there is none of that name, or several are alike.
    """
    if name in all_fields():
        return name
    bare = name.removeprefix(EXTRA)
    if _is_extra(name) and _is_known(name, collection):
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


def count_extra_names(collection: Collection, criteria: Criteria = EVERYTHING) -> Counter[str]:
    """Return how many points have each name below ``extra``, by reading all of them.

    Raises
    ------
    QueryError
        If there are more than ten thousand names.
    """
    names: Counter[str] = Counter()
    for record in collection.scroll(criteria, payload_fields=["extra"]):
        names.update(list(record.payload.get("extra") or ()))
        if len(names) > _MOST_NAMES:
            raise QueryError(f"the gallery has more than {_MOST_NAMES:,} names below extra")
    return names


def scan_values(
    field: str, collection: Collection, criteria: Criteria = EVERYTHING
) -> Counter[Scalar]:
    """Return how many points have each value of a field, by reading all that have it.

    Each value of a list counts; objects count for nothing. True and 1 are one value.

    Raises
    ------
    QueryError
        If the different values take more than 64 MiB.
    """
    top = "extra" if field.startswith(EXTRA) else field
    counts: Counter[Scalar] = Counter()
    size = 0
    known = criteria & Criteria((Known(field),))
    for record in collection.scroll(known, payload_fields=[top]):
        for value in dict.fromkeys(_scalars(field_values(record.payload, field))):
            if value not in counts:
                size += _BYTES_OF_ENTRY + (len(value) if isinstance(value, str) else 0)
            counts[value] += 1
        if size > _MOST_BYTES:
            raise QueryError(
                f"{field} has more than {len(counts):,} different values, too many to count; "
                "count those of a selection, or of another field"
            )
    return counts


def _scalars(values: Iterable[object]) -> Iterable[Scalar]:
    return (value for value in values if isinstance(value, str | int | float))


def _is_extra(name: str) -> bool:
    return name.startswith(EXTRA) and len(name) > len(EXTRA)


def _is_known(name: str, collection: Collection) -> bool:
    return collection.count(Criteria((Known(name),))) > 0


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
