"""Searching by a picture in memory, as by a file of the same picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim import PixelsQuery, find_similar
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import EVERYTHING
from artsim.errors import NoFaceError
from artsim.images.load import load_image, shrink_image
from artsim.search.answer import find_hits
from artsim.search.filters import Filters
from artsim.search.models import Models
from artsim.search.probes import probe_pixels
from artsim.search.question import ExamplesQuery, IdQuery, ImageQuery, SearchOptions
from artsim.store.gallery import Gallery

RUFF = "rembrandt-portrait-woman-probably-member-van-met-437388.jpg"


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


def found(hits: list[Hit]) -> list[tuple[str, float]]:
    return [(hit.point_id, pytest.approx(hit.score, abs=1e-5)) for hit in hits]


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
def test_pixels_find_what_their_file_finds(
    sample: Path, sample_gallery: Gallery, models: Models, rerank: str | None
) -> None:
    path = sample / "images" / RUFF
    options = SearchOptions(rerank=rerank, rerank_depth=20)
    by_pixels = find_similar(
        sample_gallery, PixelsQuery(load_image(path).pixels, "ruff"), options=options, models=models
    )
    with_self = SearchOptions(rerank=rerank, rerank_depth=20, include_self=True)
    by_file = find_similar(sample_gallery, ImageQuery(path), options=with_self, models=models)
    assert [hit.point_id for hit in by_pixels.hits] == [hit.point_id for hit in by_file.hits]
    assert found(by_pixels.hits) == found(by_file.hits)
    assert by_pixels.hits[0].painting_id == "met-437388"
    assert by_pixels.query == {"pixels": "ruff"}
    assert by_pixels.query_payload is None


def test_a_batch_finds_what_each_picture_finds_alone(
    sample: Path, sample_gallery: Gallery, models: Models
) -> None:
    pictures = [load_image(path).pixels for path in sorted((sample / "images").iterdir())[:5]]
    encoders = list(sample_gallery.encoders(PAINTINGS).values())
    targets = probe_pixels(pictures, encoders, models)
    assert len(targets) == len(pictures)
    options = SearchOptions(limit=5)
    for picture, target in zip(pictures, targets, strict=True):
        alone = find_similar(sample_gallery, PixelsQuery(picture), options=options, models=models)
        hits = find_hits(target, sample_gallery[PAINTINGS], EVERYTHING, options)
        assert [hit.point_id for hit in hits] == [hit.point_id for hit in alone.hits]
        assert found(hits) == found(alone.hits)
    assert probe_pixels([], encoders, models) == []


def test_faces_of_pixels(sample: Path, sample_gallery: Gallery, models: Models) -> None:
    path = sample / "images" / RUFF
    pixels = load_image(path).pixels
    by_pixels = find_similar(
        sample_gallery, PixelsQuery(pixels), Filters(), kind=FACES, models=models
    )
    by_file = find_similar(
        sample_gallery,
        ImageQuery(path),
        options=SearchOptions(include_self=True),
        kind=FACES,
        models=models,
    )
    assert found(by_pixels.hits) == found(by_file.hits)
    assert by_pixels.query_faces == by_file.query_faces
    assert by_pixels.hits[0].painting_id == "met-437388"


def test_pixels_without_a_face(sample_gallery: Gallery, models: Models) -> None:
    plain = np.full((80, 60, 3), 120, np.uint8)
    with pytest.raises(NoFaceError, match="an empty wall: no face was found"):
        find_similar(sample_gallery, PixelsQuery(plain, "an empty wall"), kind=FACES, models=models)


def test_pixels_among_examples(sample: Path, sample_gallery: Gallery, models: Models) -> None:
    pixels = load_image(sample / "images" / RUFF).pixels
    like = ExamplesQuery((PixelsQuery(pixels, "ruff"), IdQuery("met-437386")))
    result = find_similar(sample_gallery, like, models=models)
    ids = [hit.painting_id for hit in result.hits]
    assert "met-437388" in ids
    assert "met-437386" not in ids
    assert result.query == {"like": ["ruff", "met-437386"], "unlike": []}


def test_a_large_picture_is_shrunk_as_a_file_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    large = np.array(coarse.resize((1600, 1200), Image.Resampling.BICUBIC))
    Image.fromarray(large).save(tmp_path / "large.png")
    from_file = load_image(tmp_path / "large.png").pixels
    assert np.array_equal(shrink_image(large), from_file)
    assert shrink_image(from_file) is from_file
    assert shrink_image(large, 40).shape == (30, 40, 3)
    with pytest.raises(ValueError, match="max_side must be at least 1, not 0"):
        shrink_image(large, 0)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_picture(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(h, w, 3\)"):
        PixelsQuery(pixels)
