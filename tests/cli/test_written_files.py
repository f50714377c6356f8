"""Files that commands write: what they replace, and what is in them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from click.testing import Result
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner

from artsim.catalog.payload import EVERYTHING, PAINTING_FIELDS
from artsim.cli import app
from artsim.errors import ExportError
from artsim.evaluation.report import report_text
from artsim.files import FileKind, check_file
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.render.sheet import SHEET
from artsim.search.export import export_jsonl
from artsim.store.gallery import open_gallery
from tests.made_up_report import make_report

FILE = FileKind("file", ExportError)
HOSTILE = "\x1b]0;owned\x07\x1b[2J=1+1"


def artsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def succeeds(*arguments: str | Path) -> Result:
    done = artsim(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def refuses(*arguments: str | Path) -> str:
    done = artsim(*arguments)
    assert done.exit_code == 1, (done.exit_code, done.output, done.exception)
    assert done.stdout == ""
    return " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def small(fast_folder: Path) -> Path:
    """A data folder with six works, PNG all of them; not to be changed, but for links to them."""
    folder = fast_folder / "small"
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rows = ["filename,id,title,artist,date,tags,Raum,Notiz"]
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 255, (40 + number, 50, 3), dtype=np.uint8)
        notes = PngImagePlugin.PngInfo()
        if number == 5:
            notes.add_text("Software", "artsim")  # a sheet that became a work
        Image.fromarray(pixels).save(pictures / f"{number}.png", pnginfo=notes)
        title = HOSTILE if number == 1 else f"Das Mädchen {number}"
        note = f"=SUM({number})" if number == 2 else ""
        rows.append(f"{number}.png,w{number},{title},Dürer,15{number}0,a|b,{number},{note}")
    (pictures / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    with open_gallery(home=folder / "home") as gallery:
        options = IngestOptions(encoders=("handcrafted",), faces=False)
        summary = ingest_paintings(gallery, pictures, options)
    assert summary.problems == []
    return folder


@pytest.fixture
def home(small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARTSIM_HOME", str(small / "home"))
    return small / "home"


@pytest.fixture
def pictures(small: Path) -> Path:
    return small / "pictures"


# What is replaced


def test_the_query_picture_is_never_a_sheet(home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "orig.png"
    Image.new("RGB", (40, 30), "red").save(picture)
    before = picture.read_bytes()
    asked = ("query", picture, "--sheet", picture)
    assert "what is read is never replaced" in refuses(*asked)
    assert "what is read is never replaced" in refuses(*asked, "--overwrite")
    like = ("query", "--like", picture, "--like", "id:w0", "--sheet", picture, "--overwrite")
    assert "what is read is never replaced" in refuses(*like)
    assert picture.read_bytes() == before


def test_a_picture_of_the_gallery_is_never_replaced(
    home: Path, pictures: Path, tmp_path: Path
) -> None:
    """By whatever name it is called, and whatever is said."""
    picture = pictures / "3.png"
    before = picture.read_bytes()
    soft, hard = tmp_path / "soft.png", tmp_path / "hard.png"
    soft.symlink_to(picture)
    hard.hardlink_to(picture)
    other = pictures / ".." / "pictures" / "3.png"
    sheets = [("query", "--id", "w0", "-k", "1", "--sheet", path) for path in (soft, hard, other)]
    for command in (
        *sheets,
        ("map", "--method", "pca", "--out", picture),
        ("export", "--format", "jsonl", "--output", picture),
        ("query", "--id", "w0", "--format", "csv", "--output", picture),
    ):
        assert "the picture of 'w3'" in refuses(*command, "--overwrite")
    assert picture.read_bytes() == before


def test_a_sheet_that_became_a_picture_of_the_gallery_stays(home: Path, pictures: Path) -> None:
    """The mark says that artsim made it, but it is a work now."""
    sheet = pictures / "5.png"
    before = sheet.read_bytes()
    check_file(sheet, SHEET)
    assert "the picture of 'w5'" in refuses("query", "--id", "w0", "-k", "1", "--sheet", sheet)
    assert sheet.read_bytes() == before


def test_a_copy_of_a_picture_is_no_picture_of_the_gallery(
    home: Path, pictures: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    shutil.copy(pictures / "3.png", copy)
    asked = ("query", "--id", "w0", "--sheet", copy)
    assert "artsim did not make" in refuses(*asked)
    succeeds(*asked, "--overwrite")
    assert copy.read_bytes() != (pictures / "3.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("sheet.png", ["query", "--id", "w0", "--sheet"]),
        ("hits.csv", ["query", "--id", "w0", "-o"]),
        ("hits.txt", ["query", "--id", "w0", "-f", "paths", "-o"]),
        ("hits.xlsx", ["query", "--id", "w0", "-o"]),
        ("map.html", ["map", "--method", "pca", "--out"]),
        ("all.parquet", ["export", "-o"]),
        ("all.csv", ["export", "-o"]),
        ("all.xlsx", ["export", "-o"]),
    ],
)
def test_only_what_artsim_made_is_replaced(
    home: Path, tmp_path: Path, name: str, command: list[str]
) -> None:
    path = tmp_path / name
    path.write_text("mine")
    line = refuses(*command, path)
    assert "a file of 4 bytes" in line
    assert "(--overwrite)" in line
    assert path.read_text() == "mine"
    succeeds(*command, path, "--overwrite")
    first = path.read_bytes()
    assert first != b"mine"
    check_file(path, FILE)  # and now it is artsim's
    if name.rpartition(".")[2] in {"csv", "json", "jsonl", "txt", "xlsx"}:
        path.write_bytes(first + b"\n")
        assert "changed since" in refuses(*command, path)
        assert path.read_bytes() == first + b"\n"
    assert not list(tmp_path.glob(".*"))


def test_marked_files_are_known_to_other_data_folders(home: Path, tmp_path: Path) -> None:
    made = [tmp_path / name for name in ("a.png", "a.html", "map.html", "a.parquet", "a.xlsx")]
    succeeds("query", "--id", "w0", "--sheet", made[0], "--sheet", made[1])
    succeeds("map", "--method", "pca", "--no-thumbnails", "--out", made[2])
    for path in made[3:]:
        succeeds("export", "-o", path)
    for path in made:
        check_file(path, FILE, home=tmp_path / "other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["query", "--id", "w0", "--sheet", "hits.pdf"], "ends in .png or .html, not in '.pdf'"),
        (["query", "--id", "w0", "-o", "hits.pdf"], "not in '.pdf'"),
        (["query", "--id", "w0", "-f", "json", "-o", "hits.csv"], ".csv is the ending of csv"),
        (["query", "--id", "w0", "-o", "none/hits.csv"], "there is no folder none"),
        (["export", "-o", "all.pdf"], "not in '.pdf'"),
        (["export", "-f", "jsonl", "-o", "all.xlsx"], ".xlsx is the ending of xlsx"),
        (["ingest", ".", "--errors", "errors.pdf"], "ends in .csv or .jsonl"),
        (["map", "--out", "map.svg"], "ends in .html or .png, not in '.svg'"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("work was done")

    for place in (
        "artsim.commands.query.answer",
        "artsim.commands.maintenance.export_gallery",
        "artsim.commands.ingest.ingest_paintings",
        "artsim.commands.galleries.make_map",
    ):
        monkeypatch.setattr(place, work)
    monkeypatch.chdir(tmp_path)
    assert message in refuses(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def compared(tmp_path: Path) -> tuple[str | Path, ...]:
    """A comparison of two reports, into the folder of the second."""
    reports = [tmp_path / name / "report.json" for name in ("first", "second")]
    for path in reports:
        path.parent.mkdir()
        path.write_text(report_text(make_report(tmp_path)), encoding="utf-8")
    return ("evaluate", "--compare", *reports, "--out")


def test_a_report_replaces_a_report_and_nothing_else(
    compared: tuple[str | Path, ...], tmp_path: Path
) -> None:
    compare = (*compared, tmp_path / "out")
    succeeds(*compare)
    succeeds(*compare)
    (tmp_path / "out" / "plot-mine.png").write_bytes(b"mine")
    assert "plot-mine.png" in refuses(*compare)
    (tmp_path / "out" / "plot-mine.png").unlink()
    own = tmp_path / "out" / "report.html"
    own.write_text("mine")
    assert f"{own}: there is a file of 4 bytes" in refuses(*compare)
    assert own.read_text() == "mine"
    succeeds(*compare, "--overwrite")
    assert "<!DOCTYPE html>" in own.read_text(encoding="utf-8")


def test_a_comparison_does_not_replace_what_it_compares(
    compared: tuple[str | Path, ...], tmp_path: Path
) -> None:
    report = tmp_path / "second" / "report.json"
    before = report.read_bytes()
    line = refuses(*compared, report.parent, "--overwrite")
    assert "what is read is never replaced" in line
    assert report.read_bytes() == before


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_an_evaluation_refuses_a_folder_before_its_work(
    home: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overwrite: list[str],
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr("artsim.evaluation.tasks.labels.evaluate_labels", work)
    (tmp_path / "plot-roc.png").hardlink_to(pictures / "3.png")
    line = refuses("evaluate", "labels", "--by", "tags", "--out", tmp_path, *overwrite)
    assert ("the picture of 'w3'" if overwrite else "artsim did not make") in line


def test_python_says_overwrite_too(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text("mine")
    with open_gallery(home=home) as gallery:
        with pytest.raises(Exception, match="artsim did not make"):
            export_jsonl(gallery, path, EVERYTHING)
        assert export_jsonl(gallery, path, EVERYTHING, overwrite=True) == 6
        assert export_jsonl(gallery, path, EVERYTHING) == 6


def test_a_sample_that_the_user_changed_stays(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    succeeds("sample", folder, "--count", "1")
    own = folder / "images" / "123-my-own.jpg"
    own.write_bytes(b"mine")
    succeeds("sample", folder, "--count", "2")
    assert own.read_bytes() == b"mine"
    with (folder / "metadata.csv").open("a") as stream:
        stream.write("mine\n")
    changed = (folder / "metadata.csv").read_bytes()
    for count in ("2", "3"):
        assert "was changed since" in refuses("sample", folder, "--count", count)
    assert (folder / "metadata.csv").read_bytes() == changed


# What did not go in


@pytest.fixture
def damaged(pictures: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "damaged"
    shutil.copytree(pictures, folder)
    (folder / "2.png").write_bytes(b"")
    return folder


def test_problems_are_listed_in_the_data_folder_while_there_are_any(
    damaged: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    home = tmp_path / "new-home"
    ingest = ("ingest", damaged, "--home", home, "--no-faces", "--dry-run")
    done = artsim(*ingest)
    listed = home / "ingest-errors.csv"
    assert str(listed) in " ".join(done.stderr.split())
    raw = listed.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfplace,line,painting_id,reason\n")
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
    assert (row["place"], row["painting_id"]) == (str(damaged / "2.png"), "w2")
    assert "is empty" in row["reason"]
    assert list((tmp_path / "work").iterdir()) == []
    succeeds("info", "--home", home)

    own = tmp_path / "errors.jsonl"
    own.write_text("mine")
    assert "artsim did not make" in artsim(*ingest, "--errors", own).stderr
    manifest = damaged / "metadata.csv"
    done = artsim(*ingest, "--errors", manifest, "--overwrite")
    assert "what is read is never replaced" in done.stderr
    assert own.read_text() == "mine"

    shutil.copy(pictures / "2.png", damaged / "2.png")
    artsim(*ingest)
    assert not listed.exists()  # it told of the run before


# What is in them


def test_csv_files_begin_with_a_mark_and_stdout_does_not(home: Path, tmp_path: Path) -> None:
    for command, name in [(("query", "--id", "w0"), "hits.csv"), (("export",), "all.csv")]:
        path = tmp_path / name
        done = succeeds(*command, "-o", path)
        assert done.stdout == ""
        on_stdout = succeeds(*command, "-f", "csv").stdout_bytes
        assert path.read_bytes() == b"\xef\xbb\xbf" + on_stdout
        assert "Dürer".encode() in on_stdout
        assert not any(byte < 32 and byte not in b"\n\t" for byte in on_stdout)


def test_an_export_as_csv_has_a_column_for_each_key(home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(succeeds("export", "-f", "csv").stdout)))
    fields = [field for field in PAINTING_FIELDS if field != "extra"]
    assert list(rows[0]) == [*fields, "extra.Notiz", "extra.Raum", "point_id"]
    by_id = {row["painting_id"]: row for row in rows}
    assert by_id["w2"]["extra.Notiz"] == "'=SUM(2)"
    assert by_id["w4"]["tags"] == "a|b"
    assert by_id["w4"]["extra.Raum"] == "4"
    assert by_id["w4"]["extra.Notiz"] == ""
    assert "\x1b" not in by_id["w1"]["title"]


def test_filters_of_an_export_are_those_of_a_query(home: Path) -> None:
    def ids(*arguments: str) -> set[str]:
        lines = succeeds("export", *arguments).stdout.splitlines()
        return {json.loads(line)["painting_id"] for line in lines}

    assert ids("--tag", "a", "--title", "Mädchen 3") == {"w3"}
    assert ids("--attribution", "by", "--year", "1500..1510") == {"w0", "w1"}
    assert ids("--genre", "portrait") == set()


def test_paths_end_with_nul_where_asked(home: Path, tmp_path: Path) -> None:
    asked = ("query", "--id", "w0", "-f", "paths", "--print0")
    done = succeeds(*asked)
    places = done.stdout_bytes.split(b"\0")
    assert len(places) == 6
    assert all(Path(os.fsdecode(place)).is_file() for place in places[:-1])
    succeeds(*asked, "-o", tmp_path / "paths.txt")
    assert (tmp_path / "paths.txt").read_bytes() == done.stdout_bytes
    assert artsim("query", "--id", "w0", "--print0").exit_code == 2


def test_a_table_may_go_to_a_file(home: Path, tmp_path: Path) -> None:
    succeeds("query", "--id", "w0", "-o", tmp_path / "hits.txt")
    text = (tmp_path / "hits.txt").read_text(encoding="utf-8")
    assert "Das Mädchen 3" in text
    assert "\x1b" not in text


def test_a_list_goes_wherever_an_answer_does(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    done = succeeds("list", "--sort", "id", "-o", path)
    assert done.stdout == ""
    on_stdout = succeeds("list", "--sort", "id", "-f", "csv").stdout_bytes
    assert path.read_bytes() == b"\xef\xbb\xbf" + on_stdout
    succeeds("list", "--sort", "id", "-o", tmp_path / "list.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").active
    header, *rows = sheet.iter_rows(values_only=True)
    assert header[-2:] == ("extra.Notiz", "extra.Raum")
    assert [row[0] for row in rows] == [f"w{number}" for number in range(6)]
    path.write_text("mine")
    assert "changed since" in refuses("list", "-o", path)
    assert "not in '.pdf'" in refuses("list", "--sheet", tmp_path / "list.pdf")
