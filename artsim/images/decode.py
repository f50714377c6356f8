"""One picture file to a small upright sRGB picture, within limits and a share of memory."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, ImagePalette
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from artsim.catalog.arrays import RGBImage
from artsim.images.color import to_srgb
from artsim.images.formats import AVIF, BMP, JPEG, JPEG2000, TIFF, WEBP, Format
from artsim.images.jpeg2000 import Codestream, read_codestream
from artsim.images.jpeg_end import load_without_end
from artsim.images.limits import ImageLimits, check_memory, check_pixels
from artsim.images.memory import (
    BAND_BYTES,
    DECODING,
    coefficient_bytes,
    decoding_bytes,
    samples_bytes,
)
from artsim.images.quiet import silence_libtiff
from artsim.images.shrink import Box, shrink_levels
from artsim.images.tiff import Directory, check_readable, find_picture, narrow_palette
from artsim.images.tiff_samples import read_samples, reads_samples

_ORIENTATION_TAG: Final = 0x0112
_LARGE_FILE: Final = 8 << 20

_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(
    file: BinaryIO, kind: Format, place: str, max_side: int, limits: ImageLimits
) -> tuple[RGBImage, int, int]:
    """Return a file's pixels, its long side at most `max_side`, and its own width and height.

    Waits until its share of `artsim.images.memory.DECODING` is free.

    Raises
    ------
    ImageError
        If the picture is over a limit.
    Exception
        Whatever Pillow raises on a damaged file.
    """
    job = _Job(file, kind, place, max_side, limits)
    if kind is TIFF:
        return job.decode_tiff()
    if kind is JPEG2000:
        stream = read_codestream(file)
        check_pixels(stream.size, place, limits)
        file.seek(0)
        return job.decode_by_pillow(stream=stream)
    return job.decode_by_pillow()


def decode_open(
    image: Image.Image, place: str, max_side: int, limits: ImageLimits
) -> tuple[RGBImage, int, int]:
    """Return the pixels of a picture that is open in Pillow, as `decode` does a file's."""
    check_pixels(image.size, place, limits)
    kind = next(
        (known for known in (WEBP, AVIF, BMP) if known.plugin.upper() == image.format), None
    )
    coefficients = coefficient_bytes(image) if isinstance(image, JpegImageFile) else 0
    cost = decoding_bytes(image, kind, coefficients=coefficients)
    with DECODING.share(cost + BAND_BYTES):
        image.load()
        return _finish(image, image.size, None, max_side)


@dataclass(frozen=True, slots=True)
class _Job:
    file: BinaryIO
    kind: Format
    place: str
    max_side: int
    limits: ImageLimits

    def decode_tiff(self) -> tuple[RGBImage, int, int]:
        silence_libtiff()
        page = find_picture(self.file)
        check_pixels(page.size, self.place, self.limits)
        if not reads_samples(page):
            check_readable(page)
            self.file.seek(0)
            return self.decode_by_pillow(page=page)
        cost = samples_bytes(page)
        self.check_memory(cost)
        with DECODING.share(cost + BAND_BYTES):
            return _finish(read_samples(page), page.size, None, self.max_side)

    def decode_by_pillow(
        self, page: Directory | None = None, stream: Codestream | None = None
    ) -> tuple[RGBImage, int, int]:
        held = page.tag_bytes if page else self.file_bytes() if self.kind.whole_file else 0
        alone = held > _LARGE_FILE
        with (
            DECODING.share(DECODING.total) if alone else nullcontext(),
            self.kind.opener()(self.file) as image,
        ):
            if page is not None:
                image.seek(page.page)
                if image.mode == "P" and (palette := narrow_palette(page)):
                    image.palette = ImagePalette.raw("RGB;L", palette)
            check_pixels(image.size, self.place, self.limits)
            size = image.size
            if stream is not None and stream.profile:
                image.info["icc_profile"] = stream.profile
            coefficients = coefficient_bytes(image) if self.kind is JPEG else 0
            box = self.draft(image, stream)
            cost = decoding_bytes(
                image, self.kind, page=page, stream=stream, coefficients=coefficients
            )
            self.check_memory(cost)
            with nullcontext() if alone else DECODING.share(cost + BAND_BYTES):
                try:
                    return _finish(self.load(image, size, page), size, box, self.max_side)
                finally:
                    image.close()  # or an error that somebody keeps would keep its pixels

    def draft(self, image: ImageFile, stream: Codestream | None) -> Box | None:
        """Ask for a smaller scale, at least twice the size wanted, where the decoder has them.

        At that size the resize afterwards still sees detail to filter.
        """
        target = fit(*image.size, self.max_side)
        if target == image.size:
            return None
        if stream is not None:
            least = min(
                side // (2 * wanted) for side, wanted in zip(image.size, target, strict=True)
            )
            image.reduce = min(stream.levels, max(0, least.bit_length() - 1))  # type: ignore[method-assign, assignment]
            return None
        drafted = image.draft(None, (2 * target[0], 2 * target[1]))
        return None if drafted is None else drafted[1]

    def load(self, image: ImageFile, size: tuple[int, int], page: Directory | None) -> Image.Image:
        if page is not None:
            # Made here, or the plugin would compare it with Pillow's own limit on pixels.
            image.im = Image.new(image.mode, page.size).im
        try:
            image.load()
        except OSError as exc:
            if self.kind is not JPEG or "truncated" not in str(exc):
                raise
            target = fit(*size, self.max_side)
            whole = load_without_end(self.file, (2 * target[0], 2 * target[1]))
            if whole is None:
                raise
            return whole
        return image

    def check_memory(self, cost: int) -> None:
        check_memory(cost, f"{self.place}: this {self.kind.name}", self.limits)

    def file_bytes(self) -> int:
        return self.file.seek(0, os.SEEK_END) + self.file.seek(0)


def _finish(
    image: Image.Image, size: tuple[int, int], box: Box | None, max_side: int
) -> tuple[RGBImage, int, int]:
    """Bring a loaded picture to its size, to sRGB and upright.

    Parameters
    ----------
    size : tuple of int
        Its width and height before it was decoded at a smaller scale.
    box : tuple of float, optional
        What `PIL.Image.Image.draft` returned.
    """
    width, height = size
    orientation = _orientation(image)  # after loading: TIFFs come upright and forget theirs
    profile = image.info.get("icc_profile")
    small = to_srgb(shrink_levels(image, fit(width, height, max_side), box), profile)
    if orientation in _TRANSPOSITIONS:
        small = small.transpose(_TRANSPOSITIONS[orientation])
    if orientation >= 5:
        width, height = height, width
    return np.array(small), width, height


def fit(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return the size of a picture whose long side is at most `max_side`."""
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
