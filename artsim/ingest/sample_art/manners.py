"""Manners of painting for the sample collection: each makes a picture look made by hand.

Every manner is a function of a random generator and a float picture that returns a new
one of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from artsim.ingest.sample_art.brushes import (
    brushed,
    contours,
    cracked,
    jittered_grid,
    kuwahara,
    woven,
)
from artsim.ingest.sample_art.canvas import (
    Mask,
    Picture,
    blank,
    blur,
    from_image,
    lay,
    luma,
    noise,
    rgb,
    smoothstep,
    to_image,
)

Manner: TypeAlias = Callable[[np.random.Generator, Picture], Picture]


_WARM: Final = np.array([1.05, 0.97, 0.78], np.float32)


def old_master(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it as an oil of the 17th century: deep shadows, brown varnish, craquelure."""
    painted = kuwahara(picture, 2)
    light = luma(painted)[..., None]
    painted = np.clip(painted * (0.32 + 0.72 * smoothstep(0.05, 0.75, light)), 0, 1)
    # Old masters hide their strokes: half of what is seen is smooth.
    painted = 0.5 * painted + 0.5 * brushed(random, painted, sizes=(6, 3), length=3.0, jitter=0.035)
    painted = _vignette(painted, 0.55) * _WARM
    return cracked(random, woven(random, painted, 0.03), cell=17, strength=0.22)


def fresco(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it as a wall painting of the 15th century: earths, plaster, losses, drawing."""
    flat = kuwahara(kuwahara(picture, 4), 3)
    light = luma(flat)[..., None]
    earth = light + 0.55 * (flat - light)
    earth = 0.2 + 0.74 * earth * np.array([1.04, 0.98, 0.86], np.float32)
    contour = contours(flat, 1.2)
    earth = earth.astype(np.float32)
    lay(earth, contour, rgb(0x6A3A26), 0.55)
    shape = light.shape[:2]
    plaster = (
        blank(shape, rgb(0xD8CBB2)) * (0.86 + 0.2 * noise(random, shape, 6, octaves=3))[..., None]
    )
    worn = smoothstep(0.5, 0.95, noise(random, shape, 70, octaves=6))
    lay(earth, worn, plaster.astype(np.float32), 0.55)
    lost = smoothstep(0.80, 0.82, noise(random, shape, 90, octaves=6)) * _toward_border(shape)
    lay(earth, lost, plaster.astype(np.float32))
    grain = gaussian_filter(random.normal(0, 1, shape), 0.8).astype(np.float32)
    earth = earth * (1 + 0.045 * grain)[..., None]
    return cracked(random, earth.astype(np.float32), cell=95, strength=0.35)


def impressionist(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it in short, bright, broken strokes with the paint standing up."""
    bright = _saturated(picture, 1.45) ** 0.86
    shadows = 1 - smoothstep(0.1, 0.5, luma(bright))
    lay(bright, shadows, rgb(0x4A4A9A), 0.22)
    return brushed(random, bright, sizes=(14, 7, 3), length=2.4, jitter=0.1, relief=0.28)


def expressive(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it in long swirling strokes of strong color."""
    vivid = _saturated(picture, 1.75)
    shape = picture.shape[:2]
    swirl = noise(random, shape, shape[0] / 2.5, octaves=2) * 2 * np.pi
    return brushed(
        random, vivid, sizes=(13, 7, 3), length=5.5, jitter=0.09, relief=0.4, swirl=swirl
    )


def pointillist(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it in dots of nearly pure color that mix in the eye."""
    bright = _saturated(picture, 1.35) * 0.92 + 0.06
    canvas = to_image(0.55 * blur(bright, 4) + 0.45 * np.asarray(rgb(0xEDE4D0), np.float32))
    draw = ImageDraw.Draw(canvas)
    h, w = picture.shape[:2]
    for spacing, radius, spread in ((6.0, 3.4, 0.24), (3.8, 2.0, 0.19)):
        y, x = jittered_grid(random, (h, w), spacing)
        colors = bright[y.astype(int), x.astype(int)]
        hue_shift = random.normal(0, spread, colors.shape) * (0.3 + 0.7 * luma(colors))[:, None]
        hue_shift -= hue_shift.mean(axis=1, keepdims=True)  # keeps how light the dot is
        ink = np.rint(np.clip(colors + hue_shift, 0, 1) * 255).astype(int)
        sizes = radius * random.uniform(0.75, 1.15, len(x))
        for cx, cy, r, color in zip(x, y, sizes, ink.tolist(), strict=True):
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=tuple(color))
    return woven(random, from_image(canvas), 0.03)


def cubist(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it broken into facets, each seen from elsewhere, in ochres and grays."""
    h, w = picture.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    bent = np.stack([x + 0.35 * y, y - 0.25 * x], axis=-1)  # slanted cells
    seeds = random.uniform((0, -0.25 * w), (w + 0.35 * h, h), (70, 2))
    tree = cKDTree(seeds)
    away, cell = tree.query(bent.reshape(-1, 2), k=2)
    first = cell[:, 0].reshape(h, w)
    move = random.normal(0, 0.016 * min(h, w), (70, 2))
    turn = random.uniform(0, 2 * np.pi, 70)
    source_x = np.clip(x + move[first, 0], 0, w - 1).astype(int)
    source_y = np.clip(y + move[first, 1], 0, h - 1).astype(int)
    seen = kuwahara(picture, 3)[source_y, source_x]
    light = luma(seen)[..., None]
    ochre = np.asarray(rgb(0xD0A868), np.float32) * 1.15
    muted = 0.42 * seen + 0.58 * light * ochre * 1.25
    middle = seeds[first]
    slope = ((bent[..., 0] - middle[..., 0]) * np.cos(turn[first])
             + (bent[..., 1] - middle[..., 1]) * np.sin(turn[first]))  # fmt: skip
    muted = muted * (1 + 0.3 * np.tanh(slope / 38))[..., None]
    edge = 1 - smoothstep(0.4, 2.6, (away[:, 1] - away[:, 0]).reshape(h, w).astype(np.float32))
    lay(muted, edge, rgb(0x2A2018), 0.6)
    painted = brushed(
        random, np.clip(muted, 0, 1), sizes=(5, 3), length=2.5, jitter=0.04, relief=0.1
    )
    return woven(random, painted, 0.03)


def engraving(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it as an engraving: crossing lines of black ink on old paper."""
    light = luma(kuwahara(picture, 2))
    low, high = np.quantile(light, (0.02, 0.98))
    tone = np.clip((light - low) / max(high - low, 1e-3), 0, 1) ** 0.62
    tone = np.clip(tone + 0.5 * (tone - gaussian_filter(tone, 8)), 0, 1)
    h, w = tone.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    sway = 26 * gaussian_filter(tone, 5) + 5 * noise(random, (h, w), 90, octaves=2)
    ink = np.zeros((h, w), np.float32)
    for angle, period, reach in ((0.6, 4.0, 1.0), (-0.5, 4.4, 0.62), (1.45, 3.8, 0.36)):
        across = x * np.sin(angle) + y * np.cos(angle) + sway
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * across / period)
        dark = np.clip((reach - tone) / reach, 0, 1)
        line = smoothstep(-0.22, 0.22, (dark * 1.12 - wave).astype(np.float32))
        ink = np.maximum(ink, line * smoothstep(0.0, 0.06, dark.astype(np.float32)))
    ink = np.maximum(ink, contours(picture, 1.0) * 0.9)
    paper = blank((h, w), rgb(0xEADFC6)) * (0.93 + 0.1 * noise(random, (h, w), 60))[..., None]
    foxing = smoothstep(0.84, 0.97, noise(random, (h, w), 26, octaves=3))
    lay(paper, foxing, rgb(0xB08A50), 0.35)
    lay(paper, ink, rgb(0x221C1A), 0.92)
    margin = round(0.035 * min(h, w))
    paper[:margin] = paper[-margin:] = np.asarray(rgb(0xE6DAC0))
    paper[:, :margin] = paper[:, -margin:] = np.asarray(rgb(0xE6DAC0))
    return paper.astype(np.float32)


def woodblock(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it as a color woodcut: few flat inks, dark outlines, fibers of the paper."""
    flat = blur(kuwahara(kuwahara(_saturated(picture, 1.15), 3), 2), 1.0)
    inks = to_image(flat).quantize(10, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    even = inks.filter(ImageFilter.ModeFilter(7))  # no carver follows single pixels
    printed = blur(from_image(even), 0.6) * 0.82 + 0.13
    printed *= np.array([1.02, 0.99, 0.9], np.float32)
    lay(printed, contours(flat, 1.1), rgb(0x1E2434), 0.9)
    shape = picture.shape[:2]
    fibers = noise(random, shape, 2.5, octaves=2, stretch=14) - 0.5
    printed = printed * (1 + 0.12 * fibers)[..., None]
    return np.asarray(np.clip(printed, 0, 1), np.float32)


def romantic(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it dissolved in light: soft glazes, a glow, scumbled paint."""
    soft = brushed(random, picture, sizes=(18, 9, 5), length=3.2, jitter=0.05, relief=0.12)
    glow = blur(np.clip(soft - 0.45, 0, 1), 14) * 1.5
    veiled = 1 - (1 - soft * 0.9) * (1 - glow * np.array([1.0, 0.86, 0.6], np.float32))
    mist = smoothstep(0.4, 0.9, noise(random, picture.shape[:2], 120, octaves=5, stretch=2))
    lay(veiled, mist, rgb(0xE8D0A0), 0.16)
    return woven(random, _vignette(veiled.astype(np.float32), 0.3), 0.025)


def hard_edge(random: np.random.Generator, picture: Picture) -> Picture:
    """Return it as flat acrylic on fine canvas: no stroke to be seen."""
    return woven(random, picture, 0.035)


def _saturated(picture: Picture, factor: float) -> Picture:
    light = luma(picture)[..., None]
    return np.clip(light + factor * (picture - light), 0, 1).astype(np.float32)


def _vignette(picture: Picture, strength: float) -> Picture:
    h, w = picture.shape[:2]
    y, x = np.ogrid[:h, :w]
    away = np.hypot((x - w * 0.47) / (0.62 * w), (y - h * 0.45) / (0.66 * h))
    dark = 1 - strength * smoothstep(0.45, 1.25, away.astype(np.float32))
    return (picture * dark[..., None]).astype(np.float32)


def _toward_border(shape: tuple[int, ...]) -> Mask:
    y, x = np.ogrid[: shape[0], : shape[1]]
    away = np.maximum(np.abs(2 * y / shape[0] - 1), np.abs(2 * x / shape[1] - 1))
    return smoothstep(0.55, 0.85, away.astype(np.float32))


MANNERS: Final[dict[str, Manner]] = {
    "old_master": old_master,
    "fresco": fresco,
    "impressionist": impressionist,
    "expressive": expressive,
    "pointillist": pointillist,
    "cubist": cubist,
    "engraving": engraving,
    "woodblock": woodblock,
    "romantic": romantic,
    "hard_edge": hard_edge,
}
"""Every manner by name."""
