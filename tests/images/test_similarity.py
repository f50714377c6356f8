import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import mean_squared_error, structural_similarity

from artsim.images.pixels import rmse, ssim, ssim_color, to_pixels


def skimage_ssim(
    query: npt.NDArray[np.uint8], gallery: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    side = int(query.size**0.5)
    a = query.reshape(side, side)
    return np.array(
        [structural_similarity(a, b.reshape(side, side), data_range=255) for b in gallery]
    )


def skimage_rmse(
    query: npt.NDArray[np.uint8], gallery: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    return np.array([mean_squared_error(query / 255, row / 255) ** 0.5 for row in gallery])


@st.composite
def query_and_gallery(
    draw: st.DrawFn,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    side = draw(st.integers(7, 20))
    count = draw(st.integers(1, 4))
    # Sparse fills make constant and nearly constant pictures, the delicate ones.
    levels = st.integers(0, 255)
    query = draw(arrays(np.uint8, side * side, elements=levels, fill=levels))
    gallery = draw(arrays(np.uint8, (count, side * side), elements=levels, fill=levels))
    return query, gallery


@settings(max_examples=40)
@given(query_and_gallery())
def test_equal_to_scikit_image(
    pictures: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
) -> None:
    query, gallery = pictures
    np.testing.assert_allclose(ssim(query, gallery), skimage_ssim(query, gallery), atol=1e-9)
    np.testing.assert_allclose(rmse(query, gallery), skimage_rmse(query, gallery), atol=1e-12)


def test_equal_on_pictures_of_the_usual_size_and_more_than_a_block() -> None:
    random = np.random.default_rng(3)
    query = to_pixels(skimage.data.astronaut())
    noise = random.normal(0, 1, (70, 64 * 64)) * np.linspace(0, 120, 70)[:, None]
    gallery = np.clip(query + noise, 0, 255).astype(np.uint8)
    gallery[-3:] = np.array([[0], [255], [128]])
    gallery[-4] = 255 - query
    scores = ssim(query, gallery)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, skimage_ssim(query, gallery), atol=1e-9)
    np.testing.assert_allclose(rmse(query, gallery), skimage_rmse(query, gallery), atol=1e-12)
    assert scores[0] == 1.0
    assert scores[-4] < 0


def test_constant_pictures() -> None:
    for a, b in [(0, 0), (255, 255), (0, 255), (255, 0), (7, 8)]:
        query, gallery = np.full(100, a, np.uint8), np.full((1, 100), b, np.uint8)
        assert ssim(query, gallery)[0] == pytest.approx(skimage_ssim(query, gallery)[0], abs=1e-9)
        assert rmse(query, gallery)[0] == pytest.approx(abs(a - b) / 255, abs=1e-12)


def test_checkerboard_at_full_contrast_does_not_overflow() -> None:
    query = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8).reshape(-1)
    gallery = np.stack([query, 255 - query, np.full_like(query, 255)])
    np.testing.assert_allclose(ssim(query, gallery), skimage_ssim(query, gallery), atol=1e-9)


def test_rmse_orders_as_the_euclidean_distance() -> None:
    random = np.random.default_rng(0)
    query = random.integers(0, 256, 4096, dtype=np.uint8)
    gallery = random.integers(0, 256, (200, 4096), dtype=np.uint8)
    distance = np.linalg.norm(gallery.astype(float) - query, axis=1)
    assert np.array_equal(np.argsort(rmse(query, gallery)), np.argsort(distance))


@pytest.mark.parametrize("side", [7, 8, 64])
def test_a_picture_scores_the_same_whatever_is_beside_it(side: int) -> None:
    """Or copies of one picture would not be tied."""
    random = np.random.default_rng(0)
    query = random.integers(0, 256, side * side, dtype=np.uint8)
    gallery = random.integers(0, 256, (19, side * side), dtype=np.uint8)
    alone = [float(ssim(query, row[None])[0]) for row in gallery]
    for count in range(1, 20):
        assert ssim(query, gallery[:count]).tolist() == alone[:count]


def test_no_hits() -> None:
    query = np.zeros(4096, np.uint8)
    assert ssim(query, np.zeros((0, 4096), np.uint8)).shape == (0,)
    assert rmse(query, np.zeros((0, 4096), np.uint8)).shape == (0,)
    found = ssim_color(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 9, 9, 3), np.uint8))
    assert found.shape == (1, 0)


def test_arguments_are_left_as_they_were() -> None:
    random = np.random.default_rng(0)
    query = random.integers(0, 256, 64, dtype=np.uint8)
    gallery = random.integers(0, 256, (3, 64), dtype=np.uint8)
    copies = query.copy(), gallery.copy()
    ssim(query, gallery)
    rmse(query, gallery)
    assert np.array_equal(query, copies[0])
    assert np.array_equal(gallery, copies[1])


@pytest.mark.parametrize(
    ("query", "gallery"),
    [
        (np.zeros(64, np.float32), np.zeros((1, 64), np.uint8)),
        (np.zeros((8, 8), np.uint8), np.zeros((1, 64), np.uint8)),
        (np.zeros(64, np.uint8), np.zeros((1, 64), np.float64)),
        (np.zeros(64, np.uint8), np.zeros(64, np.uint8)),
        (np.zeros(64, np.uint8), np.zeros((2, 81), np.uint8)),
        (np.zeros(0, np.uint8), np.zeros((2, 0), np.uint8)),
    ],
)
def test_wrong_arguments(query: npt.NDArray[np.uint8], gallery: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ssim(query, gallery)
    with pytest.raises(ValueError, match="expected"):
        rmse(query, gallery)


def test_ssim_needs_squares_of_seven_or_more() -> None:
    with pytest.raises(ValueError, match="no square"):
        ssim(np.zeros(50, np.uint8), np.zeros((1, 50), np.uint8))
    with pytest.raises(ValueError, match="at least 7"):
        ssim(np.zeros(36, np.uint8), np.zeros((1, 36), np.uint8))


# In color, and of other ranges of levels


@settings(max_examples=20)
@given(st.integers(7, 16), st.integers(1, 3), st.data())
def test_colors_equal_to_scikit_image(side: int, count: int, data: st.DataObject) -> None:
    levels = st.integers(0, 255)
    query = data.draw(arrays(np.uint8, (side, side, 3), elements=levels, fill=levels))
    gallery = data.draw(arrays(np.uint8, (count, side, side, 3), elements=levels, fill=levels))
    ranges = (255.0, 1.0, 130.0)
    expected = [
        [structural_similarity(query, one, data_range=r, channel_axis=2) for one in gallery]
        for r in ranges
    ]
    found = ssim_color(query, gallery, data_ranges=ranges)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_colors_equal_on_more_than_a_block() -> None:
    random = np.random.default_rng(0)
    query = random.integers(0, 256, (8, 8, 3)).repeat(10, 0).repeat(10, 1).astype(np.uint8)
    noise = random.normal(0, 1, (11, 80, 80, 3)) * np.linspace(0, 90, 11)[:, None, None, None]
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


@pytest.mark.parametrize(
    ("query", "gallery"),
    [
        (np.zeros((9, 9), np.uint8), np.zeros((1, 9, 9), np.uint8)),
        (np.zeros((9, 9, 4), np.uint8), np.zeros((1, 9, 9, 4), np.uint8)),
        (np.zeros((9, 9, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8)),
        (np.zeros((9, 9, 3), np.float32), np.zeros((1, 9, 9, 3), np.float32)),
    ],
)
def test_wrong_colors(query: npt.NDArray[np.uint8], gallery: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ssim_color(query, gallery)


@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan")])
def test_wrong_range(data_range: float) -> None:
    picture = np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(ValueError, match="above 0"):
        ssim_color(picture, picture[None], data_ranges=(255.0, data_range))
