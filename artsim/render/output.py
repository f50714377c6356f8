"""Hits for programs: JSON, JSON Lines, CSV and paths, all in UTF-8; and for Excel.

The forms are documented in ``docs/output.md`` and are a public interface: within one
`artsim.catalog.results.SCHEMA` fields are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, Final, Literal

from artsim.catalog.cells import csv_lines, payload_columns
from artsim.catalog.hits import Hit
from artsim.catalog.payload import Payload
from artsim.catalog.results import plain_json
from artsim.files import local_path
from artsim.search.answer import Answer
from artsim.search.export import write_workbook

OutputFormat = Literal["json", "jsonl", "csv", "xlsx", "paths"]

_OWN_COLUMNS: Final = ("rank", "score", "rerank_score", "query_face", "group")
"""Columns of the CSV form that stand before those of the payload."""


def write_output(
    result: Answer, output_format: OutputFormat, stream: BinaryIO, *, null: bool = False
) -> None:
    """Write `result` to `stream`, in UTF-8 whatever the locale.

    Parameters
    ----------
    result : Answer
        What the search returned.
    output_format : {"json", "jsonl", "csv", "xlsx", "paths"}
        See `to_json`, `to_jsonl`, `to_csv`, `write_xlsx` and `to_paths`.
    stream : binary file
        For the standard output, ``sys.stdout.buffer``.
    null : bool
        End each path with a NUL byte instead of a line feed.
    """
    if output_format == "paths":
        stream.write(to_paths(result, null=null))
        return
    if output_format == "xlsx":
        write_xlsx(result, stream)
        return
    writers: Mapping[str, Callable[[Answer], str]] = {
        "json": to_json,
        "jsonl": to_jsonl,
        "csv": to_csv,
    }
    stream.write(writers[output_format](result).encode("utf-8", "replace"))


def to_json(result: Answer) -> str:
    """Return the whole result as one JSON object, indented, with a final line feed."""
    return dump_json(result.to_dict(), indent=2)


def to_jsonl(result: Answer) -> str:
    """Return one JSON object a line for each hit, as in the ``hits`` of `to_json`."""
    return "".join(dump_json(hit.to_dict(rank, group)) for rank, hit, group in result.ranked())


def to_csv(result: Answer) -> str:
    r"""Return a header row and a row for each hit, after RFC 4180 with line feeds.

    Columns depend only on whether the hits are faces; for the cells see
    `artsim.catalog.cells.csv_cell`.
    """
    fields = list(result.kind.fields)
    rows = ([*own, *(hit.payload.get(f) for f in fields)] for own, hit in _rows(result))
    return "".join(csv_lines([*_OWN_COLUMNS, *fields], rows))


def write_xlsx(result: Answer, stream: BinaryIO) -> None:
    """Write a workbook of Excel: the columns of `to_csv`, with one for each key of ``extra``.

    Raises
    ------
    ExportError
        If openpyxl is missing, or there are more hits than a sheet has rows.
    """
    fields = result.kind.fields
    columns = payload_columns(fields, (hit.payload for hit in result.hits))
    rows = ([*own, *columns.row(hit.payload)] for own, hit in _rows(result))
    write_workbook(stream, "hits", [*_OWN_COLUMNS, *columns.names], rows)


def _rows(result: Answer) -> Iterator[tuple[tuple[object, ...], Hit]]:
    """Yield the values of `_OWN_COLUMNS` beside each hit."""
    for rank, hit, group in result.ranked():
        yield (rank, hit.score, hit.rerank_score, hit.query_face, group), hit


def to_paths(result: Answer, *, null: bool = False) -> bytes:
    """Return the place of each hit's picture, best first, each once.

    That is the local path, in the file system's own bytes, or the address of a picture
    that is elsewhere. Hits without a picture's place are left out. Since a path may hold
    a line feed, `null` ends each with a NUL byte instead.
    """
    return picture_lines((hit.payload for hit in result.hits), null=null)


def picture_lines(payloads: Iterable[Payload], *, null: bool = False) -> bytes:
    """Return the places of the pictures of `payloads`, as `to_paths` describes them."""
    end = b"\0" if null else b"\n"
    places: dict[bytes, None] = {}
    for payload in payloads:
        uri = payload.get("image_uri")
        if isinstance(uri, str):
            path = local_path(uri)
            places[uri.encode("utf-8", "replace") if path is None else os.fsencode(path)] = None
    return b"".join(place + end for place in places)


def dump_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as strict JSON with a final line feed.

    See `artsim.catalog.results.plain_json` for what JSON lacks.
    """
    text = json.dumps(plain_json(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return text + "\n"
