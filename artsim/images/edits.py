"""The ways in which copies of a painting differ from its picture, made from the picture.

Every edit is a function of a picture and a random generator; none changes its picture.
`edit_picture` seeds the generator by the painting and the edit, so that the same painting
is always edited in the same way, whatever else is edited before it. Crops are measured by
area and JPEG by libjpeg's quality, as in the Copydays collection [1]_.

References
----------
.. [1] Douze, Jégou, Sandhawalia, Amsaleg & Schmid (2009). Evaluation of GIST descriptors
   for web-scale image search. CIVR.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.images.edit_color import fade, gray, varnish
from artsim.images.edit_scratches import scratch
from artsim.images.edit_wall import frame
from artsim.images.edit_warp import rotate, view_aside

EditFunction: TypeAlias = Callable[
    [RGBImage, np.random.Generator], tuple[RGBImage, dict[str, float]]
]

JPEG_QUALITY: Final = 20
_CROP_AREA: Final = 0.7
_DETAIL_AREA: Final = 0.25


@dataclass(frozen=True, slots=True)
class Edit:
    """One way in which a copy differs.

    Attributes
    ----------
    name : str
        For options and reports: ``crop``.
    title : str
        For people: ``crop to 70 %``.
    apply : callable
        From a picture, uint8 of shape (h, w, 3), and a generator to the edited picture,
        often of another size, and what was drawn for it, by name.
    """

    name: str
    title: str
    apply: EditFunction


@dataclass(frozen=True, slots=True, eq=False)
class EditedPicture:
    """A copy that was made.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3)
    parameters : mapping of str to float
        What was drawn at random, or fixed: angles in degrees, lengths in pixels.
    """

    pixels: RGBImage
    parameters: Mapping[str, float]


def crop(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return a part of 70 % of the picture's area, placed anywhere in it."""
    return _part(image, _CROP_AREA, 0.12, random)


def detail(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return a part of a quarter of the picture's area, placed anywhere in it."""
    return _part(image, _DETAIL_AREA, 0.25, random)


def mirror(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture with left and right exchanged, as from a slide put in wrongly."""
    return image[:, ::-1].copy(), {}


def grayscale(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture without color."""
    return gray(image), {}


def compress(image: RGBImage, random: np.random.Generator) -> tuple[RGBImage, dict[str, float]]:
    """Return the picture after JPEG compression at quality 20 of 100, as libjpeg counts."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=JPEG_QUALITY)
    with Image.open(file, formats=["JPEG"]) as decoded:
        return np.array(decoded.convert("RGB")), {"quality": JPEG_QUALITY}


EDITS: Final[Mapping[str, Edit]] = MappingProxyType(
    {
        edit.name: edit
        for edit in (
            Edit("crop", "crop to 70 %", crop),
            Edit("detail", "detail of 25 %", detail),
            Edit("mirror", "mirrored", mirror),
            Edit("grayscale", "grayscale", grayscale),
            Edit("fade", "faded colors", fade),
            Edit("varnish", "warm varnish", varnish),
            Edit("frame", "frame and wall", frame),
            Edit("jpeg", "strong JPEG", compress),
            Edit("rotate", "small rotation", rotate),
            Edit("perspective", "perspective", view_aside),
            Edit("scratches", "scratches", scratch),
        )
    }
)
"""Every edit by name, in the order of reports."""


def edit_picture(image: RGBImage, edit: str, *, painting_id: str, seed: int = 0) -> EditedPicture:
    """Return a copy of a painting's picture; the same for the same painting, edit and seed.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        At least one pixel; it is left as it is. An edit takes up to 70 bytes of memory a
        pixel while it works.
    edit : str
        One of `EDITS`.

    Raises
    ------
    ValueError
        If there is no such edit, or `image` is not of that shape and type.
    """
    if edit not in EDITS:
        raise ValueError(f"no edit is called {edit!r}; there are: {', '.join(EDITS)}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"expected uint8 of shape (h, w, 3), not {image.dtype} {image.shape}")
    pixels, parameters = EDITS[edit].apply(image, _generator(painting_id, edit, seed))
    return EditedPicture(pixels, parameters)


def _generator(painting_id: str, edit: str, seed: int) -> np.random.Generator:
    # Not `hash`, which Python salts anew in every process.
    name = f"{seed}\0{edit}\0{painting_id}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest()[:16], "big"))


def _part(
    image: RGBImage, area: float, stretch: float, random: np.random.Generator
) -> tuple[RGBImage, dict[str, float]]:
    """Return a part with `area` of the picture's, its sides stretched by up to 2**`stretch`."""
    height, width = image.shape[:2]
    factor = 2.0 ** random.uniform(-stretch, stretch)
    down = max(1, round(height * area**0.5 * factor))
    across = max(1, round(width * area**0.5 / factor))
    top = int(random.integers(height - down + 1))
    left = int(random.integers(width - across + 1))
    part = image[top : top + down, left : left + across].copy()
    return part, {"left": left, "top": top, "width": across, "height": down}
