"""`artsim map`, as a user runs it on the sample collection."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from runner import ARTSIM, artsim, environment, fails


def data_of(page: Path) -> dict:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_and_a_png(sample_home: Path, tmp_path: Path) -> None:
    page, png = tmp_path / "map.html", tmp_path / "map.png"
    done = artsim(
        "map", "-o", page, "-o", png, "--color-by", "genre", "--pictures", home=sample_home
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert f"Map: {page} (60 paintings," in done.stderr
    assert "trustworthiness" in done.stderr
    data = data_of(page)
    assert len(data["id"]) == len(set(data["id"])) == 60
    assert data["fields"][0]["name"] == "genre"
    assert {"artist", "style", "year_start"} <= {field["name"] for field in data["fields"]}
    assert data["thumbnails"]["side"] == 192
    with Image.open(png) as image:
        assert image.width > 1000
    assert not list(tmp_path.glob(".*"))


def test_the_same_seed_makes_the_same_page(sample_home: Path, tmp_path: Path) -> None:
    pages = [tmp_path / f"{i}.html" for i in range(2)]
    for page in pages:
        arguments = ("--style", "baroque", "--no-thumbnails", "--seed", "5", "-o", page)
        assert artsim("map", *arguments, home=sample_home).returncode == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert 0 < len(data_of(pages[0])["id"]) < 60


def test_faces_and_a_sample(sample_home: Path, tmp_path: Path) -> None:
    page = tmp_path / "faces.html"
    done = artsim(
        "map", "--faces", "--method", "pca", "--limit", "10", "-o", page, home=sample_home
    )
    assert done.returncode == 0, done.stderr
    assert "Note: 10 of" in done.stderr
    assert "10 faces" in done.stderr
    assert len(data_of(page)["id"]) == 10


def test_what_cannot_be_mapped(sample_home: Path, tmp_path: Path) -> None:
    quick = ("--method", "pca", "-o", tmp_path / "map.html")
    assert "style" in fails("map", *quick, "--color-by", "stile", home=sample_home)
    for field in ("face_size", "extra.room"):
        assert "to be colored by" in fails("map", *quick, "--color-by", field, home=sample_home)
    assert "it has: builtin" in fails("map", *quick, "-e", "clip", home=sample_home)
    assert "no point" in fails("map", *quick, "--year", "1..2", home=sample_home)
    assert "make it first" in fails("map", "-o", tmp_path / "no" / "map.html", home=sample_home)
    assert ".html or .png" in fails("map", "-o", tmp_path / "map.svg", home=sample_home)
    both = artsim("map", *quick, "--no-thumbnails", "--thumbnail-size", "64", home=sample_home)
    assert both.returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_nothing(sample_home: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ARTSIM, "map", "-o", str(tmp_path / "map.html")],
        env=environment(sample_home),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Drawing"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert "Traceback" not in rest
    written = list(tmp_path.iterdir())
    # The page may have been finished before the signal came.
    assert written == [] or data_of(tmp_path / "map.html")["id"]
    assert not list(tmp_path.glob(".*"))
