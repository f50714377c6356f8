"""Every color mode Pillow decodes, as 8-bit sRGB."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_WHITE: Final = (255, 255, 255)
_LEVELS: Final = ("L", "RGB", "CMYK", "LAB")
_BITS_PER_SAMPLE: Final = 258
_PHOTOMETRIC: Final = 262
_SAMPLE_FORMAT: Final = 339
_SIGNED: Final = 2
_WHITE_IS_ZERO: Final = 0

BAND_PIXELS: Final = 1 << 20
"""How much of a picture is brought to other numbers at a time."""

_MODE_OF_COLOR_SPACE: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


@dataclass(frozen=True, slots=True)
class Depth:
    """What the numbers of a picture deeper than 8 bits mean.

    Attributes
    ----------
    white : float
        The level of white; black is 0.
    inverted : bool
        0 is white, and `white` is black.
    unsigned : bool
        Whether Pillow keeps 32-bit unsigned numbers in its signed ones.
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
    tags = getattr(image, "tag_v2", {})
    inverted = _first(tags.get(_PHOTOMETRIC), 1) == _WHITE_IS_ZERO
    if image.mode == "F":
        bands = (np.asarray(band) for band in _bands(image))
        return Depth(white_of(max(greatest(band) for band in bands)), inverted)
    bits, signed = _sample_type(image.mode, tags)
    white = float(2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    return Depth(white, inverted, unsigned=image.mode == "I" and bits == 32 and not signed)


def white_of(most: float) -> float:
    """Return the level of white among floats, of which `most` is the greatest.

    1, or 255 or 65535 where they go above, or their own greatest.
    """
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

    ``L``, ``RGB``, ``CMYK`` or ``LAB``, still in the file's own color space. Transparent
    parts are laid on white. `depth` is that of the whole picture, from `depth_of`.
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
    white = Image.new("RGB", image.size, _WHITE)
    white.paste(with_alpha.convert("RGB"), mask=alpha)
    return white


def _bands(image: Image.Image) -> Iterator[Image.Image]:
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _sample_type(mode: str, tags: Mapping[int, Any]) -> tuple[int, bool]:
    """Return the bits of a sample, and whether it is signed, from a TIFF's own tags."""
    default = 32 if mode == "I" and tags else 16
    bits = _first(tags.get(_BITS_PER_SAMPLE), default)
    return (bits if 1 <= bits <= 32 else default), _first(tags.get(_SAMPLE_FORMAT), 1) == _SIGNED


def _first(value: Any, default: int) -> int:
    if isinstance(value, tuple):
        value = value[0] if value else default
    return value if isinstance(value, int) else default


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")),
        _srgb(),
        "LAB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )


# A museum's pictures carry a handful of profiles; building a transform takes
# milliseconds, as long as decoding a small picture.
@lru_cache(maxsize=16)
def _profile_transform(profile: bytes) -> tuple[str | None, ImageCms.ImageCmsTransform | None]:
    """Return the picture mode a profile is for, and its way to sRGB.

    The transform is None where the profile is sRGB itself, to within rounding, and both
    are None where the profile is of no use.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODE_OF_COLOR_SPACE.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None, None
        transform = ImageCms.buildTransform(
            source,
            _srgb(),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
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
