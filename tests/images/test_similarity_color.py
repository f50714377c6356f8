"""SSIM of colored pictures, and of other ranges of levels, equals scikit-image's."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import structural_similarity

from artsim.images.pixels import ssim, ssim_color


@st.composite
def query_and_gallery(
    draw: st.DrawFn,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    side = draw(st.integers(7, 16))
    count = draw(st.integers(1, 3))
    levels = st.integers(0, 255)
    query = draw(arrays(np.uint8, (side, side, 3), elements=levels, fill=levels))
    gallery = draw(arrays(np.uint8, (count, side, side, 3), elements=levels, fill=levels))
    return query, gallery


@settings(max_examples=20)
@given(query_and_gallery())
def test_equal_to_scikit_image(
    pictures: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
) -> None:
    query, gallery = pictures
    ranges = (255.0, 1.0, 130.0)
    expected = [
        [structural_similarity(query, one, data_range=r, channel_axis=2) for one in gallery]
        for r in ranges
    ]
    found = ssim_color(query, gallery, data_ranges=ranges)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_equal_on_pictures_of_the_usual_size_and_more_than_a_block() -> None:
    random = np.random.default_rng(0)
    query = random.integers(0, 256, (8, 8, 3)).repeat(25, 0).repeat(25, 1).astype(np.uint8)
    noise = random.normal(0, 1, (11, 200, 200, 3)) * np.linspace(0, 90, 11)[:, None, None, None]
    gallery = np.clip(query + noise, 0, 255).astype(np.uint8)
    expected = [
        structural_similarity(query, one, data_range=255, channel_axis=2) for one in gallery
    ]
    np.testing.assert_allclose(ssim_color(query, gallery)[0], expected, atol=1e-9)


def test_a_narrower_range_of_gray() -> None:
    random = np.random.default_rng(1)
    query, other = random.integers(40, 160, (2, 20, 20)).astype(np.uint8)
    expected = structural_similarity(query, other, data_range=119)
    found = ssim(query.reshape(-1), other.reshape(1, -1), data_range=119)
    assert found[0] == pytest.approx(expected, abs=1e-9)
    assert found[0] != pytest.approx(ssim(query.reshape(-1), other.reshape(1, -1))[0], abs=1e-4)


def test_no_pictures() -> None:
    found = ssim_color(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 9, 9, 3), np.uint8))
    assert found.shape == (1, 0)


@pytest.mark.parametrize(
    ("query", "gallery"),
    [
        (np.zeros((9, 9), np.uint8), np.zeros((1, 9, 9), np.uint8)),
        (np.zeros((9, 9, 4), np.uint8), np.zeros((1, 9, 9, 4), np.uint8)),
        (np.zeros((9, 9, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8)),
        (np.zeros((9, 9, 3), np.float32), np.zeros((1, 9, 9, 3), np.float32)),
    ],
)
def test_wrong_pictures(query: npt.NDArray[np.uint8], gallery: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ssim_color(query, gallery)


@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan")])
def test_wrong_range(data_range: float) -> None:
    picture = np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(ValueError, match="above 0"):
        ssim_color(picture, picture[None], data_ranges=(255.0, data_range))
