"""Local descriptors: what a picture looks like in each of many small places."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_DAMPING: Final = 6e-3
"""Of a cell's mean gradient: about what rounding to 8 bits leaves in a flat place."""


def color_patches(planes: FloatArray, size: int, step: int) -> FloatArray:
    """Return small patches of color as they are, every `step` pixels.

    Raw patches under a codebook hold color, contrast and the grain of the brush
    together, and do better than designed filters on small pictures [1]_.

    Parameters
    ----------
    planes : ndarray of float32, shape (C, height, width)

    Returns
    -------
    ndarray of float32, shape (N, C * size * size)

    References
    ----------
    .. [1] Coates, Lee & Ng (2011). An analysis of single-layer networks in unsupervised
           feature learning. AISTATS.
    """
    windows = np.lib.stride_tricks.sliding_window_view(planes, (size, size), axis=(1, 2))
    chosen = windows[:, ::step, ::step].transpose(1, 2, 0, 3, 4)
    return np.ascontiguousarray(chosen).reshape(-1, planes.shape[0] * size * size)


def gradient_windows(plane: FloatArray, cell: int, window: int, bins: int) -> FloatArray:
    """Return a dense RootSIFT: gradients by orientation in windows of square cells [1]_ [2]_.

    Windows overlap and begin at every cell. Descriptors are scaled by their sum, damped
    so that flat places stay near zero, and square-rooted.

    Parameters
    ----------
    plane : ndarray of float32, shape (size, size)
        Lightness in 0..1, `size` a multiple of `cell`.
    cell, window, bins : int
        Side of a cell in pixels; side of a window in cells; signed orientations.

    Returns
    -------
    ndarray of float32, shape (N, window * window * bins)

    References
    ----------
    .. [1] Lowe (2004). Distinctive image features from scale-invariant keypoints. IJCV
           60(2), 91-110.
    .. [2] Arandjelović & Zisserman (2012). Three things everyone should know to improve
           object retrieval. CVPR.
    """
    cells = cell_orientations(plane, cell, bins)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (window, window), axis=(0, 1))
    rows = np.ascontiguousarray(windows).reshape(-1, bins * window * window)
    damping = np.float32(_DAMPING * window * window)
    shares = rows / (rows.sum(axis=1, keepdims=True) + damping)
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def cell_orientations(plane: FloatArray, cell: int, bins: int) -> FloatArray:
    """Return each cell's mean gradient magnitude by signed orientation [1]_.

    Each pixel's magnitude is shared linearly between the two nearest orientations.

    Returns
    -------
    ndarray of float32, shape (size // cell, size // cell, bins)

    References
    ----------
    .. [1] Dalal & Triggs (2005). Histograms of oriented gradients for human detection.
           CVPR.
    """
    size = plane.shape[0]
    count = size // cell
    dy, dx = np.gradient(plane)
    magnitude = np.hypot(dx, dy)
    position = (np.arctan2(dy, dx) * np.float32(bins / (2 * np.pi))) % bins
    floor = position.astype(np.int64)
    part = position - floor
    number = np.arange(size) // cell
    start = (number[:, None] * count + number[None, :]) * bins
    index = np.concatenate([(start + floor % bins).ravel(), (start + (floor + 1) % bins).ravel()])
    weight = np.concatenate([(magnitude * (1 - part)).ravel(), (magnitude * part).ravel()])
    sums = np.bincount(index, weights=weight, minlength=count * count * bins)
    return np.asarray(sums / cell**2, dtype=np.float32).reshape(count, count, bins)
