"""One picture file to a small upright sRGB picture, within limits and a share of memory."""

from __future__ import annotations

import ctypes
import io
import os
import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from PIL import Image, ImagePalette, _imaging
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from artsim.catalog.arrays import RGBImage
from artsim.images import formats, memory, tiff
from artsim.images.color import BAND_PIXELS, Depth, decode_levels, depth_of, needs_decoding, to_srgb
from artsim.images.formats import Codestream, Format
from artsim.images.memory import BAND_BYTES, DECODING, ImageLimits, check_pixels

# `warnings.catch_warnings` swaps the whole list of filters and so is not safe when
# threads overlap. One entry a library, for its modules only, goes in with the first reader
# and out with the last.
_entries: Final[dict[str, Any]] = {}
_lock = threading.Lock()
_readers: Final[Counter[str]] = Counter()


@contextmanager
def warnings_ignored(library: str) -> Iterator[None]:
    """Ignore the warnings raised inside a library while the block runs, in every thread."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _lock:
        module = re.compile(re.escape(library) + r"\.")
        entry = _entries.setdefault(library, ("ignore", None, Warning, module, 0))
        _readers[library] += 1
        if not filters or filters[0] is not entry:
            filters.insert(0, entry)
    try:
        yield
    finally:
        with _lock:
            _readers[library] -= 1
            if _readers[library] == 0:
                current: list[Any] = warnings.filters  # type: ignore[assignment]
                current[:] = [known for known in current if known is not entry]


@cache
def silence_libtiff() -> None:
    """Keep libtiff from printing its errors to stderr; Pillow raises on them anyway.

    Pillow turns off only the warnings. Where libtiff's symbols are not to be seen
    (Windows, where it is linked in), a line of its own remains beside our error.
    """
    try:
        # Looking up through Pillow's extension finds the libtiff that Pillow uses.
        library = ctypes.CDLL(_imaging.__file__)
        set_handler = library.TIFFSetErrorHandler
    except (OSError, AttributeError):
        return
    set_handler.argtypes = [ctypes.c_void_p]
    set_handler.restype = ctypes.c_void_p
    set_handler(None)


Box: TypeAlias = tuple[float, float, float, float]

_GAP: Final = 2.0
"""Box-filter down to this many times the size wanted, then Lanczos; Pillow's `reducing_gap`."""


def shrink_levels(
    image: Image.Image, target: tuple[int, int], box: Box | None = None
) -> Image.Image:
    """Return a loaded picture as opaque 8-bit levels of the size `target`, no larger than its own.

    The same to the bit as decoding the whole and shrinking it afterwards, but a picture
    whose numbers have to be turned into others is so block by block. `box` is the part of
    `image` that is the picture, where a scaled decode made it larger.
    """
    depth = depth_of(image)
    width, height = image.size
    factor = int(width / target[0] / _GAP) or 1, int(height / target[1] / _GAP) or 1
    if box is None and (depth or needs_decoding(image)) and width * height > BAND_PIXELS:
        reduced = _reduced(image, factor, depth)
        whole = (0.0, 0.0, width / factor[0], height / factor[1])
        return reduced.resize(target, Image.Resampling.LANCZOS, box=whole)
    levels = decode_levels(image, depth)
    if levels.size == target:
        return levels
    return levels.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)


def _reduced(image: Image.Image, factor: tuple[int, int], depth: Depth | None) -> Image.Image:
    """Return the levels of `image`, each the mean of a square of `factor` pixels."""
    width, height = image.size
    across, down = factor
    # Blocks of whole squares, as wide as the picture if that leaves enough rows to them.
    columns = min(width, max(1, BAND_PIXELS // down // across) * across)
    rows = max(1, BAND_PIXELS // columns // down) * down
    mode = decode_levels(image.crop((0, 0, 1, 1)), depth).mode
    result = Image.new(mode, (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            part = image.crop((left, top, min(left + columns, width), min(top + rows, height)))
            levels = decode_levels(part, depth).reduce(factor)
            result.paste(levels, (left // across, top // down))
    return result


_END: Final = b"\xff\xd9"
_MOST_BYTES: Final = 64 << 20


def _load_without_end(file: BinaryIO, draft: tuple[int, int]) -> Image.Image | None:
    """Return the picture of a JPEG without an end, None if more of it is missing.

    The decoder fills what is missing from whatever follows. So two different ends are
    tried: where the picture was complete they are passed over, and the pixels are equal.
    """
    if file.closed:
        return None
    file.seek(0)
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES or data.endswith(_END):
        return None
    data = data.rstrip(b"\xff")
    pictures = []
    for seed in (1, 2):
        # Bytes that decode to anything, and every restart marker that may be awaited.
        noise = np.random.default_rng(seed).integers(0, 255, (8, 96), dtype=np.uint8)
        tail = b"".join(noise[n].tobytes() + bytes([0xFF, 0xD0 + n]) for n in range(8))
        picture = JpegImageFile(io.BytesIO(data + tail + _END))
        picture.draft(None, draft)
        picture.load()
        pictures.append(picture)
    one, other = pictures
    return one if np.array_equal(np.asarray(one), np.asarray(other)) else None


_LARGE_FILE: Final = 8 << 20


def decode(
    file: BinaryIO, kind: Format, place: str, max_side: int, limits: ImageLimits
) -> tuple[RGBImage, int, int]:
    """Return a file's pixels, its long side at most `max_side`, and its own width and height.

    Waits until its share of `artsim.images.memory.DECODING` is free. Raises `ImageError` over
    a limit, and whatever Pillow raises on a damaged file.
    """
    job = _Job(file, kind, place, max_side, limits)
    if kind is formats.TIFF:
        return job.decode_tiff()
    if kind is not formats.JPEG2000:
        return job.decode_by_pillow()
    stream = formats.read_codestream(file)
    check_pixels(stream.size, place, limits)
    file.seek(0)
    return job.decode_by_pillow(stream=stream)


def decode_open(
    image: Image.Image, place: str, max_side: int, limits: ImageLimits
) -> tuple[RGBImage, int, int]:
    """Return the pixels of a picture that is open in Pillow, as `decode` does a file's."""
    check_pixels(image.size, place, limits)
    cost = memory.decoding_bytes(image, memory.coefficient_bytes(image))
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
        page = tiff.find_picture(self.file)
        check_pixels(page.size, self.place, self.limits)
        if not tiff.reads_samples(page):
            tiff.check_readable(page)
            self.file.seek(0)
            return self.decode_by_pillow(page=page)
        (width, height), kept = page.size, min(page.samples, 4)
        cost = width * height * (kept + 4) + memory.ROW_POINTER * height
        memory.check_memory(cost, f"{self.place}: this {self.kind.name}", self.limits)
        with DECODING.share(cost + BAND_BYTES):
            return _finish(tiff.read_samples(page), page.size, None, self.max_side)

    def decode_by_pillow(
        self, page: tiff.Directory | None = None, stream: Codestream | None = None
    ) -> tuple[RGBImage, int, int]:
        held = page.tag_bytes if page else 0
        if self.kind.whole_file:
            held = self.file.seek(0, os.SEEK_END) + self.file.seek(0)
        alone = held > _LARGE_FILE
        with (
            DECODING.share(DECODING.total) if alone else nullcontext(),
            self.kind.opener()(self.file) as image,
        ):
            if page is not None:
                image.seek(page.page)
                if image.mode == "P" and (palette := tiff.narrow_palette(page)):
                    image.palette = ImagePalette.raw("RGB;L", palette)
            check_pixels(image.size, self.place, self.limits)
            size = image.size
            if stream is not None and stream.profile:
                image.info["icc_profile"] = stream.profile
            coefficients = memory.coefficient_bytes(image)
            box = self.draft(image, stream)
            cost = memory.decoding_bytes(image, coefficients, page, stream)
            memory.check_memory(cost, f"{self.place}: this {self.kind.name}", self.limits)
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
            least = min(image.width // (2 * target[0]), image.height // (2 * target[1]))
            image.reduce = min(stream.levels, max(0, least.bit_length() - 1))  # type: ignore[method-assign, assignment]
            return None
        drafted = image.draft(None, (2 * target[0], 2 * target[1]))
        return None if drafted is None else drafted[1]

    def load(
        self, image: ImageFile, size: tuple[int, int], page: tiff.Directory | None
    ) -> Image.Image:
        if page is not None:
            # Made here, or the plugin would compare it with Pillow's own limit on pixels.
            image.im = Image.new(image.mode, page.size).im
        try:
            image.load()
        except OSError as exc:
            if self.kind is not formats.JPEG or "truncated" not in str(exc):
                raise
            target = fit(*size, self.max_side)
            whole = _load_without_end(self.file, (2 * target[0], 2 * target[1]))
            if whole is None:
                raise
            return whole
        return image


def _finish(
    image: Image.Image, size: tuple[int, int], box: Box | None, max_side: int
) -> tuple[RGBImage, int, int]:
    """Bring a loaded picture to its size, to sRGB and upright.

    `size` is its own before it was decoded at a smaller scale, `box` what
    `PIL.Image.Image.draft` returned.
    """
    width, height = size
    try:
        # After loading: TIFFs come upright and forget theirs.
        orientation = image.getexif().get(tiff.Tag.ORIENTATION, 1)
    except Exception:  # damaged metadata is no reason to refuse a sound picture
        orientation = 1
    profile = image.info.get("icc_profile")
    pixels = np.array(to_srgb(shrink_levels(image, fit(width, height, max_side), box), profile))
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (5, 6, 7, 8):
        pixels, width, height = pixels.transpose(1, 0, 2), height, width
    return np.ascontiguousarray(pixels), width, height


def fit(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return the size of a picture whose long side is at most `max_side`."""
    long = max(width, height)
    if long <= max_side:
        return width, height
    return max(1, round(width * max_side / long)), max(1, round(height * max_side / long))
