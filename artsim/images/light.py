"""Between sRGB levels and linear light, in which paint, glass and lamps multiply and add."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage

Light: TypeAlias = npt.NDArray[np.float32]
"""Linear light of shape (h, w, 3); 0 is black, 1 the white of sRGB."""

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of each linear channel in the luminance, after ITU-R BT.709."""

_ROWS: Final = 64
"""Rows encoded at a time, so that a large picture needs little memory beside its own."""


def to_light(image: RGBImage) -> Light:
    """Return the linear light of 8-bit sRGB levels, after IEC 61966-2-1."""
    return _table()[image]


def to_levels(light: Light) -> RGBImage:
    """Return linear light as 8-bit sRGB levels; what is out of 0..1 is clipped."""
    levels = np.empty(light.shape, np.uint8)
    for start in range(0, len(light), _ROWS):
        rows = slice(start, start + _ROWS)
        clipped = np.clip(light[rows], 0.0, 1.0)
        encoded = np.where(
            clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055
        )
        levels[rows] = np.rint(encoded * 255.0)
    return levels


def light_of(color: tuple[int, int, int]) -> Light:
    """Return the linear light of one sRGB color, shape (3,)."""
    light: Light = _table()[np.array(color)]
    return light


@lru_cache(maxsize=1)
def _table() -> Light:
    encoded = np.arange(256) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)
