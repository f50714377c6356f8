"""Faces by number, people in groups, and the file in which a person names them."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from copied_home import copy_home
from PIL import Image
from runner import artsim, fails, succeeds

CHILDREN = "met-438014"
UNCLES = ("met-435869", "met-435870")
FEW = (CHILDREN, *UNCLES, "met-437386", "met-437387", "met-437880")
"""A painting with three faces, two of one sitter, and three more portraits."""


@pytest.fixture(scope="module")
def few(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few portraits, with their list."""
    folder = tmp_path_factory.mktemp("few")
    with (sample / "metadata.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in FEW]
    for row in rows:
        shutil.copy(sample / row["filename"], folder)
        row["filename"] = Path(row["filename"]).name
    write_rows(folder / "metadata.csv", rows)
    return folder


@pytest.fixture(scope="module")
def few_home(few: Path, fast_folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=fast_folder, prefix="few-") as folder:
        home = Path(folder) / "home"
        succeeds("ingest", few, "--face-encoder", "dlib", home=home)
        yield home


def write_rows(path: Path, rows: list[dict[str, Any]], **how: Any) -> Path:
    with path.open("w", encoding=how.pop("encoding", "utf-8"), newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def faces_of(painting_id: str, home: Path, *more: str | Path) -> list[dict[str, Any]]:
    shown = json.loads(succeeds("faces", painting_id, "-f", "json", *more, home=home))
    found: list[dict[str, Any]] = shown["faces"]
    return found


def row_of(painting_id: str, number: int, name: str, home: Path) -> dict[str, Any]:
    x, y, width, height = faces_of(painting_id, home)[number]["box"]
    box = {"x": round(x), "y": round(y), "width": round(width), "height": round(height)}
    return {"name": name, "painting_id": painting_id, **box}


@pytest.fixture
def named(few_home: Path, tmp_path: Path) -> Path:
    """A file that names the uncle in both portraits, and two of the children."""
    rows = [row_of(of, 0, "Dominique Aubert", few_home) for of in UNCLES]
    rows += [
        row_of(CHILDREN, 0, "Huguette Mendès", few_home),
        row_of(CHILDREN, 1, "Claudine Mendès", few_home),
    ]
    return write_rows(tmp_path / "names.csv", rows)


def test_a_painting_and_its_file_have_the_same_numbered_faces(
    few: Path, few_home: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "faces.png"
    table = succeeds("faces", CHILDREN, "--out", sheet, home=few_home)
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["0", "1", "2"]
    assert "sure" in table
    with Image.open(sheet) as drawn:
        assert drawn.width == 1600
    picture = next(few.glob(f"*{CHILDREN}.jpg"))
    stored, found = faces_of(CHILDREN, few_home), faces_of(str(picture), few_home)
    assert [face["box"] for face in stored] == [face["box"] for face in found]
    asked = ("query", picture, "--faces", "--face", "2", "-k", "1", "--format", "json")
    answer = json.loads(succeeds(*asked, home=few_home))
    assert answer["query_faces"][0]["box"] == found[2]["box"]


def test_a_picture_without_faces_says_so(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "white").save(tmp_path / "white.png")
    done = artsim("faces", tmp_path / "white.png", home=tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No face was found." in done.stderr
    assert "nosuch" in fails("faces", "nosuch.jpg", home=tmp_path / "nowhere")


def test_groups_are_written_named_and_written_again(sample_home: Path, tmp_path: Path) -> None:
    begun, page = tmp_path / "people.csv", tmp_path / "people.html"
    done = artsim("people", "--write", begun, "--out", page, home=sample_home)
    assert done.returncode == 0, done.stderr
    rows = read_rows(begun)
    uncles = [row for row in rows if row["painting_id"] in UNCLES]
    assert len(uncles) == 2
    assert len({row["group"] for row in uncles}) == 1
    assert all(row["name"] == "" for row in rows)
    assert "data:image/jpeg" in page.read_text()
    for row in uncles:
        row["name"] = "Dominique Aubert"
    rows[-1]["note"] = "to be looked at"
    named = write_rows(tmp_path / "named.csv", [{"note": "", **row} for row in rows], delimiter=";")

    asked = ("people", "--names", named)
    first = json.loads(succeeds(*asked, "-f", "json", home=sample_home))["people"][0]
    assert first["name"] == "Dominique Aubert"
    assert first["number"] == int(uncles[0]["group"])
    assert {face["painting_id"] for face in first["faces"]} == set(UNCLES)
    assert "Dominique Aubert" in succeeds(*asked, home=sample_home)
    again = tmp_path / "again.csv"
    succeeds(*asked, "--least-faces", "1", "--write", again, home=sample_home)
    kept = read_rows(again)
    assert len(kept) > len(rows)
    assert {tuple(row.items()) for row in read_rows_of(named)} <= {tuple(r.items()) for r in kept}
    # What a person wrote is replaced by nothing, and by no option.
    before = named.read_bytes()
    assert "never replaced" in fails("people", "--write", named, home=sample_home)
    assert named.read_bytes() == before


def read_rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def groups_with(names: Path, home: Path, *more: str) -> list[set[str]]:
    """Return the paintings of each group."""
    shown = json.loads(succeeds("people", "--names", names, "-f", "json", *more, home=home))
    return [{face["painting_id"] for face in group["faces"]} for group in shown["people"]]


def test_one_name_is_one_person_and_two_are_two(sample_home: Path, tmp_path: Path) -> None:
    rows = [row_of(of, 0, name, sample_home) for of, name in zip(UNCLES, "ab", strict=True)]
    apart = write_rows(tmp_path / "apart.csv", rows)
    assert not any(set(UNCLES) <= group for group in groups_with(apart, sample_home))
    rows = [
        row_of("met-437880", 0, "somebody", sample_home),
        row_of(UNCLES[0], 0, "Somebody ", sample_home),
    ]
    together = write_rows(tmp_path / "together.csv", rows)
    assert any({"met-437880", UNCLES[0]} <= group for group in groups_with(together, sample_home))


def test_not_a_name_or_a_group_keeps_a_face_out(sample_home: Path, tmp_path: Path) -> None:
    rows = [row_of(of, 0, "", sample_home) | {"not": "", "group": "7"} for of in UNCLES]
    rows[0]["not"] = "7; Rembrandt"
    other = write_rows(tmp_path / "other.csv", rows)
    assert not any(set(UNCLES) <= group for group in groups_with(other, sample_home))
    rows[0] |= {"not": "AUBERT"}
    rows[1] |= {"name": "Aubert"}
    assert not any(
        set(UNCLES) <= group
        for group in groups_with(write_rows(tmp_path / "not.csv", rows), sample_home)
    )


@pytest.mark.slow
def test_names_survive_another_detector(few: Path, few_home: Path, named: Path) -> None:
    home = copy_home(few_home, few_home.parent / "yunet")
    before = {of: faces_of(of, home, "--names", named) for of in FEW}
    succeeds("ingest", few, "--face-detector", "yunet", "--face-encoder", "dlib", home=home)
    for painting_id, faces in before.items():
        after = faces_of(painting_id, home, "--names", named)
        assert [face["box"] for face in after] != [face["box"] for face in faces]
        assert sorted(f.get("name", "") for f in after if "name" in f) == sorted(
            f.get("name", "") for f in faces if "name" in f
        )
    told = json.loads(succeeds("people", "--names", named, "-f", "json", home=home))
    assert told["unplaced"] == []


def test_what_cannot_be_placed_is_listed_and_kept(
    few_home: Path, named: Path, tmp_path: Path
) -> None:
    rows = read_rows(named)
    gone = {**rows[0], "painting_id": "met-0", "name": "Nobody Here"}
    corner = {**rows[0], "x": "0", "y": "0", "width": "30", "height": "30", "name": "In A Corner"}
    twice = {**rows[0], "name": "The Same Face"}
    path = write_rows(tmp_path / "some.csv", [*rows, gone, corner, twice])
    asked = ("people", "--names", path)
    done = artsim(*asked, "--write", tmp_path / "new.csv", home=few_home)
    assert "'Nobody Here' in 'met-0' (line 6): the gallery has no such painting" in done.stderr
    assert f"'In A Corner' in {rows[0]['painting_id']!r} (line 7): no face is found" in done.stderr
    assert "(line 8): line 2 is of the same face" in done.stderr
    told = json.loads(succeeds(*asked, "-f", "json", home=few_home))["unplaced"]
    assert [one["name"] for one in told] == ["Nobody Here", "In A Corner", "The Same Face"]
    names = {row["name"] for row in read_rows(tmp_path / "new.csv")}
    assert {"Nobody Here", "In A Corner", "The Same Face", "Dominique Aubert"} <= names


def test_boxes_are_scaled_with_a_picture_of_the_same_shape(few_home: Path, tmp_path: Path) -> None:
    row = row_of(UNCLES[0], 0, "Aubert", few_home)
    shown = json.loads(succeeds("show", UNCLES[0], "-f", "json", home=few_home))
    size = {"picture_width": shown["image_width"], "picture_height": shown["image_height"]}
    half = {k: v // 2 for k, v in {**row, **size}.items() if isinstance(v, int)}
    path = write_rows(tmp_path / "half.csv", [{**row, **half}])
    assert [f.get("name") for f in faces_of(UNCLES[0], few_home, "--names", path)] == ["Aubert"]
    half["picture_height"] *= 2
    write_rows(path, [{**row, **half}])
    done = artsim("people", "--names", path, home=few_home)
    assert "another shape" in done.stderr


def test_person_filters_paintings_and_faces(few_home: Path, named: Path, tmp_path: Path) -> None:
    env = {"ARTSIM_NAMES": str(named)}

    def ids(*asked: str | Path) -> list[str]:
        found = json.loads(succeeds(*asked, "--format", "json", home=few_home, **env))
        return [one["painting_id"] for one in found.get("hits", found.get("points"))]

    person = ("--person", "aubert, dominique")
    assert sorted(ids("list", *person)) == sorted(UNCLES)
    assert ids("list", "--faces", "--person", "Huguette Mendes") == [CHILDREN]
    assert sorted(ids("list", "--faces", "--person", "mendès")) == [CHILDREN] * 2
    assert sorted(ids("query", "--id", "met-437386", *person)) == sorted(UNCLES)
    saved = tmp_path / "question.json"
    asked = ("query", "--id", UNCLES[0], "--faces", *person)
    assert ids(*asked, "--save", saved) == [UNCLES[1]]
    assert ids("replay", saved) == [UNCLES[1]]
    assert [f["face_index"] for f in faces_of_env(CHILDREN, few_home, "Claudine", env)] == [1]
    groups = json.loads(succeeds("people", *person, "-f", "json", home=few_home, **env))["people"]
    assert [group["name"] for group in groups] == ["Dominique Aubert"]
    done = artsim("list", "--person", "Claudin Mendes", home=few_home, **env)
    assert "names nobody 'Claudin Mendes'; nearest: Claudine Mendès" in done.stderr
    assert "No paintings" in done.stderr or "0 paintings" in done.stderr
    assert "there is no file of names" in fails("list", "--person", "Aubert", home=few_home)


def faces_of_env(
    painting_id: str, home: Path, person: str, env: dict[str, str]
) -> list[dict[str, Any]]:
    asked = ("faces", painting_id, "--person", person, "-f", "json")
    found: list[dict[str, Any]] = json.loads(succeeds(*asked, home=home, **env))["faces"]
    return found


def test_the_file_in_the_data_folder_is_read(few_home: Path, named: Path, tmp_path: Path) -> None:
    home = copy_home(few_home, tmp_path / "home")
    write_rows(home / "people.csv", read_rows(named), encoding="cp1252", delimiter=";")
    assert "Huguette Mendès" in succeeds("faces", CHILDREN, home=home)
    # A data folder that has nothing but names yet is still one.
    only = tmp_path / "only"
    only.mkdir()
    shutil.copy(home / "people.csv", only)
    assert "nothing was ingested yet" in fails("people", home=only)


ROW = {"name": "A", "painting_id": CHILDREN, "x": "10", "y": "10", "width": "50", "height": "50"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": "ten"}, "line 2, x: expected pixels, found 'ten'"),
        ({"width": ""}, "line 2, width: expected pixels, found nothing"),
        ({"width": "0"}, "of no face"),
        ({"painting_id": ""}, "line 2 names no painting_id"),
        ({"x": "590", "picture_width": "600", "picture_height": "500"}, "outside the picture"),
        ({"not": "a"}, "that it is 'A' and that it is not"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(
    few_home: Path, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    path = write_rows(tmp_path / "bad.csv", [{**ROW, **change}])
    for command in ("people", "faces"):
        asked = (CHILDREN,) if command == "faces" else ()
        assert words in fails(command, *asked, "--names", path, home=few_home)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column name, painting_id"),
        (b"title;artist\na;b\n", "no column name, painting_id, x, y, width, height; found title"),
        (b"name,painting_id,x,y,width,height\n\xe9\x81,1,1,1,1,1\n", "neither UTF-8"),
        (b'name,painting_id,x,y,width,height\n"a,1,1,1,1,1\n', "is not CSV"),
        (b"name,painting_id,x,y,width,height\na,1,1,1,1,1,9\n", "line 2 has 7 cells"),
    ],
)
def test_a_file_that_is_none_of_names_is_refused(
    few_home: Path, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    line = fails("people", "--names", path, home=few_home)
    assert words in line
    assert str(path) in line


def test_faces_whose_pictures_are_gone_are_shown_in_gray(
    few: Path, few_home: Path, tmp_path: Path, named: Path
) -> None:
    page = tmp_path / "people.html"
    gone = few.rename(few.with_name("gone"))
    try:
        succeeds("people", "--names", named, "--out", page, home=few_home)
        succeeds("faces", CHILDREN, "--out", tmp_path / "faces.html", home=few_home)
    finally:
        gone.rename(few)
    assert page.read_text().count("data:image/jpeg") >= 4
    assert (tmp_path / "faces.html").read_text().count("data:image/jpeg") == 3
