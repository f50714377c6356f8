"""Killed at any moment, an ingest is finished by the next one."""

from pathlib import Path

import pytest

from artsim.evaluation.speed.killing import measure_kills


def test_killed_ingests_end_in_the_same_gallery(sample: Path, tmp_path: Path) -> None:
    measured = measure_kills(sample, tmp_path, kills=3, seed=1, options=["--batch-size", "8"])
    assert measured.paintings == 60
    assert measured.faces
    assert measured.kills
    assert measured.differences == ()


@pytest.mark.slow
def test_kills_of_1985_paintings(data: Path, tmp_path: Path) -> None:
    measured = measure_kills(data / "paintings", tmp_path, kills=10)
    assert measured.paintings == 1985
    assert measured.kills >= 3  # of ten: how many come in time is the machine's affair
    assert measured.differences == ()
