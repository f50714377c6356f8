"""Ingests that are killed, and whether the next one ends in the same gallery.

A folder is ingested once without interruption, then again into another gallery, killing
the process (SIGKILL) after random times and starting it anew; ids, payloads and vectors
of the two are compared.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.config import Settings
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Collection, Record
from benchmarks.speed.bench import ARTSIM, Bench, Promise, environment, failed, join_notes

SHOWN_DIFFERENCES = 5

SOME_FAILED = 3
"""Exit code of an ingest that finished, and left out what it could not read."""


def measure_kills(bench: Bench) -> list[Promise]:
    """Compare a killed and restarted ingest with one that ran through."""
    whole, killed = bench.scratch / "whole", bench.scratch / "killed"
    source, count = bench.source(), str(bench.sizes.kill_paintings)
    bench.say("ingesting whole, then killed and started anew")
    there = kill_ingests(source, whole, killed, bench.sizes.kills, bench.seed, ("--limit", count))
    with open_gallery(Settings(home=whole)) as one, open_gallery(Settings(home=killed)) as other:
        differences = find_differences(one, other)
        paintings, faces = count_points(one, PAINTINGS), count_points(one, FACES)
    missed = "" if there else "every kill came too late, so that nothing is shown"
    return [
        Promise(
            "kill -9 at any moment of an ingest",
            "the next run ends in the same gallery",
            f"{len(differences)} differences after {len(there)} kills",
            f"{paintings:,} paintings with {faces:,} faces, ingested without a kill",
            not differences if there else None,
            join_notes(bench.note, missed, *differences[:SHOWN_DIFFERENCES]),
            {"kills": len(there), "differences": len(differences), "paintings": paintings},
        )
    ]


def kill_ingests(
    source: Path,
    whole: Path,
    killed: Path,
    kills: int,
    seed: int = 0,
    options: Sequence[str] = (),
) -> list[int]:
    """Ingest into the data folder `whole`, and into `killed` with up to `kills` kills.

    Returns
    -------
    list of int
        Paintings in `killed` after each kill that hit a running process.

    Raises
    ------
    EvaluationError
        If an ingest fails by itself.
    """
    command = (*ARTSIM, "ingest", str(source.absolute()), "--batch-size", "8", *options)
    command += ("--errors", str(whole.parent / "errors.jsonl"))
    seconds = run_ingest(command, whole) or 0.0
    random = np.random.default_rng(seed)
    there = []
    for _ in range(kills):
        if run_ingest(command, killed, random.uniform(0.0, 2 * seconds / kills)) is not None:
            break
        with open_gallery(Settings(home=killed)) as gallery:
            there.append(count_points(gallery, PAINTINGS))
    run_ingest(command, killed)
    return there


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


def count_points(gallery: Gallery, kind: Kind) -> int:
    """Return how many points of that kind there are, 0 without a collection."""
    return gallery[kind].count() if kind in gallery else 0


def find_differences(one: Gallery, other: Gallery) -> list[str]:
    """Return in what two galleries differ: ids, payloads and vectors."""
    found: list[str] = []
    for kind in KINDS.values():
        if kind in one and kind in other:
            found += (f"{kind.name}: {d}" for d in _differences(one[kind], other[kind]))
        elif kind in one or kind in other:
            found.append(f"{kind.name}: only in one")
    return found


def _differences(one: Collection, other: Collection) -> Iterator[str]:
    names = list(one.schema.vectors)
    left = {record.point_id: record for record in one.scroll(with_vectors=names)}
    right = {record.point_id: record for record in other.scroll(with_vectors=names)}
    yield from (f"{i} is only in one" for i in left.keys() ^ right.keys())
    for point_id in left.keys() & right.keys():
        yield from (f"{point_id}: {d}" for d in _differing(left[point_id], right[point_id]))


def _differing(one: Record, other: Record) -> Iterator[str]:
    if one.payload != other.payload:
        yield "payload"
    if one.vectors.keys() != other.vectors.keys():
        yield "vectors"
        return
    for name, vector in one.vectors.items():
        # A network adds in another order in a batch of another size.
        if not np.allclose(vector, other.vectors[name], atol=1e-6):
            yield name
