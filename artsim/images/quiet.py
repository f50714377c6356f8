"""What Pillow and its libraries say about odd files, kept from users."""

from __future__ import annotations

import ctypes
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from PIL import _imaging

# `warnings.catch_warnings` swaps the whole list of filters and so is not safe when
# threads overlap. One entry, for Pillow's modules only, goes in with the first reader
# and out with the last.
_ENTRY: Final[Any] = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_lock = threading.Lock()
_readers = 0


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore the warnings raised inside Pillow while the block runs, in every thread.

    Damage that matters also raises an exception; what only warns (an odd EXIF entry, a
    malformed animation after a sound first frame) is of no use to who ingests a folder.
    """
    global _readers
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _lock:
        _readers += 1
        if not filters or filters[0] is not _ENTRY:
            filters.insert(0, _ENTRY)
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                current: list[Any] = warnings.filters  # type: ignore[assignment]
                current[:] = [entry for entry in current if entry is not _ENTRY]


@cache
def silence_libtiff() -> None:
    """Keep libtiff from printing its errors to stderr; Pillow raises on them anyway.

    Pillow turns off only the warnings. Where libtiff's symbols are not to be seen
    (Windows, where it is linked in), a line of its own remains beside our error.
    """
    try:
        # Looking up through Pillow's extension finds the libtiff that Pillow uses.
        library = ctypes.CDLL(_imaging.__file__)
        set_handler = library.TIFFSetErrorHandler
    except (OSError, AttributeError):
        return
    set_handler.argtypes = [ctypes.c_void_p]
    set_handler.restype = ctypes.c_void_p
    set_handler(None)
