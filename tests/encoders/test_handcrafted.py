"""The built-in encoder as a whole."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("handcrafted")


def painted(seed: int, width: int = 320, height: int = 240) -> np.ndarray:
    """Brush strokes of a few colors over a ground with a gradient."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / np.array([[[height]], [[width]]])
    ground, sky = rng.integers(20, 235, (2, 3))
    picture = ground + (sky - ground) * (y * rng.random() + x * rng.random())[..., None]
    palette = rng.integers(0, 255, (5, 3))
    for _ in range(60):
        angle, cx, cy = rng.random(3) * (np.pi, 1, 1)
        length, breadth = rng.uniform(0.05, 0.3), rng.uniform(0.01, 0.05)
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        picture[(np.abs(along) < length) & (np.abs(across) < breadth)] = palette[rng.integers(5)]
    noise = rng.normal(0, 4, (height, width, 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def test_vectors_are_unit_rows_of_the_stated_shape(encoder: Encoder) -> None:
    vectors = encoder.encode([painted(0), painted(1, 100, 400)])
    assert vectors.shape == (2, encoder.info.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert 512 <= encoder.info.dim <= 1024


def test_the_same_picture_gives_the_same_bits(encoder: Encoder) -> None:
    pictures = [painted(seed) for seed in range(3)]
    together = encoder.encode(pictures)
    alone = np.concatenate([encoder.encode([picture]) for picture in pictures])
    np.testing.assert_array_equal(together, alone)
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(encoder.prepare, pictures * 2))
    np.testing.assert_array_equal(encoder.encode_prepared(prepared), np.tile(together, (2, 1)))


def test_the_picture_is_left_as_it_was(encoder: Encoder) -> None:
    picture = painted(2)
    picture.setflags(write=False)
    before = picture.copy()
    encoder.prepare(picture)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (1, 700), (700, 1), (2, 3), (3000, 2), (160, 160), (37, 53)]
)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_constant_and_thin_pictures(encoder: Encoder, shape: tuple[int, int], value: int) -> None:
    vector = encoder.encode([np.full((*shape, 3), value, np.uint8)])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_constant_pictures_differ_by_color_only(encoder: Encoder) -> None:
    red, also_red, blue = encoder.encode(
        [
            np.full((40, 60, 3), (200, 30, 30), np.uint8),
            np.full((600, 50, 3), (200, 30, 30), np.uint8),
            np.full((40, 60, 3), (30, 30, 200), np.uint8),
        ]
    )
    np.testing.assert_array_equal(red, also_red)
    assert red @ blue < 0.9


def test_gray_pictures_and_noise(encoder: Encoder) -> None:
    rng = np.random.default_rng(3)
    gray = painted(3).mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    noise = rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)
    vectors = encoder.encode([gray, noise])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert abs(float(vectors[0] @ vectors[1])) < 0.9


@pytest.mark.parametrize("seed", range(2))
def test_copies_stay_near_and_other_pictures_far(encoder: Encoder, seed: int) -> None:
    picture = painted(seed, 500, 400)
    original, jpeg, half, mirrored, other = encoder.encode(
        [
            picture,
            as_jpeg(picture, 60),
            resized(picture, 0.5),
            picture[:, ::-1],
            painted(seed + 100, 500, 400),
        ]
    )
    assert original @ jpeg > 0.9
    assert original @ half > 0.95
    assert original @ other < original @ mirrored < original @ jpeg


def data_folder() -> Path:
    value = os.environ.get("ARTSIM_TEST_DATA")
    if not value:
        pytest.skip("ARTSIM_TEST_DATA is not set")
    return Path(value)


def test_other_scans_of_a_painting_are_found(encoder: Encoder) -> None:
    import csv

    folder = data_folder() / "wikiart224"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    twins: dict[str, list[str]] = {}
    for row in rows:
        if row["near_dup_group"]:
            twins.setdefault(row["near_dup_group"], []).append(row["filename"])
    pairs = [names for names in twins.values() if len(names) == 2][:12]
    files = [name for pair in pairs for name in pair]
    vectors = encoder.encode(
        [np.asarray(Image.open(folder / name).convert("RGB")) for name in files]
    )
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    found = scores.argmax(axis=1) == np.arange(len(files)) ^ 1
    assert found.mean() > 0.9
