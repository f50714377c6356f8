"""What a JPEG 2000 file says of its resolutions and tiles, before any of it is decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

_UNSAID: Final = 33  # one more than there may be
_START: Final = b"\xff\x4f\xff\x51"
_SIZE, _CODING, _COMPONENT_CODING, _TILE = 0xFF51, 0xFF52, 0xFF53, 0xFF90
_PRECINCTS: Final = 1
_MOST_MARKERS: Final = 10_000
_MOST_BOXES: Final = 1000
_MOST_PROFILE: Final = 4 << 20
_ICC_METHOD: Final = b"\2"
_SAMPLE_BYTES: Final = 6
"""A wavelet coefficient of 4 bytes and a share of what stands around it, as measured."""
_CODE_BLOCK_BYTES: Final = 250
_TILE_BYTES: Final = 9000
_TILE_COMPONENT_BYTES: Final = 1100
"""What OpenJPEG keeps of each tile and component, even before it decodes the first."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """The main header of ISO/IEC 15444-1, annex A.

    Attributes
    ----------
    tile_pixels : int
        Of the largest tile; many files are one tile.
    levels : int
        How often the picture can be halved by decoding less of it.
    code_block_pixels : int
        Of the smallest unit that is coded by itself.
    profile : bytes or None
        ICC profile of the file around it, which Pillow passes over.
    """

    size: tuple[int, int]
    tiles: int
    tile_pixels: int
    components: int
    levels: int
    code_block_pixels: int
    profile: bytes | None

    def decoding_bytes(self, halvings: int) -> int:
        """Return what OpenJPEG takes beside the picture."""
        samples = self.tile_pixels * self.components
        coded = samples * _CODE_BLOCK_BYTES // self.code_block_pixels
        headers = self.tiles * (_TILE_BYTES + _TILE_COMPONENT_BYTES * self.components)
        return (samples * _SAMPLE_BYTES >> 2 * halvings) + coded + headers


def read_codestream(file: BinaryIO) -> Codestream:
    """Read the main header of a JPEG 2000 file or bare codestream.

    Raises
    ------
    ValueError
        If there is none, or it makes no sense.
    """
    start, profile = _find_parts(file)
    file.seek(start + 2)
    fields: tuple[int, ...] = ()
    levels, code_block, components = _UNSAID, 4096, 0
    for _ in range(_MOST_MARKERS):
        marker, length = struct.unpack(">HH", _exactly(file, 4))
        if marker == _TILE:
            break
        body = _exactly(file, length - 2)
        if marker == _SIZE:
            fields = struct.unpack_from(">8I", body, 2)
            components = int.from_bytes(body[34:36], "big")
        elif marker in (_CODING, _COMPONENT_CODING):
            wide = 2 if components > 256 else 1
            style, at = (body[0], 5) if marker == _CODING else (body[wide], 1 + wide)
            levels = min(levels, body[at])
            code_block = min(code_block, 1 << (body[at + 1] & 15) + (body[at + 2] & 15) + 4)
            # A code block is never larger than its precinct, of half its sides in a band.
            for sides in body[at + 5 :] if style & _PRECINCTS else b"":
                code_block = min(code_block, max(1, 1 << (sides & 15) + (sides >> 4) >> 2))
    if not fields:
        raise ValueError("no size in its header")
    width, height, left, top, across, down, _, _ = fields
    size = max(0, width - left), max(0, height - top)
    return Codestream(
        size=size,
        tiles=-(-size[0] // max(1, across)) * -(-size[1] // max(1, down)),
        tile_pixels=min(size[0], across) * min(size[1], down),
        components=components,
        levels=0 if levels == _UNSAID else levels,
        code_block_pixels=code_block,
        profile=profile,
    )


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, and the beginning and end of what is in it, of the boxes of a file."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", _exactly(file, 8))
        start = at + 8
        if size == 1:
            (size,) = struct.unpack(">Q", _exactly(file, 8))
            start += 8
        stop = end if size == 0 else at + size
        if not start <= stop <= end:
            stop = end  # cut short; what it begins with may still do
        yield name, start, stop
        at = stop


def _find_parts(file: BinaryIO) -> tuple[int, bytes | None]:
    """Return where the codestream begins, and the ICC profile in the boxes before it."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) == _START:
        return 0, None
    profile = None
    for name, start, stop in _boxes(file, 0, end):
        if name == b"jp2c":
            return start, profile
        if name == b"jp2h":
            for inner, first, last in _boxes(file, start, stop):
                file.seek(first)
                if inner == b"colr" and file.read(3)[:1] == _ICC_METHOD and profile is None:
                    profile = file.read(min(last - first - 3, _MOST_PROFILE))
    raise ValueError("no codestream in it")


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(max(0, size))
    if len(data) != size:
        raise ValueError("truncated header")
    return data
