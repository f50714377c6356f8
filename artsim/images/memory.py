"""Limits on pictures, and how much memory one takes while it is decoded."""

from __future__ import annotations

import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image

from artsim.errors import ImageError
from artsim.images.color import BAND_PIXELS
from artsim.images.formats import Codestream
from artsim.images.tiff import Directory, Tag

_LONGEST_SIDE: Final = 1_000_000
ROW_POINTER: Final = 8  # bytes that decoders keep for each row, however short it is
_BYTES_A_PIXEL: Final = 9.5
_ALWAYS_ALLOWED: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before anything is decoded: most pixels of a picture, and bytes of a file.

    What takes more than 9.5 bytes of memory for each of `max_megapixels` to decode is refused
    too (256 MB are always allowed): of formats that are decoded as a whole, a WebP of more than
    59 % of these pixels, and an AVIF with alpha of more than 47 %. A side has at most 1,000,000.
    A film has at most `max_film_hours`.
    """

    max_megapixels: float = 200.0
    max_bytes: int = 1 << 30
    max_film_hours: float = 6.0

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet."""
        if not min(self.max_megapixels, self.max_film_hours) > 0 or self.max_bytes < 1:
            raise ValueError(f"limits must be positive, not {self}")


def check_pixels(size: tuple[int, int], place: str, limits: ImageLimits) -> None:
    """Refuse a picture over the limit on pixels, as `ImageError`."""
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("no pixels")
    if width * height > limits.max_megapixels * 1e6:
        raise ImageError(
            f"{place}: {width:,} x {height:,} pixels are {width * height / 1e6:,.1f} megapixels, "
            f"and the limit is {limits.max_megapixels:g}; shrink the picture or raise the limit",
            hint="--max-megapixels",
        )
    if max(size) > _LONGEST_SIDE:
        raise ImageError(
            f"{place}: {width:,} x {height:,} pixels, and a side may have {_LONGEST_SIDE:,}; "
            "crop the picture"
        )


def check_memory(cost: int, what: str, limits: ImageLimits) -> None:
    """Refuse a picture that takes more bytes to decode than its pixels are worth, as `ImageError`.

    `what` is the place, and "this" with the format.
    """
    most = max(_ALWAYS_ALLOWED, _BYTES_A_PIXEL * limits.max_megapixels * 1e6)
    if cost > most:
        raise ImageError(
            f"{what} takes {cost / 1e9:.1f} GB of memory to decode, and with a limit of "
            f"{limits.max_megapixels:g} megapixels {most / 1e9:.1f} GB are allowed; "
            "save it as a JPEG or raise the limit",
            hint="--max-megapixels",
        )


BAND_BYTES: Final = 24 * BAND_PIXELS
"""A band as floats or RGBA, and what is made of it on the way to 8-bit levels."""


class MemoryBudget:
    """Bytes that threads share, first come, first served.

    A large request is never overtaken for ever by small ones: who comes later waits
    behind it. A request beyond the whole budget waits until it is alone, and then goes on.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.reset()

    def reset(self) -> None:
        """Forget whoever holds or awaits bytes; in a forked child they are not there."""
        self._free = self.total
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def share(self, wanted: int) -> Iterator[None]:
        """Hold bytes while the block runs. A thread that holds some must not ask for more."""
        amount = min(wanted, self.total)
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is turn and self._free >= amount)
                self._free -= amount
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


DECODING: Final = MemoryBudget(1_700_000_000)
"""What decoders may hold together; the rest of 2 GB is for what the estimates leave out."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DECODING.reset)


def decoding_bytes(
    image: Image.Image,
    coefficients: int,
    page: Directory | None = None,
    stream: Codestream | None = None,
) -> int:
    """Return the peak of loading a picture that is open, at the scale it was told.

    `coefficients` are of a JPEG, from `coefficient_bytes`; `page` is of a TIFF, `stream` of a
    JPEG 2000.
    """
    halvings = getattr(image, "_reduce", 0)
    width, height = (side >> halvings for side in image.size)
    pixels = width * height
    each = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    held = pixels * each + ROW_POINTER * height + coefficients
    if image.format == "WEBP":
        held += 12 * pixels  # two canvases of an animation, and the frame as bytes
    elif image.format == "AVIF":
        # Planes of up to 16 bits, the frame, and the frame as bytes.
        held += (16 if image.mode == "RGBA" else 12) * pixels
    elif image.format == "BMP":
        held += 2 * pixels  # of run lengths
    if page is not None:
        # Pillow turns it while libtiff still has its last strip.
        held += page.block_bytes + (held if page.value(Tag.ORIENTATION, 1) > 1 else 0)
    if stream is not None:
        held += stream.decoding_bytes(halvings)
    return held


def coefficient_bytes(image: Image.Image) -> int:
    """Return what libjpeg keeps of a JPEG whose channels come one after another; 0 of others.

    Two bytes for each coefficient of a progressive one, or one of several scans. To be
    asked before a smaller scale is drafted.
    """
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    file: BinaryIO | None = getattr(image, "fp", None)
    if file is None or not layers:
        return 0
    if "progressive" not in image.info:
        # Whether the first scan, whose header was just read, holds all channels.
        at = file.tell()
        file.seek(max(0, at - 8 - 2 * len(layers)))
        marker = file.read(5)
        file.seek(at)
        if marker == struct.pack(">HHB", 0xFFDA, 6 + 2 * len(layers), len(layers)):
            return 0
    width, height = image.size
    most = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers) or 1
    share = sum(h * v for _, h, v, _ in layers) / most
    return round(2 * share * (width + 32) * (height + 32))
