"""Two reports side by side: what differs by more than chance, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.errors import ReportError
from artsim.evaluation.bootstrap import Estimate, estimate_difference
from artsim.evaluation.compare_rest import differing_settings, rows_left_out
from artsim.evaluation.provenance import library_versions, timestamp
from artsim.evaluation.report import (
    BarPlot,
    Column,
    QueryValues,
    Report,
    Row,
    Table,
    Unit,
)
from artsim.evaluation.significance import holm, paired_p_value

LEVEL: Final = 0.05
"""Chance of one or more false findings that a verdict without "perhaps" admits."""

Key: TypeAlias = tuple[str, str, str]
"""Names of table, row and column."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The values of one row and column in both reports, on the queries that both have."""

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


def compare_reports(
    first: Report,
    second: Report,
    *,
    rows: tuple[str, str] | None = None,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
) -> Report:
    """Compare the values per query of two reports, on the queries that both have.

    Parameters
    ----------
    first, second : Report
        A difference is `second` minus `first`.
    rows : pair of str, optional
        Compare this row of `first` with that row of `second`, which may be the same
        report: two encoders. By default rows of the same name are compared.
    names : pair of str
        What the reports are called, such as their files.
    seed : int
        Of the intervals.

    Returns
    -------
    Report
        For each table and unit the means on the common queries, the difference with its
        95 % paired bootstrap interval, the p-value after Holm's correction for the number
        of comparisons, and a verdict; then what else differs, and what was not compared.

    Raises
    ------
    ReportError
        If the reports have no row, column and query in common.
    """
    pairs, unpaired = _pair_up(first, second, rows, seed)
    if not pairs:
        raise ReportError(_nothing_common(first, second, rows, names))
    changed = [i for i, pair in enumerate(pairs) if pair.is_changed]
    adjusted = dict.fromkeys(range(len(pairs)), 1.0)
    adjusted |= dict(zip(changed, holm([pairs[i].p_value for i in changed]), strict=True))
    verdicts = [_verdict(pair, adjusted[i]) for i, pair in enumerate(pairs)]
    tables, plots = [], []
    for table, unit in dict.fromkeys((pair.table, pair.column.unit) for pair in pairs):
        chosen = [i for i, p in enumerate(pairs) if (p.table, p.column.unit) == (table, unit)]
        title = _title(first, second, table)
        shown = [_row(pairs[i], adjusted[i], verdicts[i]) for i in chosen]
        name = table if unit == "share" else f"{table}.{unit}"
        tables.append(Table(name, title, "row and column", _columns(unit), tuple(shown)))
        plots.append(_plot(name, title, unit, [pairs[i] for i in chosen]))
    return Report(
        task="compare",
        title=" against ".join(reversed(names if rows is None else rows)),
        settings=_settings(first, second, rows, names, seed),
        versions=library_versions(["scipy"]),
        created=timestamp(),
        tables=(*tables, *differing_settings(first, second), *unpaired),
        query_values=tuple(_differences(pair) for pair in pairs),
        plots=tuple(plots),
        notes=_notes(len(changed), names, rows),
    )


def _pair_up(
    first: Report, second: Report, rows: tuple[str, str] | None, seed: int
) -> tuple[list[_Pair], list[Table]]:
    """Return what can be compared, and a table of the rows that cannot."""
    ours, theirs = _by_key(first), _by_key(second)
    columns = _all_columns(first) | _all_columns(second)
    pairs: list[_Pair] = []
    for key, values in theirs.items():
        table, row, column = key
        partner = ours.get(key if rows is None else (table, rows[0], column))
        if partner is None or (rows is not None and row != rows[1]):
            continue
        name = row if rows is None else f"{rows[0]} → {rows[1]}"
        about = columns.get((table, column), Column(column, column, "score"))
        pair = _pair(partner, values, name, about, seed)
        if pair is not None:
            pairs.append(pair)
    if rows is not None:
        return pairs, []
    return pairs, rows_left_out(first, second, {(pair.table, pair.row) for pair in pairs})


def _by_key(report: Report) -> dict[Key, QueryValues]:
    return {(v.table, v.row, v.column): v for v in report.query_values}


def _all_columns(report: Report) -> dict[tuple[str, str], Column]:
    return {(t.name, column.name): column for t in report.tables for column in t.columns}


def _pair(
    first: QueryValues, second: QueryValues, row: str, column: Column, seed: int
) -> _Pair | None:
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
    return _Pair(
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


def _verdict(pair: _Pair, p_value: float) -> str:
    if not pair.is_changed:
        return "identical"
    low, high = pair.difference.low, pair.difference.high
    if low <= 0 <= high:
        return "no difference shown"
    words = {"higher": ("better", "worse"), "lower": ("worse", "better"), None: ("higher", "lower")}
    word = words[pair.column.better][0 if low > 0 else 1]
    return word if p_value <= LEVEL else f"perhaps {word}"


def _columns(unit: Unit) -> tuple[Column, ...]:
    return (
        Column("first", "A", unit, None),
        Column("second", "B", unit, None),
        Column("difference", "B - A", unit, None, signed=True),
        Column("p_value", "p (Holm)", "score", None),
        Column("queries", "queries", "count", None),
        Column("verdict", "B is", "text", None),
    )


def _row(pair: _Pair, p_value: float, verdict: str) -> Row:
    common = len(pair.query_ids)
    note = ""
    if pair.counts != (common, common):
        note = (
            f"{common:,} queries in common, of {pair.counts[0]:,} in A and {pair.counts[1]:,} in B."
        )
    return Row(
        _name(pair),
        {
            "first": float(pair.first.mean()),
            "second": float(pair.second.mean()),
            "difference": pair.difference,
            "p_value": p_value,
            "queries": common,
            "verdict": verdict,
        },
        note,
    )


def _name(pair: _Pair) -> str:
    return f"{pair.row} · {pair.column.heading}"


def _plot(name: str, title: str, unit: Unit, pairs: Sequence[_Pair]) -> BarPlot:
    return BarPlot(
        name=f"difference-{name}",
        title=title,
        value_label="B - A",
        labels=tuple(_name(pair) for pair in pairs),
        series={"B - A": tuple(pair.difference for pair in pairs)},
        unit=unit,
    )


def _differences(pair: _Pair) -> QueryValues:
    name = pair.table if pair.column.unit == "share" else f"{pair.table}.{pair.column.unit}"
    return QueryValues(name, _name(pair), "difference", pair.query_ids, pair.second - pair.first)


def _title(first: Report, second: Report, name: str) -> str:
    titles = [table.title for table in (*second.tables, *first.tables) if table.name == name]
    return titles[0] if titles else name


def _settings(
    first: Report,
    second: Report,
    rows: tuple[str, str] | None,
    names: tuple[str, str],
    seed: int,
) -> dict[str, str | int | Mapping[str, str]]:
    sides = {
        side: {"report": name, "title": report.title, "created": report.created}
        | ({} if rows is None else {"row": rows[i]})
        for i, (side, name, report) in enumerate((("A", names[0], first), ("B", names[1], second)))
    }
    return {**sides, "seed": seed}


def _notes(count: int, names: tuple[str, str], rows: tuple[str, str] | None) -> tuple[str, ...]:
    sides = names if rows is None else tuple(f"{rows[i]} in {names[i]}" for i in (0, 1))
    return (
        f"A is {sides[0]}, B is {sides[1]}. Means are over the queries that both have; the "
        "difference has its 95 % bootstrap interval over paired queries.",
        f"{count} comparison{' was' if count == 1 else 's were'} made. One in twenty intervals "
        "leaves out zero by chance: better and worse are said where the p-value, corrected "
        "for their number after Holm, is at most 0.05 as well, else perhaps.",
        "No difference shown is not the same as none: the interval says how large it may be.",
    )


def _nothing_common(
    first: Report, second: Report, rows: tuple[str, str] | None, names: tuple[str, str]
) -> str:
    found = [sorted({v.row for v in report.query_values}) for report in (first, second)]
    has = "; ".join(
        f"{name} ({report.task}) has {', '.join(some[:12]) or 'none'}"
        for name, report, some in zip(names, (first, second), found, strict=True)
    )
    wanted = "rows of the same name" if rows is None else f"the rows {rows[0]!r} and {rows[1]!r}"
    return (
        f"{names[0]} and {names[1]}: expected {wanted} with values for the same queries, found "
        f"none ({has}); compare reports of one task on one gallery, or name a row of each: "
        "--rows A B"
    )
