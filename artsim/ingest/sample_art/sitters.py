"""People for the sample collection: one photographed head, made into several sitters.

The head is `skimage.data.astronaut()`, NASA's public-domain photograph of Eileen
Collins, which comes with scikit-image. Its features are moved, its hair and skin
recolored and its mouth closed, each sitter in their own way, and every portrait dresses
the sitter anew. A face detector still finds a face, and for nearly every one a face
encoder made for photographs finds another portrait of the same sitter first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from artsim.ingest.sample_art.canvas import (
    Color,
    Mask,
    Picture,
    blank,
    blur,
    ellipse,
    from_image,
    lay,
    luma,
    mix,
    noise,
    polygon,
    rgb,
    shade,
    smoothstep,
    stroke,
    to_image,
)
from artsim.ingest.sample_art.costumes import (
    Dress,
    paint_back_of_head,
    paint_body,
    paint_ruff,
    paint_trim,
)

_HEAD_SIZE: Final = 256


_LEFT, _TOP = 96, 0  # of the head's square in the photograph


_FACE: Final = (224.0 - _LEFT, 132.0 - _TOP)


_CHIN: Final = 179.0 - _TOP


_OUTLINE: Final = (
    (182, 126), (184, 142), (188, 158), (197, 170), (210, 177), (224, 180), (239, 176),
    (251, 166), (258, 151), (261, 138), (268, 133), (277, 128), (291, 114), (301, 90), (297, 60),
    (280, 37), (255, 22), (232, 16), (206, 22), (190, 37), (164, 53), (155, 78), (158, 99),
    (168, 113), (177, 118),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sitter:
    """How a person differs from the photograph.

    Attributes
    ----------
    jaw, nose, eyes, length : float
        Wider jaw, longer nose, wider set eyes, longer face; in pixels of the photograph.
    hair, skin : tuple of float
        Colors.
    tan : float
        How much of `skin` there is in the skin, in 0..1.
    mirrored, smiles : bool
    """

    jaw: float
    nose: float
    eyes: float
    length: float
    hair: Color
    skin: Color
    tan: float
    mirrored: bool = False
    smiles: bool = False


SITTERS: Final = {
    "Margriet Claes": Sitter(5, 4, 2, 3, rgb(0x6A4A2C), rgb(0xE8B88E), 0.3),
    "Lorenzo Vanni": Sitter(9, 8, -2, 8, rgb(0x2A1D14), rgb(0xC08A5C), 0.55, mirrored=True),
    "Berthe Aubry": Sitter(-4, -3, 3, -4, rgb(0xA5562A), rgb(0xF2C9AE), 0.4, smiles=True),
    "Old Hendrick": Sitter(7, 9, -1, 10, rgb(0xB9B4AA), rgb(0xC79A78), 0.5),
    "Ana Robles": Sitter(-6, 3, 4, 4, rgb(0x16110F), rgb(0xB88158), 0.55, mirrored=True),
    "Clara Nilsen": Sitter(0, 0, 0, 0, rgb(0xD8B46A), rgb(0xF0CDB2), 0.35, smiles=True),
}


def portrait(
    random: np.random.Generator,
    shape: tuple[int, int],
    sitter: str,
    dress: Dress,
    ground: Picture | Color,
    *,
    reach: float = 0.5,
    at: float = 0.5,
) -> Picture:
    """Return a portrait of `sitter` before `ground`.

    `reach` is the height of the head (hair to chin) as a share of the picture's, so that
    0.35 is a three-quarter length and 0.6 a close view; `at` is where the head's middle
    stands between the left (0) and the right (1) border.
    """
    picture = blank(shape, ground) if isinstance(ground, tuple) else ground.copy()
    scale = reach * shape[0] / 174
    chin = (at * shape[1], shape[0] * (0.5 * (1 - reach) * 0.75 + reach))
    head, mask = _head(SITTERS[sitter])
    paint_back_of_head(picture, dress, SITTERS[sitter].hair, chin, scale)
    skin = mix(rgb(0xC99A7C), SITTERS[sitter].skin, SITTERS[sitter].tan)
    paint_body(random, picture, dress, skin, chin, scale)
    if dress.costume == "ruff":  # the chin rests on it
        paint_ruff(random, picture, dress.trim, chin[0], chin[1], scale)
    _paste(picture, head, mask, chin, scale, random.uniform(-4, 4))
    paint_trim(random, picture, dress, chin, scale)
    return np.clip(picture, 0, 1)


@lru_cache(maxsize=8)
def _head(sitter: Sitter) -> tuple[Picture, Mask]:
    """Return the sitter's head and its outline, both as squares of `_HEAD_SIZE`."""
    import skimage.data

    photograph = from_image(Image.fromarray(skimage.data.astronaut()))  # type: ignore[no-untyped-call]
    head = photograph[_TOP : _TOP + _HEAD_SIZE, _LEFT : _LEFT + _HEAD_SIZE].copy()
    outline = [(x - _LEFT, y - _TOP) for x, y in _OUTLINE]
    mask = polygon((_HEAD_SIZE, _HEAD_SIZE), outline, soft=1.6)
    _recolor(head, sitter)
    if not sitter.smiles:
        _close_mouth(head)
    x, y = _moved(sitter)
    warped = np.stack(
        [map_coordinates(head[..., c], (y, x), order=1, mode="nearest") for c in range(3)], axis=-1
    )
    mask = map_coordinates(mask, (y, x), order=1, mode="nearest")
    if sitter.mirrored:
        warped, mask = warped[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(warped), np.ascontiguousarray(mask)


def _recolor(head: Picture, sitter: Sitter) -> None:
    shape = head.shape[:2]
    face = ellipse(shape, (_FACE[0], _FACE[1] + 4), (45, 60), soft=6)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    fringe = 1 - smoothstep(76 - _TOP, 92 - _TOP, np.broadcast_to(y, shape))
    # Under the fringe the photograph is both; what is dark and yellow there is hair.
    hair = np.clip(1 - face + fringe, 0, 1) * (1 - face * (1 - fringe))
    light = luma(head)[..., None]
    strands = (0.3 + 0.75 * np.clip(light / 0.5, 0, 1.5)) * np.asarray(sitter.hair, np.float32)
    lay(head, hair, np.clip(strands, 0, 1).astype(np.float32), 0.92)
    tanned = np.clip(light / 0.68, 0, 1.35) * np.asarray(sitter.skin, np.float32)
    lay(head, face * (1 - fringe), np.clip(tanned, 0, 1).astype(np.float32), sitter.tan)


def _close_mouth(head: Picture) -> None:
    """Paint lips over the teeth of the photograph's smile."""
    shape = head.shape[:2]
    x, y = 225.0 - _LEFT, 145.0 - _TOP
    skin = tuple(float(v) for v in head[int(y) + 18, int(x) - 6 : int(x) + 7].mean(axis=0))
    around = (skin[0], skin[1], skin[2])
    lay(head, ellipse(shape, (x, y + 1), (24, 10), soft=5), around, 0.95)
    lip = mix(around, rgb(0x8A2F28), 0.55)
    lay(head, ellipse(shape, (x, y - 2.0), (12, 3.0), soft=1.6), mix(lip, rgb(0x401510), 0.2))
    lay(head, ellipse(shape, (x, y + 3.6), (10, 3.6), soft=2.0), mix(lip, rgb(0xFFC0A8), 0.15))
    line = [(x - 14, y), (x - 7, y + 0.6), (x, y), (x + 7, y + 0.6), (x + 14, y)]
    lay(head, stroke(shape, line, 1.4, soft=0.7), rgb(0x4A1A16), 0.9)
    lay(head, ellipse(shape, (x, y + 11), (10, 3), soft=3), mix(around, rgb(0x302010), 0.4), 0.5)


def _moved(sitter: Sitter) -> tuple[Mask, Mask]:
    """Return where every pixel of the sitter's head comes from in the photograph's."""
    y, x = np.mgrid[:_HEAD_SIZE, :_HEAD_SIZE].astype(np.float32)
    center, middle = _FACE

    def around(at_x: float, at_y: float, radius: float) -> Mask:
        near = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * radius**2))
        return np.asarray(near, np.float32)

    side = np.tanh((x - center) / 25)
    from_x = x - side * sitter.jaw * around(center, middle + 35, 34)
    for direction in (-1, 1):
        eye = around(center + 22 * direction, middle - 29, 15)
        from_x -= direction * sitter.eyes * eye
    from_y = y - sitter.nose * around(center, middle - 2, 15)
    # What is below the eyes moves down as one, and takes the chin with it.
    from_y -= sitter.length * smoothstep(middle - 25, middle + 45, y)
    return from_x.astype(np.float32), from_y.astype(np.float32)


def _paste(
    picture: Picture,
    head: Picture,
    mask: Mask,
    chin: tuple[float, float],
    scale: float,
    tilt: float,
) -> None:
    """Lay the head so that its chin comes to `chin`."""
    turn = np.deg2rad(tilt)
    cosine, sine = np.cos(turn) / scale, np.sin(turn) / scale
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    dx, dy = x - chin[0], y - chin[1]
    from_x = _FACE[0] + cosine * dx + sine * dy
    from_y = _CHIN - sine * dx + cosine * dy
    cover = map_coordinates(mask, (from_y, from_x), order=1, cval=0.0)
    colors = np.stack(
        [
            map_coordinates(head[..., c], (from_y, from_x), order=1, mode="nearest")
            for c in range(3)
        ],
        axis=-1,
    )
    lay(picture, cover, colors)


def dark_ground(random: np.random.Generator, shape: tuple[int, int], color: Color) -> Picture:
    """Return a plain ground behind a sitter, lit from the left, as studios have it."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    glow = np.exp(-(((x / shape[1] - 0.3) / 0.45) ** 2 + ((y / shape[0] - 0.4) / 0.5) ** 2))
    cloudy = 0.75 + 0.4 * noise(random, shape, shape[0] / 3, octaves=4)
    ground = blank(shape, color) * (cloudy * (0.45 + 0.9 * glow))[..., None]
    return np.clip(blur(ground.astype(np.float32), 2), 0, 1)


def framed(picture: Picture, gilding: Color) -> Picture:
    """Return the picture in a gilded frame on a wall, as a museum photographs it."""
    wide = max(24, round(0.075 * min(picture.shape[:2])))
    height, width = (side + 2 * wide for side in picture.shape[:2])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    depth = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) / wide
    profile = 0.62 + 0.4 * np.sin(depth * 3 * np.pi) * (0.6 + 0.4 * depth)
    from_light = np.where(np.minimum(y, x) < np.minimum(height - 1 - y, width - 1 - x), 1.12, 0.78)
    frame = np.asarray(gilding, np.float32) * (profile * from_light)[..., None]
    whole = np.clip(frame, 0, 1).astype(np.float32)
    whole[wide:-wide, wide:-wide] = picture
    shadow = np.clip(1 - (y - wide) / 9, 0, 1) * (y >= wide) * (x >= wide) * (x < width - wide)
    shade(whole, (shadow * (y < height - wide)).astype(np.float32), 0.45)
    return from_image(to_image(whole))
