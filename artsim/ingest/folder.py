"""Pictures in a folder, with or without a file of metadata."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from artsim.errors import MetadataError
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.cells import as_text, clean
from artsim.ingest.columns import Columns
from artsim.ingest.manifest import Manifest, Row
from artsim.ingest.manifest_source import SeenIds, make_painting, readable
from artsim.ingest.source_types import RowProblem, SourceEntry, SourcePainting


@dataclass(frozen=True, slots=True)
class Listing:
    """Pictures below a folder: paths with ``/``, sorted, and what could not be listed."""

    pictures: tuple[str, ...]
    problems: tuple[RowProblem, ...]


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The pictures below a folder, joined with the rows of a manifest where there is one.

    A row's picture is found by its path below the folder, else by its file name, else by
    its file name without suffix, if just one picture has it; without a column of pictures
    by its id in the same way. Rows come first, in file
    order, then the pictures without a row, sorted.
    """

    location: Path
    listing: Listing
    manifest: Manifest | None = None
    columns: Columns | None = None

    @property
    def metadata(self) -> Path | None:
        """The manifest's file."""
        return None if self.manifest is None else self.manifest.path

    def count(self) -> int:
        """Return the number of pictures in the folder."""
        return len(self.listing.pictures)

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the pictures with metadata, those without, and every problem."""
        yield from self.listing.problems
        root = self.location.absolute()
        used: set[str] = set()
        seen = SeenIds()
        if self.manifest is not None and self.columns is not None:
            yield from self._joined(self.manifest, self.columns, root, used, seen)
        for relative in self.listing.pictures:
            if relative in used:
                continue
            if relative in seen.lines:
                reason = f"its path is already the id of line {seen.lines[relative]}"
                yield RowProblem(str(root / relative), None, reason)
                continue
            path = root / relative
            yield SourcePainting(
                relative, path, {"painting_id": relative, "image_uri": path.as_uri()}
            )

    def _joined(
        self, manifest: Manifest, columns: Columns, root: Path, used: set[str], seen: SeenIds
    ) -> Iterator[SourceEntry]:
        finder = _PictureFinder(self.listing.pictures)
        # Without a column of pictures the ids may be their file names.
        column = columns.by_field.get("image") or columns.by_field["id"]
        for row in manifest.rows():
            try:
                relative = finder.find(_named(readable(row), column))
                used.add(relative)
                yield make_painting(readable(row), columns, root / relative, relative, seen)
            except MetadataError as exc:
                yield RowProblem(str(manifest.path), row.line, str(exc))


def list_pictures(folder: Path) -> Listing:
    """Find every picture below a folder.

    Hidden files and folders (``.name``) and ``__MACOSX`` are left out. Links to folders
    are followed; a folder that is reached twice is read once, so that loops end.
    """
    pictures: list[str] = []
    problems: list[RowProblem] = []
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
            reason = f"cannot be listed: {exc.strerror or exc}"
            problems.append(RowProblem(str(current), None, reason))
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir():
                folders.append((current / entry.name, f"{prefix}{entry.name}/"))
            elif PurePosixPath(entry.name).suffix.lower() in IMAGE_SUFFIXES:
                _note(prefix + entry.name, current, pictures, problems)
        pending += reversed(folders)
    return Listing(tuple(sorted(pictures)), tuple(sorted(problems, key=str)))


def _note(relative: str, folder: Path, pictures: list[str], problems: list[RowProblem]) -> None:
    try:
        relative.encode()
    except UnicodeEncodeError:
        place = os.fsencode(relative).decode("utf-8", "backslashreplace")
        problems.append(RowProblem(place, None, "its name is not UTF-8; rename it"))
    else:
        pictures.append(relative)


def _named(row: Row, column: str) -> PurePosixPath:
    """Return a row's path, wherever it points: only pictures of the folder can be found."""
    value = clean(row.values.get(column))
    if value is None:
        raise MetadataError("names no picture")
    return PurePosixPath(as_text(value).replace("\\", "/"))


class _PictureFinder:
    """Pictures by path, by name, and by name without suffix; the latter two on demand."""

    def __init__(self, pictures: Sequence[str]) -> None:
        self._pictures = frozenset(pictures)
        self._by_name: dict[str, str | None] | None = None
        self._by_stem: dict[str, str | None] | None = None

    def find(self, path: PurePosixPath) -> str:
        """Return the one picture that a row's path means; MetadataError otherwise."""
        if str(path) in self._pictures:
            return str(path)
        if self._by_name is None or self._by_stem is None:
            self._by_name = _index(self._pictures, lambda p: PurePosixPath(p).name)
            self._by_stem = _index(self._pictures, lambda p: PurePosixPath(p).stem)
        name = unicodedata.normalize("NFC", path.name)
        tries = [(self._by_name, name), (self._by_stem, name)]
        if path.suffix.lower() in IMAGE_SUFFIXES:
            tries.append((self._by_stem, PurePosixPath(name).stem))
        for index, key in tries:
            if key in index:
                found = index[key]
                if found is None:
                    raise MetadataError(
                        f"names {str(path)!r}, and more than one picture is called so; "
                        "give its path below the folder"
                    )
                return found
        raise MetadataError(f"names {str(path)!r}, and there is no such picture in the folder")


def _index(pictures: frozenset[str], key: Callable[[str], str]) -> dict[str, str | None]:
    """Return the picture of each key, None where several have it.

    Keys are in Unicode's composed form; some file systems keep names decomposed.
    """
    keys = {picture: unicodedata.normalize("NFC", key(picture)) for picture in pictures}
    counts = Counter(keys.values())
    return {key: picture if counts[key] == 1 else None for picture, key in keys.items()}
