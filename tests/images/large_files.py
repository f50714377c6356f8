"""Small files of huge pictures, written by hand: nearly all of their pixels are 0."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from tests.images.tiff_files import Tag, write_directory

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def deflated_zeros(count: int) -> bytes:
    deflate = zlib.compressobj()
    block = bytes(1 << 20)
    parts = [deflate.compress(block) for _ in range(count >> 20)]
    parts.append(deflate.compress(bytes(count & ((1 << 20) - 1))))
    return b"".join(parts) + deflate.flush()


def chunk(name: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def png(
    width: int, height: int, bits: int, color: int, more: bytes = b"", interlace: int = 0
) -> bytes:
    row = 1 + (width * bits * CHANNELS[color] + 7) // 8
    rows = row * height + (8 * height if interlace else 0)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if color == 3 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + palette
        + more
        + chunk(b"IDAT", deflated_zeros(rows))
        + chunk(b"IEND", b"")
    )


def jpeg(
    width: int, height: int, channels: int, *, progressive: bool, scans: bool = False
) -> bytes:
    """Return a JPEG whose Huffman tables have one code of one bit, for nothing."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    frame = struct.pack(">BHHB", 8, height, width, channels)
    frame += b"".join(bytes([n + 1, 0x11, 0]) for n in range(channels))
    table = bytes([1, *[0] * 15, 0])
    data = b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64))
    data += segment(0xC2 if progressive else 0xC0, frame)
    data += segment(0xC4, b"\0" + table) + segment(0xC4, b"\x10" + table)
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    groups = [[n + 1] for n in range(channels)] if scans else [list(range(1, channels + 1))]
    for group in groups:
        header = bytes([len(group)]) + b"".join(bytes([n, 0]) for n in group)
        data += segment(0xDA, header + (b"\0\0\0" if progressive else b"\0\x3f\0"))
        bits = blocks * len(group) * (1 if progressive else 2)
        data += bytes((bits + 7) // 8)
    return data + b"\xff\xd9"


def tiff(
    width: int,
    height: int,
    *,
    bits: int,
    channels: int,
    photometric: int,
    kind: int = 1,
    planar: bool = False,
    orientation: int = 1,
    extra: Sequence[int] = (),
    big_endian: bool = False,
    more: Sequence[Tag] = (),
) -> bytes:
    """Return a deflated TIFF of one strip, or one a channel."""
    layers = channels if planar else 1
    strip = deflated_zeros(width * height * bits // 8 * (channels // layers))
    out = bytearray((b"MM\0\x2a" if big_endian else b"II\x2a\0") + bytes(4))
    places = []
    for _ in range(layers):
        places.append(len(out))
        out += strip + bytes(len(strip) % 2)
    tags: list[Tag] = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [8]),
        (262, 3, [photometric]),
        (273, 4, places),
        (274, 3, [orientation]),
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [len(strip)] * layers),
        (284, 3, [2 if planar else 1]),
        (339, 3, [kind] * channels),
        *more,
    ]
    if extra:
        tags.append((338, 3, list(extra)))
    write_directory(out, sorted(tags), 4, ">" if big_endian else "<")
    return bytes(out)


def gif(width: int, height: int, frame: tuple[int, int] | None = None) -> bytes:
    """Return a GIF of one color, whose LZW codes stand for ever longer runs of it."""
    across, down = frame or (width, height)
    left, codes, bits = across * down, [], 3
    while left > 0:
        codes.append((4, bits))  # begin anew: 0 to 3 are colors, 5 is the end
        bits = 3
        run = 1
        while left > 0 and run <= 4000:
            # A run one longer than the last is the code that is just being made.
            length = min(run, left)
            codes.append((0 if length == 1 else 4 + length, bits))
            left -= length
            run += 1
            # The table had 6 codes, and gets one for each code but the first.
            if 6 + run - 2 >= 1 << bits and bits < 12:
                bits += 1
    codes.append((5, bits))
    number = place = 0
    data = bytearray()
    for code, size in codes:
        number |= code << place
        place += size
        while place >= 8:
            data.append(number & 255)
            number, place = number >> 8, place - 8
    data.append(number)
    blocks = b"".join(
        bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255)
    )
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x91, 0, 0)
        + bytes(12)
        + struct.pack("<BHHHHBB", 0x2C, 0, 0, across, down, 0, 2)
        + blocks
        + b"\0\x3b"
    )


def bmp(path: Path, width: int, height: int) -> None:
    """Write an uncompressed 24-bit BMP, most of it a hole."""
    row = (width * 3 + 3) // 4 * 4
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, row * height, 0, 0, 0, 0)
    with path.open("wb") as file:
        file.write(struct.pack("<2sIHHI", b"BM", 54 + row * height, 0, 0, 54) + header)
        file.truncate(54 + row * height)


def webp(width: int, height: int) -> bytes:
    """Return a lossless WebP of one color: each code has one symbol, so pixels take no bits."""
    size = (width - 1) | (height - 1) << 14
    payload = b"\x2f" + struct.pack("<I", size) + bytes.fromhex("071011fd0f4444ff03")
    payload += bytes(len(payload) % 2)
    chunks = b"WEBPVP8L" + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
