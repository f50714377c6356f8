"""`artsim train classifier` and `artsim classify`, as a user runs them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from runner import artsim, environment, fails, succeeds

PROBE = """
import sys
from artsim.cli import app
try:
    app(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
databases = {"qdrant_client", "qdrant_edge"} & set(sys.modules)
assert not databases, databases
"""


@pytest.fixture(scope="module")
def styles(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a classifier of the sample's styles."""
    out = tmp_path_factory.mktemp("trained") / "styles"
    options = ("--by", "style", "--min-works", "5", "--precision", "0.5", "--out", out)
    text = succeeds("train", "classifier", sample, *options)
    assert "balanced accuracy" in text
    assert "ArtExtract, WikiArt" in text
    return out


def test_a_report_is_written_beside_it(styles: Path) -> None:
    report = json.loads((styles / "report.json").read_text("utf-8"))
    assert report["task"] == "train classifier"
    assert [plot["kind"] for plot in report["plots"]] == ["confusion", "lines"]
    assert (styles / "plot-confusion.png").is_file()
    assert (styles / "report.html").is_file()


def test_a_trained_classifier_answers(styles: Path, sample: Path) -> None:
    pictures = sorted((sample / "images").glob("rembrandt-*"))[:2]
    text = succeeds("classify", *pictures, "--model", styles)
    assert f"{pictures[0]}: Baroque" in text
    document = json.loads(succeeds("classify", *pictures, "-m", styles, "--format", "json"))
    assert document["schema"] == 1
    assert [one["image"] for one in document["pictures"]] == list(map(str, pictures))
    one = document["pictures"][0]
    assert one["answer"] == one["candidates"][0]["label"] == "Baroque"
    assert "voters" not in one
    sure = succeeds("classify", pictures[0], "-m", styles, "--least", "1")
    assert "no answer" in sure


@pytest.mark.slow
def test_no_database_is_loaded_for_it(styles: Path, sample: Path, tmp_path: Path) -> None:
    picture = min((sample / "images").iterdir())
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "classify", str(picture), "--model", str(styles)],
        env=environment(tmp_path / "no-home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "no-home").exists()


def test_neighbors_are_shown(sample: Path, sample_home: Path) -> None:
    picture = min((sample / "images").glob("van-gogh-wheat-*"))
    text = succeeds("classify", picture, "--by", "artist", "-k", "5", home=sample_home)
    assert f"{picture}: Vincent van Gogh\n" in text
    assert "share of the vote" in text
    assert re.search(r"cosine +verdict", text)
    document = json.loads(
        succeeds("classify", picture, "--by", "style", "-f", "json", home=sample_home)
    )
    assert len(document["pictures"][0]["voters"]) == document["k"] == 10
    voter = document["pictures"][0]["voters"][0]
    assert voter["payload"]["title"]
    assert voter["verdict"] in {"very near", "near", "not near"}
    assert 50 < voter["percentile"] < 100


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(styles: Path, sample: Path) -> None:
    picture = min((sample / "images").glob("rembrandt-*"))
    done = artsim("classify", "missing.png", picture, "--model", styles)
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: missing.png: no such file; check the path"
    assert "Baroque" in done.stdout


def test_wrong_use(sample: Path, styles: Path, tmp_path: Path) -> None:
    for wrong in ([], ["--model", styles, "--by", "style"], ["-m", styles, "-e", "clip"]):
        assert artsim("classify", "a.png", *wrong).returncode == 2
    assert "holds no classifier" in fails("classify", "a.png", "--model", tmp_path)
    assert "they have" in fails(
        "train", "classifier", sample, "--by", "extra.no", "-o", tmp_path / "x"
    )
    assert "other settings" in fails(
        "train", "classifier", sample, "--by", "genre", "--min-works", "5", "-o", styles
    )
    done = artsim("train", "classifier", sample, "--by", "style", "-o", tmp_path, "--map", "style")
    assert done.returncode == 2
