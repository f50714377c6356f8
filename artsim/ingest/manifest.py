"""Lists of pictures, a row each: CSV, TSV, Excel, JSON Lines or Parquet, read as a stream."""

from __future__ import annotations

import csv
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from artsim.catalog.payload import why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.parquet_rows import parquet_columns, parquet_count, parquet_rows
from artsim.ingest.source_types import BadRow, Row, Rows
from artsim.ingest.text_lines import (
    ENCODING_NAMES,
    LONGEST_LINE,
    find_encoding,
    text_lines,
    wrong_bytes,
)
from artsim.ingest.workbook import open_workbook

MANIFEST_SUFFIXES: Final = (
    ".csv",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xlsm",
    ".jsonl",
    ".ndjson",
    ".parquet",
)
"""Lower-case endings of lists. ``.txt`` is what Excel calls "Unicode text"."""

OTHER_LISTS: Final[Mapping[str, str]] = {
    ".xls": "an old Excel workbook",
    ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "a Numbers spreadsheet",
}
"""Endings of lists that are not read, and what they are."""

_MOST_DIGITS: Final = 40
"""Of a whole number; one so long is beyond the 64 bits that are stored in any case."""

_KEYS_FROM_ROWS: Final = 1000
"""Rows of JSON Lines, which have no header, whose keys stand for all."""

_TOO_LONG: Final = f"is longer than {LONGEST_LINE >> 20} MiB; expected one row a picture"


@dataclass(frozen=True, slots=True)
class Manifest:
    """An open list; each call of `rows` reads the file anew.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Its columns in order; of JSON Lines the keys of the first 1,000 rows.
    notes : tuple of str
        Remarks on how the file was read, where that is not plain.
    """

    path: Path
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    _read: Callable[[], Rows]

    def rows(self) -> Rows:
        """Yield every row in file order, blank lines left out.

        Raises
        ------
        MetadataError
            If the file is damaged beyond single rows.
        """
        return self._read()

    def count(self) -> int:
        """Return how many rows, bad ones too, `rows` yields; reads all but Parquet through."""
        if self.path.suffix.lower() == ".parquet":
            return parquet_count(self.path)
        return sum(1 for _ in self.rows())


def open_manifest(
    path: Path, *, suits: Callable[[Sequence[str]], bool] = lambda _: False
) -> Manifest:
    """Check a list and read its columns.

    Parameters
    ----------
    path : Path
        File whose suffix is one of `MANIFEST_SUFFIXES`, in any case. Text may be divided
        by commas, semicolons or tabs, whichever its first line has most of, and in UTF-8,
        UTF-16 or Windows-1252.
    suits : callable, optional
        Says of column names whether they are those looked for; of a workbook the first
        sheet is read of which that is so, else the first with column names at all.

    Raises
    ------
    MetadataError
        If it is missing, empty, of another format, or two columns have one name.
    """
    suffix = path.suffix.lower()
    if suffix in OTHER_LISTS:
        raise MetadataError(
            f"{path} is {OTHER_LISTS[suffix]}, which artsim does not read; "
            "save it as .xlsx or as CSV and give that",
            path=path,
        )
    if suffix not in MANIFEST_SUFFIXES:
        raise MetadataError(
            f"{path} is not a manifest: expected one of {', '.join(MANIFEST_SUFFIXES)}", path=path
        )
    _refuse_absent(path)
    if suffix in (".xlsx", ".xlsm"):
        workbook = open_workbook(path, suits)
        manifest = Manifest(path, workbook.columns, workbook.notes, workbook.rows)
    elif suffix == ".parquet":
        manifest = Manifest(path, parquet_columns(path), (), lambda: parquet_rows(path))
    else:
        manifest = _open_text(path)
    if not any(manifest.columns):
        raise MetadataError(f"{path} is empty; expected a row of column names, or rows", path=path)
    _refuse_doubles(manifest)
    return manifest


def _refuse_absent(path: Path) -> None:
    try:
        is_there, reason = path.is_file(), "check the path"
    except OSError as exc:
        is_there, reason = False, str(exc.strerror or exc)
    if not is_there:
        raise MetadataError(f"there is no file {path}; {reason}", path=path)


def _open_text(path: Path) -> Manifest:
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    # JSON is UTF-8 by its standard; what is not is a problem of its line.
    encoding = find_encoding(path, at_worst="utf-8" if is_json else None)
    name = ENCODING_NAMES[encoding]
    doubt = "; if its accents come out wrong, save it as UTF-8" if encoding == "cp1252" else ""
    notes = () if name == "UTF-8" else (f"{path.name} was read as {name}{doubt}",)
    if is_json:
        columns, rows = _json_keys(path, encoding), _json_rows
    else:
        columns, rows = _csv_columns(path, encoding), _csv_rows
    return Manifest(path, columns, notes, lambda: rows(path, encoding))


def _refuse_doubles(manifest: Manifest) -> None:
    columns = manifest.columns
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if twice:
        raise MetadataError(
            f"{manifest.path} has more than one column {twice[0]!r}; rename or remove all but one",
            path=manifest.path,
        )


# --- CSV -------------------------------------------------------------------------


def _csv_columns(path: Path, encoding: str) -> tuple[str, ...]:
    for line, cells in _csv_cells(path, encoding):
        if isinstance(cells, str):
            raise MetadataError(f"{path}, line {line}: the row of column names {cells}", path=path)
        return tuple(cell.strip() for cell in cells)
    return ()


def _csv_rows(path: Path, encoding: str) -> Rows:
    columns: tuple[str, ...] = ()
    for line, cells in _csv_cells(path, encoding):
        if isinstance(cells, str):
            yield BadRow(line, cells)
        elif not columns:
            columns = tuple(cell.strip() for cell in cells)
        elif len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            yield BadRow(line, f"has {len(cells)} cells where the header has {len(columns)}")
        else:
            values = zip(columns, cells, strict=False)
            yield Row(line, {column: cell for column, cell in values if column})


def _csv_cells(path: Path, encoding: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first physical line and the cells, or what is wrong, of each row not blank.

    After an error the reader goes on with the next physical line.
    """
    lines = _RowLines(text_lines(path, encoding, newline=""))
    delimiter = "\t" if path.suffix.lower() == ".tsv" else lines.find_delimiter()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = _next_row(reader)
        except csv.Error as exc:
            yield lines.row_start, _csv_reason(exc, lines)
            continue
        if cells is None:
            return
        if lines.too_long:
            yield lines.row_start, _TOO_LONG
        elif any(cell.strip() for cell in cells):
            text = "".join(cells)
            wrong = "holds a NUL byte" if "\0" in text else wrong_bytes(text, encoding)
            yield lines.row_start, wrong or cells


_field_limit: Final = threading.Lock()


def _next_row(reader: Any) -> list[str] | None:
    """Return the next row, with no limit on cells but that on lines.

    Python's limit of 128 KiB is one for the process, so that it is put back at once.
    """
    with _field_limit:
        before = csv.field_size_limit(LONGEST_LINE)
        try:
            cells: list[str] | None = next(reader, None)
        finally:
            csv.field_size_limit(before)
    return cells


def _csv_reason(exc: csv.Error, lines: _RowLines) -> str:
    if "unexpected end of data" in str(exc):
        return "opens a quote that is never closed"
    if "field larger than" in str(exc):
        lines.skip_quoted()
        return "has a cell of more than 8 MiB; perhaps a quote is never closed"
    return f"is not CSV: {exc}"


class _RowLines:
    """Lines on their way to the CSV reader, with what has to be known of the row they make.

    Attributes
    ----------
    row_start : int
        Its first physical line, from 1.
    too_long : bool
        Whether one of its lines was too long to be read.
    """

    def __init__(self, lines: Iterator[str | None]) -> None:
        self._lines = lines
        self._ahead: list[str | None] = []
        self._number = 0
        self._quotes = 0
        self.begin_row()

    def begin_row(self) -> None:
        """Forget the row before."""
        self.row_start = self._number + 1
        self.too_long = False
        self._quotes = 0

    def find_delimiter(self) -> str:
        """Return what the header has most of outside quotes, a comma if nothing.

        A line ``sep=;`` before it, which is for Excel, has the last word and is taken away.
        """
        for line in self._lines:
            self._ahead.append(line)
            if line is None or line.strip():
                break
        header = (self._ahead[-1:] or [None])[0] or ""
        if said := re.fullmatch(r"sep=([,;\t|])\s*", header, re.IGNORECASE):
            self._ahead[-1] = "\n"
            return said[1]
        outside = "".join(header.split('"')[::2])
        return max(",;\t", key=outside.count)

    def skip_quoted(self) -> None:
        """Leave out the lines up to the end of a cell in quotes that has begun."""
        while self._quotes % 2 and next(self, None) is not None:
            pass

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        line = self._ahead.pop(0) if self._ahead else next(self._lines)
        self._number += 1
        if line is None:
            self.too_long = True
            return "\n"
        self._quotes += line.count('"')
        return line


# --- JSON Lines ------------------------------------------------------------------


def _json_keys(path: Path, encoding: str) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    bad: BadRow | None = None
    for row in islice(_json_rows(path, encoding), _KEYS_FROM_ROWS):
        if isinstance(row, Row):
            keys |= dict.fromkeys(row.values)
        else:
            bad = bad or row
    if not keys and bad is not None:
        raise MetadataError(
            f"{path}, line {bad.line} {bad.reason}; expected JSON Lines, one object a line",
            path=path,
        )
    return tuple(keys)


def _json_rows(path: Path, encoding: str) -> Rows:
    for line, text in enumerate(text_lines(path, encoding, newline="\n"), 1):
        if text is None:
            yield BadRow(line, _TOO_LONG)
        elif text.strip():
            yield _json_row(line, text, encoding)


def _json_row(line: int, text: str, encoding: str) -> Row | BadRow:
    if wrong := wrong_bytes(text, encoding):
        return BadRow(line, wrong)
    try:
        values = json.loads(
            text,
            parse_constant=lambda _: None,
            parse_int=_whole_number,
            parse_float=_real_number,
        )
    except RecursionError:
        return BadRow(line, "is nested too deep to be read")
    except ValueError as exc:
        return BadRow(line, f"is not JSON: {exc}")
    if not isinstance(values, dict):
        return BadRow(line, f"is a JSON {type(values).__name__}, not an object")
    reason = why_unstorable(values)
    return Row(line, values) if reason is None else BadRow(line, reason)


def _whole_number(digits: str) -> int:
    """Return a number; of one of thousands of digits, which `int` refuses, just the first."""
    return int(digits[:_MOST_DIGITS])


def _real_number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
