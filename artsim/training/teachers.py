"""What the teachers of a painting encoder see, and the vectors that it learns to give of that.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
.. [2] Hatch, Kajarekar & Stolcke (2006). Within-class covariance normalization for SVM-based
   speaker recognition. Interspeech.
.. [3] Hinton, Vinyals & Dean (2015). Distilling the knowledge in a neural network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import shrunk_covariance
from torch.nn import functional

from artsim.catalog.arrays import Embeddings
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import Encoder, MapReader, unit_rows
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder
from artsim.errors import TrainingError
from artsim.training.rows import Kept, Row, keep_rows

CELLS: Final = 7  # cells of a view, across and down
CELL_AXES: Final = 128  # most axes that are kept of what a teacher sees in a cell

TEACHER_AXES: Final = 256
"""Most axes that are kept of one teacher. On the validation artists 512 were no better."""

_POWER: Final = 0.5
_TOGETHER: Final = 4  # pictures, of a dozen views each, that are encoded at once
_CHUNK: Final = 16
_FIT_PICTURES: Final = 250
_FIT_CELLS: Final = 17
"""Pictures, and cells of each of their views, that the axes of cells are fitted to."""

_EVENNESS: Final = 0.1
"""Share of a spread that is alike in all directions: few rows show too little in some."""


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Axes along which vectors spread, each scaled by its deviation to a power [1]_."""

    mean: npt.NDArray[np.float32]  # (D,)
    axes: npt.NDArray[np.float32]  # (D, d)

    @classmethod
    def fit(cls, rows: npt.NDArray[Any], dim: int, power: float) -> Whitening:
        """Fit to how all rows of shape (N, D) differ; the principal axes, `dim` at the most."""
        values = np.asarray(rows, np.float32)
        mean = values.mean(axis=0)
        _, singular, axes = np.linalg.svd(values - mean, full_matrices=False)
        deviations = singular / len(values) ** 0.5
        kept = min(dim, int((deviations > 1e-6).sum()))
        if kept == 0:
            raise TrainingError("a teacher gives all pictures the same vector; name another one")
        return cls(mean, (axes[:kept] / deviations[:kept, None] ** power).T.astype(np.float32))

    @classmethod
    def fit_within(
        cls, rows: npt.NDArray[Any], groups: Sequence[str], power: float
    ) -> Whitening | None:
        """Fit to how rows (N, D) of the same group differ [2]_, on D axes; None if none do.

        Fitted to few rows, the spread is drawn toward one that is alike in all directions.
        """
        values = np.asarray(rows, np.float64)
        _, numbers, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        sums = np.zeros((len(counts), values.shape[1]))
        np.add.at(sums, numbers, values)
        sizes = counts[numbers][:, None]
        differences = (values - sums[numbers] / sizes)[sizes[:, 0] > 1]
        differences *= np.sqrt(sizes / np.maximum(sizes - 1, 1))[sizes[:, 0] > 1]
        spread = differences.T @ differences / max(1, len(differences))
        if np.trace(spread) < 1e-12 * len(spread):
            return None
        variances, axes = np.linalg.eigh(shrunk_covariance(spread, _EVENNESS))
        scaled = axes * variances ** (-power / 2)
        return cls(values.mean(axis=0).astype(np.float32), scaled.astype(np.float32))

    def apply(self, rows: npt.NDArray[Any]) -> Embeddings:
        """Return unit rows of shape (N, d)."""
        return to_unit((np.asarray(rows, np.float32) - self.mean) @ self.axes)


def to_unit(rows: npt.NDArray[Any]) -> Embeddings:
    """Scale rows of shape (..., D) to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


class Teacher(NamedTuple):
    """What a teacher says of the V views of each of N pictures.

    The cells are what it sees where, as unit rows on half-whitened principal axes; None where it
    has no maps, or they were not asked for.
    """

    vectors: list[npt.NDArray[np.float16]]  # (V, D), unit rows
    cells: list[npt.NDArray[np.float16]] | None  # (V, CELLS, CELLS, d)


def keep_teachers(
    views: Sequence[npt.NDArray[np.uint8]],
    folder: Path,
    teachers: Sequence[str],
    *,
    cells: bool,
    keys: Sequence[str],
    device: str,
    progress: Progress,
) -> list[Teacher]:
    """Return what each teacher says of all views (V, side, side, 3), computing what is not kept.

    Each picture's key changes with its views.
    """
    found = []
    for spec in teachers:
        encoder = load_encoder(spec, device=device)
        maps = encoder.open_maps() if cells else None
        place = folder / f"teacher-{encoder.info.vector_name}"
        with ThreadPoolExecutor(usable_cores()) as pool:
            asked = _Asked(encoder, maps, pool, views, place, keys, progress)
            found.append(asked.keep(asked.keep_axes() if maps else None))
    return found


class _Asked(NamedTuple):
    """A teacher in use."""

    encoder: Encoder
    maps: MapReader | None
    pool: ThreadPoolExecutor
    views: Sequence[npt.NDArray[np.uint8]]
    folder: Path
    keys: Sequence[str]
    progress: Progress

    def see(self, views: npt.NDArray[np.uint8]) -> tuple[Embeddings, Row | None]:
        """Return unit rows (M, D) of views (M, side, side, 3), and cells to the same measure."""
        ready = list(self.pool.map(self.encoder.prepare, views))
        if self.maps is None:
            return self.encoder.encode_prepared(ready), None
        vectors, maps = self.maps(ready)
        pooled = functional.adaptive_avg_pool2d(torch.from_numpy(maps), CELLS)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)[:, None, None, None]
        cells = pooled.permute(0, 2, 3, 1).numpy() / lengths
        return unit_rows(vectors, encoder=self.encoder.info.short_name), cells

    def keep(self, axes: Whitening | None) -> Teacher:
        """Keep a row for each picture: of each view the vector, and after it the cells."""
        dim, name = self.encoder.info.dim, self.encoder.info.short_name

        def compute(places: Sequence[int]) -> Iterable[Kept]:
            for start in range(0, len(places), _TOGETHER):
                part = [self.views[place] for place in places[start : start + _TOGETHER]]
                vectors, cells = self.see(np.concatenate(part))
                seen = [vectors]
                if axes is not None and cells is not None:
                    seen.append(axes.apply(cells.reshape(-1, cells.shape[-1])))
                joined = [rows.reshape(len(part), len(part[0]), -1) for rows in seen]
                yield from map(Kept, np.concatenate(joined, axis=2).astype(np.float16))

        told = "" if axes is None else hashlib.sha256(axes.axes.tobytes()).hexdigest()
        keys = [hashlib.sha256(f"{key} {told}".encode()).hexdigest() for key in self.keys]
        how: Any = {"progress": self.progress, "description": f"Encoding by {name}"}
        found = keep_rows(self.folder, keys, compute, chunk=_CHUNK, **how)
        rows = [kept.row for kept in found if kept.row is not None]
        cells = None
        if axes is not None:
            cells = [row[:, dim:].reshape(len(row), CELLS, CELLS, -1) for row in rows]
        return Teacher([row[:, :dim] for row in rows], cells)

    def keep_axes(self) -> Whitening:
        """Return the axes of what a teacher sees in cells, fitted to some of the pictures."""

        def fit(places: Sequence[int]) -> Iterable[Kept]:
            random = np.random.default_rng(0)
            pictures = random.permutation(len(self.views))[:_FIT_PICTURES]
            name = self.encoder.info.short_name
            self.progress.start(len(pictures), f"Looking at maps of {name}")
            rows = []
            for number, picture in enumerate(pictures, start=1):
                _, cells = self.see(self.views[picture])
                if cells is None:
                    raise ValueError("a teacher without maps has no cells")
                chosen = random.choice(CELLS * CELLS, _FIT_CELLS, replace=False)
                depth = cells.shape[-1]
                rows.append(cells.reshape(len(cells), -1, depth)[:, chosen].reshape(-1, depth))
                self.progress.update(number)
            axes = Whitening.fit(np.concatenate(rows), CELL_AXES, _POWER)
            yield Kept(np.concatenate([axes.mean[:, None], axes.axes], axis=1))

        key, silent = hashlib.sha256(" ".join(self.keys).encode()).hexdigest(), SilentProgress()
        (kept,) = keep_rows(self.folder / "axes", [key], fit, progress=silent, description="")
        fitted = np.array(kept.row)
        return Whitening(fitted[:, 0].copy(), np.asfortranarray(fitted[:, 1:]))


def join_targets(
    teachers: Iterable[npt.NDArray[np.float16]], weights: Sequence[float], dim: int
) -> npt.NDArray[np.float32]:
    """Return what the network is to give for each view, as distillation has it [3]_.

    Each teacher's vectors, (N, V, D), are centered, turned to their principal axes and whitened by
    half, which makes the teachers better at telling artists and styles than they are by
    themselves; scaled to length 1, weighted and joined; and turned to the axes that matter most:
    unit rows (N, V, dim). All axes are those of the whole pictures, view 0.
    """
    joined = []
    for vectors, weight in zip(teachers, weights, strict=True):
        count, views = vectors.shape[:2]
        whitening = Whitening.fit(vectors[:, 0], TEACHER_AXES, _POWER)
        joined.append(weight * whitening.apply(vectors.reshape(count * views, -1)))
    rows = to_unit(np.concatenate(joined, axis=1))
    axes = Whitening.fit(rows.reshape(count, views, -1)[:, 0], dim, 0.0)
    targets = axes.apply(rows)
    padded = np.zeros((len(targets), dim), np.float32)
    padded[:, : targets.shape[1]] = targets
    return padded.reshape(count, views, dim)
