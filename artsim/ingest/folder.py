"""Pictures in files: what a folder has, and which of them the rows of a list mean."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from artsim.errors import MetadataError
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.columns import WORDS, as_text, clean, make_painting, named_by, shown, words_of
from artsim.ingest.manifest import MANIFEST_SUFFIXES, OTHER_LISTS
from artsim.ingest.records import (
    Columns,
    Manifest,
    Problem,
    Row,
    Rows,
    Source,
    SourceEntry,
    SourcePainting,
    named_path,
)

_KINDS: Final[Mapping[str, str]] = {
    ending: name
    for name, endings in WORDS["files"]["kinds"].items()
    for ending in words_of(endings)
}
_BESIDE_PICTURES: Final = frozenset(
    {*words_of(WORDS["files"]["beside_pictures"]), *MANIFEST_SUFFIXES, *OTHER_LISTS}
)

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[a-z]:|\\\\", re.IGNORECASE)

_KINDS_SHOWN: Final = 6
_PATHS_SHOWN: Final = 3
_LONGEST_NAME: Final = 4096
"""Characters; what is longer names no file."""

_ROWS_SEARCHED: Final = 100_000
"""Rows of a list in which a column of pictures is looked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is below a folder.

    `passed_over` says how many other files there are of each kind, but for hidden files, lists,
    notes and sidecars: "3 files were passed over: 2 HEIC, 1 PDF"; "" if there are none.
    """

    pictures: tuple[str, ...] = ()  # paths below the folder with /, sorted
    problems: tuple[Problem, ...] = ()  # what could not be listed
    passed_over: str = ""


class PictureSource(Source):
    """The pictures that a list's rows name, in file order, then the others of a folder, sorted.

    `place` is the folder or the list, `root` the folder that the pictures are below; `find`
    returns the path below it of the picture that a cell means, or raises MetadataError. The
    cells are those of the column of pictures, else of the ids. Of rows with one id the first
    goes in.
    """

    def __init__(
        self,
        place: Path,
        root: Path,
        find: Callable[[Any], str],
        manifest: Manifest | None = None,
        listing: Listing | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.uri = named_path(place).as_uri()
        self.root: Path = root.absolute()
        self.metadata = None if manifest is None else manifest.path
        self.manifest = manifest
        self.columns = Columns() if manifest is None else manifest.understood
        self.listing = listing
        self.notes = notes
        self.find = find

    def count(self) -> int:
        """Return the number of entries: problems, rows, and pictures without a row."""
        if self.listing is None:
            return 0 if self.manifest is None else self.manifest.count()
        rows, used = 0, set[str]()
        for found in self._found():
            rows += 1
            used.update(() if isinstance(found, Problem) else found[1:])
        return len(self.listing.problems) + rows + len(self.listing.pictures) - len(used)

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the pictures with metadata, those without, and every problem."""
        listing = self.listing or Listing()
        yield from listing.problems
        used: set[str] = set()
        seen: dict[str, int] = {}
        for found in self._found():
            if isinstance(found, Problem):
                yield found
                continue
            row, relative = found
            used.add(relative)
            try:
                yield make_painting(row, self.columns, self.root / relative, relative, seen)
            except MetadataError as exc:
                yield Problem.of_row(self.metadata, row.line, str(exc), named_by(row, self.columns))
        for relative in listing.pictures:
            path = self.root / relative
            if relative in used:
                continue
            if relative in seen:
                reason = f"{path}: its path is already the id of line {seen[relative]}"
                yield Problem(str(path), reason, relative)
            else:
                payload = {"painting_id": relative, "image_uri": path.as_uri()}
                yield SourcePainting(relative, path, payload)

    def _found(self) -> Iterator[tuple[Row, str] | Problem]:
        """Yield every row with the picture that it means, or why there is none."""
        by_field = self.columns.by_field
        column = by_field.get("image") or by_field.get("id", "")
        for row in self.manifest.rows() if self.manifest else ():
            if isinstance(row, Problem):
                yield row
                continue
            try:
                yield row, self.find(row.values.get(column))
            except MetadataError as exc:
                yield Problem.of_row(self.metadata, row.line, str(exc), named_by(row, self.columns))


# --- what a folder has -------------------------------------------------------------


def list_pictures(folder: Path) -> Listing:
    """Find every picture below a folder.

    Hidden files and folders (``.name``) and ``__MACOSX`` are left out. Links are followed,
    also out of the folder: whoever made them meant so. A folder that is reached twice is
    read once, so that loops end.
    """
    pictures: list[str] = []
    problems: list[Problem] = []
    passed_over: Counter[str] = Counter()
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
            problems.append(_unlisted(str(current), f"cannot be listed: {exc.strerror or exc}"))
            continue
        folders = []
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            try:
                is_folder = entry.is_dir()
            except OSError as exc:  # a link to itself
                problems.append(_unlisted(entry.path, f"cannot be read: {exc.strerror or exc}"))
                continue
            if is_folder:
                folders.append((current / entry.name, f"{name}/"))
            elif PurePosixPath(entry.name).suffix.lower() not in IMAGE_SUFFIXES:
                passed_over.update(filter(None, [_kind_passed_over(entry)]))
            elif any("\ud800" <= char <= "\udfff" for char in name):
                problems.append(_unlisted(name, "its name is not UTF-8; rename it", hides=False))
            else:
                pictures.append(name)
        pending += reversed(folders)
    problems.sort(key=str)
    return Listing(tuple(sorted(pictures)), tuple(problems), _in_words(passed_over))


def _unlisted(place: str, reason: str, *, hides: bool = True) -> Problem:
    """Return the problem of what cannot be listed, whose name may be any bytes."""
    printable = os.fsencode(place).decode("utf-8", "backslashreplace")
    return Problem(printable, f"{printable}: {reason}", may_hide_any=hides)


def _kind_passed_over(entry: os.DirEntry[str]) -> str | None:
    """Return what a file is called that somebody may have meant for a picture."""
    suffix = PurePosixPath(entry.name).suffix.lower()
    try:
        if suffix in _BESIDE_PICTURES or not entry.is_file():
            return None
        if not suffix:
            with open(entry.path, "rb") as file:  # noqa: PTH123 - its name may be any bytes
                head = file.read(64)
            return None if head.isascii() and b"\0" not in head else "without an ending"
    except OSError:
        return None
    printable = "".join(char for char in suffix[1:] if char.isalnum())
    return _KINDS.get(suffix, printable[:12].upper() or "other")


def _in_words(passed_over: Counter[str]) -> str:
    total = passed_over.total()
    if not total:
        return ""
    kinds = sorted(passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
    named = [f"{count:,} {kind}" for kind, count in kinds[:_KINDS_SHOWN]]
    if rest := sum(count for _, count in kinds[_KINDS_SHOWN:]):
        named.append(f"{rest:,} other")
    return f"{total:,} file{' was' if total == 1 else 's were'} passed over: {', '.join(named)}"


# --- which picture a row means -----------------------------------------------------


class PictureFinder:
    """The pictures of a folder by their paths below it, with ``/``, and by parts of these.

    What a list says is a picture's path, else its file name, else its file name without
    suffix, if just one has it; else the same with capitals, and underscores for spaces, ignored.
    Of a web address the last part counts, with its ``%20`` decoded.
    """

    def __init__(self, pictures: Sequence[str]) -> None:
        self._pictures = frozenset(pictures)
        self._indexes: dict[int, dict[str, list[str]]] = {}

    def find(self, value: Any) -> str:
        """Return the one picture that a cell means; MetadataError if there is none, or several."""
        cleaned = clean(value)
        if cleaned is None:
            raise MetadataError("names no picture")
        text = as_text(cleaned)
        found = self._matches(text)
        if not found:
            raise MetadataError(f"names {shown(text)}, and there is no such picture in the folder")
        if len(found) > 1:
            more = len(found) - _PATHS_SHOWN
            and_more = f" and {more} more" if more > 0 else ""
            raise MetadataError(
                f"names {shown(text)}, and more than one picture is called so "
                f"({', '.join(found[:_PATHS_SHOWN])}{and_more}); give its path below the folder"
            )
        return found[0]

    def finds_any(self, rows: Rows, column: str) -> bool:
        """Return whether a column means a picture in any row."""
        cells = (clean(row.values.get(column)) for row in rows if isinstance(row, Row))
        return any(cell is not None and len(self._matches(as_text(cell))) == 1 for cell in cells)

    def naming_column(self, rows: Rows) -> str | None:
        """Return the column that means most pictures, none of them twice; None if none does.

        Numbers without a suffix do not count: 1642 is a year before it is ``1642.jpg``.
        """
        pictures: dict[str, set[str]] = {}
        cells: Counter[str] = Counter()
        for row in islice(rows, _ROWS_SEARCHED):
            for column, value in row.values.items() if isinstance(row, Row) else ():
                if isinstance(value, str) and value and not value.isdecimal():
                    found = self._matches(value.strip())
                    if len(found) == 1:
                        pictures.setdefault(column, set()).add(found[0])
                        cells[column] += 1
        sure = [column for column in pictures if len(pictures[column]) == cells[column]]
        return max(sure, key=lambda column: cells[column], default=None)

    def _matches(self, text: str) -> Sequence[str]:
        if len(text) > _LONGEST_NAME:
            return ()
        path = _path_meant(text)
        if path in self._pictures:
            return (path,)
        # Without its suffix, as where the list has TIFFs and the folder JPEGs of them.
        is_picture = PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES
        name, stem, folded, folded_name, folded_stem = _keys(path)
        for level, words in enumerate(
            ([name], [name, stem], [folded], [folded_name], [folded_name, folded_stem])
        ):
            for word in words if is_picture else words[:1]:
                if found := self._index(level).get(word):
                    return found
        return ()

    def _index(self, level: int) -> Mapping[str, list[str]]:
        if level not in self._indexes:
            index = self._indexes[level] = {}
            for picture in sorted(self._pictures):
                index.setdefault(_keys(picture)[level], []).append(picture)
        return self._indexes[level]


def _path_meant(text: str) -> str:
    """Return a cell's path, wherever it points: only pictures of the folder can be found."""
    if _ADDRESS.match(text):
        path = re.split(r"[?#]", text, maxsplit=1)[0]
        return unquote(path.rstrip("/").rpartition("/")[2])
    parts = text.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _keys(path: str) -> tuple[str, str, str, str, str]:
    """Return by what a picture is found: name and stem; and path, name and stem folded.

    In Unicode's composed form; some file systems decompose names.
    """
    path = unicodedata.normalize("NFC", path)
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    folded, folded_name, folded_stem = (
        text.casefold().replace("_", " ") for text in (path, name, stem)
    )
    return name, stem, folded, folded_name, folded_stem


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
    if _ADDRESS.match(text):
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
