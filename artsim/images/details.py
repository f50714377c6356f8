"""The details of a painting: overlapping parts at two scales, cut alike out of every picture."""

from __future__ import annotations

from typing import Final

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, Crop, CutterOptions

GRIDS: Final = ((2, 0.6), (3, 0.4))
"""Parts across and down, and the share of the picture's sides that each of them has."""

LEAST_SIDE: Final = 32
"""Pixels below which the short side of a part shows nothing that an encoder could tell apart."""


def detail_boxes(width: int, height: int) -> list[Box]:
    """Return where the parts of a picture of that size lie, the larger ones first, row by row."""
    boxes = []
    for count, share in GRIDS:
        across, down = round(share * width), round(share * height)
        if min(across, down) < LEAST_SIDE:
            break
        lefts = [round(i * (width - across) / (count - 1)) for i in range(count)]
        tops = [round(i * (height - down) / (count - 1)) for i in range(count)]
        boxes += [Box(left, top, across, down) for top in tops for left in lefts]
    return boxes


class DetailCutter:
    """Cutter of the kind ``details``."""

    identity: Final = f"grid-{'-'.join(f'{n}x{n}@{share:g}' for n, share in GRIDS)}"

    def __init__(self, options: CutterOptions) -> None:
        """Take the options of all cutters, none of which is about details."""

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return the parts of `picture`, which is `width` pixels wide at its full size."""
        scale = width / picture.shape[1]
        return [
            Crop(cut(picture, box), {"box": _numbers(box.scaled(scale))})
            for box in detail_boxes(picture.shape[1], picture.shape[0])
        ]


def cut(picture: RGBImage, box: Box) -> RGBImage:
    """Return the pixels of a box that lies within the picture."""
    left, top, width, height = (round(side) for side in (box.x, box.y, box.width, box.height))
    return picture[top : top + height, left : left + width]


def _numbers(box: Box) -> list[float]:
    return [round(float(side), 1) for side in (box.x, box.y, box.width, box.height)]
