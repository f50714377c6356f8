"""`artsim list`, and the commands with the same filters."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import painting_point_id
from artsim.cli import app
from artsim.store.gallery import open_gallery
from artsim.store.protocol import Point


def run(home: Path, *arguments: str | Path, width: int = 120) -> Result:
    env = {"ARTSIM_HOME": str(home), "COLUMNS": str(width)}
    return CliRunner().invoke(app, list(map(str, arguments)), env=env)


def test_portraits_of_some_decades_in_every_form(sample_home: Path, tmp_path: Path) -> None:
    filters = ("list", "--genre", "portrait", "--year", "1620-1650")
    done = run(sample_home, *filters, "-f", "json")
    listed = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (0, "")
    payloads = [point["payload"] for point in listed["points"]]
    assert listed["total"] == len(payloads) == 9
    for payload in payloads:
        assert payload["genre"] == ["portrait"]
        assert payload["year_start"] <= 1650
        assert payload["year_end"] >= 1620
    assert all({"score", "rank"}.isdisjoint(point) for point in listed["points"])
    ids = [point["painting_id"] for point in listed["points"]]

    lines = run(sample_home, *filters, "-f", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == listed["points"]
    rows = list(csv.DictReader(io.StringIO(run(sample_home, *filters, "-f", "csv").stdout)))
    assert [row["painting_id"] for row in rows] == ids
    assert next(iter(rows[0])) == "painting_id"
    paths = run(sample_home, *filters, "-f", "paths").stdout.splitlines()
    assert len(paths) == 9
    assert all(Path(path).is_file() for path in paths)
    png, page = tmp_path / "portraits.png", tmp_path / "portraits.html"
    table = run(sample_home, *filters, "--sheet", png, "--sheet", page)
    assert [line.split()[0] for line in table.stdout.splitlines()[2:]] == ids
    assert "9 paintings." in table.stderr
    with Image.open(png) as image:
        assert image.width >= 1000
    html = page.read_text(encoding="utf-8")
    assert re.search("<h1[^>]*>(<bdi>)?9 paintings<", html)
    assert "genre portrait" in html
    assert html.count('class="rank"') == html.count('class="scores"') == 0


def test_a_list_says_how_many_more(sample_home: Path) -> None:
    first = run(sample_home, "list", "-k", "50")
    assert "50 of 60 paintings; the next ones: --offset 50." in first.stderr
    last = run(sample_home, "list", "-k", "50", "--offset", "50", "-f", "paths")
    assert (len(last.stdout.splitlines()), last.stderr) == (10, "")
    assert "0 paintings." in run(sample_home, "list", "--genre", "frescoes").stderr
    faces = run(sample_home, "list", "--faces", "--artist", "Holbein")
    assert re.search(r"\d faces\.", faces.stderr)


@pytest.mark.parametrize(
    ("year", "meant"),
    [("17. Jh.", "1600..1699"), ("um 1640", "1635..1645"), ("1640s", "1640..1649")],
)
def test_years_in_words_say_how_they_were_understood(
    sample_home: Path, year: str, meant: str
) -> None:
    plain = json.loads(run(sample_home, "list", "--year", meant, "-f", "json").stdout)
    for command in ("list", "facets"):
        arguments = ["artist"] if command == "facets" else []
        done = run(sample_home, command, *arguments, "--year", year, "-f", "json")
        assert f"Note: years '{year}' mean {meant}" in done.stderr
    listed = json.loads(run(sample_home, "list", "--year", year, "-f", "json").stdout)
    assert listed["points"] == plain["points"] != []
    refused = run(sample_home, "list", "--year", "some time")
    assert refused.exit_code == 1
    assert "1620-1650, 17th century, c. 1640 (--year 1510..1530)" in refused.stderr


def test_ids_are_whole_and_metadata_is_harmless(tmp_path: Path) -> None:
    long_id = "collection/a-very-long-folder-name/another-one/picture-of-a-lady.jpg"
    title = "\x1b]0;owned\x07 [red]A Lady\x1b[2J of great length, in a dress of blue silk"
    with open_gallery(home=tmp_path / "home") as gallery:
        gallery.create(PAINTINGS, []).upsert(
            [
                Point(painting_point_id(i), {}, {"painting_id": i, "title": title, "artist": "X"})
                for i in (long_id, "b")
            ]
        )
    for width in (120, 60):
        done = run(tmp_path / "home", "list", width=width)
        assert "\x1b" not in done.output
        assert "owned" not in done.output
        found = "".join(line.split("  ")[0].strip() for line in done.stdout.splitlines()[2:])
        assert long_id in found
    assert "[red]A Lady" in run(tmp_path / "home", "list").stdout


def test_show_several_and_delete_by_any_filter(changeable_home: Path) -> None:
    shown = json.loads(
        run(changeable_home, "show", "met-437388", "met-437386", "-f", "json").stdout
    )
    assert [painting["painting_id"] for painting in shown] == ["met-437388", "met-437386"]
    tables = run(changeable_home, "show", "met-437388", "met-437386").stdout
    assert tables.count("\npainting_id") + tables.startswith("painting_id") == 2
    filters = ("--genre", "landscape", "--year", "17. Jh.")
    found = json.loads(run(changeable_home, "list", *filters, "-f", "json").stdout)["total"]
    done = run(changeable_home, "delete", *filters, "--yes")
    assert f"Deleted {found} paintings" in done.stderr
    left = json.loads(run(changeable_home, "list", "-k", "1", "-f", "json").stdout)
    assert left["total"] == 60 - found < 60


def test_facets_in_the_terminal(sample_home: Path) -> None:
    done = run(sample_home, "facets", "artist", "-k", "3")
    assert "Note: 3 of 22 artists (--limit 22)" in done.stderr
    assert done.stdout.splitlines()[2].startswith("Vincent van Gogh   ")
    tied = run(sample_home, "facets", "artist", "--artist", "Titian")
    header, _, first = tied.stdout.splitlines()[:3]
    assert header.split() == ["artist", "count", "by", "workshop", "after"]
    assert first.split()[-4:] == ["3", "1", "1", "1"]
    noted = run(sample_home, "list", "--artist", "Titian").stderr
    assert "Note: 3 works: 1 by, 1 workshop, 1 after (--attribution by)" in noted
    assert "no values" not in run(sample_home, "facets", "title").stderr
    empty = run(sample_home, "facets", "tags")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "60 paintings have no tags" in empty.stderr
