"""Rows that take long to compute, kept in files as they come: a run that was killed goes on.

A row belongs to a key that changes with all it depends on, so that several runs may share a
folder, and a source that has grown costs only what is new in it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.catalog.progress import Progress
from artsim.encoders.devices import usable_cores
from artsim.errors import ImageError, TrainingError
from artsim.files import replacing
from artsim.images.load import LoadedImage, load_image
from artsim.training.loop import writing

CHUNK: Final = 256  # rows of one file: what a kill costs at the most
_AT_ONCE: Final = 32  # pictures in memory

Row: TypeAlias = npt.NDArray[Any]
Ready = TypeVar("Ready")
Of = TypeVar("Of")


class Kept(NamedTuple):
    """What came of one key."""

    row: Row | None  # read from the file as it is used; None where there is none
    text: str = ""  # SHA-256 of the picture's file; where there is no row, why


class Readable(NamedTuple, Generic[Of]):
    """Works that have a row, their rows, their files' SHA-256, and what is with the others."""

    works: list[Of]
    rows: list[Row]
    hashes: list[str]
    problems: list[str]  # why pictures cannot be read
    without: list[Of]  # works of which nothing was found, though they can be read


def keep_rows(
    folder: Path,
    keys: Sequence[str],
    compute: Callable[[Sequence[int]], Iterable[Kept]],
    *,
    progress: Progress,
    description: str,
    chunk: int = CHUNK,
    row_bytes: int = 0,
) -> list[Kept]:
    """Return what belongs to each key, computing what the folder does not have.

    All rows of a folder have the same shape; `chunk` of them are in a file. `compute` yields what
    belongs to the keys at the positions it is given, in their order. Where rows may fill a disk,
    `row_bytes` says how large one is: what does not fit is refused at once.
    """
    known = _read(folder)
    missing = [place for place, key in enumerate(keys) if key not in known]
    done = len(keys) - len(missing)
    progress.start(len(keys), description)
    progress.update(done)
    try:
        with writing(folder):
            if missing:
                folder.mkdir(parents=True, exist_ok=True)
                size, free = row_bytes * len(missing), shutil.disk_usage(folder).free
                if size > free:
                    raise OSError(f"it takes {size / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free")
            for start in range(0, len(missing), chunk):
                part, found = missing[start : start + chunk], []
                for kept in compute(part):
                    found.append(kept)
                    progress.update(done + len(found))
                done += len(part)
                known |= _write(folder, [keys[place] for place in part], found)
    finally:
        progress.finish()
    return [known[key] for key in keys]


def read_pictures(
    pictures: Sequence[tuple[str, Path]],
    prepare: Callable[[LoadedImage], Ready | None],
    encode: Callable[[Sequence[Ready]], Iterable[Row]],
    folder: Path,
    identity: str,
    **how: Any,
) -> list[Kept]:
    """Return the rows of pictures, or why they have none, as `keep_rows` does.

    Pictures are a name, the same on every machine, and a file; `identity` changes with all that
    rows depend on beside them. `prepare` makes one ready, in threads (None: it has no row, and no
    reason is given), `encode` rows of several.
    """

    def ready(place: int) -> tuple[Ready | None, str]:
        try:
            loaded = load_image(pictures[place][1])
            found = prepare(loaded)
            return found, "" if found is None else loaded.sha256
        except ImageError as error:
            return None, str(error)

    def compute(places: Sequence[int]) -> Iterable[Kept]:
        with ThreadPoolExecutor(usable_cores()) as pool:
            for start in range(0, len(places), _AT_ONCE):
                part = list(pool.map(ready, places[start : start + _AT_ONCE]))
                readable = [one for one, _ in part if one is not None]
                rows = iter(encode(readable) if readable else ())
                for one, text in part:
                    yield Kept(None if one is None else np.asarray(next(rows)), text)

    return keep_rows(folder, picture_keys(pictures, identity), compute, **how)


def split_readable(works: Sequence[Of], found: Sequence[Kept]) -> Readable[Of]:
    """Part what came of pictures."""
    readable: Readable[Of] = Readable([], [], [], [], [])
    for work, (row, text) in zip(works, found, strict=True):
        if row is None and text:
            readable.problems.append(text)
        elif row is None:
            readable.without.append(work)
        else:
            readable.works.append(work)
            readable.rows.append(row)
            readable.hashes.append(text)
    if not readable.works and not readable.without:
        told = readable.problems[0]
        raise TrainingError(f"none of {len(works)} pictures can be read: {told}")
    return readable


def picture_keys(pictures: Iterable[tuple[str, Path]], identity: str) -> list[str]:
    """Return a key for each picture, which changes with its name, size and time."""
    keys = []
    for name, path in pictures:
        try:
            status = path.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:
            state = "missing"
        text = f"{identity}\0{name}\0{state}".encode("utf-8", "surrogatepass")
        keys.append(hashlib.sha256(text).hexdigest())
    return keys


def _read(folder: Path) -> dict[str, Kept]:
    known: dict[str, Kept] = {}
    for note in sorted(folder.glob("*.json")):
        try:
            found = json.loads(note.read_text("utf-8"))
            count = sum(has_row for _, has_row, _ in found)
            rows = iter(_load(note.with_suffix(".npy"), count) if count else ())
            known |= {key: Kept(next(rows) if has_row else None, t) for key, has_row, t in found}
        except (OSError, ValueError, TypeError, EOFError, StopIteration):
            continue  # what it held is computed again
    return known


def _load(path: Path, count: int) -> Row:
    # A plain array over the file: numpy's own class for it takes long to cut rows from.
    rows: Row = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    if len(rows) != count:
        raise ValueError(f"{path} has {len(rows)} rows, not {count}")
    return rows


def _write(folder: Path, keys: Sequence[str], found: Sequence[Kept]) -> dict[str, Kept]:
    """Write the rows, then the note, without which they do not count."""
    rows = [kept.row for kept in found if kept.row is not None]
    # Named by all of its keys: another run that shares the folder writes the same, or elsewhere.
    path = folder / f"{hashlib.sha256(' '.join(keys).encode()).hexdigest()[:16]}.npy"
    if rows:
        with replacing(path) as stream:
            np.save(stream, np.stack(rows))
    pairs = list(zip(keys, found, strict=True))
    note = [[key, kept.row is not None, kept.text] for key, kept in pairs]
    with replacing(path.with_suffix(".json")) as stream:
        stream.write(json.dumps(note).encode())
    stored = iter(_load(path, len(rows)) if rows else ())
    return {key: kept if kept.row is None else Kept(next(stored), kept.text) for key, kept in pairs}
