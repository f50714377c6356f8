"""Space on the disk, asked for before it is missing."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from artsim.errors import StoreError

DISK_RESERVE: Final = 256 * 2**20
"""Bytes to leave free. The engine writes through memory maps, and a disk that fills up
under a memory map kills the process (SIGBUS) before any error can be raised."""

OPENING_SPACE: Final = 64 * 2**20
"""Bytes that opening a collection may take, even to read: the engine lays its log out."""

_BLOCK: Final = 2**20
"""Bytes that are read together."""


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
