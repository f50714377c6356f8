"""From a picture of any size to the square that a network takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage

if TYPE_CHECKING:
    from PIL import Image

Fit = Literal["squash", "crop"]
"""`squash` shows the whole picture, its sides scaled apart; `crop` its center, undistorted."""

Interpolation = Literal["bilinear", "bicubic", "lanczos", "nearest"]

Triple = tuple[float, float, float]

IMAGENET_MEAN: Final[Triple] = (0.485, 0.456, 0.406)
IMAGENET_STD: Final[Triple] = (0.229, 0.224, 0.225)

_LONGEST: Final = 16
"""Aspect ratio beyond which the ends of a strip go before it is enlarged."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What a network expects of its input."""

    height: int  # of the input, in pixels
    width: int
    fit: Fit = "squash"
    crop_share: float = 1.0  # with ``crop``: the cut-out's side, relative to the short one
    interpolation: Interpolation = "bicubic"  # Pillow's filter, low-pass where it shrinks
    mean: Triple = IMAGENET_MEAN  # by channel (red, green, blue), for values in 0..1
    std: Triple = IMAGENET_STD

    def fit_image(self, image: RGBImage) -> npt.NDArray[np.uint8]:
        """Return the picture at the network's size: uint8, shape (height, width, 3).

        With ``crop`` the same pixels as torchvision's ``Resize`` and ``CenterCrop``.
        """
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(image))
        resample = Image.Resampling[self.interpolation.upper()]
        if self.fit == "squash":
            return np.asarray(picture.resize((self.width, self.height), resample))
        picture = _without_far_ends(picture)
        width, height = self._size_before_crop(picture.width, picture.height)
        picture = picture.resize((width, height), resample)
        left = round((width - self.width) / 2)
        top = round((height - self.height) / 2)
        return np.asarray(picture.crop((left, top, left + self.width, top + self.height)))

    def _size_before_crop(self, width: int, height: int) -> tuple[int, int]:
        short = math.floor(min(self.width, self.height) / self.crop_share)
        short = max(short, self.width, self.height)
        if width <= height:
            return short, int(short * height / width)
        return int(short * width / height), short


def _without_far_ends(picture: Image.Image) -> Image.Image:
    """Cut the middle out of a very long strip, which enlarged would fill the memory."""
    width, height = picture.size
    longest = _LONGEST * min(width, height)
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    if left == top == 0:
        return picture
    return picture.crop((left, top, width - left, height - top))
