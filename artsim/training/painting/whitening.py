"""Whitening by a power: principal axes, scaled.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
.. [2] Hatch, Kajarekar & Stolcke (2006). Within-class covariance normalization for SVM-based
   speaker recognition. Interspeech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.covariance import shrunk_covariance

from artsim.catalog.arrays import Embeddings
from artsim.errors import TrainingError

_EVENNESS: Final = 0.1
"""Share of a spread that is alike in all directions: few rows show too little in some."""


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Axes along which vectors spread, each scaled by its deviation to a power [1]_.

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
    axes : ndarray of float32, shape (D, d)
    """

    mean: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, rows: npt.NDArray[Any], dim: int, power: float) -> Whitening:
        """Fit to how all rows of shape (N, D) differ; the principal axes, `dim` at the most.

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

    @classmethod
    def fit_within(
        cls, rows: npt.NDArray[Any], groups: Sequence[str], power: float
    ) -> Whitening | None:
        """Fit to how rows (N, D) of the same group differ [2]_, on D axes.

        Fitted to few rows, the spread is drawn toward one that is alike in all directions.

        Returns
        -------
        Whitening or None
            None where no group has two rows that differ.
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
