"""Copies: the pictures of one work in groups, as table, sheet and files."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runner import artsim, fails, succeeds

from artsim.catalog.arrays import RGBImage
from artsim.evaluation.edits import edit_picture

WORKS = ("met-438014", "met-435869", "met-437386", "met-437387", "met-436535", "met-435882")
"""Different works, the third and the fourth by one painter."""

WORK, OTHER = WORKS[0], WORKS[1]


def pixels_of(path: Path) -> RGBImage:
    with Image.open(path) as picture:
        return np.array(picture.convert("RGB"))


@pytest.fixture(scope="module")
def folder(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six works, and of two of them other pictures: recoded, faded, mirrored, a part."""
    folder = tmp_path_factory.mktemp("copies")
    with (sample / "metadata.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in WORKS]
    pictures = {row["id"]: sample / row["filename"] for row in rows}
    for row in rows:
        shutil.copy(pictures[row["id"]], folder / f"{row['id']}.jpg")
        row["filename"] = f"{row['id']}.jpg"
    whole = pixels_of(pictures[WORK])
    made = {
        "recoded": edit_picture(whole, "jpeg", painting_id=WORK).pixels,
        "mirrored": whole[:, ::-1],
        "part": whole[: len(whole) // 2, : whole.shape[1] // 2],
    }
    other = pixels_of(pictures[OTHER])
    made["faded"] = edit_picture(other, "fade", painting_id=OTHER).pixels
    for name, pixels in made.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{name}.png")
        of = next(row for row in rows if row["id"] == (OTHER if name == "faded" else WORK))
        rows.append({**of, "id": name, "filename": f"{name}.png"})
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("copies-home")
    succeeds("ingest", folder, "--no-faces", home=home)
    return home


def ties_of(found: dict[str, Any]) -> dict[frozenset[str], dict[str, Any]]:
    ties = [tie for group in found["groups"] for tie in group["ties"]]
    return {frozenset((tie["first"], tie["second"])): tie for tie in ties}


def test_pictures_of_one_work_are_in_one_group(home: Path) -> None:
    found = json.loads(succeeds("copies", "--format", "json", home=home))
    assert found["schema"] == 1
    assert found["compared"] == 10
    groups = [{work["painting_id"] for work in group["works"]} for group in found["groups"]]
    assert {WORK, "recoded", "mirrored"} in groups
    assert {OTHER, "faded"} in groups
    ties = ties_of(found)
    assert ties[frozenset((WORK, "recoded"))]["kind"] == "same photograph"
    turned = ties[frozenset((WORK, "mirrored"))]
    assert turned["kind"] == "mirrored"
    assert turned["mirrored"]
    assert ties[frozenset((OTHER, "faded"))]["kind"] == "other photograph"
    assert all(tie["checked"] == "pixels" for tie in ties.values())


def test_ties_and_sheets_are_written(home: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("c.csv", "c.json", "c.html", "c.png")]
    outs = [part for path in files for part in ("--out", path)]
    said = artsim("copies", *outs, home=home)
    assert said.returncode == 0, said.stderr
    assert "2 groups among 10 works" in said.stderr
    assert "same photograph" in said.stdout
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    written = json.loads(files[1].read_text(encoding="utf-8"))
    assert len(rows) == len(ties_of(written)) == 4
    assert {row["kind"] for row in rows} == {"same photograph", "mirrored", "other photograph"}
    page = files[2].read_text(encoding="utf-8")
    assert page.count("<figure>") == 5
    with Image.open(files[3]) as sheet:
        assert sheet.width > 500


def test_only_works_that_meet_filters_are_compared(home: Path) -> None:
    found = json.loads(
        succeeds("copies", "--where", f"painting_id={WORK}", "-f", "json", home=home)
    )
    assert found["compared"] == 1
    assert found["groups"] == []


def test_a_file_that_is_not_artsims_stays(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "copies.csv"
    taken.write_text("mine")
    assert "artsim did not make" in fails("copies", "--out", taken, home=home)
    assert "ends in" in fails("copies", "--out", tmp_path / "copies.doc", home=home)
    assert taken.read_text() == "mine"


def test_one_hit_of_a_group_is_shown(home: Path) -> None:
    query = ("query", "--id", WORKS[2], "--limit", "8", "-f", "json")
    plain = json.loads(succeeds(*query, home=home))
    found = json.loads(succeeds(*query, "--collapse-copies", home=home))
    ids = [hit["painting_id"] for hit in found["hits"]]
    every = [hit["painting_id"] for hit in plain["hits"]]
    left_out = {one["painting_id"]: one for one in found["collapsed"]}
    assert not set(ids) & set(left_out)
    groups = ({WORK, "recoded", "mirrored"}, {OTHER, "faded"})
    assert [len(of & set(ids)) for of in groups] == [1, 1]
    for of in groups:
        first = next(name for name in every if name in of)
        assert {one["copy_of"] for name, one in left_out.items() if name in of} == {first}
    assert left_out[max("recoded", WORK, key=every.index)]["kind"] == "same photograph"
    assert found["settings"]["collapse_copies"]
    assert any("left out as copies" in note for note in found["notes"])


def test_faces_are_not_collapsed(home: Path) -> None:
    done = artsim("query", "--id", WORK, "--faces", "--collapse-copies", home=home)
    assert done.returncode != 0
    assert "whole pictures" in done.stderr
    done = artsim("query", "--id", WORK, "--group-by", "artist", "--collapse-copies", home=home)
    assert done.returncode == 2


def test_copies_win_no_evaluation(home: Path) -> None:
    task = ("evaluate", "labels", "--by", "artist", "-f", "json")
    plain, without = (
        json.loads(succeeds(*task, *more, home=home))["tables"][0]
        for more in ((), ("--exclude", "copies"))
    )
    # By one painter are four, three and two pictures; without copies a part is left of the four.
    assert "has 2.2 works to find" in plain["notes"][0].replace("\n", " ")
    assert "has 1.3 works to find" in without["notes"][0].replace("\n", " ")
    assert any("Copies of the query" in note for note in without["notes"])
    done = artsim(*task[:4], "--kind", "faces", "--exclude", "copies", home=home)
    assert done.returncode in (1, 2)


@pytest.mark.slow
def test_points_tell_parts_and_mirror_images(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    home = tmp_path / "home"
    succeeds("ingest", folder, "--no-faces", "--details", home=home)
    out = tmp_path / "copies.csv"
    found = json.loads(succeeds("copies", "-f", "json", "--out", out, home=home))
    assert not any("points" in note for note in found["notes"])
    ties = ties_of(found)
    part = ties[frozenset((WORK, "part"))]
    assert (part["kind"], part["first"], part["second"]) == ("detail of", "part", WORK)
    corners = np.array(part["outline"])
    assert np.allclose(corners, [(0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)], atol=0.02)
    assert part["shown"][0] > 0.95
    assert 0.2 < part["shown"][1] < 0.3
    turned = ties[frozenset(("recoded", "mirrored"))]
    assert (turned["kind"], turned["mirrored"], turned["checked"]) == ("mirrored", True, "points")
    assert ties[frozenset(("part", "mirrored"))]["mirrored"]
    groups = [{work["painting_id"] for work in group["works"]} for group in found["groups"]]
    assert sorted(map(len, groups)) == [2, 4]
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = {
            row["first_painting_id"] for row in csv.DictReader(file) if int(row["inliers"]) > 50
        }
    assert "part" in rows
