"""A gallery as a file: JSON Lines or Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from artsim.domain.criteria import Criteria
from artsim.errors import ExportError
from artsim.store.base import Record
from artsim.store.gallery import Gallery

_ROWS = 1000


def export_jsonl(
    gallery: Gallery,
    output: Path | BinaryIO,
    criteria: Criteria,
    *,
    faces: bool = False,
    vectors: bool = False,
) -> int:
    """Write one JSON object a line for each point, in order of point id.

    Each object is the payload with ``point_id`` and, with `vectors`, ``vectors``: lists
    of numbers by vector name. A file is written beside its place and moved there whole.

    Returns
    -------
    int
        Number of lines.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    count = 0
    with _replacing(output) if isinstance(output, Path) else _as_is(output) as stream:
        for record in _records(gallery, criteria, faces, vectors):
            row = json.dumps(_row(record), ensure_ascii=False)
            stream.write(row.encode("utf-8", "replace") + b"\n")
            count += 1
        stream.flush()
    return count


def export_parquet(
    gallery: Gallery,
    output: Path,
    criteria: Criteria,
    *,
    faces: bool = False,
    vectors: bool = False,
) -> int:
    """Write a Parquet file with a row for each point; ``extra`` is a column of JSON text.

    Columns are those of the payload contract, in its order, and with `vectors` one column
    of lists for each named vector.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    import pyarrow
    import pyarrow.parquet

    count = 0
    with _replacing(output) as stream:
        schema = _arrow_schema(gallery, faces, vectors)
        with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
            rows: list[dict[str, Any]] = []
            for record in _records(gallery, criteria, faces, vectors):
                rows.append(_flat_row(record))
                count += 1
                if len(rows) == _ROWS:
                    writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                    rows = []
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
    return count


def _records(gallery: Gallery, criteria: Criteria, faces: bool, vectors: bool) -> Iterator[Record]:
    collection = gallery.faces if faces else gallery.paintings
    names = list(collection.schema.vectors) if vectors else ()
    return collection.scroll(criteria, with_vectors=names)


def _row(record: Record) -> dict[str, Any]:
    row = {"point_id": record.point_id, **record.payload}
    if record.vectors:
        row["vectors"] = {name: vector.tolist() for name, vector in record.vectors.items()}
    return row


def _flat_row(record: Record) -> dict[str, Any]:
    row = {"point_id": record.point_id, **record.payload}
    if "extra" in row:
        row["extra"] = json.dumps(row["extra"], ensure_ascii=False)
    return row | {f"vector_{name}": vector for name, vector in record.vectors.items()}


def _arrow_schema(gallery: Gallery, faces: bool, vectors: bool) -> Any:
    import pyarrow

    from artsim.domain.payload import FACE_FIELDS, LIST_FIELDS, PAINTING_FIELDS

    kinds = {"integer": pyarrow.int64(), "float": pyarrow.float64()}
    special = {
        "box": pyarrow.list_(pyarrow.float64()),
        "landmarks": pyarrow.list_(pyarrow.list_(pyarrow.float64())),
    }
    columns = [("point_id", pyarrow.string())]
    for name, kind in (FACE_FIELDS if faces else PAINTING_FIELDS).items():
        plain = special.get(name) or kinds.get(kind or "", pyarrow.string())
        columns.append((name, pyarrow.list_(plain) if name in LIST_FIELDS else plain))
    if vectors:
        collection = gallery.faces if faces else gallery.paintings
        for name, spec in collection.schema.vectors.items():
            number = pyarrow.uint8() if spec.datatype == "uint8" else pyarrow.float32()
            columns.append((f"vector_{name}", pyarrow.list_(number)))
    return pyarrow.schema(columns)


@contextmanager
def _as_is(stream: BinaryIO) -> Iterator[BinaryIO]:
    yield stream


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside `path` and move it there when it is whole."""
    # Not a temporary file, which only its owner may read.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise ExportError(
            f"{path}: cannot be written ({exc.strerror or exc}); "
            "give a file in a folder that exists and that you may write to"
        ) from exc
