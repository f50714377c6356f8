import numpy as np
import pytest
from skimage.color import rgb2xyz

from artsim.evaluation.edits import LUMINANCE, to_levels, to_light

EVERY_GRAY = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)


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
