"""Whitening by a power: principal axes, scaled.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import Embeddings
from artsim.errors import TrainingError


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
        return to_unit((np.asarray(rows, np.float32) - self.mean) @ self.axes)


def to_unit(rows: npt.NDArray[Any]) -> Embeddings:
    """Scale rows of shape (..., D) to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)
