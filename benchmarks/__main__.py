"""Every promise beside what is measured here, and a baseline of the same run.

``python -m benchmarks`` prints a Markdown table; ``--only NAME`` measures some of it. Real
pictures and weights are used where ``ARTSIM_TEST_DATA`` and ``ARTSIM_TEST_WEIGHTS`` name
them, the sample collection and random weights elsewhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """A promise, what was measured, and the baseline of the same run."""

    what: str
    promise: str
    measured: str
    baseline: str
    kept: bool


def ingest() -> Iterator[Row]:
    """Throughput of an ingest with a learned encoder."""
    from benchmarks.bench_ingest import ingest_throughput

    rates = ingest_throughput()
    yield Row(
        "ingest with ResNet-50, from files",
        "at least 0.85 of the bare forward pass",
        f"{rates['ingest_per_s']:.1f} pictures/s, ratio {rates['ratio']:.2f}",
        f"{rates['bare_forward_per_s']:.1f} pictures/s",
        rates["ratio"] >= 0.85,
    )


def faces() -> Iterator[Row]:
    """Speed of face detection, and the faces it loses."""
    from benchmarks.bench_faces import face_detection

    found = face_detection(limit=200)
    yield Row(
        "face detection",
        "at least 3 times the library's loop, no face lost",
        f"{found['ratio']:.1f} times; "
        f"{found['faces_lost']:.0f} of {found['library_faces']:.0f} faces lost",
        f"{found['library_all_cores_ms']:.0f} ms a picture with torch on all cores, "
        f"{found['library_one_core_ms']:.0f} ms on one; the better counts",
        found["ratio"] >= 3 and found["faces_lost"] == 0,
    )


def rerank() -> Iterator[Row]:
    """Re-ranking 100 hits by SSIM."""
    from benchmarks.bench_rerank import bench_rerank

    times = bench_rerank()
    yield Row(
        "re-rank 100 hits by SSIM",
        "25 ms; equal to scikit-image to 1e-6",
        f"{times['artsim_ms']:.1f} ms; differs by {times['max_abs_difference']:.0e}",
        f"{times['skimage_loop_ms']:.1f} ms in a loop of scikit-image",
        times["artsim_ms"] <= 25 and times["max_abs_difference"] <= 1e-6,
    )


def cold() -> Iterator[Row]:
    """Cold starts."""
    from benchmarks.bench_cold import cold_starts

    seconds = cold_starts()
    for what, key, promise in (
        ("`artsim --help`, cold process", "help_s", 0.3),
        ("query by id, cold process, small gallery", "query_by_id_s", 0.6),
    ):
        yield Row(
            what,
            f"{promise} s",
            f"{seconds[key]:.2f} s",
            f"{seconds['bare_python_s']:.2f} s bare Python, "
            f"{seconds['import_torch_s']:.2f} s `import torch`",
            seconds[key] <= promise,
        )


def search() -> Iterator[Row]:
    """Search with filters among 100,000 made-up paintings."""
    from benchmarks.bench_store import filtered_query_latency

    measured = filtered_query_latency()
    yield Row(
        "filtered query in 100,000 paintings, embedded",
        "10 ms at p95, recall@10 at least 0.99",
        f"{measured['p95_ms']:.1f} ms, recall {measured['recall_at_10']:.3f} (worst filter)",
        f"{measured['numpy_p95_ms']:.1f} ms by NumPy, exact",
        measured["p95_ms"] <= 10 and measured["recall_at_10"] >= 0.99,
    )
    yield Row(
        "query by id, cold process, 100,000 paintings",
        "none: the engine reads its indexes on opening",
        f"{measured['cold_query_s']:.2f} s",
        f"{measured['open_s']:.2f} s of it opening the collection",
        True,
    )


def kill() -> Iterator[Row]:
    """Ingests killed and run again."""
    from artsim.ingest.sample import make_sample
    from benchmarks.bench_kill import killed_and_whole

    with tempfile.TemporaryDirectory() as folder:
        data = os.environ.get("ARTSIM_TEST_DATA")
        source = Path(data, "nga") if data else make_sample(Path(folder) / "sample").folder
        measured = killed_and_whole(source, kills=10, options=["--batch-size", "8"])
    yield Row(
        "kill -9 at any moment of an ingest",
        "the next run ends in the same gallery",
        f"{measured['kills']} kills in {measured['paintings']} paintings: "
        f"{len(measured['differences'])} differences",
        "the ingest that ran through",
        not measured["differences"],
    )


MEASUREMENTS: dict[str, Callable[[], Iterator[Row]]] = {
    measure.__name__: measure for measure in (ingest, faces, rerank, cold, search, kill)
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=MEASUREMENTS, action="append")
    chosen = parser.parse_args().only or list(MEASUREMENTS)
    print("| what | promise | measured | baseline, same run | kept |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    kept = True
    for name in chosen:
        for row in MEASUREMENTS[name]():
            kept &= row.kept
            cells = (row.what, row.promise, row.measured, row.baseline, "yes" if row.kept else "NO")
            print("|", " | ".join(cells), "|", flush=True)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
