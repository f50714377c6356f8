"""What pictures look like framed, hung and photographed: light, moldings, walls, shadows, lamps."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from artsim.catalog.arrays import RGBImage

Light: TypeAlias = npt.NDArray[np.float32]
"""Linear light of shape (h, w, 3), 0 black and 1 the white of sRGB; or a field of (h, w)."""

Matrix: TypeAlias = npt.NDArray[np.floating]

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Share of each linear channel in the luminance, after ITU-R BT.709."""

COPY_SIDE: Final = 1024
"""Long side of a photograph of a wall in pixels, and most of a detail's: that to which a query's
picture is shrunk."""

LEAST_WIDTH, MOST_WIDTH = 0.15, 0.6
"""What a painting on a wall takes of the photograph's width, where its height allows."""

_ASPECTS: Final = (4 / 3, 3 / 2, 16 / 9, 3 / 4)  # width by height of cameras and telephones
_MARGIN: Final = 0.02  # of the photograph, which frames keep from its edge

_ENCODED: Final = np.arange(256) / 255.0
_LIGHT: Final[Light] = np.where(
    _ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4
).astype(np.float32)

_ROWS: Final = 64
"""Rows encoded at a time, so that a large picture needs little memory beside its own."""

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
MOLDINGS: Final = ((176, 136, 62), (150, 106, 48), (62, 40, 26), (34, 30, 28), (116, 76, 44))
_GILT: Final = 2

# Slope of the molding from its outer edge (0) to the picture (1), positive where it rises
# towards the picture: a steep outer side, a ridge, a long fall, a bead at the sight edge.
_PROFILE_PLACE: Final = (0.0, 0.1, 0.28, 0.36, 0.5, 0.78, 0.84, 0.9, 0.96, 1.0)
_PROFILE_SLOPE: Final = (1.6, 1.0, 0.5, 0.0, -0.7, -0.25, 0.0, 0.9, -0.9, -1.4)

_LAMP: Final = np.array([-0.35, -0.62, 0.70], np.float32)  # from the upper left, before it
_AMBIENT: Final = np.float32(0.35)


class EditedPicture(NamedTuple):
    """A copy, often of another size, and what was drawn for it at random, or fixed, by name.

    Angles are in degrees, lengths in pixels. `outlines` says of some edits where each picture is
    in the copy: its corners from the upper left clockwise, as it is looked at, shape (4, 2), in
    shares of the copy's width and height; a detail's lie outside of it.
    """

    pixels: RGBImage
    parameters: Mapping[str, float]
    outlines: tuple[Matrix, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One way in which a copy differs, and its title for people: ``crop to 70 %``.

    `apply` takes so many `pictures`, and as ``random`` what draws.
    """

    title: str
    apply: Callable[..., EditedPicture]
    pictures: int = 1


def to_light(levels: npt.ArrayLike) -> Light:
    """Return the linear light of 8-bit sRGB levels, after IEC 61966-2-1."""
    return np.asarray(_LIGHT[np.asarray(levels)])


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


def reference_length(height: int, width: int) -> float:
    """Return the pixels that borders are shares of: the short side, a strip's long / 10."""
    return max(min(height, width), max(height, width) / 10)


def paint_wall(
    height: int, width: int, random: np.random.Generator
) -> tuple[Light, dict[str, float]]:
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


def frame_picture(image: RGBImage, border: int, random: np.random.Generator, molding: int) -> Light:
    """Return the picture in a frame with mitred corners, lit from the upper left.

    The rails throw a shadow on the picture's edge.
    """
    height, width = image.shape[:2]
    framed = _molding(height + 2 * border, width + 2 * border, border, molding, random)
    # Less light reaches the picture under the upper and left rails.
    reach = np.float32(max(0.25 * border, 0.5))
    down = 1 - np.float32(0.55) * np.exp(-np.arange(height, dtype=np.float32) / reach)
    across = 1 - np.float32(0.35) * np.exp(-np.arange(width, dtype=np.float32) / reach)
    shade = (down[:, None] * across)[..., None]
    framed[border : border + height, border : border + width] = to_light(image) * shade
    return framed


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
    light: Light = shading[..., None] * to_light(MOLDINGS[index])
    if index < _GILT:
        light += (0.5 * facing**12)[..., None] * to_light((255, 236, 190))
    return light


def shadow_on_the_wall(
    across: Light, down: Light, framed: tuple[int, int], corner: tuple[float, float], border: float
) -> Light:
    """Return the light that a frame leaves the wall: a soft shadow, low and to the right.

    At places `across` and `down`, of a frame that is `framed` high and wide from its upper left
    `corner` (down, across) on.
    """
    offset, softness = 0.45 * border, max(0.4 * border, 0.5)

    def covered(place: Light, start: float, stop: float) -> Light:
        inside = np.minimum(place - start, stop - place) / softness
        return np.asarray(1 / (1 + np.exp(-np.clip(4 * inside, -30, 30))), np.float32)

    top, left = corner[0] + offset, corner[1] + 0.6 * offset
    rows = covered(down, top, top + framed[0])
    columns = covered(across, left, left + framed[1])
    return np.float32(1) - np.float32(0.6) * (rows * columns)


def _grain(height: int, width: int, strength: float, random: np.random.Generator) -> Light:
    grain: Light = random.standard_normal((height, width), np.float32)
    return np.float32(1) + np.float32(strength) * grain


def compress(image: RGBImage, quality: int) -> RGBImage:
    """Return the picture after JPEG compression, at a quality as libjpeg counts."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as decoded:
        return np.array(decoded.convert("RGB"))


def gray_levels(image: RGBImage) -> Image.Image:
    """Return the BT.601 luma of a picture."""
    return Image.fromarray(np.ascontiguousarray(image)).convert("L")


def turn_axes(degrees: float, one: int, other: int) -> npt.NDArray[np.float64]:
    """Return the matrix that turns one axis of three towards another."""
    angle, turn = np.deg2rad(degrees), np.eye(3)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


def shift(across: float, down: float, scale: float = 1.0) -> Matrix:
    """Return the matrix that moves by so much after enlarging by `scale`."""
    return np.array([[scale, 0, across], [0, scale, down], [0, 0, 1.0]])


def view_from(yaw: float, pitch: float, roll: float, focus: float) -> Matrix:
    """Return how a pinhole camera, turned by so many degrees, sees a plane at `focus` pixels."""
    view = turn_axes(roll, 0, 1) @ turn_axes(pitch, 1, 2) @ turn_axes(yaw, 2, 0)
    # A point (x, y, 0) of the plane, turned and put at `focus`, is projected at x / z.
    view[:, 2] = (0, 0, focus)
    return np.diag([focus, focus, 1.0]) @ view


def corners_in(into: Matrix, width: float, height: float) -> Matrix:
    """Return to where `into` leads the corners of a picture, from the upper left clockwise."""
    corners = np.array([[0, width, width, 0.0], [0, 0, height, height], [1, 1, 1, 1]])
    across, down, depth = into @ corners
    return np.stack([across / depth, down / depth], axis=1)


def resample(image: RGBImage, back: Matrix, size: tuple[int, int]) -> Image.Image:
    """Return the picture as RGBA of `size`, where `back` leads from the result into it."""
    # A clear rim of a pixel: the edge is then blended like any other place.
    height, width = image.shape[:2]
    padded = np.zeros((height + 2, width + 2, 4), np.uint8)
    padded[..., :3] = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    padded[1:-1, 1:-1, 3] = 255
    back = shift(1, 1) @ back
    coefficients = (back / back[2, 2]).ravel()[:8]
    return Image.fromarray(padded).transform(
        size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC
    )


class _Hung(NamedTuple):
    """A framed picture on the wall's plane, in pixels: its levels, border and upper left corner."""

    framed: RGBImage
    border: int
    top: float
    left: float

    def corners(self, view: Matrix, border: int = 0) -> Matrix:
        """Return where `view` shows the corners of what is so far inside the frame."""
        height, width = self.framed.shape[:2]
        from_corner = view @ shift(self.left + border, self.top + border)
        return corners_in(from_corner, width - 2 * border, height - 2 * border)


def photograph_wall(
    *pictures: RGBImage, random: np.random.Generator, most: float = MOST_WIDTH
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
    outlines = [one.corners(into, one.border) / size for one in hung]
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
    frames = np.concatenate([one.corners(np.eye(3)) for one in hung])
    middle = (frames.min(axis=0) + frames.max(axis=0)) / 2
    view = view_from(yaw, pitch, roll, focus) @ shift(*-middle)
    seen = np.concatenate([one.corners(view) for one in hung])
    picture = hung[0].corners(view, hung[0].border)
    room = np.array(size) * (1 - 2 * _MARGIN)
    extent = np.ptp(seen, axis=0)
    scale = min(share * size[0] / np.ptp(picture[:, 0]), *(room / extent))
    free = room - scale * extent
    place = np.array(size) * _MARGIN + random.uniform(0.0, 1.0, 2) * free
    moved = place - scale * seen.min(axis=0)
    return shift(moved[0], moved[1], scale) @ view, {"yaw": yaw, "pitch": pitch, "roll": roll}


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
        seen = np.asarray(resample(one.framed, shift(-one.left, -one.top) @ back, size))
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
