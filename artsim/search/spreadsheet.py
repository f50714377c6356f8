"""Tables as Excel's files, read back by LibreOffice and openpyxl too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlsplit

from artsim.catalog.cells import cell_text
from artsim.catalog.results import plain_json
from artsim.errors import ExportError
from artsim.files import GENERATOR, local_path

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

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


def check_spreadsheet(rows: int) -> None:
    """Refuse a workbook that cannot be written, before any work is done.

    Raises
    ------
    ExportError
        If openpyxl is missing, or a sheet does not hold so many rows.
    """
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
    sight and filters; the places of pictures and pages are links.

    Raises
    ------
    ExportError
        As `check_spreadsheet`.
    """
    check_spreadsheet(0)
    from openpyxl import Workbook
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
        sheet.append([_header(sheet, name) for name in columns])
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


def _header(sheet: WriteOnlyWorksheet, name: str) -> WriteOnlyCell:
    from openpyxl.styles import Font

    cell = _text(sheet, cell_text(name))
    cell.font = Font(name="Calibri", size=11, bold=True)
    return cell


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
