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
from rich.style import Style
from rich.table import Table
from rich.text import Text

from artsim.catalog.hits import Hit
from artsim.catalog.payload import FACE_FIELDS
from artsim.render.text import (
    clean,
    date_text,
    field_text,
    format_score,
    id_text,
    picture_link,
    picture_place,
    title_text,
)
from artsim.search.answer import Answer

PLAIN_WIDTH: Final = 120
"""Width of a table that goes to a file or pipe, unless ``COLUMNS`` says otherwise."""

_GAP: Final = 2
"""Cells between two columns."""

_WHOLE_ID: Final = 40
"""Cells of an id that everything else gives way for; a longer one is folded."""

_READABLE: Final = 32
"""Cells of a title or an artist that a path is not to cost."""

_NARROWEST: Final = 6
"""Cells that a title or an id keeps in the narrowest terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table that fits its width; `least` is None where it never shrinks."""

    header: str
    cells: Sequence[str]
    least: int | None = None
    style: str = ""
    right: bool = False

    @property
    def natural(self) -> int:
        """Cells of its widest text."""
        return max(cell_len(text) for text in (self.header, *self.cells))

    @property
    def least_width(self) -> int:
        """Cells that it keeps."""
        return self.natural if self.least is None else min(self.least, self.natural)


def make_console(stream: TextIO) -> Console:
    """Return a console for `stream` that leaves texts as they are.

    Other than rich's own it has a fixed width off the terminal, and never highlights
    numbers or reads ``[markup]``.
    """
    if stream.isatty():
        return Console(file=stream, highlight=False, markup=False, emoji=False)
    return Console(
        file=stream,
        width=_wanted_width() or PLAIN_WIDTH,
        color_system=None,
        force_terminal=False,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _wanted_width() -> int | None:
    """Return the width that ``COLUMNS`` asks for."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else None


def print_table(table: Table, stream: TextIO, *, width: int | None = None) -> None:
    """Write `table` to `stream`, without trailing blanks where it is not a terminal.

    `width` is that of the stream, unless it is given.
    """
    console = make_console(stream)
    if console.is_terminal:
        console.print(table)
        return
    if width is not None:
        console.width = width
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    stream.write("".join(f"{line}\n" for line in lines))


def print_hits(result: Answer, stream: TextIO) -> None:
    """Write the hits to `stream` as a table of its width."""
    console = make_console(stream)
    long_paths = not console.is_terminal and _wanted_width() is None
    links = _takes_links(console)
    table = hits_table(result, console.width, links=links, long_paths=long_paths)
    needed = sum((column.width or 0) + _GAP for column in table.columns)
    print_table(table, stream, width=max(console.width, needed))


def _takes_links(console: Console) -> bool:
    """Return whether hyperlinks (OSC 8) can be written; elsewhere they would be debris."""
    if not console.is_terminal or console.legacy_windows or console.is_dumb_terminal:
        return False
    # Linux's own console prints them; Apple's terminal passes them over.
    return os.environ.get("TERM") != "linux" and os.environ.get("TERM_PROGRAM") != "Apple_Terminal"


def hits_table(
    result: Answer, width: int, *, links: bool = False, long_paths: bool = False
) -> Table:
    """Return the hits as a table of at most `width` cells.

    Columns are rank, title, artist, date, score, re-rank score, faces, the id, and the path of
    the picture; those without a value in any row are left out, but for the title. Ids are always
    whole, folded where they are very long. For them titles end in an ellipsis where the width is
    short, and the path, date, artist, faces and re-rank score go, in this order: a path is shown
    whole or not at all.

    Parameters
    ----------
    links : bool
        Make the titles hyperlinks to the pictures.
    long_paths : bool
        Let paths stand beyond the width.
    """
    columns = _hit_columns(result)
    paths = columns.pop("path", None) if long_paths else None
    columns = _fitting(columns, width)
    widths = share_width(list(columns.values()), width)
    if paths is not None:
        columns["path"] = paths
        widths.append(paths.natural)
    table = new_table()
    for (key, column), cells in zip(columns.items(), widths, strict=True):
        table.add_column(
            column.header,
            width=cells,
            style=column.style,
            justify="right" if column.right else "left",
            no_wrap=key != "id",
            overflow="fold" if key == "id" else "ellipsis",
        )
    starts = _group_starts(result)
    for row, hit in enumerate(result.hits):
        if row in starts:
            _add_group_heading(table, starts[row], list(columns))
        texts = {key: Text(column.cells[row]) for key, column in columns.items()}
        if not hit.payload.get("title"):
            texts["title"].stylize("not bold dim")
        if links and (link := picture_link(hit.payload)):
            texts["title"].stylize(Style(link=link))
        table.add_row(*texts.values())
    return table


def new_table() -> Table:
    """Return an empty table in the style of all of them."""
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=False
    )


def _group_starts(result: Answer) -> dict[int, str]:
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


def _hit_columns(result: Answer) -> dict[str, Column]:
    hits = result.hits
    ranks = [str(result.first_rank + i) for i in range(len(hits))]
    columns = {
        "rank": Column("#", ranks, right=True, style="dim"),
        "title": Column("title", [title_text(h.payload) for h in hits], least=14, style="bold"),
        "artist": Column("artist", [field_text(h.payload, "artist") for h in hits], least=12),
        "date": Column("date", [date_text(hit.payload) for hit in hits], least=9),
        "score": Column(result.score_name, [format_score(hit.score) for hit in hits], right=True),
        "rerank": Column(
            str(result.settings.get("rerank") or "re-rank"),
            ["" if h.rerank_score is None else format_score(h.rerank_score) for h in hits],
            right=True,
        ),
        "found_by": Column("found by", [_found_by(hit, result) for hit in hits]),
        "face": Column("face", [field_text(hit.payload, "face_index") for hit in hits]),
        "id": Column("id", [id_text(hit.payload) for hit in hits], least=_WHOLE_ID),
        "path": Column("path", [_path(hit) for hit in hits], style="dim"),
    }
    always = {"rank", "title", "score", "id"}
    return {k: c for k, c in columns.items() if k in always or any(c.cells)}


def _fitting(columns: Mapping[str, Column], width: int) -> dict[str, Column]:
    """Return the columns that have room in `width`."""
    kept = dict(columns)
    # A path is worth less than titles and artists that can be read.
    readable = [min(column.natural, max(column.least_width, _READABLE)) for column in kept.values()]
    if sum(readable) + _GAP * (len(readable) - 1) > width:
        kept.pop("path", None)
    for key in ("date", "artist", "found_by", "face", "rerank"):
        if least_total(kept.values()) > width:
            kept.pop(key, None)
    return kept


def _path(hit: Hit) -> str:
    return clean(picture_place(hit.payload), 4096)


def _found_by(hit: Hit, result: Answer) -> str:
    """Say which query face found the hit, where there was a choice."""
    if hit.query_face is None or len(result.query_faces) < 2:
        return ""
    return f"face {hit.query_face}"


def least_total(columns: Iterable[Column]) -> int:
    """Return the cells that the columns take when each is at its least."""
    widths = [column.least_width for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def share_width(columns: Sequence[Column], width: int) -> list[int]:
    """Give each column its natural width if all fit, else cut the widest ones evenly.

    Where even the least widths are too much, whatever can shrink does so further.
    """
    widths = [column.natural for column in columns]
    spare = width - _GAP * (len(columns) - 1) - sum(widths)
    for floors in (
        [column.least_width for column in columns],
        [min(column.least_width, _NARROWEST) for column in columns],
    ):
        while spare < 0:
            shrinkable = [
                i
                for i, column in enumerate(columns)
                if column.least is not None and widths[i] > max(1, floors[i])
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
