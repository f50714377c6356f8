from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import artsim.ingest
from artsim.catalog.hits import Hit
from artsim.evaluation.film_baselines import (
    HashBaseline,
    HistogramBaseline,
    OrbBaseline,
    perceptual_hash,
)
from artsim.evaluation.statistics import Estimate
from artsim.evaluation.tasks import films as film_task
from artsim.evaluation.tasks.films import (
    FilmsOptions,
    Shot,
    draw_frames,
    draw_shots,
    evaluate_films,
)
from artsim.images.load import load_image
from artsim.store.gallery import Gallery

SEED = 0


@pytest.fixture
def short_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_task, "SECONDS", (2.0, 2.5))
    monkeypatch.setattr(film_task, "SIZE", (320, 180))
    monkeypatch.setattr(film_task, "RATE", 10)


@pytest.mark.usefixtures("short_clips")
def test_paintings_of_a_clip_are_found_and_timed(sample_gallery: Gallery) -> None:
    report = evaluate_films(sample_gallery, FilmsOptions(clips=1, encoders=("builtin",), seed=SEED))
    films, by_way = report.tables
    rows = {row.name: row.values for row in films.rows}
    assert list(rows) == ["builtin", "pHash", "histogram", "ORB"]
    found, error = rows["builtin"]["recall"], rows["builtin"]["error"]
    assert isinstance(found, Estimate) and found.count == 3 and found.value > 0
    assert isinstance(error, Estimate) and error.value < 1
    assert [column.name for column in by_way.columns] == list(film_task.WAYS)
    values = report.query_values[0]
    assert len(values.query_ids) == 3 and values.values.mean() == pytest.approx(found.value)
    assert "clips were made, 1 of them" in report.notes[0]


def test_shots_follow_each_other_and_are_the_same_for_a_seed() -> None:
    shots, again = (draw_shots(list("abc"), np.random.default_rng(3)) for _ in range(2))
    assert shots == again
    assert [shot.start for shot in shots[1:]] == [shot.end for shot in shots[:-1]]
    assert all(3 <= shot.end - shot.start <= 7.04 for shot in shots)


def test_each_way_of_showing_a_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    for way in film_task.WAYS:
        shots = [Shot("a", 0.0, 0.4, way, False), Shot("b", 0.4, 0.8, "hold", False)]
        frames = list(draw_frames(shots, [picture, picture // 4], np.random.default_rng(1)))
        assert [frame.shape for frame in frames] == [(360, 640, 3)] * 20
        moves = bool((frames[0] != frames[9]).any())
        assert moves == (way != "hold")
        assert frames[9].mean() > 2 * frames[10].mean()


def test_a_dissolve_is_in_the_middle_of_two_shots() -> None:
    pictures = [np.full((36, 64, 3), level, np.uint8) for level in (200, 100)]
    shots = [Shot("a", 0.0, 1.0, "zoom", True), Shot("b", 1.0, 2.0, "zoom", False)]
    levels = [frame.mean() for frame in draw_frames(shots, pictures, np.random.default_rng(0))]
    assert levels[0] == 200 and levels[-1] == 100
    assert levels[25] == pytest.approx(150, abs=2)
    assert sorted(levels, reverse=True) == levels


def test_baselines_see_the_picture_itself_and_nothing_else() -> None:
    folder = Path(artsim.ingest.__file__).parent / "sample_data" / "images"
    files = [next(folder.glob(f"*-{name}.jpg")) for name in ("met-436536", "met-438014")]
    files += [next(folder.glob(f"*-{name}.jpg")) for name in ("met-435868", "met-436001")]
    pictures = [load_image(path, max_side=300).pixels for path in files]
    works = [Hit(str(row), 1.0, {"painting_id": str(row)}) for row in range(3)]
    for baseline in (HashBaseline, HistogramBaseline, OrbBaseline):
        eye = baseline(works, pictures[:3])
        seen, nothing = eye.see([pictures[1], pictures[3]])
        assert [hit.point_id for hit in seen] == ["1"] and nothing == []
        assert eye.likeness(pictures[1], seen[0]) == seen[0].score


def test_a_hash_hardly_changes_with_brightness_and_size() -> None:
    picture = np.random.default_rng(2).integers(60, 200, (8, 8, 3)).astype(np.uint8)
    large = np.kron(picture, np.ones((20, 20, 1))).astype(np.uint8)
    brighter = np.kron(picture + 20, np.ones((10, 10, 1))).astype(np.uint8)
    assert (perceptual_hash(large) == perceptual_hash(brighter)).sum() >= 60
