"""A gallery as a file: JSON Lines, Parquet, CSV, or a workbook of Excel."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from artsim.catalog.cells import BOM, PayloadColumns, csv_lines, payload_columns
from artsim.catalog.criteria import Criteria
from artsim.catalog.kinds import PAINTINGS, Kind
from artsim.catalog.payload import LIST_FIELDS
from artsim.errors import ExportError
from artsim.files import GENERATOR, FileKind, write_file
from artsim.search.inspect import check_no_painting
from artsim.search.spreadsheet import check_spreadsheet, write_workbook
from artsim.store.base import Record
from artsim.store.gallery import Gallery

EXPORT: Final = FileKind("file", ExportError, noted=True)
_MARKED: Final = FileKind("file", ExportError)
"""Parquet says itself who made it, and may be too large to be read again for its hash."""

FilePath: TypeAlias = str | os.PathLike[str]

Form = Literal["jsonl", "parquet", "csv", "xlsx"]

ENDINGS: Final[Mapping[Form, tuple[str, ...]]] = {
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "csv": (".csv",),
    "xlsx": (".xlsx",),
}
"""Of the names of files, by form."""

_ROWS = 1000


def export_gallery(
    gallery: Gallery,
    output: FilePath | BinaryIO,
    criteria: Criteria,
    *,
    form: Form,
    kind: Kind = PAINTINGS,
    vectors: bool = False,
    overwrite: bool = False,
    home: Path | None = None,
) -> int:
    """Write a gallery in one of the forms of `ENDINGS`, as the functions below do.

    Raises
    ------
    ValueError
        If `vectors` are asked for in a form that holds none, or Parquet on a stream.
    ExportError
        As `export_jsonl` and `export_xlsx`.
    """
    if form == "jsonl":
        return export_jsonl(
            gallery, output, criteria, kind=kind, vectors=vectors, overwrite=overwrite, home=home
        )
    if form == "parquet":
        if not isinstance(output, str | os.PathLike):
            raise ValueError("Parquet is written to a file, not to a stream")
        return export_parquet(
            gallery, output, criteria, kind=kind, vectors=vectors, overwrite=overwrite, home=home
        )
    if vectors:
        raise ValueError("CSV and Excel's files hold no vectors")
    write = export_csv if form == "csv" else export_xlsx
    return write(gallery, output, criteria, kind=kind, overwrite=overwrite, home=home)


def export_jsonl(
    gallery: Gallery,
    output: FilePath | BinaryIO,
    criteria: Criteria,
    *,
    kind: Kind = PAINTINGS,
    vectors: bool = False,
    overwrite: bool = False,
    home: Path | None = None,
) -> int:
    """Write one JSON object a line for each point, in order of point id.

    Each object is the payload with ``point_id`` and, with `vectors`, ``vectors``: lists
    of numbers by vector name. A file is written beside its place and moved there whole.

    Parameters
    ----------
    overwrite : bool
        Whether a file may be replaced that artsim did not make; a picture of the gallery never
        is.
    home : Path, optional
        Data folder in which is noted what was written; by default that of the environment.

    Returns
    -------
    int
        Number of lines.

    Raises
    ------
    ExportError
        If the file cannot be written, or would replace another's.
    """
    count = 0
    with _opened(gallery, output, overwrite, home) as stream:
        for record in _records(gallery, criteria, kind, vectors):
            row = json.dumps(_row(record), ensure_ascii=False)
            stream.write(row.encode("utf-8", "replace") + b"\n")
            count += 1
        stream.flush()
    return count


def export_csv(
    gallery: Gallery,
    output: FilePath | BinaryIO,
    criteria: Criteria,
    *,
    kind: Kind = PAINTINGS,
    overwrite: bool = False,
    home: Path | None = None,
) -> int:
    """Write a CSV file with a row for each point, as docs/output.md has it.

    Columns are those of the payload contract in its order, ``extra.KEY`` for each key of
    ``extra``, and ``point_id``. A file, but no stream, begins with a byte order mark, by which
    spreadsheets know UTF-8.

    Parameters, what is returned and what is raised are those of `export_jsonl`.
    """
    columns = _columns(gallery, criteria, kind)
    lines = 0
    with _opened(gallery, output, overwrite, home) as stream:
        if isinstance(output, str | os.PathLike):
            stream.write(BOM.encode())
        rows = _flat_rows(gallery, criteria, kind, columns)
        for line in csv_lines([*columns.names, "point_id"], rows):
            stream.write(line.encode("utf-8", "replace"))
            lines += 1
        stream.flush()
    return lines - 1


def export_xlsx(
    gallery: Gallery,
    output: FilePath | BinaryIO,
    criteria: Criteria,
    *,
    kind: Kind = PAINTINGS,
    overwrite: bool = False,
    home: Path | None = None,
) -> int:
    """Write a workbook of Excel with the columns of `export_csv`.

    Parameters, what is returned and what is raised are those of `export_jsonl`; ExportError
    also if openpyxl is missing, or there are more points than a sheet has rows.
    """
    check_spreadsheet(gallery[kind].count(criteria))
    columns = _columns(gallery, criteria, kind)
    with _opened(gallery, output, overwrite, home) as stream:
        rows = _flat_rows(gallery, criteria, kind, columns)
        return write_workbook(stream, kind.name, [*columns.names, "point_id"], rows)


def export_parquet(
    gallery: Gallery,
    output: FilePath,
    criteria: Criteria,
    *,
    kind: Kind = PAINTINGS,
    vectors: bool = False,
    overwrite: bool = False,
    home: Path | None = None,
) -> int:
    """Write a Parquet file with a row for each point; ``extra`` is a column of JSON text.

    Columns are those of the payload contract, in its order, and with `vectors` one column
    of lists for each named vector.

    Parameters, what is returned and what is raised are those of `export_jsonl`.
    """
    import pyarrow
    import pyarrow.parquet

    count = 0
    with _opened(gallery, output, overwrite, home) as stream:
        schema = _arrow_schema(gallery, kind, vectors).with_metadata({"Software": GENERATOR})
        with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
            rows: list[dict[str, Any]] = []
            for record in _records(gallery, criteria, kind, vectors):
                rows.append(_flat_row(record))
                count += 1
                if len(rows) == _ROWS:
                    writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                    rows = []
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
    return count


@contextmanager
def _opened(
    gallery: Gallery, output: FilePath | BinaryIO, overwrite: bool, home: Path | None
) -> Iterator[BinaryIO]:
    if not isinstance(output, str | os.PathLike):
        yield output
        return
    path = Path(output)
    check_no_painting(gallery, path, EXPORT)
    kind = _MARKED if path.suffix.lower() == ".parquet" else EXPORT
    with write_file(path, kind, overwrite=overwrite, home=home) as stream:
        yield stream


def _columns(gallery: Gallery, criteria: Criteria, kind: Kind) -> PayloadColumns:
    collection = gallery[kind]
    records = collection.scroll(criteria, payload_fields=("extra",))
    return payload_columns(kind.fields, (record.payload for record in records))


def _flat_rows(
    gallery: Gallery, criteria: Criteria, kind: Kind, columns: PayloadColumns
) -> Iterator[list[object]]:
    for record in _records(gallery, criteria, kind, vectors=False):
        yield [*columns.row(record.payload), record.point_id]


def _records(gallery: Gallery, criteria: Criteria, kind: Kind, vectors: bool) -> Iterator[Record]:
    collection = gallery[kind]
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


def _arrow_schema(gallery: Gallery, kind: Kind, vectors: bool) -> Any:
    import pyarrow

    kinds = {"integer": pyarrow.int64(), "float": pyarrow.float64()}
    special = {
        "box": pyarrow.list_(pyarrow.float64()),
        "landmarks": pyarrow.list_(pyarrow.list_(pyarrow.float64())),
    }
    columns = [("point_id", pyarrow.string())]
    for name, index in kind.fields.items():
        plain = special.get(name) or kinds.get(index or "", pyarrow.string())
        columns.append((name, pyarrow.list_(plain) if name in LIST_FIELDS else plain))
    if vectors:
        collection = gallery[kind]
        for name, spec in collection.schema.vectors.items():
            number = pyarrow.uint8() if spec.datatype == "uint8" else pyarrow.float32()
            columns.append((f"vector_{name}", pyarrow.list_(number)))
    return pyarrow.schema(columns)
