"""Picture formats: told by their first bytes; what a JPEG 2000 says of itself."""

from __future__ import annotations

import importlib
import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL.ImageFile import ImageFile

HEAD_BYTES: Final = 1024  # how much of a file `find_format` and `foreign_kind` want to see
_CODESTREAM: Final = b"\xff\x4f\xff\x51"  # how that of a JPEG 2000 begins


@dataclass(frozen=True, slots=True)
class Format:
    """A format that Pillow reads, told by its first bytes, and its plugin, imported at first use.

    The plugins are called directly, not through Image.open: its one limit on pixels is a
    global of the process, and it would also try every other format Pillow knows. Of a
    `whole_file` the plugin holds all bytes.
    """

    name: str
    plugin: str
    fits: Callable[[bytes], bool]
    whole_file: bool = False

    def opener(self) -> type[ImageFile]:
        """Return the plugin's class; `ImportError` where the installed Pillow is too old for it."""
        module = importlib.import_module(f"PIL.{self.plugin}ImagePlugin")
        opener: type[ImageFile] = getattr(module, f"{self.plugin}ImageFile")
        return opener


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands of a file of ISO boxes (MP4, HEIC, AVIF); none for others."""
    if head[4:8] != b"ftyp":
        return frozenset()
    box = head[: max(16, int.from_bytes(head[:4], "big"))]
    return frozenset([box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))])


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


# Line ends before the picture come from faulty downloads; every browser passes over them.
JPEG: Final = Format(
    "JPEG", "Jpeg", lambda head: head[:16].lstrip(b"\r\n").startswith(b"\xff\xd8\xff")
)
TIFF: Final = Format("TIFF", "Tiff", _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))
JPEG2000: Final = Format("JPEG 2000", "Jpeg2K", _starts(_CODESTREAM, b"\0\0\0\x0cjP  \r\n\x87\n"))
PNG: Final = Format("PNG", "Png", _starts(b"\x89PNG\r\n\x1a\n"))
GIF: Final = Format("GIF", "Gif", _starts(b"GIF87a", b"GIF89a"))
BMP: Final = Format("BMP", "Bmp", _starts(b"BM"))
WEBP: Final = Format(
    "WebP", "WebP", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", whole_file=True
)
AVIF: Final = Format(
    "AVIF", "Avif", lambda head: bool(_brands(head) & {b"avif", b"avis"}), whole_file=True
)

_FORMATS: Final = (JPEG, PNG, WEBP, TIFF, GIF, BMP, AVIF, JPEG2000)

NAMES: Final = "JPEG, PNG, WebP, TIFF, GIF, BMP, AVIF or JPEG 2000"


def find_format(head: bytes) -> Format | None:
    """Return the format of a file that begins so, None if it is none of artsim's."""
    return next((known for known in _FORMATS if known.fits(head)), None)


_CAMERA_RAW: Final = "a camera raw picture"
_VIDEO: Final = "a video"

_FOREIGN: Final = {
    "a PDF document": (b"%PDF",),
    "a Photoshop document (PSD)": (b"8BPS",),
    "a PostScript document": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "a DjVu document": (b"AT&TFORM",),
    "a JPEG XL picture": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "a JPEG XR picture": (b"II\xbc\x01",),
    "an OpenEXR picture": (b"v/1\x01",),
    "a Radiance picture (HDR)": (b"#?RADIANCE",),
    "an icon (ICO)": (b"\0\0\x01\0",),
    "a GIMP document (XCF)": (b"gimp xcf",),
    _CAMERA_RAW: (
        b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM",
    ),
    _VIDEO: (
        b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3",
        b"0&\xb2u\x8ef\xcf\x11",
    ),
    "a ZIP archive or an Office document": (b"PK\x03\x04",),
    "an Office document": (b"\xd0\xcf\x11\xe0",),
    "a compressed file (gzip)": (b"\x1f\x8b",),
    "a pointer of Git LFS, not the picture itself": (b"version https://git-lfs",),
}  # fmt: skip
_HEIC: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def foreign_kind(head: bytes) -> str | None:
    """Say what a file that `find_format` does not know is, with its article; None if unclear."""
    brands = _brands(head)
    if brands:
        if b"crx " in brands:
            return _CAMERA_RAW
        return "a HEIC picture" if brands & _HEIC else _VIDEO
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _VIDEO
    if head[128:132] == b"DICM":
        return "a DICOM picture"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (text[:1] == b"<" and b"<svg" in text and b"<html" not in text):
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, not the picture itself"
    return next((kind for kind, magics in _FOREIGN.items() if head.startswith(magics)), None)


_UNSAID: Final = 33  # one more than there may be
_SIZE, _CODING, _COMPONENT_CODING, _TILE = 0xFF51, 0xFF52, 0xFF53, 0xFF90
_PRECINCTS: Final = 1
_MOST_MARKERS: Final = 10_000
_MOST_BOXES: Final = 1000
_MOST_PROFILE: Final = 4 << 20
# Memory of OpenJPEG, as measured: a wavelet coefficient of 4 bytes and a share of what stands
# around it, and what it keeps of each tile and component even before it decodes the first.
_SAMPLE_BYTES: Final = 6
_CODE_BLOCK_BYTES: Final = 250
_TILE_BYTES: Final = 9000
_TILE_COMPONENT_BYTES: Final = 1100


@dataclass(frozen=True, slots=True)
class Codestream:
    """The main header of ISO/IEC 15444-1, annex A, and the file's ICC profile.

    The picture can be halved `levels` times by decoding less of it.
    """

    size: tuple[int, int]
    tiles: int
    tile_pixels: int  # of the largest; many files are one tile
    components: int
    levels: int
    code_block_pixels: int  # of the smallest unit that is coded by itself
    profile: bytes | None  # which Pillow passes over

    def decoding_bytes(self, halvings: int) -> int:
        """Return what OpenJPEG takes beside the picture."""
        samples = self.tile_pixels * self.components
        coded = samples * _CODE_BLOCK_BYTES // self.code_block_pixels
        headers = self.tiles * (_TILE_BYTES + _TILE_COMPONENT_BYTES * self.components)
        return (samples * _SAMPLE_BYTES >> 2 * halvings) + coded + headers


def read_codestream(file: BinaryIO) -> Codestream:
    """Read the main header of a JPEG 2000 file or bare codestream; `ValueError` without any."""
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
    if file.read(4) == _CODESTREAM:
        return 0, None
    profile = None
    for name, start, stop in _boxes(file, 0, end):
        if name == b"jp2c":
            return start, profile
        if name == b"jp2h":
            for inner, first, last in _boxes(file, start, stop):
                file.seek(first)
                if inner == b"colr" and file.read(3)[:1] == b"\2" and profile is None:  # an ICC one
                    profile = file.read(min(last - first - 3, _MOST_PROFILE))
    raise ValueError("no codestream in it")


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(max(0, size))
    if len(data) != size:
        raise ValueError("truncated header")
    return data
