"""Rows of a Parquet file, whatever values are in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from artsim.errors import MetadataError
from artsim.ingest.source_types import Row

# A file of kilobytes may say of a text of megabytes that it stands in every row.
_BATCH: Final = 1024
"""Rows decoded at once, where texts that are the same in many rows are held once."""

_NESTED_BATCH: Final = 16
"""Rows decoded at once where there are lists or objects, whose texts are not."""

_BATCH_BYTES: Final = 64 << 20
"""Least of the texts' bytes for which fewer rows are made Python's at once."""


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
    import pyarrow as pa

    with _parquet_file(path) as file:
        schema = file.schema_arrow
        texts = [f.name for f in schema if _is_text(f.type)]
        nested = any(pa.types.is_nested(f.type) for f in schema)
    number = 0
    with _parquet_file(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_size=_NESTED_BATCH if nested else _BATCH):
            for part in _parts(batch):
                for values in _plain_rows(part):
                    number += 1
                    yield Row(number, values)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def _parts(batch: Any) -> Iterator[Any]:
    """Yield the rows in pieces that do not take much memory once every row has its texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shared = [isinstance(column, pa.DictionaryArray) for column in batch.columns]
    a_row = sum(
        pc.max(pc.binary_length(column.dictionary)).as_py() or 0
        for column, is_shared in zip(batch.columns, shared, strict=True)
        if is_shared and _is_text(column.type.value_type)
    )
    step = max(1, min(_BATCH, _BATCH_BYTES // max(1, a_row)))
    for start in range(0, batch.num_rows, step):
        columns = [
            column.dictionary_decode() if is_shared else column
            for column, is_shared in zip(batch.slice(start, step).columns, shared, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


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
    if pa.types.is_map(kind):
        return [(_plain(item["key"]), _plain(item["value"])) for item in scalar.values]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _plain(scalar[i]) for i in range(kind.num_fields)}
    if pa.types.is_nested(kind):
        return [_plain(part) for part in scalar.values]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return scalar.as_buffer().to_pybytes().decode(errors="replace")
    text = str(scalar.cast(pa.string()).as_py())
    if text.startswith("<"):  # "<value out of range: 4611686018427387904>"
        return text.strip("<>")
    if pa.types.is_duration(kind):
        return f"{text} {kind.unit}"
    return text.replace(" ", "T", 1) if pa.types.is_timestamp(kind) else text
