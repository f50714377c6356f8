"""TIFF files written by hand, so that nothing of the readers under test helps to make them."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, _, LAB = range(9)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
NONE, DEFLATE = 1, 8

Tag = tuple[int, int, Sequence[int]]
"""Number, type (1 byte, 3 short, 4 long) and values."""

_SIZES = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True)
class Page:
    """One picture of a TIFF: samples of shape (h, w, channels) and how they are kept.

    `bits` is that of the samples' type unless given (1, 2, 4 or 12, packed).
    """

    samples: npt.NDArray[Any]
    photometric: int = BLACK_IS_ZERO
    bits: int | None = None
    planar: bool = False
    compression: int = NONE
    predictor: int = 1
    rows_per_strip: int | None = None
    tile: tuple[int, int] | None = None
    orientation: int = 1
    extra: tuple[int, ...] = ()
    subfile: int = 0
    more: tuple[Tag, ...] = field(default=())


def tiff(*pages: Page, big_endian: bool = False) -> bytes:
    """Return a file of these pages."""
    order = ">" if big_endian else "<"
    out = bytearray(b"MM\0\x2a" if big_endian else b"II\x2a\0") + bytes(4)
    link = 4
    for page in pages:
        tags = [*_tags(page), *page.more]
        blocks = _blocks(page, order)
        places = []
        for block in blocks:
            places.append(len(out))
            out += block + bytes(len(block) % 2)
        tags.append((324 if page.tile else 273, 4, places))
        tags.append((325 if page.tile else 279, 4, [len(block) for block in blocks]))
        link = write_directory(out, sorted(tags), link, order)
    return bytes(out)


def write_directory(out: bytearray, tags: Sequence[Tag], link: int, order: str) -> int:
    entries = b""
    for number, kind, values in tags:
        data = struct.pack(f"{order}{len(values)}{_SIZES[kind]}", *values)
        if len(data) > 4:
            place = struct.pack(f"{order}I", len(out))
            out += data + bytes(len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", number, kind, len(values)) + place
    struct.pack_into(f"{order}I", out, link, len(out))
    out += struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return len(out) - 4


def _tags(page: Page) -> list[Tag]:
    height, width, channels = page.samples.shape
    kind = {"u": UNSIGNED, "i": SIGNED, "f": FLOAT}[page.samples.dtype.kind]
    bits = page.bits or page.samples.dtype.itemsize * 8
    tags: list[Tag] = [
        (254, 4, [page.subfile]),
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [page.compression]),
        (262, 3, [page.photometric]),
        (274, 3, [page.orientation]),
        (277, 3, [channels]),
        (284, 3, [2 if page.planar else 1]),
        (317, 3, [page.predictor]),
        (339, 3, [kind] * channels),
    ]
    if page.extra:
        tags.append((338, 3, list(page.extra)))
    if page.tile:
        tags += [(322, 4, [page.tile[0]]), (323, 4, [page.tile[1]])]
    else:
        tags.append((278, 4, [page.rows_per_strip or height]))
    return tags


def _blocks(page: Page, order: str) -> list[bytes]:
    height, width, channels = page.samples.shape
    across, down = page.tile or (width, page.rows_per_strip or height)
    layers = (
        [page.samples[..., c : c + 1] for c in range(channels)] if page.planar else [page.samples]
    )
    blocks = []
    for layer in layers:
        for top in range(0, height, down):
            for left in range(0, width, across):
                block = layer[top : top + down, left : left + across]
                if page.tile:
                    pad = (0, down - block.shape[0]), (0, across - block.shape[1]), (0, 0)
                    block = np.pad(block, pad)
                data = _encoded(block, page, order)
                blocks.append(zlib.compress(data) if page.compression == DEFLATE else data)
    return blocks


def _encoded(block: npt.NDArray[Any], page: Page, order: str) -> bytes:
    if page.bits is not None and page.bits < 8 * block.dtype.itemsize:
        digits = np.unpackbits(block.astype(">u2").view(np.uint8)[..., None], axis=-1)
        digits = digits.reshape(*block.shape, 16)[..., 16 - page.bits :]
        return np.packbits(digits.reshape(block.shape[0], -1), axis=1).tobytes()
    if page.predictor == 2:
        block = np.diff(block, axis=1, prepend=np.zeros_like(block[:, :1]))
    ordered = block.astype(block.dtype.newbyteorder(order))
    if page.predictor == 3:
        # Adobe's: the bytes of a row, highest first, plane by plane, then differences.
        size = block.dtype.itemsize
        rows = block.astype(block.dtype.newbyteorder(">")).reshape(block.shape[0], -1, 1)
        planes = rows.view(np.uint8).reshape(block.shape[0], -1, size).transpose(0, 2, 1)
        flat = planes.reshape(block.shape[0], -1)
        step = block.shape[2]
        flat = flat - np.pad(flat, ((0, 0), (step, 0)))[:, :-step]
        return flat.astype(np.uint8).tobytes()
    return ordered.tobytes()
