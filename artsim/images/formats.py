"""Which kind of file a picture is, told by its first bytes, whatever its name says."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL.ImageFile import ImageFile

HEAD_BYTES: Final = 1024
"""How much of a file `find_format` and `foreign_kind` want to see."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that Pillow reads, and its plugin, imported at first use.

    The plugins are called directly, not through Image.open: its one limit on pixels is a
    global of the process, and it would also try every other format Pillow knows.

    Attributes
    ----------
    fits : callable
        Tells by a file's first bytes.
    whole_file : bool
        Whether the plugin holds all of the file's bytes.
    """

    name: str
    plugin: str
    fits: Callable[[bytes], bool]
    whole_file: bool = False

    def opener(self) -> type[ImageFile]:
        """Return the plugin's class, which takes an open file.

        Raises
        ------
        ImportError
            If the installed Pillow is older than the plugin.
        """
        module = importlib.import_module(f"PIL.{self.plugin}ImagePlugin")
        opener: type[ImageFile] = getattr(module, f"{self.plugin}ImageFile")
        return opener


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands of a file of ISO boxes (MP4, HEIC, AVIF); none for others."""
    if head[4:8] != b"ftyp":
        return frozenset()
    box = head[: max(16, int.from_bytes(head[:4], "big"))]
    return frozenset([box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))])


JPEG: Final = Format(
    # Line ends before the picture come from faulty downloads; every browser passes over them.
    "JPEG",
    "Jpeg",
    lambda head: head[:16].lstrip(b"\r\n").startswith(b"\xff\xd8\xff"),
)
TIFF: Final = Format(
    "TIFF", "Tiff", lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
)
JPEG2000: Final = Format(
    "JPEG 2000",
    "Jpeg2K",
    lambda head: head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")),
)

PNG: Final = Format("PNG", "Png", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"))
GIF: Final = Format("GIF", "Gif", lambda head: head[:6] in (b"GIF87a", b"GIF89a"))
BMP: Final = Format("BMP", "Bmp", lambda head: head.startswith(b"BM"))
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

_FOREIGN: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"II\xbc\x01", "a JPEG XR picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance picture (HDR)"),
    (b"\0\0\x01\0", "an icon (ICO)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"FUJIFILMCCD-RAW", _CAMERA_RAW),
    (b"IIRO", _CAMERA_RAW),
    (b"IIRS", _CAMERA_RAW),
    (b"MMOR", _CAMERA_RAW),
    (b"IIU\0", _CAMERA_RAW),
    (b"FOVb", _CAMERA_RAW),
    (b"\0MRM", _CAMERA_RAW),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"FLV\x01", _VIDEO),
    (b"OggS", _VIDEO),
    (b"\0\0\x01\xba", _VIDEO),
    (b"\0\0\x01\xb3", _VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", _VIDEO),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture itself"),
)
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
    if (text := _markup(head)) is not None:
        if text.startswith(b"<svg") or (b"<svg" in text and b"<html" not in text):
            return "an SVG drawing"
        if text.startswith((b"<!doctype html", b"<html")):
            return "a web page, not the picture itself"
    return next((kind for magic, kind in _FOREIGN if head.startswith(magic)), None)


def _markup(head: bytes) -> bytes | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text if text.startswith(b"<") else None


def is_camera_raw_tiff(head: bytes) -> bool:
    """Tell Canon's raw files, which begin as a TIFF of their thumbnail."""
    return head[8:10] == b"CR" and head[:4] == b"II*\0"
