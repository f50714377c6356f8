import numpy as np
import pytest
import skimage.data
from PIL import Image

from artsim.images import decode
from artsim.images.color import decode_levels, depth_of
from artsim.images.decode import fit, shrink_levels

PHOTOGRAPH = Image.fromarray(skimage.data.astronaut())


MODES = ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I", "I;16", "F"]
MODES += ["P with one transparent", "RGB with one transparent"]


def in_mode(mode: str, size: tuple[int, int]) -> Image.Image:
    picture = PHOTOGRAPH.resize(size)
    if mode == "F":
        # The brightest is not in the first band.
        levels = np.asarray(picture.convert("L")).astype(np.float32) * 3
        levels[0, 0], levels[-1, -1] = np.nan, 70_000.0
        return Image.fromarray(levels)
    if mode == "I":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.int32) * 257)
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    if mode == "P with one transparent":
        palette = picture.quantize(32)
        palette.info["transparency"] = 3
        return palette
    if mode == "RGB with one transparent":
        picture.info["transparency"] = picture.getpixel((5, 5))
        return picture
    if mode in ("RGBA", "LA"):
        picture.putalpha(PHOTOGRAPH.convert("L").rotate(90).resize(size))
    return picture.quantize(32) if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize("mode", MODES)
def test_bands_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(decode, "BAND_PIXELS", 1000)
    for size, sides in {(201, 143): (128, 30), (37, 301): (90, 7), (901, 20): (200, 7)}.items():
        picture = in_mode(mode, size)
        levels = decode_levels(picture, depth_of(picture))
        for side in sides:
            target = fit(*size, side)
            whole = levels.resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0)
            shrunk = shrink_levels(picture, target)
            assert shrunk.mode == whole.mode
            assert np.array_equal(np.asarray(shrunk), np.asarray(whole))


def test_a_large_picture_is_not_turned_into_other_numbers_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = []

    def watched(image: Image.Image, depth: object) -> Image.Image:
        sizes.append(image.width * image.height)
        return decode_levels(image, None)

    monkeypatch.setattr(decode, "decode_levels", watched)
    monkeypatch.setattr(decode, "BAND_PIXELS", 5000)
    shrink_levels(in_mode("RGBA", (701, 503)), (100, 72))
    assert max(sizes) <= 5000
