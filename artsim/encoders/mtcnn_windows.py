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

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage

SumTable: TypeAlias = npt.NDArray[np.uint32]
"""Sums over the pixels above and left of each corner, shape (height + 1, width + 1, 4)."""

FloatArray: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.intp]


class Bins(NamedTuple):
    """Ranges of pixels along one side, `end` excluded; both of shape (..., count)."""

    start: IndexArray
    end: IndexArray


def sum_table(image: RGBImage) -> SumTable:
    """Return the summed-area table of `image`, its channels padded to four.

    Sums wrap around at 2**32; differences are right all the same for any rectangle of
    less than 16.8 million pixels, since unsigned subtraction undoes the wrapping.
    """
    height, width = image.shape[:2]
    turned = np.zeros((width + 1, height + 1, 4), dtype=np.uint32)
    for channel in range(3):  # one by one is faster than three interleaved
        turned[1:, 1:, channel] = image[..., channel].T
    _accumulate(turned)
    table = np.ascontiguousarray(_as_elements(turned).T).view(np.uint32)
    table = table.reshape(height + 1, width + 1, 4)
    _accumulate(table)
    return table


def _accumulate(rows: SumTable) -> None:
    """Add to each row those before it: whole rows at a time are fastest."""
    previous = rows[0]
    for row in rows[1:]:
        np.add(row, previous, out=row)
        previous = row


def _as_elements(table: SumTable) -> npt.NDArray[np.complex128]:
    """Return the table with its four channels as one element: a quarter of the look-ups."""
    return table.view(np.complex128)[..., 0]


def bins(length: IndexArray | int, count: int) -> Bins:
    """Return the `count` bins over `length` pixels: (count,), or (N, count) for N lengths."""
    at = np.arange(count, dtype=np.intp)
    size = np.asarray(length, dtype=np.intp)[..., None]
    return Bins(at * size // count, -(-(at + 1) * size // count))


def resize_picture(table: SumTable, rows: Bins, columns: Bins) -> FloatArray:
    """Return the picture's mean color over each bin of rows by each bin of columns.

    Parameters
    ----------
    table : ndarray of uint32, shape (height + 1, width + 1, 4)
    rows, columns : Bins of shape (R,) and (C,)

    Returns
    -------
    ndarray of float32, shape (R, C, 4)
        ``(mean - 127.5) / 128``, as MTCNN's nets want it; the fourth channel is padding.
    """
    strips = table[rows.end]
    strips -= table[rows.start]
    elements = _as_elements(strips)
    sums = elements.take(columns.end, axis=1).view(np.uint32)
    sums -= elements.take(columns.start, axis=1).view(np.uint32)
    return _to_means(sums, rows, columns).reshape(len(rows.start), len(columns.start), 4)


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
    rows, columns = bins(bottom - top, side), bins(right - left, side)
    above, below = ((edge + top[:, None])[:, :, None] * table.shape[1] for edge in rows)
    before, behind = ((edge + left[:, None])[:, None, :] for edge in columns)
    elements = _as_elements(table).reshape(-1)
    sums = elements.take(below + behind).view(np.uint32)
    sums -= elements.take(below + before).view(np.uint32)
    sums -= elements.take(above + behind).view(np.uint32)
    sums += elements.take(above + before).view(np.uint32)
    means = _to_means(sums, rows, columns).reshape(-1, side, side, 4)
    return np.ascontiguousarray(means[..., :3])


def _to_means(sums: npt.NDArray[np.uint32], rows: Bins, columns: Bins) -> FloatArray:
    """Divide sums of shape (..., R, 4 C) by the bins' areas, and scale them to -1..1."""
    means = sums.astype(np.float32)
    means *= (np.float32(1 / 128) / (rows.end - rows.start).astype(np.float32))[..., :, None]
    per_column = np.float32(1) / (columns.end - columns.start).astype(np.float32)
    # Columns and channels are one long axis: broadcasting over four numbers is slow.
    means *= np.repeat(per_column, 4, axis=-1)[..., None, :]
    means -= np.float32(127.5 / 128)
    return means
