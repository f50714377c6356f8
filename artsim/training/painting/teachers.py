"""What the teachers see: their vectors of all views, and what they see in each cell of them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.progress import Progress
from artsim.encoders.base import Encoder, MapReader, Prepared, unit_rows
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder
from artsim.errors import TrainingError
from artsim.files import replacing
from artsim.training.kept_rows import KeptRows
from artsim.training.painting.whitening import Whitening

CELLS: Final = 7
"""Cells of a view, across and down."""

CELL_AXES: Final = 128
"""Most axes that are kept of what a teacher sees in a cell."""

_POWER: Final = 0.5
_CHUNK: Final = 4
"""Pictures, of a dozen views each, that are encoded between two notes of progress."""

_FIT_PICTURES: Final = 250
_FIT_CELLS: Final = 17
"""Pictures, and cells of each of their views, that the axes of cells are fitted to."""


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """What a teacher says of all views.

    Attributes
    ----------
    vectors : ndarray of float16, shape (N, V, D)
        Unit rows.
    cells : ndarray of float16, shape (N, V, CELLS, CELLS, d), or None
        What it sees where, as unit rows on half-whitened principal axes; None where it
        has no maps, or they were not asked for.
    """

    vectors: npt.NDArray[np.float16]
    cells: npt.NDArray[np.float16] | None


def keep_teachers(
    views: npt.NDArray[np.uint8],
    folder: Path,
    teachers: Sequence[str],
    *,
    cells: bool,
    identity: str,
    device: str,
    progress: Progress,
) -> list[Teacher]:
    """Return what each teacher says of all views, computing what is not kept yet.

    Parameters
    ----------
    views : ndarray of uint8, shape (N, V, side, side, 3)
    teachers : sequence of str
        Specs of encoders.
    cells : bool
        Whether what they see in each cell is wanted too.

    Raises
    ------
    EncoderError
        If a teacher cannot be used.
    TrainingError
        If the folder cannot be written.
    """
    found = []
    for spec in teachers:
        encoder = load_encoder(spec, device=device)
        maps = encoder.open_maps() if cells else None
        with ThreadPoolExecutor(usable_cores()) as pool:
            asked = _Asked(encoder, maps, pool)
            found.append(_keep(asked, views, folder, identity, progress))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A teacher in use."""

    encoder: Encoder
    maps: MapReader | None
    pool: ThreadPoolExecutor

    def vectors(self, views: npt.NDArray[np.uint8]) -> Embeddings:
        """Return unit rows (M, D) of views of shape (M, side, side, 3)."""
        return self.encoder.encode_prepared(self._prepare(views))

    def with_cells(
        self, views: npt.NDArray[np.uint8], maps: MapReader
    ) -> tuple[Embeddings, npt.NDArray[np.float32]]:
        """Return unit rows, and cells (M, CELLS, CELLS, D) to the same measure."""
        vectors, found = maps(self._prepare(views))
        lengths = np.linalg.norm(vectors, axis=1)
        cells = _pool(found) / np.maximum(lengths, 1e-9)[:, None, None, None]
        return unit_rows(vectors, encoder=self.encoder.info.short_name), cells

    def _prepare(self, views: npt.NDArray[np.uint8]) -> list[Prepared]:
        return list(self.pool.map(self.encoder.prepare, views))


def _keep(
    asked: _Asked,
    views: npt.NDArray[np.uint8],
    folder: Path,
    identity: str,
    progress: Progress,
) -> Teacher:
    info = asked.encoder.info
    identity = f"{identity} {info.vector_name}"
    path = folder / f"teacher-{info.vector_name}.npy"
    kept = KeptRows(path, (*views.shape[:2], info.dim), np.float16, identity)
    stage = f"Encoding by {info.short_name}"
    if asked.maps is None:
        progress.start(len(views), stage)
        for start in range(kept.done, len(views), _CHUNK):
            part = views[start : start + _CHUNK]
            _append_at(kept, start, asked.vectors(_flat(part)))
            progress.update(kept.done)
        return Teacher(kept.read(), None)
    place = path.with_suffix(".axes.npz")
    axes = _keep_axes(asked, asked.maps, views, place, identity, progress)
    shape = (*views.shape[:2], CELLS, CELLS, axes.axes.shape[1])
    kept_cells = KeptRows(path.with_suffix(".cells.npy"), shape, np.float16, identity)
    progress.start(len(views), stage)
    for start in range(min(kept.done, kept_cells.done), len(views), _CHUNK):
        rows, cells = asked.with_cells(_flat(views[start : start + _CHUNK]), asked.maps)
        _append_at(kept, start, rows)
        _append_at(kept_cells, start, axes.apply(cells.reshape(-1, cells.shape[-1])))
        progress.update(kept_cells.done)
    return Teacher(kept.read(), kept_cells.read())


def _append_at(kept: KeptRows, start: int, rows: npt.NDArray[np.float32]) -> None:
    """Append what was found of the pictures from `start` on, unless it is there already."""
    if kept.done == start:
        kept.append(rows.reshape(-1, *kept.read().shape[1:]).astype(np.float16))


def _flat(views: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return all views of some pictures in one row: (M * V, side, side, 3)."""
    return views.reshape(-1, *views.shape[2:])


def _keep_axes(
    asked: _Asked,
    maps: MapReader,
    views: npt.NDArray[np.uint8],
    path: Path,
    identity: str,
    progress: Progress,
) -> Whitening:
    """Return the axes of what a teacher sees in cells, fitted to some of the pictures."""
    kept = _read_axes(path, identity)
    if kept is not None:
        return kept
    random = np.random.default_rng(0)
    pictures = random.permutation(len(views))[:_FIT_PICTURES]
    progress.start(len(pictures), f"Looking at maps of {asked.encoder.info.short_name}")
    rows = []
    for number, picture in enumerate(pictures, start=1):
        _, cells = asked.with_cells(views[picture], maps)
        chosen = random.choice(CELLS * CELLS, _FIT_CELLS, replace=False)
        depth = cells.shape[-1]
        rows.append(cells.reshape(len(cells), -1, depth)[:, chosen].reshape(-1, depth))
        progress.update(number)
    axes = Whitening.fit(np.concatenate(rows), CELL_AXES, _POWER)
    try:
        with replacing(path) as stream:
            np.savez(stream, identity=np.array(identity), mean=axes.mean, axes=axes.axes)
    except OSError as exc:
        raise TrainingError(f"cannot write {path}: {exc.strerror or exc}") from exc
    return axes


def _read_axes(path: Path, identity: str) -> Whitening | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["identity"]) != identity:
                return None
            return Whitening(arrays["mean"], arrays["axes"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _pool(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means over CELLS x CELLS cells of maps (M, D, h, w): (M, CELLS, CELLS, D)."""
    import torch
    from torch.nn import functional

    pooled = functional.adaptive_avg_pool2d(torch.from_numpy(maps), CELLS)
    return pooled.permute(0, 2, 3, 1).numpy()
