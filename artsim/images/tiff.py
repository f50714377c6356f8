"""TIFF directories: which page is the picture, and whether its samples can be read rightly."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO, Final

from artsim.images.formats import is_camera_raw_tiff


class Tag(IntEnum):
    """The tags of TIFF 6.0 and its technical notes that matter here."""

    SUBFILE = 254
    OLD_SUBFILE = 255
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    SUBSAMPLING = 530
    ICC_PROFILE = 34675
    DNG_VERSION = 50706


WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR, LAB = 0, 1, 2, 3, 6, 8
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
UNCOMPRESSED = 1
DEFLATE: Final = (8, 32946)

_OF_SENSORS: Final = (32803, 34892)
"""Photometric interpretations of raw pictures: a color filter array, and linear raw."""

_REDUCED, _MASK = 1, 4
_MOST_PAGES: Final = 1000
_MOST_BLOCKS: Final = 4_000_000
_TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_BIG_TYPE_BYTES: Final = _TYPE_BYTES | {13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class UnreadableTiffError(ValueError):
    """A TIFF that would be read wrongly; in words that follow "a TIFF that"."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One page of a TIFF.

    Attributes
    ----------
    order : str
        ``<`` or ``>``, as in `struct`.
    entries : dict
        By tag, its type, count, and where its values are in the file.
    """

    file: BinaryIO
    order: str
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
        values = self.values(tag)
        return values[0] if values else default

    def raw(self, tag: Tag) -> bytes:
        """Return the bytes of a tag; none where it is missing."""
        kind, count, place = self.entries.get(tag, (0, 0, 0))
        return _read(self.file, place, count) if _BIG_TYPE_BYTES.get(kind) == 1 else b""

    @property
    def tag_bytes(self) -> int:
        """Bytes of all its tags, which Pillow reads into memory."""
        return sum(_BIG_TYPE_BYTES.get(kind, 0) * count for kind, count, _ in self.entries.values())

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
        return (0 if len(bits) > 1 or kinds else bits.pop()), UNSIGNED if kind == 4 else kind

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
        return row * height if self.value(Tag.COMPRESSION, 1) != UNCOMPRESSED else row


def find_picture(file: BinaryIO) -> Directory:
    """Return the page that is the picture: no thumbnail, and not a mask.

    The first full page counts, unless a later one has the same proportions and is larger:
    then the first is a thumbnail that does not say so.

    Raises
    ------
    UnreadableTiffError
        If there is a thumbnail only, or it is a camera's raw file.
    ValueError
        If the file is damaged.
    """
    if is_camera_raw_tiff(_read(file, 0, 10)):
        raise UnreadableTiffError("is a camera raw picture")
    pages, order = _directories(file)
    full = [page for page in pages if not _flags(page) & (_REDUCED | _MASK)]
    if any(page.value(Tag.PHOTOMETRIC, 0) in _OF_SENSORS for page in pages) or (
        not full and _has_sensor_data(pages[0], order)
    ):
        raise UnreadableTiffError("is a camera raw picture")
    if not full and any(Tag.SUB_DIRECTORIES in page.entries for page in pages):
        raise UnreadableTiffError("shows a thumbnail and keeps its picture in a sub-directory")
    best, *others = full or sorted(pages, key=lambda page: -page.size[0] * page.size[1])
    for page in others:
        if _same_proportions(page.size, best.size) and page.size[0] > best.size[0]:
            best = page
    return best


def check_readable(page: Directory) -> None:
    """Refuse what Pillow would decode into wrong pixels.

    Raises
    ------
    UnreadableTiffError
        With what is so particular about it.
    """
    bits, kind = page.sample
    photometric = page.value(Tag.PHOTOMETRIC, WHITE_IS_ZERO)
    compressed = page.value(Tag.COMPRESSION, 1) != UNCOMPRESSED
    if page.planar and photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, LAB):
        raise UnreadableTiffError("keeps its gray and alpha, or L, a and b, apart")
    if page.planar and not compressed and (bits > 8 or page.value(Tag.FILL_ORDER, 1) != 1):
        raise UnreadableTiffError(f"keeps {bits}-bit channels apart")
    if kind == SIGNED and bits == 8:
        raise UnreadableTiffError("has signed 8-bit samples")
    if compressed and page.order == ">" and (bits == 32 or kind != UNSIGNED):
        raise UnreadableTiffError(f"has compressed big-endian {bits}-bit samples")
    if photometric == YCBCR and not compressed and page.values(Tag.SUBSAMPLING) != (1, 1):
        width, height = page.size
        if sum(page.values(Tag.STRIP_BYTES) or page.values(Tag.TILE_BYTES)) < 3 * width * height:
            raise UnreadableTiffError("has uncompressed colors of a lower resolution")


def narrow_palette(page: Directory) -> bytes | None:
    """Return a palette whose colors are kept as 8 bits where 16 are due; Pillow has black.

    Red, green and blue one after another. libtiff's own programs take the same care.
    """
    colors = page.values(Tag.COLOR_MAP)
    return bytes(colors) if 0 < max(colors, default=0) < 256 else None


def _directories(file: BinaryIO) -> tuple[list[Directory], str]:
    head = _read(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = 43 in head[2:4]
    (at,) = (
        struct.unpack_from(order + "Q", head, 8)
        if big
        else struct.unpack_from(order + "I", head, 4)
    )
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
        pages.append(Directory(file, order, len(pages), entries))
        at = following
    if not pages:
        raise ValueError("no directory of pictures")
    return pages, order + ("Q" if big else "I")


def _entries(
    file: BinaryIO, at: int, order: str, big: bool
) -> tuple[dict[int, tuple[int, int, int]], int]:
    head = struct.Struct(order + ("Q" if big else "H"))
    entry = struct.Struct(order + ("HHQQ" if big else "HHII"))
    link = struct.Struct(order + ("Q" if big else "I"))
    (count,) = head.unpack(_read(file, at, head.size))
    if count > 65535:
        raise ValueError(f"{count:,} tags in a directory")
    body = _read(file, at + head.size, entry.size * count)
    entries: dict[int, tuple[int, int, int]] = {}
    for index in range(count):
        tag, kind, number, place = entry.unpack_from(body, index * entry.size)
        if _BIG_TYPE_BYTES.get(kind, 0) * number <= link.size:
            place = at + head.size + (index + 1) * entry.size - link.size
        entries.setdefault(tag, (kind, number, place))
    try:
        (following,) = link.unpack(_read(file, at + head.size + len(body), link.size))
    except ValueError:  # an only page needs no link to the next
        following = 0
    return entries, following


def _has_sensor_data(page: Directory, link: str) -> bool:
    if Tag.DNG_VERSION in page.entries:
        return True
    for at in page.values(Tag.SUB_DIRECTORIES)[:16]:
        entries, _ = _entries(page.file, at, page.order, link.endswith("Q"))
        below = Directory(page.file, page.order, 0, entries)
        if below.value(Tag.PHOTOMETRIC, 0) in _OF_SENSORS:
            return True
    return False


def _flags(page: Directory) -> int:
    if page.value(Tag.OLD_SUBFILE, 1) == 2:
        return _REDUCED
    return page.value(Tag.SUBFILE, 0)


def _same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] * other[1] - one[1] * other[0]) <= 0.02 * one[0] * other[1]


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    if at >= 1 << 62:
        raise ValueError("truncated: a place beyond the file")
    file.seek(at)
    data = file.read(size)
    if len(data) < size:
        raise ValueError("truncated: a tag reaches beyond the file")
    return data
