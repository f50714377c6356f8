"""The sea, and a town on its canal, for the sample collection."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from artsim.ingest.sample_art.canvas import (
    Color,
    Picture,
    Shape,
    blank,
    ellipse,
    lay,
    mix,
    noise,
    placed,
    polygon,
    rectangle,
    rgb,
    shade,
    smoothstep,
    stroke,
    vertical_gradient,
)
from artsim.ingest.sample_art.land import Light, sky


def seascape(
    random: np.random.Generator,
    shape: Shape,
    light: Light,
    *,
    boats: int = 2,
    cliff: bool = False,
    waves: float = 1.0,
    moon: bool = False,
) -> Picture:
    """Return the sea under a sky, with the light's path on it, boats and a cliff."""
    h, w = shape
    horizon = random.uniform(0.42, 0.55)
    sun = (w * random.uniform(0.3, 0.7), h * horizon * random.uniform(0.3, 0.75))
    picture = sky(random, shape, light, horizon=horizon, sun=sun, moon=moon)
    _sea(random, picture, horizon, light, sun[0], waves)
    if cliff:
        _cliff(random, picture, horizon, light)
    for i in range(boats):
        far = random.uniform(0.05, 0.75) if i else 0.6
        _boat(
            random,
            picture,
            w * (0.12 + 0.76 * (i + random.uniform(0.2, 0.8)) / boats),
            h * (horizon + (0.95 - horizon) * far * 0.6),
            h * (0.05 + 0.2 * far),
            light,
        )
    return np.clip(picture, 0, 1)


def _cliff(random: np.random.Generator, picture: Picture, horizon: float, light: Light) -> None:
    h, w = shape = picture.shape[:2]
    side = float(random.choice([-1, 1]))
    face = placed(
        (w * (0.5 + 0.1 * side), h * horizon),
        (side * w, h),
        ((0, 0.02), (0.08, -0.2), (0.25, -0.27), (0.7, -0.33), (0.7, 0.14), (0.2, 0.08)),
    )
    strata = 0.5 + 0.8 * noise(random, shape, h / 8, stretch=0.3)
    stone = blank(shape, mix(light.far, rgb(0xC8B090), 0.5)) * strata[..., None]
    lay(picture, polygon(shape, face, soft=1), np.clip(stone, 0, 1).astype(np.float32))


def town(random: np.random.Generator, shape: Shape, light: Light, *, lit: float = 0.0) -> Picture:
    """Return a row of gabled houses along a canal, their windows `lit` or dark."""
    h, w = shape
    picture = sky(random, shape, light, horizon=0.6, moon=lit > 0)
    quay = int(h * 0.66)
    x = -0.02 * w
    bricks = [
        rgb(0xA0583C),
        rgb(0xC08A5A),
        rgb(0x8A4A3A),
        rgb(0xD0B890),
        rgb(0x7A6A5A),
        rgb(0xB87050),
    ]
    _church(
        picture, w * random.uniform(0.2, 0.8), h * 0.3, w * 0.05, mix(light.far, (0, 0, 0), 0.15)
    )
    while x < w:
        wide, tall = w * random.uniform(0.09, 0.15), h * random.uniform(0.26, 0.42)
        wall = mix(bricks[int(random.integers(len(bricks)))], light.far, 0.25 + 0.5 * (lit > 0))
        _gabled_house(random, picture, (x, quay), (wide, tall), wall, lit)
        x += wide
    _reflect(random, picture, quay, light)
    return np.clip(picture, 0, 1)


def _sea(
    random: np.random.Generator,
    picture: Picture,
    horizon: float,
    light: Light,
    sun_x: float,
    waves: float,
) -> None:
    """Paint waves in perspective: one texture, looked up by distance."""
    h, w = picture.shape[:2]
    top = int(h * horizon)
    y, x = np.mgrid[top:h, :w].astype(np.float32)
    near = (y - top + 2) / (h - top)
    far = 1 / near
    texture = noise(random, (512, 512), 40, octaves=5, stretch=2.2)
    rows = np.minimum(far * 22, 5e4)
    height = map_coordinates(
        texture, (rows % 511, ((x - w / 2) * far * 0.35 + 250) % 511), order=1, mode="wrap"
    )
    height = (height - 0.5) * np.clip(near * 2.2, 0.12, 1) * waves
    deep = vertical_gradient(
        (h - top, w),
        [
            (0, mix(light.water, light.horizon, 0.55)),
            (0.4, light.water),
            (1, mix(light.water, (0, 0, 0), 0.35)),
        ],
    )
    sea = deep * (1 + 1.3 * height)[..., None]
    foam = smoothstep(0.2, 0.34, height) * np.float32(0.8)
    lay(sea, foam, mix(light.cloud, (1, 1, 1), 0.4))
    path = np.exp(-(((x - sun_x) / (w * (0.03 + 0.1 * near))) ** 2)) * smoothstep(
        -0.05, 0.12, height + 0.04
    )
    lay(sea, np.clip(path, 0, 1).astype(np.float32), light.sun, 0.75)
    picture[top:] = sea


def _boat(
    random: np.random.Generator, picture: Picture, x: float, y: float, size: float, light: Light
) -> None:
    shape = picture.shape[:2]
    lay(
        picture,
        ellipse(shape, (x, y + size * 0.16), (size * 0.55, size * 0.12), soft=3),
        (0.05, 0.08, 0.1),
        0.45,
    )
    hull = [
        (x - size * 0.5, y - size * 0.06),
        (x - size * 0.36, y + size * 0.13),
        (x + size * 0.34, y + size * 0.13),
        (x + size * 0.55, y - size * 0.1),
    ]
    lay(picture, polygon(shape, hull, soft=0.6), mix(rgb(0x5A3220), light.far, 0.2))
    mast = [(x, y), (x + size * 0.02, y - size * 1.25)]
    lay(picture, stroke(shape, mast, max(1.0, size * 0.03)), rgb(0x3A2A1E))
    cloth = mix(
        rgb((0xF0E4CC, 0xC86A3A, 0xE8D8B0, 0x9A4A3A)[int(random.integers(4))]), light.horizon, 0.2
    )
    main = [
        (x + size * 0.04, y - size * 1.2),
        (x + size * 0.06, y - size * 0.12),
        (x + size * 0.5, y - size * 0.16),
        (x + size * 0.36, y - size * 0.6),
    ]
    lay(picture, polygon(shape, main, soft=0.7), cloth)
    jib = [
        (x - size * 0.02, y - size * 1.1),
        (x - size * 0.03, y - size * 0.14),
        (x - size * 0.45, y - size * 0.16),
    ]
    lay(picture, polygon(shape, jib, soft=0.7), mix(cloth, (0, 0, 0), 0.18))


def _gabled_house(
    random: np.random.Generator,
    picture: Picture,
    foot: tuple[float, float],
    size: tuple[float, float],
    wall: Color,
    lit: float,
) -> None:
    shape = picture.shape[:2]
    wide, tall = size
    gable = ((0.15, 1.1), (0.3, 1.12), (0.5, 1.28), (0.7, 1.12), (0.85, 1.1))
    front = placed(foot, (wide, -tall), ((0, 0), (0, 1), *gable, (1, 1), (1, 0)))
    lay(picture, polygon(shape, front), wall)
    x, y = foot
    shade(picture, rectangle(shape, (x + wide * 0.93, y - tall), (wide * 0.07, tall)), 0.6)
    rows, columns = max(2, round(tall / (wide * 0.55))), 2 if wide < 60 else 3
    for row in range(rows):
        for column in range(columns):
            corner = (
                x + wide * (0.14 + 0.74 * column / columns),
                y - tall * 0.95 + tall * row / rows,
            )
            window = rectangle(shape, corner, (wide * 0.15, tall * 0.55 / rows))
            glass = rgb(0xF8C860) if random.random() < lit else mix(wall, rgb(0x202430), 0.75)
            lay(picture, window, glass)


def _church(picture: Picture, x: float, y: float, wide: float, color: Color) -> None:
    shape = picture.shape[:2]
    spire = [
        (x, y - wide * 2.6),
        (x + wide * 0.5, y - wide * 0.2),
        (x + wide * 0.5, y + wide),
        (x - wide * 0.5, y + wide),
        (x - wide * 0.5, y - wide * 0.2),
    ]
    behind = polygon(shape, spire, soft=0.8)
    lay(picture, behind, color, 0.9)


def _reflect(random: np.random.Generator, picture: Picture, quay: int, light: Light) -> None:
    h, w = picture.shape[:2]
    y, x = np.mgrid[quay:h, :w].astype(np.float32)
    ripple = (
        (noise(random, (h - quay, w), 7, stretch=6) - 0.5) * 16 * ((y - quay) / (h - quay) + 0.15)
    )
    source = np.clip(2 * quay - y + ripple * 0.8, 0, quay - 1), np.clip(x + ripple, 0, w - 1)
    mirrored = np.stack(
        [map_coordinates(picture[..., c], source, order=1) for c in range(3)], axis=-1
    )
    picture[quay:] = mirrored * 0.62 + np.asarray(light.water, np.float32) * 0.3
    lay(
        picture,
        polygon((h, w), [(0, quay - 5), (w, quay - 5), (w, quay + 3), (0, quay + 3)]),
        mix(light.near, rgb(0x504840), 0.6),
    )
