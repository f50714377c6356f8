"""The ways in which copies of a painting differ from its picture, made from the picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from artsim.catalog.arrays import RGBImage
from artsim.evaluation.scenes import (
    COPY_SIDE,
    LUMINANCE,
    MOLDINGS,
    Edit,
    EditedPicture,
    Light,
    Matrix,
    compress,
    corners_in,
    frame_picture,
    gray_levels,
    paint_wall,
    photograph_wall,
    reference_length,
    resample,
    shadow_on_the_wall,
    shift,
    to_levels,
    to_light,
    turn_axes,
    view_from,
)

JPEG_QUALITY: Final = 20

_POINTS: Final = 24
_LEAST_AREA: Final = 0.6  # of the picture that trimming may leave; else the wall is shown
_DEEPEST_BLACK: Final = np.float32(0.008)  # a print's black still returns 0.8 % of the light
_PAPER: Final = (243, 233, 212)
_HAZE: Final = (196, 160, 104)

# Optical density of an old dammar varnish in red, green and blue, where blue is 1: its
# absorption rises steeply towards short waves.
_VARNISH_DENSITY: Final = np.array([0.16, 0.42, 1.0], np.float32)

_INK: Final = np.array([(24, 20, 18), (58, 38, 26), (30, 34, 44)])  # black, bistre, blue-black
_BLANK: Final = np.float32(0.3)  # where no ink is wanted, how far the lines are from any
_SHEET: Final = np.array([(250, 248, 242), (240, 230, 206), (228, 222, 210)])


def _part(
    image: RGBImage, random: np.random.Generator, *, area: float, stretch: float
) -> EditedPicture:
    """Return a part with `area` of the picture's, its sides stretched by up to 2**`stretch`."""
    height, width = image.shape[:2]
    factor = 2.0 ** random.uniform(-stretch, stretch)
    down = max(1, round(height * area**0.5 * factor))
    across = max(1, round(width * area**0.5 / factor))
    top = int(random.integers(height - down + 1))
    left = int(random.integers(width - across + 1))
    part = image[top : top + down, left : left + across].copy()
    return EditedPicture(part, {"left": left, "top": top, "width": across, "height": down})


def _mirror(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture with left and right exchanged, as from a slide put in wrongly."""
    return EditedPicture(image[:, ::-1].copy(), {})


def _grayscale(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture as a black-and-white photograph: BT.601 luma in three channels."""
    return EditedPicture(np.array(gray_levels(image).convert("RGB")), {})


def _compress(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture after JPEG compression at quality 20 of 100, as libjpeg counts."""
    return EditedPicture(compress(image, JPEG_QUALITY), {"quality": JPEG_QUALITY})


def _fade(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture as a color print that lay in the light for decades.

    Each dye keeps only a part of its density, not the same part of each; so blacks turn
    gray, contrast falls and a cast remains. Colors are mixed with their luminance, and
    the paper has yellowed a little.
    """
    kept = random.uniform(0.5, 0.72)
    casts = random.uniform(-0.08, 0.08, 3)
    saturation = random.uniform(0.45, 0.7)
    light = np.maximum(to_light(image), _DEEPEST_BLACK)
    light **= (kept + casts).astype(np.float32)  # density is minus the logarithm of light
    luminance = (light @ LUMINANCE)[..., None]
    light = luminance + np.float32(saturation) * (light - luminance)
    light *= to_light(_PAPER)
    names = ("cast_red", "cast_green", "cast_blue")
    drawn = {"density_kept": kept, **dict(zip(names, casts.tolist(), strict=True))}
    return EditedPicture(to_levels(light), {**drawn, "saturation": saturation})


def _varnish(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture under a yellowed varnish of uneven thickness.

    The varnish absorbs blue most and red least, and scatters a little light, which
    lowers the contrast. The camera makes up for half of the loss of light.
    """
    density = random.uniform(0.6, 1.1)
    haze = random.uniform(0.015, 0.045)
    coarse = Image.fromarray(random.uniform(0.75, 1.25, (5, 5)).astype(np.float32))
    thickness = np.array(coarse.resize(image.shape[1::-1], Image.Resampling.BICUBIC))[..., None]
    passed = np.exp(-np.float32(density) * thickness * _VARNISH_DENSITY)
    light = to_light(image) * passed
    light += np.float32(haze) * (to_light(_HAZE) - light)
    exposure = float(np.exp(-density * _VARNISH_DENSITY) @ LUMINANCE) ** -0.5
    light *= np.float32(exposure)
    drawn = {"density": density, "haze": haze, "exposure": exposure}
    return EditedPicture(to_levels(light), drawn)


def _frame(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture in a molded frame that hangs on a wall and throws its shadow on it."""
    length = reference_length(*image.shape[:2])
    border = max(1, round(random.uniform(0.07, 0.14) * length))
    shares = random.uniform(0.05, 0.2, 4)
    top, right, bottom, left = (max(1, round(share * length)) for share in shares.tolist())
    index = int(random.integers(len(MOLDINGS)))
    framed = frame_picture(image, border, random, index)
    height, width = framed.shape[:2]
    scene, parameters = paint_wall(height + top + bottom, width + left + right, random)
    down, across = (np.arange(count, dtype=np.float32) + 0.5 for count in scene.shape[:2])
    shadow = shadow_on_the_wall(across, down[:, None], (height, width), (top, left), border)
    scene *= shadow[..., None]
    scene[top : top + height, left : left + width] = framed
    sides = {"top": top, "right": right, "bottom": bottom, "left": left}
    return EditedPicture(
        to_levels(scene), {"border": border, "molding": index, **sides, **parameters}
    )


def _rotate(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture turned a little either way, as a scan that nobody laid straight."""
    degrees = float(random.uniform(1.0, 3.0) * random.choice((-1, 1)))
    warped, parameters = _photograph(image, turn_axes(degrees, 0, 1), random)
    return EditedPicture(warped, {"degrees": degrees, **parameters})


def _view_aside(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture as a camera sees it from one side and from above or below."""
    height, width = image.shape[:2]
    yaw = float(random.uniform(8.0, 18.0) * random.choice((-1, 1)))
    pitch = float(random.uniform(3.0, 9.0) * random.choice((-1, 1)))
    diagonals = float(random.uniform(1.2, 2.0))
    focus = diagonals * np.hypot(height, width)
    view = view_from(yaw, pitch, 0.0, focus)
    warped, parameters = _photograph(image, view, random)
    return EditedPicture(warped, {"yaw": yaw, "pitch": pitch, "diagonals": diagonals, **parameters})


def _photograph(
    image: RGBImage, view: Matrix, random: np.random.Generator
) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture under `view`, a homography about its center.

    Trimmed to a rectangle inside it, or with a little of the wall around it.
    """
    height, width = image.shape[:2]
    view = view @ shift(-width / 2, -height / 2)
    x, y = corners_in(view, width, height).T
    left, right = max(x[0], x[3]), min(x[1], x[2])
    top, bottom = max(y[0], y[1]), min(y[2], y[3])
    area = max(right - left, 0) * max(bottom - top, 0)
    show_wall = bool(random.integers(2)) or area < _LEAST_AREA * width * height
    if show_wall:
        margin = random.uniform(0.01, 0.04) * reference_length(height, width)
        left, right = x.min() - margin, x.max() + margin
        top, bottom = y.min() - margin, y.max() + margin
    size = max(1, round(right - left)), max(1, round(bottom - top))
    warped = resample(image, np.linalg.inv(shift(-left, -top) @ view), size)
    wall, parameters = paint_wall(size[1], size[0], random)
    if not show_wall:
        return np.array(warped.convert("RGB")), {"shows_wall": 0.0}
    scene = Image.fromarray(to_levels(wall))
    scene.paste(warped.convert("RGB"), mask=warped.getchannel("A"))
    return np.array(scene), {"shows_wall": 1.0, **parameters}


def _scratch(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture with light and dark scratches, as of a worn negative."""
    height, width = image.shape[:2]
    thickness = max(1, round(0.0025 * max(height, width)))
    lights, darks = int(random.integers(4, 10)), int(random.integers(2, 6))
    scratched = image
    for count, color in ((lights, (238, 232, 220)), (darks, (28, 22, 18))):
        mask = Image.new("L", (width, height))
        for _ in range(count):
            _draw(mask, thickness, random)
        mask = mask.filter(ImageFilter.GaussianBlur(0.35 * thickness))
        opacity = np.asarray(mask, np.float32)[..., None] / np.float32(255)
        mixed = scratched + opacity * (np.array(color, np.float32) - scratched)
        scratched = np.rint(mixed).astype(np.uint8)
    return EditedPicture(scratched, {"light": lights, "dark": darks, "thickness": thickness})


def _draw(mask: Image.Image, thickness: int, random: np.random.Generator) -> None:
    """Draw one scratch: a quadratic Bézier curve in short pieces of varying strength."""
    width, height = mask.size
    diagonal = float(np.hypot(width, height))
    length = random.uniform(0.1, 0.8) ** 1.5 * diagonal
    angle = random.uniform(0, 2 * np.pi)
    start = random.uniform((0, 0), (width, height))
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    bend = (start + end) / 2 + random.uniform(-0.08, 0.08, 2) * length
    t = np.linspace(0, 1, _POINTS)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    strength = random.uniform(0.55, 0.95) * random.uniform(0.5, 1.0, _POINTS - 1)
    draw = ImageDraw.Draw(mask)
    wide = thickness * int(random.integers(1, 3))
    for a, b, opacity in zip(curve[:-1], curve[1:], strength, strict=True):
        draw.line((*map(float, a), *map(float, b)), fill=int(255 * opacity), width=wide)


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
    back = shift(*middle) @ turn_axes(degrees, 0, 1) @ scale @ shift(-size[0] / 2, -size[1] / 2)
    part = np.array(resample(image, back, size).convert("RGB"))
    drawn = {"across": across, "down": down, "degrees": degrees, "enlarged": enlarged}
    outline = corners_in(np.linalg.inv(back), width, height) / size
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
    luma = np.asarray(gray_levels(image), np.float32) / 255
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


EDITS: Final[Mapping[str, Edit]] = {
    "crop": Edit("crop to 70 %", partial(_part, area=0.7, stretch=0.12)),
    "detail": Edit("detail of 25 %", partial(_part, area=0.25, stretch=0.25)),
    "mirror": Edit("mirrored", _mirror),
    "grayscale": Edit("grayscale", _grayscale),
    "fade": Edit("faded colors", _fade),
    "varnish": Edit("warm varnish", _varnish),
    "frame": Edit("frame and wall", _frame),
    "jpeg": Edit("strong JPEG", _compress),
    "rotate": Edit("small rotation", _rotate),
    "perspective": Edit("perspective", _view_aside),
    "scratches": Edit("scratches", _scratch),
}
"""Edits that change a picture and leave it whole, or most of it, in the order of reports."""

HARD_EDITS: Final[Mapping[str, Edit]] = {
    "wall": Edit("on a gallery wall", photograph_wall),
    "pair": Edit("two on a wall", partial(photograph_wall, most=0.4), pictures=2),
    "quarter": Edit("1/4, askew", partial(_detail, area=1 / 4)),
    "sixteenth": Edit("1/16, askew", partial(_detail, area=1 / 16)),
    "mirrored-quarter": Edit("1/4, mirrored", partial(_detail, area=1 / 4, mirrored=True)),
    "engraving": Edit("engraving", _print),
    "negative": Edit("negative engraving", partial(_print, negative=True)),
}
"""Edits that leave little of a picture, or show it far off, in the order of reports."""

EVERY_EDIT: Final[Mapping[str, Edit]] = {**EDITS, **HARD_EDITS}


def edit_picture(
    image: RGBImage,
    edit: str,
    *,
    painting_id: str,
    seed: int = 0,
    others: Sequence[RGBImage] = (),
) -> EditedPicture:
    """Return a copy of a painting's picture; the same for the same painting, edit and seed.

    The picture, of at least one pixel, is left as it is. An edit takes up to 70 bytes of memory
    a pixel while it works, one of `HARD_EDITS` that or 100 MB. `others` are the further pictures
    that an edit of several takes. ValueError if there is no such edit, it takes more pictures or
    fewer, or one is not uint8 of shape (h, w, 3).
    """
    if edit not in EVERY_EDIT:
        raise ValueError(f"no edit is called {edit!r}; there are: {', '.join(EVERY_EDIT)}")
    if len(others) != EVERY_EDIT[edit].pictures - 1:
        raise ValueError(f"{edit} takes {EVERY_EDIT[edit].pictures - 1} other pictures")
    for one in (image, *others):
        if one.ndim != 3 or one.shape[2] != 3 or one.dtype != np.uint8 or one.size == 0:
            raise ValueError(f"expected uint8 of shape (h, w, 3), not {one.dtype} {one.shape}")
    # Not `hash`, which Python salts anew in every process.
    name = f"{seed}\0{edit}\0{painting_id}".encode("utf-8", "surrogatepass")
    seeded = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
    return EVERY_EDIT[edit].apply(image, *others, random=np.random.default_rng(seeded))
