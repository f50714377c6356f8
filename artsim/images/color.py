"""Every color mode Pillow decodes, as 8-bit sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_WHITE: Final = (255, 255, 255)
_BITS_PER_SAMPLE: Final = 258
_SAMPLE_FORMAT: Final = 339
_SIGNED: Final = 2

_MODE_OF_COLOR_SPACE: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


def decode_levels(image: Image.Image) -> Image.Image:
    """Return a loaded picture as opaque 8-bit ``L``, ``RGB``, ``CMYK`` or ``LAB``.

    Still in the file's own color space. Transparent parts are laid on white. Levels
    deeper than 8 bits are scaled by their full range, as the file states it: 4095 of a
    12-bit scan is white, and so is 65535 of a 16-bit one; floats run from 0 to 1, or to
    255, 65535 or their own maximum where they go above; what is negative or not a
    number is black.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return Image.fromarray(_to_8_bits(image))
    if image.mode == "1":
        image = image.convert("L") if "transparency" not in image.info else image.convert("RGBA")
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    return image.convert("RGB")  # palettes, YCbCr, HSV, RGBX


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


def _to_8_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    levels = np.asarray(image)
    if image.mode == "F":
        finite = np.nan_to_num(levels, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
        most = float(finite.max(initial=0.0))
        white = next((full for full in (1.0, 255.0, 65535.0) if most <= full), most)
        return _scaled(finite, white)
    bits, signed = _sample_type(image)
    if image.mode == "I" and bits == 32 and not signed:
        levels = levels.view(np.uint32)  # Pillow keeps unsigned samples in signed ones
    return _scaled(levels, float(2 ** (bits - 1) - 1 if signed else 2**bits - 1))


def _scaled(levels: npt.NDArray[Any], white: float) -> npt.NDArray[np.uint8]:
    gray = levels * np.float32(255.0 / white)
    np.rint(np.clip(gray, 0.0, 255.0, out=gray), out=gray)
    return gray.astype(np.uint8)


def _sample_type(image: Image.Image) -> tuple[int, bool]:
    """Return the bits of a sample, and whether it is signed, from a TIFF's own tags."""
    tags = getattr(image, "tag_v2", {})
    default = 32 if image.mode == "I" and tags else 16
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
