"""How much memory a picture takes while it is decoded, told from its header.

Bytes a pixel were measured as the peak of a process, Pillow 13 on Linux; what depends on
the pixels themselves (an AVIF's depth, say) is counted at its worst.
"""

from __future__ import annotations

import struct
from typing import IO, Final

from PIL import Image
from PIL.ImageFile import ImageFile

from artsim.images.color import BAND_PIXELS
from artsim.images.formats import AVIF, BMP, WEBP, Format
from artsim.images.jpeg2000 import Codestream
from artsim.images.tiff import Directory, Tag

BAND_BYTES: Final = 24 * BAND_PIXELS
"""A band as floats or RGBA, and what is made of it on the way to 8-bit levels."""

_ROW_POINTER: Final = 8


def decoding_bytes(
    image: Image.Image,
    kind: Format | None = None,
    *,
    page: Directory | None = None,
    stream: Codestream | None = None,
    coefficients: int = 0,
) -> int:
    """Return the peak of loading a picture that is open, at the scale it was told.

    Parameters
    ----------
    kind : Format, optional
        Of its file, if it is not decoded yet.
    page, stream, coefficients
        Of a TIFF, a JPEG 2000, and a JPEG (from `coefficient_bytes`).
    """
    halvings = getattr(image, "_reduce", 0)
    width, height = (side >> halvings for side in image.size)
    pixels = width * height
    held = pixels * _pixel_bytes(image.mode) + _ROW_POINTER * height + coefficients
    if kind is WEBP:
        held += 12 * pixels  # two canvases of an animation, and the frame as bytes
    elif kind is AVIF:
        # Planes of up to 16 bits, the frame, and the frame as bytes.
        held += (16 if image.mode == "RGBA" else 12) * pixels
    elif kind is BMP:
        held += 2 * pixels  # of run lengths
    if page is not None:
        # Pillow turns it while libtiff still has its last strip.
        held += page.block_bytes + (held if page.value(Tag.ORIENTATION, 1) > 1 else 0)
    if stream is not None:
        held += stream.decoding_bytes(halvings)
    return held


def samples_bytes(page: Directory) -> int:
    """Return the peak of `artsim.images.tiff_samples.read_samples`."""
    width, height = page.size
    return width * height * (min(page.samples, 4) + 4) + _ROW_POINTER * height


def coefficient_bytes(image: ImageFile) -> int:
    """Return what libjpeg keeps of a JPEG whose channels come one after another.

    Two bytes for each coefficient of a progressive one, or one of several scans. To be
    asked before a smaller scale is drafted.
    """
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    file = image.fp
    if file is None or not layers or _is_one_scan(image, file, len(layers)):
        return 0
    width, height = image.size
    most = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers) or 1
    share = sum(h * v for _, h, v, _ in layers) / most
    return round(2 * share * (width + 32) * (height + 32))


def _is_one_scan(image: ImageFile, file: IO[bytes], layers: int) -> bool:
    """Tell whether the first scan, whose header was just read, holds all channels."""
    if "progressive" in image.info:
        return False
    at = file.tell()
    file.seek(max(0, at - 8 - 2 * layers))
    marker = file.read(5)
    file.seek(at)
    return marker == struct.pack(">HHB", 0xFFDA, 6 + 2 * layers, layers)


def _pixel_bytes(mode: str) -> int:
    if mode in ("1", "L", "P"):
        return 1
    return 2 if mode.startswith("I;16") else 4
