"""Lists of pictures, a row each: CSV, TSV, Excel, JSON Lines or Parquet, read as a stream."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from artsim.errors import MetadataError
from artsim.ingest.columns import Columns
from artsim.ingest.records import Problem, Row, Rows, Source, SourceEntry, SourcePainting
from artsim.ingest.row_payload import clean, make_painting, named_by, shown
from artsim.ingest.tables import Suits, open_workbook, parquet_columns, parquet_rows
from artsim.ingest.text_tables import (
    ENCODING_NAMES,
    find_encoding,
    is_json,
    text_columns,
    text_rows,
)

MANIFEST_SUFFIXES: Final = (
    ".csv",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xlsm",
    ".jsonl",
    ".ndjson",
    ".parquet",
)
"""Lower-case endings of lists. ``.txt`` is what Excel calls "Unicode text"."""

OTHER_LISTS: Final[Mapping[str, str]] = {
    ".xls": "an old Excel workbook",
    ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "a Numbers spreadsheet",
}
"""Endings of lists that are not read, and what they are."""

ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[a-z]:|\\\\", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An open list.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Its columns in order; of JSON Lines the keys of the first 1,000 rows.
    notes : tuple of str
        Remarks on how the file was read, where that is not plain.
    rows : callable
        Yields every row in file order, blank lines left out, reading the file anew;
        MetadataError if it is damaged beyond single rows.
    """

    path: Path
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    rows: Callable[[], Rows]
    _known_count: int | None = None

    def count(self) -> int:
        """Return how many rows, bad ones too, `rows` yields; reads all but Parquet through."""
        return sum(1 for _ in self.rows()) if self._known_count is None else self._known_count


def open_manifest(path: Path, *, suits: Suits = lambda _: False) -> Manifest:
    """Check a list and read its columns.

    Parameters
    ----------
    path : Path
        File whose suffix is one of `MANIFEST_SUFFIXES`, in any case. Text may be divided
        by commas, semicolons or tabs, whichever its first line has most of, and in UTF-8,
        UTF-16 or Windows-1252.
    suits : callable, optional
        Says of column names whether they are those looked for; of a workbook the first
        sheet is read of which that is so, else the first with column names at all.

    Raises
    ------
    MetadataError
        If it is missing, empty, of another format, or two columns have one name.
    """
    suffix = path.suffix.lower()
    if suffix in OTHER_LISTS:
        raise MetadataError(
            f"{path} is {OTHER_LISTS[suffix]}, which artsim does not read; "
            "save it as .xlsx or as CSV and give that",
            path=path,
        )
    if suffix not in MANIFEST_SUFFIXES:
        raise MetadataError(
            f"{path} is not a manifest: expected one of {', '.join(MANIFEST_SUFFIXES)}", path=path
        )
    _refuse_absent(path)
    if suffix in (".xlsx", ".xlsm"):
        manifest = Manifest(path, *open_workbook(path, suits))
    elif suffix == ".parquet":
        names, count = parquet_columns(path)
        manifest = Manifest(path, names, (), lambda: parquet_rows(path), count)
    else:
        manifest = _open_text(path)
    columns = manifest.columns
    if not any(columns):
        raise MetadataError(f"{path} is empty; expected a row of column names, or rows", path=path)
    if twice := sorted({column for column in columns if column and columns.count(column) > 1}):
        raise MetadataError(
            f"{path} has more than one column {twice[0]!r}; rename or remove all but one", path=path
        )
    return manifest


def _refuse_absent(path: Path) -> None:
    try:
        is_there, reason = path.is_file(), "check the path"
    except OSError as exc:
        is_there, reason = False, str(exc.strerror or exc)
    if not is_there:
        raise MetadataError(f"there is no file {path}; {reason}", path=path)


def _open_text(path: Path) -> Manifest:
    # JSON is UTF-8 by its standard; what is not is a problem of its line.
    encoding = find_encoding(path, at_worst="utf-8" if is_json(path) else None)
    name = ENCODING_NAMES[encoding]
    doubt = "; if its accents come out wrong, save it as UTF-8" if encoding == "cp1252" else ""
    notes = () if name == "UTF-8" else (f"{path.name} was read as {name}{doubt}",)
    return Manifest(path, text_columns(path, encoding), notes, lambda: text_rows(path, encoding))


# --- as a source -----------------------------------------------------------------


class ManifestSource(Source):
    """The pictures of a manifest, whose paths are relative to the manifest's folder.

    A path that leaves that folder (absolute, or by ``..``) is refused, so that a manifest
    from elsewhere cannot name files it has no business with. Links inside the folder are
    followed: whoever made them owns the folder. Where the pictures lie elsewhere, name
    their folder as the source and the manifest as its metadata.
    """

    def __init__(self, manifest: Manifest, columns: Columns) -> None:
        self.manifest = manifest
        self.columns: Columns = columns
        self.notes = manifest.notes
        self.metadata = manifest.path
        self.uri = named_path(manifest.path).as_uri()
        self.root: Path = manifest.path.parent.absolute()

    def count(self) -> int:
        """Return the number of rows, which is that of the entries."""
        return self.manifest.count()

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the rows in file order; of rows with one id the first goes in."""
        seen: dict[str, int] = {}
        for row in self.manifest.rows():
            if isinstance(row, Problem):
                yield row
                continue
            try:
                yield self._painting(row, seen)
            except MetadataError as exc:
                named = named_by(row, self.columns)
                yield Problem.of_row(self.manifest.path, row.line, str(exc), named)

    def _painting(self, row: Row, seen: dict[str, int]) -> SourcePainting:
        relative = picture_path(row.values.get(self.columns.by_field["image"]))
        path = self.root / relative
        if not _is_file(path):
            raise MetadataError(f"there is no picture {shown(str(relative))} beside the manifest")
        return make_painting(row, self.columns, path, str(relative), seen)


def named_path(path: Path) -> Path:
    """Return the absolute path by the name given: links are kept, wherever they point."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        reason = exc.strerror or exc
        raise MetadataError(f"its picture {shown(str(path))} cannot be read: {reason}") from exc


def picture_path(value: Any) -> PurePosixPath:
    """Return a cell's path, made sure to stay below its folder.

    Raises
    ------
    MetadataError
        If the cell is empty, a web address, absolute, or climbs out by ``..``.
    """
    text = clean(value)
    if text is None:
        raise MetadataError("names no picture")
    if not isinstance(text, str):
        raise MetadataError(f"names its picture by a {type(text).__name__}, expected a path")
    if ADDRESS.match(text):
        raise MetadataError(
            f"names a web address, {shown(text)}, and nothing is downloaded; give the path of a "
            "file, or ingest a folder of the downloaded pictures with this list as its metadata"
        )
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or _DRIVE.match(text):
        raise MetadataError(
            f"names the absolute path {shown(text)}; expected one below the list's folder, or "
            "ingest the pictures' folder with this list as its metadata"
        )
    if ".." in path.parts:
        raise MetadataError(
            f"names {shown(text)}, outside the folder; ingest the pictures' folder with this list "
            "as its metadata instead"
        )
    if not path.parts or "\0" in text:
        raise MetadataError(f"names {shown(text)}, which is no picture")
    return path
