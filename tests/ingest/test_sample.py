import csv
import json
from pathlib import Path

import pytest

from artsim.encoders.mtcnn import MTCNNDetector
from artsim.errors import SourceError
from artsim.images.load import load_image
from artsim.ingest.sample import COLUMNS, PEOPLE, make_sample, sample_rows

FIRST_THIRTEEN_PORTRAITS = 32


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    summary = make_sample(folder, count=FIRST_THIRTEEN_PORTRAITS)
    assert (summary.folder, summary.pictures, summary.made) == (folder, 32, 32)
    assert summary.portraits == 13
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_face_is_found_in_at_least_ten_portraits(sample: Path) -> None:
    detector = MTCNNDetector(min_face=40)
    found = {
        row["title"]: len(detector.detect(load_image(sample / row["filename"]).pixels))
        for row in rows_of(sample)
        if row["genre"] in PEOPLE
    }
    assert len(found) == 13
    assert sum(faces > 0 for faces in found.values()) >= 10
    assert found["The Three Regents of the Linen Hall"] >= 2


def test_every_row_has_its_picture_and_every_picture_its_row(sample: Path) -> None:
    rows = rows_of(sample)
    assert rows == sample_rows(count=FIRST_THIRTEEN_PORTRAITS)
    assert tuple(rows[0]) == COLUMNS
    listed = {sample / row["filename"] for row in rows}
    assert listed == set((sample / "images").iterdir())
    for row in rows:
        loaded = load_image(sample / row["filename"])
        assert 440 <= max(loaded.width, loaded.height) <= 600
        height_to_width = float(row["height_cm"]) / float(row["width_cm"])
        assert abs(height_to_width - loaded.height / loaded.width) < 0.06
        assert loaded.pixels.std() > 10
        assert all(row.values())


def test_the_whole_collection_is_varied() -> None:
    rows = sample_rows()
    assert len(rows) == 60
    assert len({row["id"] for row in rows}) == 60
    assert len({row["title"] for row in rows}) == 60
    assert len({row["style"] for row in rows}) == 10
    assert sum(row["genre"] in PEOPLE for row in rows) >= 12
    artists = {row["artist"] for row in rows}
    assert {"Aldert van der Hoeve", "Workshop of Aldert van der Hoeve"} <= artists
    assert any(artist.startswith("Attributed to ") for artist in artists)
    dates = {row["date"] for row in rows}
    assert {"c. 1640–45", "1880s", "1478/1481", "before 1500"} <= dates  # noqa: RUF001


def test_beyond_sixty_the_works_come_again_newly_composed() -> None:
    rows = sample_rows(count=130)
    assert rows[:60] == sample_rows()
    assert len({row["id"] for row in rows}) == 130
    assert len({row["title"] for row in rows}) == 130
    assert len({row["filename"] for row in rows}) == 130


def test_the_same_seed_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    make_sample(tmp_path, count=4)
    pictures = {name: data for name, data in contents(tmp_path).items() if "images" in name}
    assert len(pictures) == 4
    larger = contents(sample)
    assert all(larger[name] == data for name, data in pictures.items())


def test_another_seed_replaces_the_pictures(tmp_path: Path) -> None:
    make_sample(tmp_path, count=3)
    first = contents(tmp_path)
    summary = make_sample(tmp_path, count=2, seed=1)
    second = contents(tmp_path)
    assert summary.made == 2
    assert len(second) == 4
    assert not set(first.values()) & set(second.values())


def test_a_second_call_changes_nothing_and_finishes_what_is_missing(tmp_path: Path) -> None:
    make_sample(tmp_path, count=2)
    before = contents(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert make_sample(tmp_path, count=2).made == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    next(iter(times)).unlink()
    (tmp_path / "metadata.csv").unlink()
    assert make_sample(tmp_path, count=2).made == 1
    assert contents(tmp_path) == before


def test_progress_counts_from_nothing_to_all(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    make_sample(tmp_path / "new" / "folder", count=2, progress=lambda *call: calls.append(call))
    assert calls == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("name", ["holiday.jpg", "metadata.csv", "sample.json"])
def test_a_folder_with_something_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps({"made_by": "someone"}))
    before = contents(tmp_path)
    with pytest.raises(SourceError, match="not empty"):
        make_sample(tmp_path, count=1)
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SourceError, match="cannot be written"):
            make_sample(folder, count=1)


def test_the_users_own_files_beside_a_sample_stay(tmp_path: Path) -> None:
    make_sample(tmp_path, count=1)
    own = tmp_path / "images" / "my own.jpg"
    own.write_bytes(b"mine")
    make_sample(tmp_path, count=1, seed=5)
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize(("seed", "count"), [(-1, 1), (0, 0)])
def test_wrong_arguments(tmp_path: Path, seed: int, count: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        make_sample(tmp_path, seed=seed, count=count)
    assert list(tmp_path.iterdir()) == []
