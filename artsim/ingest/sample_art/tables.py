"""Things on tables for the sample collection: fruit, jugs, flowers."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from artsim.ingest.sample_art.canvas import (
    Color,
    Picture,
    Shape,
    blank,
    ellipse,
    lay,
    light_sphere,
    mix,
    noise,
    polygon,
    rgb,
    shade,
    smoothstep,
    stroke,
    vertical_gradient,
)


def still_life(
    random: np.random.Generator, shape: Shape, wall: Color, table: Color, *, grand: bool = False
) -> Picture:
    """Return fruit, a jug and a bowl on a table; a `grand` one has more of everything."""
    h, w = shape
    picture = vertical_gradient(shape, [(0, mix(wall, (0, 0, 0), 0.3)), (0.6, wall), (1, wall)])
    picture *= (0.8 + 0.35 * noise(random, shape, h / 3))[..., None]
    edge = h * random.uniform(0.55, 0.64)
    top = polygon(shape, [(0, edge), (w, edge - 0.03 * h), (w, h), (0, h)], soft=1)
    grain = noise(random, shape, h / 30, stretch=8)
    lay(
        picture,
        top,
        np.clip(blank(shape, table) * (0.7 + 0.5 * grain)[..., None], 0, 1).astype(np.float32),
    )
    _cloth(random, picture, edge)
    _jug(
        random,
        picture,
        w * random.uniform(0.2, 0.36),
        edge + 0.07 * h,
        h * random.uniform(0.38, 0.5),
    )
    if grand or random.random() < 0.5:
        _jug(
            random,
            picture,
            w * random.uniform(0.68, 0.86),
            edge + 0.05 * h,
            h * random.uniform(0.26, 0.36),
        )
    _bowl(random, picture, w * random.uniform(0.5, 0.62), edge + 0.1 * h, w * 0.17)
    for _ in range(7 if grand else 4):
        radius = h * random.uniform(0.045, 0.062)
        place = (w * random.uniform(0.12, 0.9), edge + h * random.uniform(0.16, 0.3))
        _fruit(random, picture, place, radius)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def flowers(random: np.random.Generator, shape: Shape, wall: Color, petals: list[Color]) -> Picture:
    """Return a bouquet in a vase."""
    h, w = shape
    picture = blank(shape, wall) * (0.7 + 0.5 * noise(random, shape, h / 2))[..., None]
    picture = picture.astype(np.float32)
    edge = h * 0.82
    lay(
        picture,
        polygon(shape, [(0, edge), (w, edge), (w, h), (0, h)], soft=2),
        mix(wall, rgb(0x503018), 0.6),
    )
    _jug(random, picture, w * 0.5, h * 0.9, h * 0.32)
    center, reach = (w * 0.5, h * 0.42), min(w, h) * 0.34
    for _ in range(110):
        turn, far = random.uniform(0, 2 * np.pi), reach * np.sqrt(random.random()) * 1.15
        leaf = (center[0] + far * np.cos(turn), center[1] + far * np.sin(turn))
        tip = (leaf[0] + 0.09 * h * np.cos(turn + 0.4), leaf[1] + 0.09 * h * np.sin(turn + 0.4))
        green = mix(rgb(0x1E3A1C), rgb(0x6A9040), random.random())
        lay(picture, stroke(shape, [leaf, tip], random.uniform(0.01, 0.028) * h, soft=1.5), green)
    for far in np.sqrt(np.sort(random.random(34))[::-1]):
        turn = random.uniform(0, 2 * np.pi)
        place = (center[0] + reach * far * np.cos(turn), center[1] + reach * far * np.sin(turn))
        _blossom(
            random,
            picture,
            place,
            h * random.uniform(0.045, 0.082),
            petals[int(random.integers(len(petals)))],
        )
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def _cloth(random: np.random.Generator, picture: Picture, edge: float) -> None:
    h, w = picture.shape[:2]
    x0 = w * random.uniform(0.38, 0.5)
    outline = [
        (x0, edge + 0.05 * h),
        (x0 + 0.4 * w, edge + 0.03 * h),
        (x0 + 0.46 * w, edge + 0.2 * h),
        (x0 + 0.34 * w, h),
        (x0 + 0.08 * w, h),
        (x0 - 0.05 * w, edge + 0.2 * h),
    ]
    folds = noise(random, (h, w), h / 4, octaves=3, stretch=0.5)
    linen = blank((h, w), rgb(0xEFE8DA)) * (0.55 + 0.55 * folds)[..., None]
    lay(picture, polygon((h, w), outline, soft=1.2), np.clip(linen, 0, 1).astype(np.float32))


def _jug(random: np.random.Generator, picture: Picture, x: float, foot: float, tall: float) -> None:
    """Paint a turned vessel: a profile, lit across like a cylinder."""
    h, w = picture.shape[:2]
    color = rgb(
        (0x2F5A4A, 0x8A4A2A, 0xC8C0B0, 0x3A4A7A, 0x5A3A2A, 0xB8903A)[int(random.integers(6))]
    )
    lay(
        picture,
        ellipse((h, w), (x + tall * 0.22, foot - 2), (tall * 0.42, tall * 0.08), soft=5),
        (0, 0, 0),
        0.5,
    )
    at = (0, 0.08, 0.3, 0.55, 0.75, 0.86, 0.95, 1)
    belly = random.uniform(0.2, 0.28)
    neck = belly * random.uniform(0.3, 0.5)
    profile = (
        belly * 0.6,
        belly * 0.75,
        belly,
        belly * 0.85,
        neck * 1.1,
        neck,
        neck * 1.1,
        neck * 1.3,
    )
    y, xs = np.mgrid[:h, :w].astype(np.float32)
    up = (foot - y) / tall
    half = PchipInterpolator(at, profile)(np.clip(up, 0, 1)).astype(np.float32) * tall
    across = (xs - x) / np.maximum(half, 1)
    inside = smoothstep(-0.04, 0.04, 1 - np.abs(across)) * (up > 0) * (up < 1)
    facing = np.clip(0.3 + 0.75 * np.sqrt(np.clip(1 - (across + 0.35) ** 2, 0, 1)), 0, 1.1)
    body = np.asarray(color, np.float32) * facing[..., None]
    shine = np.exp(-(((across + 0.45) / 0.1) ** 2 + ((up - 0.36) / 0.14) ** 2))
    body = np.clip(body + 0.7 * shine[..., None], 0, 1).astype(np.float32)
    lay(picture, inside.astype(np.float32), body)
    mouth = ellipse((h, w), (x, foot - tall), (neck * 1.25 * tall, neck * 0.3 * tall))
    lay(picture, mouth, mix(color, (0, 0, 0), 0.7))


def _bowl(random: np.random.Generator, picture: Picture, x: float, y: float, wide: float) -> None:
    shape = picture.shape[:2]
    color = rgb((0xD8D4C8, 0x4A6A9A, 0xA86A3A)[int(random.integers(3))])
    lay(
        picture,
        ellipse(shape, (x + wide * 0.3, y + wide * 0.52), (wide * 1.1, wide * 0.2), soft=5),
        (0, 0, 0),
        0.45,
    )
    body = ellipse(shape, (x, y), (wide, wide * 0.6)) * (np.arange(shape[0])[:, None] > y)
    lay(picture, body.astype(np.float32), color)
    shade(
        picture,
        body * ellipse(shape, (x + wide * 0.7, y + wide * 0.3), (wide * 0.8, wide * 0.7), soft=20),
        0.45,
    )
    lay(picture, ellipse(shape, (x, y), (wide, wide * 0.24)), mix(color, (0, 0, 0), 0.55))
    for dx, dy in ((-0.55, -0.1), (0.5, -0.12), (0.0, -0.2), (-0.25, 0.02), (0.28, 0.0)):
        _fruit(random, picture, (x + wide * dx, y + wide * dy), wide * 0.28, shadow=False)
    rim = ellipse(shape, (x, y + 2), (wide, wide * 0.24)) * (
        np.arange(shape[0])[:, None] > y + wide * 0.16
    )
    lay(picture, rim.astype(np.float32), mix(color, (1, 1, 1), 0.2))


def _fruit(
    random: np.random.Generator,
    picture: Picture,
    at: tuple[float, float],
    radius: float,
    *,
    shadow: bool = True,
) -> None:
    color = rgb(
        (0xC8342A, 0xE08A2A, 0xE8C83A, 0x8AA83A, 0x7A2A4A, 0xD86A3A)[int(random.integers(6))]
    )
    shape = picture.shape[:2]
    if shadow:
        lay(
            picture,
            ellipse(
                shape,
                (at[0] + radius * 0.6, at[1] + radius * 0.8),
                (radius * 1.4, radius * 0.4),
                soft=4,
            ),
            (0, 0, 0),
            0.5,
        )
    light_sphere(picture, at, (radius * random.uniform(1.0, 1.15), radius), color)
    stem = [(at[0], at[1] - radius * 0.85), (at[0] + radius * 0.15, at[1] - radius * 1.25)]
    lay(picture, stroke(shape, stem, max(1.2, radius * 0.09)), rgb(0x3A2A18))


def _blossom(
    random: np.random.Generator,
    picture: Picture,
    at: tuple[float, float],
    size: float,
    color: Color,
) -> None:
    shape = picture.shape[:2]
    count = int(random.integers(5, 9))
    start = random.uniform(0, np.pi)
    for ring, dark in ((1.0, 0.25), (0.62, 0.0)):
        for k in range(count):
            turn = start + 2 * np.pi * k / count + ring
            petal = (
                at[0] + size * 0.6 * ring * np.cos(turn),
                at[1] + size * 0.6 * ring * np.sin(turn),
            )
            tone = mix(mix(color, (0, 0, 0), dark), (1, 1, 1), 0.25 * max(0.0, -np.sin(turn + 0.6)))
            lay(
                picture,
                ellipse(shape, petal, (size * 0.45 * ring, size * 0.45 * ring), soft=1.2),
                tone,
                0.95,
            )
    lay(picture, ellipse(shape, at, (size * 0.2, size * 0.2), soft=1), rgb(0xE8B83A))
