"""Pictures of any shape become a network's input, and its rows unit vectors."""

import numpy as np
import pytest
from PIL import Image

from artsim.encoders.base import Preprocessing, unit_rows
from artsim.encoders.devices import choose, usable_cores
from artsim.errors import EncoderError

SHAPES = [(1, 1), (1, 7), (2, 5000), (5000, 2), (33, 40), (700, 500)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit", ["squash", "crop"])
def test_every_shape_fits(shape: tuple[int, int], fit: str) -> None:
    taken = Preprocessing(48, 32, fit=fit, crop_share=0.875)  # type: ignore[arg-type]
    image = np.full((*shape, 3), (250, 100, 5), dtype=np.uint8)
    got = taken.fit_image(image)
    assert got.shape == (48, 32, 3)
    assert got.dtype == np.uint8
    assert (got == (250, 100, 5)).all()


def test_squash_shows_everything_and_crop_the_center() -> None:
    image = np.zeros((40, 120, 3), dtype=np.uint8)
    image[:, :40], image[:, 40:80], image[:, 80:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    squashed = Preprocessing(24, 24).fit_image(image)
    assert squashed[12, 1].tolist() == [255, 0, 0]
    assert squashed[12, 22].tolist() == [0, 0, 255]
    cropped = Preprocessing(24, 24, fit="crop").fit_image(image)
    assert (cropped[:, 3:-3] == (0, 255, 0)).all()


def test_a_long_strip_keeps_its_middle() -> None:
    strip = np.random.default_rng(0).integers(0, 256, (4, 400, 3), dtype=np.uint8)
    whole = Image.fromarray(strip).resize((1600, 16), Image.Resampling.BICUBIC)
    middle = np.asarray(whole.crop((792, 0, 808, 16)))
    np.testing.assert_array_equal(Preprocessing(16, 16, fit="crop").fit_image(strip), middle)


def test_read_only_and_sliced_pictures() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 50, 6), dtype=np.uint8)[..., ::2]
    copy = np.ascontiguousarray(image)
    copy.setflags(write=False)
    taken = Preprocessing(16, 16)
    np.testing.assert_array_equal(taken.fit_image(image), taken.fit_image(copy))


def test_unit_rows() -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0], [1e30, -1e30]])
    before = rows.copy()
    got = unit_rows(rows, encoder="net")
    assert got.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(got[0], [0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(got[1], [0.5**0.5] * 2, atol=1e-6)
    np.testing.assert_array_equal(rows, before)
    with pytest.raises(EncoderError, match="net gave numbers that are not finite"):
        unit_rows(np.array([[1.0, np.nan]]), encoder="net")


def test_devices_are_chosen_among_those_here() -> None:
    assert choose("auto", ["cuda", "cpu"]) == "cuda"
    assert choose("cpu", ["cuda", "cpu"]) == "cpu"
    with pytest.raises(EncoderError, match=r"no device 'mps'.*here: auto, cuda, cpu"):
        choose("mps", ["cuda", "cpu"])
    with pytest.raises(EncoderError, match="known: auto, cpu, cuda, mps"):
        choose("tpu", ["cpu"])
    assert usable_cores() >= 1
