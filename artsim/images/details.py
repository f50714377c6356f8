"""Parts of pictures: the details of a painting, and windows in which paintings may hang.

Details are overlapping parts, cut alike out of every picture. In a photograph, paintings are looked
for by what is within a window and just around it, as in [1]_: where one hangs there are many edges,
and fewer on its frame and the wall. Of all windows only those are encoded that stand out most,
which takes a fifth of the time that a grid does, and finds more.

References
----------
.. [1] Alexe, Deselaers & Ferrari (2012). Measuring the objectness of image windows. PAMI 34.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, Crop, CutterOptions

COUNT: Final = 4  # parts across, and down
SHARE: Final = 1 / 3  # of a picture's sides; larger ones add nothing, see docs/quality.md
LEAST_SIDE: Final = 32
"""Pixels below which the short side of a part shows nothing that an encoder could tell apart."""

WINDOW_COUNT: Final = 48  # most windows of a photograph
_SIDE: Final = 128  # pixels of the longer side of the picture in which edges are looked for
_SIZES: Final = (0.15, 0.2, 0.27, 0.36, 0.48, 0.65, 0.85)
"""Square roots of windows' areas, in shares of the longer side."""

_ASPECTS: Final = (0.6, 0.8, 1.05, 1.4, 1.9)
_STEP: Final = 0.15  # of a window's side, from one to the next
_AROUND: Final = 0.2  # of its size, as which a window's surroundings count
_SHARED: Final = 0.7  # intersection over union from which on two windows are one
_STRONGEST: Final = 120.0  # step of the three channels together, so that no one edge decides

Rows: TypeAlias = npt.NDArray[np.float64]


def grid(width: int, height: int, count: int = COUNT, share: float = SHARE) -> list[Box]:
    """Return where `count` parts across and down lie, evenly and to the edges, row by row."""
    across, down = max(1, round(share * width)), max(1, round(share * height))
    lefts, tops = (
        [round(i * (whole - part) / max(count - 1, 1)) for i in range(count)]
        for whole, part in ((width, across), (height, down))
    )
    return [Box(left, top, across, down) for top in tops for left in lefts]


class DetailCutter:
    """Cutter of the kind ``details``; of a picture that is too small for parts it makes none."""

    identity: Final = f"grid-{COUNT}x{COUNT}@{SHARE:.3f}"

    def __init__(self, options: CutterOptions) -> None:
        """Take the options of all cutters, none of which is about details."""

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return the parts of `picture`, which is `width` pixels wide at its full size."""
        scale = width / picture.shape[1]
        boxes = grid(picture.shape[1], picture.shape[0])
        if min(boxes[0].width, boxes[0].height) < LEAST_SIDE:
            return []
        crops = []
        for box in boxes:
            whole = box.scaled(scale)
            sides = (whole.x, whole.y, whole.width, whole.height)
            crops.append(Crop(cut(picture, box), {"box": [round(float(s), 1) for s in sides]}))
        return crops


def cut(picture: RGBImage, box: Box) -> RGBImage:
    """Return the pixels of a box that lies within the picture."""
    left, top, width, height = (round(side) for side in (box.x, box.y, box.width, box.height))
    return picture[top : top + height, left : left + width]


def find_windows(picture: RGBImage) -> list[Box]:
    """Return the windows that stand out most, best first, at most `WINDOW_COUNT` of them."""
    height, width = picture.shape[:2]
    windows = _windows(width, height)
    windows = windows[np.argsort(-_contrast(picture, windows), kind="stable")]
    found: list[Box] = []
    while len(windows) and len(found) < WINDOW_COUNT:
        left, top, right, bottom = (round(float(side)) for side in windows[0])
        found.append(Box(left, top, right - left, bottom - top))
        windows = windows[_overlap(windows, windows[0]) < _SHARED]
    return found


def _windows(width: int, height: int) -> Rows:
    """Return left, top, right and bottom of every window of the sizes and aspects."""
    rows = []
    for size in _SIZES:
        for aspect in _ASPECTS:
            across = size * max(width, height) * aspect**0.5
            down = across / aspect
            if across <= width and down <= height:
                lefts, tops = _starts(width, across), _starts(height, down)
                left, top = (each.ravel() for each in np.meshgrid(lefts, tops))
                rows.append(np.column_stack([left, top, left + across, top + down]))
    return np.concatenate(rows) if rows else np.empty((0, 4))


def _starts(length: int, side: float) -> Rows:
    return np.linspace(0, length - side, int((length - side) / (_STEP * side)) + 1)


def _contrast(picture: RGBImage, windows: Rows) -> Rows:
    """Return how much more edges there are in each window than around it."""
    from PIL import Image

    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BOX)
    levels = np.asarray(small, np.float32)
    across = np.abs(np.diff(levels, axis=1, append=levels[:, -1:])).sum(axis=2)
    down = np.abs(np.diff(levels, axis=0, append=levels[-1:])).sum(axis=2)
    sums = np.pad(np.minimum(across + down, _STRONGEST).cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def edges(boxes: Rows) -> tuple[Rows, Rows]:
        x0, x1 = (np.clip(np.rint(boxes[:, i] * scale), 0, size[0]).astype(int) for i in (0, 2))
        y0, y1 = (np.clip(np.rint(boxes[:, i] * scale), 0, size[1]).astype(int) for i in (1, 3))
        inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
        return inside.astype(np.float64), ((x1 - x0) * (y1 - y0)).astype(np.float64)

    margin = _AROUND * np.sqrt(np.prod(windows[:, 2:] - windows[:, :2], axis=1))[:, None]
    within, area = edges(windows)
    both, larger = edges(windows + margin * (-1, -1, 1, 1))
    return within / np.maximum(area, 1) - (both - within) / np.maximum(larger - area, 1)


def _overlap(windows: Rows, one: Rows) -> Rows:
    """Return the intersection over union of each window with `one`."""
    sides = np.minimum(windows[:, 2:], one[2:]) - np.maximum(windows[:, :2], one[:2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
    return np.asarray(shared / (areas + np.prod(one[2:] - one[:2]) - shared))
