"""`artsim query`, as a user runs it on the sample collection."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from runner import artsim, fails, succeeds

RUFF = "rembrandt-portrait-woman-probably-member-van-met-437388.jpg"
PIANO = "renoir-daughters-catulle-mendes-huguette-claudine-met-438014"
PAINTER = "Rembrandt (Rembrandt van Rijn)"


def query(home: Path, *arguments: str | Path) -> dict:
    return json.loads(succeeds("query", *arguments, "-f", "json", home=home))


def test_by_picture_by_id_and_by_every_form(sample: Path, sample_home: Path) -> None:
    picture = sample / "images" / RUFF
    answer = query(sample_home, picture, "-k", "5")
    ids = [hit["painting_id"] for hit in answer["hits"]]
    assert len(ids) == 5
    assert "met-437388" not in ids  # the query picture is of the gallery
    by_id = query(sample_home, "--id", "met-437388", "-k", "5")
    assert [hit["painting_id"] for hit in by_id["hits"]] == ids
    with_self = query(sample_home, picture, "--include-self")
    assert with_self["hits"][0]["painting_id"] == "met-437388"
    assert with_self["hits"][0]["score"] == pytest.approx(1.0, abs=1e-4)

    rows = succeeds("query", "--id", "met-437388", "-k", "5", "-f", "csv", home=sample_home)
    assert [row["painting_id"] for row in csv.DictReader(io.StringIO(rows))] == ids
    lines = succeeds("query", "--id", "met-437388", "-k", "5", "-f", "jsonl", home=sample_home)
    assert [json.loads(line)["painting_id"] for line in lines.splitlines()] == ids
    paths = succeeds("query", "--id", "met-437388", "-k", "5", "-f", "paths", home=sample_home)
    assert all(Path(line).is_file() for line in paths.splitlines())
    table = succeeds("query", "--id", "met-437388", "-k", "5", home=sample_home)
    assert all(hit["payload"]["artist"].split()[-1] in table for hit in answer["hits"])


def test_filters_and_reranking(sample: Path, sample_home: Path) -> None:
    answer = query(
        sample_home, "--id", "met-437388", "--style", "baroque", "--year", "1630..1650",
        "--not", "genre=genre painting", "--rerank", "ssim", "-k", "50",
    )  # fmt: skip
    payloads = [hit["payload"] for hit in answer["hits"]]
    assert payloads
    for payload in payloads:
        assert payload["style"] == ["Baroque"]
        assert payload["genre"] != ["genre painting"]
        assert payload["year_start"] <= 1650
        assert payload["year_end"] >= 1630
    scores = [hit["rerank_score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_an_attribution_is_not_a_name(sample_home: Path) -> None:
    workshop = query(
        sample_home, "--id", "met-437388", "--artist", "INGRES, Jean Auguste Dominique",
        "--attribution", "workshop",
    )  # fmt: skip
    assert [hit["painting_id"] for hit in workshop["hits"]] == ["met-436708"]
    (hit,) = workshop["hits"]
    assert hit["payload"]["artist"] == "Jean Auguste Dominique Ingres and Workshop"


def test_faces_of_a_picture(sample: Path, sample_home: Path, tmp_path: Path) -> None:
    picture = sample / "images" / RUFF
    sheet = tmp_path / "faces.png"
    answer = query(
        sample_home, picture, "--faces", "--not", "artist=Rembrandt", "--rerank", "rmse",
        "--sheet", sheet,
    )  # fmt: skip
    assert len(answer["query_faces"]) == 1
    assert answer["hits"]
    for hit in answer["hits"]:
        assert hit["query_face"] == 0
        assert hit["payload"]["artist_key"] != "rembrandt"
        assert -1 <= hit["rerank_score"] <= 0
    with Image.open(sheet) as image:
        assert image.width >= 1000
    stored = query(
        sample_home, "--id", "met-437388", "--faces", "--not", "artist=Rembrandt",
        "--rerank", "rmse",
    )  # fmt: skip
    assert [h["point_id"] for h in stored["hits"]] == [h["point_id"] for h in answer["hits"]]


def test_one_sheet_a_suffix(sample_home: Path, tmp_path: Path) -> None:
    png, html = tmp_path / "a.png", tmp_path / "a.html"
    succeeds("query", "--id", "met-437388", "--sheet", png, "--sheet", html, home=sample_home)
    assert png.stat().st_size > 10_000
    assert "<html" in html.read_text(encoding="utf-8")[:500]


def test_best_of_each_artist(sample_home: Path) -> None:
    answer = query(sample_home, "--id", "met-435877", "--group-by", "artist", "-k", "4")
    artists = [hit["payload"]["artist_key"] for hit in answer["hits"]]
    assert len(artists) == len(set(artists)) == 4


def test_like_and_unlike(sample: Path, sample_home: Path) -> None:
    picture = sample / "images" / RUFF
    answer = query(sample_home, "--like", picture, "--unlike", "id:met-437428", "-k", "60")
    ids = {hit["painting_id"] for hit in answer["hits"]}
    assert len(ids) == 58
    assert not ids & {"met-437388", "met-437428"}


def test_by_a_region(sample: Path, sample_home: Path, tmp_path: Path) -> None:
    part, saved, sheet = "50%,0%,50%,50%", tmp_path / "q.json", tmp_path / "part.html"
    asked = ["query", "--id", "met-438014", "--region", part, "-k", "5", "-f", "json"]
    first = succeeds(*asked, "--save", saved, "--sheet", sheet, home=sample_home)
    answer = json.loads(first)
    assert answer["query"] == {"id": "met-438014", "region": part}
    assert answer["query_region"] == [257, 0, 258, 320]
    assert succeeds("replay", saved, "-f", "json", home=sample_home) == first
    page = sheet.read_text(encoding="utf-8")
    assert "a part of The Daughters" in page and "the part searched by" in page
    assert len(re.findall(r"<img ", page)) == 2 + 5
    table = artsim(*asked[:-2], home=sample_home)
    assert "part 258 x 320 at 257, 0" in table.stderr

    at = f"@{part}"
    piano = sample / "images" / f"{PIANO}.jpg"
    like = query(sample_home, "--like", f"{piano}{at}", "--unlike", f"id:met-437388{at}")
    assert like["query"] == {"like": [f"{piano}{at}"], "unlike": [f"met-437388{at}"]}
    odd = tmp_path / "a@1,2,3,4"
    odd.write_bytes(piano.read_bytes())
    assert query(sample_home, "--like", odd)["query"]["like"] == [str(odd)]
    for region in ("1,2,3", "0,0,0,5", "90%,0%,20%,9%", "500,0,50,50"):
        assert "egion" in fails("query", piano, "--region", region, home=sample_home)


def test_what_is_not_unicode_is_found_nowhere(sample_home: Path) -> None:
    odd = "a\udcff"  # a byte of a command line
    for image in (f"id:{odd}", f"id:{odd}@1,2,3,4"):
        assert "holds no painting" in fails("query", "--like", image, home=sample_home)
    assert "holds no painting" in fails("show", odd, home=sample_home)
    for filtered in (f"--where=painting_id={odd}", f"--title={odd}", f"--artist={odd}"):
        listed = json.loads(succeeds("list", filtered, "-f", "json", home=sample_home))
        assert listed["total"] == 0


def test_a_name_nobody_has(sample_home: Path) -> None:
    done = artsim("query", "--id", "met-437388", "--artist", "Rembrant", home=sample_home)
    assert done.returncode == 0
    assert done.stdout == ""
    assert f"nearest: {PAINTER}" in done.stderr
    assert "Nothing found" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch.jpg"], "nosuch.jpg: no such file"),
        (["--id", "nobody"], "no painting with the id 'nobody'"),
        (["--text", "a ruff"], "takes no texts"),
        (["--id", "met-437388", "-e", "resnet50"], "no vectors"),
        (["--id", "met-437388", "-e", "resnet51"], "resnet50"),
        (["--id", "met-435877", "--faces"], "no face was found"),
        (["--id", "met-437428", "--faces"], "no face is large and certain enough, of 1"),
        (["--id", "met-437388", "--face", "7"], "there is no face 7"),
        (["--id", "met-437388", "--where", "colour=red"], "no field is called 'colour'"),
        (["--id", "met-437388", "--group-by", "colour"], "no field is called 'colour'"),
        (["--id", "met-437388", "--year", "soon"], "expected A..B"),
        (["--id", "met-437388", "--sheet", "sheet.pdf"], "sheet.pdf"),
        (["--id", "met-437388", "--sheet", "/no/such/folder/a.png"], "/no/such/folder"),
        (["--id", "met-437388", "-g", "other"], "artsim ingest FOLDER --gallery other"),
        (["--id", "met-437388", "-g", "../x"], "digits, '-'"),
        (["--id", "met-437388", "--device", "tpu", "-e", "builtin"], None),
    ],
)
def test_what_goes_wrong_is_one_line(
    sample_home: Path, arguments: list[str], message: str | None
) -> None:
    if message is None:  # by id no device is needed
        succeeds("query", *arguments, home=sample_home)
    else:
        assert message in fails("query", *arguments, home=sample_home)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.jpg", "--id", "x"],
        ["--unlike", "a.jpg"],
        ["--like", "a.jpg", "--region", "1,2,3,4"],
        ["--id", "x", "-k", "0"],
        ["--id"],
    ],
)
def test_wrong_usage_exits_with_two(sample_home: Path, arguments: list[str]) -> None:
    assert artsim("query", *arguments, home=sample_home).returncode == 2


def test_a_picture_without_a_face(sample: Path, sample_home: Path) -> None:
    picture = next((sample / "images").glob("*-met-435877.jpg"))
    assert "no face was found" in fails("query", picture, "--faces", home=sample_home)
