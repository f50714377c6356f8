"""The ways in which copies of a painting differ from its picture, made from the picture."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from artsim.catalog.arrays import RGBImage

Light: TypeAlias = npt.NDArray[np.float32]
"""Linear light of shape (h, w, 3), 0 black and 1 the white of sRGB; or a field of (h, w)."""

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of each linear channel in the luminance, after ITU-R BT.709."""

JPEG_QUALITY: Final = 20

_ROWS: Final = 64
"""Rows encoded at a time, so that a large picture needs little memory beside its own."""

_POINTS: Final = 24
_LEAST_AREA: Final = 0.6  # of the picture that trimming may leave; else the wall is shown
_DEEPEST_BLACK: Final = np.float32(0.008)  # a print's black still returns 0.8 % of the light
_PAPER: Final = (243, 233, 212)
_HAZE: Final = (196, 160, 104)

# Optical density of an old dammar varnish in red, green and blue, where blue is 1: its
# absorption rises steeply towards short waves.
_VARNISH_DENSITY: Final = np.array([0.16, 0.42, 1.0], np.float32)

# Off-white, gray, linen, sage, damask red and slate: what galleries hang on.
_WALLS: Final = np.array(
    [
        (236, 232, 224),
        (206, 204, 200),
        (178, 170, 156),
        (124, 140, 130),
        (118, 44, 46),
        (82, 94, 116),
    ]
)
# Bright and old gilding, walnut, ebony, oak; the first two shine.
_MOLDINGS: Final = ((176, 136, 62), (150, 106, 48), (62, 40, 26), (34, 30, 28), (116, 76, 44))
_GILT: Final = 2

# Slope of the molding from its outer edge (0) to the picture (1), positive where it rises
# towards the picture: a steep outer side, a ridge, a long fall, a bead at the sight edge.
_PROFILE_PLACE: Final = (0.0, 0.1, 0.28, 0.36, 0.5, 0.78, 0.84, 0.9, 0.96, 1.0)
_PROFILE_SLOPE: Final = (1.6, 1.0, 0.5, 0.0, -0.7, -0.25, 0.0, 0.9, -0.9, -1.4)

_LAMP: Final = np.array([-0.35, -0.62, 0.70], np.float32)  # from the upper left, before it
_AMBIENT: Final = np.float32(0.35)


class EditedPicture(NamedTuple):
    """A copy, often of another size, and what was drawn for it at random, or fixed, by name.

    Angles are in degrees, lengths in pixels.
    """

    pixels: RGBImage
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Edit:
    """One way in which a copy differs, and its title for people: ``crop to 70 %``."""

    title: str
    apply: Callable[[RGBImage, np.random.Generator], EditedPicture]


@lru_cache(maxsize=1)
def _table() -> Light:
    encoded = np.arange(256) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def to_light(levels: npt.ArrayLike) -> Light:
    """Return the linear light of 8-bit sRGB levels, after IEC 61966-2-1."""
    return np.asarray(_table()[np.asarray(levels)])


def to_levels(light: Light) -> RGBImage:
    """Return linear light as 8-bit sRGB levels; what is out of 0..1 is clipped."""
    levels = np.empty(light.shape, np.uint8)
    for start in range(0, len(light), _ROWS):
        rows = slice(start, start + _ROWS)
        clipped = np.clip(light[rows], 0.0, 1.0)
        encoded = np.where(
            clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055
        )
        levels[rows] = np.rint(encoded * 255.0)
    return levels


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
    luma = Image.fromarray(np.ascontiguousarray(image)).convert("L")
    return EditedPicture(np.array(luma.convert("RGB")), {})


def _compress(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture after JPEG compression at quality 20 of 100, as libjpeg counts."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=JPEG_QUALITY)
    with Image.open(file, formats=["JPEG"]) as decoded:
        return EditedPicture(np.array(decoded.convert("RGB")), {"quality": JPEG_QUALITY})


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
    """Return the picture in a molded frame with mitred corners, hanging on a wall.

    The frame is lit from the upper left; it throws a shadow on the picture's edge and
    one on the wall.
    """
    height, width = image.shape[:2]
    length = _reference_length(height, width)
    border = max(1, round(random.uniform(0.07, 0.14) * length))
    shares = random.uniform(0.05, 0.2, 4)
    top, right, bottom, left = (max(1, round(share * length)) for share in shares.tolist())
    index = int(random.integers(len(_MOLDINGS)))
    framed = _molding(height + 2 * border, width + 2 * border, border, index, random)
    # Less light reaches the picture under the upper and left rails.
    reach = np.float32(max(0.25 * border, 0.5))
    down = 1 - np.float32(0.55) * np.exp(-np.arange(height, dtype=np.float32) / reach)
    across = 1 - np.float32(0.35) * np.exp(-np.arange(width, dtype=np.float32) / reach)
    shade = (down[:, None] * across)[..., None]
    framed[border : border + height, border : border + width] = to_light(image) * shade
    scene, parameters = _wall(
        framed.shape[0] + top + bottom, framed.shape[1] + left + right, random
    )
    scene *= _shadow_on_the_wall(scene.shape, framed.shape, (top, left), border)[..., None]
    scene[top : top + framed.shape[0], left : left + framed.shape[1]] = framed
    sides = {"top": top, "right": right, "bottom": bottom, "left": left}
    return EditedPicture(
        to_levels(scene), {"border": border, "molding": index, **sides, **parameters}
    )


def _reference_length(height: int, width: int) -> float:
    """Return the pixels that borders are shares of: the short side, a strip's long / 10."""
    return max(min(height, width), max(height, width) / 10)


def _wall(height: int, width: int, random: np.random.Generator) -> tuple[Light, dict[str, float]]:
    """Return a plain wall, lit a little from one side, as linear light."""
    index = int(random.integers(len(_WALLS)))
    falloff = random.uniform(0.1, 0.3)
    angle = random.uniform(0.0, 2 * np.pi)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
    brightness = np.float32(0.85) + np.float32(falloff) * (across[None, :] + down[:, None])
    brightness *= _grain(height, width, 0.012, random)
    light = brightness[..., None] * to_light(_WALLS[index])
    return light, {"wall": index, "falloff": falloff, "light_angle": angle}


def _molding(
    height: int, width: int, border: int, index: int, random: np.random.Generator
) -> Light:
    """Return the frame's front, its inside yet empty."""
    down = np.arange(height, dtype=np.float32) + 0.5
    across = np.arange(width, dtype=np.float32) + 0.5
    from_ends = np.minimum(down, height - down)[:, None]
    from_sides = np.minimum(across, width - across)[None, :]
    depth = np.minimum(np.minimum(from_ends, from_sides) / border, 1.0)
    slope = np.interp(depth, _PROFILE_PLACE, _PROFILE_SLOPE).astype(np.float32)
    # Which way is inward decides how the lamp falls on a slope; it changes at the mitres.
    one, none, is_end = np.float32(1), np.float32(0), from_ends < from_sides
    inward_y = np.where(is_end, np.where(down < height / 2, one, -one)[:, None], none)
    inward_x = np.where(is_end, none, np.where(across < width / 2, one, -one)[None, :])
    lamp = _LAMP / np.linalg.norm(_LAMP)
    facing = lamp[2] - slope * (inward_x * lamp[0] + inward_y * lamp[1])
    facing = np.maximum(facing / np.sqrt(1 + slope * slope), 0.0).astype(np.float32)
    shading = (_AMBIENT + facing) * _grain(height, width, 0.05, random)
    light: Light = shading[..., None] * to_light(_MOLDINGS[index])
    if index < _GILT:
        light += (0.5 * facing**12)[..., None] * to_light((255, 236, 190))
    return light


def _shadow_on_the_wall(
    scene: tuple[int, ...], framed: tuple[int, ...], corner: tuple[int, int], border: int
) -> Light:
    """Return the light that a frame leaves the wall: a soft shadow, low and to the right."""
    offset, softness = 0.45 * border, max(0.4 * border, 0.5)

    def covered(count: int, start: float, stop: float) -> Light:
        place = np.arange(count, dtype=np.float32) + 0.5
        inside = np.minimum(place - start, stop - place) / softness
        return np.asarray(1 / (1 + np.exp(-np.clip(4 * inside, -30, 30))), np.float32)

    down = covered(scene[0], corner[0] + offset, corner[0] + offset + framed[0])
    across = covered(scene[1], corner[1] + 0.6 * offset, corner[1] + 0.6 * offset + framed[1])
    return np.float32(1) - np.float32(0.6) * (down[:, None] * across[None, :])


def _grain(height: int, width: int, strength: float, random: np.random.Generator) -> Light:
    grain: Light = random.standard_normal((height, width), np.float32)
    return np.float32(1) + np.float32(strength) * grain


def _rotate(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture turned by 1 to 3 degrees either way.

    The wall shows in the corners, or the edges are trimmed off, as someone lays a
    scan straight or does not.
    """
    degrees = float(random.uniform(1.0, 3.0) * random.choice((-1, 1)))
    warped, parameters = _photograph(image, _turn(degrees, 0, 1), random)
    return EditedPicture(warped, {"degrees": degrees, **parameters})


def _view_aside(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture as a camera sees it from one side and from above or below.

    A pinhole camera at 1.2 to 2 diagonals turns by 8 to 18 degrees sideways and by 3 to 9
    up or down, which moves the corners by some percent of the sides.
    """
    height, width = image.shape[:2]
    yaw = float(random.uniform(8.0, 18.0) * random.choice((-1, 1)))
    pitch = float(random.uniform(3.0, 9.0) * random.choice((-1, 1)))
    diagonals = float(random.uniform(1.2, 2.0))
    focus = diagonals * np.hypot(height, width)
    # A point (x, y, 0) of the picture, turned and put at `focus`, is projected at x / z.
    view = _turn(pitch, 1, 2) @ _turn(yaw, 2, 0)
    view[:, 2] = (0, 0, focus)
    view = np.diag([focus, focus, 1.0]) @ view
    warped, parameters = _photograph(image, view, random)
    drawn = {"yaw": yaw, "pitch": pitch, "diagonals": diagonals}
    return EditedPicture(warped, {**drawn, **parameters})


def _turn(degrees: float, one: int, other: int) -> npt.NDArray[np.float64]:
    """Return the matrix that turns one axis of three towards another."""
    angle, turn = np.deg2rad(degrees), np.eye(3)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


def _photograph(
    image: RGBImage, view: npt.NDArray[np.float64], random: np.random.Generator
) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture under `view`, a homography about its center.

    Trimmed to a rectangle inside it, or with a little of the wall around it.
    """
    height, width = image.shape[:2]
    view = view @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    corners = np.array([[0, width, width, 0.0], [0, 0, height, height], [1, 1, 1, 1]])
    across, down, depth = view @ corners
    x, y = across / depth, down / depth
    left, right = max(x[0], x[3]), min(x[1], x[2])
    top, bottom = max(y[0], y[1]), min(y[2], y[3])
    area = max(right - left, 0) * max(bottom - top, 0)
    show_wall = bool(random.integers(2)) or area < _LEAST_AREA * width * height
    if show_wall:
        margin = random.uniform(0.01, 0.04) * _reference_length(height, width)
        left, right = x.min() - margin, x.max() + margin
        top, bottom = y.min() - margin, y.max() + margin
    size = max(1, round(right - left)), max(1, round(bottom - top))
    placed = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ view
    warped = _resample(image, np.linalg.inv(placed), size)
    wall, parameters = _wall(size[1], size[0], random)
    if not show_wall:
        return np.array(warped.convert("RGB")), {"shows_wall": 0.0}
    scene = Image.fromarray(to_levels(wall))
    scene.paste(warped.convert("RGB"), mask=warped.getchannel("A"))
    return np.array(scene), {"shows_wall": 1.0, **parameters}


def _resample(
    image: RGBImage, back: npt.NDArray[np.floating], size: tuple[int, int]
) -> Image.Image:
    """Return the picture as RGBA of `size`, where `back` leads from the result into it."""
    # A clear rim of a pixel: the edge is then blended like any other place.
    height, width = image.shape[:2]
    padded = np.zeros((height + 2, width + 2, 4), np.uint8)
    padded[..., :3] = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    padded[1:-1, 1:-1, 3] = 255
    back = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1.0]]) @ back
    coefficients = (back / back[2, 2]).ravel()[:8]
    return Image.fromarray(padded).transform(
        size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC
    )


def _scratch(image: RGBImage, random: np.random.Generator) -> EditedPicture:
    """Return the picture with 6 to 14 scratches, as of a worn negative or a hurt surface.

    Each is a thin, slightly bent line of 10 to 80 percent of the diagonal, nearly white
    or nearly black, and of uneven strength.
    """
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
"""Every edit by name, in the order of reports."""


def edit_picture(image: RGBImage, edit: str, *, painting_id: str, seed: int = 0) -> EditedPicture:
    """Return a copy of a painting's picture; the same for the same painting, edit and seed.

    The picture, of at least one pixel, is left as it is. An edit takes up to 70 bytes of memory
    a pixel while it works. ValueError if there is no such edit, or `image` is not uint8 of
    shape (h, w, 3).
    """
    if edit not in EDITS:
        raise ValueError(f"no edit is called {edit!r}; there are: {', '.join(EDITS)}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"expected uint8 of shape (h, w, 3), not {image.dtype} {image.shape}")
    # Not `hash`, which Python salts anew in every process.
    name = f"{seed}\0{edit}\0{painting_id}".encode("utf-8", "surrogatepass")
    seeded = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
    return EDITS[edit].apply(image, np.random.default_rng(seeded))
