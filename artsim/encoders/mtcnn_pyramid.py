"""MTCNN's image pyramid on one canvas, so that its first net runs once a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from artsim.encoders.mtcnn_windows import Bins, FloatArray, SumTable, bins, resize_picture

CELL: Final = 12
"""Pixels that the first net sees, by and by."""

STRIDE: Final = 2
"""Pixels between the places where it looks."""

FACTOR: Final = 0.709
"""From one level to the next: about half the area, as facenet-pytorch has it."""

_ROUND_TO: Final = 8
"""Sides of the canvas, so that pictures of nearly the same size share a kernel."""


@dataclass(frozen=True, slots=True)
class Level:
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
        return (
            slice(top, top + -(-self.height // 2)),
            slice(left, left + -(-self.width // 2)),
        )


@dataclass(frozen=True, slots=True)
class Pyramid:
    """All levels of a picture, none overlapping, each at an even place.

    Attributes
    ----------
    levels : list of Level
        Largest first.
    height, width : int
        Of the canvas.
    odd_rows, odd_columns : list
        Where the last fold of a level of odd size is only half filled: the row of the
        net's first outputs with its columns, and the column with its rows.
    """

    levels: list[Level]
    height: int
    width: int
    odd_rows: list[tuple[int, slice]] = field(default_factory=list)
    odd_columns: list[tuple[slice, int]] = field(default_factory=list)


def plan_pyramid(height: int, width: int, min_face: int) -> Pyramid:
    """Lay out the levels at which faces of `min_face` pixels and more fill a cell."""
    sizes = []
    scale = CELL / min_face
    shorter = min(height, width) * scale
    while shorter >= CELL:
        sizes.append((scale, int(height * scale + 1), int(width * scale + 1)))
        scale *= FACTOR
        shorter *= FACTOR
    levels = _lay_out(sizes)
    pyramid = Pyramid(
        levels,
        _round_up(max(level.top + level.height for level in levels)),
        _round_up(max(level.left + level.width for level in levels)),
    )
    for level in levels:
        rows, columns = level.folds
        if level.height % 2:
            pyramid.odd_rows.append((rows.stop - 2, columns))
        if level.width % 2:
            pyramid.odd_columns.append((rows, columns.stop - 2))
    return pyramid


def _lay_out(sizes: list[tuple[float, int, int]]) -> list[Level]:
    """Place the levels: with a factor of 0.709 they fill six sevenths of the canvas.

    The first stands at the top left, the second and third side by side beneath it, the
    others in a column to the right of the first, and what is left when that is full in a
    column to the right of the third.
    """
    levels: list[Level] = []
    beside = 0
    corner = 0
    for i, (scale, height, width) in enumerate(sizes):
        if i == 0:
            top, left = 0, 0
        elif i == 1:
            top, left = _even(sizes[0][1]), 0
        elif i == 2:
            top, left = levels[1].top, _even(sizes[1][2])
        elif beside + height <= sizes[0][1]:
            top, left = beside, _even(sizes[0][2])
            beside += _even(height)
        else:
            top, left = levels[2].top + corner, _even(levels[2].left + sizes[2][2])
            corner += _even(height)
        levels.append(Level(scale, height, width, top, left))
    return levels


def fold_pyramid(table: SumTable, pyramid: Pyramid) -> FloatArray:
    """Return the canvas with all levels drawn, each 2 x 2 pixels folded into channels.

    Returns
    -------
    ndarray of float32, shape (height / 2, width / 2, 12)
        Channels in the order row in the fold, column in it, color; values in -1..1, 0
        between the levels.
    """
    folded = np.zeros((pyramid.height // 2, pyramid.width // 2, 2, 2, 3), dtype=np.float32)
    for level in pyramid.levels:
        means = resize_picture(
            table,
            _even_bins(table.shape[0] - 1, level.height),
            _even_bins(table.shape[1] - 1, level.width),
        )
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
    start, end = bins(length, count)
    missing = (0, count % 2)
    return Bins(np.pad(start, missing, mode="edge"), np.pad(end, missing, mode="edge"))


def _even(number: int) -> int:
    return number + number % 2


def _round_up(number: int) -> int:
    return -(-number // _ROUND_TO) * _ROUND_TO
