"""One process at a time in a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from artsim.errors import StoreLockedError


class FolderLock:
    """Exclusive lock on a folder, held until `release` or the end of the process.

    The operating system holds it, so that a killed process leaves no lock behind. The
    engine has a lock of its own, but reports it as a failure of its log, and only after
    it has begun to read.

    Raises
    ------
    StoreLockedError
        If it is held, by another process or elsewhere in this one.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._descriptor)
        except OSError as exc:
            os.close(self._descriptor)
            self._descriptor = None
            raise StoreLockedError(locked_message(folder)) from exc

    def release(self) -> None:
        """Let others in; nothing happens the second time."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def locked_message(folder: Path) -> str:
    """Return what to tell someone who finds `folder` locked."""
    return (
        f"{folder} is open in another artsim process (or twice in this one); wait for that "
        "to end, or use a server, which serves many at once: docker compose up -d, then "
        "--url http://localhost:6333"
    )


def _lock(descriptor: int) -> None:
    # `sys.platform` and not a try: type checkers then know which branch is alive.
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
