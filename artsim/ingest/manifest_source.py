"""Pictures that a manifest names."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from artsim.catalog.payload import why_unstorable
from artsim.errors import MetadataError
from artsim.ingest.cells import as_text, clean, says_nothing
from artsim.ingest.columns import Columns
from artsim.ingest.manifest import Manifest
from artsim.ingest.picture_finder import ADDRESS, shown
from artsim.ingest.row_payload import row_payload
from artsim.ingest.source_types import BadRow, Row, RowProblem, SourceEntry, SourcePainting

_DRIVE: Final = re.compile(r"[a-z]:|\\\\", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """The pictures of a manifest, whose paths are relative to the manifest's folder.

    A path that leaves that folder (absolute, or by ``..``) is refused, so that a manifest
    from elsewhere cannot name files it has no business with. Links inside the folder are
    followed: whoever made them owns the folder. Where the pictures lie elsewhere, name
    their folder as the source and the manifest as its metadata.
    """

    manifest: Manifest
    columns: Columns

    @property
    def location(self) -> Path:
        """The manifest."""
        return self.manifest.path

    @property
    def metadata(self) -> Path:
        """The manifest."""
        return self.manifest.path

    @property
    def notes(self) -> tuple[str, ...]:
        """How the manifest was read, where that is not plain."""
        return self.manifest.notes

    def count(self) -> int:
        """Return the number of rows, which is that of the entries."""
        return self.manifest.count()

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the rows in file order; of rows with one id the first goes in."""
        seen = SeenIds()
        place = str(self.manifest.path)
        folder = self.manifest.path.parent.absolute()
        for row in self.manifest.rows():
            try:
                yield self._painting(readable(row), folder, seen)
            except MetadataError as exc:
                yield RowProblem(place, row.line, str(exc), named_by(row, self.columns))

    def _painting(self, row: Row, folder: Path, seen: SeenIds) -> SourcePainting:
        relative = picture_path(row.values.get(self.columns.by_field["image"]))
        path = folder / relative
        if not _is_file(path):
            raise MetadataError(f"there is no picture {shown(str(relative))} beside the manifest")
        return make_painting(row, self.columns, path, str(relative), seen)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        reason = exc.strerror or exc
        raise MetadataError(f"its picture {shown(str(path))} cannot be read: {reason}") from exc


@dataclass(slots=True)
class SeenIds:
    """Painting ids so far, with the line of each, to refuse the second of two."""

    lines: dict[str, int] = field(default_factory=dict)

    def add(self, painting_id: str, line: int) -> None:
        """Note an id; MetadataError if it has been there."""
        first = self.lines.setdefault(painting_id, line)
        if first != line:
            raise MetadataError(f"the id {shown(painting_id)} is already that of line {first}")


def readable(row: Row | BadRow) -> Row:
    """Return `row`; MetadataError if it is a bad one."""
    if isinstance(row, BadRow):
        raise MetadataError(row.reason)
    return row


def named_by(row: Row | BadRow, columns: Columns) -> str | None:
    """Return the id of a row, else its picture's path; "" if it has neither, None if unknown."""
    if isinstance(row, BadRow):
        return None
    for field_name in ("id", "image"):
        given = clean(row.values.get(columns.by_field.get(field_name, "")))
        if given is not None and not says_nothing(given):
            return as_text(given)
    return ""


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


def make_painting(
    row: Row, columns: Columns, path: Path, relative: str, seen: SeenIds
) -> SourcePainting:
    """Join a row and its picture.

    Raises
    ------
    MetadataError
        If the id has been there, or the gallery could not give back what the row says.
    """
    given = clean(row.values.get(columns.by_field.get("id", "")))
    painting_id = relative if given is None or says_nothing(given) else as_text(given)
    payload = {
        "painting_id": painting_id,
        **row_payload(row.values, columns),
        "image_uri": path.as_uri(),
    }
    if reason := why_unstorable(payload):
        raise MetadataError(reason)
    seen.add(painting_id, row.line)
    return SourcePainting(painting_id, path, payload)
