"""What manners of painting are made of: patches, strokes, outlines, weave and cracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, sobel, uniform_filter
from scipy.spatial import cKDTree

from artsim.ingest.sample_art.canvas import (
    Mask,
    Picture,
    blur,
    from_image,
    luma,
    noise,
    shade,
    smoothstep,
    to_image,
)


def kuwahara(picture: Picture, radius: int) -> Picture:
    """Return every pixel as the mean of its calmest corner: flat patches, sharp borders [1]_.

    .. [1] Kuwahara, Hachimura, Eiho & Kinoshita (1976). Processing of RI-angiocardiographic
       images. Digital Processing of Biomedical Images, 187-202.
    """
    size = radius + 1
    light = luma(picture)
    mean = uniform_filter(light, size)
    spread = uniform_filter(light * light, size) - mean * mean
    colors = uniform_filter(picture, (size, size, 1))
    half = (radius + 1) // 2
    best, result = None, picture
    for dy in (-half, half):
        for dx in (-half, half):
            here = _shifted(spread, dy, dx)
            there = _shifted(colors, dy, dx)
            if best is None:
                best, result = here.copy(), there.copy()
            else:
                calmer = here < best
                best[calmer] = here[calmer]
                result[calmer] = there[calmer]
    return result.astype(np.float32)


def brushed(
    random: np.random.Generator,
    picture: Picture,
    *,
    sizes: Sequence[int],
    length: float,
    jitter: float,
    relief: float = 0.0,
    swirl: Mask | None = None,
) -> Picture:
    """Return the picture in strokes along its forms, from the broadest brush to the finest [1]_.

    Finer strokes go only where the broad ones are off; `length` is in widths, `jitter` how
    far colors stray, `relief` how strongly the light catches the paint's ridges, and
    `swirl` an angle for places without a form of their own.

    .. [1] Hertzmann (1998). Painterly rendering with curved brush strokes of multiple
       sizes. SIGGRAPH, 453-460.
    """
    canvas = to_image(blur(picture, sizes[0]))
    height = Image.new("L", canvas.size, 128)
    for size in sizes:
        reference = blur(picture, size * 0.35)
        error = np.abs(from_image(canvas) - reference).sum(axis=-1)
        threshold = 0.0 if size == sizes[0] else 0.09
        angle = _flow(picture, size, swirl)
        _draw_strokes(
            random, (canvas, height), reference, error > threshold, angle, size, length, jitter
        )
    result = from_image(canvas)
    if relief > 0:
        ridges = gaussian_filter(np.asarray(height, np.float32) / 255, 0.8)
        lit = np.gradient(ridges, axis=0) + np.gradient(ridges, axis=1)
        result = result * (1 - relief * np.clip(lit * 5, -1, 1))[..., None]
    return np.clip(result, 0, 1).astype(np.float32)


def _draw_strokes(
    random: np.random.Generator,
    canvases: tuple[Image.Image, Image.Image],
    reference: Picture,
    wanted: npt.NDArray[np.bool_],
    angle: Mask,
    size: int,
    length: float,
    jitter: float,
) -> None:
    shape = reference.shape[:2]
    y, x = jittered_grid(random, shape, size * 0.72)
    keep = wanted[y.astype(int), x.astype(int)]
    order = random.permutation(int(keep.sum()))
    x, y = x[keep][order], y[keep][order]
    tone = random.normal(0, jitter, (len(x), 1)) + random.normal(0, jitter / 2, (len(x), 3))
    colors = np.clip(reference[y.astype(int), x.astype(int)] + tone, 0, 1)
    ink = np.rint(colors * 255).astype(int).tolist()
    ridge = random.integers(60, 200, len(x)).tolist()
    path = [(x, y)]
    for _ in range(2):
        at_x = np.clip(path[-1][0], 0, shape[1] - 1).astype(int)
        at_y = np.clip(path[-1][1], 0, shape[0] - 1).astype(int)
        theta = angle[at_y, at_x]
        step = size * length / 2 * random.uniform(0.6, 1.2, len(x))
        path.append((path[-1][0] + step * np.cos(theta), path[-1][1] + step * np.sin(theta)))
    points = np.stack([np.stack(point, axis=-1) for point in path], axis=1)
    points += (x[:, None] - points.mean(axis=1)[:, :1])[..., None] * (1, 0)
    picture, relief = ImageDraw.Draw(canvases[0]), ImageDraw.Draw(canvases[1])
    for line, color, up in zip(points.reshape(len(x), -1).tolist(), ink, ridge, strict=True):
        picture.line(line, fill=tuple(color), width=size)
        relief.line(line, fill=up, width=size)


def _flow(picture: Picture, size: int, swirl: Mask | None) -> Mask:
    """Return the direction along the forms, from the smoothed structure tensor."""
    light = gaussian_filter(luma(picture), 1.0)
    gx, gy = sobel(light, axis=1), sobel(light, axis=0)
    sigma = 2.0 + size * 0.6
    xx, yy, xy = (gaussian_filter(v, sigma) for v in (gx * gx, gy * gy, gx * gy))
    along = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    if swirl is None:
        return np.asarray(along, np.float32)
    strength = smoothstep(0.02, 0.2, np.sqrt(xx + yy).astype(np.float32))
    mixed = strength * np.exp(2j * along) + (1 - strength) * np.exp(2j * swirl)
    return np.asarray(np.angle(mixed) / 2, np.float32)


def jittered_grid(
    random: np.random.Generator, shape: tuple[int, ...], spacing: float
) -> tuple[Mask, Mask]:
    """Return y and x of one place in every cell of a grid, in no order."""
    rows, columns = int(shape[0] / spacing) + 1, int(shape[1] / spacing) + 1
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * spacing
    y, x = y + random.uniform(0, spacing, y.size), x + random.uniform(0, spacing, x.size)
    order = random.permutation(y.size)
    y, x = np.clip(y[order], 0, shape[0] - 1), np.clip(x[order], 0, shape[1] - 1)
    return y.astype(np.float32), x.astype(np.float32)


def _shifted(values: npt.NDArray[np.float32], dy: int, dx: int) -> npt.NDArray[np.float32]:
    rows = np.clip(np.arange(values.shape[0]) + dy, 0, values.shape[0] - 1)
    columns = np.clip(np.arange(values.shape[1]) + dx, 0, values.shape[1] - 1)
    return values[rows][:, columns]


def contours(picture: Picture, sigma: float) -> Mask:
    """Return dark outlines: where a fine blur is darker than a coarse one."""
    light = luma(picture)
    edge = gaussian_filter(light, sigma * 2.2) - gaussian_filter(light, sigma)
    return smoothstep(0.018, 0.05, edge.astype(np.float32))


def woven(random: np.random.Generator, picture: Picture, strength: float) -> Picture:
    """Return the picture with the threads of a canvas showing through."""
    h, w = picture.shape[:2]
    y, x = np.ogrid[:h, :w]
    threads = np.sin(2 * np.pi * x / 3.1) * 0.5 + np.sin(2 * np.pi * y / 2.9) * 0.5
    uneven = 0.4 + noise(random, (h, w), 12, octaves=2)
    lit = picture * (1 + strength * threads * uneven)[..., None]
    return np.asarray(np.clip(lit, 0, 1), np.float32)


def cracked(random: np.random.Generator, picture: Picture, cell: float, strength: float) -> Picture:
    """Return the picture with the cracks of aged paint, the borders of uneven cells."""
    h, w = (side // 2 for side in picture.shape[:2])
    y, x = np.mgrid[:h, :w].astype(np.float32)
    bend = cell * 0.6
    at = np.stack(
        [y + bend * noise(random, (h, w), cell), x + bend * noise(random, (h, w), cell)], axis=-1
    )
    seeds = random.uniform(0, (h + bend, w + bend), (max(4, int(4 * h * w / cell**2)), 2))
    away = cKDTree(seeds).query(at.reshape(-1, 2), k=2)[0]
    gap = (away[:, 1] - away[:, 0]).reshape(h, w).astype(np.float32)
    crack = 1 - smoothstep(0.1, 0.9, gap)
    crack *= smoothstep(0.3, 0.7, noise(random, (h, w), cell * 4))
    fine = Image.fromarray(crack).resize(picture.shape[1::-1], Image.Resampling.BILINEAR)
    result = np.clip(picture, 0, 1)
    shade(result, np.asarray(fine, np.float32), 1 - strength)
    return result
