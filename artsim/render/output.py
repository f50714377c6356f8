"""Hits for programs: JSON, JSON Lines, CSV and paths, all in UTF-8.

The forms are documented in ``docs/output.md`` and are a public interface: within one
`artsim.domain.results.SCHEMA` fields are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import BinaryIO, Final, Literal

from artsim.domain.payload import FACE_FIELDS, PAINTING_FIELDS, Payload
from artsim.domain.results import SearchResult, plain_json
from artsim.images.place import local_path

OutputFormat = Literal["json", "jsonl", "csv", "paths"]

_OWN_COLUMNS: Final = ("rank", "score", "rerank_score", "query_face", "group")
"""Columns of the CSV form that stand before those of the payload."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\n")
"""What a spreadsheet takes for a formula, after OWASP's page "CSV Injection"."""


def write_output(
    result: SearchResult, output_format: OutputFormat, stream: BinaryIO, *, null: bool = False
) -> None:
    """Write `result` to `stream`, in UTF-8 whatever the locale.

    Parameters
    ----------
    result : SearchResult
        What the search returned.
    output_format : {"json", "jsonl", "csv", "paths"}
        See `to_json`, `to_jsonl`, `to_csv` and `to_paths`.
    stream : binary file
        For the standard output, ``sys.stdout.buffer``.
    null : bool
        End each path with a NUL byte instead of a line feed.
    """
    if output_format == "paths":
        stream.write(to_paths(result, null=null))
        return
    writers: Mapping[str, Callable[[SearchResult], str]] = {
        "json": to_json,
        "jsonl": to_jsonl,
        "csv": to_csv,
    }
    stream.write(writers[output_format](result).encode("utf-8", "replace"))


def to_json(result: SearchResult) -> str:
    """Return the whole result as one JSON object, indented, with a final line feed."""
    return dump_json(result.to_dict(), indent=2)


def to_jsonl(result: SearchResult) -> str:
    """Return one JSON object a line for each hit, as in the ``hits`` of `to_json`."""
    return "".join(dump_json(hit.to_dict(rank, group)) for rank, hit, group in result.ranked())


def to_csv(result: SearchResult) -> str:
    r"""Return a header row and a row for each hit, after RFC 4180 with line feeds.

    Columns depend only on whether the hits are faces. An unknown value is an empty cell;
    lists are joined by ``|`` (in their values ``|`` is written ``\|`` and a backslash
    twice), nested values are JSON. A text that a spreadsheet would run as a formula has
    an apostrophe put before it; line breaks within a cell are line feeds.
    """
    fields = list(FACE_FIELDS if result.is_of_faces else PAINTING_FIELDS)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_OWN_COLUMNS, *fields])
    for rank, hit, group in result.ranked():
        own = (rank, hit.score, hit.rerank_score, hit.query_face, group)
        writer.writerow(csv_cell(value) for value in (*own, *(hit.payload.get(f) for f in fields)))
    return buffer.getvalue()


def to_paths(result: SearchResult, *, null: bool = False) -> bytes:
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

    See `artsim.domain.results.plain_json` for what JSON lacks.
    """
    text = json.dumps(plain_json(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return text + "\n"


def csv_cell(value: object) -> object:
    """Return a value as a cell of the CSV form, as `to_csv` describes it."""
    if value is None:
        return ""
    value = plain_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list):
        return _guarded(_joined(value))
    return _guarded(value if isinstance(value, str) else dump_json(value).rstrip("\n"))


def _joined(values: Sequence[object]) -> str:
    if any(isinstance(value, (list, dict)) for value in values):
        return dump_json(values).rstrip("\n")
    return "|".join(str(v).replace("\\", "\\\\").replace("|", "\\|") for v in values)


def _guarded(text: str) -> str:
    # NUL would end the cell in programs written in C, and Python 3.11 does not quote a
    # carriage return, which many readers take for the end of the row.
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if text.startswith(_FORMULA_STARTS) else text
