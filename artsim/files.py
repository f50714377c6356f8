"""The door of every file that artsim writes for its user."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from artsim.catalog.film_names import split_frame
from artsim.config import find_home
from artsim.errors import ArtsimError


def local_path(image_uri: str) -> Path | None:
    """Return the file that an ``image_uri``, or a path, names; None where it is no local file."""
    # A single letter is a Windows drive.
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", image_uri):
        return Path(image_uri)
    try:
        parts = urlsplit(image_uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    # Not parts.path: "?" and "#" may stand undecoded in a carelessly made address.
    raw = image_uri.split(":", 1)[1]
    if raw.startswith("//"):
        raw = "/" + raw[2:].partition("/")[2]
    if re.match(r"/[A-Za-z]:", raw):
        raw = raw[1:]  # a Windows drive; a colon in another file's name is written %3A
    path = os.fsdecode(unquote_to_bytes(raw.encode("utf-8", "surrogateescape")))
    return None if "\0" in path or not path else Path(path)


def picture_files(payloads: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    """Yield the files that the ``image_uri`` of payloads name on this machine; of frames films."""
    for payload in payloads:
        uri = payload.get("image_uri")
        if isinstance(uri, str) and (place := local_path(uri)) is not None:
            of_film = split_frame(place)
            yield place if of_film is None else of_film[0]


GENERATOR: Final = "artsim"
"""The mark: ``Software`` of a PNG or Parquet file, generator of a page, author of a workbook."""

MAX_NOTES: Final = 1000
"""Most files that are remembered; of more the oldest count as the user's."""

# Hidden, so that a data folder without galleries is still an empty one.
_NOTES: Final = ".written"

_NOTE_BYTES: Final = 65_536
_HEAD_BYTES: Final = 65_536  # in which the mark of a page stands, and that of a PNG


@dataclass(frozen=True, slots=True)
class FileKind:
    """A sort of file that artsim writes, and the error where it cannot be written.

    The endings of its name are in lower case; without any, all are right. For want of a mark in
    it, path and hash are noted.
    """

    name: str
    error: type[ArtsimError]
    endings: tuple[str, ...] = ()
    noted: bool = False


Form = TypeVar("Form", bound=str)


def choose_form(
    path: Path, given: Form | None, endings: Mapping[Form, Sequence[str]], kind: FileKind
) -> Form:
    """Return the form that a file's ending stands for, the first of several, or the one `given`.

    An ending that stands for none, or for another than the one given, is an error of `kind`.
    """
    suffix = path.suffix.lower()
    meant = [form for form, own in endings.items() if suffix in own]
    if given is None and meant:
        return meant[0]
    if given is not None and (given in meant or not meant):
        return given
    if given is not None:
        expected = " or ".join(endings[given]) or "another ending"
        raise kind.error(
            f"{path}: {suffix} is the ending of {meant[0]}, and {given} was asked for; name the "
            f"file {expected}",
            path=path,
        )
    known = ", ".join(dict.fromkeys(ending for own in endings.values() for ending in own))
    raise kind.error(
        f"{path}: a {kind.name}'s name ends in one of {known}, not in {suffix!r}; name it so, or "
        "say the form",
        hint="--format",
        path=path,
    )


def check_file(
    path: Path,
    kind: FileKind,
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    home: Path | None = None,
) -> Path:
    """Return where the content goes: `path`, or what it links to.

    `overwrite` lets a file be replaced that artsim did not make, but never one of the `inputs`,
    which are read for it, however they are named. `home` is the data folder with the notes, by
    default that of the environment. An error of `kind` says that the ending is another, the folder
    is missing, or the place is taken by a folder, a device, an input, or a file that artsim did not
    make.
    """
    with _foreign_errors(path, kind):
        place = Path(os.path.realpath(path)) if path.is_symlink() else path
        if reason := _why_no_place(path, place, kind, inputs):
            raise kind.error(f"{path}: {reason}", path=path)
        if place.exists() and not overwrite and (whose := _why_not_ours(place, home)):
            there = place.stat()
            day = time.strftime("%Y-%m-%d", time.localtime(there.st_mtime))
            raise kind.error(
                f"{path}: there is a file of {there.st_size:,} bytes from {day}, which {whose}; "
                "name another, or have it replaced",
                hint="--overwrite",
                path=path,
            )
        if not os.access(place.parent, os.W_OK):
            raise PermissionError(13, "you may not write to its folder")
        return place


def _why_no_place(path: Path, place: Path, kind: FileKind, inputs: Iterable[Path]) -> str | None:
    suffix = path.suffix.lower()
    if kind.endings and suffix not in kind.endings:
        shown = " or ".join(ending for ending in kind.endings if ending != ".htm")
        return f"a {kind.name}'s name ends in {shown}, not in {suffix!r}"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it first"
    if not place.exists():
        return None if place is path else f"a link to {place}, where nothing is; remove it"
    mode = place.stat().st_mode
    if stat.S_ISDIR(mode):
        return "this is a folder; give the name of a file"
    if not stat.S_ISREG(mode):
        return "a device or a pipe, not a file; name a file"
    if any(is_same_file(one, place) for one in inputs):
        return "this file is read here, and what is read is never replaced; name another"
    return None


@contextmanager
def write_file(
    path: Path,
    kind: FileKind,
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    home: Path | None = None,
) -> Iterator[BinaryIO]:
    """Open a file to write, which takes its place when it is whole.

    It is refused as `check_file` says, at the beginning and again at the end.
    """
    kept = tuple(inputs)
    place = check_file(path, kind, overwrite=overwrite, inputs=kept, home=home)
    with _foreign_errors(path, kind), replacing(place) as stream:
        yield stream
        # What has come there meanwhile is somebody's.
        check_file(path, kind, overwrite=overwrite, inputs=kept, home=home)
    if kind.noted:
        _note(place, home)


@contextmanager
def replacing(path: Path, *, sync: bool = False) -> Iterator[BinaryIO]:
    """Write a file beside `path`, and move it there when it is whole; else what was there stays.

    With `sync` it waits until the content survives a crash of the machine.
    """
    # Made by open, not tempfile, so that the umask decides who may read it.
    part = path.with_name(f".artsim-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            yield stream
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def discard_file(path: Path, home: Path | None = None) -> None:
    """Remove a file that artsim made and noted earlier; one of the user's stays."""
    with suppress(OSError):
        place = Path(os.path.realpath(path))
        if _read_note(place, home) is not None and _why_not_ours(place, home) is None:
            place.unlink()
            _note_file(place, home).unlink(missing_ok=True)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two names are of one file, through links of either sort."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _foreign_errors(path: Path, kind: FileKind) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise kind.error(
            f"{path}: the {kind.name} cannot be written ({exc.strerror or exc}); "
            "give a file in a folder that you may write to",
            path=path,
        ) from exc


def _why_not_ours(place: Path, home: Path | None) -> str | None:
    """Return in words why a file is not artsim's to replace; None if it is."""
    noted = _read_note(place, home)
    if noted is None:
        return None if _has_mark(place) else "artsim did not make"
    same_size = noted.get("size") == place.stat().st_size
    if same_size and noted.get("sha256") == file_hash(place):
        return None
    return "was changed since artsim made it"


# Notes


def _note_file(place: Path, home: Path | None) -> Path:
    name = hashlib.sha256(os.fsencode(place.absolute())).hexdigest()[:32]
    return (home or find_home()) / _NOTES / f"{name}.json"


def _read_note(place: Path, home: Path | None) -> dict[str, Any] | None:
    try:
        with _note_file(Path(os.path.realpath(place)), home).open("rb") as stream:
            found = json.loads(stream.read(_NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _note(place: Path, home: Path | None) -> None:
    """Remember what was written; where that is not possible it counts as the user's."""
    place = Path(os.path.realpath(place))
    # One small file each: two processes never write the same one but for the same place.
    note = _note_file(place, home)
    with suppress(OSError):
        content = {"path": str(place), "size": place.stat().st_size, "sha256": file_hash(place)}
        note.parent.mkdir(parents=True, exist_ok=True)
        with replacing(note) as stream:
            stream.write(json.dumps(content).encode())
        notes = list(note.parent.glob("*.json"))
        if len(notes) > MAX_NOTES:
            ages = {one: one.stat().st_mtime_ns for one in notes}
            for one in sorted(notes, key=lambda one: ages[one])[:-MAX_NOTES]:
                one.unlink(missing_ok=True)


# Marks


def _has_mark(place: Path) -> bool:
    with place.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        chunk = b"tEXtSoftware\0" + GENERATOR.encode()
        return (len(chunk) - 4).to_bytes(4) + chunk in head.partition(b"IDAT")[0]
    if head.startswith(b"<!DOCTYPE html>"):
        return f'<meta name="generator" content="{GENERATOR}">'.encode() in head
    if head.startswith(b"<?xml") and b"<svg" in head:
        return f"<dc:title>{GENERATOR}</dc:title>".encode() in head
    if head.startswith(b"PAR1"):
        import pyarrow
        from pyarrow import parquet

        try:
            notes = parquet.read_metadata(place).metadata or {}
        except (OSError, pyarrow.ArrowException):
            return False
        return bool(notes.get(b"Software") == GENERATOR.encode())
    if head.startswith(b"PK\x03\x04"):
        return _is_our_workbook(place)
    # A report's own schema says what it is.
    return head.startswith(b'{\n  "schema": 1,\n  "task": "')


def _is_our_workbook(place: Path) -> bool:
    """Return whether artsim made a workbook, and no program saved it since."""
    try:
        with zipfile.ZipFile(place) as archive:
            core, app = (
                archive.open(f"docProps/{name}.xml").read(_NOTE_BYTES) for name in ("core", "app")
            )
    except (OSError, KeyError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return False
    name = GENERATOR.encode()
    if b"creator>" + name + b"<" not in core or b"lastModifiedBy>" + name + b"<" not in core:
        return False
    # openpyxl's version. LibreOffice leaves the names above as they are, but says its own here.
    return re.search(rb"<AppVersion>[3-9]\.", app) is not None
