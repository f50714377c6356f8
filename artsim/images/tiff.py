"""TIFFs: which page is the picture, and the samples that Pillow would read wrongly or not at all.

Read here are gray and RGB of 8 to 64 bits, whole or float, with and without alpha, in strips or
tiles, channels side by side or apart, uncompressed or deflated [1]_ [2]_. What is compressed
otherwise is left to Pillow, or refused where its pixels would be wrong.

References
----------
.. [1] TIFF revision 6.0 (1992), sections 8, 14, 15 and 18.
.. [2] Adobe Photoshop TIFF technical notes (2002) and TIFF technical note 3 (2005), on
   deflate and the predictor of floats.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.images.color import greatest, scale_levels, white_of

# The tags of TIFF 6.0 and its technical notes that matter here.
Tag = IntEnum("Tag", {
    "SUBFILE": 254, "OLD_SUBFILE": 255, "WIDTH": 256, "HEIGHT": 257, "BITS": 258,
    "COMPRESSION": 259, "PHOTOMETRIC": 262, "FILL_ORDER": 266, "STRIP_OFFSETS": 273,
    "ORIENTATION": 274, "SAMPLES": 277, "ROWS_PER_STRIP": 278, "STRIP_BYTES": 279, "PLANAR": 284,
    "PREDICTOR": 317, "COLOR_MAP": 320, "TILE_WIDTH": 322, "TILE_HEIGHT": 323,
    "TILE_OFFSETS": 324, "TILE_BYTES": 325, "SUB_DIRECTORIES": 330, "EXTRA_SAMPLES": 338,
    "SAMPLE_FORMAT": 339, "SUBSAMPLING": 530, "ICC_PROFILE": 34675, "DNG_VERSION": 50706,
})  # fmt: skip

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR, _LAB = 0, 1, 2, 6, 8
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_UNCOMPRESSED = 1
_DEFLATE: Final = (8, 32946)
_ASSOCIATED, _UNASSOCIATED = 1, 2
_REDUCED, _MASK = 1, 4

_OF_SENSORS: Final = (32803, 34892)
"""Photometric interpretations of raw pictures: a color filter array, and linear raw."""

_MOST_PAGES: Final = 1000
_MOST_BLOCKS: Final = 4_000_000
_MOST_SAMPLES: Final = 16
_PIECE_BYTES: Final = 4 << 20
_TYPE_BYTES: Final = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8,
    18: 8,
}  # fmt: skip
_WHOLE: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_KINDS: Final = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}
_BITS: Final = {_UNSIGNED: (8, 16, 32, 64), _SIGNED: (8, 16, 32, 64), _FLOAT: (16, 32, 64)}

_Samples: TypeAlias = npt.NDArray[Any]


class UnreadableTiffError(ValueError):
    """A TIFF that would be read wrongly; in words that follow "a TIFF that"."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One page of a TIFF: by tag the type, the count, and where the values are in the file.

    `order` is that of the bytes, as in `struct`; `big` is a BigTIFF.
    """

    file: BinaryIO
    order: str
    big: bool
    page: int
    entries: dict[int, tuple[int, int, int]]

    def values(self, tag: Tag) -> tuple[int, ...]:
        """Return the whole numbers of a tag; none where it is missing or of another type."""
        kind, count, place = self.entries.get(tag, (0, 0, 0))
        if kind not in _WHOLE:
            return ()
        if count > _MOST_BLOCKS:
            raise UnreadableTiffError(f"has {count:,} values in its tag {tag}")
        layout = struct.Struct(f"{self.order}{count}{_WHOLE[kind]}")
        return layout.unpack(_read(self.file, place, layout.size))

    def value(self, tag: Tag, default: int) -> int:
        """Return the first number of a tag."""
        return next(iter(self.values(tag)), default)

    @property
    def tag_bytes(self) -> int:
        """Bytes of all its tags, which Pillow reads into memory."""
        return sum(_TYPE_BYTES.get(kind, 0) * count for kind, count, _ in self.entries.values())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, 0 where they are missing."""
        return self.value(Tag.WIDTH, 0), self.value(Tag.HEIGHT, 0)

    @property
    def samples(self) -> int:
        """Samples of a pixel, alpha and others included."""
        return self.value(Tag.SAMPLES, 1)

    @property
    def sample(self) -> tuple[int, int]:
        """Bits and format of a sample; bits 0 where they differ from one to the next."""
        bits, kinds = set(self.values(Tag.BITS)) or {1}, set(self.values(Tag.SAMPLE_FORMAT)) or {1}
        kind = kinds.pop()
        return (0 if len(bits) > 1 or kinds else bits.pop()), _UNSIGNED if kind == 4 else kind

    @property
    def photometric(self) -> int:
        """What the samples mean."""
        return self.value(Tag.PHOTOMETRIC, _WHITE_IS_ZERO)

    @property
    def compressed(self) -> bool:
        """Whether its strips or tiles are compressed."""
        return self.value(Tag.COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED

    @property
    def planar(self) -> bool:
        """Whether the samples of a pixel lie apart, channel after channel."""
        return self.value(Tag.PLANAR, 1) == 2 and self.samples > 1

    @property
    def block(self) -> tuple[int, int]:
        """Width and height of its strips or tiles."""
        width, height = self.size
        if Tag.TILE_OFFSETS in self.entries:
            return self.value(Tag.TILE_WIDTH, width), self.value(Tag.TILE_HEIGHT, height)
        return width, min(self.value(Tag.ROWS_PER_STRIP, height), height)

    @property
    def block_bytes(self) -> int:
        """Bytes of a strip or tile when decoded, at most."""
        width, height = self.block
        bits = max(self.values(Tag.BITS), default=1)
        row = (width * bits * (1 if self.planar else self.samples) + 7) // 8
        return row * height if self.compressed else row

    @property
    def subfile(self) -> int:
        """Bits that say whether it is a smaller version of another page, or a mask."""
        if self.value(Tag.OLD_SUBFILE, 1) == 2:
            return _REDUCED
        return self.value(Tag.SUBFILE, 0)


def find_picture(file: BinaryIO) -> Directory:
    """Return the page that is the picture: no thumbnail, and not a mask.

    The first full page counts, unless a later one has the same proportions and is larger:
    then the first is a thumbnail that does not say so. Raises `UnreadableTiffError` for a
    thumbnail alone or a camera's raw file, `ValueError` for a damaged one.
    """
    head = _read(file, 0, 10)
    if head[8:10] == b"CR" and head[:4] == b"II*\0":  # Canon's
        raise UnreadableTiffError("is a camera raw picture")
    pages = _directories(file)
    full = [page for page in pages if not page.subfile & (_REDUCED | _MASK)]
    is_raw = any(page.photometric in _OF_SENSORS for page in pages)
    if is_raw or (not full and _has_sensor_data(pages[0])):
        raise UnreadableTiffError("is a camera raw picture")
    if not full and any(Tag.SUB_DIRECTORIES in page.entries for page in pages):
        raise UnreadableTiffError("shows a thumbnail and keeps its picture in a sub-directory")
    best, *others = full or sorted(pages, key=lambda page: -page.size[0] * page.size[1])
    for page in others:
        (width, height), (best_width, best_height) = page.size, best.size
        apart = abs(width * best_height - height * best_width)
        if apart <= 0.02 * width * best_height and width > best_width:
            best = page
    return best


def check_readable(page: Directory) -> None:
    """Refuse, as `UnreadableTiffError`, what Pillow would decode into wrong pixels."""
    bits, kind = page.sample
    width, height = page.size
    if page.planar and page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _LAB):
        raise UnreadableTiffError("keeps its gray and alpha, or L, a and b, apart")
    if page.planar and not page.compressed and (bits > 8 or page.value(Tag.FILL_ORDER, 1) != 1):
        raise UnreadableTiffError(f"keeps {bits}-bit channels apart")
    if kind == _SIGNED and bits == 8:
        raise UnreadableTiffError("has signed 8-bit samples")
    if page.compressed and page.order == ">" and (bits == 32 or kind != _UNSIGNED):
        raise UnreadableTiffError(f"has compressed big-endian {bits}-bit samples")
    is_ycbcr = page.photometric == _YCBCR and not page.compressed
    if is_ycbcr and page.values(Tag.SUBSAMPLING) != (1, 1):
        held = sum(page.values(Tag.STRIP_BYTES) or page.values(Tag.TILE_BYTES))
        if held < 3 * width * height:
            raise UnreadableTiffError("has uncompressed colors of a lower resolution")


def narrow_palette(page: Directory) -> bytes | None:
    """Return a palette whose colors are kept as 8 bits where 16 are due; Pillow has black.

    Red, green and blue one after another. libtiff's own programs take the same care.
    """
    colors = page.values(Tag.COLOR_MAP)
    return bytes(colors) if 0 < max(colors, default=0) < 256 else None


def _directories(file: BinaryIO) -> list[Directory]:
    head = _read(file, 0, 16)
    order, big = "<" if head[:2] == b"II" else ">", 43 in head[2:4]
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
    pages: list[Directory] = []
    seen: set[int] = set()
    while at and at not in seen and len(pages) < _MOST_PAGES:
        seen.add(at)
        try:
            entries, following = _entries(file, at, order, big)
        except ValueError:
            if not pages:
                raise
            break  # what comes after a sound first page is of no matter
        pages.append(Directory(file, order, big, len(pages), entries))
        at = following
    if not pages:
        raise ValueError("no directory of pictures")
    return pages


def _entries(
    file: BinaryIO, at: int, order: str, big: bool
) -> tuple[dict[int, tuple[int, int, int]], int]:
    """Return what is in a directory, and where the next one is."""
    layouts = ("Q", "HHQQ", "Q") if big else ("H", "HHII", "I")
    head, entry, link = (struct.Struct(order + layout) for layout in layouts)
    (count,) = head.unpack(_read(file, at, head.size))
    if count > 65535:
        raise ValueError(f"{count:,} tags in a directory")
    body = _read(file, at + head.size, entry.size * count)
    entries: dict[int, tuple[int, int, int]] = {}
    for index, (tag, kind, number, place) in enumerate(entry.iter_unpack(body), 1):
        if _TYPE_BYTES.get(kind, 0) * number <= link.size:
            place = at + head.size + index * entry.size - link.size
        entries.setdefault(tag, (kind, number, place))
    try:
        (following,) = link.unpack(_read(file, at + head.size + len(body), link.size))
    except ValueError:  # an only page needs no link to the next
        following = 0
    return entries, following


def _has_sensor_data(page: Directory) -> bool:
    if Tag.DNG_VERSION in page.entries:
        return True
    for at in page.values(Tag.SUB_DIRECTORIES)[:16]:
        entries, _ = _entries(page.file, at, page.order, page.big)
        if Directory(page.file, page.order, page.big, 0, entries).photometric in _OF_SENSORS:
            return True
    return False


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    if at < 1 << 62:
        file.seek(at)
        data = file.read(size)
        if len(data) == size:
            return data
    raise ValueError("truncated: a tag reaches beyond the file")


def reads_samples(page: Directory) -> bool:
    """Tell whether `read_samples` is for this page, and not Pillow."""
    bits, kind = page.sample
    colors = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3}.get(page.value(Tag.PHOTOMETRIC, -1))
    return (
        colors is not None
        and colors <= page.samples <= _MOST_SAMPLES
        and bits in _BITS.get(kind, ())
        and page.value(Tag.COMPRESSION, _UNCOMPRESSED) in (_UNCOMPRESSED, *_DEFLATE)
        and page.value(Tag.FILL_ORDER, 1) == 1
        and (bits, kind, page.samples > colors and page.planar) != (8, _UNSIGNED, False)
    )


def read_samples(page: Directory) -> Image.Image:
    """Return a page as 8-bit ``L``, ``LA``, ``RGB`` or ``RGBA``, as stored: not yet upright.

    Levels are scaled as `artsim.images.color.decode_levels` does it. Raises `EOFError`,
    `ValueError` or `zlib.error` if the page is damaged.
    """
    width, height = page.size
    colors = 3 if page.photometric == _RGB else 1
    # Without a word about it, a fourth channel beside RGB is alpha to most programs.
    extra = page.value(Tag.EXTRA_SAMPLES, _UNASSOCIATED if page.samples == 4 else 0)
    has_alpha = page.samples > colors and extra in (_ASSOCIATED, _UNASSOCIATED)
    kept = colors + has_alpha
    bits, kind = page.sample
    dtype = np.dtype(f"{page.order}{_KINDS[kind]}{bits // 8}")
    if kind == _FLOAT:
        seen = (
            greatest(piece[..., : max(0, colors - at)]) for _, at, piece in _pieces(page, dtype)
        )
        white = white_of(max(seen))
    else:
        white = float(np.iinfo(dtype).max)
    pixels = np.zeros((height, width, kept), np.uint8)
    for (rows, columns), first, piece in _pieces(page, dtype):
        last = min(first + piece.shape[2], kept)
        if first >= kept:
            continue
        samples = piece[..., : last - first]
        if dtype.itemsize == 2 and kind == _UNSIGNED and colors == 3:
            levels = (samples >> 8).astype(np.uint8)  # as Pillow does for what it reads
        else:
            levels = scale_levels(samples, white)
        if page.photometric == _WHITE_IS_ZERO and first == 0:
            levels[..., 0] = 255 - levels[..., 0]
        pixels[rows, columns, first:last] = levels
    if has_alpha and extra == _ASSOCIATED:
        for row in pixels:  # colors that were multiplied by their alpha
            alpha = np.maximum(row[:, -1:].astype(np.uint16), 1)
            row[:, :-1] = np.minimum(row[:, :-1].astype(np.uint16) * 255 // alpha, 255)
    picture = Image.fromarray(pixels[..., 0] if kept == 1 else pixels)
    type_, count, place = page.entries.get(Tag.ICC_PROFILE, (0, 0, 0))
    if _TYPE_BYTES.get(type_) == 1 and count:
        picture.info["icc_profile"] = _read(page.file, place, count)
    picture.getexif()[Tag.ORIENTATION] = page.value(Tag.ORIENTATION, 1)
    return picture


def _pieces(
    page: Directory, dtype: np.dtype[Any]
) -> Iterator[tuple[tuple[slice, slice], int, _Samples]]:
    """Yield places, first channels and samples of shape (rows, columns, channels)."""
    (width, height), (across, down) = page.size, page.block
    predictor = page.value(Tag.PREDICTOR, 1)
    if predictor not in ((1, 2, 3) if dtype.kind == "f" else (1, 2)):
        raise ValueError(f"predictor {predictor}")
    if across < 1 or down < 1:
        raise ValueError("strips or tiles of no size")
    lefts, tops = range(0, width, across), range(0, height, down)
    tiled = Tag.TILE_OFFSETS in page.entries
    offsets = page.values(Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS)
    layers = range(page.samples if page.planar else 1)
    if len(offsets) < len(layers) * len(tops) * len(lefts):
        raise ValueError("truncated: strips or tiles are missing")
    channels = 1 if page.planar else page.samples
    row_bytes = across * channels * dtype.itemsize
    at_once = max(1, _PIECE_BYTES // row_bytes)
    blocks = ((layer, top, left) for layer in layers for top in tops for left in lefts)
    for offset, (layer, top, left) in zip(offsets, blocks, strict=False):
        right, bottom = min(left + across, width), min(top + down, height)
        read = _reader(page.file, offset, page.compressed)
        for start in range(top, bottom, at_once):
            rows = min(at_once, bottom - start)
            data = read(rows * row_bytes)
            if len(data) < rows * row_bytes:
                raise EOFError("truncated samples")
            samples = _undo_predictor(
                data, dtype, (rows, across, channels), predictor if page.compressed else 1
            )
            where = slice(start, start + rows), slice(left, right)
            yield where, layer, samples[:, : right - left]


def _undo_predictor(
    data: bytes, dtype: np.dtype[Any], shape: tuple[int, int, int], predictor: int
) -> _Samples:
    native = dtype.newbyteorder("=")
    if predictor == 3:
        # Adobe's: the bytes of a row, highest first, plane by plane, as differences.
        rows = np.frombuffer(data, np.uint8).reshape(shape[0], -1, shape[2])
        summed = np.add.accumulate(rows, axis=1, dtype=np.uint8)
        planes = summed.reshape(shape[0], dtype.itemsize, -1).transpose(0, 2, 1)
        floats = np.ascontiguousarray(planes).view(dtype.newbyteorder(">"))
        return floats.reshape(shape).astype(native)
    samples = np.frombuffer(data, dtype).reshape(shape).astype(native)
    if predictor == 2:
        whole = samples.view(f"u{dtype.itemsize}")
        samples = np.add.accumulate(whole, axis=1, dtype=whole.dtype).view(native)
    return samples


def _reader(file: BinaryIO, offset: int, deflated: bool) -> Callable[[int], bytes]:
    """Return what reads a strip or tile on, as much of it at a time as is wanted."""
    inflate = zlib.decompressobj()
    at, rest = offset, b""

    def read(size: int) -> bytes:
        nonlocal at, rest
        file.seek(at)
        if not deflated:
            at += size
            return file.read(size)
        parts: list[bytes] = []
        while size > 0 and not inflate.eof:
            if not rest:
                rest = file.read(1 << 16)
                at += len(rest)
                if not rest:
                    break
            parts.append(inflate.decompress(rest, size))
            rest = inflate.unconsumed_tail
            size -= len(parts[-1])
        return b"".join(parts)

    return read
