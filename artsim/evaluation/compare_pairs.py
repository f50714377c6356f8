"""Values per query of two reports, paired on the queries that both have, and what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.evaluation.bootstrap import Estimate, estimate_difference
from artsim.evaluation.report import Column, QueryValues, Report
from artsim.evaluation.significance import holm, paired_p_value

LEVEL: Final = 0.05
"""Chance of one or more false findings that a verdict without "perhaps" admits."""

Key: TypeAlias = tuple[str, str, str]
"""Names of table, row and column."""

_WORDS: Final = {"higher": ("better", "worse"), "lower": ("worse", "better")}


@dataclass(frozen=True, slots=True)
class Pair:
    """One row and column in both reports.

    Attributes
    ----------
    query_ids : tuple of str
        Of the N queries that both have.
    first, second : ndarray of float64, shape (N,)
        Their values.
    counts : pair of int
        How many queries the one report has, and the other.
    difference : Estimate
        Mean of `second` minus `first`.
    p_value : float
        Of no difference; from `pair_up` it is corrected for the number of comparisons.
    """

    table: str
    row: str
    column: Column
    query_ids: tuple[str, ...]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    counts: tuple[int, int]
    difference: Estimate
    p_value: float

    @property
    def is_changed(self) -> bool:
        """Whether any query's value is another; no statistics needed where none is."""
        return bool((self.first != self.second).any())

    @property
    def name(self) -> str:
        """Row and column for people; unique among the pairs of a table and unit."""
        return f"{self.row} · {self.column.heading}"

    @property
    def place(self) -> str:
        """Name of the table that the pair stands in: one unit to a table."""
        unit = self.column.unit
        return self.table if unit == "share" else f"{self.table}.{unit}"

    @property
    def verdict(self) -> str:
        """What can be said of the second, in a word or three."""
        if not self.is_changed:
            return "identical"
        if self.difference.low <= 0 <= self.difference.high:
            return "no difference shown"
        up, down = _WORDS.get(self.column.better or "", ("higher", "lower"))
        word = up if self.difference.low > 0 else down
        return word if self.p_value <= LEVEL else f"perhaps {word}"


def pair_up(
    first: Report, second: Report, rows: tuple[str, str] | None = None, *, seed: int = 0
) -> list[Pair]:
    """Pair values of the same table, row and column, with p-values after Holm.

    Parameters
    ----------
    rows : pair of str, optional
        Pair this row of `first` with that row of `second` instead.
    seed : int
        Of the intervals.

    Returns
    -------
    list of Pair
        In the order of `second`; without those that have no query in common. Pairs that
        are identical are no comparisons, and are not counted as such.
    """
    pairs = list(_pairs(first, second, rows, seed))
    changed = [i for i, pair in enumerate(pairs) if pair.is_changed]
    for i, p_value in zip(changed, holm([pairs[i].p_value for i in changed]), strict=True):
        pairs[i] = replace(pairs[i], p_value=p_value)
    return pairs


def _pairs(
    first: Report, second: Report, rows: tuple[str, str] | None, seed: int
) -> Iterator[Pair]:
    ours: dict[Key, QueryValues] = {(v.table, v.row, v.column): v for v in first.query_values}
    columns = {
        (table.name, column.name): column
        for report in (first, second)
        for table in report.tables
        for column in table.columns
    }
    for values in second.query_values:
        if rows is not None and values.row != rows[1]:
            continue
        wanted = values.row if rows is None else rows[0]
        partner = ours.get((values.table, wanted, values.column))
        if partner is None:
            continue
        name = values.row if rows is None else f"{rows[0]} → {rows[1]}"
        column = columns.get((values.table, values.column))
        column = column or Column(values.column, values.column, "score", None)
        pair = _pair(partner, values, name, column, seed)
        if pair is not None:
            yield pair


def _pair(
    first: QueryValues, second: QueryValues, row: str, column: Column, seed: int
) -> Pair | None:
    """Return the values of the common queries; None where there are none."""
    known = dict(zip(first.query_ids, first.values.tolist(), strict=True))
    common = [
        (query, known[query], value)
        for query, value in zip(second.query_ids, second.values.tolist(), strict=True)
        if query in known and np.isfinite(known[query]) and np.isfinite(value)
    ]
    if not common:
        return None
    ids, ours, theirs = zip(*common, strict=True)
    before, after = np.array(ours), np.array(theirs)
    return Pair(
        second.table,
        row,
        column,
        ids,
        before,
        after,
        (len(first.query_ids), len(second.query_ids)),
        estimate_difference(before, after, seed=seed),
        paired_p_value(after - before),
    )
