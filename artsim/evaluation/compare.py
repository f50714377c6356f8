"""Two reports side by side: what differs by more than chance, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from artsim.errors import ReportError
from artsim.evaluation.compare_pairs import Pair, pair_up
from artsim.evaluation.compare_rest import differing_settings, rows_left_out
from artsim.evaluation.provenance import library_versions, timestamp
from artsim.evaluation.report import (
    BarPlot,
    Cell,
    Column,
    QueryValues,
    Report,
    Row,
    Table,
    Unit,
)


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
    pairs = pair_up(first, second, rows, seed=seed)
    if not pairs:
        raise ReportError(_nothing_common(first, second, rows, names), hint="--rows A B")
    places: dict[str, list[Pair]] = {}
    for pair in pairs:
        places.setdefault(pair.place, []).append(pair)
    titles = {place: _title(first, second, some, places) for place, some in places.items()}
    left_out = [] if rows else rows_left_out(first, second, {(p.table, p.row) for p in pairs})
    return Report(
        task="compare",
        title=" against ".join(reversed(rows or names)),
        settings=_settings(first, second, rows, names, seed),
        versions=library_versions(["scipy"]),
        created=timestamp(),
        tables=(
            *(_table(place, titles[place], some) for place, some in places.items()),
            *differing_settings(first, second),
            *left_out,
        ),
        query_values=tuple(
            QueryValues(p.place, p.name, "difference", p.query_ids, p.second - p.first)
            for p in pairs
        ),
        plots=tuple(_plot(place, titles[place], some) for place, some in places.items()),
        notes=_notes(sum(pair.is_changed for pair in pairs), names, rows),
    )


def _title(
    first: Report, second: Report, pairs: Sequence[Pair], places: Mapping[str, Sequence[Pair]]
) -> str:
    """Return the title of the table that `pairs` are of, with their columns if it was split."""
    name = pairs[0].table
    titles = [table.title for table in (*second.tables, *first.tables) if table.name == name]
    title = titles[0] if titles else name
    if sum(some[0].table == name for some in places.values()) == 1:
        return title
    return f"{title}: {', '.join(dict.fromkeys(pair.column.heading for pair in pairs))}"


def _table(place: str, title: str, pairs: Sequence[Pair]) -> Table:
    columns = _columns(pairs[0].column.unit)
    return Table(place, title, "row and column", columns, tuple(map(_row, pairs)))


def _columns(unit: Unit) -> tuple[Column, ...]:
    return (
        Column("first", "A", unit, None),
        Column("second", "B", unit, None),
        Column("difference", "B - A", unit, None, signed=True),
        Column("p_value", "p (Holm)", "score", None),
        Column("queries", "queries", "count", None),
        Column("verdict", "B is", "text", None),
    )


def _row(pair: Pair) -> Row:
    common = len(pair.query_ids)
    ours, theirs = pair.counts
    note = ""
    if (ours, theirs) != (common, common):
        note = f"{common:,} queries in common, of {ours:,} in A and {theirs:,} in B."
    values: dict[str, Cell] = {
        "first": float(pair.first.mean()),
        "second": float(pair.second.mean()),
        "difference": pair.difference,
        "p_value": pair.p_value,
        "queries": common,
        "verdict": pair.verdict,
    }
    return Row(pair.name, values, note)


def _plot(place: str, title: str, pairs: Sequence[Pair]) -> BarPlot:
    return BarPlot(
        name=f"difference-{place}",
        title=title,
        value_label="B - A",
        labels=tuple(pair.name for pair in pairs),
        series={"B - A": tuple(pair.difference for pair in pairs)},
        unit=pairs[0].column.unit,
    )


def _settings(
    first: Report,
    second: Report,
    rows: tuple[str, str] | None,
    names: tuple[str, str],
    seed: int,
) -> dict[str, int | dict[str, str]]:
    sides: dict[str, int | dict[str, str]] = {}
    for i, (side, report) in enumerate((("A", first), ("B", second))):
        about = {"report": names[i], "title": report.title, "created": report.created}
        sides[side] = about if rows is None else about | {"row": rows[i]}
    return sides | {"seed": seed}


def _notes(count: int, names: tuple[str, str], rows: tuple[str, str] | None) -> tuple[str, ...]:
    sides = names if rows is None else tuple(f"{rows[i]} in {names[i]}" for i in (0, 1))
    made = "1 comparison was made" if count == 1 else f"{count} comparisons were made"
    return (
        f"A is {sides[0]}, B is {sides[1]}. Means are over the queries that both have; the "
        "difference has its 95 % bootstrap interval over paired queries.",
        f"{made}. One in twenty intervals leaves out zero by chance: better and worse are said "
        "where the p-value, corrected for their number after Holm, is at most 0.05 as well, "
        "else perhaps.",
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
        f"none ({has}); compare reports of one task on one gallery, or name a row of each"
    )
