"""Lists of pictures, a row each: CSV, TSV, Excel, JSON Lines or Parquet, read as a stream."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from artsim.errors import MetadataError
from artsim.ingest.records import Manifest, Suits
from artsim.ingest.row_payload import clean, shown
from artsim.ingest.tables import open_parquet, open_workbook
from artsim.ingest.text_tables import open_csv, open_json_lines

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

ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[a-z]:|\\\\", re.IGNORECASE)


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


def named_path(path: Path) -> Path:
    """Return the absolute path by the name given: links are kept, wherever they point."""
    return path.resolve() if ".." in path.parts else path.absolute()


def picture_beside(folder: Path, value: Any) -> str:
    """Return the path below `folder`, which is a list's, of the picture that a cell names.

    A path that leaves the folder (absolute, or by ``..``) is refused, so that a list
    from elsewhere cannot name files it has no business with. Links inside the folder are
    followed: whoever made them owns the folder. MetadataError if the cell names no file there.
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
    try:
        if stat.S_ISREG((folder / path).stat().st_mode):
            return str(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as exc:
        reason = f"its picture {shown(str(folder / path))} cannot be read: {exc.strerror or exc}"
        raise MetadataError(reason) from exc
    raise MetadataError(f"there is no picture {shown(str(path))} beside the manifest")
