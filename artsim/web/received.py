"""Files that visitors add to a gallery: kept for good, by safe names, none in another's place."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Final, Self

from artsim.errors import SourceError
from artsim.files import file_hash
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.sources import LIST_SUFFIXES
from artsim.store.data_folder import DISK_RESERVE, check_space, mark_store_folder

_LONGEST_PART: Final = 120
"""Bytes of one name; file systems take 255, and a number may be added."""

_MOST_PARTS: Final = 8
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\ud800-\udfff\u200e\u200f\u202a-\u202e]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows has for devices."""

_STALE_SECONDS: Final = 86_400
_SPACE_EVERY: Final = 64 << 20
"""Bytes after which it is asked again whether there is room on the disk."""


def safe_path(given: str) -> str:
    """Return the path, with ``/``, that a file goes by which a visitor calls `given`.

    It stays below its folder, hides nothing, and is a name on every system. SourceError if no
    name is left, or the ending is neither that of a picture nor of a list.
    """
    parts = [_safe_part(part) for part in re.split(r"[/\\]", given)]
    parts = [part for part in parts if part][-_MOST_PARTS:]
    suffix = PurePosixPath(parts[-1]).suffix.lower() if parts else ""
    if suffix not in IMAGE_SUFFIXES and suffix not in LIST_SUFFIXES:
        raise SourceError(
            f"{given[-80:]!r} is neither a picture nor a list (CSV, Excel, …) by its ending"
        )
    return "/".join(parts)


def _safe_part(part: str) -> str:
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", part)).strip().lstrip(".").rstrip(". ")
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    stem, dot, suffix = text.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, dot, suffix = text, "", ""
    room = _LONGEST_PART - len(f"{dot}{suffix}".encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + suffix


@dataclass(frozen=True, slots=True)
class Received:
    """The folder in which the files that visitors add lie for good.

    A file that comes again is known by its name and bytes, and kept once; another one of the
    same name gets the beginning of its SHA-256 behind its own.
    """

    folder: Path
    home: Path
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def begin(self, given: str) -> Incoming:
        """Return what takes a file that a visitor calls `given`, to be written to.

        Raises
        ------
        SourceError
            If it has no name that a picture or a list may have.
        StoreError
            If there is no room for it.
        """
        name = safe_path(given)
        mark_store_folder(self.home)
        self.folder.mkdir(exist_ok=True)
        check_space(self.folder, DISK_RESERVE)
        part = self.folder / f".artsim-{secrets.token_hex(8)}.part"
        return Incoming(self, name, part, part.open("xb"))

    def tidy(self) -> None:
        """Remove what broke off long ago."""
        for part in self.folder.glob(".artsim-*.part"):
            with suppress(OSError):
                if part.stat().st_mtime < time.time() - _STALE_SECONDS:
                    part.unlink()

    def place(self, part: Path, name: str, sha256: str) -> tuple[str, bool]:
        """Move a whole file to its name; return the name, and whether it is new there."""
        path = PurePosixPath(name)
        other = str(path.with_name(f"{path.stem}-{sha256[:8]}{path.suffix}"))
        with self._lock:
            for tried in (name, other):
                place = self.folder / tried
                if not place.parent.resolve().is_relative_to(self.folder.resolve()):
                    raise SourceError(f"{name}: its folder leads elsewhere; give it another name")
                with suppress(FileExistsError, NotADirectoryError):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if not place.exists() and not place.is_symlink():
                        part.rename(place)
                        return tried, True
                    if place.is_file() and file_hash(place) == sha256:
                        return tried, False
        raise SourceError(f"{name}: there is something else of that name; give it another name")


class Incoming:
    """A file that is being sent; without `keep` it is gone at the end."""

    def __init__(self, to: Received, name: str, part: Path, stream: BinaryIO) -> None:
        self._to, self._name, self._part, self._stream = to, name, part, stream
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what was not kept."""
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Write some more of it; StoreError if the disk is nearly full."""
        before, self._size = self._size, self._size + len(content)
        if before // _SPACE_EVERY != self._size // _SPACE_EVERY:
            check_space(self._to.folder, DISK_RESERVE)
        self._hash.update(content)
        self._stream.write(content)

    def keep(self) -> tuple[str, bool]:
        """Give the file its name; return that, and whether it is new."""
        self._stream.close()
        return self._to.place(self._part, self._name, self._hash.hexdigest())
