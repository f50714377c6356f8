"""Killed at any moment, an ingest is finished by the next one."""

import shutil
import sys
from pathlib import Path

import pytest

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.store.gallery import open_gallery
from benchmarks.speed.kills import find_differences, kill_ingests, run_ingest


def test_killed_ingests_end_in_the_same_gallery(sample: Path, tmp_path: Path) -> None:
    whole, killed, folder = tmp_path / "whole", tmp_path / "killed", tmp_path / "pictures"
    folder.mkdir()
    for picture in sorted((sample / "images").iterdir())[:8]:
        shutil.copy(picture, folder)
    options = ("--batch-size", "2", "-e", "handcrafted", "--face-encoder", "handcrafted")
    assert kill_ingests(folder, whole, killed, kills=1, seed=32, options=options)
    with open_gallery(home=whole) as one, open_gallery(home=killed) as two:
        assert one[PAINTINGS].count() == 8
        assert one[FACES].count()
        assert find_differences(one, two) == []


@pytest.mark.slow
def test_killed_renames_end_in_the_same_gallery(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample / "images", tmp_path / "pictures" / "old")
    command = [sys.executable, "-m", "artsim", "ingest", str(tmp_path / "pictures")]
    command += ["--batch-size", "1", "--encoder", "handcrafted", "--no-faces"]
    run_ingest(command, tmp_path / "killed")
    (tmp_path / "pictures" / "old").rename(tmp_path / "pictures" / "new")
    kills = 0
    for lifetime_s in (0.0, 0.02, 0.05, 0.1, 0.2):
        kills += run_ingest(command, tmp_path / "killed", lifetime_s) is None
    run_ingest(command, tmp_path / "killed")
    run_ingest(command, tmp_path / "whole")
    with (
        open_gallery(home=tmp_path / "killed") as one,
        open_gallery(home=tmp_path / "whole") as two,
    ):
        assert one[PAINTINGS].count() == 60
        assert find_differences(one, two) == []
    assert kills


@pytest.mark.slow
def test_kills_of_1985_paintings(data: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    kills = kill_ingests(data / "paintings", whole, killed, kills=10)
    assert len(kills) >= 3  # of ten: how many come in time is the machine's affair
    with open_gallery(home=whole) as one, open_gallery(home=killed) as two:
        assert one[PAINTINGS].count() == 1985
        assert find_differences(one, two) == []
