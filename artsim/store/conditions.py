"""Criteria as the filters of a database, written once for every dialect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from artsim.catalog.criteria import (
    AnyOf,
    Between,
    Condition,
    Criteria,
    HasVector,
    Known,
    Scalar,
    Words,
)
from artsim.errors import StoreError

C = TypeVar("C")

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class Dialect(Protocol, Generic[C]):
    """The conditions of one Qdrant library, which differ in their constructors only."""

    def any_string(self, field: str, values: list[str]) -> C:
        """Say that `field`, or one of its elements, is one of `values`, letter by letter."""
        ...

    def between(self, field: str, least: float | None, most: float | None) -> C:
        """Say that `field` is a number from `least` to `most`."""
        ...

    def all_words(self, field: str, text: str) -> C:
        """Say that `field` holds every word of `text`."""
        ...

    def is_empty(self, field: str) -> C:
        """Say that `field` is absent, null or an empty list."""
        ...

    def has_vector(self, vector_name: str) -> C:
        """Say that the point has a vector of that name."""
        ...

    def combine(self, must: list[C], should: list[C], must_not: list[C]) -> C:
        """Ask for all of `must`, one of `should` if there are any, none of `must_not`."""
        ...


def build_filter(criteria: Criteria, dialect: Dialect[C]) -> C | None:
    """Return `criteria` in the words of `dialect`; None where every point meets them.

    Raises
    ------
    ValueError
        If a condition compares with True or False: the embedded engine cannot.
    """
    if not criteria.must and not criteria.must_not:
        return None
    return dialect.combine(
        [_build_condition(c, dialect) for c in criteria.must],
        [],
        [_build_condition(c, dialect) for c in criteria.must_not],
    )


def _build_condition(condition: Condition, dialect: Dialect[C]) -> C:
    if isinstance(condition, HasVector):
        return dialect.has_vector(condition.vector_name)
    either = [_build_at(path, condition, dialect) for path in _paths(condition.field)]
    return either[0] if len(either) == 1 else dialect.combine([], either, [])


def _paths(field: str) -> list[str]:
    """Return where a field may be, as JSON paths of Qdrant.

    What follows ``extra.`` is a column's name as people write it: it may have blanks,
    brackets and dots, and where it has dots between plain names, it may lead into objects.
    """
    name = field.removeprefix("extra.")
    if name == field or not name:
        return [field]
    if '"' in name:
        raise StoreError(f"{field}: a field with a quotation mark in its name cannot be compared")
    if not _PLAIN_PATH.fullmatch(name):
        return [f'extra."{name}"']
    return [field, f'extra."{name}"'] if "." in name else [field]


def _build_at(field: str, condition: AnyOf | Between | Words | Known, dialect: Dialect[C]) -> C:
    match condition:
        case AnyOf(_, values):
            return _any_of(field, values, dialect)
        case Between(_, least, most):
            if least is None and most is None:
                return dialect.combine([], [], [dialect.is_empty(field)])
            return dialect.between(field, least, most)
        case Words(_, text):
            # A text without a word would otherwise meet everything or nothing,
            # depending on the engine's version.
            has_word = any(character.isalnum() for character in text)
            return dialect.all_words(field, text) if has_word else _nothing(field, dialect)
        case Known():
            return dialect.combine([], [], [dialect.is_empty(field)])


def _any_of(field: str, values: Sequence[Scalar], dialect: Dialect[C]) -> C:
    if any(isinstance(value, bool) for value in values):
        raise ValueError(f"{field}: cannot be compared with True or False; use text or a number")
    strings = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if not isinstance(value, str)]
    # Qdrant matches integers only with integers, and no floats at all; a range of one
    # number finds both.
    either = [dialect.between(field, number, number) for number in numbers]
    if strings:
        either.append(dialect.any_string(field, strings))
    if not either:
        return _nothing(field, dialect)
    return either[0] if len(either) == 1 else dialect.combine([], either, [])


def _nothing(field: str, dialect: Dialect[C]) -> C:
    empty = dialect.is_empty(field)
    return dialect.combine([empty], [], [empty])
