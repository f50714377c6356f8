"""Tables for people: hits, and whatever else the command line lists.

On a terminal a table takes the terminal's width and colours; elsewhere it is the same
table, `PLAIN_WIDTH` columns wide, in plain text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from artsim.domain.hits import Hit
from artsim.domain.payload import FACE_FIELDS
from artsim.domain.results import SearchResult
from artsim.render.text import (
    clean,
    date_text,
    field_text,
    format_score,
    picture_place,
    shorten_path,
)

PLAIN_WIDTH: Final = 120
"""Width of a table that goes to a file or pipe, unless ``COLUMNS`` says otherwise."""

_GAP: Final = 2
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Column of the hits table; `least` is None where it never shrinks."""

    header: str
    cells: Sequence[str]
    least: int | None = None
    style: str = ""
    right: bool = False

    @property
    def natural(self) -> int:
        return max(cell_len(text) for text in (self.header, *self.cells))

    @property
    def least_width(self) -> int:
        return self.natural if self.least is None else min(self.least, self.natural)


def make_console(stream: TextIO) -> Console:
    """Return a console for `stream` that leaves texts as they are.

    Other than rich's own it has a fixed width off the terminal, and never highlights
    numbers or reads ``[markup]``.
    """
    if stream.isatty():
        return Console(file=stream, highlight=False, markup=False, emoji=False)
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else PLAIN_WIDTH
    return Console(
        file=stream,
        width=width,
        color_system=None,
        force_terminal=False,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_table(table: Table, stream: TextIO) -> None:
    """Write `table` to `stream`, without trailing blanks where it is not a terminal."""
    console = make_console(stream)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    stream.write("".join(f"{line}\n" for line in lines))


def print_hits(result: SearchResult, stream: TextIO) -> None:
    """Write the hits to `stream` as a table of its width."""
    print_table(hits_table(result, make_console(stream).width), stream)


def hits_table(result: SearchResult, width: int) -> Table:
    """Return the hits as a table of at most `width` cells.

    Columns are rank, title, artist, date, score, re-rank score, faces, and the path of
    the picture; those without a value in any row are left out. Where the width is short,
    long texts end in an ellipsis, then the id, date, faces and artist go, in this order,
    and the path last.
    """
    columns = _hit_columns(result, width)
    widths = _share_width([column for _, column in columns], width)
    table = new_table()
    for (_, column), cells in zip(columns, widths, strict=True):
        table.add_column(
            column.header,
            width=cells,
            style=column.style,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    starts = _group_starts(result)
    for row in range(len(result.hits)):
        if row in starts:
            _add_group_heading(table, starts[row], [key for key, _ in columns])
        table.add_row(
            *(
                Text(shorten_path(column.cells[row], cells) if key == "path" else column.cells[row])
                for (key, column), cells in zip(columns, widths, strict=True)
            )
        )
    return table


def new_table() -> Table:
    """Return an empty table in the style of all of them."""
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=False
    )


def _group_starts(result: SearchResult) -> dict[int, str]:
    starts: dict[int, str] = {}
    row = 0
    for group in result.groups:
        starts[row] = clean(group.value)
        row += len(group.hits)
    return starts


def _add_group_heading(table: Table, value: str, keys: Sequence[str]) -> None:
    if table.row_count:
        table.add_section()
    table.add_row(*(Text(value if key == "title" else "", style="bold") for key in keys))


def _hit_columns(result: SearchResult, width: int) -> list[tuple[str, _Column]]:
    hits = result.hits
    ranks = [str(result.first_rank + i) for i in range(len(hits))]
    paths = [clean(picture_place(hit.payload), 1000) for hit in hits]
    columns = {
        "rank": _Column("#", ranks, right=True, style="dim"),
        "title": _Column("title", [_title(hit) for hit in hits], least=12, style="bold"),
        "artist": _Column("artist", [field_text(h.payload, "artist") for h in hits], least=10),
        "date": _Column("date", [date_text(hit.payload) for hit in hits], least=9),
        "score": _Column("score", [format_score(hit.score) for hit in hits], right=True),
        "rerank": _Column(
            str(result.settings.get("rerank") or "re-rank"),
            ["" if h.rerank_score is None else format_score(h.rerank_score) for h in hits],
            right=True,
        ),
        "found_by": _Column("found by", [_found_by(hit, result) for hit in hits]),
        "face": _Column("face", [field_text(hit.payload, "face_index") for hit in hits]),
        "id": _Column("id", _ids(hits, paths), least=8),
        "path": _Column("path", paths, least=12, style="dim"),
    }
    always = {"rank", "title", "score"}
    kept = {k: c for k, c in columns.items() if k in always or any(c.cells)}
    for key in ("id", "date", "found_by", "face", "artist", "path"):
        if _least_total(kept.values()) > width:
            kept.pop(key, None)
    return list(kept.items())


def _title(hit: Hit) -> str:
    return field_text(hit.payload, "title") or clean(hit.payload.get("painting_id", ""))


def _found_by(hit: Hit, result: SearchResult) -> str:
    """Say which query face found the hit, where there was a choice."""
    if hit.query_face is None or len(result.query_faces) < 2:
        return ""
    return f"face {hit.query_face}"


def _ids(hits: Sequence[Hit], paths: Sequence[str]) -> list[str]:
    """Return the ids, or blanks where every one can be read off its path or title."""
    ids = [clean(hit.payload.get("painting_id", ""), 120) for hit in hits]
    shown = ((hit.payload.get("title"), path) for hit, path in zip(hits, paths, strict=True))
    told = all(
        title is None or path.endswith(painting_id)
        for painting_id, (title, path) in zip(ids, shown, strict=True)
    )
    return [""] * len(ids) if told else ids


def _least_total(columns: Iterable[_Column]) -> int:
    widths = [column.least_width for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def _share_width(columns: Sequence[_Column], width: int) -> list[int]:
    """Give each column its natural width if all fit, else cut the widest ones evenly."""
    widths = [column.natural for column in columns]
    spare = width - _GAP * (len(columns) - 1) - sum(widths)
    while spare < 0:
        shrinkable = [
            i for i, column in enumerate(columns) if widths[i] > max(1, column.least_width)
        ]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda i: widths[i])
        widths[widest] -= 1
        spare += 1
    return widths


def rows_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()
) -> Table:
    """Return rows as a table; None is an empty cell, long cells wrap.

    Parameters
    ----------
    headers : sequence of str
        One for each column.
    rows : iterable of sequence
        As many values each as there are headers; they are cleaned and never read as markup.
    right : sequence of str
        Headers of the columns to align right.
    """
    table = new_table()
    for position, header in enumerate(headers):
        table.add_column(
            header,
            justify="right" if header in right else "left",
            style="bold" if position == 0 else "",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text("" if value is None else clean(value, 1000)) for value in row))
    return table


def key_values_table(values: Mapping[str, object]) -> Table:
    """Return a two-column table of names and values; values that are None are left out."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        if value is not None:
            table.add_row(Text(clean(name, 60)), Text(clean(value, 4000)))
    return table


def payload_table(payload: Mapping[str, Any]) -> Table:
    """Return a point's payload as names and values, in the contract's order, then the rest."""
    fields = [field for field in FACE_FIELDS if field in payload and field != "extra"]
    fields += sorted(field for field in payload if field not in FACE_FIELDS)
    values: dict[str, object] = {field: _shown_value(payload[field]) for field in fields}
    if isinstance(payload.get("faces"), (list, tuple)):
        values["faces"] = None
        for face in payload["faces"]:
            values[f"face {face['face_index']}"] = _face_in_words(face)
    extra = payload.get("extra")
    if isinstance(extra, Mapping):
        values |= {f"extra.{name}": _shown_value(value) for name, value in sorted(extra.items())}
    return key_values_table(values)


def _face_in_words(face: Mapping[str, Any]) -> str:
    x, y, width, height = face["box"]
    return f"{width:g} x {height:g} pixels at {x:g}, {y:g}; score {face['detection_score']:g}"


def _shown_value(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_shown_value(part)) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else value


def counts_table(field: str, counts: Sequence[tuple[object, int]]) -> Table:
    """Return values of `field` with their counts and a bar in proportion to the largest."""
    largest = max((count for _, count in counts), default=1)
    rows = [(value, count, "█" * max(1, round(20 * count / largest))) for value, count in counts]
    return rows_table([field, "count", ""], rows, right=["count"])
