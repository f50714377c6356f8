"""Between sRGB levels and linear light, in which paint, glass and lamps multiply and add."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import RGBImage

Light: TypeAlias = npt.NDArray[np.float32]
"""Linear light of shape (h, w, 3); 0 is black, 1 the white of sRGB."""

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of each linear channel in the luminance, after ITU-R BT.709."""


def to_light(image: RGBImage) -> Light:
    """Return the linear light of 8-bit sRGB levels, after IEC 61966-2-1."""
    return _table()[image]


def to_levels(light: Light) -> RGBImage:
    """Return linear light as 8-bit sRGB levels; what is out of 0..1 is clipped."""
    clipped = np.clip(light, 0.0, 1.0)
    encoded = np.where(
        clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055
    )
    return np.rint(encoded * 255.0).astype(np.uint8)


def light_of(color: tuple[int, int, int]) -> Light:
    """Return the linear light of one sRGB color, shape (3,)."""
    light: Light = _table()[np.array(color)]
    return light


@lru_cache(maxsize=1)
def _table() -> Light:
    encoded = np.arange(256) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)
