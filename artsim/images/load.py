"""Picture files as 8-bit sRGB arrays, with limits and one kind of error."""

from __future__ import annotations

import hashlib
import io
import logging
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from artsim.domain.arrays import RGBImage
from artsim.errors import ImageError
from artsim.images.color import decode_levels, to_srgb
from artsim.images.quiet import pillow_warnings_ignored, silence_libtiff

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"}
)
"""Lower-case endings of the files that `load_image` is meant for; it looks only inside."""

DEFAULT_MAX_SIDE: Final = 1024

_File: TypeAlias = io.BufferedReader | io.BytesIO

_ORIENTATION_TAG: Final = 0x0112

# The plugins are called directly, not through Image.open: its one limit on pixels is a
# global of the process, and it would also try every other format Pillow knows.
_FORMATS: Final[tuple[tuple[str, Callable[[bytes], bool], type[ImageFile]], ...]] = (
    ("JPEG", lambda head: head.startswith(b"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile),
    ("PNG", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
    (
        "WebP",
        lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
        WebPImagePlugin.WebPImageFile,
    ),
    (
        "TIFF",
        lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        TiffImagePlugin.TiffImageFile,
    ),
    ("GIF", lambda head: head[:6] in (b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    ("BMP", lambda head: head.startswith(b"BM"), BmpImagePlugin.BmpImageFile),
)

_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow logs an error for some hostile TIFFs; without a handler Python prints it.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before anything is decoded.

    Attributes
    ----------
    max_megapixels : float
        Most pixels of a picture, in millions.
    max_bytes : int
        Most bytes of a file.
    """

    max_megapixels: float = 200.0
    max_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet."""
        if not self.max_megapixels > 0 or self.max_bytes < 1:
            raise ValueError(f"limits must be positive, not {self}")


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """A picture and what is known of its file.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3)
        Upright sRGB, its long side at most the `max_side` it was loaded with.
    width, height : int
        Of the original, upright.
    sha256 : str
        Of the file's bytes, in lower-case hexadecimal digits.
    """

    pixels: RGBImage
    width: int
    height: int
    sha256: str


def load_image(
    path: Path, *, max_side: int = DEFAULT_MAX_SIDE, limits: ImageLimits | None = None
) -> LoadedImage:
    """Load a JPEG, PNG, WebP, TIFF, GIF or BMP file, whatever its name says.

    The first frame or page is taken, EXIF orientation applied, and every color mode
    brought to 8-bit sRGB as `artsim.images.color` describes; transparent parts become
    white, as the paper of a catalogue is behind a cut-out. A larger picture is shrunk by
    a Lanczos filter, a JPEG from the smallest scale the decoder offers that is at least
    twice the size wanted [1]_. A smaller one is never enlarged.

    Parameters
    ----------
    path : Path
        Regular file; pipes and devices are refused, not waited for.
    max_side : int
        Most pixels of the result's long side, at least 1.
    limits : ImageLimits, optional
        Checked on the file's size and header, before decoding.

    Returns
    -------
    LoadedImage

    Raises
    ------
    ImageError
        If there is no such file, it may not be read, is not a picture of these formats,
        is damaged or cut short, or is over a limit.
    ValueError
        If `max_side` is below 1.

    References
    ----------
    .. [1] libjpeg's scaled inverse DCT, through `PIL.Image.Image.draft`.
    """
    limits = ImageLimits() if limits is None else limits
    _check_max_side(max_side)
    place = str(path)
    with _open_regular_file(path, limits) as file:
        return _load(file, place, max_side, limits)


def load_image_bytes(
    data: bytes,
    name: str,
    *,
    max_side: int = DEFAULT_MAX_SIDE,
    limits: ImageLimits | None = None,
) -> LoadedImage:
    """Load a picture from a file's bytes, as `load_image` does; `name` is for messages."""
    limits = ImageLimits() if limits is None else limits
    _check_max_side(max_side)
    _check_bytes(name, len(data), limits)
    return _load(io.BytesIO(data), name, max_side, limits)


def shrink_image(image: RGBImage, max_side: int = DEFAULT_MAX_SIDE) -> RGBImage:
    """Return a picture in memory as `load_image` returns a file's, its long side limited.

    Raises
    ------
    ValueError
        If `max_side` is below 1.
    """
    _check_max_side(max_side)
    height, width = image.shape[:2]
    target = _fit(width, height, max_side)
    if target == (width, height):
        return image
    whole = Image.fromarray(np.ascontiguousarray(image))
    return np.array(whole.resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0))


def file_sha256(path: Path, *, limits: ImageLimits | None = None) -> str:
    """Return the SHA-256 of a file's bytes, as `load_image` does, without decoding it.

    Raises
    ------
    ImageError
        If there is no such file, it may not be read, is empty, or over the limit on bytes.
    """
    with _open_regular_file(path, ImageLimits() if limits is None else limits) as file:
        return _sha256(file, str(path))


def _check_max_side(max_side: int) -> None:
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")


def _check_bytes(place: str, size: int, limits: ImageLimits) -> None:
    if size == 0:
        raise ImageError(f"{place}: the file is empty; copy or download it again")
    if size > limits.max_bytes:
        raise ImageError(
            f"{place}: {size / 1e6:,.1f} MB, and the limit is {limits.max_bytes / 1e6:,.1f} MB; "
            "shrink the picture or raise the limit on file size"
        )


@contextmanager
def _open_regular_file(path: Path, limits: ImageLimits) -> Iterator[_File]:
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise ImageError(_why_not_opened(path, exc)) from exc
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{path}: a folder, where a picture file is expected")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path}: a pipe or device; give the path of a picture file")
    _check_bytes(str(path), status.st_size, limits)
    try:
        file = path.open("rb")
    except OSError as exc:
        raise ImageError(_why_not_opened(path, exc)) from exc
    with file:
        yield file


def _why_not_opened(path: Path, exc: OSError | ValueError) -> str:
    place = repr(str(path)) if "\0" in str(path) else str(path)
    if isinstance(exc, FileNotFoundError):
        return f"{place}: no such file; check the path"
    if isinstance(exc, PermissionError):
        return f"{place}: no permission to read it; change its mode or owner"
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return f"{place}: cannot be opened ({reason}); check the path"


def _load(file: _File, place: str, max_side: int, limits: ImageLimits) -> LoadedImage:
    sha256 = _sha256(file, place)
    head = file.read(16)
    file.seek(0)
    opener = next(((name, cls) for name, fits, cls in _FORMATS if fits(head)), None)
    if opener is None:
        raise ImageError(
            f"{place}: not a picture that artsim reads; expected JPEG, PNG, WebP, TIFF, GIF or BMP"
        )
    format_name, plugin = opener
    if format_name == "TIFF":
        silence_libtiff()
    with _decoding(place, format_name), plugin(file) as image:
        _check_pixels(place, image, limits)
        small, width, height = _decode(image, max_side)
        return LoadedImage(np.array(small), width, height, sha256)


def _sha256(file: _File, place: str) -> str:
    """Return the digest of an open file, and leave it at its beginning."""
    try:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
    except OSError as exc:
        raise ImageError(f"{place}: cannot be read ({exc.strerror or exc}); try again") from exc
    return digest


@contextmanager
def _decoding(place: str, format_name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on a damaged file into `ImageError`."""
    try:
        with pillow_warnings_ignored():
            yield
    except ImageError:
        raise
    except MemoryError as exc:
        raise ImageError(
            f"{place}: not enough memory to decode this {format_name}; "
            "shrink it, or use fewer workers"
        ) from exc
    except Image.DecompressionBombError as exc:
        raise ImageError(
            f"{place}: this {format_name} has more pixels than the decoder takes; shrink it"
        ) from exc
    # Plugins parse hostile bytes with plain indexing and struct, so that nearly any
    # exception can come out of them.
    except Exception as exc:
        raise ImageError(f"{place}: {_what_is_wrong(exc, format_name)}") from exc


def _what_is_wrong(exc: Exception, format_name: str) -> str:
    reason = " ".join(str(exc).split())
    if isinstance(exc, EOFError) or "truncated" in reason.lower():
        return f"this {format_name} ends too early; copy or download it again"
    if isinstance(exc, (OSError, SyntaxError, ValueError, zlib.error)) and reason:
        return f"a damaged or unsupported {format_name} ({reason[:120]}); save it anew"
    return f"a damaged or unsupported {format_name}; save it anew"


def _check_pixels(place: str, image: Image.Image, limits: ImageLimits) -> None:
    width, height = image.size
    if width * height > limits.max_megapixels * 1e6:
        raise ImageError(
            f"{place}: {width:,} x {height:,} pixels are {width * height / 1e6:,.1f} megapixels, "
            f"and the limit is {limits.max_megapixels:g}; "
            "shrink the picture or raise the limit (--max-megapixels)"
        )


def _decode(image: ImageFile, max_side: int) -> tuple[Image.Image, int, int]:
    """Return the small upright sRGB picture, and the original's width and height."""
    width, height = image.size
    if width < 1 or height < 1:
        raise ValueError("no pixels")
    target = _fit(width, height, max_side)
    # At least twice the target, so that the resize below still sees detail to filter.
    drafted = image.draft(None, (2 * target[0], 2 * target[1])) if target != image.size else None
    box = None if drafted is None else drafted[1]
    image.load()
    orientation = _orientation(image)  # after loading: TIFFs come upright and forget theirs
    profile = image.info.get("icc_profile")
    small: Image.Image = decode_levels(image)
    if small.size != target:
        small = small.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    small = to_srgb(small, profile)
    if orientation in _TRANSPOSITIONS:
        small = small.transpose(_TRANSPOSITIONS[orientation])
    if orientation >= 5:
        width, height = height, width
    return small, width, height


def _fit(width: int, height: int, max_side: int) -> tuple[int, int]:
    long = max(width, height)
    if long <= max_side:
        return width, height
    return max(1, round(width * max_side / long)), max(1, round(height * max_side / long))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation in 1..8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged metadata is no reason to refuse a sound picture
        return 1
    return value if isinstance(value, int) and value in _TRANSPOSITIONS else 1
