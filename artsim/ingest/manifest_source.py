"""Pictures that a manifest names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from artsim.errors import MetadataError
from artsim.ingest.cells import as_text, clean, says_nothing
from artsim.ingest.columns import Columns
from artsim.ingest.manifest import BadRow, Manifest, Row
from artsim.ingest.row_payload import row_payload
from artsim.ingest.source_types import RowProblem, SourceEntry, SourcePainting

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)
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

    def count(self) -> int:
        """Return the number of rows."""
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
                yield RowProblem(place, row.line, str(exc))

    def _painting(self, row: Row, folder: Path, seen: SeenIds) -> SourcePainting:
        relative = picture_path(row.values.get(self.columns.by_field["image"]))
        path = folder / relative
        if not path.is_file():
            raise MetadataError(f"there is no picture {str(relative)!r} beside the manifest")
        return make_painting(row, self.columns, path, str(relative), seen)


@dataclass(slots=True)
class SeenIds:
    """Painting ids so far, with the line of each, to refuse the second of two."""

    lines: dict[str, int] = field(default_factory=dict)

    def add(self, painting_id: str, line: int) -> None:
        """Note an id; MetadataError if it has been there."""
        first = self.lines.setdefault(painting_id, line)
        if first != line:
            raise MetadataError(f"the id {painting_id!r} is already that of line {first}")


def readable(row: Row | BadRow) -> Row:
    """Return `row`; MetadataError if it is a bad one."""
    if isinstance(row, BadRow):
        raise MetadataError(row.reason)
    return row


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
    if _ADDRESS.match(text):
        raise MetadataError(f"names a web address, {text!r}; download it and give its path")
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or _DRIVE.match(text):
        raise MetadataError(f"names the absolute path {text!r}; expected one below the folder")
    if ".." in path.parts:
        raise MetadataError(
            f"names {text!r}, outside the folder; ingest the pictures' folder with this file "
            "as --metadata instead"
        )
    if not path.parts or "\0" in text:
        raise MetadataError(f"names {text!r}, which is no picture")
    return path


def make_painting(
    row: Row, columns: Columns, path: Path, relative: str, seen: SeenIds
) -> SourcePainting:
    """Join a row and its picture; MetadataError if the id has been there."""
    given = clean(row.values.get(columns.by_field.get("id", "")))
    painting_id = relative if given is None or says_nothing(given) else as_text(given)
    seen.add(painting_id, row.line)
    payload = {
        "painting_id": painting_id,
        **row_payload(row.values, columns),
        "image_uri": path.as_uri(),
    }
    return SourcePainting(painting_id, path, payload)
