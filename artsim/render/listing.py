"""Lists of paintings: a table for people, and the forms for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, TextIO

from rich.table import Table
from rich.text import Text

from artsim.catalog.cells import csv_lines, payload_columns
from artsim.render.output import OutputFormat, dump_json, picture_lines
from artsim.render.table import (
    Column,
    least_total,
    make_console,
    new_table,
    print_table,
    share_width,
)
from artsim.render.text import clean, date_text, field_text
from artsim.search.export import write_workbook
from artsim.search.listing import Listing


def write_listing(
    listing: Listing, output_format: OutputFormat, stream: BinaryIO, *, null: bool = False
) -> None:
    """Write a list to `stream` as docs/output.md has it, in UTF-8 whatever the locale."""
    payloads = [point.payload for point in listing.points]
    if output_format == "paths":
        stream.write(picture_lines(payloads, null=null))
        return
    fields = listing.kind.fields
    if output_format == "xlsx":
        columns = payload_columns(fields, payloads)
        write_workbook(stream, "list", columns.names, map(columns.row, payloads))
        return
    writers: Mapping[str, Callable[[Listing], str]] = {
        "json": lambda listing: dump_json(listing.to_dict(), indent=2),
        "jsonl": lambda listing: "".join(dump_json(point.to_dict()) for point in listing.points),
        "csv": _to_csv,
    }
    stream.write(writers[output_format](listing).encode("utf-8", "replace"))


def _to_csv(listing: Listing) -> str:
    fields = list(listing.kind.fields)
    rows = ([point.payload.get(field) for field in fields] for point in listing.points)
    return "".join(csv_lines(fields, rows))


def print_listing(listing: Listing, stream: TextIO) -> None:
    """Write a list to `stream` as a table of its width, in which ids are whole."""
    payloads = [point.payload for point in listing.points]
    columns = {
        "id": Column("id", [clean(p["painting_id"], 1000) for p in payloads], style="bold"),
        "title": Column("title", [field_text(p, "title") for p in payloads], least=12),
        "artist": Column("artist", [field_text(p, "artist") for p in payloads], least=10),
        "date": Column("date", [date_text(p) for p in payloads], least=9),
        "face": Column("face", [field_text(p, "face_index") for p in payloads], right=True),
        "size": Column("pixels", [field_text(p, "face_size") for p in payloads], right=True),
    }
    columns = {key: c for key, c in columns.items() if key == "id" or any(c.cells)}
    width = make_console(stream).width
    for key in ("size", "date", "artist", "title", "face"):
        if least_total(columns.values()) > width:
            columns.pop(key, None)
    print_table(_table(list(columns.values()), width), stream)


def _table(columns: Sequence[Column], width: int) -> Table:
    table = new_table()
    for column, cells in zip(columns, share_width(columns, width), strict=True):
        table.add_column(
            column.header,
            width=cells,
            style=column.style,
            justify="right" if column.right else "left",
            no_wrap=column.header != "id",
            overflow="fold" if column.header == "id" else "ellipsis",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table
