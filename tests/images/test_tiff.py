"""TIFFs of every kind, against pixels computed from their samples without any reader."""

import itertools
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from artsim.errors import ImageError
from artsim.images.load import load_image, load_image_bytes
from artsim.images.pixels import to_pixels
from tests.images.tiff_files import (
    BLACK_IS_ZERO,
    CMYK,
    DEFLATE,
    FLOAT,
    LAB,
    NONE,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Page,
    Tag,
    tiff,
)

Levels = npt.NDArray[np.float64]

HEIGHT, WIDTH = 12, 20
RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 5)).astype(np.uint8)
BYTES[0, 0], BYTES[0, 1] = 0, 255


def pixels_of(data: bytes) -> Levels:
    return load_image_bytes(data, "a.tif").pixels.astype(float)


def layouts(every: bool) -> Iterator[dict[str, Any]]:
    """Yield channels together or apart, compression, strips or tiles, and byte order."""
    for planar, deflate, tiled, big in itertools.product([False, True], repeat=4):
        # A quarter of them has each pair of choices.
        if every or (planar ^ deflate ^ tiled ^ big) == (planar & deflate):
            yield {
                "planar": planar,
                "compression": DEFLATE if deflate else NONE,
                "tile": (16, 16) if tiled else None,
                "rows_per_strip": None if tiled else 5,
                "big_endian": big,
            }


def file_of(
    samples: npt.NDArray[Any], photometric: int, layout: dict[str, Any], **more: Any
) -> bytes:
    page = {key: value for key, value in layout.items() if key != "big_endian"}
    return tiff(Page(samples, photometric, **page, **more), big_endian=bool(layout["big_endian"]))


WHOLE = ["u1", "u2", "u4", "u8", "u12", "u16", "u32", "u64"]
KINDS = [*WHOLE, "i8", "i16", "i32", "i64", "f16", "f32", "f64"]
# Photometric interpretation, channels, and what the channels after the colors are.
COLORS = [
    (WHITE_IS_ZERO, 1, ()),
    (BLACK_IS_ZERO, 1, ()),
    (BLACK_IS_ZERO, 2, (2,)),
    (WHITE_IS_ZERO, 2, (0,)),
    (RGB, 3, ()),
    (RGB, 4, (2,)),
    (RGB, 4, (1,)),
    (RGB, 4, (0,)),
    (RGB, 5, (2, 0)),
]


def samples_of(kind: str, channels: int) -> tuple[npt.NDArray[Any], float, int | None]:
    """Return samples, the level of white, and their bits where those are no whole bytes."""
    bits = int(kind[1:])
    share = BYTES[..., :channels] / 255
    if kind[0] == "f":
        return share.astype(f"f{bits // 8}"), 1.0, None
    white = 2 ** (bits - 1 if kind[0] == "i" else bits) - 1
    if bits == 64:  # whose greatest no float holds
        return (BYTES[..., :channels].astype(f"{kind[0]}8") * (white // 255)), white, None
    if bits % 8:
        return np.rint(share * white).astype("u2"), white, bits
    return np.rint(share * white).astype(f"{kind[0]}{bits // 8}"), white, None


def expected(
    samples: npt.NDArray[Any], white: float, photometric: int, extra: tuple[int, ...]
) -> Levels:
    share = samples.astype(float) / white
    colors = share[..., :3] if photometric == RGB else share[..., :1].repeat(3, axis=2)
    if photometric == WHITE_IS_ZERO:
        colors = 1 - colors
    alpha = share[..., 3 if photometric == RGB else 1 :][..., :1]
    if extra[:1] == (2,):
        colors = colors * alpha + 1 - alpha
    if extra[:1] == (1,):
        colors = colors + 1 - alpha
    return colors * 255


def must_be_read(kind: str, photometric: int, extra: tuple[int, ...]) -> bool:
    bits = int(kind[1:])
    if bits < 8:
        return photometric != RGB and not extra
    return bits != 12 and not (kind == "u8" and photometric == WHITE_IS_ZERO and extra)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_every_kind(kind: str, every: bool) -> None:
    for photometric, channels, extra in COLORS:
        check_samples(kind, photometric, channels, extra, every)


def check_samples(
    kind: str, photometric: int, channels: int, extra: tuple[int, ...], every: bool
) -> None:
    samples, white, bits = samples_of(kind, channels)
    if extra == (1,):  # no color is stronger than its alpha
        samples = np.minimum(samples, samples[..., 3:])
    right = expected(samples, white, photometric, extra)
    for layout in layouts(every):
        if layout["planar"] and channels == 1:
            continue
        predictors = [1]
        if layout["compression"] == DEFLATE:
            predictors += [3] if kind[0] == "f" else [2] if int(kind[1:]) in (8, 16, 32) else []
        for predictor in predictors:
            data = file_of(
                samples, photometric, layout, extra=extra, bits=bits, predictor=predictor
            )
            try:
                pixels = pixels_of(data)
            except ImageError:
                assert not must_be_read(kind, photometric, extra), layout
            else:
                assert np.abs(pixels - right).max() <= 2, (layout, predictor)


COLOR_MAP = RANDOM.integers(0, 65536, (3, 256))


def color_map(colors: npt.NDArray[Any]) -> Tag:
    return 320, 3, [int(value) for value in colors.reshape(-1)]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("narrow", [False, True], ids=["16-bit colors", "8-bit colors"])
def test_palettes(bits: int, narrow: bool) -> None:
    colors = COLOR_MAP[:, : 2**bits] // (256 if narrow else 1)
    index = (BYTES[..., :1].astype(int) % 2**bits).astype(np.uint8 if bits == 8 else np.uint16)
    right = (colors if narrow else colors // 256)[:, index[..., 0]].transpose(1, 2, 0)
    for layout in layouts(every=True):
        if not layout["planar"]:
            data = file_of(
                index, PALETTE, layout, bits=bits if bits < 8 else None, more=(color_map(colors),)
            )
            assert np.array_equal(pixels_of(data), right), layout


def ycbcr_to_rgb(samples: npt.NDArray[np.uint8]) -> Levels:
    y, blue, red = np.moveaxis(samples.astype(float), -1, 0)
    blue, red = blue - 128, red - 128
    rgb = [y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue]
    return np.clip(np.stack(rgb, axis=-1), 0, 255)


def lab_to_rgb(samples: npt.NDArray[np.uint8]) -> Levels:
    """After CIE 15 and IEC 61966-2-1, from the white of D50 by Bradford's adaptation."""
    lightness = samples[..., 0] * (100 / 255)
    a, b = (samples[..., channel].view(np.int8).astype(float) for channel in (1, 2))
    y = (lightness + 16) / 116
    x, z = y + a / 500, y - b / 200
    cubes = [np.where(t > 6 / 29, t**3, 3 * (6 / 29) ** 2 * (t - 4 / 29)) for t in (x, y, z)]
    xyz = np.stack(cubes, axis=-1) * [0.9642, 1.0, 0.8249]
    matrix = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    linear = np.clip(xyz @ np.array(matrix).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def lab_samples() -> npt.NDArray[np.uint8]:
    samples = np.ascontiguousarray(BYTES[..., :3])
    samples[..., 0] = 100 + samples[..., 0] // 3
    samples[..., 1:] = RANDOM.integers(-15, 16, (HEIGHT, WIDTH, 2)).astype(np.int8).view(np.uint8)
    return samples


CMYK_RIGHT = (255.0 - BYTES[..., :3]) * (255.0 - BYTES[..., 3:4]) / 255


@pytest.mark.parametrize(
    ("photometric", "samples", "more", "right", "tolerance"),
    [
        (CMYK, BYTES[..., :4], {}, CMYK_RIGHT, 2),
        (CMYK, BYTES[..., :4].astype(np.uint16) * 257, {}, CMYK_RIGHT, 2),
        (CMYK, BYTES, {"extra": (0,)}, CMYK_RIGHT, 2),
        (
            YCBCR,
            BYTES[..., :3],
            {"more": ((530, 3, [1, 1]),)},
            ycbcr_to_rgb(BYTES[..., :3]),
            2,
        ),
        # The color engine's tables are coarse among the dark ones.
        (LAB, lab := lab_samples(), {}, lab_to_rgb(lab), 7),
    ],
    ids=["cmyk", "cmyk16", "cmyk and another", "ycbcr", "lab"],
)
def test_other_colors_are_right_or_refused(
    photometric: int,
    samples: npt.NDArray[Any],
    more: dict[str, Any],
    right: Levels,
    tolerance: float,
) -> None:
    for layout in layouts(every=True):
        data = file_of(np.ascontiguousarray(samples), photometric, layout, **more)
        try:
            pixels = pixels_of(data)
        except ImageError:
            assert layout["planar"]
        else:
            assert np.abs(pixels - right).max() <= tolerance, layout


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page(BYTES[..., :3], LAB, planar=True), "apart"),
        (Page(BYTES[..., :4].astype(np.uint16), CMYK, planar=True), "16-bit channels apart"),
        (Page(BYTES[..., :2], YCBCR, more=((530, 3, [2, 2]),)), "lower resolution"),
        (Page(BYTES[..., :3], RGB, planar=True, more=((266, 3, [2]),)), "apart"),
        (Page(BYTES[..., :1].view(np.int8), BLACK_IS_ZERO, compression=5), "signed 8-bit"),
    ],
    ids=["planar lab", "planar cmyk16", "subsampled", "fill order", "signed lzw"],
)
def test_what_would_be_wrong_is_refused_with_its_reason(page: Page, reason: str) -> None:
    with pytest.raises(ImageError, match=rf"^a\.tif: a TIFF that .*{reason}.*; save it as JPEG$"):
        pixels_of(tiff(page))


def test_compressed_big_endian_floats_that_pillow_would_swap_are_refused() -> None:
    page = Page((BYTES[..., :1] / 255).astype(np.float32), compression=5)
    with pytest.raises(ImageError, match="compressed big-endian 32-bit"):
        pixels_of(tiff(page, big_endian=True))


UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: p[::-1].transpose(1, 0, 2),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: p[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_orientation(orientation: int, dtype: Any) -> None:
    samples = BYTES[..., :3].astype(dtype) * (257 if dtype == np.uint16 else 1)
    loaded = load_image_bytes(tiff(Page(samples, RGB, orientation=orientation)), "a.tif")
    right = UPRIGHT[orientation](BYTES[..., :3])
    assert np.array_equal(loaded.pixels, right)
    assert (loaded.height, loaded.width) == right.shape[:2]


# Which page


def gray(height: int, width: int, level: int) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 1), level, np.uint8)


@pytest.mark.parametrize(
    ("pages", "level"),
    [
        ([Page(gray(6, 8, 1), subfile=1), Page(gray(60, 80, 2))], 2),
        ([Page(gray(6, 8, 1), more=((255, 3, [2]),)), Page(gray(60, 80, 2))], 2),
        ([Page(gray(6, 8, 1)), Page(gray(60, 80, 2)), Page(gray(30, 40, 3))], 2),
        ([Page(gray(60, 80, 1)), Page(gray(30, 40, 2), subfile=1)], 1),
        ([Page(gray(60, 80, 1)), Page(gray(60, 80, 2))], 1),
        # Another sheet of a document, not a larger version of the first.
        ([Page(gray(60, 80, 1)), Page(gray(400, 80, 2))], 1),
        ([Page(gray(90, 90, 1), subfile=4), Page(gray(60, 80, 2))], 2),
        ([Page(gray(6, 8, 1), subfile=1), Page(gray(60, 80, 2), subfile=1)], 2),
    ],
    ids=["marked", "marked of old", "unmarked", "last", "equal", "document", "mask", "all marked"],
)
def test_the_picture_and_not_its_thumbnail(pages: list[Page], level: int) -> None:
    loaded = load_image_bytes(tiff(*pages), "a.tif")
    assert (loaded.pixels == level).all()
    sixteen = [
        Page(page.samples.astype(np.uint16) * 257, subfile=page.subfile, more=page.more)
        for page in pages
    ]
    assert np.array_equal(load_image_bytes(tiff(*sixteen), "a.tif").pixels, loaded.pixels)


def test_a_thumbnail_of_what_is_kept_elsewhere_is_no_picture() -> None:
    thumbnail = Page(gray(6, 8, 1), subfile=1, more=((330, 4, [8]),))
    data = bytearray(tiff(thumbnail))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    for at in range(first + 2, first + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", data, at)[0] == 330:
            struct.pack_into("<I", data, at + 8, first)
    with pytest.raises(ImageError, match="keeps its picture in a sub-directory"):
        pixels_of(bytes(data))


@pytest.mark.parametrize("photometric", [32803, 34892])
def test_raw_pictures_of_cameras_are_named(photometric: int) -> None:
    with pytest.raises(ImageError, match="a camera raw picture"):
        pixels_of(tiff(Page(gray(6, 8, 1), subfile=1), Page(gray(60, 80, 2), photometric)))
    dng = Page(gray(6, 8, 1), subfile=1, more=((50706, 1, [1, 4, 0, 0]),))
    with pytest.raises(ImageError, match="a camera raw picture"):
        pixels_of(tiff(dng))
    canon = bytearray(tiff(Page(gray(6, 8, 1))))
    canon[8:10] = b"CR"
    with pytest.raises(ImageError, match="a camera raw picture"):
        pixels_of(bytes(canon))


def test_floats_count_to_the_brightest_of_all_strips_and_channels() -> None:
    samples = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    samples[-1, -1, 2] = 1000.0
    samples[0, 0] = 500.0
    samples[0, 1] = [np.nan, np.inf, -3e38]
    pixels = pixels_of(tiff(Page(samples, RGB, rows_per_strip=3)))
    assert pixels[0, 0].tolist() == [2.0] * 3  # of 65535
    assert pixels[-1, -1].tolist() == [0, 0, 4]
    assert pixels[0, 1].tolist() == [0, 0, 0]
    assert FLOAT == 3


@pytest.mark.skipif("ARTSIM_TEST_DATA" not in os.environ, reason="no ARTSIM_TEST_DATA")
def test_files_of_other_programs() -> None:
    folder = Path(os.environ["ARTSIM_TEST_DATA"]) / "museum_records" / "inputs" / "tiff"
    if not folder.is_dir():
        pytest.skip("no such inputs")
    reference = load_image(folder / "reference.png").pixels
    for name in ("planar16_uncompressed", "planar16_deflate_ok", "thumbnail_first"):
        assert np.array_equal(load_image(folder / f"{name}.tif").pixels, reference)
    inverted = to_pixels(load_image(folder / "gray16_whiteiszero.tif").pixels)
    assert np.abs(inverted.astype(int) - to_pixels(reference)).max() <= 1
