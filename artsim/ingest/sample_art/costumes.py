"""What the sitters of the sample collection wear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from artsim.ingest.sample_art.canvas import (
    Color,
    Picture,
    blank,
    ellipse,
    lay,
    light_sphere,
    mix,
    noise,
    placed,
    polygon,
    rgb,
    shade,
    smoothstep,
    stroke,
)

Costume = Literal["ruff", "collar", "veil", "hat", "turban", "shawl", "plain"]


@dataclass(frozen=True, slots=True)
class Dress:
    """What a sitter wears, and its colors."""

    costume: Costume
    cloth: Color
    trim: Color


def paint_body(
    random: np.random.Generator,
    picture: Picture,
    dress: Dress,
    skin: Color,
    chin: tuple[float, float],
    scale: float,
) -> None:
    """Paint neck, shoulders and clothes, for the head to stand on."""
    shape = picture.shape[:2]
    x, y, s = chin[0], chin[1], scale
    low = shape[0] + 5
    neck = polygon(
        shape, [(x - 30 * s, y - 35 * s), (x + 30 * s, y - 35 * s), (x + 36 * s, y + 50 * s),
                (x - 36 * s, y + 50 * s)], soft=2 * s,
    )  # fmt: skip
    lay(picture, neck, mix(skin, (0, 0, 0), 0.25))
    lay(
        picture,
        neck * ellipse(shape, (x - 12 * s, y + 25 * s), (22 * s, 40 * s), soft=14 * s),
        skin,
    )
    shoulders = polygon(
        shape,
        [(x - 34 * s, y + 12 * s), (x - 74 * s, y + 34 * s), (x - 122 * s, y + 54 * s),
         (x - 152 * s, y + 112 * s), (x - 168 * s, low), (x + 168 * s, low),
         (x + 152 * s, y + 112 * s), (x + 122 * s, y + 54 * s), (x + 74 * s, y + 34 * s),
         (x + 34 * s, y + 12 * s), (x, y + 52 * s)],
        soft=2.5 * s,
    )  # fmt: skip
    folds = noise(random, shape, 60 * s, octaves=3, stretch=0.4)
    cloth = blank(shape, dress.cloth) * (0.55 + 0.8 * folds)[..., None]
    lit = np.clip(1.25 - (np.arange(shape[1]) - x + 60 * s) / (260 * s), 0.35, 1.25)
    lay(picture, shoulders, np.clip(cloth * lit[None, :, None], 0, 1).astype(np.float32))


def paint_back_of_head(
    picture: Picture, dress: Dress, hair: Color, chin: tuple[float, float], scale: float
) -> None:
    """Paint what lies behind the face: hood or falling hair."""
    shape = picture.shape[:2]
    x, y, s = chin[0], chin[1], scale
    if dress.costume == "veil":
        hood = polygon(
            shape, [(x - 88 * s, y - 90 * s), (x - 60 * s, y - 170 * s), (x, y - 192 * s),
                    (x + 62 * s, y - 170 * s), (x + 92 * s, y - 90 * s), (x + 110 * s, y + 75 * s),
                    (x - 110 * s, y + 75 * s)], soft=4 * s,
        )  # fmt: skip
        lay(picture, hood, mix(dress.trim, (0, 0, 0), 0.15))
    elif dress.costume in ("plain", "shawl", "collar"):
        for side in (-1, 1):
            locks = polygon(
                shape, [(x, y - 130 * s), (x + side * 70 * s, y - 105 * s),
                        (x + side * 74 * s, y - 40 * s), (x + side * 62 * s, y + 18 * s),
                        (x + side * 34 * s, y + 26 * s)], soft=4 * s,
            )  # fmt: skip
            lay(picture, locks, mix(hair, (0, 0, 0), 0.45 if side < 0 else 0.6))


def paint_trim(
    random: np.random.Generator,
    picture: Picture,
    dress: Dress,
    chin: tuple[float, float],
    scale: float,
) -> None:
    """Paint what lies before the head: collar, hat, shawl."""
    painters = {
        "collar": _collar, "veil": _veil, "hat": _hat,
        "turban": _turban, "shawl": _shawl, "plain": _necklace,
    }  # fmt: skip
    if dress.costume in painters:
        painters[dress.costume](random, picture, dress.trim, chin[0], chin[1], scale)


def paint_ruff(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    """Paint a millstone ruff: goffered folds that run outward, shadow under the chin."""
    shape = picture.shape[:2]
    h, w = shape
    middle, radii = (x, y + 6 * s), (112 * s, 44 * s)
    under = (middle[0] + 4 * s, middle[1] + 12 * s)
    lay(picture, ellipse(shape, under, radii, soft=5 * s), (0, 0, 0), 0.55)
    row, column = np.ogrid[:h, :w]
    dx, dy = (column - middle[0]) / radii[0], (row - middle[1]) / radii[1]
    turn, away = np.arctan2(dy, dx), np.hypot(dx, dy)
    fold = np.sin(turn * 34 + 1.5 * np.sin(away * 9))
    light = 0.86 + 0.17 * fold - 0.14 * np.cos(turn - 0.5) + 0.1 * away
    light = light - 0.5 * np.exp(-((away / 0.52) ** 2))
    linen = np.clip(np.asarray(trim, np.float32) * light[..., None], 0, 1).astype(np.float32)
    scalloped = smoothstep(-0.015, 0.015, (1 + 0.035 * fold - away).astype(np.float32))
    lay(picture, scalloped, linen)


def _collar(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    for side in (-1, 1):
        wing = polygon(
            shape,
            placed((x, y), (side * s, s), ((0, 24), (40, 12), (92, 58), (58, 92), (6, 66))),
            soft=1.5 * s,
        )
        lay(picture, wing, mix(trim, (0, 0, 0), 0.05 if side < 0 else 0.2))
        edge = [
            (x + side * 92 * s, y + 58 * s),
            (x + side * 58 * s, y + 92 * s),
            (x + side * 6 * s, y + 66 * s),
        ]
        lay(picture, stroke(shape, edge, 4 * s, soft=s), mix(trim, (0, 0, 0), 0.4), 0.6)


def _veil(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    crown = ellipse(shape, (x, y - 105 * s), (82 * s, 84 * s), soft=3 * s)
    face = ellipse(shape, (x, y - 62 * s), (57 * s, 80 * s), soft=4 * s)
    lay(picture, np.clip(crown - face, 0, 1), trim)
    for side in (-1, 1):
        fall = [
            (x + side * 58 * s, y - 60 * s),
            (x + side * 66 * s, y + 10 * s),
            (x + side * 92 * s, y + 74 * s),
        ]
        lay(
            picture,
            stroke(shape, fall, 26 * s, soft=5 * s),
            mix(trim, (0, 0, 0), 0.1 if side < 0 else 0.3),
        )
        fold = [(px + side * 6 * s, py) for px, py in fall]
        lay(picture, stroke(shape, fold, 4 * s, soft=2 * s), mix(trim, (0, 0, 0), 0.55), 0.6)
    rim = ellipse(shape, (x, y - 62 * s), (60 * s, 83 * s), soft=3 * s)
    lay(picture, np.clip(rim - face, 0, 1) * crown, mix(trim, (1, 1, 1), 0.5), 0.7)


def _hat(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    crown = polygon(
        shape, [(x - 68 * s, y - 122 * s), (x - 58 * s, y - 196 * s), (x - 20 * s, y - 210 * s),
                (x + 46 * s, y - 206 * s), (x + 66 * s, y - 186 * s), (x + 74 * s, y - 122 * s)],
        soft=3 * s,
    )  # fmt: skip
    lay(picture, crown, trim)
    shade(
        picture,
        crown * ellipse(shape, (x - 28 * s, y - 170 * s), (26 * s, 44 * s), soft=16 * s),
        1.7,
    )
    brim = ellipse(shape, (x + 4 * s, y - 124 * s), (136 * s, 23 * s), soft=2 * s)
    lay(picture, brim, mix(trim, (0, 0, 0), 0.3))
    lay(
        picture,
        ellipse(shape, (x - 14 * s, y - 130 * s), (108 * s, 11 * s), soft=5 * s),
        mix(trim, (1, 1, 1), 0.18),
        0.7,
    )
    lay(
        picture,
        stroke(shape, [(x - 67 * s, y - 138 * s), (x + 72 * s, y - 138 * s)], 12 * s, soft=s),
        mix(trim, rgb(0xB08A3C), 0.6),
    )


def _turban(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    wrap = ellipse(shape, (x, y - 128 * s), (86 * s, 58 * s), soft=2 * s)
    wrap *= 1 - ellipse(shape, (x, y - 62 * s), (52 * s, 52 * s), soft=3 * s)
    lay(picture, wrap, trim)
    shade(
        picture,
        wrap * ellipse(shape, (x + 60 * s, y - 110 * s), (70 * s, 70 * s), soft=30 * s),
        0.5,
    )
    for k in range(7):
        lift = 13 * s * k
        turns = np.linspace(-1, 1, 9)
        fold = [
            (x + 84 * s * t, y - (128 - 26 * (1 - t * t) + 8 * t) * s - lift + 20 * s)
            for t in turns
        ]
        lay(
            picture, wrap * stroke(shape, fold, 4 * s, soft=2.5 * s), mix(trim, (0, 0, 0), 0.6), 0.8
        )
        lit = [(px, py - 5 * s) for px, py in fold]
        lay(picture, wrap * stroke(shape, lit, 3 * s, soft=2 * s), mix(trim, (1, 1, 1), 0.45), 0.45)
    jewel = (x - 12 * s, y - 126 * s)
    light_sphere(picture, jewel, (8 * s, 9 * s), rgb(0xB02030))


def _shawl(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    for side, dark in ((1, 0.25), (-1, 0.0)):
        path = [
            (x + side * 52 * s, y + 20 * s),
            (x + side * 60 * s, y + 62 * s),
            (x - side * 20 * s, y + 130 * s),
        ]
        lay(picture, stroke(shape, path, 46 * s, soft=6 * s), mix(trim, (0, 0, 0), dark))
        for k in (-12, 0, 12):
            crease = [(px + k * s, py) for px, py in path]
            lay(picture, stroke(shape, crease, 2.5 * s, soft=2 * s), mix(trim, (0, 0, 0), 0.5), 0.5)


def _necklace(
    random: np.random.Generator, picture: Picture, trim: Color, x: float, y: float, s: float
) -> None:
    shape = picture.shape[:2]
    for turn in np.linspace(0.12, 0.88, 13) * np.pi:
        bead = (x - 40 * s * np.cos(turn), y + 14 * s + 32 * s * np.sin(turn))
        lay(picture, ellipse(shape, bead, (4.6 * s, 4.6 * s)), mix(trim, (0, 0, 0), 0.25))
        lay(
            picture,
            ellipse(shape, (bead[0] - s, bead[1] - s), (2 * s, 2 * s)),
            mix(trim, (1, 1, 1), 0.6),
        )
