"""The wheel, installed where the checkout is not: its size, and a newcomer's first commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 40_000_000


@pytest.mark.slow
def test_the_wheel_is_small_and_whole(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("artsim-*.whl")
    assert wheel.stat().st_size < MOST
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)

    def artsim(*arguments: str) -> str:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {"PYTHONPATH": str(site), "ARTSIM_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-m", "artsim", *arguments],
            cwd=tmp_path,
            env={**kept, **own, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    artsim("sample", "pictures")
    artsim("ingest", "pictures", "--limit", "24")
    [picture] = tmp_path.glob("pictures/images/*-met-435869.jpg")
    assert "Cézanne" in artsim("query", str(picture), "--faces", "-k", "5")
    assert artsim("query", str(picture), "--faces", "--alike", "-k", "1").count("\n") == 3
    artsim("compare", "met-435869", "met-435870", "--sheet", "both.html")
    assert (tmp_path / "both.html").stat().st_size > 10_000
