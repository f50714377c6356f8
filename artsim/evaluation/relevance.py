"""Which works are right answers to a query: those that share a value of a field with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artsim.catalog.payload import AnyOf, Payload, Scalar, most_written, stored_field
from artsim.catalog.payload import field_values as payload_values
from artsim.errors import EvaluationError
from artsim.evaluation.metrics import Booleans, Integers

COPIES: Final = "copies"
"""Named in the place of a field, it stands for what `artsim copies` puts into one group."""


def field_values(payload: Payload, field: str) -> tuple[Scalar, ...]:
    """Return the values of a field, ``extra.name`` for one of `extra`; () where unknown.

    EvaluationError if the value is no text or number, nor a list of such.
    """
    listed = payload_values(payload, stored_field(field))
    for single in listed:
        if not isinstance(single, (str, int, float)):
            raise EvaluationError(
                f"{field} of the painting {payload.get('painting_id')!r} is "
                f"{type(single).__name__}: only texts and numbers, or lists of them, can be "
                "compared; name another field"
            )
    return tuple(dict.fromkeys(listed))


@dataclass(frozen=True, slots=True)
class Labels:
    """The values of one field for N works.

    There are C values, in `names` as people write them, in `values` as they are stored; `of_work`
    says N times which of them a work has, and `members` C times which works have the value.
    """

    field: str
    names: tuple[str, ...]
    of_work: tuple[tuple[int, ...], ...]
    members: tuple[Integers, ...]
    values: tuple[Scalar, ...]

    @property
    def known(self) -> Integers:
        """Which works have a value."""
        return np.flatnonzero([bool(values) for values in self.of_work])

    def mark(self, rows: Integers) -> Booleans:
        """Return which works share a value with each of B works, shape (B, N)."""
        marks = np.zeros((len(rows), len(self.of_work)), dtype=np.bool_)
        for i, row in enumerate(rows):
            for value in self.of_work[row]:
                marks[i, self.members[value]] = True
        return marks

    def condition(self, row: int) -> AnyOf | None:
        """Return the criterion that a work shares a value with work `row`; None if it has none.

        EvaluationError if the value is True or False, with which the database compares nothing.
        """
        values = tuple(self.values[value] for value in self.of_work[row])
        if any(isinstance(value, bool) for value in values):
            raise EvaluationError(
                f"{self.field} is true or false, and searches cannot leave works out by that; "
                "exclude another field"
            )
        return AnyOf(stored_field(self.field), values) if values else None


@dataclass(frozen=True, slots=True)
class CopyLabels(Labels):
    """Which of N works are copies of each other; a value is a group of them.

    `ids` are the painting ids of all works.
    """

    ids: tuple[str, ...] = ()

    def condition(self, row: int) -> AnyOf | None:
        """Return the criterion that a work is in the group of work `row`; None if it has none."""
        of_group = [self.ids[i] for value in self.of_work[row] for i in self.members[value]]
        return AnyOf("painting_id", tuple(of_group)) if of_group else None


def label_copies(
    point_ids: Sequence[str], ids: Sequence[str], groups: Sequence[Sequence[str]]
) -> CopyLabels:
    """Return the labels of N works of which groups, by point ids, are copies of each other."""
    group_of = {name: number for number, names in enumerate(groups) for name in names}
    numbered = [{COPIES: group_of[name]} if name in group_of else {} for name in point_ids]
    found = read_labels(numbered, COPIES)
    return CopyLabels(COPIES, found.names, found.of_work, found.members, found.values, tuple(ids))


def read_labels(payloads: Sequence[Payload], field: str) -> Labels:
    """Return the values of `field` in N payloads; EvaluationError as `field_values`."""
    number: dict[Scalar, int] = {}
    of_work = tuple(
        tuple(number.setdefault(value, len(number)) for value in field_values(payload, field))
        for payload in payloads
    )
    members: list[list[int]] = [[] for _ in number]
    for work, classes in enumerate(of_work):
        for which in classes:
            members[which].append(work)
    names: dict[str, None] = {}
    for value, works in zip(number, members, strict=True):
        name = str(value)
        if field == "artist":
            name = most_written(str(payloads[work].get("artist", value)) for work in works)
        names[name if name not in names else f"{name} ({value})"] = None
    arrays = tuple(np.array(works, dtype=np.intp) for works in members)
    return Labels(field, tuple(names), of_work, arrays, tuple(number))


@dataclass(frozen=True, slots=True)
class Relevance:
    """What is right, and what is left out, for each of N works.

    Works that share a value of `labels` are right answers to each other; those that share one
    of `excluded` are left out of each other's ranking, and are nothing to find.
    """

    labels: Labels
    excluded: tuple[Labels, ...] = ()

    def barred(self, rows: Integers) -> Booleans:
        """Return what is left out of the rankings of B works, themselves too, shape (B, N)."""
        barred = np.zeros((len(rows), len(self.labels.of_work)), dtype=np.bool_)
        for labels in self.excluded:
            barred |= labels.mark(rows)
        barred[np.arange(len(rows)), rows] = True
        return barred

    def right(self, rows: Integers, barred: Booleans) -> Booleans:
        """Return the right answers for B works, shape (B, N), none of them `barred`."""
        return self.labels.mark(rows) & ~barred
