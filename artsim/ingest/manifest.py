"""Lists of pictures, a row each: CSV, TSV, Excel, JSON Lines or Parquet, read as a stream.

Text is read in whichever encoding it comes.
"""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from artsim.catalog.payload import why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.records import Manifest, Problem, Row, Rows, Suits
from artsim.ingest.tables import open_parquet, open_workbook

LONGEST_LINE: Final = 8 << 20
"""Characters; what is longer is no row of a list."""

_TOO_LONG: Final = f"is longer than {LONGEST_LINE >> 20} MiB; expected one row a picture"
_ENCODING_NAMES: Final = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
"""Of codecs; the others are UTF-16."""

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LEAST_ZEROS: Final = 0.4
"""Share of a file's odd or even bytes that are zero where Western text is in UTF-16."""

_FOREIGN: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
"""Bytes that a text in Windows-1252 cannot have."""

_MOST_DIGITS: Final = 40
"""Of a whole number; one so long is beyond the 64 bits that are stored in any case."""

_KEYS_FROM_ROWS: Final = 1000
"""Rows of JSON Lines, which have no header, whose keys stand for all."""


# --- lines and their encoding ----------------------------------------------------


def _find_encoding(path: Path, *, is_json: bool) -> tuple[str, tuple[str, ...]]:
    """Return the codec of a text file, decided over all of it, and a remark where it is not UTF-8.

    It is UTF-16 by its byte order mark, or where every other byte of its beginning is
    zero; UTF-8 where at least as many lines with accents are it as are not; and otherwise
    Windows-1252, in which Excel saves CSV in Western Europe.
    """
    codec = _codec(path, is_json=is_json)
    name = _ENCODING_NAMES.get(codec, "UTF-16")
    doubt = "; if its accents come out wrong, save it as UTF-8" if codec == "cp1252" else ""
    return codec, () if name == "UTF-8" else (f"{path.name} was read as {name}{doubt}",)


def _codec(path: Path, *, is_json: bool) -> str:
    good = bad = 0
    foreign = ""
    with _readable(path), path.open("rb") as file:
        head = file.read(4096)
        for mark, codec in _MARKS.items():
            if head.startswith(mark):
                return codec
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) > max(1, len(head) // 2) * _LEAST_ZEROS and min(even, odd) == 0:
            return "utf-16-le" if odd else "utf-16-be"
        file.seek(0)
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            if not foreign and (byte := _FOREIGN.search(raw)):
                foreign = f"line {number} holds the byte 0x{byte[0][0]:02x}"
            if not raw.isascii():
                try:
                    raw.decode()
                    good += 1
                except UnicodeDecodeError:
                    bad += 1
    # JSON is UTF-8 by its standard; what is not is a problem of its line.
    if good >= bad or (foreign and is_json):
        return "utf-8"
    if foreign:
        raise MetadataError(
            f"{path} is text in neither UTF-8, UTF-16 nor Windows-1252 ({foreign}); "
            'save it as UTF-8, which Excel calls "CSV UTF-8"',
            path=path,
        )
    return "cp1252"


_BYTES_AS_SURROGATES: Final = "artsim.bytes-as-surrogates"
_SURROGATE: Final = 0xDC00


def _bytes_as_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Python's own "surrogateescape" is for encodings that agree with ASCII only."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_SURROGATE + byte) for byte in wrong), error.end


codecs.register_error(_BYTES_AS_SURROGATES, _bytes_as_surrogates)


def _text_lines(path: Path, encoding: str, *, newline: str) -> Iterator[str | None]:
    """Yield the physical lines with their ends, None for one longer than `LONGEST_LINE`.

    Bytes that are not of the encoding become lone surrogates, which `_wrong_bytes` finds.
    `newline` is what ends a line, "" for each of the usual ends.
    """
    with (
        _readable(path),
        path.open(encoding=encoding, errors=_BYTES_AS_SURROGATES, newline=newline) as file,
    ):
        while line := file.readline(LONGEST_LINE + 1):
            is_whole = len(line) <= LONGEST_LINE
            yield line if is_whole else None
            while not is_whole and line and not line.endswith(newline or ("\n", "\r")):
                line = file.readline(LONGEST_LINE)


def _wrong_bytes(text: str, encoding: str) -> str | None:
    """Return what is wrong with a text of `_text_lines`, in words; None if it was decoded."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        name = _ENCODING_NAMES.get(encoding, "UTF-16")
        return f"is not {name}: it holds the byte 0x{ord(text[exc.start]) - _SURROGATE:02x}"
    return None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or exc
        raise MetadataError(f"{path} cannot be read: {reason}", path=path) from exc


# --- CSV -------------------------------------------------------------------------


def open_csv(path: Path, suits: Suits) -> Manifest:
    """Open a list divided by commas, semicolons or tabs, whichever its header has most of."""
    encoding, notes = _find_encoding(path, is_json=False)
    line, header = next(_csv_rows(path, encoding), (1, []))
    if isinstance(header, str):
        raise MetadataError(f"{path}, line {line}: the row of column names {header}", path=path)
    columns = tuple(cell.strip() for cell in header)

    def rows() -> Rows:
        for line, cells in islice(_csv_rows(path, encoding), 1, None):
            if isinstance(cells, str):
                yield Problem.of_row(path, line, cells)
            elif len(cells) < len(columns) or any(map(str.strip, cells[len(columns) :])):
                reason = f"has {len(cells)} cells where the header has {len(columns)}"
                yield Problem.of_row(path, line, reason)
            else:
                named = zip(columns, cells, strict=False)
                yield Row(line, {column: cell for column, cell in named if column})

    return Manifest(path, columns, rows, notes)


def _csv_rows(path: Path, encoding: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first physical line and the cells, or what is wrong, of each row not blank.

    After an error the reader goes on with the next physical line.
    """
    number = quotes = 0
    too_long = False

    def counted() -> Iterator[str]:
        nonlocal number, quotes, too_long
        for number, line in enumerate(_text_lines(path, encoding, newline=""), 1):  # noqa: B007
            too_long = too_long or line is None
            quotes += (line or "").count('"')
            yield line or "\n"

    delimiter, is_said = _delimiter(path, encoding)
    lines = counted()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start, quotes, too_long = number + 1, 0, False
        try:
            cells = _next_row(reader)
        except csv.Error as exc:
            reason = f"is not CSV: {exc}"
            if "unexpected end of data" in reason:
                reason = "opens a quote that is never closed"
            elif "field larger than" in reason:
                reason = "has a cell of more than 8 MiB; perhaps a quote is never closed"
                while quotes % 2 and next(lines, None) is not None:
                    pass
            yield start, reason
            continue
        if cells is None:
            return
        if too_long:
            yield start, _TOO_LONG
        elif any(map(str.strip, cells)):
            if is_said:
                is_said = False
                continue
            text = "".join(cells)
            wrong = "holds a NUL byte" if "\0" in text else _wrong_bytes(text, encoding)
            yield start, wrong or cells


def _delimiter(path: Path, encoding: str) -> tuple[str, bool]:
    """Return what the header has most of outside quotes, or what a line before it says.

    Such a line ``sep=;`` is for Excel; the second value says whether there is one.
    """
    if path.suffix.lower() == ".tsv":
        return "\t", False
    lines = _text_lines(path, encoding, newline="")
    header = next((line for line in lines if line is None or line.strip()), None) or ""
    if said := re.fullmatch(r"sep=([,;\t|])\s*", header, re.IGNORECASE):
        return said[1], True
    return max(",;\t", key="".join(header.split('"')[::2]).count), False


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


# --- JSON Lines ------------------------------------------------------------------


def open_json_lines(path: Path, suits: Suits) -> Manifest:
    """Open a list of one JSON object a line."""
    encoding, notes = _find_encoding(path, is_json=True)

    def rows() -> Rows:
        for line, text in enumerate(_text_lines(path, encoding, newline="\n"), 1):
            if text is None:
                yield Problem.of_row(path, line, _TOO_LONG)
            elif text.strip():
                found = _wrong_bytes(text, encoding) or _json_object(text)
                if isinstance(found, str):
                    yield Problem.of_row(path, line, found)
                else:
                    yield Row(line, found)

    columns: dict[str, None] = {}
    bad: Problem | None = None
    for row in islice(rows(), _KEYS_FROM_ROWS):
        if isinstance(row, Row):
            columns |= dict.fromkeys(row.values)
        else:
            bad = bad or row
    if bad and not columns:
        raise MetadataError(f"{bad}; expected JSON Lines, one object a line", path=path)
    return Manifest(path, tuple(columns), rows, notes)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        values = json.loads(
            text,
            parse_constant=lambda _: None,
            # `int` refuses a number of thousands of digits: its first ones will do.
            parse_int=lambda digits: int(digits[:_MOST_DIGITS]),
            parse_float=_real_number,
        )
    except RecursionError:
        return "is nested too deep to be read"
    except ValueError as exc:
        return f"is not JSON: {exc}"
    if not isinstance(values, dict):
        return f"is a JSON {type(values).__name__}, not an object"
    return why_unstorable(values) or values


def _real_number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


# --- any list ----------------------------------------------------------------------

_READERS: Final[Mapping[str, Callable[[Path, Suits], Manifest]]] = {
    ".csv": open_csv,
    ".tsv": open_csv,
    ".txt": open_csv,
    ".xlsx": open_workbook,
    ".xlsm": open_workbook,
    ".jsonl": open_json_lines,
    ".ndjson": open_json_lines,
    ".parquet": open_parquet,
}

MANIFEST_SUFFIXES: Final = tuple(_READERS)
"""Lower-case endings of lists. ``.txt`` is what Excel calls "Unicode text"."""

OTHER_LISTS: Final[Mapping[str, str]] = {
    ".xls": "an old Excel workbook",
    ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "a Numbers spreadsheet",
}
"""Endings of lists that are not read, and what they are."""


def open_manifest(path: Path, *, suits: Suits = lambda _: False) -> Manifest:
    """Check a list and read its columns.

    Of a workbook the first sheet is read whose column names are those that are looked for,
    as `suits` says, else the first with column names at all. MetadataError if the list is
    missing, empty, of another format, or two columns have one name.
    """
    suffix = path.suffix.lower()
    if suffix in OTHER_LISTS:
        raise MetadataError(
            f"{path} is {OTHER_LISTS[suffix]}, which artsim does not read; "
            "save it as .xlsx or as CSV and give that",
            path=path,
        )
    if suffix not in _READERS:
        raise MetadataError(
            f"{path} is not a manifest: expected one of {', '.join(MANIFEST_SUFFIXES)}", path=path
        )
    try:
        is_there, reason = path.is_file(), "check the path"
    except OSError as exc:
        is_there, reason = False, str(exc.strerror or exc)
    if not is_there:
        raise MetadataError(f"there is no file {path}; {reason}", path=path)
    manifest = _READERS[suffix](path, suits)
    columns = [column for column in manifest.columns if column]
    if not columns:
        raise MetadataError(f"{path} is empty; expected a row of column names, or rows", path=path)
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise MetadataError(
            f"{path} has more than one column {twice[0]!r}; rename or remove all but one", path=path
        )
    return manifest
