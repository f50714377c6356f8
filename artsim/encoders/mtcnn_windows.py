"""Shrinking many windows of one picture at once, by its table of sums.

MTCNN looks at a picture through some two hundred windows: the levels of an image
pyramid, and a small square for every candidate. Each is reduced by averaging over the
pixels that a target pixel covers. The sum over any rectangle takes four look-ups in a
summed-area table [1]_, whatever its size, so that all windows together are a few array
operations. The averages are those of PyTorch's ``interpolate(mode="area")`` (adaptive
average pooling: bins from ``floor(i * n / out)`` to ``ceil((i + 1) * n / out)``), which
facenet-pytorch calls once for every window.

References
----------
.. [1] Crow (1984). Summed-area tables for texture mapping. SIGGRAPH 18(3), 207-212.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import RGBImage

SumTable: TypeAlias = npt.NDArray[np.uint32]
"""Sums over the pixels above and left of each corner, shape (height + 1, width + 1, 4)."""

FloatArray: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.intp]


def sum_table(image: RGBImage) -> SumTable:
    """Return the summed-area table of `image`, its channels padded to four.

    Sums wrap around at 2**32; differences are right all the same for any rectangle of
    less than 16.8 million pixels, since unsigned subtraction undoes the wrapping.
    """
    height, width = image.shape[:2]
    table = np.zeros((height + 1, width + 1, 4), dtype=np.uint32)
    inner = table[1:, 1:, :3]
    inner[...] = image
    np.cumsum(inner, axis=0, out=inner)
    np.cumsum(inner, axis=1, out=inner)
    return table


def bins(length: IndexArray | int, count: int) -> tuple[IndexArray, IndexArray]:
    """Return where each of `count` bins over `length` pixels starts and ends.

    Shape (count,) for one length, (N, count) for N lengths.
    """
    at = np.arange(count, dtype=np.intp)
    size = np.asarray(length, dtype=np.intp)[..., None]
    return at * size // count, -(-(at + 1) * size // count)


def mean_over(
    table: SumTable,
    top: IndexArray,
    bottom: IndexArray,
    left: IndexArray,
    right: IndexArray,
) -> FloatArray:
    """Return the mean color of rectangles, scaled to -1..1 as MTCNN's nets want it.

    Parameters
    ----------
    table : ndarray of uint32, shape (height + 1, width + 1, 4)
    top, bottom, left, right : ndarray of int
        Sides of the rectangles, `bottom` and `right` excluded; `top` and `bottom` have
        one shape, `left` and `right` another, and the two broadcast to shape (...).

    Returns
    -------
    ndarray of float32, shape (..., 4)
        ``(mean - 127.5) / 128``; the fourth channel is padding.
    """
    # One 16-byte element a corner: a quarter of the look-ups.
    corners = table.view(np.complex128).reshape(-1)
    width = table.shape[1]
    above, below = top * width, bottom * width
    sums = _take(corners, below + right)
    sums -= _take(corners, below + left)
    sums -= _take(corners, above + right)
    sums += _take(corners, above + left)
    per_row = np.float32(1 / 128) / (bottom - top).astype(np.float32)
    per_column = np.float32(1) / (right - left).astype(np.float32)
    means = sums.astype(np.float32)
    means *= (per_row * per_column)[..., None]
    means -= np.float32(127.5 / 128)
    return means


def _take(corners: npt.NDArray[np.complex128], where: IndexArray) -> npt.NDArray[np.uint32]:
    return corners.take(where).view(np.uint32).reshape(*where.shape, 4)


def resize_windows(table: SumTable, windows: IndexArray, side: int) -> FloatArray:
    """Return each window of the picture as a square of `side` pixels, in -1..1.

    Parameters
    ----------
    windows : ndarray of int, shape (N, 4)
        Left, top, right, bottom within the picture; the last two excluded.

    Returns
    -------
    ndarray of float32, shape (N, side, side, 3)
    """
    left, top, right, bottom = windows.T
    row_start, row_end = bins(bottom - top, side)
    column_start, column_end = bins(right - left, side)
    return mean_over(
        table,
        (top[:, None] + row_start)[:, :, None],
        (top[:, None] + row_end)[:, :, None],
        (left[:, None] + column_start)[:, None, :],
        (left[:, None] + column_end)[:, None, :],
    )[..., :3]
