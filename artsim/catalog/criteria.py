"""Filters over payloads, independent of any database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field, or one of its values if it is a list, equals one of `values`."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field's number lies in ``least..most``, both included; None is open."""

    field: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of `text` occurs in the field, whatever its case and accents."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """The field is present."""

    field: str


@dataclass(frozen=True, slots=True)
class HasVector:
    """The point has a vector of that name."""

    vector_name: str


@dataclass(frozen=True, slots=True)
class Shows:
    """The point is one of `point_ids`: those that show `people`, as a file names them."""

    people: tuple[str, ...]
    point_ids: tuple[str, ...]


Condition: TypeAlias = AnyOf | Between | Words | Known | HasVector | Shows


@dataclass(frozen=True, slots=True)
class Criteria:
    """Points that meet all of `must` and none of `must_not`; empty: every point."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    def __and__(self, other: Criteria) -> Criteria:
        """Return the criteria that hold where both do."""
        return Criteria(self.must + other.must, self.must_not + other.must_not)


def overlaps_years(first: int | None, last: int | None) -> tuple[Condition, ...]:
    """Return the conditions that a work's ``year_start..year_end`` overlaps ``first..last``."""
    conditions: list[Condition] = []
    if last is not None:
        conditions.append(Between("year_start", most=last))
    if first is not None:
        conditions.append(Between("year_end", least=first))
    return tuple(conditions)


EVERYTHING = Criteria()
"""Criteria that every point meets."""
