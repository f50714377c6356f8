"""A report on the terminal, or in a pipe: its tables and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from artsim.evaluation.report import Column, Report, Row, Table
from artsim.render.report_cells import best_rows, cell_text, heading_text, row_notes
from artsim.render.table import make_console, new_table
from artsim.render.text import clean

_LEAST_NAME: Final = 12
"""Cells that a row's name keeps however many columns there are."""

_MOST_TEXT: Final = 48
"""Cells of a column of words, which wraps beyond."""

_GAP: Final = 2
_STAR: Final = " *"


def print_report(report: Report, stream: TextIO) -> None:
    """Write the tables and notes of `report` to `stream`.

    Where a table is wider than the terminal its columns stand in blocks, one below the
    other, each with the names of the rows. The best value of a column is bold, or marked
    by ``*`` where `stream` is no terminal; rows that were not measured are dim.
    """
    console = make_console(stream)
    with console.capture() as capture:
        _print(report, console)
    if console.is_terminal:
        stream.write(capture.get())
        return
    stream.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


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
    for note in notes:
        _print_note(note, console)


def _print_table(table: Table, console: Console) -> bool:
    """Print a table and its notes; return whether a value in it is marked as best."""
    best = best_rows(table)
    star = "" if console.is_terminal else _STAR
    names = [clean(row.name, 200) for row in table.rows]
    natural = max((cell_len(name) for name in (clean(table.row_heading), *names)), default=1)
    widths = [_width(table, column, bool(best[column.name]), star) for column in table.columns]
    name_width = min(natural, max(_LEAST_NAME, console.width - max(widths, default=0) - _GAP))
    for number, block in enumerate(_blocks(widths, console.width - name_width)):
        if number:
            console.print()
        columns = [table.columns[i] for i in block]
        console.print(_block(table, columns, best, names, name_width, star))
    for note in table.notes:
        _print_note(clean(note, 2000), console)
    for rows, note in row_notes(table):
        _print_note(f"{rows}: {note}", console)
    return any(best.values())


def _width(table: Table, column: Column, has_best: bool, star: str) -> int:
    cells = (cell_text(row.values.get(column.name), column) for row in table.rows)
    widest = max((cell_len(text) for text in cells), default=0)
    mark = len(star) if has_best else 0
    return max(cell_len(heading_text(column)), min(widest, _MOST_TEXT)) + mark


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


def _block(
    table: Table,
    columns: Sequence[Column],
    best: Mapping[str, frozenset[str]],
    names: Sequence[str],
    name_width: int,
    star: str,
) -> RichTable:
    shown = new_table()
    shown.add_column(clean(table.row_heading), width=name_width, overflow="fold")
    for column in columns:
        words = column.unit == "text"
        mark = "" if words or not best[column.name] else " " * len(star)
        shown.add_column(
            heading_text(column) + mark,
            justify="left" if words else "right",
            overflow="fold",
            max_width=None if not words else _MOST_TEXT,
        )
    for name, row in zip(names, table.rows, strict=True):
        cells = [_cell(row, column, best[column.name], star) for column in columns]
        shown.add_row(Text(name, "" if row.measured else "dim"), *cells)
    return shown


def _cell(row: Row, column: Column, best: frozenset[str], star: str) -> Text:
    text = cell_text(row.values.get(column.name), column)
    if row.name in best:
        return Text(text + star, "bold")
    mark = " " * len(star) if best else ""
    return Text(text + mark, "" if row.measured else "dim")


def _print_note(note: str, console: Console) -> None:
    console.print(Padding(Text(note, "dim"), (0, 0, 0, 2)))
