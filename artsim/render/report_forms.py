"""Reports on the terminal and as files: a page, JSON, tables as CSV and LaTeX, plots."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from artsim.catalog.cells import csv_lines
from artsim.errors import ReportError
from artsim.evaluation.report import (
    Cell,
    Column,
    Picture,
    PictureRow,
    Plot,
    Report,
    Row,
    Table,
    flat_settings,
    report_text,
)
from artsim.evaluation.statistics import Estimate
from artsim.files import FileKind, check_file, write_file
from artsim.render.pages import DARK, LIGHT, data_uri, digest, environment, static
from artsim.render.picture_cards import Card, card_of
from artsim.render.plots import plot_png, plot_svg
from artsim.render.table import make_console, new_table, print_plain
from artsim.render.text import LATEX, UNIT_WORDS, clean, field_text, id_text, number_text, untaken

REPORT: Final = FileKind("report", ReportError)
TABLES: Final = FileKind("report", ReportError, noted=True)  # tables, which have no room for a mark
MAX_PICTURES: Final = 600  # most pictures on a page, which is then some 10 MB
PICTURE_SIDE: Final = 320  # pixels of an embedded picture's longer side: sharp at twice its size

MISSING: Final = "–"  # noqa: RUF001 - what stands in an empty cell is an en dash
"""What a cell shows that was not measured."""

_LEAST_NAME: Final = 12  # cells that a row's name keeps however many columns there are
_MOST_TEXT: Final = 48  # cells of a column of words, which wraps beyond
_GAP: Final = 2
_STAR: Final = " *"

_LATEX: Final = LATEX | str.maketrans(
    {"{": r"\{", "}": r"\}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"–": "--"}  # noqa: RUF001
)


# Cells


def heading_text(column: Column) -> str:
    """Return a column's heading with its unit: ``P@10 %``."""
    unit = UNIT_WORDS.get(column.unit, "")
    heading = clean(column.heading, 60)
    return heading if not unit or heading.endswith(unit) else f"{heading} {unit}".strip()


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


_OF_TABLES: Final = (best_rows, cell_parts, heading_text, number_of, row_notes)  # for the page


# Files


def check_report_folder(
    out: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> list[Path]:
    """Return the files of an earlier report that would be replaced in a folder.

    Which plots and tables there will be is not known: without `overwrite`, none of the names of a
    report may be taken by a file that artsim did not make. `inputs` are never replaced. Raises
    `ReportError` as `write_report` does.
    """
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ReportError(
            f"{there}: expected a folder for the report, found a file; name another", path=there
        )
    if not os.access(there, os.W_OK):
        raise _unwritable(there, "no permission")
    forms = ("report.html", "report.json", "plot-*.png", "plot-*.svg", "table-*.csv", "table-*.tex")
    replaced = [place for form in forms for place in sorted(out.glob(form))]
    for place in replaced:
        check_file(place, _kind(place.name), overwrite=overwrite, inputs=inputs)
    return replaced


def _unwritable(out: Path, why: str) -> ReportError:
    return ReportError(
        f"{out}: the report cannot be written ({why}); give a folder that you may write to",
        hint="--out",
        path=out,
    )


def _kind(name: str) -> FileKind:
    return TABLES if name.endswith((".csv", ".tex")) else REPORT


def write_report(
    report: Report,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> Path:
    """Write a report into the folder `out` and return the path of its page.

    These are ``report.html``, ``report.json``, ``plot-NAME.png`` and ``plot-NAME.svg`` of each
    plot, and ``table-NAME.csv`` and ``table-NAME.tex`` of each table. The folder is made where it
    is missing; an earlier report in it is replaced, other files are left alone. Each file appears
    whole or not at all, and the page last. Pictures are read from their ``image_uri``; one that
    cannot be read leaves a placeholder with the reason.

    With `overwrite` files may be replaced that artsim did not make, but never `inputs`, such as
    reports that are read.

    Raises
    ------
    ReportError
        If `out` is no folder, cannot be made or written to, or holds others' files of these names.
    """
    out, kept = Path(out), tuple(inputs)
    check_report_folder(out, overwrite=overwrite, inputs=kept)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    for name, content in _files(report):
        with write_file(out / name, _kind(name), overwrite=overwrite, inputs=kept) as stream:
            stream.write(content)
    return out / "report.html"


def _files(report: Report) -> Iterator[tuple[str, bytes]]:
    for name, plot in zip(file_names("plot", report.plots), report.plots, strict=True):
        yield f"{name}.png", plot_png(plot)
        yield f"{name}.svg", plot_svg(plot, titled=True)
    for name, table in zip(file_names("table", report.tables), report.tables, strict=True):
        yield f"{name}.csv", to_csv(table).encode("utf-8", "replace")
        yield f"{name}.tex", to_latex(table).encode("utf-8", "replace")
    yield "report.json", report_text(report).encode()
    yield "report.html", report_html(report).encode("utf-8", "replace")


def file_names(prefix: str, parts: Sequence[Plot | Table]) -> list[str]:
    """Return the name of each part's files: its own in plain letters, and no other's."""
    taken: set[str] = set()  # some file systems do not tell upper from lower case
    plain = (re.sub(r"[^A-Za-z0-9_.]+", "-", part.name).strip("-.")[:80] for part in parts)
    return [untaken(f"{prefix}-{name or prefix}", taken) for name in plain]


def report_html(report: Report) -> str:
    """Return the report as the text of an HTML file, to be written in UTF-8.

    Its only script sorts tables: a click on a heading sorts by it, a second one the other way, a
    third one as it was.
    """
    script = static("report.js")
    themes = {"light": LIGHT, "dark": DARK}
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            card_of=_card,
            svg_uri=lambda plot, theme: data_uri(plot_svg(plot, themes[theme])),
            title=clean(report.title),
            policy="default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src {digest(script)}; base-uri 'none'; form-action 'none'",
            style=static("colors.css", "report.css"),
            script=script,
            groups=list(_groups(report)),
            settings=dict(flat_settings(report.settings)),
            missing=MISSING,
            **{each.__name__: each for each in _OF_TABLES},
        )
    )


def _groups(report: Report) -> Iterator[tuple[Any, list[PictureRow], int]]:
    """Yield each group, its rows as far as there is room, and how many there is none for."""
    left = MAX_PICTURES
    for group in report.failures:
        shown: list[PictureRow] = []
        for row in group.rows:
            left -= 1 + len(row.hits)
            if left < 0:
                break
            shown.append(row)
        yield group, shown, len(group.rows) - len(shown)


def _card(picture: Picture) -> Card:
    payload, pixels = picture.payload, picture.pixels
    title = field_text(payload, "title") or id_text(payload)
    faces = None if pixels is None else ()
    return card_of(payload, PICTURE_SIDE, image=pixels, faces=faces, title=title, is_hit=True)
