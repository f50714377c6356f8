"""What pictures look like framed, hung and photographed: light, moldings, walls, shadows."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage

Light: TypeAlias = npt.NDArray[np.float32]
"""Linear light of shape (h, w, 3), 0 black and 1 the white of sRGB; or a field of (h, w)."""

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of each linear channel in the luminance, after ITU-R BT.709."""

_ROWS: Final = 64
"""Rows encoded at a time, so that a large picture needs little memory beside its own."""

# Off-white, gray, linen, sage, damask red and slate: what galleries hang on.
_WALLS: Final = np.array(
    [
        (236, 232, 224),
        (206, 204, 200),
        (178, 170, 156),
        (124, 140, 130),
        (118, 44, 46),
        (82, 94, 116),
    ]
)
# Bright and old gilding, walnut, ebony, oak; the first two shine.
MOLDINGS: Final = ((176, 136, 62), (150, 106, 48), (62, 40, 26), (34, 30, 28), (116, 76, 44))
_GILT: Final = 2

# Slope of the molding from its outer edge (0) to the picture (1), positive where it rises
# towards the picture: a steep outer side, a ridge, a long fall, a bead at the sight edge.
_PROFILE_PLACE: Final = (0.0, 0.1, 0.28, 0.36, 0.5, 0.78, 0.84, 0.9, 0.96, 1.0)
_PROFILE_SLOPE: Final = (1.6, 1.0, 0.5, 0.0, -0.7, -0.25, 0.0, 0.9, -0.9, -1.4)

_LAMP: Final = np.array([-0.35, -0.62, 0.70], np.float32)  # from the upper left, before it
_AMBIENT: Final = np.float32(0.35)


class EditedPicture(NamedTuple):
    """A copy, often of another size, and what was drawn for it at random, or fixed, by name.

    Angles are in degrees, lengths in pixels. `outlines` says of some edits where each picture is
    in the copy: its corners from the upper left clockwise, as it is looked at, shape (4, 2), in
    shares of the copy's width and height; a detail's lie outside of it.
    """

    pixels: RGBImage
    parameters: Mapping[str, float]
    outlines: tuple[npt.NDArray[np.floating], ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One way in which a copy differs, and its title for people: ``crop to 70 %``.

    `apply` takes so many `pictures`, and what draws at random.
    """

    title: str
    apply: Callable[..., EditedPicture]
    pictures: int = 1


@lru_cache(maxsize=1)
def _table() -> Light:
    encoded = np.arange(256) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def to_light(levels: npt.ArrayLike) -> Light:
    """Return the linear light of 8-bit sRGB levels, after IEC 61966-2-1."""
    return np.asarray(_table()[np.asarray(levels)])


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
    light = brightness[..., None] * to_light(_WALLS[index])
    return light, {"wall": index, "falloff": falloff, "light_angle": angle}


def frame_picture(image: RGBImage, border: int, random: np.random.Generator, molding: int) -> Light:
    """Return the picture in a frame with mitred corners, lit from the upper left.

    The rails throw a shadow on the picture's edge.
    """
    height, width = image.shape[:2]
    framed = _molding(height + 2 * border, width + 2 * border, border, molding, random)
    # Less light reaches the picture under the upper and left rails.
    reach = np.float32(max(0.25 * border, 0.5))
    down = 1 - np.float32(0.55) * np.exp(-np.arange(height, dtype=np.float32) / reach)
    across = 1 - np.float32(0.35) * np.exp(-np.arange(width, dtype=np.float32) / reach)
    shade = (down[:, None] * across)[..., None]
    framed[border : border + height, border : border + width] = to_light(image) * shade
    return framed


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
    # Which way is inward decides how the lamp falls on a slope; it changes at the mitres.
    one, none, is_end = np.float32(1), np.float32(0), from_ends < from_sides
    inward_y = np.where(is_end, np.where(down < height / 2, one, -one)[:, None], none)
    inward_x = np.where(is_end, none, np.where(across < width / 2, one, -one)[None, :])
    lamp = _LAMP / np.linalg.norm(_LAMP)
    facing = lamp[2] - slope * (inward_x * lamp[0] + inward_y * lamp[1])
    facing = np.maximum(facing / np.sqrt(1 + slope * slope), 0.0).astype(np.float32)
    shading = (_AMBIENT + facing) * _grain(height, width, 0.05, random)
    light: Light = shading[..., None] * to_light(MOLDINGS[index])
    if index < _GILT:
        light += (0.5 * facing**12)[..., None] * to_light((255, 236, 190))
    return light


def shadow_on_the_wall(
    across: Light, down: Light, framed: tuple[int, int], corner: tuple[float, float], border: float
) -> Light:
    """Return the light that a frame leaves the wall: a soft shadow, low and to the right.

    At places `across` and `down`, of a frame that is `framed` high and wide from its upper left
    `corner` (down, across) on.
    """
    offset, softness = 0.45 * border, max(0.4 * border, 0.5)

    def covered(place: Light, start: float, stop: float) -> Light:
        inside = np.minimum(place - start, stop - place) / softness
        return np.asarray(1 / (1 + np.exp(-np.clip(4 * inside, -30, 30))), np.float32)

    top, left = corner[0] + offset, corner[1] + 0.6 * offset
    rows = covered(down, top, top + framed[0])
    columns = covered(across, left, left + framed[1])
    return np.float32(1) - np.float32(0.6) * (rows * columns)


def _grain(height: int, width: int, strength: float, random: np.random.Generator) -> Light:
    grain: Light = random.standard_normal((height, width), np.float32)
    return np.float32(1) + np.float32(strength) * grain


def compress(image: RGBImage, quality: int) -> RGBImage:
    """Return the picture after JPEG compression, at a quality as libjpeg counts."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as decoded:
        return np.array(decoded.convert("RGB"))


def turn_axes(degrees: float, one: int, other: int) -> npt.NDArray[np.float64]:
    """Return the matrix that turns one axis of three towards another."""
    angle, turn = np.deg2rad(degrees), np.eye(3)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


def resample(image: RGBImage, back: npt.NDArray[np.floating], size: tuple[int, int]) -> Image.Image:
    """Return the picture as RGBA of `size`, where `back` leads from the result into it."""
    # A clear rim of a pixel: the edge is then blended like any other place.
    height, width = image.shape[:2]
    padded = np.zeros((height + 2, width + 2, 4), np.uint8)
    padded[..., :3] = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    padded[1:-1, 1:-1, 3] = 255
    back = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1.0]]) @ back
    coefficients = (back / back[2, 2]).ravel()[:8]
    return Image.fromarray(padded).transform(
        size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC
    )
