"""What every measurement works with: sizes, pictures, a scratch folder, promises, processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

import artsim
from artsim.config import Settings
from artsim.errors import EvaluationError, SourceError
from artsim.ingest.folder import list_pictures
from artsim.ingest.sample import make_sample

ARTSIM: Final = (sys.executable, "-m", "artsim")

_NAMES_A_GALLERY: Final = ("ARTSIM_GALLERY", "ARTSIM_URL", "QDRANT_URL", "QDRANT_API_KEY")


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised and measured, in words, and a baseline of the same run.

    Attributes
    ----------
    kept : bool or None
        None where nothing was promised, or nothing could be measured.
    note : str
        What a reader must know: the sample's pictures, too few of them.
    numbers : mapping of str to float
        All that was measured, for programs.
    """

    name: str
    promised: str
    measured: str
    baseline: str
    kept: bool | None
    note: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; the promises are about these sizes."""

    ingest_pictures: int = 256
    batch_size: int = 32
    rounds: int = 9
    ingest_rounds: int = 3
    face_pictures: int = 200
    rerank_hits: int = 100
    cold_runs: int = 9
    gallery_points: int = 100_000
    queries: int = 300
    kills: int = 10
    kill_paintings: int = 155
    works: int = 4000
    work_dim: int = 1000
    photo_works: int = 150
    page_paintings: int = 2000
    visitors: int = 20
    visit_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement works with.

    Attributes
    ----------
    scratch : Path
        Empty folder that goes afterwards.
    data : Path or None
        Folder of pictures, which is only read; None is the sample.
    encoder : str or None
        Learned encoder to ingest with; None is ResNet-50 with random weights.
    settings : Settings
        Where weights are looked for.
    say : callable
        Told what is being done.
    """

    scratch: Path
    settings: Settings
    data: Path | None = None
    encoder: str | None = None
    seed: int = 0
    sizes: Sizes = field(default_factory=Sizes)
    say: Callable[[str], None] = lambda _: None

    @property
    def note(self) -> str:
        """What a reader must know of the pictures; "" where they were named."""
        return "" if self.data else "on the sample's pictures, since no folder was given (--data)"

    def source(self) -> Path:
        """Return the folder to ingest; the sample is made in the scratch folder."""
        if self.data is not None:
            return self.data
        sample = self.scratch / "sample"
        return sample if sample.exists() else make_sample(sample).folder

    def choose(self, count: int, seed: int | None = None) -> list[Path]:
        """Return the first `count` pictures, or a seeded sample; all where there are fewer."""
        folder = self.source()
        paths = [folder / relative for relative in list_pictures(folder).pictures]
        if seed is None:
            return paths[:count]
        return [paths[i] for i in np.random.default_rng(seed).permutation(len(paths))[:count]]

    def copies(self, count: int) -> Path:
        """Return a folder in the scratch folder with `count` pictures and no metadata."""
        copied = self.scratch / "pictures"
        copied.mkdir()
        for number, path in enumerate(self.choose(count)):
            shutil.copyfile(path, copied / f"{number:06d}{path.suffix}")
        return copied


def check_pictures(data: Path | None) -> None:
    """Refuse a folder that is missing or holds no picture, before anything is measured.

    Raises
    ------
    SourceError
    """
    if data is not None and not (data.is_dir() and list_pictures(data).pictures):
        raise SourceError(f"{data} holds no pictures; name another folder", hint="--data")


def environment(home: Path) -> dict[str, str]:
    """Return the environment in which this artsim sees the galleries of `home` and no others.

    Without this a measurement would write to the server that the user works with.
    """
    own = {name: value for name, value in os.environ.items() if name not in _NAMES_A_GALLERY}
    root = str(Path(artsim.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, own.get("PYTHONPATH"))))
    return {**own, "ARTSIM_HOME": str(home), "PYTHONPATH": path}


def run_process(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Return the wall seconds of a process.

    Raises
    ------
    EvaluationError
        If it fails; with its last words.
    """
    start = time.perf_counter()
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise failed(command, done.stderr)
    return seconds


def failed(command: Sequence[str], stderr: str) -> EvaluationError:
    """Return the error that says which process failed, and with what last words."""
    words = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    return EvaluationError(
        f"a process that was to be timed failed: {words}; run it by itself: {' '.join(command)}"
    )


def by_turns(rounds: int, **work: Callable[[], object]) -> dict[str, np.ndarray]:
    """Run each piece of work once a round, since a machine's speed drifts.

    Parameters
    ----------
    **work : callables
        Timed, unless they return a float, which then counts instead.

    Returns
    -------
    dict of str to ndarray of float64, shape (rounds,)
        Ratios are to be taken round by round.
    """
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            start = time.perf_counter()
            own = run()
            found[name].append(own if isinstance(own, float) else time.perf_counter() - start)
    return {name: np.array(values) for name, values in found.items()}


def join_notes(*notes: str) -> str:
    """Return the notes that say something, in one line."""
    return "; ".join(note for note in notes if note)
