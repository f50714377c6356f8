"""What a folder has beside its pictures: lists that are used or named, files passed over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import openpyxl
import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim.catalog.payload import MAX_DEPTH
from artsim.cli import app
from artsim.errors import SourceError
from artsim.ingest.folder import PictureSource, list_pictures
from artsim.ingest.records import Problem, SourcePainting
from artsim.ingest.sources import read_source


def make_folder(folder: Path, *pictures: str, **lists: str) -> Path:
    """Make pictures, and lists by their names with ``__`` for the dot."""
    for name in pictures:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    for name, text in lists.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def read(source: Path, **options: object) -> tuple[dict[str, SourcePainting], list[Problem]]:
    opened = read_source(source, **options)
    entries = list(opened)
    assert opened.count() == len(entries)
    paintings = [entry for entry in entries if isinstance(entry, SourcePainting)]
    problems = [entry for entry in entries if isinstance(entry, Problem)]
    return {painting.image_path.name: painting for painting in paintings}, problems


def notes_of(source: Path, **options: object) -> list[str]:
    return [getattr(note, "with_hint", note) for note in read_source(source, **options).notes]


# --- files passed over -------------------------------------------------------------


def test_files_passed_over_are_counted_by_kind(tmp_path: Path) -> None:
    make_folder(
        tmp_path, "ok.jpg", "a.HEIC", "sub/b.heif", "c.pdf", "d.psd", "e.jxl", "f.x y!",
        "notes.txt", "ok.xmp", "ok.json", ".hidden.heic", "Thumbs.db", "sub/records.csv", "LICENSE",
    )  # fmt: skip
    (tmp_path / "scan").write_bytes(b"\xff\xd8\xff\xe0")
    words = "7 files were passed over: 2 HEIC, 1 JPEG XL, 1 PDF, 1 PSD, 1 XY, 1 without an ending"
    assert notes_of(tmp_path) == [words]
    for number in range(1200):
        (tmp_path / f"{number}.k{number % 2}").write_bytes(b"")
    counted = list_pictures(tmp_path).passed_over
    assert counted == (
        "1,207 files were passed over: 600 K0, 600 K1, 2 HEIC, 1 JPEG XL, 1 PDF, 1 PSD, 2 other"
    )


def test_a_folder_of_heic_says_so(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.heic")
    with pytest.raises(SourceError, match=r"no picture in .*; 1 file was passed over: 1 HEIC$"):
        read_source(tmp_path)


def test_a_folder_of_pictures_alone_needs_no_remark(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg", "b.jpg", metadata__csv="file,title\na.jpg,x\n")
    assert notes_of(tmp_path) == []


def test_a_link_to_itself_is_its_own_problem(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    paintings, problems = read(tmp_path)
    assert list(paintings) == ["a.jpg"]
    assert problems[0].place == str(tmp_path / "loop.jpg")
    assert "symbolic links" in problems[0].reason


def test_the_count_is_that_of_the_entries(tmp_path: Path) -> None:
    make_folder(
        tmp_path, "a.jpg", "b.jpg", "x/c.jpg",
        metadata__csv="file,title\na.jpg,1\na.jpg,2\nghost.jpg,3\ntoo,many,cells\nb.jpg,4\n",
    )  # fmt: skip
    bad = os.fsdecode(b"bad\xff.jpg")
    (tmp_path / bad).write_bytes(b"picture")
    paintings, problems = read(tmp_path)  # compares with the count
    assert (len(paintings), len(problems)) == (3, 4)


# --- lists -------------------------------------------------------------------------


def test_a_list_beside_the_one_that_is_used(tmp_path: Path) -> None:
    make_folder(
        tmp_path, "a.jpg", metadata__csv="file,title\na.jpg,One\n", Liste__csv="file\na.jpg\n",
        visitors__csv="day,number\nMonday,12\n", pairs__csv="left,right\na.jpg,a.jpg\n",
    )  # fmt: skip
    (note,) = notes_of(tmp_path)
    assert note == (
        "Liste.csv lies in the folder and was not used, though its column 'file' names pictures; "
        f"if it is the metadata, say so (--metadata {tmp_path / 'Liste.csv'})"
    )
    assert notes_of(tmp_path, metadata=tmp_path / "Liste.csv")[0].startswith("metadata.csv lies")


def test_several_lists_or_none_that_names_pictures(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg", visitors__csv="day,number\nMonday,12\n", broken__jsonl="{")
    (tmp_path / "old.xls").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("nothing here\n")
    notes = notes_of(tmp_path)
    assert [note.split()[0] for note in notes] == ["broken.jsonl", "old.xls", "visitors.csv"]
    assert "it, line 1: is not JSON" in notes[0]
    assert "it is an old Excel workbook" in notes[1]
    assert "which of its columns names the pictures (day, number)? (--metadata" in notes[2]
    assert notes[2].endswith("--map image=COLUMN)")
    make_folder(tmp_path, one__csv="file,title\na.jpg,One\n")
    assert read(tmp_path)[0]["a.jpg"].payload["title"] == "One"
    make_folder(tmp_path, two__csv="file,title\na.jpg,Two\n")
    assert "title" not in read(tmp_path)[0]["a.jpg"].payload
    assert sum("names pictures" in note for note in notes_of(tmp_path)) == 2
    for number in range(9):
        make_folder(tmp_path, **{f"v{number}__csv": "day\nMonday\n"})
    assert notes_of(tmp_path)[-1] == "nor were 9 more lists in it"


def test_a_list_whose_cells_name_the_pictures_is_used(tmp_path: Path) -> None:
    pictures = ["1642.jpg", "AB 1.jpg", "AB 2.jpg"]
    make_folder(tmp_path, *pictures, Liste__csv="Signatur,Title,Made\nAB 1,x,1642\nAB 2,y,1643\n")
    paintings, problems = read(tmp_path)
    assert problems == []
    assert [paintings[name].payload.get("title") for name in pictures] == [None, "x", "y"]
    assert notes_of(tmp_path) == ["the pictures were found by the column 'Signatur' of Liste.csv"]
    # A column that names a picture twice, or by a bare number, is none of pictures.
    make_folder(tmp_path, Liste__csv="Signature,Made\nAB 1,1642\nAB 1,1643\n")
    assert read_source(tmp_path).metadata is None


def test_addresses_name_pictures_by_their_last_part(tmp_path: Path) -> None:
    make_folder(tmp_path, "IMG_0001.JPG", "Mona Lisa, by Leonardo.jpg", "x/Vue_d'Arles.jpg")
    make_folder(tmp_path, metadata__csv="image,title\n"
        "http://example.org/img_0001.jpg?w=800#top,capitals\n"
        "http://example.org/File/Mona%20Lisa%2C%20by%20Leonardo.jpg,decoded\n"
        "https://example.org/Vue%20d%27Arles.jpg,underscores\n"
        "https://example.org//no/such.jpg,none\n")  # fmt: skip
    paintings, problems = read(tmp_path)
    titles = {name: painting.payload.get("title") for name, painting in paintings.items()}
    assert titles == {
        "IMG_0001.JPG": "capitals", "Mona Lisa, by Leonardo.jpg": "decoded",
        "Vue_d'Arles.jpg": "underscores",
    }  # fmt: skip
    assert "names 'https://example.org//no/such.jpg', and there is no such" in problems[0].reason


def test_capitals_count_where_they_tell_pictures_apart(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg", "A.jpg", "sub/B.jpg", "C.jpg")
    make_folder(tmp_path, metadata__csv="file,title\nA.jpg,upper\nSub/b.JPG,path\nc,stem\n")
    paintings, problems = read(tmp_path)
    titles = {name: painting.payload.get("title") for name, painting in paintings.items()}
    assert titles == {"a.jpg": None, "A.jpg": "upper", "B.jpg": "path", "C.jpg": "stem"}
    assert problems == []


def test_a_name_of_several_pictures_lists_them(tmp_path: Path) -> None:
    make_folder(tmp_path, *(f"{folder}/a.jpg" for folder in "vwxyz"), "b/2.jpg", "c/2.jpg")
    make_folder(tmp_path, metadata__csv="file\na.jpg\n2.JPG\n")
    _, problems = read(tmp_path)
    assert [problem.reason.split(": ", 1)[1] for problem in problems] == [
        "names 'a.jpg', and more than one picture is called so (v/a.jpg, w/a.jpg, x/a.jpg and 2 "
        "more); give its path below the folder",
        "names '2.JPG', and more than one picture is called so (b/2.jpg, c/2.jpg); give its path "
        "below the folder",
    ]


def test_a_workbook_and_what_was_saved_from_it(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg", metadata__csv="file,title\na.jpg,saved\n")
    book = openpyxl.Workbook()
    book.active.append(["file", "title"])
    book.active.append(["a.jpg", "of the workbook"])
    book.save(tmp_path / "metadata.xlsx")
    assert read(tmp_path)[0]["a.jpg"].payload["title"] == "saved"
    assert notes_of(tmp_path)[0].startswith("metadata.xlsx lies in the folder and was not used")
    (tmp_path / "metadata.csv").unlink()
    assert read(tmp_path)[0]["a.jpg"].payload["title"] == "of the workbook"
    (tmp_path / "~$metadata.xlsx").write_bytes(b"Excel has it open")
    assert notes_of(tmp_path) == []


def test_what_artsim_left_is_no_list(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.jpg", **{"ingest-errors__jsonl": '{"place": "a", "reason": "b"}\n'})
    assert notes_of(tmp_path) == []


# --- museums' inputs ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "metadata", "described", "problems"),
    [
        ("tate", "artwork_data.csv", 2, 3),
        ("wikidata", "query.csv", 2, 0),
        ("met", None, 3, 0),
        ("cleveland", None, 2, 0),
        ("longfield", None, 3, 0),
    ],
)
def test_the_lists_of_museums_find_their_pictures(
    data: Path, name: str, metadata: str | None, described: int, problems: int
) -> None:
    folder = data / "museum_records" / "inputs" / name
    source = read_source(folder, metadata=folder / metadata if metadata else None)
    assert isinstance(source, PictureSource)
    assert source.listing is not None
    entries = list(source)
    paintings = [entry for entry in entries if isinstance(entry, SourcePainting)]
    assert len(paintings) == len(source.listing.pictures)
    assert sum(len(painting.payload) > 2 for painting in paintings) == described
    assert len(entries) - len(paintings) == problems


# --- through the command line ------------------------------------------------------


def test_the_command_says_what_it_passed_over_and_loses_no_other_row(tmp_path: Path) -> None:
    folder = tmp_path / "Meine Bilder"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 30), "red").save(folder / name)
    (folder / "c.heic").write_bytes(b"x")
    (folder / "loop.png").symlink_to("loop.png")
    rows = f"file;title\na.png;Häsin\n{'x' * 300}.png;lang\nb.png;ü\n"
    (folder / "Liste.csv").write_bytes(rows.encode("cp1252"))
    deep = {"file": "b.png", "x": json.loads("[" * 900 + "]" * 900)}
    (folder / "deep.jsonl").write_text('{"file": "a.png"}\n' + json.dumps(deep) + "\n")
    run = ["ingest", "--no-faces", "--dry-run", "--errors", str(tmp_path / "errors.jsonl")]
    done = CliRunner().invoke(app, [*run, str(folder), "--metadata", str(folder / "Liste.csv")])
    assert "Traceback" not in done.output
    assert "Note: Liste.csv was read as Windows-1252" in done.stderr
    assert "Note: 1 file was passed over: 1 HEIC" in done.stderr
    assert "--metadata" in done.stderr.split("Note: deep.jsonl lies")[1]
    assert "Would write 2 paintings; 2 did not go in." in done.stderr
    done = CliRunner().invoke(app, [*run, str(folder / "deep.jsonl")])
    assert "Would write 1 painting; 1 did not go in." in done.stderr
    assert f"'x' is nested more than {MAX_DEPTH} levels deep" in done.stderr
