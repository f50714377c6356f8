import csv
import json
from pathlib import Path

import pytest

from artsim import IdQuery, SearchOptions, find_similar
from artsim.catalog.dates import parse_date
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.names import parse_attribution
from artsim.errors import SourceError
from artsim.images.load import load_image
from artsim.ingest.sample import BESIDE, WORKS, make_sample, sample_rows
from artsim.store.gallery import Gallery

OTHERWISE_CUT = {"met-437387", "met-436545", "met-438002", "met-459016", "met-11122"}
"""Works whose photograph shows more or less of them than the museum measured."""


def rows_of(folder: Path, name: str = "metadata.csv") -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "pictures"
    summary = make_sample(folder)
    assert (summary.folder, summary.pictures, summary.made) == (folder, 114, 114)
    assert summary.portraits == 67
    return folder


def test_every_row_has_its_picture_and_every_picture_its_row(whole: Path) -> None:
    rows = rows_of(whole)
    assert rows == sample_rows()
    assert len({row["id"] for row in rows}) == len(rows) == WORKS
    assert {whole / row["filename"] for row in rows} == set((whole / "images").iterdir())
    for row in rows:
        loaded = load_image(whole / row["filename"])
        assert 450 <= max(loaded.width, loaded.height) <= 640
        height_to_width = float(row["height_cm"]) / float(row["width_cm"])
        if row["id"] not in OTHERWISE_CUT:
            assert height_to_width == pytest.approx(loaded.height / loaded.width, rel=0.05)
        assert all(row[column] for column in row if column not in {"sitter", "group"})


def test_artsim_understands_every_artist_and_date(whole: Path) -> None:
    rows = rows_of(whole)
    assert [row["id"] for row in rows if parse_date(row["date"]) is None] == []
    named = {row["artist"]: parse_attribution(row["artist"]) for row in rows}
    assert {text for text, read in named.items() if not read.artist} == {"Netherlandish or French"}
    assert {
        text: read.kind for text, read in named.items() if read.artist and read.kind != "by"
    } == {
        "Possibly by Velázquez": "attributed",
        "Copy after Titian": "after",
        "Titian and Workshop": "workshop",
        "Jean Auguste Dominique Ingres and Workshop": "workshop",
        "Hans Holbein the Younger (and Workshop(?))": "workshop",
    }


def test_every_group_is_explained_and_every_picture_has_its_terms(whole: Path) -> None:
    groups = {row["group"]: set(row["members"].split()) for row in rows_of(whole, "groups.csv")}
    assert len(groups) == 22
    said: dict[str, set[str]] = {}
    for row in rows_of(whole):
        for group in filter(None, row["group"].split("; ")):
            said.setdefault(group, set()).add(row["id"])
    assert said == groups
    terms = rows_of(whole, "terms.csv")
    assert [row["id"] for row in terms] == [row["id"] for row in rows_of(whole)]
    assert all(row["rights"].startswith("CC0 1.0 ") for row in terms)


def test_faces_are_found_in_the_portraits(sample_gallery: Gallery) -> None:
    payloads = [point.payload for point in sample_gallery[PAINTINGS].scroll()]
    faces = {payload["painting_id"]: payload["face_count"] for payload in payloads}
    portraits = [p["painting_id"] for p in payloads if "portrait" in p["genre"]]
    assert len(portraits) == 32
    assert sum(faces[painting_id] > 0 for painting_id in portraits) >= 31
    assert faces["met-438014"] == 3  # the daughters of Catulle Mendès
    assert faces["met-436838"] >= 3  # the fortune-teller


def test_what_surely_belongs_together_finds_each_other_first(sample_gallery: Gallery) -> None:
    there = {point.payload["painting_id"] for point in sample_gallery[PAINTINGS].scroll()}
    path = Path(__file__).parents[2] / "artsim" / "ingest" / "sample_data"
    strong = [
        pair
        for row in rows_of(path, "groups.csv")
        if row["expected"] == "strong" and there.issuperset(pair := row["members"].split())
    ]
    assert len(strong) == 7
    nearest = {
        tuple(pair): find_similar(sample_gallery, IdQuery(pair[0]), options=SearchOptions(limit=1))
        for pair in strong
    }
    assert {pair: result.hits[0].painting_id for pair, result in nearest.items()} == {
        pair: pair[1] for pair in nearest
    }


def test_another_count_is_a_longer_or_shorter_beginning(tmp_path: Path) -> None:
    make_sample(tmp_path, count=3)
    larger = contents(tmp_path)
    summary = make_sample(tmp_path, count=2)
    smaller = contents(tmp_path)
    assert summary.made == 0
    assert {name for name in smaller if name.startswith("images")} < set(larger)
    assert rows_of(tmp_path) == sample_rows(count=2) == sample_rows()[:2]
    assert len(list((tmp_path / "images").iterdir())) == 2
    assert make_sample(tmp_path, count=3).made == 1
    assert contents(tmp_path) == larger


def test_a_second_call_changes_nothing_and_finishes_what_is_missing(tmp_path: Path) -> None:
    make_sample(tmp_path, count=2)
    before = contents(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert make_sample(tmp_path, count=2).made == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    next(iter(times)).unlink()
    for name in ("metadata.csv", *BESIDE):
        (tmp_path / name).unlink()
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


def test_the_painted_sample_of_earlier_versions_is_refused(tmp_path: Path) -> None:
    marker = {"made_by": "artsim sample", "version": 1, "seed": 0, "count": 60}
    (tmp_path / "sample.json").write_text(json.dumps(marker))
    before = contents(tmp_path)
    with pytest.raises(SourceError, match="this version of artsim made; give a new or an empty"):
        make_sample(tmp_path)
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SourceError, match="cannot be written"):
            make_sample(folder, count=1)


def test_the_users_own_files_beside_a_sample_stay(tmp_path: Path) -> None:
    make_sample(tmp_path, count=2)
    own = tmp_path / "images" / "my own.jpg"
    own.write_bytes(b"mine")
    (tmp_path / "SOURCES.md").write_text("read, and noted")
    make_sample(tmp_path, count=1)
    assert own.read_bytes() == b"mine"
    assert (tmp_path / "SOURCES.md").read_text() == "read, and noted"


@pytest.mark.parametrize("count", [-1, 0, 115])
def test_wrong_arguments(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 114"):
        make_sample(tmp_path, count=count)
    assert list(tmp_path.iterdir()) == []
