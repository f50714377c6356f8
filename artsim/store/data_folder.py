"""The folder of an embedded store: its marks, its lock, its room on the disk."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from filelock import FileLock, Timeout

from artsim.config import NAMES_FILE
from artsim.errors import StoreDamagedError, StoreError, StoreLockedError
from artsim.files import replacing
from artsim.store.protocol import CollectionSchema, VectorSpec

FORMAT: Final = 1  # layout of the folder; raised when an older artsim could not read it
STORE_FILE: Final = "artsim.json"  # marks a folder as a data folder of artsim
COLLECTION_FILE: Final = "collection.json"  # schema and notes of one collection
_GALLERY: Final = re.compile(r"(.+)_(?:paintings|faces)")  # a collection of a gallery with a name

# What desktops and file systems put into folders unasked.
_LITTER: Final = frozenset({"lost+found", "desktop.ini", "Thumbs.db", "Icon\r"})


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` to `path`: after a crash there is the old file or the new one."""
    with replacing(path, sync=True) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1).encode())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names created or changed in `folder` survive a crash of the machine."""
    if os.name != "posix":
        return  # Windows opens no folders, and keeps its names safe by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_store_folder(folder: Path) -> bool:
    """Return whether `folder` is a data folder yet; False if it is absent or empty.

    StoreError if it is a file, holds other things, or was written by a newer artsim;
    StoreDamagedError if it has collections of artsim and no mark that can be read.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise StoreError(
            f"{folder} is a file, expected a folder for artsim's data; name another one",
            hint="ARTSIM_HOME",
            path=folder,
        )
    marker = folder / STORE_FILE
    if marker.exists():
        _read(marker, folder)
        return True
    if any(folder.glob(f"collections/*/{COLLECTION_FILE}")):
        raise damaged_error(folder, f"{STORE_FILE} is missing")
    others = sorted(p.name for p in folder.iterdir() if not _is_litter(p.name))
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise StoreError(
            f"{folder} is not a data folder of artsim: there is no {STORE_FILE} in it, but "
            f"{shown}; name an empty or a new folder",
            hint="ARTSIM_HOME",
            path=folder,
        )
    return False


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name in _LITTER or name.endswith(NAMES_FILE)


def mark_store_folder(folder: Path, *, known: bool = False) -> None:
    """Make `folder` a data folder of artsim, if it is none, or `known` to have been one."""
    if known or not check_store_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / STORE_FILE, {"format": FORMAT})


def write_schema(folder: Path, schema: CollectionSchema) -> None:
    """Write the schema of the collection in `folder`."""
    write_json(folder / COLLECTION_FILE, {"format": FORMAT, **asdict(schema)})


def read_schema(folder: Path) -> CollectionSchema:
    """Read the schema of the collection in `folder`; StoreDamagedError if that cannot be read."""
    found = _read(folder / COLLECTION_FILE, folder)
    try:
        return CollectionSchema(
            {name: VectorSpec(**spec) for name, spec in found["vectors"].items()},
            found["payload_indexes"],
            found["notes"],
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise damaged_error(folder, f"{COLLECTION_FILE} lacks {exc}") from exc


def _read(path: Path, folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise damaged_error(folder, f"{path.name}: {exc}") from exc
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise damaged_error(folder, f"{path.name} states no format")
    if found["format"] > FORMAT:
        raise StoreError(
            f"{folder} was written by a newer artsim (format {found['format']}, this one "
            f"knows {FORMAT}); upgrade artsim",
            hint="pip install -U artsim",
            path=folder,
        )
    return found


def damaged_error(folder: Path, what: str) -> StoreDamagedError:
    """Return what to raise for someone whose data in `folder` cannot be read."""
    found = _GALLERY.fullmatch(folder.name)
    gallery = f" --gallery {found[1]}" if found else ""
    return StoreDamagedError(
        f"{folder} is damaged ({what}); repair it, restore it from a copy, or delete it and "
        "ingest again",
        hint=f"artsim repair{gallery}",
        path=folder,
    )


_SAID_AFTER: Final = 2.0  # seconds of waiting after which it is said what for
_PAUSE: Final = 0.1  # seconds between two tries

_log = logging.getLogger(__name__)


def lock_folder(folder: Path, wait: float = 0.0) -> FileLock:
    """Return a lock on a folder, held until it is released or the process ends.

    The operating system holds it, so that a killed process leaves no lock behind. The
    engine has a lock of its own, but reports it as a failure of its log, and only after
    it has begun to read. StoreLockedError if it is held, by another process or elsewhere in
    this one, for more than `wait` seconds.
    """
    # Not of a thread: a store is closed by another than opened it.
    lock = FileLock(folder / "lock", thread_local=False)
    try:
        try:
            lock.acquire(min(wait, _SAID_AFTER), _PAUSE)
        except Timeout:
            if wait <= _SAID_AFTER:
                raise
            _log.warning("waiting for %s, which another artsim process has open", folder)
            lock.acquire(wait - _SAID_AFTER, _PAUSE)
    except Timeout as exc:
        raise locked_error(folder, wait) from exc
    return lock


def locked_error(folder: Path, waited: float = 0.0) -> StoreLockedError:
    """Return what to raise for someone who finds `folder` locked."""
    still = f" still, after {waited:g} s of waiting" if waited else ""
    return StoreLockedError(
        f"{folder} is open in another artsim process (or twice in this one){still}; wait for "
        "that to end, or use a server, which serves many at once",
        hint="--wait SECONDS, or docker compose up -d, then --url http://localhost:6333",
        path=folder,
    )


DISK_RESERVE: Final = 256 * 2**20
"""Bytes to leave free. The engine writes through memory maps, and a disk that fills up
under a memory map kills the process (SIGBUS) before any error can be raised."""

OPENING_SPACE: Final = 64 * 2**20
"""Bytes that opening a collection may take, even to read: the engine lays its log out."""

_BLOCK: Final = 2**20  # bytes that are read together


def bytes_on_disk(folder: Path) -> int:
    """Return the space that the files under `folder` really take."""
    total = 0
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # the engine drops files as it merges segments
        # Blocks, because the engine's log is a large file with a hole.
        blocks = getattr(status, "st_blocks", None)
        total += status.st_size if blocks is None else blocks * 512
    return total


def data_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield where in an open file there is data, and the data, without the holes between.

    The engine's files are mostly holes: to read those as zeros takes a hundred times as long.
    """
    size = os.fstat(file.fileno()).st_size
    start = 0
    while start < size:
        start, end = _next_data(file.fileno(), start, size)
        file.seek(start)
        while start < end:
            block = file.read(min(_BLOCK, end - start))
            if not block:
                return
            yield start, block
            start += len(block)


def _next_data(descriptor: int, start: int, size: int) -> tuple[int, int]:
    if sys.platform == "win32":
        return start, size
    try:
        start = os.lseek(descriptor, start, os.SEEK_DATA)
        return start, os.lseek(descriptor, start, os.SEEK_HOLE)
    except OSError as exc:
        # No data after `start`; or a file system that does not know its holes.
        return (size, size) if exc.errno == errno.ENXIO else (start, size)


def check_space(folder: Path, needed: int) -> None:
    """Raise StoreError unless `needed` bytes are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"{folder}: the disk is nearly full: {free / 2**20:,.0f} MB free, "
            f"{needed / 2**20:,.0f} MB needed; free some space and run the same command again"
        )
