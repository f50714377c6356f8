"""What Pillow and other libraries say about odd files, kept from users."""

from __future__ import annotations

import ctypes
import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Final

from PIL import _imaging

# `warnings.catch_warnings` swaps the whole list of filters and so is not safe when
# threads overlap. One entry a library, for its modules only, goes in with the first reader
# and out with the last.
_entries: Final[dict[str, Any]] = {}
_lock = threading.Lock()
_readers: Final[Counter[str]] = Counter()


@contextmanager
def warnings_ignored(library: str) -> Iterator[None]:
    """Ignore the warnings raised inside a library while the block runs, in every thread."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _lock:
        module = re.compile(re.escape(library) + r"\.")
        entry = _entries.setdefault(library, ("ignore", None, Warning, module, 0))
        _readers[library] += 1
        if not filters or filters[0] is not entry:
            filters.insert(0, entry)
    try:
        yield
    finally:
        with _lock:
            _readers[library] -= 1
            if _readers[library] == 0:
                current: list[Any] = warnings.filters  # type: ignore[assignment]
                current[:] = [known for known in current if known is not entry]


def pillow_warnings_ignored() -> AbstractContextManager[None]:
    """Ignore the warnings raised inside Pillow while the block runs, in every thread.

    Damage that matters also raises an exception; what only warns (an odd EXIF entry, a
    malformed animation after a sound first frame) is of no use to who ingests a folder.
    """
    return warnings_ignored("PIL")


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
