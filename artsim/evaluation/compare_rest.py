"""What a comparison of two reports says beside the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from artsim.evaluation.provenance import flat_settings
from artsim.evaluation.report import Column, Report, Row, Table


def differing_settings(first: Report, second: Report) -> Iterator[Table]:
    """Yield a table of the settings and versions that are not the same."""
    sides = [
        {"task": report.task}
        | dict(flat_settings(report.settings))
        | {f"{name} (version)": text for name, text in report.versions.items()}
        for report in (first, second)
    ]
    names = [n for n in dict.fromkeys((*sides[0], *sides[1])) if sides[0].get(n) != sides[1].get(n)]
    if names:
        columns = (Column("first", "A", "text", None), Column("second", "B", "text", None))
        rows = tuple(Row(n, {"first": sides[0].get(n), "second": sides[1].get(n)}) for n in names)
        note = "A difference in results can come of any of these."
        yield Table("settings", "What else differs", "setting", columns, rows, (note,))


def rows_left_out(first: Report, second: Report, compared: set[tuple[str, str]]) -> list[Table]:
    """Return a table of the rows that were not `compared`, with why, if there are any."""
    ours, theirs = (_rows(report) for report in (first, second))
    missing: dict[str, dict[str, str]] = {}
    for table, row in dict.fromkeys((*ours, *theirs)):
        if (table, row) not in compared:
            missing.setdefault(table, {})[row] = _reason((table, row), ours, theirs)
    touched = {table for table, _ in compared}
    rows: list[Row] = []
    for table, reasons in missing.items():
        if table not in touched and len(set(reasons.values())) == 1:
            rows.append(Row(f"{table}: all rows", {"why": next(iter(reasons.values()))}))
        else:
            rows += [Row(f"{table}: {row}", {"why": why}) for row, why in reasons.items()]
    columns = (Column("why", "why", "text", None),)
    return [Table("left_out", "What was not compared", "row", columns, tuple(rows))] if rows else []


def _rows(report: Report) -> dict[tuple[str, str], bool]:
    """Return all rows of a report, and whether they have values per query."""
    rows = {(table.name, row.name): False for table in report.tables for row in table.rows}
    return rows | {(v.table, v.row): True for v in report.query_values}


def _reason(
    row: tuple[str, str],
    ours: Mapping[tuple[str, str], bool],
    theirs: Mapping[tuple[str, str], bool],
) -> str:
    if row not in theirs:
        return "only in A"
    if row not in ours:
        return "only in B"
    return "no query in common" if ours[row] and theirs[row] else "no values per query"
