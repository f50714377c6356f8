"""`artsim evaluate speed` and `make bench`, as a user runs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from runner import ARTSIM, artsim, environment, fails, succeeds

ROOT = Path(__file__).parents[2]


def test_broken_promises_end_in_exit_code_1_when_checked(tmp_path: Path) -> None:
    """On a slow machine they are broken; either way the code says what the report says."""
    done = artsim(
        *("evaluate", "speed", "--only", "rerank", "--check", "-f", "json"), "--out", tmp_path / "o"
    )
    document = json.loads(done.stdout)
    kept = [row["values"]["kept"] for row in document["tables"][0]["rows"]]
    assert kept in (["yes"], ["no"])
    assert done.returncode == kept.count("no")
    assert ("Broken: re-rank" in done.stderr) is (kept == ["no"])
    assert json.loads((tmp_path / "o" / "report.json").read_text(encoding="utf-8")) == document


def test_a_table_for_people(tmp_path: Path) -> None:
    shown = succeeds("evaluate", "speed", "--only", "rerank", home=tmp_path)
    assert "re-rank 100 hits by SSIM" in shown
    assert "scikit-image in a loop" in shown


def test_no_pictures_are_one_line(tmp_path: Path) -> None:
    assert "holds no pictures" in fails("evaluate", "speed", "--data", tmp_path)
    assert "there is no folder" in fails("evaluate", "speed", "--data", tmp_path / "none")
    usage = artsim("evaluate", "speed", "--only", "sprint")
    assert usage.returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C by signal")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [*ARTSIM, "evaluate", "speed", "--only", "ingest"],
        env=environment(tmp_path / "home", TMPDIR=str(scratch)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "Painting" in process.stderr.readline()
        assert len(list(scratch.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "Interrupted" in said
    assert shown == ""
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_bench(tmp_path: Path, sample: Path) -> None:
    ready = tmp_path / "ready"
    ready.touch()
    data = tmp_path / "a folder"
    shutil.copytree(sample / "images", data / "paintings")
    done = subprocess.run(
        [
            *(
                "make",
                "--no-print-directory",
                "bench",
                f"BIN={Path(sys.executable).parent}",
                f"READY={ready}",
            ),
            "BENCH=--only rerank -f json",
        ],
        cwd=ROOT,
        env=environment(tmp_path / "home", ARTSIM_TEST_DATA=str(data), ARTSIM_TEST_WEIGHTS=""),
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    assert document["settings"]["data"] == str(data / "paintings")
    assert document["settings"]["encoder"] is None
    kept = [row["values"]["kept"] for row in document["tables"][0]["rows"]]
    assert (done.returncode == 0) is (kept == ["yes"])
