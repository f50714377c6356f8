"""Histograms of oriented gradients and local binary patterns."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def orientation_histograms(plane: FloatArray, cells: int, bins: int) -> FloatArray:
    """Return gradient magnitude by cell and unsigned orientation [1]_.

    Each pixel's magnitude is shared linearly between the two nearest orientations.

    Parameters
    ----------
    plane : ndarray of float32, shape (size, size)
        `size` a multiple of `cells`.

    Returns
    -------
    ndarray of float32, shape (cells, cells, bins)
        Mean magnitudes per pixel.

    References
    ----------
    .. [1] Dalal & Triggs (2005). Histograms of oriented gradients for human detection.
           CVPR.
    """
    size = plane.shape[0]
    dy, dx = np.gradient(plane)
    magnitude = np.hypot(dx, dy)
    position = (np.arctan2(dy, dx) * (bins / np.pi)) % bins
    floor = position.astype(np.int64)
    part = position - floor
    row = np.arange(size) * cells // size
    cell = (row[:, None] * cells + row[None, :]) * bins
    index = np.concatenate([(cell + floor % bins).ravel(), (cell + (floor + 1) % bins).ravel()])
    weight = np.concatenate([(magnitude * (1 - part)).ravel(), (magnitude * part).ravel()])
    sums = np.bincount(index, weights=weight, minlength=cells * cells * bins)
    means = (sums * (cells / size) ** 2).reshape(cells, cells, bins)
    return np.asarray(means, dtype=np.float32)


@cache
def _uniform_codes() -> npt.NDArray[np.uint8]:
    """Map the 256 patterns to 59 codes: 58 with at most two changes around, and the rest."""
    codes = np.full(256, 58, dtype=np.uint8)
    patterns = [p for p in range(256) if bin(p ^ ((p >> 1) | ((p & 1) << 7))).count("1") <= 2]
    codes[patterns] = np.arange(len(patterns))
    return codes


def binary_patterns(plane: FloatArray, step: int = 1) -> FloatArray:
    """Return the histogram of uniform local binary patterns of 8 neighbors [1]_.

    Neighbors are the 8 pixels at `step` along the axes and diagonals.

    Returns
    -------
    ndarray of float32, shape (59,)
        Sums to 1.

    References
    ----------
    .. [1] Ojala, Pietikäinen & Mäenpää (2002). Multiresolution gray-scale and rotation
           invariant texture classification with local binary patterns. PAMI 24(7).
    """
    height, width = plane.shape
    center = plane[step : height - step, step : width - step]
    pattern = np.zeros(center.shape, dtype=np.uint8)
    around = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    for bit, (dy, dx) in enumerate(around):
        top, left = step * (1 + dy), step * (1 + dx)
        neighbor = plane[top : top + center.shape[0], left : left + center.shape[1]]
        pattern |= (neighbor >= center).astype(np.uint8) << bit
    counts = np.bincount(_uniform_codes()[pattern].ravel(), minlength=59)
    return (counts / center.size).astype(np.float32)
