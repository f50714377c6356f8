"""A picture photographed askew: a small rotation, or a camera that stands aside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.images.edit_wall import paint_wall, reference_length
from artsim.images.light import to_levels

_Homography = npt.NDArray[np.float64]
_LEAST_AREA = 0.6  # of the picture that trimming may leave; else the wall is shown


def rotate(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture turned by 1 to 3 degrees either way.

    The wall shows in the corners, or the edges are trimmed off, as someone lays a
    scan straight or does not.
    """
    degrees = float(random.uniform(1.0, 3.0) * random.choice((-1, 1)))
    angle = np.deg2rad(degrees)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    warped, parameters = _photograph(image, turn, random)
    return warped, {"degrees": degrees, **parameters}


def view_aside(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture as a camera sees it from one side and from above or below.

    A pinhole camera at 1.2 to 2 diagonals turns by 8 to 18 degrees sideways and by 3 to 9
    up or down, which moves the corners by some percent of the sides.
    """
    height, width = image.shape[:2]
    yaw = float(random.uniform(8.0, 18.0) * random.choice((-1, 1)))
    pitch = float(random.uniform(3.0, 9.0) * random.choice((-1, 1)))
    diagonals = float(random.uniform(1.2, 2.0))
    focus = diagonals * np.hypot(height, width)
    about_y, about_x = np.deg2rad(yaw), np.deg2rad(pitch)
    turn_y = np.array(
        [
            [np.cos(about_y), 0, np.sin(about_y)],
            [0, 1, 0],
            [-np.sin(about_y), 0, np.cos(about_y)],
        ]
    )
    turn_x = np.array(
        [
            [1, 0, 0],
            [0, np.cos(about_x), -np.sin(about_x)],
            [0, np.sin(about_x), np.cos(about_x)],
        ]
    )
    # A point (x, y, 0) of the picture, turned and put at `focus`, is projected at x / z.
    view = (turn_x @ turn_y).copy()
    view[:, 2] = (0, 0, focus)
    view = np.diag([focus, focus, 1.0]) @ view
    warped, parameters = _photograph(image, view, random)
    return warped, {"yaw": yaw, "pitch": pitch, "diagonals": diagonals, **parameters}


def _photograph(
    image: RGBImage, view: _Homography, random: np.random.Generator
) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture under `view`, a homography about its center.

    Trimmed to a rectangle inside it, or with a little of the wall around it.
    """
    height, width = image.shape[:2]
    view = view @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    x, y = _project(view, np.array([0, width, width, 0.0]), np.array([0, 0, height, height]))
    left, right = max(x[0], x[3]), min(x[1], x[2])
    top, bottom = max(y[0], y[1]), min(y[2], y[3])
    area = max(right - left, 0) * max(bottom - top, 0)
    show_wall = bool(random.integers(2)) or area < _LEAST_AREA * width * height
    if show_wall:
        margin = random.uniform(0.01, 0.04) * reference_length(height, width)
        left, right = x.min() - margin, x.max() + margin
        top, bottom = y.min() - margin, y.max() + margin
    size = max(1, round(right - left)), max(1, round(bottom - top))
    placed: _Homography = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ view
    warped = _resample(image, np.asarray(np.linalg.inv(placed), np.float64), size)
    wall, parameters = paint_wall(size[1], size[0], random)
    if not show_wall:
        return np.array(warped.convert("RGB")), {"shows_wall": 0.0}
    scene = Image.fromarray(to_levels(wall))
    scene.paste(warped.convert("RGB"), mask=warped.getchannel("A"))
    return np.array(scene), {"shows_wall": 1.0, **parameters}


def _project(
    view: _Homography, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    across, down, depth = view @ np.stack([x, y, np.ones_like(x)])
    return np.stack([across / depth, down / depth])


def _resample(image: RGBImage, back: _Homography, size: tuple[int, int]) -> Image.Image:
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
