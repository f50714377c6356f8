"""Rows of a Parquet file, whatever values are in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from artsim.errors import MetadataError
from artsim.ingest.source_types import Row

_BATCH: Final = 64
"""Rows decoded at once. Few, since one value may stand in all of them and take megabytes."""


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises
    ------
    MetadataError
        If it is not a Parquet file, or damaged.
    """
    with _parquet_file(path) as file:
        return tuple(file.schema_arrow.names)


def parquet_count(path: Path) -> int:
    """Return the number of rows, as the file has it."""
    with _parquet_file(path) as file:
        return int(file.metadata.num_rows)


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows, numbered from 1.

    What Python has no value for (times with nanoseconds, dates after the year 9999) is
    text, as is what is not Unicode, with U+FFFD for its wrong bytes.

    Raises
    ------
    MetadataError
        If the file is damaged.
    """
    number = 0
    # A text that all rows share stays one text.
    with _parquet_file(path, read_dictionary=_texts(path)) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            for values in _plain_rows(batch):
                number += 1
                yield Row(number, values)


def _texts(path: Path) -> list[str]:
    import pyarrow as pa

    with _parquet_file(path) as file:
        return [f.name for f in file.schema_arrow if f.type in (pa.string(), pa.large_string())]


@contextmanager
def _parquet_file(path: Path, **options: Any) -> Iterator[Any]:
    """Open a file, turning what PyArrow raises meanwhile into MetadataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, **options) as file:
            yield file
    # UnicodeDecodeError is for names of columns; the others for values of a broken file.
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as exc:
        raise MetadataError(
            f"{path} is not a Parquet file that can be read: {_first_line(exc)}", path=path
        ) from exc


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]


def _plain_rows(batch: Any) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        names = batch.schema.names
        for index in range(batch.num_rows):
            yield {name: _plain(batch.column(i)[index]) for i, name in enumerate(names)}


def _plain(scalar: Any) -> Any:
    """Return an Arrow value as a plain one; as text, piece by piece, where there is none."""
    import pyarrow as pa

    try:
        return scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    kind = scalar.type
    if pa.types.is_dictionary(kind):
        return _plain(scalar.value)
    if pa.types.is_map(kind):
        return [(_plain(item["key"]), _plain(item["value"])) for item in scalar.values]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _plain(scalar[i]) for i in range(kind.num_fields)}
    if pa.types.is_nested(kind):
        return [_plain(part) for part in scalar.values]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return scalar.as_buffer().to_pybytes().decode(errors="replace")
    text = str(scalar.cast(pa.string()).as_py()).strip("<>")
    if pa.types.is_duration(kind):
        return f"{text} {kind.unit}"
    return text.replace(" ", "T", 1) if pa.types.is_timestamp(kind) else text
