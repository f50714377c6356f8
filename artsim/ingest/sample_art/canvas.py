"""What the sample collection is painted with: noise, shapes and light on float pictures.

A picture here is a float32 array of shape (h, w, 3) with values in 0..1, a mask one of
shape (h, w). Functions that paint change their first argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

Picture: TypeAlias = npt.NDArray[np.float32]


Mask: TypeAlias = npt.NDArray[np.float32]


Color: TypeAlias = tuple[float, float, float]


Points: TypeAlias = Sequence[tuple[float, float]]


Shape: TypeAlias = tuple[int, int]


_OVERSAMPLING = 3


def rgb(code: int) -> Color:
    """Return the color of a hexadecimal ``0xRRGGBB``."""
    return ((code >> 16) / 255, (code >> 8 & 255) / 255, (code & 255) / 255)


def blank(shape: Shape, color: Color) -> Picture:
    """Return a picture of one color."""
    return np.full((*shape, 3), color, np.float32)


def mix(a: Color, b: Color, share: float) -> Color:
    """Return the color `share` of the way from `a` to `b`."""
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


def noise(
    random: np.random.Generator, shape: Shape, cell: float, *, octaves: int = 4, stretch: float = 1
) -> Mask:
    """Return fractal noise in 0..1, its largest grain `cell` high and `stretch` as wide."""
    total = np.zeros(shape, np.float32)
    weight = 1.0
    for _ in range(octaves):
        size = (
            max(2, round(shape[1] / (cell * stretch)) + 1),
            max(2, round(shape[0] / cell) + 1),
        )
        grid = Image.fromarray(random.random(size[::-1], dtype=np.float32))
        total += weight * np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC))
        weight *= 0.5
        cell = max(cell * 0.5, 1.0)
    spread = float(np.ptp(total)) or 1.0
    return np.asarray((total - total.min()) / spread, np.float32)


def smoothstep(low: float, high: float, values: Mask) -> Mask:
    """Return 0 below `low`, 1 above `high`, and a smooth way between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def soften(mask: Mask, sigma: float) -> Mask:
    """Return the mask blurred."""
    return gaussian_filter(mask, sigma).astype(np.float32) if sigma > 0 else mask


def blur(picture: Picture, sigma: float) -> Picture:
    """Return the picture blurred."""
    return np.asarray(gaussian_filter(picture, (sigma, sigma, 0)), np.float32)


def luma(picture: Picture) -> Mask:
    """Return how light the picture is, in 0..1."""
    return (picture @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.float32)


def placed(origin: tuple[float, float], size: tuple[float, float], points: Points) -> Points:
    """Return points given in units of `size` from `origin`."""
    return [(origin[0] + size[0] * x, origin[1] + size[1] * y) for x, y in points]


def rectangle(shape: Shape, corner: tuple[float, float], size: tuple[float, float]) -> Mask:
    """Return the mask of an upright rectangle, `corner` its upper left."""
    return polygon(shape, placed(corner, size, ((0, 0), (1, 0), (1, 1), (0, 1))))


def polygon(shape: Shape, points: Points, soft: float = 0.0) -> Mask:
    """Return the mask of a polygon, its corners as (x, y)."""
    return _drawn(shape, points, 0.0, soft)


def stroke(shape: Shape, points: Points, width: float, soft: float = 0.0) -> Mask:
    """Return the mask of a line through `points`."""
    return _drawn(shape, points, max(width, 1 / _OVERSAMPLING), soft)


def ellipse(
    shape: Shape, center: tuple[float, float], radii: tuple[float, float], soft: float = 0.0
) -> Mask:
    """Return the mask of an upright ellipse."""
    mask = np.zeros(shape, np.float32)
    edge = max(0.5, soft) / min(radii)
    reach = [radius * (1 + edge) + 1 for radius in radii]
    window = _window(
        shape,
        center[0] - reach[0],
        center[1] - reach[1],
        center[0] + reach[0],
        center[1] + reach[1],
    )
    y, x = np.ogrid[window]
    away = np.hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1])
    mask[window] = smoothstep(-edge, edge, (1 - away).astype(np.float32))
    return mask


def lay(picture: Picture, mask: Mask, paint: Color | Picture, opacity: float = 1.0) -> None:
    """Paint a color, or another picture, onto `picture` where the mask says."""
    window = _covered(mask)
    cover = (mask[window] * np.float32(opacity))[..., None]
    color = paint[window] if isinstance(paint, np.ndarray) else np.asarray(paint, np.float32)
    part = picture[window]
    part += cover * (color - part)


def shade(picture: Picture, mask: Mask, factor: float) -> None:
    """Darken or lighten `picture` by `factor` where the mask says."""
    window = _covered(mask)
    picture[window] *= 1 + (mask[window] * np.float32(factor - 1))[..., None]


def light_sphere(
    picture: Picture, center: tuple[float, float], radii: tuple[float, float], color: Color
) -> None:
    """Paint a ball, lit from the upper left, with its highlight and dark side."""
    x0, y0 = center
    reach_x, reach_y = radii[0] + 2, radii[1] + 2
    top, left = max(0, int(y0 - reach_y)), max(0, int(x0 - reach_x))
    part = picture[top : int(y0 + reach_y) + 1, left : int(x0 + reach_x) + 1]
    if part.size == 0:
        return
    y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32)
    nx, ny = (x - x0) / radii[0], (y - y0) / radii[1]
    away = np.hypot(nx, ny)
    nz = np.sqrt(np.clip(1 - away * away, 0, 1))
    facing = np.clip(-0.55 * nx - 0.6 * ny + 0.6 * nz, 0, 1)
    bounce = np.clip(0.5 * nx + 0.6 * ny, 0, 1) * 0.12
    body = np.asarray(color, np.float32) * (0.22 + 0.9 * facing + bounce)[..., None]
    shine = np.clip(1 - np.hypot(nx + 0.38, ny + 0.42) / 0.22, 0, 1) ** 2
    body = np.clip(body + 0.55 * shine[..., None], 0, 1).astype(np.float32)
    edge = 1.0 / max(2.0, min(radii))
    lay(part, smoothstep(-edge, edge, (1 - away).astype(np.float32)), body)


def vertical_gradient(shape: Shape, stops: Sequence[tuple[float, Color]]) -> Picture:
    """Return colors blended from top (0) to bottom (1) through `stops`."""
    at = np.linspace(0, 1, shape[0])
    places = [place for place, _ in stops]
    column = np.stack(
        [np.interp(at, places, [color[c] for _, color in stops]) for c in range(3)], axis=-1
    )
    return np.repeat(column[:, None], shape[1], axis=1).astype(np.float32)


def to_image(picture: Picture) -> Image.Image:
    """Return the picture in 8 bits."""
    return Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def from_image(image: Image.Image) -> Picture:
    """Return an RGB image as a float picture."""
    return (np.asarray(image.convert("RGB"), np.float32) / 255).astype(np.float32)


def _drawn(shape: Shape, points: Points, width: float, soft: float) -> Mask:
    mask = np.zeros(shape, np.float32)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    reach = width + 4 * soft + 2
    rows, columns = window = _window(
        shape, min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach
    )
    size = (columns.stop - columns.start, rows.stop - rows.start)
    if min(size) < 1:
        return mask
    k = _OVERSAMPLING
    image = Image.new("L", (size[0] * k, size[1] * k))
    local = [((x - columns.start) * k, (y - rows.start) * k) for x, y in points]
    if width > 0:
        ImageDraw.Draw(image).line(local, fill=255, width=max(1, round(width * k)), joint="curve")
    else:
        ImageDraw.Draw(image).polygon(local, fill=255)
    small = np.asarray(image.reduce(k), np.float32) / 255
    mask[window] = soften(small.astype(np.float32), soft)
    return mask


def _window(
    shape: Shape, left: float, top: float, right: float, bottom: float
) -> tuple[slice, slice]:
    """Return the rows and columns of `shape` that the rectangle touches; maybe none."""
    rows = np.clip([np.floor(top), np.ceil(bottom) + 1], 0, shape[0]).astype(int)
    columns = np.clip([np.floor(left), np.ceil(right) + 1], 0, shape[1]).astype(int)
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _covered(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns where the mask is not zero; most shapes are small."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return slice(0, 0), slice(0, 0)
    within = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(mask[within].any(axis=0))
    return within, slice(int(columns[0]), int(columns[-1]) + 1)
