"""Rows of a manifest: CSV, TSV, JSON Lines or Parquet, read as a stream."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from artsim.errors import MetadataError

MANIFEST_SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

_LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes; a longer line is taken for something else than a manifest."""

_KEYS_FROM_ROWS: Final = 1000
"""Rows of JSON Lines, which have no header, whose keys stand for all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it is, and its values by column.

    `line` is the physical line in a text file, the row's number in Parquet, from 1.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be read, and why."""

    line: int
    reason: str


Rows: TypeAlias = Iterator[Row | BadRow]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An open description of a manifest; each call of `rows` reads the file anew.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Its columns in order; of JSON Lines the keys of the first 1,000 rows.
    """

    path: Path
    columns: tuple[str, ...]
    encoding: str = "utf-8"

    def rows(self) -> Rows:
        """Yield every row in file order, blank lines left out.

        Raises
        ------
        MetadataError
            If the file cannot be decoded, or is damaged beyond single rows.
        """
        return _read(self.path, self.encoding)

    def count(self) -> int:
        """Return how many rows, bad ones too, `rows` yields; reads text files through."""
        if self.path.suffix.lower() == ".parquet":
            return _parquet_count(self.path)
        return sum(1 for _ in self.rows())


def open_manifest(path: Path, *, encoding: str = "utf-8") -> Manifest:
    """Check a manifest and read its columns.

    Parameters
    ----------
    path : Path
        File whose suffix is one of `MANIFEST_SUFFIXES`, in any case. CSV may be divided
        by commas, semicolons or tabs, whichever its first line has most of.
    encoding : str
        Of the text formats; a UTF-8 byte order mark is skipped.

    Raises
    ------
    MetadataError
        If it is missing, empty, of another format, or two columns have one name.
    """
    if path.suffix.lower() not in MANIFEST_SUFFIXES:
        raise MetadataError(
            f"{path} is not a manifest: expected one of {', '.join(MANIFEST_SUFFIXES)}"
        )
    if not path.is_file():
        raise MetadataError(f"there is no file {path}; check the path")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        columns = _parquet_columns(path)
    elif suffix in (".csv", ".tsv"):
        columns = _csv_columns(path, encoding)
    else:
        first = islice(_json_rows(path, encoding), _KEYS_FROM_ROWS)
        keys = (key for row in first if isinstance(row, Row) for key in row.values)
        columns = tuple(dict.fromkeys(keys))
    if not columns:
        raise MetadataError(f"{path} is empty; expected a row of column names, or rows")
    return Manifest(path, columns, encoding)


def _read(path: Path, encoding: str) -> Rows:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet_rows(path)
    return (_csv_rows if suffix in (".csv", ".tsv") else _json_rows)(path, encoding)


# --- text ------------------------------------------------------------------------


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the physical lines, decoded strictly, their ends kept."""
    try:
        with path.open("rb") as file:
            yield from _decoded(file, path, encoding)
    except OSError as exc:
        raise MetadataError(f"{path} cannot be read: {exc.strerror or exc}") from exc


def _decoded(file: BinaryIO, path: Path, encoding: str) -> Iterator[str]:
    offset = 0
    for number in range(1, 2**62):
        raw = file.readline(_LONGEST_LINE + 1)
        if not raw:
            return
        if len(raw) > _LONGEST_LINE:
            raise MetadataError(
                f"{path}, line {number} is longer than {_LONGEST_LINE >> 20} MiB; "
                "expected a manifest with one row a picture"
            )
        if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise MetadataError(f"{path} is in UTF-16; expected UTF-8: save it again as UTF-8")
        if number == 1 and raw.startswith(b"\xef\xbb\xbf"):
            raw, offset = raw[3:], 3
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError as exc:
            raise MetadataError(
                f"{path}, line {number}, byte {offset + exc.start} is not {encoding.upper()} "
                f"(0x{raw[exc.start]:02x}); save the file as UTF-8, for example with "
                f"iconv -f WINDOWS-1252 -t UTF-8"
            ) from exc
        offset += len(raw)


# --- CSV -------------------------------------------------------------------------


def _csv_columns(path: Path, encoding: str) -> tuple[str, ...]:
    for line, cells in _csv_cells(path, encoding):
        if isinstance(cells, str):
            raise MetadataError(f"{path}, line {line}: the row of column names {cells}")
        columns = tuple(cell.strip() for cell in cells)
        twice = sorted({c for c in columns if c and columns.count(c) > 1})
        if twice:
            raise MetadataError(
                f"{path} has more than one column {twice[0]!r}; rename or remove all but one"
            )
        return columns
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
        elif any("\0" in cell for cell in cells):
            yield BadRow(line, "holds a NUL byte")
        else:
            values = zip(columns, cells, strict=False)
            yield Row(line, {column: cell for column, cell in values if column})


def _csv_cells(path: Path, encoding: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first physical line and the cells, or what is wrong, of each row not blank.

    After an error the reader goes on with the next physical line.
    """
    lines = _lines(path, encoding)
    first = next(lines, "")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(first)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            is_open = "unexpected end of data" in str(exc)
            yield start, "opens a quote that is never closed" if is_open else f"is not CSV: {exc}"
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield start, cells


def _delimiter(header: str) -> str:
    """Return what the header has most of outside quotes, a comma if nothing."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)


# --- JSON Lines ------------------------------------------------------------------


def _json_rows(path: Path, encoding: str) -> Rows:
    for line, text in enumerate(_lines(path, encoding), 1):
        if not text.strip():
            continue
        try:
            values = json.loads(text, parse_constant=lambda _: None)
            json.dumps(values, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as exc:
            yield BadRow(line, f"is not JSON: {exc}")
            continue
        if isinstance(values, dict):
            yield Row(line, values)
        else:
            yield BadRow(line, f"is a JSON {type(values).__name__}, not an object")


# --- Parquet ---------------------------------------------------------------------


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with _parquet_file(path) as file:
        return tuple(file.schema_arrow.names)


def _parquet_count(path: Path) -> int:
    with _parquet_file(path) as file:
        return int(file.metadata.num_rows)


def _parquet_rows(path: Path) -> Rows:
    import pyarrow as pa

    with _parquet_file(path) as file:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
        except (pa.ArrowException, OSError) as exc:
            raise MetadataError(f"{path}, after row {number}: damaged Parquet: {exc}") from exc


def _parquet_file(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as exc:
        raise MetadataError(f"{path} is not a Parquet file that can be read: {exc}") from exc
