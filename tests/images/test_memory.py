"""Memory while pictures are decoded, measured in a process of its own.

At most 2 GB above what the process took before, with any number of readers, for every
picture that the default limit of 200 megapixels lets through. No other figure was needed
for a mode: what would take more in its decoder (a WebP beyond 118 megapixels, an AVIF with
alpha beyond 95, a compressed 16-bit CMYK TIFF in one strip) is refused, and
--max-megapixels lets it through as it does a larger picture.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.images import large_files as large

LIMIT = 2_000_000_000
SIDE = 14_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

PROGRAM = """
import re, sys, threading
from artsim.errors import ImageError
from artsim.images.load import load_image

def memory(what):
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(what + r":\\s+(\\d+)", status.read())[1])

def read(path):
    try:
        load_image(path)
        said.append("read")
    except ImageError as error:
        said.append("refused " + error.with_hint)

warm, count, *paths = sys.argv[1:]
load_image(warm)
said = []
idle = memory("VmRSS")
threads = [
    threading.Thread(target=read, args=(paths[n % len(paths)],)) for n in range(int(count))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*said, f"peak {memory('VmHWM') - idle}", sep="\\n")
"""


def measure(tmp_path: Path, readers: int, *paths: Path) -> tuple[int, list[str]]:
    """Return the bytes above idle of a process, and a line for each picture."""
    warm = tmp_path / "warm.png"
    Image.new("RGB", (2000, 2000)).save(warm)
    command = [sys.executable, "-c", PROGRAM, str(warm), str(readers), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    return int(last.split()[1]), lines


MODES: dict[str, Callable[[], bytes]] = {
    "png-gray": lambda: large.png(SIDE, SIDE, 8, 0),
    "png-gray16": lambda: large.png(SIDE, SIDE, 16, 0),
    "png-gray-alpha": lambda: large.png(SIDE, SIDE, 8, 4),
    "png-rgb16": lambda: large.png(SIDE, SIDE, 16, 2),
    "png-rgba": lambda: large.png(SIDE, SIDE, 8, 6),
    "png-rgba-interlaced": lambda: large.png(SIDE, SIDE, 8, 6, interlace=1),
    "png-palette-alpha": lambda: large.png(SIDE, SIDE, 8, 3, large.chunk(b"tRNS", b"\0\x80")),
    "png-rgb-transparent": lambda: large.png(SIDE, SIDE, 8, 2, large.chunk(b"tRNS", bytes(6))),
    "png-1": lambda: large.png(SIDE, SIDE, 1, 0, large.chunk(b"tRNS", bytes(2))),
    "gif": lambda: large.gif(SIDE, SIDE),
    "gif-small-frame": lambda: large.gif(SIDE, SIDE, (10, 10)),
    "jpeg": lambda: large.jpeg(SIDE, SIDE, 3, progressive=False),
    "jpeg-progressive": lambda: large.jpeg(SIDE, SIDE, 3, progressive=True),
    "jpeg-progressive-cmyk": lambda: large.jpeg(SIDE, SIDE, 4, progressive=True),
    "jpeg-scans": lambda: large.jpeg(SIDE, SIDE, 3, progressive=False, scans=True),
    "tiff-rgb": lambda: large.tiff(SIDE, SIDE, bits=8, channels=3, photometric=2),
    "tiff-rgba": lambda: large.tiff(SIDE, SIDE, bits=8, channels=4, photometric=2, extra=[2]),
    "tiff-rgb-planar": lambda: large.tiff(
        SIDE, SIDE, bits=8, channels=3, photometric=2, planar=True
    ),
    "tiff-cmyk": lambda: large.tiff(SIDE, SIDE, bits=8, channels=4, photometric=5),
    "tiff-lab": lambda: large.tiff(SIDE, SIDE, bits=8, channels=3, photometric=8),
    "tiff-rgb16": lambda: large.tiff(SIDE, SIDE, bits=16, channels=3, photometric=2),
    "tiff-rgba16-planar": lambda: large.tiff(
        SIDE, SIDE, bits=16, channels=4, photometric=2, planar=True, extra=[1]
    ),
    "tiff-gray16-turned": lambda: large.tiff(
        SIDE, SIDE, bits=16, channels=1, photometric=0, orientation=6
    ),
    "tiff-gray32": lambda: large.tiff(SIDE, SIDE, bits=32, channels=1, photometric=1),
    "tiff-float": lambda: large.tiff(SIDE, SIDE, bits=32, channels=1, photometric=1, kind=3),
    "tiff-float64-rgb": lambda: large.tiff(
        SIDE, SIDE, bits=64, channels=3, photometric=2, kind=3, big_endian=True
    ),
    "webp": lambda: large.webp(11_900, 9_900),
    "wide": lambda: large.png(1_000_000, 190, 8, 6),
    "high": lambda: large.png(190, 1_000_000, 8, 6),
}


@pytest.mark.parametrize("mode", MODES)
def test_one_picture_of_any_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / mode
    path.write_bytes(MODES[mode]())
    peak, lines = measure(tmp_path, 1, path)
    assert lines == ["read"]
    assert peak <= LIMIT


def test_an_uncompressed_bitmap(tmp_path: Path) -> None:
    large.bmp(tmp_path / "a.bmp", SIDE, SIDE)
    peak, lines = measure(tmp_path, 1, tmp_path / "a.bmp")
    assert lines == ["read"]
    assert peak <= LIMIT


@pytest.mark.parametrize("readers", [2, 8])
@pytest.mark.parametrize("mode", ["png-rgba", "png-gray16", "gif", "jpeg-progressive", "tiff-rgb"])
def test_readers_share_the_budget(tmp_path: Path, mode: str, readers: int) -> None:
    path = tmp_path / mode
    path.write_bytes(MODES[mode]())
    peak, lines = measure(tmp_path, readers, path)
    assert lines == ["read"] * readers
    assert peak <= LIMIT


def test_readers_of_all_kinds_at_once(tmp_path: Path) -> None:
    names = ["png-rgba", "jpeg-progressive-cmyk", "gif", "tiff-rgb16", "webp", "tiff-float"]
    for name in names:
        (tmp_path / name).write_bytes(MODES[name]())
    peak, lines = measure(tmp_path, 12, *(tmp_path / name for name in names))
    assert lines == ["read"] * 12
    assert peak <= LIMIT


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: large.png(1, 190_000_000, 8, 0), "a side may have 1,000,000"),
        (lambda: large.webp(13_000, 10_000), "2.1 GB of memory to decode"),
        (
            lambda: large.tiff(SIDE, SIDE, bits=16, channels=4, photometric=5),
            "2.4 GB of memory to decode",
        ),
    ],
    ids=["one pixel wide", "webp", "tiff-cmyk16"],
)
def test_what_would_take_more_is_refused(
    tmp_path: Path, make: Callable[[], bytes], reason: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(make())
    peak, lines = measure(tmp_path, 2, path)
    assert all(line.startswith("refused") and reason in line for line in lines)
    assert peak < 100_000_000


# Encoders of these take long, and more memory than is tested: pictures as large as is let through.
@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((10_800, 10_800), {"format": "AVIF", "speed": 10, "quality": 30}),
        ((8000, 8000), {"format": "JPEG2000", "num_resolutions": 1}),
        ((8000, 8000), {"format": "JPEG2000"}),
    ],
    ids=["avif", "jpeg2000-of-one-resolution", "jpeg2000"],
)
def test_formats_that_are_decoded_whole(
    tmp_path: Path, size: tuple[int, int], options: dict[str, object]
) -> None:
    path = tmp_path / "a"
    Image.new("RGB", size).save(path, **options)  # type: ignore[arg-type]
    peak, lines = measure(tmp_path, 4, path)
    assert lines == ["read"] * 4
    assert peak <= LIMIT
