"""Every color mode Pillow decodes, as 8-bit sRGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT

_LEVELS: Final = ("L", "RGB", "CMYK", "LAB")

BAND_PIXELS: Final = 1 << 20  # how much of a picture is brought to other numbers at a time

_MODE_OF_COLOR_SPACE: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


@dataclass(frozen=True, slots=True)
class Depth:
    """What the numbers of a picture deeper than 8 bits mean: `white` is white, and 0 is black.

    Inverted, 0 is white. Unsigned ones of 32 bits Pillow keeps in its signed numbers.
    """

    white: float
    inverted: bool = False
    unsigned: bool = False


def depth_of(image: Image.Image) -> Depth | None:
    """Return the depth of a loaded picture, None where it has 8 bits or fewer.

    Integers run to their full range as the file states it: 4095 of a 12-bit scan is
    white, and so is 65535 of a 16-bit one. Floats: see `white_of`.
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;"):
        return None
    inverted = _tiff_number(image, PHOTOMETRIC_INTERPRETATION, 1) == 0
    if image.mode == "F":
        rows = max(1, BAND_PIXELS // image.width)
        boxes = (
            (0, top, image.width, min(top + rows, image.height))
            for top in range(0, image.height, rows)
        )
        most = max(greatest(np.asarray(image.crop(box))) for box in boxes)
        return Depth(white_of(most), inverted)
    default = 32 if image.mode == "I" and hasattr(image, "tag_v2") else 16
    bits = _tiff_number(image, BITSPERSAMPLE, default)
    bits = bits if 1 <= bits <= 32 else default
    signed = _tiff_number(image, SAMPLEFORMAT, 1) == 2
    white = float(2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    return Depth(white, inverted, unsigned=image.mode == "I" and bits == 32 and not signed)


def white_of(most: float) -> float:
    """Return the white of floats: 1, or 255 or 65535 where they go above, or their greatest."""
    return next((full for full in (1.0, 255.0, 65535.0) if most <= full), most)


def greatest(levels: npt.NDArray[Any]) -> float:
    """Return the greatest of the levels that are numbers, at least 0."""
    return float(levels.max(initial=0.0, where=np.isfinite(levels)))


def scale_levels(levels: npt.NDArray[Any], white: float) -> npt.NDArray[np.uint8]:
    """Return levels from 0 to `white` as 0 to 255; what is negative or no number is 0."""
    if levels.dtype.kind == "f":
        levels = np.clip(np.nan_to_num(levels, nan=0.0, posinf=0.0, neginf=0.0), 0.0, white)
    gray = levels * (np.float64 if levels.dtype == np.float64 else np.float32)(255.0 / white)
    np.rint(np.clip(gray, 0.0, 255.0, out=gray), out=gray)
    return gray.astype(np.uint8)


def decode_levels(image: Image.Image, depth: Depth | None) -> Image.Image:
    """Return a loaded picture, or a part of one, as opaque 8-bit levels.

    ``L``, ``RGB``, ``CMYK`` or ``LAB``, still in the file's own color space. Transparent parts are
    laid on white. `depth` is that of the whole picture, from `depth_of`.
    """
    if depth is not None:
        levels = np.asarray(image)
        gray = scale_levels(levels.view(np.uint32) if depth.unsigned else levels, depth.white)
        return Image.fromarray(255 - gray if depth.inverted else gray)
    if image.mode == "1":
        image = image.convert("L") if "transparency" not in image.info else image.convert("RGBA")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in _LEVELS:
        return image
    return image.convert("RGB")  # palettes, YCbCr, HSV, RGBX


def needs_decoding(image: Image.Image) -> bool:
    """Tell whether `decode_levels` makes another picture of it."""
    return image.has_transparency_data or image.mode not in _LEVELS


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an opaque 8-bit picture as sRGB, by its ICC profile if it has a usable one.

    Relative colorimetric with black point compensation, as picture editors do by
    default. A profile that is broken, or of another color space than the picture, is
    passed over: without one gray and RGB count as sRGB, and CMYK is plainly inverted.
    An RGB profile on a gray picture is applied to its three equal channels.
    """
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    if isinstance(profile, bytes) and profile:
        mode, transform = _profile_transform(profile)
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if transform is not None and mode == image.mode:
            return ImageCms.applyTransform(image, transform) or image
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    with_alpha = image.convert("RGBA")
    alpha = with_alpha.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return with_alpha.convert("RGB")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(with_alpha.convert("RGB"), mask=alpha)
    return white


def _tiff_number(image: Image.Image, tag: int, default: int) -> int:
    """Return the first number of a TIFF's own tag."""
    value = getattr(image, "tag_v2", {}).get(tag)
    if isinstance(value, tuple):
        value = value[0] if value else default
    return value if isinstance(value, int) else default


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB", intent)


# A museum's pictures carry a handful of profiles; building a transform takes
# milliseconds, as long as decoding a small picture.
@lru_cache(maxsize=16)
def _profile_transform(profile: bytes) -> tuple[str | None, ImageCms.ImageCmsTransform | None]:
    """Return the picture mode a profile is for, and its way to sRGB; None for one of no use.

    The transform is None where the profile is sRGB itself, to within rounding.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODE_OF_COLOR_SPACE.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None, None
        intent, flag = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB", intent, flag)
    # Pillow's own PyCMSError, and whatever else reading a broken profile brings.
    except Exception:
        return None, None
    return mode, None if mode == "RGB" and _changes_nothing(transform) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    changed = ImageCms.applyTransform(Image.fromarray(grid), transform)
    return changed is not None and bool(
        np.abs(np.asarray(changed).astype(int) - grid.astype(int)).max() <= 1
    )
