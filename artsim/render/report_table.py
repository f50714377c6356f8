"""The tables of a report: on the terminal, as CSV and as LaTeX; and how their values read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from artsim.catalog.cells import csv_lines
from artsim.evaluation.report import Cell, Column, Report, Row, Table, Unit
from artsim.evaluation.statistics import Estimate
from artsim.render.table import make_console, new_table, print_plain
from artsim.render.text import clean

MISSING: Final = "–"  # noqa: RUF001 - what stands in an empty cell is an en dash
"""What a cell shows that was not measured."""

UNIT_WORDS: Final[dict[Unit, str]] = {"share": "%", "ms": "ms", "seconds": "s"}

_LEAST_NAME: Final = 12
"""Cells that a row's name keeps however many columns there are."""

_MOST_TEXT: Final = 48
"""Cells of a column of words, which wraps beyond."""

_GAP: Final = 2
_STAR: Final = " *"

_LATEX: Final = str.maketrans(
    {char: f"\\{char}" for char in "#$%&_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "|": r"\textbar{}"}  # noqa: RUF001
)


def heading_text(column: Column) -> str:
    """Return a column's heading with its unit: ``P@10 %``."""
    unit = UNIT_WORDS.get(column.unit, "")
    heading = clean(column.heading, 60)
    return heading if not unit or heading.endswith(unit) else f"{heading} {unit}".strip()


def number_text(number: float, unit: Unit, *, signed: bool = False) -> str:
    """Return a number in its unit, without the unit's name; shares are in percent."""
    size = abs(number)
    if unit == "score" and 0 < number < 0.0005 and not signed:
        return "<0.001"  # a probability of 0.000 would be none
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    if unit == "share":
        number, decimals = 100 * number, 1
    elif unit == "score":
        decimals = 3
    elif unit == "count":
        decimals = 0 if float(number).is_integer() else min(1, decimals)
    text = f"{number:z,.{decimals}f}"
    return f"+{text}" if signed and float(text.replace(",", "")) > 0 else text


def cell_parts(cell: Cell, column: Column) -> tuple[str, str]:
    """Return a cell's value and its interval as texts; the interval is often ""."""
    if isinstance(cell, str):
        return clean(cell, 1000), ""
    number = number_of(cell)
    if number is None:
        return MISSING, ""
    value = number_text(number, column.unit, signed=column.signed)
    if not isinstance(cell, Estimate) or not math.isfinite(cell.low + cell.high):
        return value, ""
    ends = (number_text(end, column.unit, signed=column.signed) for end in (cell.low, cell.high))
    return value, f"[{', '.join(ends)}]"


def cell_text(cell: Cell, column: Column) -> str:
    """Return a cell as one text: ``30.1 [28.7, 31.5]``."""
    return " ".join(filter(None, cell_parts(cell, column)))


def number_of(cell: Cell) -> float | None:
    """Return the number that a cell is sorted and ranked by; None where it has none."""
    if isinstance(cell, Estimate):
        cell = cell.value
    if cell is None or isinstance(cell, str) or not math.isfinite(cell):
        return None
    return float(cell)


def best_rows(table: Table) -> dict[str, frozenset[str]]:
    """Return, for each column, the names of the rows that are best in it.

    Only measured rows compete. There is no best where fewer than two do, where neither
    direction is better, or where all are equal; rows that read the same share the mark.
    """
    best: dict[str, frozenset[str]] = {}
    for column in table.columns:
        cells = {row.name: row.values.get(column.name) for row in table.rows if row.measured}
        found = {name: n for name, cell in cells.items() if (n := number_of(cell)) is not None}
        shown = {name: number_text(value, column.unit) for name, value in found.items()}
        best[column.name] = frozenset()
        if column.better is not None and len(set(shown.values())) > 1:
            pick = max if column.better == "higher" else min
            winner = shown[pick(found, key=lambda name: found[name])]
            best[column.name] = frozenset(name for name, text in shown.items() if text == winner)
    return best


def row_notes(table: Table) -> dict[str, str]:
    """Return the notes of rows, each with the names of its rows."""
    names: dict[str, list[str]] = {}
    for row in table.rows:
        if row.note:
            names.setdefault(clean(row.note, 1000), []).append(clean(row.name, 120))
    return {note: ", ".join(rows) for note, rows in names.items()}


def to_csv(table: Table) -> str:
    """Return a table as CSV: its numbers unrounded and without units, by the columns' names.

    A column with intervals is followed by ``NAME_low`` and ``NAME_high``; shares are in 0..1.
    """
    columns: list[tuple[str, list[object]]] = [("row", [row.name for row in table.rows])]
    for column in table.columns:
        found = [row.values.get(column.name) for row in table.rows]
        columns.append(
            (column.name, [number_of(c) if isinstance(c, Estimate) else c for c in found])
        )
        if any(isinstance(cell, Estimate) for cell in found):
            for end in ("low", "high"):
                columns.append((f"{column.name}_{end}", [getattr(c, end, None) for c in found]))
    columns.append(("measured", [row.measured for row in table.rows]))
    columns.append(("note", [row.note or None for row in table.rows]))
    names, cells = zip(*columns, strict=True)
    return "".join(csv_lines(names, zip(*cells, strict=True)))


def to_latex(table: Table) -> str:
    r"""Return a table as a ``tabular`` for ``\usepackage{booktabs}``, the best values bold.

    Rows that were not measured are in italics; notes are comments below.
    """
    best = best_rows(table)
    heads = [clean(table.row_heading, 60), *map(heading_text, table.columns)]
    rows = [[head.translate(_LATEX) for head in heads]]
    for row in table.rows:
        cells = [clean(row.name, 200).translate(_LATEX)]
        for column in table.columns:
            parts = cell_parts(row.values.get(column.name), column)
            value, interval = (part.translate(_LATEX) for part in parts)
            value = f"\\textbf{{{value}}}" if row.name in best[column.name] else value
            cells.append(f"{value} {{\\footnotesize {interval}}}" if interval else value)
        rows.append(cells if row.measured else [f"\\textit{{{cell}}}" for cell in cells])
    # The beginning of a line would be taken for an argument of the row before.
    head, *body = [re.sub(r"^(?=[\[*])", "{}", " & ".join(cells)) + r" \\" for cells in rows]
    form = "l" + "".join("l" if column.unit == "text" else "r" for column in table.columns)
    lines = [f"\\begin{{tabular}}{{{form}}}", r"\toprule", head, r"\midrule", *body]
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = [*table.notes, *(f"{rows}: {note}" for note, rows in row_notes(table).items())]
    return "\n".join([*lines, *(f"% {clean(note, 4000)}" for note in notes)]) + "\n"


def print_report(report: Report, stream: TextIO) -> None:
    """Write the tables and notes of `report` to `stream`.

    Where a table is wider than the terminal its columns stand in blocks, one below the
    other, each with the names of the rows. The best value of a column is bold, or marked
    by ``*`` where `stream` is no terminal; rows that were not measured are dim.
    """
    console = make_console(stream)
    print_plain(console, stream, lambda: _print(report, console))


def _print(report: Report, console: Console) -> None:
    console.print(Text(clean(report.title), "bold"))
    starred = False
    for table in report.tables:
        console.print()
        console.print(Text(clean(table.title), "underline" if console.is_terminal else ""))
        starred |= _print_table(table, console)
    notes = [clean(note, 2000) for note in report.notes]
    if starred and not console.is_terminal:
        notes.append("* is the best of its column among what was measured here.")
    if notes:
        console.print()
    _print_notes(notes, console)


def _print_notes(notes: Iterable[str], console: Console) -> None:
    for note in notes:
        console.print(Padding(Text(note, "dim"), (0, 0, 0, 2)))


def _print_table(table: Table, console: Console) -> bool:
    """Print a table and its notes; return whether a value in it is marked as best."""
    best = best_rows(table)
    star = "" if console.is_terminal else _STAR

    def cell(row: Row, column: Column) -> Text:
        text = cell_text(row.values.get(column.name), column)
        if row.name in best[column.name]:
            return Text(text + star, "bold")
        mark = " " * len(star) if best[column.name] else ""
        return Text(text + mark, "" if row.measured else "dim")

    names = [Text(clean(row.name, 200), "" if row.measured else "dim") for row in table.rows]
    columns = [[cell(row, column) for row in table.rows] for column in table.columns]
    heads = [heading_text(c) + (" " * len(star) if best[c.name] else "") for c in table.columns]
    widths = [
        max(cell_len(head), min(max((text.cell_len for text in cells), default=0), _MOST_TEXT))
        for head, cells in zip(heads, columns, strict=True)
    ]
    heading = clean(table.row_heading)
    natural = max(cell_len(heading), *(name.cell_len for name in names), 1)
    name_width = min(natural, max(_LEAST_NAME, console.width - max(widths, default=0) - _GAP))
    for number, block in enumerate(_blocks(widths, console.width - name_width)):
        if number:
            console.print()
        shown = new_table()
        shown.add_column(heading, width=name_width, overflow="fold")
        for i in block:
            words = table.columns[i].unit == "text"
            wide: Any = {"max_width": _MOST_TEXT} if words else {"justify": "right"}
            shown.add_column(heads[i], overflow="fold", **wide)
        for row, name in enumerate(names):
            shown.add_row(name, *(columns[i][row] for i in block))
        console.print(shown)
    _print_notes((clean(note, 2000) for note in table.notes), console)
    _print_notes((f"{rows}: {note}" for note, rows in row_notes(table).items()), console)
    return any(best.values())


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return the columns that stand side by side, as lists of their positions."""
    blocks: list[list[int]] = [[]]
    used = 0
    for position, width in enumerate(widths):
        if blocks[-1] and used + _GAP + width > room:
            blocks.append([])
            used = 0
        blocks[-1].append(position)
        used += _GAP + width
    return blocks
