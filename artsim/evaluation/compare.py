"""Two reports side by side: what differs by more than chance, query by query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Final

import numpy as np

from artsim.errors import ReportError
from artsim.evaluation.metrics import Floats
from artsim.evaluation.report import (
    BarPlot,
    Cell,
    Column,
    Parts,
    QueryValues,
    Report,
    Row,
    Table,
    flat_settings,
    library_versions,
    notes_of,
    timestamp,
)
from artsim.evaluation.statistics import Estimate, estimate_mean, holm, paired_p_value

LEVEL: Final = 0.05
"""Chance of one or more false findings that a verdict without "perhaps" admits."""

_WORDS: Final = {"higher": ("better", "worse"), "lower": ("worse", "better")}


@dataclass(frozen=True, slots=True)
class Pair:
    """One row and column in both reports, with the values of the queries that both have.

    `counts` is how many queries the one report has, and the other; `difference` is the mean of
    `second` minus `first`; the `p_value` is corrected for the number of comparisons by `pair_up`.
    """

    table: str
    row: str
    column: Column
    query_ids: tuple[str, ...]
    first: Floats
    second: Floats
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
        return self.table if self.column.unit == "share" else f"{self.table}.{self.column.unit}"

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

    def as_row(self) -> Row:
        """Return its row of the comparison's table."""
        common, (ours, theirs) = len(self.query_ids), self.counts
        note = f"{common:,} queries in common, of {ours:,} in A and {theirs:,} in B."
        values: dict[str, Cell] = {
            "first": float(self.first.mean()),
            "second": float(self.second.mean()),
            "difference": self.difference,
            "p_value": self.p_value,
            "queries": common,
            "verdict": self.verdict,
        }
        return Row(self.name, values, "" if ours == theirs == common else note)


def compare_reports(
    first: Report,
    second: Report,
    *,
    rows: tuple[str, str] | None = None,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
) -> Report:
    """Compare the values per query of two reports, on the queries that both have.

    With `rows` this row of `first` is compared with that row of `second`, which may be the same
    report: two encoders. By default rows of the same name are compared. `names` is what the
    reports are called, such as their files. The result has for each table and unit the means on
    the common queries, the difference (`second` minus `first`) with its 95 % paired bootstrap
    interval, the p-value after Holm's correction, and a verdict; then what else differs, and what
    was not compared. ReportError if the reports have no row, column and query in common.
    """
    reports = first, second
    pairs = pair_up(first, second, rows, seed=seed)
    if not pairs:
        raise ReportError(_nothing_common(reports, rows, names), hint="--rows A B")
    places: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        places[pair.place].append(pair)
    parts = sum((_parts(some, pairs, reports) for some in places.values()), Parts())
    left_out = [] if rows else _rows_left_out(first, second, {(p.table, p.row) for p in pairs})
    sides = [f"{rows[i]} in {names[i]}" if rows else names[i] for i in (0, 1)]
    about = {
        side: {"report": names[i], "title": reports[i].title, "created": reports[i].created}
        | ({"row": rows[i]} if rows else {})
        for i, side in enumerate("AB")
    }
    return Report(
        task="compare",
        title=" against ".join(reversed(rows or names)),
        settings={"seed": seed, **about},
        versions=library_versions(["scipy"]),
        created=timestamp(),
        tables=(*parts.tables, *_differing_settings(first, second), *left_out),
        query_values=tuple(
            QueryValues(p.place, p.name, "difference", p.query_ids, p.second - p.first)
            for p in pairs
        ),
        plots=parts.plots,
        notes=notes_of("compare", sides=sides, count=sum(pair.is_changed for pair in pairs)),
    )


def _parts(some: list[Pair], pairs: list[Pair], reports: tuple[Report, Report]) -> Parts:
    """Return table and plot of the `pairs` of one place; of the reports they have the title."""
    place, name, unit = some[0].place, some[0].table, some[0].column.unit
    titles = (t.title for report in reports[::-1] for t in report.tables if t.name == name)
    title = next(titles, name)
    if len({pair.place for pair in pairs if pair.table == name}) > 1:
        title += f": {', '.join(dict.fromkeys(pair.column.heading for pair in some))}"
    columns = (
        Column("first", "A", unit, None),
        Column("second", "B", unit, None),
        Column("difference", "B - A", unit, None, signed=True),
        Column("p_value", "p (Holm)", "score", None),
        Column("queries", "queries", "count", None),
        Column("verdict", "B is", "text", None),
    )
    rows = tuple(pair.as_row() for pair in some)
    series = {"B - A": tuple(pair.difference for pair in some)}
    labels = tuple(pair.name for pair in some)
    plot = BarPlot(f"difference-{place}", title, "B - A", labels, series, unit)
    return Parts((Table(place, title, "row and column", columns, rows),), plots=(plot,))


def pair_up(
    first: Report, second: Report, rows: tuple[str, str] | None = None, *, seed: int = 0
) -> list[Pair]:
    """Pair values of the same table, row and column, in the order of `second`; p-values by Holm.

    Pairs that are identical are no comparisons, and are not counted as such.
    """
    ours = {(v.table, v.row, v.column): v for v in first.query_values}
    columns = {
        (table.name, column.name): column
        for report in (first, second)
        for table in report.tables
        for column in table.columns
    }
    pairs = []
    for values in second.query_values:
        if rows is not None and values.row != rows[1]:
            continue
        partner = ours.get((values.table, rows[0] if rows else values.row, values.column))
        name = f"{rows[0]} → {rows[1]}" if rows else values.row
        unknown = Column(values.column, values.column, "score", None)
        column = columns.get((values.table, values.column), unknown)
        if partner and (pair := _pair(partner, values, name, column, seed)):
            pairs.append(pair)
    changed = [i for i, pair in enumerate(pairs) if pair.is_changed]
    for i, p_value in zip(changed, holm([pairs[i].p_value for i in changed]), strict=True):
        pairs[i] = replace(pairs[i], p_value=p_value)
    return pairs


def _pair(
    first: QueryValues, second: QueryValues, row: str, column: Column, seed: int
) -> Pair | None:
    """Return the values of the common queries; None where there are none."""
    ours, theirs = (
        dict(zip(of.query_ids, of.values.tolist(), strict=True)) for of in (first, second)
    )
    ids = tuple(q for q in theirs if isfinite(ours.get(q, nan)) and isfinite(theirs[q]))
    if not ids:
        return None
    before, after = (np.array([values[query] for query in ids]) for values in (ours, theirs))
    counts = len(first.query_ids), len(second.query_ids)
    # Queries are resampled with both of their values, so that what makes one hard for both is not
    # taken for a difference.
    difference = estimate_mean(after - before, seed=seed)
    p_value = paired_p_value(after - before)
    return Pair(second.table, row, column, ids, before, after, counts, difference, p_value)


def _nothing_common(
    reports: tuple[Report, Report], rows: tuple[str, str] | None, names: tuple[str, str]
) -> str:
    found = [sorted({v.row for v in report.query_values}) for report in reports]
    has = "; ".join(
        f"{name} ({report.task}) has {', '.join(some[:12]) or 'none'}"
        for name, report, some in zip(names, reports, found, strict=True)
    )
    wanted = "rows of the same name" if rows is None else f"the rows {rows[0]!r} and {rows[1]!r}"
    return (
        f"{names[0]} and {names[1]}: expected {wanted} with values for the same queries, found "
        f"none ({has}); compare reports of one task on one gallery, or name a row of each"
    )


def _differing_settings(first: Report, second: Report) -> Iterator[Table]:
    """Yield a table of the settings and versions that are not the same."""
    a, b = (
        {"task": report.task}
        | dict(flat_settings(report.settings))
        | {f"{name} (version)": text for name, text in report.versions.items()}
        for report in (first, second)
    )
    names = [name for name in dict.fromkeys((*a, *b)) if a.get(name) != b.get(name)]
    if names:
        columns = (Column("first", "A", "text", None), Column("second", "B", "text", None))
        rows = tuple(Row(n, {"first": a.get(n), "second": b.get(n)}) for n in names)
        note = "A difference in results can come of any of these."
        yield Table("settings", "What else differs", "setting", columns, rows, (note,))


def _rows_left_out(first: Report, second: Report, compared: set[tuple[str, str]]) -> list[Table]:
    """Return a table of the rows that were not `compared`, with why, if there are any."""
    # Every row, and whether it has values per query.
    ours, theirs = (
        {(table.name, row.name): False for table in report.tables for row in table.rows}
        | {(v.table, v.row): True for v in report.query_values}
        for report in (first, second)
    )
    missing: dict[str, dict[str, str]] = {}
    for key in dict.fromkeys((*ours, *theirs)):
        if key not in compared:
            both = ours.get(key) and theirs.get(key)
            why = "no query in common" if both else "no values per query"
            if key not in ours or key not in theirs:
                why = "only in A" if key in ours else "only in B"
            missing.setdefault(key[0], {})[key[1]] = why
    touched = {table for table, _ in compared}
    rows: list[Row] = []
    for table, reasons in missing.items():
        if table not in touched and len(set(reasons.values())) == 1:
            reasons = {"all rows": next(iter(reasons.values()))}
        rows += [Row(f"{table}: {row}", {"why": why}) for row, why in reasons.items()]
    columns = (Column("why", "why", "text", None),)
    return [Table("left_out", "What was not compared", "row", columns, tuple(rows))] if rows else []
