"""MTCNN's windows on a picture, all shrunk at once, and its image pyramid on one canvas.

MTCNN looks at a picture through some two hundred windows: the levels of an image
pyramid, and a small square for every candidate. Each is reduced by averaging over the
pixels that a target pixel covers, as PyTorch's ``interpolate(mode="area")`` does. The sum over
any rectangle takes four look-ups in a summed-area table [1]_, so that all windows together are a
few array operations.

References
----------
.. [1] Crow (1984). Summed-area tables for texture mapping. SIGGRAPH 18(3), 207-212.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage

SumTable: TypeAlias = npt.NDArray[np.uint32]
"""Sums over the pixels above and left of each corner, shape (height + 1, width + 1, 4)."""

FloatArray: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.intp]

CELL: Final = 12  # pixels that the first net sees, by and by
STRIDE: Final = 2  # pixels between the places where it looks
FACTOR: Final = 0.709  # from one level to the next, as facenet-pytorch has it
_ROUND_TO: Final = 8  # sides of the canvas: pictures of nearly the same size share a kernel


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


class Bins(NamedTuple):
    """Ranges of pixels along one side, `end` excluded; both of shape (..., count)."""

    start: IndexArray
    end: IndexArray


def _bins(length: IndexArray | int, count: int) -> Bins:
    """Return the `count` bins over `length` pixels: (count,), or (N, count) for N lengths."""
    at = np.arange(count, dtype=np.intp)
    size = np.asarray(length, dtype=np.intp)[..., None]
    return Bins(at * size // count, -(-(at + 1) * size // count))


def resize_windows(table: SumTable, windows: IndexArray, side: int) -> FloatArray:
    """Return each window (left, top, right, bottom) as a square in -1..1, (N, side, side, 3)."""
    left, top, right, bottom = windows.T
    rows, columns = _bins(bottom - top, side), _bins(right - left, side)
    above, below = ((edge + top[:, None])[:, :, None] * table.shape[1] for edge in rows)
    before, behind = ((edge + left[:, None])[:, None, :] for edge in columns)
    elements = _as_elements(table).reshape(-1)
    sums = elements.take(below + behind).view(np.uint32)
    sums -= elements.take(below + before).view(np.uint32)
    sums -= elements.take(above + behind).view(np.uint32)
    sums += elements.take(above + before).view(np.uint32)
    means = _to_means(sums, rows, columns).reshape(-1, side, side, 4)
    return np.ascontiguousarray(means[..., :3])


def _resize_picture(table: SumTable, rows: Bins, columns: Bins) -> FloatArray:
    """Return the picture's mean color over each bin of rows by each bin of columns, (R, C, 4)."""
    strips = table[rows.end]
    strips -= table[rows.start]
    elements = _as_elements(strips)
    sums = elements.take(columns.end, axis=1).view(np.uint32)
    sums -= elements.take(columns.start, axis=1).view(np.uint32)
    return _to_means(sums, rows, columns).reshape(len(rows.start), len(columns.start), 4)


def _to_means(sums: npt.NDArray[np.uint32], rows: Bins, columns: Bins) -> FloatArray:
    """Return ``(mean - 127.5) / 128``, as MTCNN's nets want it, of sums (..., R, 4 C) over bins."""
    means = sums.astype(np.float32)
    means *= (np.float32(1 / 128) / (rows.end - rows.start).astype(np.float32))[..., :, None]
    per_column = np.float32(1) / (columns.end - columns.start).astype(np.float32)
    # Columns and channels are one long axis: broadcasting over four numbers is slow.
    means *= np.repeat(per_column, 4, axis=-1)[..., None, :]
    means -= np.float32(127.5 / 128)
    return means


class Level(NamedTuple):
    """One scale of the picture and its place on the canvas, in pixels."""

    scale: float
    height: int
    width: int
    top: int
    left: int

    @property
    def places(self) -> tuple[slice, slice]:
        """Rows and columns of the first net's output that belong to this level."""
        rows, columns = ((-(-(n - 2) // 2)) - 4 for n in (self.height, self.width))
        top, left = self.top // 2, self.left // 2
        return slice(top, top + rows), slice(left, left + columns)

    @property
    def folds(self) -> tuple[slice, slice]:
        """Rows and columns of the folded canvas that this level fills."""
        top, left = self.top // 2, self.left // 2
        return slice(top, top + -(-self.height // 2)), slice(left, left + -(-self.width // 2))


class Pyramid(NamedTuple):
    """All levels of a picture, largest first, none overlapping, each at an even place."""

    levels: list[Level]
    height: int  # of the canvas
    width: int

    @property
    def odd_rows(self) -> list[tuple[int, slice]]:
        """Rows of the net's first outputs, with their columns, that are only half filled."""
        folds = [level.folds for level in self.levels if level.height % 2]
        return [(rows.stop - 2, columns) for rows, columns in folds]

    @property
    def odd_columns(self) -> list[tuple[slice, int]]:
        """Columns, with their rows, that are only half filled."""
        folds = [level.folds for level in self.levels if level.width % 2]
        return [(rows, columns.stop - 2) for rows, columns in folds]


def plan_pyramid(height: int, width: int, min_face: int) -> Pyramid:
    """Lay out the levels at which faces of `min_face` pixels and more fill a cell.

    The first stands at the top left, the second and third side by side beneath it, the
    others in a column to the right of the first, and of the third when that is full.
    """
    levels: list[Level] = []
    scale = CELL / min_face
    shorter = min(height, width) * scale
    beside = corner = 0
    while shorter >= CELL:
        down, across = int(height * scale + 1), int(width * scale + 1)
        if not levels:
            top, left = 0, 0
        elif len(levels) == 1:
            top, left = _even(levels[0].height), 0
        elif len(levels) == 2:
            top, left = levels[1].top, _even(levels[1].width)
        elif beside + down <= levels[0].height:
            top, left = beside, _even(levels[0].width)
            beside += _even(down)
        else:
            top, left = levels[2].top + corner, _even(levels[2].left + levels[2].width)
            corner += _even(down)
        levels.append(Level(scale, down, across, top, left))
        scale *= FACTOR
        shorter *= FACTOR
    return Pyramid(
        levels,
        _even(max(level.top + level.height for level in levels), _ROUND_TO),
        _even(max(level.left + level.width for level in levels), _ROUND_TO),
    )


def _even(number: int, step: int = 2) -> int:
    return -(-number // step) * step


def fold_pyramid(table: SumTable, pyramid: Pyramid) -> FloatArray:
    """Return the canvas with all levels drawn, (height / 2, width / 2, 12), 0 between them.

    Each 2 x 2 pixels are folded into channels: row in the fold, column in it, color.
    """
    folded = np.zeros((pyramid.height // 2, pyramid.width // 2, 2, 2, 3), dtype=np.float32)
    for level in pyramid.levels:
        rows = _even_bins(table.shape[0] - 1, level.height)
        columns = _even_bins(table.shape[1] - 1, level.width)
        means = _resize_picture(table, rows, columns)
        height, width = means.shape[:2]
        pairs = means.reshape(height // 2, 2, width // 2, 2, 4)
        target = folded[level.folds]
        for row in (0, 1):
            for column in (0, 1):
                for color in range(3):  # one by one is faster than three interleaved
                    target[:, :, row, column, color] = pairs[:, row, :, column, color]
    return folded.reshape(*folded.shape[:2], 12)


def _even_bins(length: int, count: int) -> Bins:
    """Return the bins, the last one twice where their number is odd."""
    start, end = _bins(length, count)
    missing = (0, count % 2)
    return Bins(np.pad(start, missing, mode="edge"), np.pad(end, missing, mode="edge"))
