import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform, warp

from artsim.images.align import TEMPLATE, align_face

ARCFACE = np.array([(38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)])
PHOTOGRAPH = skimage.data.astronaut()
# The astronaut's eyes, nose and corners of the mouth, by eye.
LANDMARKS = np.array([(204, 107), (241, 104), (226, 127), (209, 146), (241, 144)], np.float32)


def moved(angle: float, scale: float, x: float, y: float) -> npt.NDArray[np.float32]:
    """Return ArcFace's points turned, scaled and moved."""
    transform = SimilarityTransform(scale=scale, rotation=angle, translation=(x, y))
    return np.asarray(transform(np.array(TEMPLATE)), np.float32)


def dotted(landmarks: npt.NDArray[np.float32], radius: float) -> npt.NDArray[np.uint8]:
    """Return a black picture with a soft spot at every landmark."""
    y, x = np.mgrid[:400, :400]
    light = np.zeros(x.shape)
    for at in landmarks:
        light += np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * radius**2))
    return np.repeat((255 * light.clip(0, 1)).round().astype(np.uint8)[..., None], 3, axis=2)


def centers(crop: npt.NDArray[np.uint8], near: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the center of light around each of the points `near`."""
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    found = []
    for at in near:
        weight = crop[..., 0] * (np.hypot(x - at[0], y - at[1]) < 7)
        found.append([(weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()])
    return np.array(found)


@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (-0.9, 1.7), (0.2, 2.6), (0.1, 0.8)])
def test_landmarks_land_on_arcfaces_points(angle: float, scale: float) -> None:
    middle = moved(angle, scale, 0, 0).mean(axis=0)
    landmarks = moved(angle, scale, 200 - middle[0], 200 - middle[1])
    crop = align_face(dotted(landmarks, 2 * scale), landmarks, size=112, margin=0)
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    assert np.abs(centers(crop, ARCFACE) - ARCFACE).max() < 0.12


def test_margin_and_size_scale_the_template_about_its_middle() -> None:
    landmarks = moved(0.3, 1.5, 200, 100)
    crop = align_face(dotted(landmarks, 3), landmarks, size=168, margin=0.25)
    expected = (ARCFACE + 0.5 - 56) * 168 / (112 * 1.5) + 84 - 0.5
    assert np.abs(centers(crop, expected) - expected).max() < 0.15


@settings(max_examples=15)
@given(
    st.floats(-3, 3), st.floats(0.4, 0.9), st.floats(100, 250), st.floats(100, 250), st.integers(0)
)
def test_equal_to_scikit_images_transform(
    angle: float, scale: float, x: float, y: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0, 2, (5, 2))
    landmarks = (moved(angle, scale, x, y) + noise).astype(np.float32)
    transform = SimilarityTransform.from_estimate(np.array(TEMPLATE), landmarks)
    assert transform
    theirs = warp(PHOTOGRAPH, transform, output_shape=(112, 112), order=1, mode="edge")
    ours = align_face(PHOTOGRAPH, landmarks, size=112, margin=0)
    assert np.abs(ours - 255 * theirs).max() < 1


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((1000, 1000, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = align_face(stripes, moved(0.4, 8, 100, 50), size=112, margin=0)
    assert np.abs(crop.astype(float) - 127.5).max() < 12


def test_the_border_goes_on_beyond_the_picture() -> None:
    flat = np.full((50, 60, 3), (10, 200, 30), np.uint8)
    for landmarks in (moved(0.2, 1, -80, -80), moved(1, 3, 40, 30), moved(0, 1, 5000, 5000)):
        assert (align_face(flat, landmarks, size=64) == (10, 200, 30)).all()


def test_a_real_face_fills_the_crop_upright() -> None:
    turned = np.ascontiguousarray(np.rot90(PHOTOGRAPH))
    landmarks = np.stack([LANDMARKS[:, 1], 511 - LANDMARKS[:, 0]], axis=1)
    upright = align_face(PHOTOGRAPH, LANDMARKS)
    assert upright.shape == (160, 160, 3)
    difference = align_face(turned, landmarks).astype(float) - upright
    assert np.abs(difference).mean() < 1


def test_one_pixel_wide_pictures() -> None:
    image = np.full((1, 1, 3), 9, np.uint8)
    assert (align_face(image, moved(0, 5, 0, 0), size=8) == 9).all()


@pytest.mark.parametrize(
    "landmarks",
    [
        np.zeros((5, 2)),
        np.full((5, 2), np.nan),
        np.zeros((4, 2)),
        np.array([[1, 2]] * 4 + [[np.inf, 3]]),
    ],
)
def test_wrong_landmarks(landmarks: npt.NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="landmarks"):
        align_face(PHOTOGRAPH, landmarks)


@pytest.mark.parametrize(("size", "margin"), [(0, 0.1), (10, -0.5), (10, float("nan"))])
def test_wrong_size_or_margin(size: int, margin: float) -> None:
    with pytest.raises(ValueError, match="no crop"):
        align_face(PHOTOGRAPH, LANDMARKS, size=size, margin=margin)
