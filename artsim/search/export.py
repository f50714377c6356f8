"""A gallery as a file: JSON Lines, Parquet, CSV, or a workbook of Excel."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from artsim.catalog.cells import BOM, cell_text, csv_lines, payload_columns
from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import PAINTINGS, Kind
from artsim.catalog.payload import LIST_FIELDS, Criteria
from artsim.errors import ExportError
from artsim.files import GENERATOR, FileKind, local_path, write_file
from artsim.search.inspect import check_no_painting
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

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

_ROWS: Final = 1000

MAX_ROWS: Final = 1_048_576 - 1
"""Most rows of a sheet of Excel below its header."""

MAX_TEXT: Final = 32_767
"""Most UTF-16 units of a cell; longer texts are cut, and end in an ellipsis."""

_MAX_LINKS: Final = 65_000
"""A sheet of Excel holds 65,530."""

_EXACT: Final = 10**15
"""Excel calculates with 15 digits; a longer whole number is an identifier, and stays a text."""

_LINKED: Final = frozenset({"image_uri", "source_url"})

_WIDTHS: Final = {
    "painting_id": 18, "title": 40, "artist": 28, "artist_key": 24, "date_text": 18, "style": 22,
    "genre": 18, "school": 18, "medium": 22, "institution": 28, "rights": 18, "source": 20,
    "source_url": 30, "image_uri": 40, "tags": 24, "point_id": 38,
}  # fmt: skip
"""In characters; other columns are as wide as their header, or a little more."""


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
    """Write the points that meet `criteria`, in order of point id; return how many there are.

    A file is written beside its place and moved there whole; forms are as in docs/output.md.

    Parameters
    ----------
    output
        Parquet takes no stream. A CSV file, but no stream, begins with a byte order mark, by which
        spreadsheets know UTF-8.
    kind, vectors
        Which points, and whether with all their vectors, which JSON Lines and Parquet hold.
    overwrite
        Whether a file may be replaced that artsim did not make; a picture of the gallery never is.
    home
        Data folder in which is noted what was written; by default that of the environment.

    Raises
    ------
    ValueError
        If `vectors` are asked for in a form that holds none, or Parquet on a stream.
    ExportError
        If the file cannot be written, or would replace another's; or of Excel's, if openpyxl is
        missing, or there are more points than a sheet has rows.
    """
    collection = gallery[kind]
    if vectors and form in ("csv", "xlsx"):
        raise ValueError("CSV and Excel's files hold no vectors")
    if form == "parquet" and not isinstance(output, str | os.PathLike):
        raise ValueError("Parquet is written to a file, not to a stream")
    if form == "xlsx":
        check_spreadsheet(collection.count(criteria))
    names = list(collection.schema.vectors) if vectors else []
    with _opened(gallery, output, overwrite, home) as stream:
        records = collection.scroll(criteria, with_vectors=names)
        if form == "jsonl":
            return _write_jsonl(stream, records)
        if form == "parquet":
            return _write_parquet(stream, records, kind, collection, names)
        extra = collection.scroll(criteria, payload_fields=("extra",))
        columns = payload_columns(kind.fields, (record.payload for record in extra))
        header = [*columns.names, "point_id"]
        rows = ([*columns.row(record.payload), record.point_id] for record in records)
        if form == "xlsx":
            return write_workbook(stream, kind.name, header, rows)
        if output is not stream:
            stream.write(BOM.encode())
        return _write_lines(stream, csv_lines(header, rows)) - 1


# Each takes what `export_gallery` takes but for `form`.
export_jsonl = partial(export_gallery, form="jsonl")
export_csv = partial(export_gallery, form="csv")
export_xlsx = partial(export_gallery, form="xlsx")
export_parquet = partial(export_gallery, form="parquet")


@contextmanager
def _opened(
    gallery: Gallery, output: FilePath | BinaryIO, overwrite: bool, home: Path | None
) -> Iterator[BinaryIO]:
    if not isinstance(output, str | os.PathLike):
        yield output
        output.flush()
        return
    path = Path(output)
    check_no_painting(gallery, path, EXPORT)
    kind = _MARKED if path.suffix.lower() == ".parquet" else EXPORT
    with write_file(path, kind, overwrite=overwrite, home=home) as stream:
        yield stream


def _write_jsonl(stream: BinaryIO, records: Iterable[Record]) -> int:
    def line(record: Record) -> str:
        row: dict[str, Any] = {"point_id": record.point_id, **record.payload}
        if record.vectors:
            row["vectors"] = {name: vector.tolist() for name, vector in record.vectors.items()}
        return json.dumps(row, ensure_ascii=False) + "\n"

    return _write_lines(stream, map(line, records))


def _write_lines(stream: BinaryIO, lines: Iterable[str]) -> int:
    count = 0
    for line in lines:
        stream.write(line.encode("utf-8", "replace"))
        count += 1
    return count


def _write_parquet(
    stream: BinaryIO,
    records: Iterator[Record],
    kind: Kind,
    collection: Collection,
    names: Sequence[str],
) -> int:
    import pyarrow
    import pyarrow.parquet

    numbers = {"integer": pyarrow.int64(), "float": pyarrow.float64()}
    coordinates = pyarrow.list_(pyarrow.float64())
    special = {"box": coordinates, "landmarks": pyarrow.list_(coordinates)}
    columns = {"point_id": pyarrow.string()}
    for name, index in kind.fields.items():
        plain = numbers.get(index or "", pyarrow.string())
        columns[name] = special.get(name, pyarrow.list_(plain) if name in LIST_FIELDS else plain)
    for name in names:
        spec = collection.schema.vectors[name]
        numbers_of = pyarrow.list_(
            pyarrow.uint8() if spec.datatype == "uint8" else pyarrow.float32()
        )
        columns[f"vector_{name}"] = pyarrow.list_(numbers_of) if spec.many else numbers_of
    schema = pyarrow.schema(columns.items(), {"Software": GENERATOR})
    count = 0
    with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        while rows := [_flat_row(record) for record in islice(records, _ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
            count += len(rows)
    return count


def _flat_row(record: Record) -> dict[str, Any]:
    row = {"point_id": record.point_id, **record.payload}
    if "extra" in row:
        row["extra"] = json.dumps(row["extra"], ensure_ascii=False)
    vectors = {name: v if v.ndim == 1 else list(v) for name, v in record.vectors.items()}
    return row | {f"vector_{name}": vector for name, vector in vectors.items()}


def check_spreadsheet(rows: int) -> None:
    """Raise ExportError if openpyxl is missing, or a sheet of Excel holds fewer rows."""
    try:
        import openpyxl  # noqa: F401
    except ImportError as exc:
        raise ExportError(
            "Excel's files need openpyxl, which is not installed; install it, or write CSV",
            hint="pip install 'artsim[excel]'",
        ) from exc
    if rows > MAX_ROWS:
        raise ExportError(
            f"a sheet of Excel holds {MAX_ROWS:,} rows, not {rows:,}; filter, or write CSV or "
            "Parquet"
        )


def write_workbook(
    stream: BinaryIO, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Write a workbook of one sheet, row by row, and return the number of rows.

    Texts are texts whatever they begin with, numbers are numbers. The header is bold, stays in
    sight and filters; the places of pictures and pages are links. Raises as `check_spreadsheet`.
    """
    check_spreadsheet(0)
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    # Both, because the programs of others leave the first as it is when they save.
    book.properties.creator = book.properties.lastModifiedBy = GENERATOR
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for number, name in enumerate(columns, start=1):
        width = _WIDTHS.get(name, 24 if name.startswith("extra.") else len(name) + 3)
        sheet.column_dimensions[get_column_letter(number)].width = width
    count = 0
    try:
        header = [_text(sheet, cell_text(name)) for name in columns]
        for cell in header:
            cell.font = Font(name="Calibri", size=11, bold=True)
        sheet.append(header)
        for row in rows:
            count += 1
            check_spreadsheet(count)
            sheet.append(list(_cells(sheet, columns, row, linked=count <= _MAX_LINKS)))
    except BaseException:
        sheet.close()  # else openpyxl complains of a sheet half written when it is collected
        raise
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count + 1}"
    book.save(stream)
    return count


def _cells(
    sheet: WriteOnlyWorksheet, columns: Sequence[str], row: Sequence[object], *, linked: bool
) -> Iterator[Any]:
    for name, value in zip(columns, map(plain_json, row), strict=True):
        is_exact = isinstance(value, int) and abs(value) < _EXACT
        if value is None or is_exact or isinstance(value, (bool, float)):
            yield value
        else:
            cell = _text(sheet, str(value) if isinstance(value, int) else cell_text(value))
            if linked and name in _LINKED and _may_be_opened(str(value)):
                cell.hyperlink = str(value)
                cell.style = "Hyperlink"
            yield cell


def _text(sheet: WriteOnlyWorksheet, text: str) -> WriteOnlyCell:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, _shortened(text))
    # Else what begins with "=" would be a formula, and "#N/A" an error.
    cell.data_type = "s"
    return cell


def _shortened(text: str) -> str:
    # What XML cannot hold beside control characters, which are gone already.
    text = text.replace("\ufffe", "").replace("\uffff", "")
    units = text.encode("utf-16-le", "replace")
    if len(units) <= 2 * MAX_TEXT:
        return units.decode("utf-16-le")
    return units[: 2 * (MAX_TEXT - 1)].decode("utf-16-le", "ignore") + "…"


def _may_be_opened(address: str) -> bool:
    """Return whether an address is a file of this machine, or a page: nothing that runs."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        return False
    if len(address) > 2000 or any(char <= " " for char in address):
        return False
    return scheme in ("http", "https") or (scheme == "file" and local_path(address) is not None)
