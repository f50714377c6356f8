import hashlib
import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from PIL import Image, ImageCms, Jpeg2KImagePlugin

from artsim.errors import ImageError
from artsim.images.load import ImageLimits, load_image, load_image_bytes

PHOTOGRAPH = Image.fromarray(skimage.data.astronaut())


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixels_of(data: bytes, max_side: int = 1024) -> npt.NDArray[np.uint8]:
    return load_image_bytes(data, "test", max_side=max_side).pixels


def psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


SMALL = PHOTOGRAPH.resize((96, 64))


@pytest.mark.parametrize(
    ("file_format", "options", "least_psnr"),
    [
        ("JPEG", {"quality": 95}, 30),
        ("JPEG", {"quality": 95, "progressive": True}, 30),
        ("PNG", {}, 90),
        ("WEBP", {"lossless": True}, 90),
        ("WEBP", {"quality": 95}, 30),
        ("TIFF", {}, 90),
        ("TIFF", {"compression": "tiff_lzw"}, 90),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 90),
        ("TIFF", {"compression": "jpeg"}, 25),
        ("GIF", {}, 20),
        ("BMP", {}, 90),
        ("AVIF", {"quality": 95}, 30),
        ("JPEG2000", {}, 90),
        ("JPEG2000", {"no_jp2": True}, 90),
    ],
)
def test_every_format_keeps_the_picture(
    tmp_path: Path, file_format: str, options: dict[str, object], least_psnr: float
) -> None:
    path = tmp_path / "name.without.meaning"
    data = encoded(SMALL, file_format, **options)
    path.write_bytes(data)

    loaded = load_image(path)

    assert (loaded.width, loaded.height) == (96, 64)
    assert loaded.pixels.shape == (64, 96, 3)
    assert loaded.pixels.dtype == np.uint8
    assert loaded.pixels.flags.writeable and loaded.pixels.flags.c_contiguous
    assert loaded.sha256 == hashlib.sha256(data).hexdigest()
    assert psnr(loaded.pixels, np.asarray(SMALL)) > least_psnr
    from_bytes = load_image_bytes(data, "test")
    assert np.array_equal(from_bytes.pixels, loaded.pixels)
    assert from_bytes.sha256 == loaded.sha256


@pytest.mark.parametrize(
    ("size", "max_side"), [((750, 350), 256), ((351, 753), 100), ((1500, 11), 1024)]
)
def test_a_reduced_decode_matches_a_full_one(size: tuple[int, int], max_side: int) -> None:
    original = PHOTOGRAPH.resize(size, Image.Resampling.BICUBIC)
    jpeg = encoded(original, "JPEG", quality=95)
    full = Image.open(io.BytesIO(jpeg)).convert("RGB")
    scale = max_side / max(size)
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))

    loaded = load_image_bytes(jpeg, "test", max_side=max_side)

    assert (loaded.width, loaded.height) == size
    assert loaded.pixels.shape == (target[1], target[0], 3)
    reference = np.asarray(full.resize(target, Image.Resampling.LANCZOS))
    assert psnr(loaded.pixels, reference) > 33
    # The same picture, not one moved by a fraction of a pixel: no shift does better.
    if min(target) > 60:
        moved = np.asarray(
            full.resize(
                target,
                Image.Resampling.LANCZOS,
                box=(0, 0, size[0] - 0.5 / scale, size[1] - 0.5 / scale),
            )
        )
        assert psnr(loaded.pixels, reference) > psnr(loaded.pixels, moved)


def test_a_small_picture_is_not_enlarged() -> None:
    assert pixels_of(encoded(SMALL, "PNG"), max_side=4000).shape == (64, 96, 3)


def test_a_side_never_vanishes() -> None:
    assert pixels_of(encoded(Image.new("RGB", (5000, 2)), "PNG"), max_side=10).shape == (1, 10, 3)


@pytest.mark.parametrize(
    ("file_format", "orientation"),
    [
        *(("JPEG", orientation) for orientation in range(1, 9)),
        *((name, 6) for name in ("PNG", "WEBP", "TIFF", "TIFF-LZW", "AVIF")),
    ],
)
def test_exif_orientation_is_applied(file_format: str, orientation: int) -> None:
    upright = SMALL
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"compression": "tiff_lzw"} if file_format == "TIFF-LZW" else {}
    data = encoded(stored, file_format.removesuffix("-LZW"), exif=exif, **options)

    for max_side in (1024, 40):
        loaded = load_image_bytes(data, "test", max_side=max_side)
        assert (loaded.width, loaded.height) == upright.size
        reference = upright.copy()
        reference.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        assert loaded.pixels.shape[:2] == (reference.height, reference.width)
        assert psnr(loaded.pixels, np.asarray(reference)) > 25


def test_damaged_exif_is_passed_over() -> None:
    data = encoded(SMALL, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert pixels_of(data).shape == (64, 96, 3)


def ramp(dtype: str, least: float, most: float) -> npt.NDArray[np.generic]:
    return np.linspace(least, most, 256).astype(dtype).reshape(16, 16)


GRAY_RAMP = np.arange(256).reshape(16, 16)


def raw_tiff(samples: npt.NDArray[np.generic], bits: int, sample_format: int) -> bytes:
    """Return an uncompressed gray TIFF written by hand, tags and all."""
    height, width = samples.shape
    body = samples.tobytes()
    tags = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, len(body)),
        (339, 3, sample_format),
    ]
    ifd = struct.pack("<H", len(tags))
    ifd += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + ifd + b"\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.fromarray(ramp("uint16", 0, 65535)), "PNG"),
        encoded(Image.fromarray(ramp("uint16", 0, 65535)), "TIFF"),
        raw_tiff(ramp("<u2", 0, 65535), 16, 1),
        raw_tiff(ramp("<i2", 0, 32767), 16, 2),
        raw_tiff(ramp("<u4", 0, 2**32 - 1), 32, 1),
        raw_tiff(ramp("<i4", 0, 2**31 - 1), 32, 2),
        raw_tiff(ramp("<f4", 0, 1), 32, 3),
        raw_tiff(ramp("<f4", 0, 255), 32, 3),
        raw_tiff(ramp("<f4", 0, 65535), 32, 3),
        encoded(Image.fromarray(GRAY_RAMP.astype(np.uint8)), "PNG"),
        encoded(Image.fromarray(GRAY_RAMP.astype(np.uint8)), "BMP"),
        encoded(Image.fromarray(GRAY_RAMP.astype(np.uint8)).convert("LA"), "PNG"),
    ],
    ids=["png16", "tiff16", "u2", "i2", "u4", "i4", "f1", "f255", "f65535", "l", "bmp", "la"],
)
def test_deep_and_gray_levels_keep_black_middle_and_white(data: bytes) -> None:
    pixels = pixels_of(data)
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert np.abs(pixels[..., 0].astype(int) - GRAY_RAMP).max() <= 1


def test_floats_that_are_no_numbers_are_black() -> None:
    samples = ramp("<f4", 0, 1)
    samples[0, :3] = [np.nan, np.inf, -5.0]
    pixels = pixels_of(raw_tiff(samples, 32, 3))
    assert (pixels[0, :3] == 0).all()
    assert (pixels[15, 15] == 255).all()


def png16(rgb: npt.NDArray[np.uint16]) -> bytes:
    """Return a 16-bit RGB PNG, which Pillow reads but does not write."""
    height, width = rgb.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb)

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_16_bit_rgb() -> None:
    pixels = pixels_of(png16(np.asarray(SMALL).astype(np.uint16) * 257))
    assert np.abs(pixels.astype(int) - np.asarray(SMALL)).max() <= 1


def test_one_bit() -> None:
    black_and_white = SMALL.convert("1")
    for file_format in ("PNG", "TIFF", "BMP"):
        pixels = pixels_of(encoded(black_and_white, file_format))
        assert np.array_equal(pixels, np.asarray(black_and_white.convert("RGB")))


def test_palette() -> None:
    palette = SMALL.quantize(64)
    expected = np.asarray(palette.convert("RGB"))
    for file_format in ("PNG", "GIF", "BMP", "TIFF"):
        assert np.array_equal(pixels_of(encoded(palette, file_format)), expected)


def cut_out() -> Image.Image:
    picture = SMALL.convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 48, 64))
    alpha.paste(128, (48, 0, 60, 64))
    picture.putalpha(alpha)
    return picture


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_transparent_parts_are_white(file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    pixels = pixels_of(encoded(cut_out(), file_format, **options))
    original = np.asarray(SMALL).astype(int)
    assert (pixels[:, :48] == 255).all()
    assert np.abs(pixels[:, 48:60] - (original[:, 48:60] * 128 + 255 * 127) / 255).max() <= 1
    assert np.array_equal(pixels[:, 60:], SMALL.crop((60, 0, 96, 64)))


def test_transparent_colors_of_palette_gray_and_rgb_are_white() -> None:
    palette = SMALL.quantize(16)
    index = np.asarray(palette)
    by_number = pixels_of(encoded(palette, "PNG", transparency=3))
    by_table = pixels_of(encoded(palette, "PNG", transparency=bytes([255, 255, 255, 0])))
    for pixels in (by_number, by_table):
        assert (pixels[index == 3] == 255).all()
        assert np.array_equal(pixels[index != 3], np.asarray(palette.convert("RGB"))[index != 3])
    gray = Image.fromarray(GRAY_RAMP.astype(np.uint8))
    assert pixels_of(encoded(gray, "PNG", transparency=7))[0, 7].tolist() == [255] * 3
    color = Image.new("RGB", (4, 4), (1, 2, 3))
    assert (pixels_of(encoded(color, "PNG", transparency=(1, 2, 3))) == 255).all()


def test_cmyk_is_not_inverted() -> None:
    # Pillow writes CMYK JPEGs as Photoshop does, inverted and with Adobe's marker.
    for data in (
        encoded(SMALL.convert("CMYK"), "JPEG", quality=98),
        encoded(SMALL.convert("CMYK"), "TIFF"),
    ):
        assert psnr(pixels_of(data), np.asarray(SMALL)) > 30


def test_lab() -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(SMALL, *profiles, outputMode="LAB")
    assert lab is not None
    data = encoded(lab, "TIFF")
    assert psnr(pixels_of(data), np.asarray(SMALL)) > 30
    assert pixels_of(data, max_side=50).shape == (33, 50, 3)


def made_profile(name: str) -> bytes:
    """Return a profile of Pillow's without the second in which it was made.

    Else two processes have other bytes, which compress to another length.
    """
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes())
    data[24:36] = bytes(12)
    return bytes(data)


def profile_with_swapped_primaries() -> bytes:
    """Return an sRGB profile whose red and blue columns change places."""
    data = bytearray(made_profile("sRGB"))
    count = struct.unpack_from(">I", data, 128)[0]
    entry = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = entry[b"rXYZ"], entry[b"bXYZ"]
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


SWAPPED = profile_with_swapped_primaries()


def gray_profile(gamma: float) -> bytes:
    """Return an ICC profile of gray levels with that gamma, which Pillow cannot make."""
    white = struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"gray\0" + bytes(78)),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + white),
        (b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))),
    ]
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    fields = (128 + len(table + body), b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header = struct.pack(">I4sI4s4s4s", *fields) + bytes(12) + b"acsp" + bytes(28) + white
    return header + bytes(128 - len(header)) + table + body


def test_a_profile_of_gray_levels_counts() -> None:
    picture = Image.fromarray(GRAY_RAMP.astype(np.uint8))
    pixels = pixels_of(encoded(picture, "PNG", icc_profile=gray_profile(1.0)))
    linear = GRAY_RAMP / 255
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    # The first levels are far apart in sRGB, where the engine's tables are coarse.
    assert np.abs(pixels[1:, :, 0] - 255 * srgb[1:]).max() <= 2
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_an_rgb_profile_on_a_gray_picture_keeps_it_gray() -> None:
    gray = Image.fromarray(GRAY_RAMP.astype(np.uint8))
    pixels = pixels_of(encoded(gray, "PNG", icc_profile=SWAPPED))
    assert np.abs(pixels.astype(int) - GRAY_RAMP[..., None]).max() <= 3


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_icc_profiles_are_honoured(file_format: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98, "subsampling": 0}}
    data = encoded(SMALL, file_format, icc_profile=SWAPPED, **options.get(file_format, {}))
    pixels = pixels_of(data)
    swapped = np.asarray(SMALL)[..., ::-1]
    assert psnr(pixels, swapped) > 30
    assert psnr(pixels, np.asarray(SMALL)) < 20


def test_an_icc_profile_of_cut_outs_and_palettes_counts() -> None:
    cut = pixels_of(encoded(cut_out(), "PNG", icc_profile=SWAPPED))
    assert (cut[:, :40] >= 254).all()
    assert psnr(cut[:, 60:], np.asarray(SMALL)[:, 60:, ::-1]) > 35
    palette = SMALL.quantize(64)
    pixels = pixels_of(encoded(palette, "PNG", icc_profile=SWAPPED))
    assert psnr(pixels, np.asarray(palette.convert("RGB"))[..., ::-1]) > 35


def test_a_plain_srgb_profile_changes_nothing() -> None:
    data = encoded(SMALL, "PNG", icc_profile=made_profile("sRGB"))
    assert np.array_equal(pixels_of(data), np.asarray(SMALL))


@pytest.mark.parametrize("profile", [b"not a profile", SWAPPED[:200], SWAPPED[:-40], b"\0" * 4000])
def test_a_broken_profile_is_passed_over(profile: bytes) -> None:
    assert pixels_of(encoded(SMALL, "TIFF", icc_profile=profile)).shape == (64, 96, 3)


def test_a_profile_of_another_color_space_is_passed_over() -> None:
    data = encoded(SMALL, "PNG", icc_profile=made_profile("LAB"))
    assert np.array_equal(pixels_of(data), np.asarray(SMALL))


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "lime", "blue")]
    for file_format in ("GIF", "PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
        assert pixels_of(data)[15, 20].tolist() == [255, 0, 0]


# JPEG 2000


def test_a_jpeg_2000_is_decoded_no_larger_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(PHOTOGRAPH, "JPEG2000")
    sizes = []
    load = Jpeg2KImagePlugin.Jpeg2KImageFile.load

    def watched(image: Jpeg2KImagePlugin.Jpeg2KImageFile) -> object:
        result = load(image)
        sizes.append(image.size)
        return result

    monkeypatch.setattr(Jpeg2KImagePlugin.Jpeg2KImageFile, "load", watched)
    loaded = load_image_bytes(data, "test", max_side=100)
    assert sizes[0] == (256, 256)
    assert (loaded.width, loaded.height) == (512, 512)
    reference = PHOTOGRAPH.resize((100, 100), Image.Resampling.LANCZOS)
    assert psnr(loaded.pixels, np.asarray(reference)) > 33
    one_resolution = encoded(PHOTOGRAPH, "JPEG2000", num_resolutions=1)
    assert psnr(pixels_of(one_resolution, 100), np.asarray(reference)) > 40


def test_a_profile_in_a_jpeg_2000_counts() -> None:
    data = encoded(SMALL, "JPEG2000")
    at = data.index(b"colr") - 4
    plain = data[at : at + struct.unpack_from(">I", data, at)[0]]
    color = struct.pack(">I", 11 + len(SWAPPED)) + b"colr\2\0\0" + SWAPPED
    changed = data[:at] + color + data[at + len(plain) :]
    header = changed.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">I", data, header)
    size += len(color) - len(plain)
    changed = changed[:header] + struct.pack(">I", size) + changed[header + 4 :]
    assert psnr(pixels_of(changed), np.asarray(SMALL)[..., ::-1]) > 30


# JPEGs that lack their end


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"subsampling": 0},
        {"restart_marker_blocks": 5},
        {"restart_marker_rows": 1},
    ],
    ids=str,
)
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(options: dict[str, object]) -> None:
    for picture in (PHOTOGRAPH.resize((300, 200)), SMALL.convert("L")):
        data = encoded(picture, "JPEG", **options)
        for side in (1024, 100):
            right = pixels_of(data, side)
            for end in (b"", b"\xff"):
                assert np.array_equal(pixels_of(data[:-2] + end, side), right)
        for missing in (3, 4, 5, 20, 100, len(data) // 2):
            assert "ends too early" in refused(data[:-missing])


def test_line_ends_before_a_jpeg_are_passed_over() -> None:
    data = encoded(SMALL, "JPEG")
    loaded = load_image_bytes(b"\r\n" + data, "test")
    assert np.array_equal(loaded.pixels, pixels_of(data))
    assert loaded.sha256 == hashlib.sha256(b"\r\n" + data).hexdigest()


# Sources other than paths


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(SMALL, "PNG", exif=exif, icc_profile=SWAPPED)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    right = load_image(path)
    with path.open("rb") as file, Image.open(path) as lazy:
        sources = [str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), file, lazy]
        for source in sources:
            loaded = load_image(source)
            assert np.array_equal(loaded.pixels, right.pixels)
            assert (loaded.width, loaded.height) == (right.width, right.height) == (64, 96)
            assert loaded.sha256 == ("" if source is lazy else right.sha256)
    assert np.array_equal(
        load_image(SMALL, max_side=50).pixels, pixels_of(encoded(SMALL, "PNG"), 50)
    )


class Endless:
    """A stream that would never end."""

    read_bytes = 0

    def read(self, size: int) -> bytes:
        self.read_bytes += size
        return bytes(size)


def test_limits_hold_for_every_source(tmp_path: Path) -> None:
    endless = Endless()
    with pytest.raises(ImageError, match=r"^picture: 0\.1 MB, and the limit is 0\.1 MB"):
        load_image(endless, limits=ImageLimits(max_bytes=100_000))
    assert endless.read_bytes == 100_001
    with pytest.raises(ImageError, match=r"^picture: .*megapixels") as caught:
        load_image(SMALL, limits=ImageLimits(max_megapixels=0.001))
    assert caught.value.hint == "--max-megapixels"
    with pytest.raises(ImageError, match=r"^mine: not a picture"):
        load_image(io.BytesIO(b"words"), name="mine")
    with pytest.raises(ImageError, match="empty"):
        load_image(io.BytesIO())
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(SMALL, "JPEG")[:1500])
    with pytest.raises(ImageError, match="ends too early") as caught:
        load_image(str(path))
    assert caught.value.path == path
    with Image.open(path) as lazy, pytest.raises(ImageError, match=r"^picture: .*too early"):
        load_image(lazy)
    with pytest.raises(TypeError, match="mode 'rb'"):
        load_image(io.StringIO("words"))
    for wrong in (5, None, np.zeros((2, 2, 3), np.uint8)):
        with pytest.raises(TypeError, match="expected a path, bytes"):
            load_image(wrong)  # type: ignore[arg-type]


# Refusals


def refused(data: bytes, **options: object) -> str:
    with pytest.raises(ImageError) as caught:
        load_image_bytes(data, "some/place.jpg", **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith("some/place.jpg: ")
    assert "\n" not in message
    return message


def test_empty_and_foreign_files() -> None:
    assert "empty" in refused(b"")
    for data in (b"x", b"\xff\xd8", b"P6 1 1 255\n\0\0\0", b"plain words", b"RIFF1234WAVE"):
        assert "not a picture" in refused(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document (PSD)"),
        (b"<svg></svg>", "an SVG drawing"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- a --><svg width='1'>", "an SVG drawing"),
        (b"<!DOCTYPE html><html><svg></svg></html>", "a web page, not the picture itself"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera raw picture"),
        (b"FUJIFILMCCD-RAW 0201", "a camera raw picture"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
        (b"RIFF1234AVI LIST", "a video"),
        (b"\x1aE\xdf\xa3\1\0\0\0", "a video"),
        (b"\xff\x0a\0\0", "a JPEG XL picture"),
        (b"PK\3\4\x14\0", "a ZIP archive or an Office document"),
        (bytes(128) + b"DICM", "a DICOM picture"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, kind: str) -> None:
    assert f": {kind}, which artsim does not read; save it as JPEG" in refused(data)


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"]
)
def test_truncated_files(file_format: str) -> None:
    data = encoded(SMALL, file_format)
    for share in (0.05, 0.5, 0.95):
        message = refused(data[: int(len(data) * share)])
        assert "ends too early" in message or "damaged" in message


def test_limits_are_checked_before_decoding(tmp_path: Path) -> None:
    # A header alone, of 60,000 x 60,000 pixels: decoding it could only fail otherwise.
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    crc = zlib.crc32(b"IHDR" + header)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", crc)
    idat = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(ImageError, match=r"3,600\.0 megapixels") as caught:
        load_image_bytes(png + idat, "a.png")
    assert caught.value.hint == "--max-megapixels" and "--" not in str(caught.value)

    data = encoded(SMALL, "PNG")
    assert "limit is 0.001" in refused(data, limits=ImageLimits(max_megapixels=0.001))
    assert "limit on file size" in refused(data, limits=ImageLimits(max_bytes=100))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="limit on file size"):
        load_image(path, limits=ImageLimits(max_bytes=100))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP", "JPEG2000"])
def test_the_limit_is_ours_and_not_pillows_own(
    file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(SMALL, file_format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data)).load()
    assert load_image_bytes(data, "big", max_side=16).pixels.shape == (11, 16, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="max_side"):
        load_image_bytes(encoded(SMALL, "PNG"), "a", max_side=0)
    with pytest.raises(ValueError, match="positive"):
        ImageLimits(max_megapixels=0)
    with pytest.raises(ValueError, match="positive"):
        ImageLimits(max_megapixels=float("nan"))


def test_places_that_are_no_files(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, expected in [
        (tmp_path / "none.jpg", "no such file"),
        (tmp_path, "a folder"),
        (pipe, "a pipe or device"),
        (Path("/dev/zero"), "a pipe or device"),
        (tmp_path / "loop", "cannot be read"),
        (tmp_path / ("n" * 5000), "cannot be read"),
        (tmp_path / "nul\0.jpg", "cannot be read"),
        (pipe / "below.jpg", "cannot be read"),
    ]:
        with pytest.raises(ImageError, match=expected):
            load_image(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(SMALL, "PNG"))
    path.chmod(0)
    with pytest.raises(ImageError, match=r"cannot be read \(Permission denied\)"):
        load_image(path)


def text_bomb() -> bytes:
    data = encoded(SMALL, "PNG")
    text = b"zTXtcomment\0\0" + zlib.compress(b"a" * 50_000_000, 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return data[:33] + chunk + data[33:]


def endless_tiff() -> bytes:
    """Return a TIFF whose directory says that it is followed by itself."""
    data = bytearray(raw_tiff(ramp("<u2", 0, 65535), 16, 1))
    data[-4:] = data[4:8]
    return bytes(data)


def wide_gif_frame() -> bytes:
    """Return a GIF whose first frame claims to reach far beyond its screen."""
    data = bytearray(encoded(Image.new("P", (8, 8)), "GIF"))
    start = data.index(b"\x2c", 13 + 3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 13)
    struct.pack_into("<HH", data, start + 5, 65535, 65535)
    return bytes(data)


@pytest.mark.parametrize("make", [text_bomb, endless_tiff, wide_gif_frame])
def test_hostile_files_end_well(make: Callable[[], bytes]) -> None:
    try:
        assert pixels_of(make()).ndim == 3
    except ImageError as exc:
        assert "\n" not in str(exc)


def test_warnings_stay_inside_in_every_thread_and_filters_come_back() -> None:
    before = list(warnings.filters)
    odd = bytearray(raw_tiff(ramp("<u2", 0, 65535), 16, 1))
    # A made-up tag whose data lies far beyond the file: Pillow warns and goes on.
    start = struct.unpack_from("<I", odd, 4)[0] + 2 + 12 * 9
    struct.pack_into("<HHII", odd, start, 700, 1, 5000, 10_000_000)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                load_image_bytes(bytes(odd), "odd")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert warnings.filters == before
    with pytest.warns(UserWarning), Image.open(io.BytesIO(odd)) as image:
        image.load()


def test_threads_and_repeats_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(PHOTOGRAPH, "JPEG", icc_profile=SWAPPED))
    results: list[npt.NDArray[np.uint8]] = []
    threads = [
        threading.Thread(target=lambda: results.append(load_image(path, max_side=200).pixels))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(np.array_equal(result, results[0]) for result in results)
