"""Damaged and hostile pictures, each told by a number: small ones whose bytes are changed."""

import io
import re
import struct
import sys
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.images import tiff_files
from tests.images.large_files import chunk, gif, jpeg, png, webp

EXTREMES = [0, 1, 2, 7, 8, 255, 256, 4095, 13_999, 16_383, 32_767, 65_535]
LARGE = [0, 1, 255, 65_536, 190_000_000, 2**31 - 1, 2**31, 2**32 - 1]


def _encoded(mode: str, file_format: str, **options: object) -> bytes:
    rows = np.random.default_rng(5).integers(0, 256, (24, 36, 4)).astype(np.uint8)
    picture = Image.fromarray(rows).convert("RGB" if mode in ("P", "YCbCr") else mode)
    if mode == "P":
        picture = picture.quantize(16)
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Return a small sound picture of every kind."""
    samples = np.random.default_rng(6).integers(0, 256, (12, 20, 4)).astype(np.uint8)
    page = tiff_files.Page
    deep = samples.astype(np.uint16) * 257
    floats = (samples / 255).astype(np.float32)
    return (
        ("jpeg", _encoded("RGB", "JPEG")),
        ("jpeg progressive", _encoded("CMYK", "JPEG", progressive=True)),
        ("jpeg restarts", _encoded("L", "JPEG", restart_marker_blocks=2)),
        ("jpeg scans", jpeg(40, 30, 3, progressive=False, scans=True)),
        ("png", _encoded("RGBA", "PNG")),
        ("png palette", _encoded("P", "PNG", transparency=bytes([255, 0, 128]))),
        ("png 16", png(20, 12, 16, 6, interlace=1)),
        ("webp", _encoded("RGBA", "WEBP")),
        ("webp lossless", webp(30, 20)),
        ("gif", gif(30, 20)),
        ("gif frames", _encoded("P", "GIF", save_all=True, append_images=[Image.new("P", (9, 9))])),
        ("bmp", _encoded("RGB", "BMP")),
        ("bmp palette", _encoded("P", "BMP")),
        ("avif", _encoded("RGB", "AVIF", speed=10)),
        ("avif alpha", _encoded("RGBA", "AVIF", speed=10)),
        ("jp2", _encoded("RGB", "JPEG2000")),
        ("j2k", _encoded("L", "JPEG2000", no_jp2=True, tile_size=(16, 16))),
        ("tiff", tiff_files.tiff(page(samples[..., :3], tiff_files.RGB, rows_per_strip=5))),
        (
            "tiff tiles",
            tiff_files.tiff(page(samples, tiff_files.RGB, tile=(16, 16), compression=8)),
        ),
        ("tiff 16", tiff_files.tiff(page(deep, tiff_files.RGB, planar=True, compression=8))),
        (
            "tiff float",
            tiff_files.tiff(
                page(floats[..., :1], compression=8, predictor=3), page(deep), big_endian=True
            ),
        ),
        ("tiff lzw", _encoded("RGB", "TIFF", compression="tiff_lzw")),
        ("tiff jpeg", _encoded("RGB", "TIFF", compression="jpeg")),
        ("tiff palette", _encoded("P", "TIFF")),
        ("tiff lab", tiff_files.tiff(page(samples[..., :3], tiff_files.LAB, compression=8))),
    )


def fuzzed(number: int, most_side: int = 6000) -> tuple[str, bytes]:
    """Return one of them and what it was made from."""
    random = np.random.default_rng(number)
    name, data = seeds()[number % len(seeds())]
    if number % 3 == 0:
        changed = _with_other_header(name, data, random, most_side)
    else:
        changed = _with_other_bytes(data, random)
    if name.startswith("png"):
        changed = _with_right_sums(changed)
    if random.random() < 0.1:
        changed = changed[: random.integers(1, len(changed) + 1)]
    return name, changed


def _with_other_bytes(data: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(data)
    # Decoders trip over headers, so half of the damage goes there.
    reach = min(len(data), 300) if random.random() < 0.5 else len(data)
    for at in random.integers(0, reach, size=random.integers(1, 5)):
        at = min(int(at), len(changed) - 8)
        match random.integers(0, 5):
            case 0:
                changed[at] ^= 1 << random.integers(0, 8)
            case 1:
                changed[at] = random.choice([0, 255, 127, 128])
            case 2:
                changed[at : at + 4] = struct.pack(
                    random.choice(["<I", ">I"]), random.choice(LARGE)
                )
            case 3:
                del changed[at : at + int(random.integers(1, 9))]
            case _:
                changed[at] = random.integers(0, 256)
    return bytes(changed)


def _with_other_header(
    name: str, data: bytes, random: np.random.Generator, most_side: int
) -> bytes:
    """Change sizes, bits and the like where they are, to what nobody would write."""
    changed = bytearray(data)

    def put(layout: str, at: int, values: list[int]) -> None:
        struct.pack_into(layout, changed, at, int(random.choice(values)))

    kind = name.split()[0]
    if random.random() < 0.3:
        layout, width, height = _sides(kind, data)
        for at in (width, height):
            put(layout, at, [1, 9, 40, most_side // 3, most_side])
    elif kind == "jpeg":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        put(">H", at + 5 + 2 * int(random.integers(0, 2)), EXTREMES)
        changed[at + 1] = random.choice([0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA])
        changed[at + 9 + int(random.integers(0, 3))] = random.choice([0, 1, 3, 4, 0x44, 0x12])
    elif kind == "png":
        put(">I", 16 + 4 * int(random.integers(0, 2)), [*EXTREMES, *LARGE])
        changed[24 + int(random.integers(0, 5))] = random.choice([0, 1, 2, 3, 4, 6, 8, 16])
    elif kind == "webp":
        put("<I", int(random.integers(12, 30)), [*EXTREMES, *LARGE])
    elif kind == "gif":
        put("<H", int(random.choice([6, 8, 26, 28, 30, 32])), EXTREMES)
    elif kind == "bmp":
        put("<I", int(random.choice([10, 14, 18, 22, 28, 30, 34, 46])), [*EXTREMES, *LARGE])
    elif kind == "avif":
        at = data.find(random.choice([b"ispe", b"av1C", b"pixi", b"iloc", b"ipma"]))
        put(">I", at + int(random.integers(4, 16)), [*EXTREMES, *LARGE])
    elif kind in ("jp2", "j2k"):
        at = data.find(random.choice([b"\xff\x51", b"\xff\x52", b"\xff\x90"]))
        if kind == "jp2" and random.random() < 0.3:
            at = data.find(b"ihdr")
        put(">I", at + int(random.integers(4, 40)), [*EXTREMES, *LARGE])
    elif kind == "tiff":
        order = "<" if data[:2] == b"II" else ">"
        (first,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, first)
        for _ in range(int(random.integers(1, 4))):
            entry = first + 2 + 12 * int(random.integers(0, count))
            if random.random() < 0.3:
                put(order + "H", entry + 2, [0, 1, 2, 3, 4, 5, 7, 11, 12, 16])
            elif random.random() < 0.3:
                put(order + "I", entry + 4, [*EXTREMES, *LARGE])
            else:
                put(order + "I", entry + 8, [*EXTREMES, *LARGE])
    return bytes(changed)


def _sides(kind: str, data: bytes) -> tuple[str, int, int]:
    """Return how and where a picture's width and height are written."""
    if kind == "jpeg":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        return ">H", at + 7, at + 5
    if kind == "webp":  # of a lossless one; 14 bits of each
        return "<H", 21, 23
    if kind == "avif":
        return ">I", data.find(b"ispe") + 8, data.find(b"ispe") + 12
    if kind in ("jp2", "j2k"):
        at = data.find(b"\xff\x51")
        return ">I", at + 6, at + 10
    if kind == "tiff":
        order = "<" if data[:2] == b"II" else ">"
        (first,) = struct.unpack_from(order + "I", data, 4)
        return order + "I", first + 2 + 12 + 8, first + 2 + 24 + 8
    return {"png": (">I", 16, 20), "gif": ("<H", 6, 8), "bmp": ("<I", 18, 22)}[kind]


def _with_right_sums(data: bytes) -> bytes:
    """Put right the checksums of a PNG, or its damage would never reach a decoder."""
    parts, at = [data[:8]], 8
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        parts.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return b"".join(parts)


def main() -> None:
    """Read pictures FIRST to LAST as an ingest does, a line for each: what came of it.

    Arguments: first and last number, and a path for the file.
    """
    from artsim.errors import ImageError
    from artsim.images.load import file_sha256, load_image

    first, last, place = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    for number in range(first, last):
        name, data = fuzzed(number)
        place.write_bytes(data)
        _say(f"{number} {name}: ")
        try:
            file_sha256(place)
            _say(f"read {load_image(place).pixels.shape}\n")
        except ImageError as error:
            reason = str(error)
            _say(f"{'refused' if reason.startswith(str(place)) else 'UNPLACED'} {reason}\n")
    status = Path("/proc/self/status")
    if status.exists():
        (peak,) = re.findall(r"VmHWM:\s+(\d+)", status.read_text())
        _say(f"peak {1024 * int(peak)}\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
