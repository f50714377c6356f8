"""One process at a time in a folder."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Final

from artsim.errors import StoreLockedError

_SAID_AFTER: Final = 2.0
"""Seconds of waiting after which it is said what for."""

_PAUSE: Final = 0.1
"""Seconds between two tries."""

_log = logging.getLogger(__name__)


class FolderLock:
    """Exclusive lock on a folder, held until `release` or the end of the process.

    The operating system holds it, so that a killed process leaves no lock behind. The
    engine has a lock of its own, but reports it as a failure of its log, and only after
    it has begun to read.

    Parameters
    ----------
    folder : Path
        The file ``lock`` is made in it.
    wait : float
        Seconds to wait for whoever holds it.

    Raises
    ------
    StoreLockedError
        If it is held, by another process or elsewhere in this one.
    """

    def __init__(self, folder: Path, wait: float = 0.0) -> None:
        self._descriptor: int | None = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock_within(self._descriptor, folder, wait)
        except BaseException as exc:
            self.release()
            if isinstance(exc, OSError):
                raise locked_error(folder, wait) from exc
            raise

    def release(self) -> None:
        """Let others in; nothing happens the second time."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def locked_error(folder: Path, waited: float = 0.0) -> StoreLockedError:
    """Return what to raise for someone who finds `folder` locked."""
    still = f" still, after {waited:g} s of waiting" if waited else ""
    return StoreLockedError(
        f"{folder} is open in another artsim process (or twice in this one){still}; wait for "
        "that to end, or use a server, which serves many at once",
        hint="--wait SECONDS, or docker compose up -d, then --url http://localhost:6333",
        path=folder,
    )


def _lock_within(descriptor: int, folder: Path, wait: float) -> None:
    began = time.monotonic()
    said = False
    while True:
        try:
            return _lock(descriptor)
        except OSError:
            passed = time.monotonic() - began
            if passed >= wait:
                raise
            if passed >= _SAID_AFTER and not said:
                said = True
                _log.warning("waiting for %s, which another artsim process has open", folder)
            time.sleep(min(_PAUSE, wait - passed))


def _lock(descriptor: int) -> None:
    # `sys.platform` and not a try: type checkers then know which branch is alive.
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
