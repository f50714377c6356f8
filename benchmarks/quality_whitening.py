"""Principal axes and whitening, learned without labels from another gallery.

References
----------
.. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval: the
   benefit of PCA and whitening. ECCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings

_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Axes:
    """Mean (D,), principal axes (D, D) by falling variance, and deviations (D,)."""

    center: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    deviations: npt.NDArray[np.float64]


def fit_axes(embeddings: Embeddings) -> Axes:
    """Fit principal axes to unit rows of shape (N, D)."""
    rows = embeddings.astype(np.float64)
    center = rows.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(rows - center, rowvar=False))
    order = np.argsort(-variances)
    deviations = np.sqrt(np.maximum(variances[order], _LEAST))
    return Axes(center, axes[:, order], deviations)


def whiten(embeddings: Embeddings, axes: Axes, dim: int, power: float) -> Embeddings:
    """Return unit rows (N, dim) on the first `dim` axes.

    Power 0 centers and turns, 1 makes all variances equal, 0.5 is halfway.
    """
    projected = (embeddings - axes.center) @ axes.axes[:, :dim]
    projected /= axes.deviations[:dim] ** power
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    return projected.astype(np.float32)
