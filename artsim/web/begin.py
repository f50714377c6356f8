"""How a gallery is begun, or added to: what visitors bring, where it is kept, and what reads it.

Files that visitors send are kept for good, by safe names, none in another's place.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Self

from artsim.catalog.kinds import DETAILS, KINDS, CutterOptions
from artsim.catalog.progress import Progress
from artsim.errors import OptionError, SourceError
from artsim.files import file_hash, local_path
from artsim.images.load import IMAGE_SUFFIXES, ImageLimits
from artsim.ingest.records import Source
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.ingest.sources import LIST_SUFFIXES, lists_in, read_files, read_source
from artsim.ingest.summary import IngestSummary
from artsim.search.models import Models
from artsim.store.data_folder import DISK_RESERVE, check_space, mark_store_folder
from artsim.store.gallery import Gallery, check_gallery_name, collection_name
from artsim.web.intakes import From, Intake, Intakes, Jobs
from artsim.web.pictures import forget_oldest

PICTURES: Final = "pictures"
"""Folder in the data folder, behind the gallery's prefix, of the pictures that visitors added."""

SAMPLE: Final = "sample"
"""Folder of the sample in the data folder, and the gallery that it goes into by itself."""

_BATCH: Final = 16
"""Paintings that are written together: soon seen, and soon stopped."""

PARTS: Final = tuple(name for name, kind in KINDS.items() if not kind.is_whole)
"""What can be looked for in pictures."""

_LONGEST_PART: Final = 120
"""Bytes of one name; file systems take 255, and a number may be added."""

_MOST_PARTS: Final = 8
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\ud800-\udfff\u200e\u200f\u202a-\u202e]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows has for devices."""

_SPACE_EVERY: Final = 64 << 20
"""Bytes after which it is asked again whether there is room on the disk."""

_placing = threading.Lock()
"""Held while a folder or a file gets its name: several come at once."""


@dataclass(slots=True)
class Beginning:
    """What visitors add, and where it goes: to `gallery` where no other is named, or may be.

    Pictures lie for good in the data folder `home`, what is noted of intakes in `cache`.
    """

    gallery: Gallery
    home: Path
    cache: Path
    models: Models
    others: bool = True
    intakes: Intakes = field(init=False)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        """Take up what an earlier server began."""
        self.intakes = Intakes(self.cache / "intakes")
        self.jobs = Jobs(self.intakes, self.ingest)

    def receive(self, intake: Intake, given: str) -> Incoming:
        """Return what takes a file for an intake that a visitor calls `given`.

        SourceError if it has no name that a picture or a list may have, StoreError if there is no
        room for it.
        """
        name, folder = safe_path(given), self.home / collection_name(intake.gallery, PICTURES)
        with _placing:
            mark_store_folder(self.home)
        folder.mkdir(exist_ok=True)
        check_space(folder, DISK_RESERVE)
        return Incoming(folder, name)

    def begin(self, origin: From, folder: str, name: str | None) -> Intake:
        """Begin an intake into the gallery of that name; nothing is read in yet.

        SourceError if there is no such folder on this machine, OptionError or ConfigError if it
        may not go into that gallery, or none can be called so.
        """
        if origin == "sample" and name is None and self.others and self.gallery.name is None:
            name = SAMPLE
        if name is None:
            name = self.gallery.name
        check_gallery_name(name)
        if name != self.gallery.name and not self.others:
            raise OptionError(f"gallery: only {self.gallery.name} is served here")
        if origin == "sample":
            return self.intakes.add(name, "sample", self.home / SAMPLE)
        if origin == "folder":
            return self.intakes.add(name, "folder", _folder(folder))
        received = self.home / collection_name(name, PICTURES)
        forget_oldest(received.glob(".artsim-*.part"), days=1)  # what broke off long ago
        return self.intakes.add(name, "sent", received)

    def ingest(
        self, intake: Intake, progress: Progress, stopped: Callable[[], bool]
    ) -> IngestSummary:
        """Read an intake into its gallery."""
        if intake.origin == "sample":
            mark_store_folder(self.home)
            make_sample(Path(intake.place))
        options = IngestOptions(
            kinds=tuple(KINDS[name] for name in intake.kinds),
            points=DETAILS.name in intake.kinds,
            weights=self.models.weights,
            **asdict(CutterOptions.of(self.models)),
            limits=ImageLimits(max_megapixels=self.models.max_megapixels),
            batch_size=_BATCH,
        )
        return ingest_paintings(
            Gallery(self.gallery.store, intake.gallery),
            open_intake(intake, self.intakes.files(intake.id)),
            options,
            progress=progress,
            settings=self.models.settings,
            stopped=stopped,
        )

    def discard(self, intake_id: str) -> None:
        """Forget an intake, with the files that came with it if it never was read in."""
        intake = self.intakes.get(intake_id)
        is_open = intake.origin == "sent" and intake.state == "open"
        own = self.intakes.own_files(intake_id) if is_open else []
        self.intakes.forget(intake_id)
        for name in own:
            (Path(intake.place) / name).unlink(missing_ok=True)


def _folder(given: str) -> Path:
    """Return the folder or list of this machine that a visitor names, without links."""
    said = given.strip().strip("\"'")
    try:
        path = local_path(said) if said else None
        if path is None or "\0" in said:
            raise FileNotFoundError
        found = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SourceError(
            f"there is no folder {said[:200]!r} on the machine of this server; check its path"
        ) from exc
    if found == Path(found.anchor):
        raise SourceError(f"{found} is a whole disk; name a folder of pictures on it")
    return found


def open_intake(intake: Intake, files: Mapping[str, str]) -> Source:
    """Open what is to be read in, `files` being those that were sent for it.

    SourceError or MetadataError if it cannot be understood as it is.
    """
    place = Path(intake.place)
    metadata = None if intake.metadata is None else intake.folder / intake.metadata
    if intake.origin == "sent":
        if not files:
            raise SourceError("no pictures were sent yet")
        return read_files(place, files, metadata=metadata, column_map=intake.columns)
    if not place.is_dir():
        metadata = None  # it is the list itself
    return read_source(place, metadata=metadata, column_map=intake.columns)


def check_list(intake: Intake, files: Mapping[str, str]) -> list[str]:
    """Return the lists that an intake has; SourceError where its own is none of them."""
    place = Path(intake.place)
    if intake.origin == "sent":
        stored = sorted(set(files.values()))
        lists = [name for name in stored if Path(name).suffix.lower() in LIST_SUFFIXES]
    else:
        lists = [path.name for path in lists_in(place)] if place.is_dir() else [place.name]
    if intake.metadata is not None and intake.metadata not in lists:
        raise SourceError(f"there is no list {intake.metadata[:80]!r} here")
    return lists


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


class Incoming:
    """A file that is being sent into `folder`; without `keep` it is gone at the end.

    One that comes again is known by its name and bytes, and kept once; another one of the same
    name gets the beginning of its SHA-256 behind its own.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._part = folder / f".artsim-{secrets.token_hex(8)}.part"
        self._stream = self._part.open("xb")
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not kept."""
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Write some more of it; StoreError if the disk is nearly full."""
        before, self._size = self._size, self._size + len(content)
        if before // _SPACE_EVERY != self._size // _SPACE_EVERY:
            check_space(self._folder, DISK_RESERVE)
        self._hash.update(content)
        self._stream.write(content)

    def keep(self) -> tuple[str, bool]:
        """Give the file its name; return that, and whether it is new there."""
        self._stream.close()
        path, sha256 = PurePosixPath(self._name), self._hash.hexdigest()
        other = str(path.with_name(f"{path.stem}-{sha256[:8]}{path.suffix}"))
        with _placing:
            for tried in (self._name, other):
                place = self._folder / tried
                if not place.parent.resolve().is_relative_to(self._folder.resolve()):
                    raise SourceError(f"{path}: its folder leads elsewhere; give it another name")
                with suppress(FileExistsError, NotADirectoryError):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if not place.exists() and not place.is_symlink():
                        self._part.rename(place)
                        return tried, True
                    if place.is_file() and file_hash(place) == sha256:
                        return tried, False
        raise SourceError(f"{path}: there is something else of that name; give it another name")
