"""Rows of lists in text: CSV, TSV and JSON Lines, in whichever encoding they come."""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from artsim.catalog.payload import why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.records import Problem, Row, Rows

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Characters; what is longer is no row of a list."""

ENCODING_NAMES: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}

_CHUNK: Final = 1 << 20
_LEAST_ZEROS: Final = 0.4
"""Share of a file's odd or even bytes that are zero where Western text is in UTF-16."""

_WESTERN: Final = bytes(
    byte
    for byte in range(256)
    if byte in b"\t\n\v\f\r" or (byte >= 0x20 and byte not in b"\x7f\x81\x8d\x8f\x90\x9d")
)
"""Bytes that a text in Windows-1252 can have."""

_MOST_DIGITS: Final = 40
"""Of a whole number; one so long is beyond the 64 bits that are stored in any case."""

_KEYS_FROM_ROWS: Final = 1000
"""Rows of JSON Lines, which have no header, whose keys stand for all."""

_TOO_LONG: Final = f"is longer than {LONGEST_LINE >> 20} MiB; expected one row a picture"


def text_columns(path: Path, encoding: str) -> tuple[str, ...]:
    """Return the header of CSV, or the keys of the first objects of JSON Lines."""
    return _json_columns(path, encoding) if is_json(path) else _csv_columns(path, encoding)


def text_rows(path: Path, encoding: str) -> Rows:
    """Yield the rows, blank lines left out; a bad one costs itself alone."""
    values = _json_values if is_json(path) else _csv_values
    for line, found in values(path, encoding):
        if isinstance(found, str):
            yield Problem.of_row(path, line, found)
        else:
            yield Row(line, found)


def is_json(path: Path) -> bool:
    """Return whether a list has JSON Lines, by its ending."""
    return path.suffix.lower() in (".jsonl", ".ndjson")


# --- lines and their encoding ----------------------------------------------------


def find_encoding(path: Path, *, at_worst: str | None = None) -> str:
    """Return the codec of a text file, a key of `ENCODING_NAMES`, decided over all of it.

    It is UTF-16 by its byte order mark, or where every other byte of its beginning is
    zero; UTF-8 where all of it is, or at least as many lines with accents are as are not; and
    otherwise Windows-1252, in which Excel saves CSV in Western Europe.

    Parameters
    ----------
    at_worst : str, optional
        What to return of a file that is in none of them, which is an error otherwise.

    Raises
    ------
    MetadataError
        If it cannot be read, or is in none of them.
    """
    try:
        with path.open("rb") as file:
            return _marked(file.read(4096)) or _unmarked(file, path, at_worst)
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def text_lines(path: Path, encoding: str, *, newline: str) -> Iterator[str | None]:
    """Yield the physical lines with their ends, None for one longer than `LONGEST_LINE`.

    Bytes that are not of the encoding become lone surrogates, which `wrong_bytes` finds.
    `newline` is what ends a line, "" for each of the usual ends.

    Raises
    ------
    MetadataError
        If the file cannot be read.
    """
    try:
        with path.open(encoding=encoding, errors=_BYTES_AS_SURROGATES, newline=newline) as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) <= LONGEST_LINE:
                    yield line
                    continue
                while line and not line.endswith(newline or ("\n", "\r")):
                    line = file.readline(_CHUNK)
                yield None
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def wrong_bytes(text: str, encoding: str) -> str | None:
    """Return what is wrong with a text of `text_lines`, in words; None if it was decoded."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        byte = ord(text[exc.start]) - _SURROGATE
        return f"is not {ENCODING_NAMES[encoding]}: it holds the byte 0x{byte:02x}"
    return None


_BYTES_AS_SURROGATES: Final = "artsim.bytes-as-surrogates"
_SURROGATE: Final = 0xDC00


def _bytes_as_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Python's own "surrogateescape" is for encodings that agree with ASCII only."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_SURROGATE + byte) for byte in wrong), error.end


codecs.register_error(_BYTES_AS_SURROGATES, _bytes_as_surrogates)


def _marked(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    least = max(1, len(head) // 2) * _LEAST_ZEROS
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > least and even == 0:
        return "utf-16-le"
    if even > least and odd == 0:
        return "utf-16-be"
    return None


def _unmarked(file: BinaryIO, path: Path, at_worst: str | None) -> str:
    if _is_utf8(file):
        return "utf-8"
    file.seek(0)
    good = bad = 0
    foreign: tuple[int, int] | None = None
    for number, raw in enumerate(iter(lambda: file.readline(_CHUNK), b""), 1):
        if foreign is None and (rest := raw.translate(None, _WESTERN)):
            foreign = number, rest[0]
        if raw.isascii():
            continue
        try:
            raw.decode()
            good += 1
        except UnicodeDecodeError:
            bad += 1
    if good >= bad:
        return "utf-8"
    if foreign is not None:
        if at_worst is not None:
            return at_worst
        line, byte = foreign
        raise MetadataError(
            f"{path} is text in neither UTF-8, UTF-16 nor Windows-1252 (line {line} holds the byte "
            f'0x{byte:02x}); save it as UTF-8, which Excel calls "CSV UTF-8"',
            path=path,
        )
    return "cp1252"


def _is_utf8(file: BinaryIO) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(path: Path, exc: OSError) -> MetadataError:
    return MetadataError(f"{path} cannot be read: {exc.strerror or exc}", path=path)


# --- CSV -------------------------------------------------------------------------


def _csv_columns(path: Path, encoding: str) -> tuple[str, ...]:
    for line, cells in _csv_cells(path, encoding):
        if isinstance(cells, str):
            raise MetadataError(f"{path}, line {line}: the row of column names {cells}", path=path)
        return tuple(cell.strip() for cell in cells)
    return ()


def _csv_values(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    columns: tuple[str, ...] = ()
    for line, cells in _csv_cells(path, encoding):
        if isinstance(cells, str):
            yield line, cells
        elif not columns:
            columns = tuple(cell.strip() for cell in cells)
        elif len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            yield line, f"has {len(cells)} cells where the header has {len(columns)}"
        else:
            values = zip(columns, cells, strict=False)
            yield line, {column: cell for column, cell in values if column}


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


def _json_columns(path: Path, encoding: str) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    bad = ""
    for line, values in islice(_json_values(path, encoding), _KEYS_FROM_ROWS):
        if isinstance(values, str):
            bad = bad or f"{path}, line {line} {values}; expected JSON Lines, one object a line"
        else:
            keys |= dict.fromkeys(values)
    if not keys and bad:
        raise MetadataError(bad, path=path)
    return tuple(keys)


def _json_values(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield the number and the object of each line not blank, or what is wrong with it."""
    for line, text in enumerate(text_lines(path, encoding, newline="\n"), 1):
        if text is None:
            yield line, _TOO_LONG
        elif text.strip():
            yield line, wrong_bytes(text, encoding) or _json_object(text)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        values = json.loads(
            text,
            parse_constant=lambda _: None,
            parse_int=_whole_number,
            parse_float=_real_number,
        )
    except RecursionError:
        return "is nested too deep to be read"
    except ValueError as exc:
        return f"is not JSON: {exc}"
    if not isinstance(values, dict):
        return f"is a JSON {type(values).__name__}, not an object"
    return why_unstorable(values) or values


def _whole_number(digits: str) -> int:
    """Return a number; of one of thousands of digits, which `int` refuses, just the first."""
    return int(digits[:_MOST_DIGITS])


def _real_number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
