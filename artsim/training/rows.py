"""Rows of numbers for works, computed once and kept: a run that was killed goes on."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.progress import Progress
from artsim.encoders.base import Prepared
from artsim.encoders.devices import usable_cores
from artsim.errors import ImageError, TrainingError
from artsim.files import replacing
from artsim.images.load import load_image
from artsim.training.works import Work

CHUNK: Final = 256
"""Works between two writes."""


class Reader(Protocol):
    """What makes rows of pictures: an encoder, or part of one."""

    def prepare(self, image: RGBImage) -> Prepared:
        """Return one picture ready for a batch; safe to call from threads."""
        ...

    def encode_prepared(self, batch: Sequence[Prepared]) -> npt.NDArray[Any]:
        """Return rows of N prepared pictures, shape (N, …)."""
        ...


class LookOnly:
    """Reader that only finds out which pictures can be read."""

    def prepare(self, image: RGBImage) -> Prepared:
        """Return nothing of a picture."""
        return np.zeros(0, np.float32)

    def encode_prepared(self, batch: Sequence[Prepared]) -> npt.NDArray[Any]:
        """Return rows without numbers."""
        return np.zeros((len(batch), 0), np.float32)


@dataclass(frozen=True, slots=True)
class WorkRows:
    """Rows of the works whose pictures could be read.

    Attributes
    ----------
    works : list of Work
        N of them, in the order they were given in.
    rows : ndarray of float32, shape (N, …)
    problems : list of str
        One for each picture that could not be read, with the reason.
    """

    works: list[Work]
    rows: npt.NDArray[np.float32]
    problems: list[str]


def read_rows(
    works: Sequence[Work],
    reader: Reader,
    folder: Path,
    name: str,
    *,
    progress: Progress,
    description: str,
    batch_size: int = 32,
) -> WorkRows:
    """Return the rows of works, computing those that the folder does not have.

    Parameters
    ----------
    reader : Reader
        Makes the rows; `name` must change with all that they depend on.
    folder : Path
        Where rows are kept, `CHUNK` works a file.

    Raises
    ------
    TrainingError
        If the folder cannot be written, or no picture can be read.
    """
    place = folder / name
    known = dict(_stored(place))
    keys = [_key(work) for work in works]
    missing = [(key, work) for key, work in zip(keys, works, strict=True) if key not in known]
    progress.start(len(works), description)
    try:
        done = len(works) - len(missing)
        progress.update(done)
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            for key, found in _read_chunk(chunk, reader, batch_size):
                known[key] = found
                done += 1
                progress.update(done)
            _store(place, {key: known[key] for key, _ in chunk})
    finally:
        progress.finish()
    pairs = [(work, known[key]) for work, key in zip(works, keys, strict=True)]
    readable = [(work, row) for work, row in pairs if not isinstance(row, str)]
    problems = [row for _, row in pairs if isinstance(row, str)]
    if not readable:
        raise TrainingError(f"none of {len(works)} pictures can be read: {problems[0]}")
    rows = np.stack([row for _, row in readable]).astype(np.float32)
    return WorkRows([work for work, _ in readable], rows, problems)


_Found = npt.NDArray[Any] | str
"""A work's row, or why there is none."""


def _read_chunk(
    chunk: Sequence[tuple[str, Work]], reader: Reader, batch_size: int
) -> Iterator[tuple[str, _Found]]:
    def prepare(work: Work) -> _Found:
        try:
            return reader.prepare(load_image(work.path).pixels)
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(chunk), batch_size):
            part = chunk[start : start + batch_size]
            ready = list(pool.map(prepare, [work for _, work in part]))
            pictures = [one for one in ready if not isinstance(one, str)]
            rows = iter(reader.encode_prepared(pictures) if pictures else ())
            for (key, _), one in zip(part, ready, strict=True):
                yield key, one if isinstance(one, str) else np.asarray(next(rows))


def _key(work: Work) -> str:
    try:
        status = work.path.stat()
    except OSError as exc:
        raise TrainingError(f"{work.path}: {exc.strerror or exc}; check the source") from exc
    text = f"{work.key}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stored(place: Path) -> Iterator[tuple[str, _Found]]:
    for path in sorted(place.glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                yield from zip(arrays["keys"].tolist(), arrays["rows"], strict=True)
                yield from zip(arrays["failed"].tolist(), arrays["reasons"].tolist(), strict=True)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            continue  # what it held is computed again


def _store(place: Path, found: dict[str, _Found]) -> None:
    rows = {key: row for key, row in found.items() if not isinstance(row, str)}
    failed = {key: row for key, row in found.items() if isinstance(row, str)}
    path = place / f"{next(iter(found))[:16]}.npz"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            np.savez(
                stream,
                keys=np.array(list(rows), dtype=np.str_),
                rows=np.stack(list(rows.values())) if rows else np.zeros((0, 0), np.float32),
                failed=np.array(list(failed), dtype=np.str_),
                reasons=np.array(list(failed.values()), dtype=np.str_),
            )
    except OSError as exc:
        raise TrainingError(f"cannot write {path}: {exc.strerror or exc}") from exc
