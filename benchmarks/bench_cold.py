"""Cold starts: `artsim --help` and a query by id, each in a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from artsim.ingest.run import ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.store.gallery import open_gallery

PAINTINGS = 12


def median_seconds(command: list[str], env: Mapping[str, str], runs: int) -> float:
    """Return the median wall time of `runs` processes, after one that warms the disk cache."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, env=env, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def cold_starts(runs: int = 9) -> dict[str, float]:
    """Return seconds of a bare Python, `--help`, a query by id, and importing torch."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        made = make_sample(Path(folder) / "sample", count=PAINTINGS)
        with open_gallery(home=home) as gallery:
            ingest_paintings(gallery, made.folder)
            painting_id = next(gallery.paintings.scroll()).payload["painting_id"]
        env = {**os.environ, "ARTSIM_HOME": str(home)}
        artsim = [sys.executable, "-m", "artsim"]
        return {
            "bare_python_s": median_seconds([sys.executable, "-c", "pass"], env, runs),
            "help_s": median_seconds([*artsim, "--help"], env, runs),
            "query_by_id_s": median_seconds([*artsim, "query", "--id", painting_id], env, runs),
            "import_torch_s": median_seconds([sys.executable, "-c", "import torch"], env, runs),
        }


if __name__ == "__main__":
    for name, value in cold_starts().items():
        print(f"{name:16} {value:.3f}")
