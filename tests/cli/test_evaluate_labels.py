"""`artsim evaluate labels`."""

import json
from pathlib import Path

import pytest
from runner import artsim, fails, succeeds


def test_table_tells_figures_and_how_they_are_meant(sample_home: Path) -> None:
    shown = succeeds(
        "evaluate", "labels", "--by", "genre", "--exclude", "artist", "-k", "2", home=sample_home
    )
    for wanted in ("P@2", "R@2", "mAP", "nDCG", "builtin", "random order", "portrait"):
        assert wanted in shown
    assert "Works that share artist with the query are left out" in " ".join(shown.split())


def test_json_and_folder(sample_home: Path, tmp_path: Path) -> None:
    done = artsim(
        *("evaluate", "labels", "--by", "school", "--rerank", "rmse"),
        *("--rerank-depth", "20", "--not", "style=Baroque", "--limit-queries", "30"),
        *("--seed", "2", "-f", "json", "--out", tmp_path / "report"),
        home=sample_home,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert document["settings"]["rerank_depth"] == 20
    assert document["settings"]["works"] == 45
    tables = {table["name"]: table for table in document["tables"]}
    rows = [row["name"] for row in tables["labels_school"]["rows"]]
    assert rows == ["builtin", "builtin + rmse", "random order"]
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert "Report: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "styl"], "did you mean style"),
        (["--by", "style", "--encoder", "clip"], "no vectors"),
        (["--by", "style", "--fused"], "two encoders or more"),
    ],
)
def test_mistakes_are_one_line(sample_home: Path, arguments: list[str], message: str) -> None:
    assert message in fails("evaluate", "labels", *arguments, home=sample_home)


def test_a_field_is_needed(sample_home: Path) -> None:
    done = artsim("evaluate", "labels", home=sample_home)
    assert done.returncode == 2
    assert "--by" in done.stderr


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    done = artsim("evaluate", "labels", "--by", "style", "--out", str(file / "report"))
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert "Reading" not in done.stderr
