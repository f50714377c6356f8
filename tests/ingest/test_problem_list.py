"""Where what did not go in is listed."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from artsim.errors import ExportError
from artsim.ingest.records import Problem
from artsim.ingest.summary import ProblemList

PROBLEMS = [
    Problem("Bilder/Dürer.jpg", "=1+1 is empty\x1b[2J", "w1"),
    Problem("liste.csv", "names no picture", None, 7),
]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_each_gallery_has_a_list_in_the_data_folder(tmp_path: Path) -> None:
    default, other = ProblemList(None, tmp_path / "home"), ProblemList(None, tmp_path / "home", "b")
    assert default.write(PROBLEMS) == tmp_path / "home" / "ingest-errors.csv"
    listed = other.write(PROBLEMS)
    assert listed == tmp_path / "home" / "ingest-errors-b.csv"
    first, second = rows_of(listed)
    assert first == {
        "place": "Bilder/Dürer.jpg",
        "line": "",
        "painting_id": "w1",
        "reason": "'=1+1 is empty[2J",
    }
    assert (second["line"], second["painting_id"]) == ("7", "")
    assert default.write([]) is None
    assert not (tmp_path / "home" / "ingest-errors.csv").exists()
    assert listed.exists()


def test_the_user_may_name_a_file_for_programs(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    listed = ProblemList(path, tmp_path / "home")
    for _ in range(2):
        listed.check()
        assert listed.write(PROBLEMS) == path
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["place"] == "Bilder/Dürer.jpg"
    assert (second["line"], second["painting_id"]) == (7, None)
    path.write_text("mine")
    with pytest.raises(ExportError, match="changed since"):
        listed.check()
    ProblemList(path, tmp_path / "home", overwrite=True).check()
    assert listed.write([]) is None
    assert path.read_text() == "mine"
    with pytest.raises(ExportError, match=r"ends in \.csv or \.jsonl"):
        ProblemList(tmp_path / "errors.pdf", tmp_path / "home").check()


def test_a_list_that_the_user_changed_stays(tmp_path: Path) -> None:
    listed = ProblemList(None, tmp_path)
    changed = listed.write(PROBLEMS)
    assert changed is not None
    changed.write_text("mine")
    for _ in range(2):
        listed.check()
        assert listed.write(PROBLEMS) == tmp_path / "ingest-errors.2.csv"
    assert listed.write([]) is None
    assert changed.read_text() == "mine"
    assert not (tmp_path / "ingest-errors.2.csv").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="POSIX permissions")
def test_a_data_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="cannot be kept there") as caught:
        ProblemList(None, tmp_path / "home").write(PROBLEMS)
    assert caught.value.hint == "--errors"
    tmp_path.chmod(0o700)


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    with pytest.raises(Exception, match="home"):
        ProblemList(None, home).write(PROBLEMS)
