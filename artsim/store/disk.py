"""Space on the disk, asked for before it is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from artsim.errors import StoreError

DISK_RESERVE: Final = 256 * 2**20
"""Bytes to leave free. The engine writes through memory maps, and a disk that fills up
under a memory map kills the process (SIGBUS) before any error can be raised."""

OPENING_SPACE: Final = 64 * 2**20
"""Bytes that opening a collection may take, even to read: the engine lays its log out."""


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


def check_space(folder: Path, needed: int) -> None:
    """Raise StoreError unless `needed` bytes are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"{folder}: the disk is nearly full: {free / 2**20:,.0f} MB free, "
            f"{needed / 2**20:,.0f} MB needed; free some space and run the same command again"
        )
