"""TIFF samples deeper than Pillow reads, or laid out as it does not expect.

Gray and RGB of 8 to 64 bits, whole or float, with and without alpha, in strips or tiles,
channels side by side or apart, uncompressed or deflated [1]_ [2]_. What is compressed
otherwise is left to Pillow.

References
----------
.. [1] TIFF revision 6.0 (1992), sections 8, 14, 15 and 18.
.. [2] Adobe Photoshop TIFF technical notes (2002) and TIFF technical note 3 (2005), on
   deflate and the predictor of floats.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.images.color import greatest, scale_levels, white_of
from artsim.images.tiff import (
    BLACK_IS_ZERO,
    DEFLATE,
    FLOAT,
    RGB,
    SIGNED,
    UNCOMPRESSED,
    UNSIGNED,
    WHITE_IS_ZERO,
    Directory,
    Tag,
)

_Samples: TypeAlias = npt.NDArray[Any]

_KINDS: Final = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}
_BITS: Final = {UNSIGNED: (8, 16, 32, 64), SIGNED: (8, 16, 32, 64), FLOAT: (16, 32, 64)}
_MOST_SAMPLES: Final = 16
_PIECE_BYTES: Final = 4 << 20
_ASSOCIATED, _UNASSOCIATED = 1, 2


def reads_samples(page: Directory) -> bool:
    """Tell whether `read_samples` is for this page, and not Pillow."""
    bits, kind = page.sample
    photometric = page.value(Tag.PHOTOMETRIC, -1)
    colors = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3}.get(photometric, _MOST_SAMPLES + 1)
    return (
        bits in _BITS.get(kind, ())
        and colors <= page.samples <= _MOST_SAMPLES
        and page.value(Tag.COMPRESSION, 1) in (UNCOMPRESSED, *DEFLATE)
        and page.value(Tag.FILL_ORDER, 1) == 1
        and (bits, kind, page.samples > colors and page.planar) != (8, UNSIGNED, False)
    )


def read_samples(page: Directory) -> Image.Image:
    """Return a page as 8-bit ``L``, ``LA``, ``RGB`` or ``RGBA``, as stored: not yet upright.

    Levels are scaled as `artsim.images.color.decode_levels` does it.

    Raises
    ------
    EOFError, ValueError, zlib.error
        If the page is damaged.
    """
    width, height = page.size
    layout = _Layout.of(page)
    photometric = page.value(Tag.PHOTOMETRIC, BLACK_IS_ZERO)
    colors = 3 if photometric == RGB else 1
    alpha = _alpha(page, colors)
    kept = colors + (alpha is not None)
    white = layout.white
    if white is None:
        white = white_of(
            max(
                greatest(piece[..., : max(0, colors - first)])
                for _, first, piece in layout.pieces()
            )
        )
    pixels = np.zeros((height, width, kept), np.uint8)
    for (rows, columns), first, piece in layout.pieces():
        last = min(first + piece.shape[2], kept)
        if first >= kept:
            continue
        levels = _levels(piece[..., : last - first], white, deep_color=colors == 3)
        if photometric == WHITE_IS_ZERO and first == 0:
            levels[..., 0] = 255 - levels[..., 0]
        pixels[rows, columns, first:last] = levels
    if alpha == _ASSOCIATED:
        _divide_by_alpha(pixels)
    picture = Image.fromarray(pixels[..., 0] if kept == 1 else pixels)
    picture.info["icc_profile"] = page.raw(Tag.ICC_PROFILE) or None
    picture.getexif()[Tag.ORIENTATION] = page.value(Tag.ORIENTATION, 1)
    return picture


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a page's samples are in its file."""

    page: Directory
    dtype: np.dtype[Any]
    channels: int
    predictor: int
    deflated: bool

    @classmethod
    def of(cls, page: Directory) -> _Layout:
        bits, kind = page.sample
        predictor = page.value(Tag.PREDICTOR, 1)
        deflated = page.value(Tag.COMPRESSION, 1) != UNCOMPRESSED
        if predictor not in ((1, 2) if kind != FLOAT else (1, 2, 3)):
            raise ValueError(f"predictor {predictor}")
        return cls(
            page=page,
            dtype=np.dtype(f"{page.order}{_KINDS[kind]}{bits // 8}"),
            channels=1 if page.planar else page.samples,
            predictor=predictor if deflated else 1,
            deflated=deflated,
        )

    @property
    def white(self) -> float | None:
        """The level of white; None for floats, where it depends on the picture."""
        return None if self.dtype.kind == "f" else float(np.iinfo(self.dtype).max)

    def pieces(self) -> Iterator[tuple[tuple[slice, slice], int, _Samples]]:
        """Yield places, first channels and samples of shape (rows, columns, channels)."""
        width, height = self.page.size
        across, down = self.page.block
        if across < 1 or down < 1:
            raise ValueError("strips or tiles of no size")
        lefts, tops = range(0, width, across), range(0, height, down)
        tiled = Tag.TILE_OFFSETS in self.page.entries
        offsets = self.page.values(Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS)
        layers = range(self.page.samples if self.page.planar else 1)
        if len(offsets) < len(layers) * len(tops) * len(lefts):
            raise ValueError("truncated: strips or tiles are missing")
        places = iter(offsets)
        for layer in layers:
            for top in tops:
                for left in lefts:
                    rows = min(down, height - top)
                    columns = slice(left, min(left + across, width))
                    for start, samples in self._block(next(places), across, rows):
                        where = slice(top + start, top + start + len(samples)), columns
                        yield where, layer, samples[:, : columns.stop - left]

    def _block(self, offset: int, width: int, rows: int) -> Iterator[tuple[int, _Samples]]:
        """Yield the rows of one strip or tile, some at a time."""
        row_bytes = width * self.channels * self.dtype.itemsize
        at_once = max(1, _PIECE_BYTES // row_bytes)
        source = _Inflated(self.page.file, offset) if self.deflated else None
        for start in range(0, rows, at_once):
            count = min(at_once, rows - start)
            if source is None:
                self.page.file.seek(offset + start * row_bytes)
                data = self.page.file.read(count * row_bytes)
            else:
                data = source.read(count * row_bytes)
            if len(data) < count * row_bytes:
                raise EOFError("truncated samples")
            yield start, self._undo_predictor(data, (count, width, self.channels))

    def _undo_predictor(self, data: bytes, shape: tuple[int, int, int]) -> _Samples:
        native = self.dtype.newbyteorder("=")
        if self.predictor == 3:
            size = self.dtype.itemsize
            rows = np.frombuffer(data, np.uint8).reshape(shape[0], -1, shape[2])
            summed = np.add.accumulate(rows, axis=1, dtype=np.uint8)
            planes = summed.reshape(shape[0], size, -1).transpose(0, 2, 1)
            floats = np.ascontiguousarray(planes).view(self.dtype.newbyteorder(">"))
            return floats.reshape(shape).astype(native)
        samples = np.frombuffer(data, self.dtype).reshape(shape).astype(native)
        if self.predictor == 2:
            whole = samples.view(f"u{self.dtype.itemsize}")
            samples = np.add.accumulate(whole, axis=1, dtype=whole.dtype).view(native)
        return samples


class _Inflated:
    """A deflated strip or tile, as much of it at a time as is wanted."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file, self._at = file, offset
        self._inflate = zlib.decompressobj()
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing > 0 and not self._inflate.eof:
            if not self._rest:
                self._file.seek(self._at)
                self._rest = self._file.read(1 << 16)
                self._at += len(self._rest)
                if not self._rest:
                    break
            parts.append(self._inflate.decompress(self._rest, missing))
            self._rest = self._inflate.unconsumed_tail
            missing -= len(parts[-1])
        return b"".join(parts)


def _levels(samples: _Samples, white: float, *, deep_color: bool) -> npt.NDArray[np.uint8]:
    if samples.dtype == np.uint16 and deep_color:
        return (samples >> 8).astype(np.uint8)  # as Pillow does for PNG and for what it reads
    return scale_levels(samples, white)


def _alpha(page: Directory, colors: int) -> int | None:
    """Return what kind of alpha follows the colors; None where there is none."""
    if page.samples == colors:
        return None
    # Without a word about it, a fourth channel beside RGB is alpha to most programs.
    extra = page.value(Tag.EXTRA_SAMPLES, _UNASSOCIATED if page.samples == 4 else 0)
    return extra if extra in (_ASSOCIATED, _UNASSOCIATED) else None


def _divide_by_alpha(pixels: npt.NDArray[np.uint8]) -> None:
    """Turn colors that were multiplied by their alpha into plain ones, in place."""
    for row in pixels:
        alpha = np.maximum(row[:, -1:].astype(np.uint16), 1)
        row[:, :-1] = np.minimum(row[:, :-1].astype(np.uint16) * 255 // alpha, 255)
