"""The edits, on pictures made in code."""

import hashlib
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.color import rgb2hsv, rgb2xyz

from artsim.evaluation.edits import EDITS, EVERY_EDIT, edit_picture
from artsim.evaluation.scenes import LUMINANCE, EditedPicture, to_levels, to_light

Image8 = npt.NDArray[np.uint8]

SAME_SIZE = {"mirror", "grayscale", "fade", "varnish", "jpeg", "scratches", "engraving", "negative"}
SIZES = [(1, 1), (1, 8), (8, 1), (1, 900), (2_000, 12), (60, 90)]

EVERY_GRAY = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)


def picture(height: int, width: int, seed: int = 0) -> Image8:
    """Patches of color with soft edges, as paintings have them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(soft)


def edited(image: Image8, edit: str, painting_id: str = "p", seed: int = 0) -> EditedPicture:
    others = [picture(50, 40, seed=9)] * (edit == "pair")
    return edit_picture(image, edit, painting_id=painting_id, seed=seed, others=others)


def draws(edit: str, name: str, shape: tuple[int, int] = (60, 90)) -> npt.NDArray[np.float64]:
    """Values of one parameter over many paintings; of those that have it."""
    image = picture(*shape)
    found = [edited(image, edit, f"p{i}").parameters for i in range(40)]
    return np.array([parameters[name] for parameters in found if name in parameters])


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("edit", EVERY_EDIT)
def test_any_picture_can_be_edited(edit: str, shape: tuple[int, int]) -> None:
    image = picture(*shape)
    before = image.copy()
    copy = edited(image, edit)
    assert copy.pixels.dtype == np.uint8
    assert copy.pixels.ndim == 3
    assert copy.pixels.shape[2] == 3
    assert min(copy.pixels.shape) >= 1
    assert copy.pixels.flags.writeable
    assert not np.shares_memory(copy.pixels, image)
    assert np.array_equal(image, before)
    if edit in SAME_SIZE:
        assert copy.pixels.shape == image.shape
    assert all(np.isfinite(value) for value in copy.parameters.values())


@pytest.mark.parametrize("edit", EVERY_EDIT)
def test_views_and_plain_pictures_can_be_edited(edit: str) -> None:
    image = picture(40, 60)
    assert np.array_equal(
        edited(image[::2, ::-1], edit).pixels, edited(image[::2, ::-1].copy(), edit).pixels
    )
    for level in (0, 255):
        plain = edited(np.full((40, 60, 3), level, np.uint8), edit).pixels
        assert plain.size > 0


@pytest.mark.parametrize("edit", EVERY_EDIT)
def test_an_edit_depends_on_painting_edit_and_seed_alone(edit: str) -> None:
    image = picture(60, 90)
    first = edited(image, edit, "a", 3)
    for other in EDITS:
        edited(image, other, "b", 3)
    again = edited(image, edit, "a", 3)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.parameters == again.parameters
    if edit not in {"mirror", "grayscale", "jpeg"}:
        for painting_id, seed in (("b", 3), ("a", 4)):
            different = edited(image, edit, painting_id, seed)
            assert different.parameters != first.parameters


def test_another_process_edits_alike() -> None:
    # Not from one hash seed to the next, nor from one process to another.
    program = (
        "import hashlib, numpy as np\n"
        "from artsim.evaluation.edits import EVERY_EDIT, edit_picture\n"
        "image = (np.arange(40 * 60 * 3) % 251).astype(np.uint8).reshape(40, 60, 3)\n"
        "digest = hashlib.sha256()\n"
        "for name, edit in EVERY_EDIT.items():\n"
        "    others = [image[::-1]] * (edit.pictures - 1)\n"
        "    copy = edit_picture(image, name, painting_id='élan', others=others)\n"
        "    digest.update(copy.pixels.tobytes())\n"
        "print(digest.hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    image = (np.arange(40 * 60 * 3) % 251).astype(np.uint8).reshape(40, 60, 3)
    digest = hashlib.sha256()
    for name, edit in EVERY_EDIT.items():
        others = [image[::-1]] * (edit.pictures - 1)
        copy = edit_picture(image, name, painting_id="élan", others=others)
        digest.update(copy.pixels.tobytes())
    assert done.stdout.strip() == digest.hexdigest()


@pytest.mark.parametrize(("edit", "area"), [("crop", 0.7), ("detail", 0.25)])
def test_a_part_is_of_its_area_and_of_the_picture(edit: str, area: float) -> None:
    image = picture(300, 200)
    for i in range(20):
        copy = edited(image, edit, f"p{i}")
        left, top = int(copy.parameters["left"]), int(copy.parameters["top"])
        height, width = copy.pixels.shape[:2]
        assert height * width == pytest.approx(area * 300 * 200, rel=0.02)
        assert np.array_equal(copy.pixels, image[top : top + height, left : left + width])
    assert np.ptp(draws(edit, "left")) > 0
    assert np.ptp(draws(edit, "top")) > 0


def test_mirrored_twice_is_the_picture() -> None:
    image = picture(30, 50)
    once = edited(image, "mirror").pixels
    assert not np.array_equal(once, image)
    assert np.array_equal(edited(once, "mirror").pixels, image)


def test_grayscale_is_luma_in_three_equal_channels() -> None:
    image = picture(30, 50)
    copy = edited(image, "grayscale").pixels
    assert np.array_equal(copy[..., 0], copy[..., 1])
    assert np.array_equal(copy[..., 0], copy[..., 2])
    luma = image.astype(float) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(copy[..., 0], luma, atol=1)
    assert np.array_equal(edited(copy, "grayscale").pixels, copy)


def test_a_faded_print_has_less_color_and_less_contrast() -> None:
    image = picture(60, 90)
    luminance = to_light(image) @ LUMINANCE
    for i in range(20):
        copy = edited(image, "fade", f"p{i}").pixels
        faded = to_light(copy) @ LUMINANCE
        assert faded.min() > luminance.min()
        assert np.log(faded).std() < 0.85 * np.log(np.maximum(luminance, 0.008)).std()
        assert rgb2hsv(copy)[..., 1].mean() < 0.8 * rgb2hsv(image)[..., 1].mean()
    black = edited(np.zeros((9, 9, 3), np.uint8), "fade").pixels
    assert black.min() > 20


def test_varnish_takes_blue_most_and_red_least() -> None:
    white = np.full((60, 90, 3), 255, np.uint8)
    for i in range(20):
        red, green, blue = np.moveaxis(to_light(edited(white, "varnish", f"p{i}").pixels), 2, 0)
        assert (red > green).all()
        assert (green > blue).all()
        assert blue.mean() < 0.75 * red.mean()
    black = edited(np.zeros((9, 9, 3), np.uint8), "varnish").pixels
    assert 0 < black.max() < 60  # it scatters a little


def test_jpeg_differs_a_little() -> None:
    image = picture(120, 160)
    noisy = np.clip(
        image.astype(int) + np.random.default_rng(1).integers(-20, 21, image.shape), 0, 255
    ).astype(np.uint8)
    copy = edited(noisy, "jpeg").pixels
    error = np.abs(copy.astype(int) - noisy).mean()
    assert 1 < error < 20


def test_a_frame_holds_the_whole_picture() -> None:
    image = picture(60, 90)
    copy = edited(image, "frame")
    border = int(copy.parameters["border"])
    top = int(copy.parameters["top"]) + border
    left = int(copy.parameters["left"]) + border
    inside = copy.pixels[top : top + 60, left : left + 90]
    # In the shadow of the upper and left rails; elsewhere the picture itself.
    np.testing.assert_allclose(inside[30:, 45:], image[30:, 45:], atol=1)
    assert inside[0].mean() < image[0].mean()
    height, width = copy.pixels.shape[:2]
    assert height == 60 + 2 * border + copy.parameters["top"] + copy.parameters["bottom"]
    assert width == 90 + 2 * border + copy.parameters["left"] + copy.parameters["right"]


def test_the_frame_is_lit_from_above() -> None:
    image = np.full((200, 200, 3), 128, np.uint8)
    copy = edited(image, "frame")
    border, top, left, bottom = (
        int(copy.parameters[name]) for name in ("border", "top", "left", "bottom")
    )
    middle = left + border + 100
    fall = border // 2  # where the molding falls towards the picture
    upper = copy.pixels[top + fall, middle - 50 : middle + 50].mean()
    lower = copy.pixels[-bottom - 1 - fall, middle - 50 : middle + 50].mean()
    assert lower > upper  # the lower rail's inner side looks up, to the lamp


def test_rotation_is_small_and_goes_both_ways() -> None:
    degrees = draws("rotate", "degrees")
    assert (np.abs(degrees) >= 1).all()
    assert (np.abs(degrees) <= 3).all()
    assert {-1.0, 1.0} == set(np.sign(degrees))
    assert set(draws("rotate", "shows_wall")) == {0.0, 1.0}


def test_rotation_turns_by_its_angle() -> None:
    image = np.zeros((301, 301, 3), np.uint8)
    image[:, 149:152] = 255  # a plumb line
    for i in range(10):
        copy = edited(image, "rotate", f"p{i}")
        if copy.parameters["shows_wall"]:
            continue
        rows = np.arange(50, copy.pixels.shape[0] - 50)
        bright = copy.pixels[rows, :, 0].astype(float)
        column = (bright * np.arange(bright.shape[1])).sum(axis=1) / bright.sum(axis=1)
        slope = np.polyfit(rows, column, 1)[0]
        assert np.rad2deg(np.arctan(-slope)) == pytest.approx(copy.parameters["degrees"], abs=0.05)


@pytest.mark.parametrize("edit", ["rotate", "perspective"])
def test_without_a_wall_no_edge_shows(edit: str) -> None:
    white = np.full((120, 160, 3), 255, np.uint8)
    seen = set()
    for i in range(12):
        copy = edited(white, edit, f"p{i}")
        seen.add(copy.parameters["shows_wall"])
        if copy.parameters["shows_wall"]:
            assert copy.pixels.shape[0] * copy.pixels.shape[1] > 0.8 * 120 * 160
            assert copy.pixels.min() < 255
        else:
            assert copy.pixels.min() >= 250
    assert seen == {0.0, 1.0}


def test_perspective_moves_the_corners_by_some_percent() -> None:
    for name, least, most in (("yaw", 8, 18), ("pitch", 3, 9), ("diagonals", 1.2, 2.0)):
        values = np.abs(draws("perspective", name))
        assert values.min() >= least
        assert values.max() <= most
    shapes = [edited(picture(300, 400), "perspective", f"p{i}").pixels.shape for i in range(8)]
    assert all(0.7 * 300 < shape[0] < 1.3 * 300 for shape in shapes)
    assert all(0.7 * 400 < shape[1] < 1.3 * 400 for shape in shapes)


def test_scratches_are_thin_light_and_dark() -> None:
    plain = np.full((300, 400, 3), 128, np.uint8)
    for i in range(10):
        copy = edited(plain, "scratches", f"p{i}").pixels.astype(int)
        changed = np.abs(copy - 128).max(axis=2) > 8
        assert 0.001 < changed.mean() < 0.12
        assert copy.max() > 160
        assert copy.min() < 96


def test_what_is_no_edit_or_no_picture() -> None:
    image = picture(10, 10)
    with pytest.raises(ValueError, match=r"no edit is called 'blur'; there are: crop"):
        edited(image, "blur")
    for wrong in (image[..., 0], image.astype(np.float32), image[:0]):
        with pytest.raises(ValueError, match=r"expected uint8 of shape \(h, w, 3\)"):
            edited(wrong, "crop")
    with pytest.raises(ValueError, match="pair takes 1 other picture"):
        edit_picture(image, "pair", painting_id="p")


def test_every_level_survives_the_way_there_and_back() -> None:
    assert np.array_equal(to_levels(to_light(EVERY_GRAY)), EVERY_GRAY)


def test_luminance_is_scikit_images() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_allclose(to_light(image) @ LUMINANCE, rgb2xyz(image)[..., 1], atol=1e-3)


def test_more_than_white_is_white_and_less_than_black_black() -> None:
    beyond = np.array([[[-0.5, 0.0, 1.7]]], np.float32)
    assert to_levels(beyond).tolist() == [[[0, 0, 255]]]


def test_light_of_one_color() -> None:
    assert to_light((0, 255, 188)) == pytest.approx([0.0, 1.0, 0.5029], abs=1e-3)
