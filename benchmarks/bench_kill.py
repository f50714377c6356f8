"""Ingests that are killed, and whether the next one ends in the same gallery.

``python -m benchmarks.bench_kill PICTURES --kills 10`` ingests a folder once without
interruption, then again into another gallery, killing the process (SIGKILL) after random
times and starting it anew, and compares ids, payloads and vectors of the two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from artsim.store.base import Collection, Record
from artsim.store.gallery import open_gallery


def run_ingest(
    source: Path, home: Path, options: Sequence[str] = (), lifetime_s: float | None = None
) -> float | None:
    """Run `artsim ingest` in a process, and kill it `lifetime_s` after it began to read.

    Returns
    -------
    float or None
        Seconds from the beginning of reading to the end; None if it was killed.
    """
    command = [sys.executable, "-m", "artsim", "ingest", str(source), *options]
    env = {**os.environ, "ARTSIM_HOME": str(home)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        begun = process.stderr.readline()
        start = time.perf_counter()
        try:
            process.wait(lifetime_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        if process.returncode:
            raise RuntimeError(begun + process.stderr.read())
        return time.perf_counter() - start


def ingest_killed(
    source: Path, home: Path, kills: int, longest_s: float, seed: int, options: Sequence[str] = ()
) -> list[int]:
    """Ingest with up to `kills` kills at random moments, and once to the end.

    Parameters
    ----------
    longest_s : float
        A process reads for a random time up to this, in seconds.

    Returns
    -------
    list of int
        How many paintings were there after each kill that hit a running process.
    """
    random = np.random.default_rng(seed)
    there = []
    for _ in range(kills):
        if run_ingest(source, home, options, random.uniform(0.0, longest_s)) is not None:
            break
        there.append(_count(home))
    run_ingest(source, home, options)
    return there


def _count(home: Path) -> int:
    with open_gallery(home=home) as gallery:
        return gallery.paintings.count() if gallery.has_paintings else 0


def differences(one: Path, other: Path) -> list[str]:
    """Return in what the galleries of two data folders differ: nothing, it should be."""
    found = []
    with open_gallery(home=one) as a, open_gallery(home=other) as b:
        for name in ("paintings", "faces"):
            found += [f"{name}: {d}" for d in _differences(getattr(a, name), getattr(b, name))]
    return found


def _differences(one: Collection, other: Collection) -> list[str]:
    names = list(one.schema.vectors)
    left = {r.point_id: r for r in one.scroll(with_vectors=names)}
    right = {r.point_id: r for r in other.scroll(with_vectors=names)}
    found = [f"{i} is only in one" for i in left.keys() ^ right.keys()]
    for point_id in left.keys() & right.keys():
        found += [f"{point_id}: {d}" for d in _differing(left[point_id], right[point_id])]
    return found


def _differing(one: Record, other: Record) -> list[str]:
    found = [] if one.payload == other.payload else ["payload"]
    if one.vectors.keys() != other.vectors.keys():
        return [*found, "vectors"]
    return found + [n for n, v in one.vectors.items() if not np.array_equal(v, other.vectors[n])]


def killed_and_whole(
    source: Path, kills: int, seed: int = 0, options: Sequence[str] = ()
) -> dict[str, object]:
    """Compare a killed and restarted ingest with one that ran through."""
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        seconds = run_ingest(source, whole, options) or 0.0
        longest = 2 * seconds / max(1, kills)
        there = ingest_killed(source, killed, kills, longest, seed, options)
        return {
            "paintings": _count(whole),
            "kills": len(there),
            "there_after_each_kill": there,
            "differences": differences(whole, killed),
        }


def main() -> None:
    """Run the comparison on a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments, options = parser.parse_known_args()
    measured = killed_and_whole(arguments.source, arguments.kills, arguments.seed, options)
    for name, value in measured.items():
        print(f"{name:22} {value}")
    if measured["differences"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
