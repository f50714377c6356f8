"""Ingests that are killed, and whether the next one ends in the same gallery.

A folder is ingested once without interruption, then again into another gallery, killing
the process (SIGKILL) after random times and starting it anew; ids, payloads and vectors
of the two are compared.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise, join_notes
from artsim.evaluation.speed.processes import ARTSIM, environment, failed
from artsim.store.base import Collection, Record
from artsim.store.gallery import Gallery, open_gallery

SHOWN_DIFFERENCES = 5

SOME_FAILED = 3
"""Exit code of an ingest that finished, and left out what it could not read."""


@dataclass(frozen=True, slots=True)
class KilledAndWhole:
    """The two galleries compared.

    Attributes
    ----------
    paintings, faces : int
        In the gallery of the ingest that ran through.
    there_after_each_kill : tuple of int
        Paintings in the other one, after each kill that hit a running process.
    differences : tuple of str
        None, it should be.
    """

    paintings: int
    faces: int
    there_after_each_kill: tuple[int, ...]
    differences: tuple[str, ...]

    @property
    def kills(self) -> int:
        """How many kills hit."""
        return len(self.there_after_each_kill)


def measure_kills(
    source: Path,
    scratch: Path,
    *,
    kills: int = 10,
    seed: int = 0,
    options: Sequence[str] = (),
    progress: Progress | None = None,
) -> KilledAndWhole:
    """Compare a killed and restarted ingest with one that ran through.

    Parameters
    ----------
    source : Path
        What `artsim ingest` takes; only read.
    scratch : Path
        Folder in which the galleries are made.
    kills : int
        How often to kill, at most.
    options : sequence of str
        Further options of `artsim ingest`.

    Raises
    ------
    EvaluationError
        If an ingest fails by itself.
    """
    reporter = progress or SilentProgress()
    reporter.start(kills + 2, f"Ingesting {source} whole, then killed and started anew")
    whole, killed = scratch / "whole", scratch / "killed"
    command = (
        *(*ARTSIM, "ingest", str(source.absolute()), *options),
        *("--errors", str(scratch / "errors.jsonl")),
    )
    seconds = run_ingest(command, whole) or 0.0
    reporter.update(1)
    random = np.random.default_rng(seed)
    there: list[int] = []
    for _ in range(kills):
        lifetime_s = random.uniform(0.0, 2 * seconds / kills)
        if run_ingest(command, killed, lifetime_s) is not None:
            break
        there.append(_counts(killed)[0])
        reporter.update(1 + len(there))
    run_ingest(command, killed)
    reporter.update(kills + 2)
    with (
        open_gallery(Settings(home=whole)) as one,
        open_gallery(Settings(home=killed)) as other,
    ):
        differences = find_differences(one, other)
    return KilledAndWhole(*_counts(whole), tuple(there), tuple(differences))


def run_ingest(command: Sequence[str], home: Path, lifetime_s: float | None = None) -> float | None:
    """Run an ingest in a process, and kill it `lifetime_s` after it began to read.

    Returns
    -------
    float or None
        Seconds from the beginning of reading to the end; None if it was killed.

    Raises
    ------
    EvaluationError
        If it fails by itself.
    """
    with subprocess.Popen(
        command, env=environment(home), stderr=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            said, seconds = _wait(process, lifetime_s)
        except BaseException:  # Ctrl-C above all: no process outlives the measurement
            process.kill()
            raise
    # Of pictures that cannot be read it says so by its exit code, and ends well otherwise.
    if seconds is not None and process.returncode not in (0, SOME_FAILED):
        raise failed(command, said)
    return seconds


def _wait(process: subprocess.Popen[bytes], lifetime_s: float | None) -> tuple[str, float | None]:
    """Return what the process said, and the seconds from its first line to its end."""
    if process.stderr is None:
        raise ValueError("the process must have been started with a pipe for its stderr")
    begun = process.stderr.readline()  # of a pipe without buffer: nothing more is taken out
    start = time.perf_counter()
    try:
        _, rest = process.communicate(timeout=lifetime_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return "", None
    return (begun + rest).decode(errors="replace"), time.perf_counter() - start


def _counts(home: Path) -> tuple[int, int]:
    with open_gallery(Settings(home=home)) as gallery:
        paintings = gallery.paintings.count() if gallery.has_paintings else 0
        return paintings, gallery.faces.count() if gallery.has_faces else 0


def find_differences(one: Gallery, other: Gallery) -> list[str]:
    """Return in what two galleries differ: ids, payloads and vectors."""
    found = [f"paintings: {d}" for d in _differences(one.paintings, other.paintings)]
    left, right = one.faces_if_any, other.faces_if_any
    if left is None or right is None:
        return found if left is right else [*found, "faces: only in one"]
    return found + [f"faces: {d}" for d in _differences(left, right)]


def _differences(one: Collection, other: Collection) -> list[str]:
    names = list(one.schema.vectors)
    left = {record.point_id: record for record in one.scroll(with_vectors=names)}
    right = {record.point_id: record for record in other.scroll(with_vectors=names)}
    found = [f"{i} is only in one" for i in left.keys() ^ right.keys()]
    for point_id in left.keys() & right.keys():
        found += [f"{point_id}: {d}" for d in _differing(left[point_id], right[point_id])]
    return found


def _differing(one: Record, other: Record) -> list[str]:
    found = [] if one.payload == other.payload else ["payload"]
    if one.vectors.keys() != other.vectors.keys():
        return [*found, "vectors"]
    # A network adds in another order in a batch of another size.
    return found + [
        name
        for name, vector in one.vectors.items()
        if not np.allclose(vector, other.vectors[name], atol=1e-6)
    ]


def describe_kills(found: KilledAndWhole, *note: str) -> Measured:
    """Hold the comparison to what is promised."""
    count = len(found.differences)
    missed = "" if found.kills else "every kill came too late, so that nothing is shown"
    promise = Promise(
        "kill -9 at any moment of an ingest",
        "the next run ends in the same gallery",
        f"{found.kills} kills while {found.paintings:,} paintings with {found.faces:,} faces "
        f"went in: {count} differences",
        "the ingest that ran through",
        count == 0 if found.kills else None,
        join_notes(*note, missed, *found.differences[:SHOWN_DIFFERENCES]),
    )
    table = Table(
        "kills",
        "Ingests killed at random moments",
        "kill",
        (Column("paintings", "paintings there", "count", better=None),),
        (
            *(
                Row(f"kill {number}", {"paintings": there})
                for number, there in enumerate(found.there_after_each_kill, 1)
            ),
            Row("run to the end", {"paintings": found.paintings}),
        ),
    )
    return Measured((promise,), (table,))
