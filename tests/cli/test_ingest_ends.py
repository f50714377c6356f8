"""How an ingest ends: exit codes, silence, a summary for programs, and words for people."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from runner import ARTSIM, environment
from typer.testing import CliRunner

from artsim.cli import app


@pytest.fixture
def folder(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures; errors are listed beside them."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "pictures"
    made.mkdir()
    for number, picture in enumerate(sorted((sample / "images").iterdir())[2:6], 3):
        shutil.copy(picture, made / f"{number:03}.jpg")
    return made


def ingest(folder: Path, *options: str, encoder: str = "handcrafted") -> Result:
    arguments = ["ingest", str(folder), "-e", encoder, "--no-faces", *options]
    return CliRunner().invoke(app, arguments)


def test_pictures_that_failed_are_exit_code_3(folder: Path) -> None:
    (folder / "003.jpg").write_bytes(b"")
    done = ingest(folder)
    assert done.exit_code == 3
    assert "Wrote 3 paintings; 1 did not go in." in done.stderr
    assert ingest(folder, "--max-failures", "1").exit_code == 0
    (folder / "004.jpg").write_bytes(b"")
    assert ingest(folder, "--max-failures", "1").exit_code == 3
    assert ingest(folder, "--dry-run").exit_code == 3
    for picture in folder.iterdir():
        picture.write_bytes(b"")
    assert ingest(folder).exit_code == 3


def test_quiet_says_nothing_but_errors(folder: Path) -> None:
    done = ingest(folder, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    (folder / "003.jpg").write_bytes(b"")
    assert ingest(folder, "--quiet", "--max-failures", "1").output == ""
    done = ingest(folder, "--quiet")
    assert done.exit_code == 3
    assert done.stderr.startswith("Error: 1 of the pictures or rows did not go in.\n")
    assert "is empty" in done.stderr
    assert ingest(folder / "nowhere", "--quiet").stderr.startswith("Error: ")


def test_the_summary_as_json_is_what_is_documented(folder: Path) -> None:
    (folder / "003.jpg").write_bytes(b"")
    done = ingest(folder, "--format", "json", "--quiet")
    assert done.exit_code == 3
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    numbers = {"written": 3, "updated": 0, "unchanged": 0, "renamed": 0, "pruned": 0}
    numbers |= {"failed": 1, "faces": 0, "extended": 0, "schema": 1}
    assert numbers.items() <= summary.items()
    assert all(type(summary[name]) is int for name in numbers)
    assert summary["seconds"] > 0
    (problem,) = summary["problems"]
    assert problem.keys() == {"place", "line", "painting_id", "reason", "hint"}
    document = (Path(__file__).parents[2] / "docs" / "output.md").read_text(encoding="utf-8")
    described = document.split("`artsim ingest --format json`")[1].split("\n## ")[0]
    for name in summary:
        assert f"| `{name}` |" in described


def test_an_error_beside_json_is_json(folder: Path) -> None:
    done = ingest(folder / "nowhere", "--format", "json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert json.loads(done.stderr)["error"]["kind"] == "SourceError"


def test_what_is_there_already_is_passed_in_silence(folder: Path) -> None:
    done = ingest(folder)
    assert done.stderr.splitlines() == [
        f"Ingesting {folder}: 4 paintings",
        "Wrote 4 paintings.",
    ]
    assert ingest(folder).stderr == "Wrote 0 paintings; 4 were there already.\n"


def test_one_is_one(folder: Path) -> None:
    for name in ("004.jpg", "005.jpg", "006.jpg"):
        (folder / name).unlink()
    assert ingest(folder, "--dry-run").stderr.splitlines()[-2:] == [
        f"Ingesting {folder}: 1 painting",
        "Would write 1 painting.",
    ]
    assert "Wrote 1 painting." in ingest(folder).stderr
    assert ingest(folder).stderr == "Wrote 0 paintings; 1 was there already.\n"
    done = CliRunner().invoke(app, ["delete", "003.jpg", "--yes"])
    assert done.stderr.startswith("Deleted 1 painting of ")


@pytest.mark.slow
def test_another_encoders_vectors_are_added(folder: Path) -> None:
    ingest(folder, encoder="builtin")
    dry = ingest(folder, "--dry-run")
    assert dry.stderr.splitlines()[-1] == "Would add handcrafted vectors to 4 paintings."
    (folder / "new.jpg").write_bytes((folder / "003.jpg").read_bytes())
    done = ingest(folder)
    assert done.stderr.splitlines()[-1] == (
        "Wrote 1 painting; added handcrafted vectors to 4 paintings."
    )
    faces = CliRunner().invoke(app, ["ingest", str(folder), "-e", "handcrafted"])
    assert "Looked for faces in 5 paintings" in faces.stderr


def test_renamed_and_taken_out_is_said(folder: Path) -> None:
    ingest(folder)
    (folder / "003.jpg").rename(folder / "three.jpg")
    (folder / "004.jpg").unlink()
    told = ingest(folder, "--prune", "--yes", "--dry-run").stderr.splitlines()
    assert told[-2:] == [
        "Would write 0 paintings; 1 would be renamed; 2 were there already; 1 would be taken out.",
        "three.jpg was there already as 003.jpg: would be renamed",
    ]
    refused = ingest(folder, "--prune")
    assert refused.exit_code == 1
    assert "three.jpg was there already as 003.jpg: renamed" in refused.stderr.splitlines()
    assert refused.stderr.splitlines()[-1].startswith("Error: 1 of 4 paintings from file://")
    assert refused.stderr.rstrip().endswith("(--yes)")
    done = ingest(folder, "--prune", "--yes")
    assert done.exit_code == 0
    assert done.stderr == "Wrote 0 paintings; 3 were there already; 1 was taken out.\n"


@pytest.mark.parametrize(
    "options", [["--prune", "--limit", "2"], ["--prune", "--shard", "1/2"], ["--yes"]]
)
def test_wrong_ways_to_prune(folder: Path, options: list[str]) -> None:
    assert ingest(folder, *options).exit_code == 2


def test_sigterm_ends_with_a_word(sample: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ARTSIM, "ingest", str(sample), "-e", "handcrafted", "--no-faces", "--batch-size", "2"],
        env=environment(tmp_path / "home"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it has begun to read
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
    assert process.returncode == 143
    assert told.splitlines()[-1].startswith("Terminated. What was written is whole;")
