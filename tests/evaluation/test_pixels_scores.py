"""What two pictures are compared by equals scikit-image, and the published program."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import mean_squared_error, structural_similarity
from skimage.transform import resize

from artsim.evaluation.pixel_scores import (
    METRICS,
    Pictures,
    Subject,
    best_possible,
    compare,
    score_pairs,
    squash,
)
from artsim.evaluation.runner import draw
from artsim.evaluation.tasks.pixels import Subjects
from artsim.search.models import Models

Picture = npt.NDArray[np.uint8]


def photographs() -> list[Picture]:
    return [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.cat()]


def write(folder: Path, name: str, picture: Picture) -> Subject:
    path = folder / f"{name}.png"
    Image.fromarray(picture).save(path)
    return Subject(name, {"painting_id": name, "image_uri": path.as_uri()})


def test_equal_to_scikit_image() -> None:
    query, *others = (squash(picture, 90) for picture in photographs())
    dark = (query // 4 + 20).astype(np.uint8)
    pictures = np.stack([*others, query, dark])
    found = compare(query, pictures)
    assert found.shape == (4, len(METRICS))
    for values, other in zip(found, pictures, strict=True):
        grays = [np.array(Image.fromarray(one).convert("L")) for one in (query, other)]
        own_range = int(query.max()) - int(query.min())
        expected = (
            structural_similarity(query, other, data_range=255, channel_axis=2),
            structural_similarity(query, other, data_range=own_range, channel_axis=2),
            mean_squared_error(query / 255, other / 255) ** 0.5,
            structural_similarity(*grays, data_range=255),
            mean_squared_error(*(gray / 255 for gray in grays)) ** 0.5,
        )
        np.testing.assert_allclose(values[:5], expected, atol=1e-6)
    assert np.isnan(found[:, 5]).all()


def test_the_own_range_is_the_querys() -> None:
    bright, other = squash(skimage.data.astronaut(), 60), squash(skimage.data.cat(), 60)
    dark = (bright // 4 + 20).astype(np.uint8)
    one, back = compare(dark, other[None])[0], compare(other, dark[None])[0]
    assert one[0] == pytest.approx(back[0], abs=1e-12)
    assert abs(one[1] - back[1]) > 1e-3


def test_a_query_of_one_level() -> None:
    plain = np.full((20, 20, 3), 90, np.uint8)
    values = compare(plain, np.stack([plain, plain + 9]))
    assert np.isfinite(values[:, :5]).all()
    assert values[0, 1] == 1.0


def test_close_to_the_published_program_where_pictures_are_enlarged() -> None:
    small = [
        np.array(Image.fromarray(p).resize(size, Image.Resampling.BOX))
        for p, size in zip(photographs(), [(140, 200), (200, 113), (77, 200)], strict=True)
    ]
    for a, b in itertools.permutations(small, 2):
        x, y = resize(a, (200, 200, 3)), resize(b, (200, 200, 3))
        published = structural_similarity(
            x, y, channel_axis=2, win_size=7, data_range=x.max() - x.min()
        )
        ours = compare(squash(a, 200), squash(b, 200)[None])[0]
        assert ours[1] == pytest.approx(published, abs=0.005)
        assert ours[2] == pytest.approx(mean_squared_error(x, y) ** 0.5, abs=0.003)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_best_possible_is_the_best_of_all_choices(faces: int, hits: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    # Few levels, so that there are ties.
    values = random.integers(0, 4, (faces, hits, len(METRICS))) / 4
    values[..., 5] = np.nan
    subjects = {
        name: Subject(name, {}) for name in ("f0", "f1", "f2", "f3", *(f"h{j}" for j in range(5)))
    }
    scores = {
        (subjects[f"f{i}"], subjects[f"h{j}"]): values[i, j]
        for i in range(faces)
        for j in range(hits)
    }
    found = best_possible(scores, k)
    for column, better in enumerate(list(METRICS.values())[:5]):
        higher = better == "higher"
        nearest = values[:, :, column].max(0) if higher else values[:, :, column].min(0)
        means = [np.mean(c) for c in itertools.combinations(nearest, min(k, hits))]
        assert found[:, column].mean() == pytest.approx(max(means) if higher else min(means))
    assert np.isnan(found[:, 5]).all()


def test_pictures_that_are_missing_or_damaged_are_told_once(tmp_path: Path) -> None:
    astronaut, coffee, cat = photographs()
    query, hit = write(tmp_path, "query", astronaut), write(tmp_path, "hit", coffee)
    gone, damaged = write(tmp_path, "gone", cat), write(tmp_path, "damaged", cat)
    (tmp_path / "gone.png").unlink()
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    elsewhere = Subject("web", {"painting_id": "web", "image_uri": "https://example.org/a.jpg"})
    nowhere = Subject("none", {"painting_id": "none"})
    files = Pictures(40, Models())
    pairs = [(query, other) for other in (gone, hit, damaged, elsewhere, nowhere)]
    scores = score_pairs(pairs, files.whole)
    assert list(scores) == [(query, hit)]
    assert set(files.problems) == {"gone", "damaged", "web", "none"}
    assert "no such file" in files.problems["gone"]
    assert "https://example.org/a.jpg" in files.problems["web"]
    assert score_pairs([(gone, hit)], files.whole) == {}


def test_a_picture_is_read_once_and_the_cache_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = [write(tmp_path, str(i), picture) for i, picture in enumerate(photographs())]
    monkeypatch.setattr("artsim.evaluation.pixel_scores.KEPT_BYTES", 2 * 3 * 40 * 40)
    files = Pictures(40, Models())
    first = files.whole(subjects[0])
    files.whole(subjects[1])
    assert files.whole(subjects[0]) is first
    files.whole(subjects[2])  # in the place of 1, which was used longest ago
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert files.whole(subjects[0]) is first
    assert files.whole(subjects[2]) is not None
    assert files.whole(subjects[1]) is None


def make_subjects(*, not_same_artist: bool) -> Subjects:
    """Twelve paintings of three artists, each with one to three faces."""
    by_painting = {
        f"p{i:02d}": tuple(
            Subject(f"p{i:02d}#{face}", {"painting_id": f"p{i:02d}", "artist_key": f"a{i % 3}"})
            for face in range(1 + i % 3)
        )
        for i in range(12)
    }
    return Subjects(by_painting, not_same_artist)


@pytest.mark.parametrize("not_same_artist", [False, True])
def test_hits_drawn_by_lot(not_same_artist: bool) -> None:
    subjects = make_subjects(not_same_artist=not_same_artist)
    random = np.random.default_rng(0)
    seen: set[str] = set()
    for _ in range(40):
        pairs = subjects.random_pairs("p05", 4, random)
        assert len(pairs) == 4
        assert all(own.painting_id == "p05" for own, _ in pairs)
        hits = {hit.key for _, hit in pairs}
        assert len(hits) == 4
        seen |= hits
    possible = {
        s.key
        for painting_id, of_one in subjects.by_painting.items()
        for s in of_one
        if painting_id != "p05" and not (not_same_artist and int(painting_id[1:]) % 3 == 2)
    }
    assert seen == possible
    assert {hit.key for _, hit in subjects.all_pairs("p05", 100)} == possible
    assert len(subjects.all_pairs("p05", 100)) == 3 * len(possible)
    assert subjects.all_pairs("p05", 5) == []


def test_fewer_hits_than_wanted() -> None:
    subjects = make_subjects(not_same_artist=True)
    assert len(subjects.random_pairs("p00", 100, np.random.default_rng(0))) == 4 * 2 + 4 * 3


def test_more_queries_contain_fewer() -> None:
    ids = [f"p{i}" for i in range(50)]
    few, many = (draw(ids, count, np.random.default_rng(3)) for count in (5, 20))
    assert set(few) < set(many)
    assert many == sorted(many)
    assert sorted(draw(ids, 50, np.random.default_rng(3))) == sorted(ids)
