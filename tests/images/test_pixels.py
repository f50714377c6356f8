import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2gray

from artsim.images.pixels import to_pixels


def test_shape_type_and_order() -> None:
    image = np.zeros((100, 300, 3), np.uint8)
    image[:50] = 255  # white above black
    pixels = to_pixels(image, side=8)
    assert pixels.shape == (64,)
    assert pixels.dtype == np.uint8
    assert pixels.reshape(8, 8)[:3].min() == 255
    assert pixels.reshape(8, 8)[5:].max() == 0
    assert to_pixels(image).shape == (64 * 64,)


def test_gray_is_luma_after_bt_601() -> None:
    for color in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 90)]:
        image = np.full((5, 5, 3), color, np.uint8)
        expected = np.dot(color, [0.299, 0.587, 0.114])
        assert np.abs(to_pixels(image, side=3) - expected).max() <= 0.51


def test_the_size_of_the_scan_hardly_matters() -> None:
    photograph = Image.fromarray(skimage.data.astronaut())
    large = to_pixels(np.asarray(photograph)).astype(float)
    for size in [(220, 220), (301, 257), (400, 133)]:
        scan = photograph.resize(size, Image.Resampling.LANCZOS)
        difference = to_pixels(np.asarray(scan)).astype(float) - large
        assert np.sqrt(np.mean(difference**2)) < 0.04 * large.std()


def test_fine_stripes_become_gray() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, ::2] = 255
    assert np.abs(to_pixels(image).astype(float) - 127.5).max() <= 4


@settings(max_examples=20)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 24), st.integers(0, 255))
def test_a_flat_picture_stays_flat(h: int, w: int, side: int, level: int) -> None:
    pixels = to_pixels(np.full((h, w, 3), level, np.uint8), side)
    assert pixels.tolist() == [level] * side**2


def test_near_scikit_images_gray_on_a_photograph() -> None:
    photograph = skimage.data.astronaut()
    theirs = 255 * rgb2gray(photograph).reshape(64, 8, 64, 8).mean(axis=(1, 3))
    # Their luma weighs after BT.709, so that only strong colors differ.
    assert np.abs(to_pixels(photograph).reshape(64, 64) - theirs).mean() < 5


def test_a_picture_that_is_a_view_gives_the_same() -> None:
    photograph = skimage.data.astronaut()
    flipped = photograph[:, ::-1]
    assert np.array_equal(to_pixels(flipped), to_pixels(flipped.copy()))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3), np.float32),
    ],
)
def test_wrong_pictures(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        to_pixels(image)


def test_wrong_side() -> None:
    with pytest.raises(ValueError, match="side"):
        to_pixels(np.zeros((5, 5, 3), np.uint8), side=0)
