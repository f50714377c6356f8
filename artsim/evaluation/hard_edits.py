"""Harder copies: paintings on a gallery's wall, small details, prints after them.

They are made at random of the picture alone, as those of `artsim.evaluation.edits` are, and say
where the picture is in the copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from artsim.catalog.arrays import RGBImage
from artsim.evaluation.scenes import (
    MOLDINGS,
    Edit,
    EditedPicture,
    Light,
    compress,
    frame_picture,
    paint_wall,
    reference_length,
    resample,
    shadow_on_the_wall,
    to_levels,
    to_light,
    turn_axes,
)

Matrix: TypeAlias = npt.NDArray[np.floating]

COPY_SIDE: Final = 1024
"""Long side of a photograph of a wall in pixels, and most of a detail's: that to which a query's
picture is shrunk."""

LEAST_WIDTH, MOST_WIDTH = 0.15, 0.6
"""What a painting on a wall takes of the photograph's width, where its height allows."""

_ASPECTS: Final = (4 / 3, 3 / 2, 16 / 9, 3 / 4)  # width by height of cameras and telephones
_MARGIN: Final = 0.02  # of the photograph, which frames keep from its edge
_INK: Final = np.array([(24, 20, 18), (58, 38, 26), (30, 34, 44)])  # black, bistre, blue-black
_BLANK: Final = np.float32(0.3)  # where no ink is wanted, how far the lines are from any
_SHEET: Final = np.array([(250, 248, 242), (240, 230, 206), (228, 222, 210)])


def _outline(width: float, height: float, into: Matrix, size: tuple[int, int]) -> Matrix:
    """Return the corners of a picture that `into` leads to a copy of `size` (across, down)."""
    corners = np.array([[0, width, width, 0.0], [0, 0, height, height], [1, 1, 1, 1]])
    across, down, depth = into @ corners
    return np.stack([across / depth / size[0], down / depth / size[1]], axis=1)


def _shift(across: float, down: float, scale: float = 1.0) -> Matrix:
    """Return the matrix that moves by so much after enlarging by `scale`."""
    return np.array([[scale, 0, across], [0, scale, down], [0, 0, 1.0]])


def _detail(
    image: RGBImage, random: np.random.Generator, *, area: float, mirrored: bool = False
) -> EditedPicture:
    """Return a part with `area` of the picture's, a little askew, compressed once more.

    Its sides are stretched by up to 2**0.25, it is turned by up to 6 degrees, where the picture
    has room for that, and enlarged up to 2.5 times, as books show details.
    """
    height, width = image.shape[:2]
    stretch, degrees = 2.0 ** random.uniform(-0.25, 0.25), float(random.uniform(-6.0, 6.0))
    x, y = random.uniform(0.0, 1.0, 2)
    enlarged, quality = float(random.uniform(1.0, 2.5)), int(random.integers(60, 91))
    across = max(1, min(width, round(width * area**0.5 / stretch)))
    down = max(1, min(height, round(height * area**0.5 * stretch)))
    enlarged = min(enlarged, max(1.0, COPY_SIDE / max(across, down)))
    cos, sin = np.cos(np.deg2rad(degrees)), abs(np.sin(np.deg2rad(degrees)))
    needed = across * cos + down * sin, across * sin + down * cos
    if needed[0] > width or needed[1] > height:
        degrees, needed = 0.0, (float(across), float(down))
    middle = [needed[0] / 2 + x * (width - needed[0]), needed[1] / 2 + y * (height - needed[1])]
    size = round(across * enlarged), round(down * enlarged)
    # From the copy to its middle, mirrored or not, to its size in the picture, turned, to there.
    scale = np.diag([-across / size[0] if mirrored else across / size[0], down / size[1], 1.0])
    back = _shift(*middle) @ turn_axes(degrees, 0, 1) @ scale @ _shift(-size[0] / 2, -size[1] / 2)
    part = np.array(resample(image, back, size).convert("RGB"))
    drawn = {"across": across, "down": down, "degrees": degrees, "enlarged": enlarged}
    outline = _outline(width, height, np.linalg.inv(back), size)
    return EditedPicture(compress(part, quality), {**drawn, "quality": quality}, (outline,))


def _print(
    image: RGBImage, random: np.random.Generator, *, negative: bool = False
) -> EditedPicture:
    """Return the picture as an engraving after it: lines of one ink, more where it is dark.

    The tones are drawn together or apart, two or three layers of lines cross, each begins where
    the picture is darker than the one before, and their ink runs a little. A negative is the
    same of the inverted tones, as a plate or an unfinished photograph shows them.
    """
    gamma, depth = random.uniform(0.7, 1.5), random.uniform(0.5, 0.85)
    period = max(3.0, random.uniform(1 / 110, 1 / 70) * max(image.shape[:2]))
    angle, layers = random.uniform(0.0, np.pi), int(random.integers(2, 4))
    ink, sheet = (to_light(colors[random.integers(len(colors))]) for colors in (_INK, _SHEET))
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"), np.float32) / 255
    low, high = np.percentile(luma, (1, 99)).astype(np.float32)
    tone = np.clip((luma - low) / max(high - low, np.float32(0.05)), 0, 1)
    tone = (1 - tone if negative else tone) ** np.float32(gamma)
    lines = np.ones_like(tone)
    for layer in range(layers):
        screen = _screen(tone.shape, period, angle + layer * 0.4 * np.pi, random)
        # How dark a layer prints: of the first from the lights on, of the last in the shadows.
        wanted = np.clip((1 - layer / layers - tone) * layers / (layers - layer), 0, 1)
        lines *= 1 - 1 / (1 + np.exp((screen + _BLANK - (1 + _BLANK) * wanted) * np.float32(8)))
    cover = 1 - (np.float32(depth) * lines + np.float32(1 - depth) * tone)
    light = sheet + cover[..., None] * (ink - sheet)
    drawn = {"gamma": gamma, "depth": depth, "period": period, "angle": np.rad2deg(angle)}
    return EditedPicture(to_levels(light.astype(np.float32)), {**drawn, "layers": layers})


def _screen(
    shape: tuple[int, ...], period: float, angle: float, random: np.random.Generator
) -> Light:
    """Return how far each place is from the middle of a line, in 0..1; lines waver a little."""
    height, width = shape
    coarse = Image.fromarray(random.uniform(-1.0, 1.0, (4, 4)).astype(np.float32))
    waver = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    place = across[None, :] * np.float32(np.cos(angle)) + down[:, None] * np.float32(np.sin(angle))
    phase = np.float32(2 * np.pi / period) * (place + np.float32(2 * period) * waver)
    return np.asarray((1 - np.cos(phase)) / 2, np.float32)


class _Hung(NamedTuple):
    """A framed picture on the wall's plane, in pixels: its levels, border and upper left corner."""

    framed: RGBImage
    border: int
    top: float
    left: float

    def corners_from(self, border: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom, so far inside the frame."""
        height, width = self.framed.shape[:2]
        left, top = self.left + border, self.top + border
        return left, top, left + width - 2 * border, top + height - 2 * border


def _wall(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return a photograph of a gallery's wall on which the picture hangs; see `_photograph`."""
    return _photograph((image,), MOST_WIDTH, random)


def _pair(image: RGBImage, other: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return a photograph of a wall with two pictures, each at most 40 % of it wide."""
    return _photograph((image, other), 0.4, random)


def _photograph(
    pictures: Sequence[RGBImage], most: float, random: np.random.Generator
) -> EditedPicture:
    """Return a photograph of a gallery's wall on which pictures hang side by side.

    The first takes from `LEAST_WIDTH` to `most` of the photograph's width. They are framed and seen
    from one side and from above or below; a shadow lies on the wall and lamps shine on the
    first. The camera adds a cast, blur, noise and its compression.
    """
    aspect = _ASPECTS[random.integers(len(_ASPECTS))]
    long, short = COPY_SIDE, round(COPY_SIDE / max(aspect, 1 / aspect))
    size = (long, short) if aspect > 1 else (short, long)
    shares = np.exp(random.uniform(np.log(LEAST_WIDTH), np.log(most), len(pictures)))
    hung = _hang(pictures, shares, size, random)
    into, drawn = _aim(hung, float(shares[0]), size, random)
    outlines = []
    for one in hung:
        left, top, right, bottom = one.corners_from(one.border)
        outlines.append(_outline(right - left, bottom - top, into @ _shift(left, top), size))
    scene, on_picture = _look(hung, into, size, random)
    scene *= _cast_shadow(outlines[0], size, random)[..., None]
    scene += (_glare(outlines[0], size, random) * on_picture)[..., None]
    levels, exposed = _expose(scene, random)
    share = float(np.ptp(outlines[0][:, 0]))
    return EditedPicture(levels, {"share": share, **drawn, **exposed}, tuple(outlines))


def _hang(
    pictures: Sequence[RGBImage],
    shares: npt.NDArray[np.float64],
    size: tuple[int, int],
    random: np.random.Generator,
) -> list[_Hung]:
    """Return the pictures in their frames, from left to right in an order drawn at random."""
    hung: list[_Hung] = []
    right = 0.0
    for number in random.permutation(len(pictures)):
        height, width = pictures[number].shape[:2]
        scale = min(shares[number] * size[0] / width, 0.7 * size[1] / height)
        fitted = max(1, round(width * scale)), max(1, round(height * scale))
        image = Image.fromarray(np.ascontiguousarray(pictures[number]))
        resized = np.asarray(image.resize(fitted, Image.Resampling.LANCZOS))
        border = max(1, round(random.uniform(0.05, 0.12) * reference_length(*resized.shape[:2])))
        light = frame_picture(resized, border, random, int(random.integers(len(MOLDINGS))))
        middle = random.uniform(-0.08, 0.08) * size[1]
        hung.append(_Hung(to_levels(light), border, middle - light.shape[0] / 2, right))
        right += light.shape[1] + random.uniform(0.03, 0.12) * size[0]
        if number == 0:
            hung.insert(0, hung.pop())  # the first picture is the first again
    return hung


def _aim(
    hung: Sequence[_Hung], share: float, size: tuple[int, int], random: np.random.Generator
) -> tuple[Matrix, dict[str, float]]:
    """Return the matrix from the wall's plane into the photograph, and how the camera was held.

    The first picture is `share` of it wide, or less, so that all frames are seen whole.
    """
    yaw = float(random.uniform(4.0, 28.0) * random.choice((-1, 1)))
    pitch, roll = float(random.uniform(-8.0, 8.0)), float(random.uniform(-4.0, 4.0))
    focus = float(random.uniform(0.8, 1.4)) * max(size)
    boxes = np.array([one.corners_from(0) for one in hung])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    view = turn_axes(roll, 0, 1) @ turn_axes(pitch, 1, 2) @ turn_axes(yaw, 2, 0)
    view[:, 2] = (0, 0, focus)
    view = np.diag([focus, focus, 1.0]) @ view @ _shift(*(-(low + high) / 2))
    seen = np.concatenate(
        [_outline(x1 - x0, y1 - y0, view @ _shift(x0, y0), (1, 1)) for x0, y0, x1, y1 in boxes]
    )
    left, top, right, bottom = hung[0].corners_from(hung[0].border)
    picture = _outline(right - left, bottom - top, view @ _shift(left, top), (1, 1))
    room = np.array(size) * (1 - 2 * _MARGIN)
    extent = np.ptp(seen, axis=0)
    scale = min(share * size[0] / np.ptp(picture[:, 0]), *(room / extent))
    free = room - scale * extent
    place = np.array(size) * _MARGIN + random.uniform(0.0, 1.0, 2) * free
    moved = place - scale * seen.min(axis=0)
    return _shift(moved[0], moved[1], scale) @ view, {"yaw": yaw, "pitch": pitch, "roll": roll}


def _look(
    hung: Sequence[_Hung], into: Matrix, size: tuple[int, int], random: np.random.Generator
) -> tuple[Light, Light]:
    """Return the light of the wall and its pictures, and how much of a place is the first one's."""
    scene, _ = paint_wall(size[1], size[0], random)
    back = np.linalg.inv(into)
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    plane = [row[0] * x + row[1] * y + row[2] for row in back]
    across, down = (np.asarray(place / plane[2], np.float32) for place in plane[:2])
    first = np.zeros_like(across)
    for one in reversed(hung):
        framed = one.framed.shape[:2]
        shadow = shadow_on_the_wall(across, down, framed, (one.top, one.left), one.border)
        scene *= shadow[..., None]
        seen = np.asarray(resample(one.framed, _shift(-one.left, -one.top) @ back, size))
        first = np.asarray(seen[..., 3], np.float32) / np.float32(255)
        scene += first[..., None] * (to_light(seen[..., :3]) - scene)
    return scene, first


def _places(size: tuple[int, int]) -> tuple[Light, Light]:
    """Return the places across and down of a photograph in shares of it, to be broadcast."""
    across, down = ((np.arange(n, dtype=np.float32) + 0.5) / np.float32(n) for n in size)
    return across[None, :], down[:, None]


def _cast_shadow(outline: Matrix, size: tuple[int, int], random: np.random.Generator) -> Light:
    """Return the light that something leaves on one side of a soft line across the picture."""
    depth, softness = random.uniform(0.25, 0.6), random.uniform(0.01, 0.06)
    angle = random.uniform(0.0, 2 * np.pi)
    x, y = outline.min(axis=0) + random.uniform(0.2, 0.8, 2) * np.ptp(outline, axis=0)
    across, down = _places(size)
    beyond = np.float32(np.cos(angle)) * (across - x) + np.float32(np.sin(angle)) * (down - y)
    covered = 1 / (1 + np.exp(-np.clip(4 * beyond / softness, -30, 30)))
    return np.asarray(1 - depth * covered, np.float32)


def _glare(outline: Matrix, size: tuple[int, int], random: np.random.Generator) -> Light:
    """Return the light of one or two lamps that a varnish or a glass over the picture mirrors."""
    across, down = _places(size)
    extent = np.ptp(outline, axis=0)
    glare = np.zeros((size[1], size[0]), np.float32)
    for _ in range(int(random.integers(1, 3))):
        x, y = outline.min(axis=0) + random.uniform(0.1, 0.9, 2) * extent
        wide, high = random.uniform(0.04, 0.16, 2) * extent
        strength = random.uniform(0.2, 0.8)
        glare += strength * np.exp(-(((across - x) / wide) ** 2) - ((down - y) / high) ** 2)
    return glare


def _expose(scene: Light, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return what a camera makes of the light: a cast, blur, noise and compression."""
    gains = random.uniform(0.85, 1.15, 3).astype(np.float32) * np.float32(random.uniform(0.8, 1.2))
    blur, noise = random.uniform(0.4, 1.0), random.uniform(1.0, 5.0)
    quality = int(random.integers(60, 93))
    blurred = Image.fromarray(to_levels(scene * gains)).filter(ImageFilter.GaussianBlur(blur))
    noisy = np.asarray(blurred) + noise * random.standard_normal(scene.shape, np.float32)
    levels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return compress(levels, quality), {"blur": blur, "noise": noise, "quality": quality}


HARD_EDITS: Final[Mapping[str, Edit]] = {
    "wall": Edit("on a gallery wall", _wall),
    "pair": Edit("two on a wall", _pair, pictures=2),
    "quarter": Edit("1/4, askew", partial(_detail, area=1 / 4)),
    "sixteenth": Edit("1/16, askew", partial(_detail, area=1 / 16)),
    "mirrored-quarter": Edit("1/4, mirrored", partial(_detail, area=1 / 4, mirrored=True)),
    "engraving": Edit("engraving", _print),
    "negative": Edit("negative engraving", partial(_print, negative=True)),
}
"""Edits that leave little of a picture, or show it far off, in the order of reports."""
