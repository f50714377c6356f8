"""What time does to color: faded prints and yellowed varnish.

Both work on linear light, where a layer of dye or varnish multiplies.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.images.light import LUMINANCE, Light, light_of, to_levels, to_light

_DEEPEST_BLACK = np.float32(0.008)  # a print's black still returns about 0.8 % of the light
_PAPER = (243, 233, 212)
_HAZE = (196, 160, 104)

# Optical density of an old dammar varnish in red, green and blue, where blue is 1: its
# absorption rises steeply towards short waves.
_VARNISH_DENSITY = np.array([0.16, 0.42, 1.0], np.float32)


def gray(image: RGBImage) -> RGBImage:
    """Return the picture as a black-and-white photograph: BT.601 luma in three channels."""
    luma = Image.fromarray(np.ascontiguousarray(image)).convert("L")
    return np.array(luma.convert("RGB"))


def fade(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture as a color print that lay in the light for decades.

    Each dye keeps only a part of its density, not the same part of each; so blacks turn
    gray, contrast falls and a cast remains. Colors are mixed with their luminance, and
    the paper has yellowed a little.
    """
    kept = random.uniform(0.5, 0.72)
    casts = random.uniform(-0.08, 0.08, 3)
    saturation = random.uniform(0.45, 0.7)
    light = np.maximum(to_light(image), _DEEPEST_BLACK)
    light **= (kept + casts).astype(np.float32)  # density is minus the logarithm of light
    luminance = (light @ LUMINANCE)[..., None]
    light = luminance + np.float32(saturation) * (light - luminance)
    light *= light_of(_PAPER)
    return to_levels(light), {
        "density_kept": kept,
        **dict(zip(("cast_red", "cast_green", "cast_blue"), map(float, casts), strict=True)),
        "saturation": saturation,
    }


def varnish(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture under a yellowed varnish of uneven thickness.

    The varnish absorbs blue most and red least, and scatters a little light, which
    lowers the contrast. The camera makes up for half of the loss of light.
    """
    density = random.uniform(0.6, 1.1)
    haze = random.uniform(0.015, 0.045)
    height, width = image.shape[:2]
    thickness = _uneven(height, width, random)[..., None]
    passed = np.exp(-np.float32(density) * thickness * _VARNISH_DENSITY)
    light = to_light(image) * passed
    light += np.float32(haze) * (light_of(_HAZE) - light)
    exposure = float(np.exp(-density * _VARNISH_DENSITY) @ LUMINANCE) ** -0.5
    light *= np.float32(exposure)
    return to_levels(light), {"density": density, "haze": haze, "exposure": exposure}


def _uneven(height: int, width: int, random: np.random.Generator) -> Light:
    """Return a smooth field of about 0.75 to 1.25, shape (height, width)."""
    coarse = random.uniform(0.75, 1.25, (5, 5)).astype(np.float32)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
