"""`artsim evaluate faces` as a user calls it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

from runner import artsim, fails, succeeds


def test_report_and_json(sample_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    asked = ("evaluate", "faces", "--by", "extra.sitter", "--rerank", "ssim", "--format", "json")
    told = json.loads(succeeds(*asked, "--out", out, home=sample_home))
    assert (out / "report.html").stat().st_size > 10_000
    written = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert written == told
    assert told["task"] == "faces"
    rows = {table["name"]: [row["name"] for row in table["rows"]] for table in told["tables"]}
    by_each = [f"{name}{way}" for name in ("dlib", "builtin") for way in ("", " + ssim")]
    assert rows["retrieval"] == [*by_each, "random order"]
    assert told["settings"]["by"] == "extra.sitter"


def test_a_table(sample_home: Path) -> None:
    shown = succeeds("evaluate", "faces", "--by", "extra.sitter", home=sample_home)
    assert "Where is the same person?" in shown
    assert "builtin + ssim" not in shown


def test_pairs(sample_home: Path, tmp_path: Path) -> None:
    listed = json.loads(
        succeeds("query", "--id", "met-437388", "--faces", "-f", "json", home=sample_home)
    )
    ids = ["met-437388", *dict.fromkeys(hit["painting_id"] for hit in listed["hits"])]
    rows = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(combinations(ids, 2))]
    same = len(rows) // 2
    assert same >= 2
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(["file_a,file_b,same", *rows]), encoding="utf-8")
    shown = succeeds("evaluate", "faces", "--pairs", pairs, home=sample_home)
    assert "The listed pairs" in shown
    counts = f"{same} pairs of one person and {len(rows) - same} of different people."
    assert counts in " ".join(shown.split())


def test_says_what_is_missing(sample_home: Path, tmp_path: Path) -> None:
    line = fails("evaluate", "faces", home=sample_home)
    assert "nothing to hold its faces to" in line
    assert "extra.person_boxes" in line
    assert "--pairs FILE" in line
    assert "nothing was ingested yet" in fails("evaluate", "faces", home=tmp_path / "empty")


def test_wrong_usage(sample_home: Path) -> None:
    for wrong in (("--pairs", "no-such-file.csv"), ("--upper", "2"), ("--rerank", "psnr")):
        assert artsim("evaluate", "faces", *wrong, home=sample_home).returncode == 2
