"""Random lists, mutated and crafted, never end in anything but an error of artsim's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz_manifests.py")
ROOT = FUZZ.parents[2]


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        (1, 100),
        *(pytest.param(seed, 2000, marks=pytest.mark.slow) for seed in (2, 3, 4)),
    ],
)
def test_random_lists(tmp_path: Path, seed: int, count: int) -> None:
    done = subprocess.run(
        [sys.executable, FUZZ, tmp_path, str(seed), str(count)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr  # a list that takes a minute ends the process
    assert "Warning" not in done.stderr
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["grown_mb"] < 500
    assert (
        min(found["ends"].get(end, 0) for end in ("rows in", "no row in", "refused")) > count / 20
    )
