"""Targets: the vectors that a network learns to give, from its teachers.

Each teacher's vectors are centered, turned to their principal axes and whitened by half,
which makes the teachers better at telling artists and styles than they are by themselves;
scaled to length 1, weighted and joined; and turned to the axes that matter most.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
.. [2] Hinton, Vinyals & Dean (2015). Distilling the knowledge in a neural network.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import Embeddings
from artsim.domain.progress import Progress
from artsim.encoders.base import Encoder
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder
from artsim.errors import TrainingError
from artsim.training.kept_rows import KeptRows

TEACHER_AXES: Final = 256
"""Most axes that are kept of one teacher. On the validation artists 512 were no better."""

_POWER: Final = 0.5
_CHUNK: Final = 4
"""Pictures, of a dozen views each, that are encoded between two notes of progress."""


def keep_teachers(
    views: npt.NDArray[np.uint8],
    folder: Path,
    teachers: Sequence[str],
    *,
    identity: str,
    device: str,
    progress: Progress,
) -> list[npt.NDArray[np.float16]]:
    """Return each teacher's vectors of all views, computing those that are not kept yet.

    Parameters
    ----------
    views : ndarray of uint8, shape (N, V, side, side, 3)

    Returns
    -------
    list of ndarray of float16, shape (N, V, D)
        Unit rows; of each teacher its own D.
    """
    found = []
    for spec in teachers:
        encoder = load_encoder(spec, device=device)
        info = encoder.info
        shape = (*views.shape[:2], info.dim)
        path = folder / f"teacher-{info.vector_name}.npy"
        kept = KeptRows(path, shape, np.float16, f"{identity} {info.vector_name}")
        progress.start(len(views), f"Encoding by {info.short_name}")
        with ThreadPoolExecutor(usable_cores()) as pool:
            for start in range(kept.done, len(views), _CHUNK):
                part = views[start : start + _CHUNK]
                rows = _encode(encoder, part.reshape(-1, *part.shape[2:]), pool)
                kept.append(rows.reshape(*part.shape[:2], -1).astype(np.float16))
                progress.update(kept.done)
        found.append(kept.read())
    return found


def _encode(encoder: Encoder, views: npt.NDArray[np.uint8], pool: ThreadPoolExecutor) -> Embeddings:
    return encoder.encode_prepared(list(pool.map(encoder.prepare, views)))


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Principal axes of unit vectors, each scaled by its deviation to a power.

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
    axes : ndarray of float32, shape (D, d)
    """

    mean: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, rows: npt.NDArray[Any], dim: int, power: float) -> Whitening:
        """Fit to unit rows of shape (N, D); `dim` axes at the most.

        Raises
        ------
        TrainingError
            If the rows are all the same.
        """
        values = np.asarray(rows, np.float32)
        mean = values.mean(axis=0)
        _, singular, axes = np.linalg.svd(values - mean, full_matrices=False)
        deviations = singular / len(values) ** 0.5
        kept = min(dim, int((deviations > 1e-6).sum()))
        if kept == 0:
            raise TrainingError("a teacher gives all pictures the same vector; name another one")
        return cls(mean, (axes[:kept] / deviations[:kept, None] ** power).T.astype(np.float32))

    def apply(self, rows: npt.NDArray[Any]) -> Embeddings:
        """Return unit rows of shape (N, d)."""
        return _unit((np.asarray(rows, np.float32) - self.mean) @ self.axes)


def join_targets(
    teachers: Sequence[npt.NDArray[np.float16]], weights: Sequence[float], dim: int
) -> npt.NDArray[np.float32]:
    """Return what the network is to give for each view.

    All axes are those of the whole pictures.

    Parameters
    ----------
    teachers : sequence of ndarray, shape (N, V, D)
        Of view 0 the whole picture.
    dim : int
        Length of the network's vectors.

    Returns
    -------
    ndarray of float32, shape (N, V, dim)
        Unit rows; zeros at the end where there are fewer axes than `dim`.
    """
    count, views = teachers[0].shape[:2]
    joined = []
    for vectors, weight in zip(teachers, weights, strict=True):
        whitening = Whitening.fit(vectors[:, 0], TEACHER_AXES, _POWER)
        joined.append(weight * whitening.apply(vectors.reshape(count * views, -1)))
    rows = _unit(np.concatenate(joined, axis=1))
    axes = Whitening.fit(rows.reshape(count, views, -1)[:, 0], dim, 0.0)
    targets = axes.apply(rows)
    padded = np.zeros((len(targets), dim), np.float32)
    padded[:, : targets.shape[1]] = targets
    return padded.reshape(count, views, dim)


def _unit(rows: npt.NDArray[Any]) -> Embeddings:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)
