"""Processes of artsim's own, on galleries in temporary folders."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from artsim.errors import EvaluationError

ARTSIM: Final = (sys.executable, "-m", "artsim")

_NAMES_A_GALLERY: Final = ("ARTSIM_GALLERY", "ARTSIM_URL", "QDRANT_URL", "QDRANT_API_KEY")


def environment(home: Path) -> dict[str, str]:
    """Return the environment in which artsim sees the galleries of `home` and no others.

    Without this a measurement would write to the server that the user works with.
    """
    own = {name: value for name, value in os.environ.items() if name not in _NAMES_A_GALLERY}
    return {**own, "ARTSIM_HOME": str(home)}


def median_seconds(command: Sequence[str], env: Mapping[str, str], runs: int) -> float:
    """Return the median wall time of `runs` processes, after one that warms the disk cache.

    Raises
    ------
    EvaluationError
        If one of them fails.
    """
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise failed(command, done.stderr)
    return statistics.median(times[1:])


def failed(command: Sequence[str], stderr: str) -> EvaluationError:
    """Return the error that says which process failed, and with what last words."""
    words = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    return EvaluationError(
        f"a process that was to be timed failed: {words}; run it by itself: {' '.join(command)}"
    )
