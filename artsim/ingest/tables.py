"""Lists in Excel workbooks (.xlsx, by openpyxl) and Parquet files, whatever is in them."""

from __future__ import annotations

import datetime
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from artsim.errors import MetadataError
from artsim.images.decode import warnings_ignored
from artsim.ingest.records import Manifest, Row, Suits

_HEADER_WITHIN: Final = 20
"""Filled rows from the top among which the column names are looked for."""

_TOP: Final = 1000
"""Rows from the top in which there is something filled, or the sheet counts as empty."""

_LAST_ROW: Final = 1_048_576
"""Of a sheet in Excel; a file that claims more is not Excel's."""

_ERRORS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"}
)

# A few hundred bytes of a ZIP file can unpack to gigabytes. openpyxl keeps a row's XML, or all
# shared texts, in memory, at about 100 bytes an element.
_MAX_BYTES: Final = 1 << 29
_MAX_ELEMENTS: Final = 16_000_000
_MAX_ELEMENTS_A_ROW: Final = 400_000
_MAX_PARTS: Final = 10_000
_HARMLESS_BYTES: Final = 1 << 23
"""Of a part whose elements are not counted, which takes a while."""

# A Parquet file of kilobytes may say of a text of megabytes that it stands in every row.
_BATCH: Final = 1024
"""Rows decoded at once, where texts that are the same in many rows are held once."""

_NESTED_BATCH: Final = 16
"""Rows decoded at once where there are lists or objects, whose texts are not."""

_BATCH_BYTES: Final = 64 << 20
"""Most bytes of texts that are made Python's at once."""


# --- Excel -----------------------------------------------------------------------


def open_workbook(path: Path, suits: Suits) -> Manifest:
    """Find the list in a workbook.

    It is the first sheet, of those that are not hidden, with a row of which `suits` is true;
    else the first with two filled cells in a row, or any. That row has the column names. The
    rows below it are numbered as Excel does; formulas have the values that they had when the
    workbook was saved, and errors such as ``#N/A`` are as good as empty.
    """
    with _workbook(path) as book:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        headers = {sheet.title: _header(sheet, suits) for sheet in sheets or book.worksheets}
    filled = {title: header for title, header in headers.items() if header is not None}
    if not filled:
        return Manifest(path, (), lambda: iter(()))
    best = max(filled, key=lambda title: (suits(filled[title][1]), len(filled[title][1]) > 1))
    header, columns = filled[best]

    def rows() -> Iterator[Row]:
        with _workbook(path, is_checked=True) as book:
            for number, cells in _numbered_rows(book[best]):
                if number > header and any(cell is not None for cell in cells):
                    named = zip(columns, cells, strict=False)
                    yield Row(number, {name: cell for name, cell in named if name})

    notes = () if len(filled) == 1 else (f"of {path.name} the sheet {best!r} was read",)
    return Manifest(path, columns, rows, notes)


def _header(sheet: Any, suits: Suits) -> tuple[int, tuple[str, ...]] | None:
    """Return the number and the texts of the row of column names; None for an empty sheet."""
    rows = (
        (number, tuple("" if cell is None else str(cell) for cell in cells))
        for number, cells in islice(_numbered_rows(sheet), _TOP)
    )
    filled = list(islice((row for row in rows if any(row[1])), _HEADER_WITHIN))
    # A title in a single cell often stands above.
    wide = [row for row in filled if sum(map(bool, row[1])) > 1]
    return next((row for row in filled if suits(row[1])), next(iter(wide or filled), None))


def _numbered_rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    # Some programs write that the sheet is one cell large.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > _LAST_ROW:
            raise ValueError(f"a row is numbered higher than {_LAST_ROW}")
        yield number, [_plain_cell(cell) for cell in cells]


def _plain_cell(cell: Any) -> Any:
    """Return a cell's value as another list would have it."""
    if isinstance(cell, str):
        text = cell.replace("_x000D_", "").strip()
        return None if text in _ERRORS else text or None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**63:
        return int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= 2**63:
        return str(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell


@contextmanager
def _workbook(path: Path, *, is_checked: bool = False) -> Iterator[Any]:
    """Open a workbook, turning whatever a damaged one raises meanwhile into MetadataError."""
    try:
        import openpyxl
    except ImportError as exc:
        raise MetadataError(
            f"{path} is an Excel workbook, for which openpyxl has to be installed; "
            "or save it in Excel as CSV",
            hint="pip install 'artsim[excel]'",
            path=path,
        ) from exc
    try:
        if not is_checked:
            _refuse_bombs(path)
        with warnings_ignored("openpyxl"), path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                yield book
    except MetadataError:
        raise
    except Exception as exc:  # openpyxl has no error of its own: KeyError, TypeError, ParseError …
        raise MetadataError(
            f"{path} cannot be read as an Excel workbook ({type(exc).__name__}: {exc}); open it "
            "in Excel or LibreOffice and save it again, or as CSV",
            path=path,
        ) from exc


def _refuse_bombs(path: Path) -> None:
    """Read all XML of a workbook, building nothing, before openpyxl keeps any of it."""
    count = in_row = 0
    too_large = MetadataError(
        f"{path} unpacks to more than a list of pictures needs; save its sheet as CSV", path=path
    )

    def start(name: str, _: object) -> None:
        nonlocal count, in_row
        count += 1
        in_row = 0 if name.endswith(("row", "si")) else in_row + 1
        if count > _MAX_ELEMENTS or in_row > _MAX_ELEMENTS_A_ROW:
            raise too_large

    def doctype(*_: object) -> None:
        raise MetadataError(f"{path} defines XML entities, as no Excel workbook does", path=path)

    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            raise MetadataError(
                f"{path} is protected by a password, or an old Excel workbook in spite of its "
                "name; save it as .xlsx without a password, or as CSV",
                path=path,
            )
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_BYTES:
            raise too_large
        for part in parts:
            parser = expat.ParserCreate()
            parser.StartDoctypeDeclHandler = doctype
            if part.file_size > _HARMLESS_BYTES:
                parser.StartElementHandler = start
            # A picture; or damage, which openpyxl will find where it matters.
            damage = suppress(expat.ExpatError, zipfile.BadZipFile, zlib.error)
            with damage, archive.open(part) as member:
                parser.ParseFile(member)


# --- Parquet ---------------------------------------------------------------------


def open_parquet(path: Path, suits: Suits) -> Manifest:
    """Open a Parquet file, whose rows are numbered from 1.

    What Python has no value for (times with nanoseconds, dates after the year 9999) is
    text, as is what is not Unicode, with U+FFFD for its wrong bytes.
    """
    import pyarrow as pa

    with _parquet_file(path) as file:
        schema, count = file.schema_arrow, int(file.metadata.num_rows)
    texts = [field.name for field in schema if field.type in _text_types()]
    is_nested = any(pa.types.is_nested(field.type) for field in schema)

    def rows() -> Iterator[Row]:
        number = 0
        with _parquet_file(path, read_dictionary=texts) as file:
            for batch in file.iter_batches(batch_size=_NESTED_BATCH if is_nested else _BATCH):
                for part in _parts(batch):
                    for values in _plain_rows(part):
                        number += 1
                        yield Row(number, values)

    return Manifest(path, tuple(schema.names), rows, known_count=count)


def _parts(batch: Any) -> Iterator[Any]:
    """Yield the rows in pieces that do not take much memory once every row has its texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shared = [i for i, field in enumerate(batch.schema) if pa.types.is_dictionary(field.type)]
    texts = [batch[i].dictionary for i in shared]
    longest = (pc.max(pc.binary_length(t)).as_py() for t in texts if t.type in _text_types())
    step = max(1, _BATCH_BYTES // max(1, sum(filter(None, longest))))
    for start in range(0, batch.num_rows, step):
        part = batch.slice(start, step)
        for i in shared:
            part = part.set_column(i, batch.schema.names[i], part[i].dictionary_decode())
        yield part


def _text_types() -> tuple[Any, ...]:
    import pyarrow as pa

    return pa.string(), pa.large_string(), pa.binary(), pa.large_binary()


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
        first_line = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise MetadataError(
            f"{path} is not a Parquet file that can be read: {first_line}", path=path
        ) from exc


def _plain_rows(batch: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        columns = [[_plain(scalar) for scalar in column] for column in batch.columns]
        rows = [
            dict(zip(batch.schema.names, cells, strict=True))
            for cells in zip(*columns, strict=True)
        ]
    return rows


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
    text = str(scalar.cast(pa.string()).as_py())
    if text.startswith("<"):  # "<value out of range: 4611686018427387904>"
        return text.strip("<>")
    if pa.types.is_duration(kind):
        return f"{text} {kind.unit}"
    return text.replace(" ", "T", 1) if pa.types.is_timestamp(kind) else text
