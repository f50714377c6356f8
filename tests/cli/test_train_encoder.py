"""`artsim train encoder` as a user calls it, to the judgement on artists it never saw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runner import artsim, fails, succeeds

QUICK = ("--teacher", "handcrafted", "--steps", "2", "--parts", "1", "--groups", "2")


@pytest.mark.slow
def test_from_pictures_to_the_judgement(small_sample: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "my encoder", tmp_path / "home"
    command = ("train", "encoder", small_sample, "--out", out, *QUICK)
    done = artsim(*command)
    assert done.returncode == 0, done.stderr
    spec = f"file:{out / 'encoder'}"
    assert done.stdout.strip() == spec
    for said in (
        "Trained on ",
        "held back ",
        "losses.png",
        "artsim ingest",
        "Then: artsim evaluate",
    ):
        assert said in done.stderr, done.stderr
    weights = (out / "encoder" / "weights.safetensors").read_bytes()
    again = artsim(*command)
    assert again.stdout == done.stdout
    assert (out / "encoder" / "weights.safetensors").read_bytes() == weights

    succeeds("ingest", out / "test", "-g", "unseen", "--no-faces", "--encoder", spec, home=home)
    told = json.loads(
        succeeds("evaluate", "labels", "-g", "unseen", "--by", "style", "-f", "json", home=home)
    )
    assert told["settings"]["encoders"][0].startswith("encoder-")


def test_says_what_is_wrong(small_sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start = ("train", "encoder", small_sample, "--out", out)
    assert "no encoder is called 'nobody'" in fails(*start, "--teacher", "nobody")
    assert "no folder or file" in fails("train", "encoder", tmp_path / "none", "--out", out, *QUICK)
    assert "are needed in a batch" in fails(*start, *QUICK, "--groups", "500")
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "below"
    assert str(below) in fails("train", "encoder", small_sample, "--out", below, *QUICK)


def test_wrong_usage(small_sample: Path, tmp_path: Path) -> None:
    start = ("train", "encoder", small_sample, "--out", tmp_path / "out", *QUICK)
    for wrong in (
        ("--teacher-weight", "1", "--teacher-weight", "2"),
        ("--test-share", "0.6", "--validation-share", "0.5"),
        ("--steps", "0"),
        ("--works", "1"),
    ):
        assert artsim(*start, *wrong).returncode == 2, wrong
