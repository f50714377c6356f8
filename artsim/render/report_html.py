"""A report as one self-contained HTML page.

Pictures and plots are embedded and the style stands inside, so that the file can be
mailed and printed. Its content security policy admits one script, which sorts tables, and
no address but its own: metadata could otherwise smuggle one in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from artsim.evaluation.report import Cell, Column, Plot, Report, Row, Table, flat_settings
from artsim.render.plots import plot_svg
from artsim.render.report_cells import (
    MISSING,
    best_rows,
    cell_parts,
    heading_text,
    number_of,
    row_notes,
)
from artsim.render.report_pictures import groups_html
from artsim.render.report_style import SCRIPT, STYLE, content_policy
from artsim.render.text import clean

_MINUS: Final = "−"  # noqa: RUF001 - a minus sign, as wide as the plus


def report_html(report: Report) -> str:
    """Return the report as the text of an HTML file, to be written in UTF-8."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    title = escape(clean(report.title))
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{content_policy()}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="generator" content="artsim">\n'
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n"
    yield f'<p class="eyebrow">artsim evaluation · {escape(clean(report.task, 60))}</p>\n'
    yield f'<h1 dir="auto">{title}</h1>\n<p class="muted">{escape(_made(report))}</p>\n'
    yield f"{_contents(report)}</header>\n<main>\n"
    if report.notes:
        yield _notes([clean(note, 4000) for note in report.notes], "notes lead")
    for number, table in enumerate(report.tables, 1):
        yield from _table(table, number)
    if report.plots:
        yield '<section id="plots">\n<h2>Plots</h2>\n<div class="plots">\n'
        yield from map(_plot, report.plots)
        yield "</div>\n</section>\n"
    yield from groups_html(report.failures)
    yield from _facts(report)
    yield f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _made(report: Report) -> str:
    day, _, rest = clean(report.created, 60).partition("T")
    made = f"{day} {rest[:5]} UTC" if rest.endswith("+00:00") else clean(report.created, 60)
    version = report.versions.get("artsim")
    return made if version is None else f"{made} · artsim {clean(version, 40)}"


def _contents(report: Report) -> str:
    places = [(f"table-{i}", table.title) for i, table in enumerate(report.tables, 1)]
    if report.plots:
        places.append(("plots", "Plots"))
    places += [(f"pictures-{i}", group.title) for i, group in enumerate(report.failures, 1)]
    places.append(("settings", "Settings"))
    links = "".join(
        f'<a href="#{place}"><bdi>{escape(clean(name, 80))}</bdi></a>\n' for place, name in places
    )
    return f'<nav aria-label="Contents">\n{links}</nav>\n'


def _notes(notes: list[str], style: str = "notes") -> str:
    lines = "".join(f'<li dir="auto">{escape(note)}</li>\n' for note in notes)
    return f'<ul class="{style}">\n{lines}</ul>\n'


def _table(table: Table, number: int) -> Iterator[str]:
    title = escape(clean(table.title))
    best = best_rows(table)
    notes = row_notes(table)
    numbers = {note: i for i, (_, note) in enumerate(notes, 1)}
    yield f'<section id="table-{number}">\n<h2 dir="auto">{title}</h2>\n'
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">\n<table>\n'
    heading = escape(clean(table.row_heading, 60))
    yield f'<thead><tr><th scope="col"><button type="button">{heading}</button></th>'
    for column in table.columns:
        style = "" if column.unit == "text" else ' class="number"'
        text = escape(heading_text(column))
        yield f'<th scope="col"{style}><button type="button">{text}</button></th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in table.rows:
        mark = numbers.get(clean(row.note, 1000)) if row.note else None
        yield _row(row, table.columns, best, mark)
    yield "</tbody>\n</table>\n</div>\n"
    if table.notes or notes:
        own = "".join(
            f'<li dir="auto"><sup>{i}</sup>{escape(note)}</li>\n' for note, i in numbers.items()
        )
        general = "".join(
            f'<li dir="auto">{escape(clean(note, 4000))}</li>\n' for note in table.notes
        )
        yield f'<ul class="notes">\n{own}{general}</ul>\n'
    yield "</section>\n"


def _row(
    row: Row, columns: tuple[Column, ...], best: Mapping[str, frozenset[str]], mark: int | None
) -> str:
    style = "" if row.measured else ' class="cited"'
    note = "" if mark is None else f"<sup>{mark}</sup>"
    name = escape(clean(row.name, 200))
    cells = "".join(
        _cell(row.values.get(column.name), column, row.name in best[column.name])
        for column in columns
    )
    return f'<tr{style}><th scope="row"><span><bdi>{name}</bdi>{note}</span></th>{cells}</tr>\n'


def _cell(cell: Cell, column: Column, is_best: bool) -> str:
    value, interval = (escape(text) for text in cell_parts(cell, column))
    if column.unit == "text":
        return f'<td class="words" dir="auto">{value}</td>'
    number = number_of(cell)
    if number is not None:
        value, interval = (text.replace("-", _MINUS) for text in (value, interval))
    style = "number best" if is_best else "number none" if value == MISSING else "number"
    ends = f'<span class="interval">{interval}</span>' if interval else ""
    sort = "" if number is None else f"{number:.9g}"
    return f'<td class="{style}" data-sort="{sort}">{value}{ends}</td>'


def _plot(plot: Plot) -> str:
    title = escape(clean(plot.title))
    note = f'<p class="note" dir="auto">{escape(clean(plot.note, 1000))}</p>' if plot.note else ""
    svg = plot_svg(plot).replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return (
        f'<figure><h3 dir="auto">{title}</h3>\n<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{title}">{svg}</div>{note}</figure>\n'
    )


def _facts(report: Report) -> Iterator[str]:
    yield '<section id="settings" class="facts">\n<div><h2>Settings</h2>\n'
    yield _list(dict(flat_settings(report.settings)))
    yield "</div>\n<div><h2>Versions</h2>\n"
    yield _list(report.versions)
    yield "</div>\n</section>\n"


def _list(values: Mapping[str, str]) -> str:
    lines = "".join(
        f"<dt>{escape(clean(name, 80))}</dt><dd><bdi>{escape(clean(text, 2000))}</bdi></dd>\n"
        for name, text in values.items()
    )
    return f"<dl>\n{lines}</dl>\n"
