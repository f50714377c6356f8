"""`artsim train faces` as a user calls it, to the judgement on people it never saw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runner import artsim, fails, succeeds

QUICK = ("--network", "painting", "--side", "32", "--epochs", "1", "--people", "4", "--faces", "2")


@pytest.mark.slow
def test_from_pictures_to_the_judgement(sample: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "my faces", tmp_path / "home"
    command = ("train", "faces", sample, "--by", "artist", "--out", out, *QUICK)
    command = (*command, "--test-share", "0.4")
    done = artsim(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"file:{out}"
    for said in ("without a face", "Trained on:", "Held back:", "Kept: the network after step"):
        assert said in done.stderr, done.stderr
    assert f"--face-encoder 'file:{out}'" in done.stderr
    for name in ("losses.png", "split.csv", "encoder.json", "test/metadata.csv"):
        assert (out / name).stat().st_size > 0
    weights = (out / "weights.safetensors").read_bytes()
    again = artsim(*command)
    assert again.stdout == done.stdout
    assert (out / "weights.safetensors").read_bytes() == weights

    succeeds(*("ingest", out / "test", "-g", "unseen", "--face-encoder", f"file:{out}"), home=home)
    told = json.loads(
        succeeds(
            *("evaluate", "faces", "-g", "unseen", "--by", "extra.person"),
            *("--pairs", out / "test" / "pairs.csv", "--format", "json"),
            home=home,
        )
    )
    assert {"verification", "verification_all", "retrieval"} <= {t["name"] for t in told["tables"]}
    assert told["settings"]["encoders"][0].startswith("my_faces-")


def test_says_what_is_wrong(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start = ("train", "faces", sample)
    assert "at least two people by 'person'" in fails(*start, "--out", out)
    assert "no folder or file" in fails("train", "faces", tmp_path / "none", "--out", out)
    assert "no network 'resnet9999'" in fails(
        *start, "--by", "artist", "--out", out, "--network", "resnet9999"
    )
    (tmp_path / "file").touch()
    assert "--out" in fails(*start, "--out", tmp_path / "file" / "below")


def test_wrong_usage(sample: Path, tmp_path: Path) -> None:
    start = ("train", "faces", sample, "--out", tmp_path / "out")
    for wrong in (
        ("--loss", "triplet"),
        ("--epochs", "0"),
        ("--weights", "no-such-file.pt"),
        ("--margin", "1.8"),
        ("--loss", "contrastive", "--margin", "0"),
        ("--test-share", "0.6", "--validation-share", "0.4"),
    ):
        assert artsim(*start, *wrong).returncode == 2, wrong
    assert artsim("train", "faces", sample).returncode == 2
