"""The details of a painting: overlapping parts of it, cut alike out of every picture."""

from __future__ import annotations

from typing import Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, Crop, CutterOptions

COUNT: Final = 4
"""Parts across, and down."""

SHARE: Final = 1 / 3
"""Of the picture's sides, that each part has: larger ones add nothing, see docs/quality.md."""

LEAST_SIDE: Final = 32
"""Pixels below which the short side of a part shows nothing that an encoder could tell apart."""


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
        return [Crop(cut(picture, box), {"box": _numbers(box.scaled(scale))}) for box in boxes]


def cut(picture: RGBImage, box: Box) -> RGBImage:
    """Return the pixels of a box that lies within the picture."""
    left, top, width, height = (round(side) for side in (box.x, box.y, box.width, box.height))
    return picture[top : top + height, left : left + width]


def _numbers(box: Box) -> list[float]:
    return [round(float(side), 1) for side in (box.x, box.y, box.width, box.height)]
