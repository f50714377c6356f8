"""A folder of pictures, with or without metadata."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from artsim.errors import MetadataError
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.columns import Columns
from artsim.ingest.manifest import MANIFEST_SUFFIXES, OTHER_LISTS, Manifest
from artsim.ingest.manifest_source import SeenIds, make_painting, named_by, readable
from artsim.ingest.picture_finder import PictureFinder
from artsim.ingest.source_types import Row, RowProblem, SourceEntry, SourcePainting

_KINDS: Final[Mapping[str, str]] = {
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".hif": "HEIC",
    ".jxl": "JPEG XL",
    ".dng": "camera raw",
    ".cr2": "camera raw",
    ".cr3": "camera raw",
    ".nef": "camera raw",
    ".arw": "camera raw",
    ".orf": "camera raw",
    ".raf": "camera raw",
    ".rw2": "camera raw",
}
"""Kinds of files that have a name of their own; the others are called by their ending."""

_BESIDE_PICTURES: Final = frozenset(
    {".txt", ".md", ".rst", ".log", ".ini", ".xml", ".xmp", ".json", ".yaml", ".yml", ".html"}
    | {".htm", ".css", ".js", ".bib", ".db", ".dat", ".lnk", ".url", ".py", ".ipynb", ".sh"}
)
"""Endings of notes, sidecars and the like, which nobody expects in a gallery of pictures."""

_KINDS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Listing:
    """What is below a folder.

    Attributes
    ----------
    pictures : tuple of str
        Paths below the folder with ``/``, sorted.
    problems : tuple of RowProblem
        What could not be listed.
    passed_over : mapping of str to int
        How many other files there are of each kind, most first. Hidden files, lists,
        notes and sidecars (``.txt``, ``.xml``, ``.json`` and the like) do not count.
    """

    pictures: tuple[str, ...]
    problems: tuple[RowProblem, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed_over_in_words(self) -> str:
        """Such as "3 files were passed over: 2 HEIC, 1 PDF"; "" if there were none."""
        kinds = list(self.passed_over.items())
        total = sum(self.passed_over.values())
        if not total:
            return ""
        named = [f"{count:,} {kind}" for kind, count in kinds[:_KINDS_SHOWN]]
        if rest := sum(count for _, count in kinds[_KINDS_SHOWN:]):
            named.append(f"{rest:,} other")
        verb = "file was" if total == 1 else "files were"
        return f"{total:,} {verb} passed over: {', '.join(named)}"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The pictures below a folder, joined with the rows of a list where there is one.

    A row's picture is found as `PictureFinder` says, by the column of pictures or, without
    one, by the id. Rows come first, in file order, then the pictures without a row, sorted.
    """

    location: Path
    listing: Listing
    manifest: Manifest | None = None
    columns: Columns | None = None
    notes: tuple[str, ...] = ()

    @property
    def metadata(self) -> Path | None:
        """The manifest's file."""
        return None if self.manifest is None else self.manifest.path

    def count(self) -> int:
        """Return the number of entries: problems, rows, and pictures without a row."""
        rows, used = 0, set[str]()
        for entry in self._rows():
            rows += 1
            if not isinstance(entry, RowProblem):
                used.add(entry[1])
        return len(self.listing.problems) + rows + len(self.listing.pictures) - len(used)

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the pictures with metadata, those without, and every problem."""
        yield from self.listing.problems
        root = self.location.absolute()
        used: set[str] = set()
        seen = SeenIds()
        for entry in self._rows():
            if isinstance(entry, RowProblem):
                yield entry
            else:
                used.add(entry[1])
                yield self._joined(*entry, root, seen)
        for relative in self.listing.pictures:
            if relative in used:
                continue
            if relative in seen.lines:
                reason = f"its path is already the id of line {seen.lines[relative]}"
                yield RowProblem(str(root / relative), None, reason, relative)
                continue
            path = root / relative
            yield SourcePainting(
                relative, path, {"painting_id": relative, "image_uri": path.as_uri()}
            )

    def _rows(self) -> Iterator[tuple[Row, str] | RowProblem]:
        """Yield every row with the picture that it means, or why there is none."""
        if self.manifest is None or self.columns is None:
            return
        finder = PictureFinder(self.listing.pictures)
        # Without a column of pictures the ids may be their file names.
        column = self.columns.by_field.get("image") or self.columns.by_field["id"]
        for row in self.manifest.rows():
            try:
                good = readable(row)
                yield good, finder.find(good.values.get(column))
            except MetadataError as exc:
                named = named_by(row, self.columns)
                yield RowProblem(str(self.manifest.path), row.line, str(exc), named)

    def _joined(self, row: Row, relative: str, root: Path, seen: SeenIds) -> SourceEntry:
        columns = self.columns or Columns({}, ())
        try:
            return make_painting(row, columns, root / relative, relative, seen)
        except MetadataError as exc:
            return RowProblem(str(self.metadata), row.line, str(exc), named_by(row, columns))


def list_pictures(folder: Path) -> Listing:
    """Find every picture below a folder.

    Hidden files and folders (``.name``) and ``__MACOSX`` are left out. Links are followed,
    also out of the folder: whoever made them meant so. A folder that is reached twice is
    read once, so that loops end.
    """
    found = _Findings()
    visited: set[tuple[int, int]] = set()
    pending: list[tuple[Path, str]] = [(folder, "")]
    while pending:
        current, prefix = pending.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as exc:
            found.note_problem(str(current), f"cannot be listed: {exc.strerror or exc}")
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            try:
                is_folder = entry.is_dir()
            except OSError as exc:  # a link to itself
                found.note_problem(entry.path, f"cannot be read: {exc.strerror or exc}")
                continue
            if is_folder:
                folders.append((current / entry.name, f"{prefix}{entry.name}/"))
            else:
                found.note_file(entry, prefix + entry.name)
        pending += reversed(folders)
    return found.listing()


class _Findings:
    """What was met below a folder so far."""

    def __init__(self) -> None:
        self._pictures: list[str] = []
        self._problems: list[RowProblem] = []
        self._passed_over: Counter[str] = Counter()

    def note_problem(self, place: str, reason: str, painting_id: str | None = None) -> None:
        """Note what cannot be listed, whose name may be any bytes."""
        printable = os.fsencode(place).decode("utf-8", "backslashreplace")
        self._problems.append(RowProblem(printable, None, reason, painting_id))

    def note_file(self, entry: os.DirEntry[str], relative: str) -> None:
        """Note a file as a picture, a problem, or one passed over."""
        suffix = PurePosixPath(entry.name).suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            try:
                relative.encode()
            except UnicodeEncodeError:
                self.note_problem(relative, "its name is not UTF-8; rename it", "")
            else:
                self._pictures.append(relative)
        elif kind := _kind_passed_over(entry, suffix):
            self._passed_over[kind] += 1

    def listing(self) -> Listing:
        """Return it all, in an order that depends on the files alone."""
        problems = tuple(sorted(self._problems, key=str))
        kinds = sorted(self._passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
        return Listing(tuple(sorted(self._pictures)), problems, dict(kinds))


def _kind_passed_over(entry: os.DirEntry[str], suffix: str) -> str | None:
    """Return what a file is called that somebody may have meant for a picture."""
    if suffix in _BESIDE_PICTURES or suffix in MANIFEST_SUFFIXES or suffix in OTHER_LISTS:
        return None
    try:
        if not entry.is_file():
            return None
        if not suffix:
            with open(entry.path, "rb") as file:  # noqa: PTH123 - its name may be any bytes
                head = file.read(64)
            return None if head.isascii() and b"\0" not in head else "without an ending"
    except OSError:
        return None
    printable = "".join(char for char in suffix[1:] if char.isalnum())
    return _KINDS.get(suffix, printable[:12].upper() or "other")
