"""Learned rotation of a block: centering, principal axes, partial whitening."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_FEW: Final = 7
"""Up to so many levels a side, cutting off rare large values costs less than it saves."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Affine map from a block's raw values to a few decorrelated ones.

    Attributes
    ----------
    center : ndarray of float32, shape (D,)
        Mean over the pictures it was fitted on.
    axes : ndarray of int8, shape (D, K)
        Axes in units of `scales`; few levels, so that they take little room.
    scales : ndarray of float32, shape (K,)
        By axis.
    """

    center: FloatArray
    axes: npt.NDArray[np.int8]
    scales: FloatArray
    _matrix: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Expand the axes once."""
        matrix = (self.axes * self.scales).T.astype(np.float32)
        object.__setattr__(self, "_matrix", np.ascontiguousarray(matrix))

    def __call__(self, vector: FloatArray) -> FloatArray:
        """Project one vector of shape (D,) to shape (K,)."""
        # Not `@`, for the reason that `products` gives; einsum stays on this thread.
        centered = vector - self.center
        return np.asarray(np.einsum("kd,d->k", self._matrix, centered), dtype=np.float32)


def fit_projection(rows: FloatArray, count: int, whitening: float, *, levels: int) -> Projection:
    """Fit principal axes whose variances are evened out in part [1]_.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, D)
        One block of N pictures.
    count : int
        How many axes to keep; where `rows` varies along fewer, the rest are zero.
    whitening : float
        0 keeps an axis' deviation, 1 makes all of them equal; between, its power
        ``1 - whitening``.
    levels : int
        Steps on each side of zero that an axis' values are rounded to, at most 127.

    References
    ----------
    .. [1] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval:
           the benefit of PCA and whitening. ECCV.
    """
    center = rows.mean(axis=0, dtype=np.float64)
    _, deviations, axes = np.linalg.svd(rows - center, full_matrices=False)
    kept = min(count, int((deviations > 1e-6 * deviations[0]).sum()))
    scaled = np.zeros((rows.shape[1], count))
    scaled[:, :kept] = axes[:kept].T * (deviations[:kept] / deviations[0]) ** -whitening
    steps, scales = _quantize(scaled, levels)
    return Projection(center.astype(np.float32), steps, scales)


def _quantize(
    axes: npt.NDArray[np.float64], levels: int
) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Round each column to whole steps; with few levels, rare large values are cut off.

    The rounding errors of an axis' many values are independent, so that they average
    out in its product with a picture. The step is near the one that is best for a
    normal distribution [Max, 1960]: 0.59 deviations for 3 levels a side, 0.34 for 7.
    """
    scales = np.abs(axes).max(axis=0) / levels
    if levels <= _FEW:
        scales = np.minimum(scales, 1.4 * axes.std(axis=0) / levels**0.75)
    scales = np.maximum(scales, 1e-12)
    steps = np.clip(np.rint(axes / scales), -levels, levels)
    return steps.astype(np.int8), scales.astype(np.float32)
