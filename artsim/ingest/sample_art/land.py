"""Land and sky of the sample collection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from artsim.ingest.sample_art.canvas import (
    Color,
    Mask,
    Picture,
    Shape,
    blank,
    ellipse,
    lay,
    mix,
    noise,
    polygon,
    rgb,
    smoothstep,
    stroke,
    vertical_gradient,
)


@dataclass(frozen=True, slots=True)
class Light:
    """Colors of an hour of the day."""

    sky: Color
    horizon: Color
    cloud: Color
    far: Color
    near: Color
    leaf: Color
    water: Color
    sun: Color


NOON = Light(
    rgb(0x5B9BD5), rgb(0xD9E8F0), rgb(0xFFFDF5), rgb(0x8FB0B8), rgb(0x7FA04A), rgb(0x3F6B32),
    rgb(0x4F8FB5), rgb(0xFFF6D8),
)  # fmt: skip


MORNING = Light(
    rgb(0x9CB8DC), rgb(0xF6D9C4), rgb(0xFFE9E0), rgb(0xA9B2CF), rgb(0xA8B97A), rgb(0x5E7F55),
    rgb(0x8FB2CC), rgb(0xFFD9A8),
)  # fmt: skip


EVENING = Light(
    rgb(0x4A5A8C), rgb(0xF2A65A), rgb(0xE8845A), rgb(0x7A6A8A), rgb(0x6A5A32), rgb(0x3A3A22),
    rgb(0x7A6A7A), rgb(0xFFE08A),
)  # fmt: skip


STORM = Light(
    rgb(0x3A444F), rgb(0xA8A898), rgb(0x6A7075), rgb(0x55605F), rgb(0x55583A), rgb(0x2C3524),
    rgb(0x3C5258), rgb(0xE8E4D0),
)  # fmt: skip


NIGHT = Light(
    rgb(0x0B1430), rgb(0x2C4468), rgb(0x3A5070), rgb(0x1C2B48), rgb(0x14202C), rgb(0x0C1620),
    rgb(0x1A2C4C), rgb(0xF4EBC8),
)  # fmt: skip


FALL = Light(
    rgb(0x7FA6C8), rgb(0xF0E2C2), rgb(0xFFF4E0), rgb(0xA59A9A), rgb(0xB58A3C), rgb(0xB5561E),
    rgb(0x6A8FA5), rgb(0xFFE8B0),
)  # fmt: skip


def landscape(
    random: np.random.Generator,
    shape: Shape,
    light: Light,
    *,
    river: bool = False,
    cypresses: bool = False,
    haystacks: int = 0,
    house: bool = False,
) -> Picture:
    """Return hills under a sky, nearer ones darker and warmer, with trees in front."""
    h, w = shape
    picture = sky(random, shape, light, horizon=0.5)
    _hills(random, picture, light)
    if river:
        _river(random, picture, light)
    if house:
        x = w * random.uniform(0.25, 0.7)
        _house(picture, x, h * 0.66, h * 0.1, rgb(0xE8DCC4), rgb(0xA8452E))
    for _ in range(haystacks):
        _haystack(
            picture,
            random.uniform(0.1, 0.9) * w,
            random.uniform(0.72, 0.92) * h,
            h * random.uniform(0.06, 0.1),
        )
    for _ in range(int(random.integers(1, 4))):
        x, y = random.uniform(0.02, 0.98) * w, random.uniform(0.74, 0.9) * h
        if cypresses:
            _cypress(random, picture, x, y, h * random.uniform(0.25, 0.42), light)
        else:
            _tree(random, picture, x, y, h * random.uniform(0.14, 0.24), light)
    return np.clip(picture, 0, 1)


def _hills(random: np.random.Generator, picture: Picture, light: Light) -> None:
    h, w = shape = picture.shape[:2]
    for near in (0, 0.25, 0.5, 0.75, 1):
        base = h * (0.40 + 0.30 * near**1.4)
        rise = _ridge(random, w, w / (2 + 8 * near)) - 0.35
        ridge = base - h * (0.13 - 0.08 * near) * rise
        tilled = 0.78 + 0.45 * noise(random, shape, 10 + 30 * near, stretch=3)
        ground = blank(shape, mix(light.far, light.near, near)) * tilled[..., None]
        lay(picture, _below(shape, ridge), np.clip(ground, 0, 1).astype(np.float32))
        if 0 < near < 1:
            _trees_along(random, picture, ridge, light, size=h * (0.016 + 0.028 * near))


def sky(
    random: np.random.Generator,
    shape: Shape,
    light: Light,
    *,
    horizon: float,
    sun: tuple[float, float] | None = None,
    moon: bool = False,
) -> Picture:
    """Return a sky with clouds, and the sun or moon where there is one."""
    h, w = shape
    picture = vertical_gradient(
        shape, [(0, light.sky), (horizon, light.horizon), (1, light.horizon)]
    )
    at = sun or (w * random.uniform(0.2, 0.8), h * horizon * 0.45)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    glow = np.exp(-np.hypot(x - at[0], y - at[1]) / (0.22 * w)).astype(np.float32)
    lay(picture, glow, light.sun, 0.55)
    clouds = noise(random, shape, h / 5, octaves=5, stretch=2.6)
    cover = smoothstep(0.52, 0.78, clouds) * (0.35 + 0.65 * (1 - y / h))
    lay(picture, cover, light.cloud, 0.85)
    under = np.clip(np.roll(clouds, -6, axis=0) - clouds, 0, 1) * cover * 4
    lay(picture, np.clip(under, 0, 1).astype(np.float32), mix(light.sky, light.far, 0.5), 0.6)
    if sun is not None or moon:
        lay(picture, ellipse(shape, at, (h * 0.032, h * 0.032), soft=1), light.sun)
    return picture


def _ridge(random: np.random.Generator, width: int, cell: float) -> Mask:
    row: Mask = noise(random, (2, width), max(2.0, cell), octaves=5)[0]
    return row


def _below(shape: Shape, ridge: Mask) -> Mask:
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    return np.asarray(np.clip(y - ridge[None, :] + 0.5, 0, 1), np.float32)


def _trees_along(
    random: np.random.Generator, picture: Picture, ridge: Mask, light: Light, size: float
) -> None:
    shape = picture.shape[:2]
    for x in random.uniform(0, len(ridge), int(random.integers(6, 13))):
        top = float(ridge[min(int(x), len(ridge) - 1)])
        color = mix(light.far, light.leaf, 0.4 + 0.5 * random.random())
        for _ in range(int(random.integers(3, 8))):  # a copse, its crowns side by side
            crown = size * random.uniform(0.35, 0.8)
            at = (x + size * random.uniform(-1.6, 1.6), top - crown * 0.5)
            tone = mix(color, (0, 0, 0), random.uniform(0, 0.25))
            lay(picture, ellipse(shape, at, (crown * 0.9, crown), soft=1.2), tone, 0.9)


def _tree(
    random: np.random.Generator, picture: Picture, x: float, y: float, size: float, light: Light
) -> None:
    shape = picture.shape[:2]
    bark = mix(rgb(0x4A3626), light.leaf, 0.2)
    lay(picture, stroke(shape, [(x, y), (x + size * 0.05, y - size)], size * 0.12, soft=0.6), bark)
    lay(
        picture,
        ellipse(shape, (x + size * 0.3, y), (size * 0.9, size * 0.12), soft=4),
        (0, 0, 0),
        0.3,
    )
    for i in range(34):
        turn, far = random.uniform(0, 2 * np.pi), np.sqrt(random.random())
        at = (
            x + size * 0.75 * far * np.cos(turn),
            y - size * 1.35 + size * 0.62 * far * np.sin(turn),
        )
        lightness = 0.5 - 0.45 * np.cos(turn - 0.9) * far if i > 10 else 0.1
        leaf = mix(
            mix(light.leaf, (0, 0, 0), 0.35),
            mix(light.leaf, light.sun, 0.45),
            float(np.clip(1 - lightness, 0, 1)) if i > 10 else 0.1,
        )
        lay(picture, ellipse(shape, at, (size * 0.19, size * 0.15), soft=2), leaf, 0.85)


def _cypress(
    random: np.random.Generator, picture: Picture, x: float, y: float, size: float, light: Light
) -> None:
    shape = picture.shape[:2]
    dark = mix(light.leaf, (0, 0, 0), 0.4)
    lay(picture, ellipse(shape, (x, y - size / 2), (size * 0.13, size / 2), soft=2), dark)
    for _ in range(24):
        at = (x + size * random.uniform(-0.08, 0.03), y - size * random.uniform(0.1, 0.9))
        flame = [at, (at[0] + size * random.uniform(-0.03, 0.03), at[1] - size * 0.12)]
        lay(
            picture, stroke(shape, flame, size * 0.03, soft=1), mix(light.leaf, light.sun, 0.2), 0.7
        )


def _river(random: np.random.Generator, picture: Picture, light: Light) -> None:
    h, w = picture.shape[:2]
    t = np.linspace(0, 1, 24)
    middle = w * (0.5 + random.uniform(-0.1, 0.1) + 0.22 * np.sin(t * 4 + random.uniform(0, 6)) * t)
    y = h * (0.6 + 0.42 * t**1.3)
    half = w * (0.006 + 0.2 * t**2)
    bank = [*zip(middle - half, y, strict=True), *zip((middle + half)[::-1], y[::-1], strict=True)]
    water = (
        blank((h, w), light.water) * (0.8 + 0.4 * noise(random, (h, w), 8, stretch=7))[..., None]
    )
    mirror = picture[::-1] * 0.55 + np.asarray(light.horizon, np.float32) * 0.25
    water = np.clip(0.5 * water + 0.5 * mirror, 0, 1).astype(np.float32)
    lay(picture, polygon((h, w), [(float(a), float(b)) for a, b in bank], soft=1.2), water, 0.95)


def _house(picture: Picture, x: float, y: float, size: float, wall: Color, roof: Color) -> None:
    shape = picture.shape[:2]
    body = [(x, y), (x + size * 1.5, y), (x + size * 1.5, y - size * 0.8), (x, y - size * 0.8)]
    lay(picture, polygon(shape, body), wall)
    side = [
        (x + size, y),
        (x + size * 1.5, y),
        (x + size * 1.5, y - size * 0.8),
        (x + size, y - size * 0.8),
    ]
    lay(picture, polygon(shape, side), mix(wall, (0, 0, 0), 0.25))
    top = [
        (x - size * 0.1, y - size * 0.78),
        (x + size * 0.2, y - size * 1.35),
        (x + size * 1.3, y - size * 1.35),
        (x + size * 1.6, y - size * 0.78),
    ]
    lay(picture, polygon(shape, top), roof)
    for dx in (0.25, 0.62, 1.15):
        hole = [
            (x + size * dx, y - size * 0.55),
            (x + size * (dx + 0.15), y - size * 0.55),
            (x + size * (dx + 0.15), y - size * 0.28),
            (x + size * dx, y - size * 0.28),
        ]
        lay(picture, polygon(shape, hole), rgb(0x3A3A44))


def _haystack(picture: Picture, x: float, y: float, size: float) -> None:
    shape = picture.shape[:2]
    lay(
        picture,
        ellipse(shape, (x + size * 0.7, y), (size * 1.6, size * 0.25), soft=3),
        rgb(0x3A2C4A),
        0.5,
    )
    side = [
        (x - size, y),
        (x - size * 0.8, y - size * 0.7),
        (x, y - size * 1.5),
        (x + size * 0.8, y - size * 0.7),
        (x + size, y),
    ]
    stack = polygon(shape, side, soft=1.5)
    lay(picture, stack, rgb(0xD8A548))
    lay(
        picture,
        stack * ellipse(shape, (x + size, y - size * 0.4), (size, size), soft=8),
        rgb(0x7A4A5A),
        0.7,
    )
