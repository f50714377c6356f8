"""A painting as a visitor's photograph shows it: framed, on a lit wall."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.images.light import Light, light_of, to_levels, to_light

_Field = npt.NDArray[np.float32]

_WALLS: Final = (
    (236, 232, 224),
    (206, 204, 200),
    (178, 170, 156),
    (124, 140, 130),
    (118, 44, 46),
    (82, 94, 116),
)
"""Off-white, gray, linen, sage, damask red and slate: what galleries hang on."""

_MOLDINGS: Final = ((176, 136, 62), (150, 106, 48), (62, 40, 26), (34, 30, 28), (116, 76, 44))
"""Bright and old gilding, walnut, ebony, oak."""

_GILT: Final = 2  # the first so many moldings shine

# Slope of the molding from its outer edge (0) to the picture (1), positive where it rises
# towards the picture: a steep outer side, a ridge, a long fall, a bead at the sight edge.
_PROFILE_PLACE: Final = (0.0, 0.1, 0.28, 0.36, 0.5, 0.78, 0.84, 0.9, 0.96, 1.0)
_PROFILE_SLOPE: Final = (1.6, 1.0, 0.5, 0.0, -0.7, -0.25, 0.0, 0.9, -0.9, -1.4)

_LAMP: Final = np.array([-0.35, -0.62, 0.70], np.float32)  # from the upper left, before it
_AMBIENT: Final = np.float32(0.35)


def reference_length(height: int, width: int) -> float:
    """Return the pixels that borders are shares of: the short side, a strip's long / 10."""
    return max(min(height, width), max(height, width) / 10)


def paint_wall(
    height: int, width: int, random: np.random.Generator
) -> tuple[Light, dict[str, float]]:
    """Return a plain wall, lit a little from one side, as linear light."""
    index = int(random.integers(len(_WALLS)))
    falloff = random.uniform(0.1, 0.3)
    angle = random.uniform(0.0, 2 * np.pi)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
    brightness = np.float32(0.85) + np.float32(falloff) * (across[None, :] + down[:, None])
    brightness *= _grain(height, width, 0.012, random)
    light = brightness[..., None] * light_of(_WALLS[index])
    return light, {"wall": index, "falloff": falloff, "light_angle": angle}


def frame(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture in a molded frame with mitred corners, hanging on a wall.

    The frame is lit from the upper left; it throws a shadow on the picture's edge and
    one on the wall.
    """
    height, width = image.shape[:2]
    length = reference_length(height, width)
    border = max(1, round(random.uniform(0.07, 0.14) * length))
    top, right, bottom, left = (
        max(1, round(float(share) * length)) for share in random.uniform(0.05, 0.2, 4)
    )
    index = int(random.integers(len(_MOLDINGS)))
    framed = _molding(height + 2 * border, width + 2 * border, border, index, random)
    shade = _shade_of_the_frame(height, width, border)[..., None]
    framed[border : border + height, border : border + width] = to_light(image) * shade
    scene, parameters = paint_wall(
        framed.shape[0] + top + bottom, framed.shape[1] + left + right, random
    )
    scene *= _shadow_on_the_wall(scene.shape, framed.shape, (top, left), border)[..., None]
    scene[top : top + framed.shape[0], left : left + framed.shape[1]] = framed
    return to_levels(scene), {
        "border": border,
        "molding": index,
        "top": top,
        "right": right,
        "bottom": bottom,
        "left": left,
        **parameters,
    }


def _molding(
    height: int, width: int, border: int, index: int, random: np.random.Generator
) -> Light:
    """Return the frame's front, its inside yet empty."""
    down = np.arange(height, dtype=np.float32) + 0.5
    across = np.arange(width, dtype=np.float32) + 0.5
    from_ends = np.minimum(down, height - down)[:, None]
    from_sides = np.minimum(across, width - across)[None, :]
    depth = np.minimum(np.minimum(from_ends, from_sides) / border, 1.0)
    slope = np.interp(depth, _PROFILE_PLACE, _PROFILE_SLOPE).astype(np.float32)
    one, none = np.float32(1), np.float32(0)
    # Which way is inward decides how the lamp falls on a slope; it changes at the mitres.
    is_end = from_ends < from_sides
    inward_y = np.where(is_end, np.where(down < height / 2, one, -one)[:, None], none)
    inward_x = np.where(is_end, none, np.where(across < width / 2, one, -one)[None, :])
    lamp = _LAMP / np.linalg.norm(_LAMP)
    facing = lamp[2] - slope * (inward_x * lamp[0] + inward_y * lamp[1])
    facing = np.maximum(facing / np.sqrt(1 + slope * slope), 0.0).astype(np.float32)
    shading = (_AMBIENT + facing) * _grain(height, width, 0.05, random)
    light: Light = shading[..., None] * light_of(_MOLDINGS[index])
    if index < _GILT:
        light += (0.5 * facing**12)[..., None] * light_of((255, 236, 190))
    return light


def _shade_of_the_frame(height: int, width: int, border: int) -> _Field:
    """Return how much light reaches the picture: less under the upper and left rails."""
    reach = np.float32(max(0.25 * border, 0.5))
    down = 1 - np.float32(0.55) * np.exp(-np.arange(height, dtype=np.float32) / reach)
    across = 1 - np.float32(0.35) * np.exp(-np.arange(width, dtype=np.float32) / reach)
    light: _Field = down[:, None] * across[None, :]
    return light


def _shadow_on_the_wall(
    scene: tuple[int, ...], framed: tuple[int, ...], corner: tuple[int, int], border: int
) -> _Field:
    """Return the light that a frame leaves the wall: a soft shadow, low and to the right."""
    offset, softness = 0.45 * border, max(0.4 * border, 0.5)

    def covered(count: int, start: float, stop: float) -> _Field:
        place = np.arange(count, dtype=np.float32) + 0.5
        inside = np.minimum(place - start, stop - place) / softness
        return np.asarray(1 / (1 + np.exp(-np.clip(4 * inside, -30, 30))), np.float32)

    down = covered(scene[0], corner[0] + offset, corner[0] + offset + framed[0])
    across = covered(scene[1], corner[1] + 0.6 * offset, corner[1] + 0.6 * offset + framed[1])
    shadow: _Field = down[:, None] * across[None, :]
    return np.float32(1) - np.float32(0.6) * shadow


def _grain(height: int, width: int, strength: float, random: np.random.Generator) -> _Field:
    grain: _Field = random.standard_normal((height, width), np.float32)
    return np.float32(1) + np.float32(strength) * grain
