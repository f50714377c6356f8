"""Killed at any moment, an ingest is finished by the next one."""

from pathlib import Path

import pytest

from benchmarks.bench_kill import killed_and_whole


def test_killed_ingests_end_in_the_same_gallery(sample: Path) -> None:
    measured = killed_and_whole(sample, kills=3, seed=1, options=["--batch-size", "8"])
    assert measured["paintings"] == 60
    assert measured["kills"]
    assert measured["differences"] == []


@pytest.mark.slow
def test_ten_kills_of_1985_paintings(data: Path) -> None:
    measured = killed_and_whole(data / "paintings", kills=10)
    assert measured["paintings"] == 1985
    assert measured["kills"] == 10
    assert measured["differences"] == []
