"""Re-ranking 100 hits by SSIM: artsim's one call against scikit-image in a loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise
from artsim.images.pixels import ssim

MOST_MS: Final = 25.0
MOST_DIFFERENCE: Final = 1e-6
SIDE: Final = 64
"""Of the ``pixels`` that come back with hits."""


@dataclass(frozen=True, slots=True)
class RerankTimes:
    """Milliseconds for `hits` hits, and the largest difference between two scores."""

    hits: int
    artsim_ms: float
    skimage_loop_ms: float
    max_difference: float


def measure_reranking(hits: int = 100, *, seed: int = 0) -> RerankTimes:
    """Time both on the same made-up pixels, the shortest of several runs."""
    from skimage import metrics

    structural_similarity: Any = metrics.structural_similarity  # untyped
    random = np.random.default_rng(seed)
    query = random.integers(0, 256, SIDE * SIDE, dtype=np.uint8)
    noise = random.integers(-60, 60, (hits, SIDE * SIDE))
    gallery = np.clip(query + noise, 0, 255).astype(np.uint8)

    def loop() -> list[float]:
        square = query.reshape(SIDE, SIDE)
        return [
            structural_similarity(square, row.reshape(SIDE, SIDE), data_range=255)
            for row in gallery
        ]

    ours = best_ms(lambda: ssim(query, gallery), rounds=20)
    theirs = best_ms(loop, rounds=3)
    difference = np.abs(ssim(query, gallery) - np.array(loop())).max()
    return RerankTimes(hits, ours, theirs, float(difference))


def best_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the shortest of `rounds` runs, in milliseconds, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def describe_reranking(times: RerankTimes) -> Measured:
    """Hold the times to what is promised."""
    promise = Promise(
        f"re-rank {times.hits} hits by SSIM",
        f"{MOST_MS:.0f} ms; equal to scikit-image to 1e-6",
        f"{times.artsim_ms:.1f} ms; differs by {times.max_difference:.0e}",
        f"{times.skimage_loop_ms:.1f} ms in a loop of scikit-image",
        times.artsim_ms <= MOST_MS and times.max_difference <= MOST_DIFFERENCE,
    )
    table = Table(
        "reranking",
        f"Re-ranking {times.hits} hits by SSIM",
        "method",
        (
            Column("ms", "time", "ms", better="lower"),
            Column("times_as_fast", "times as fast", "ratio"),
            Column("max_difference", "largest difference", "score", better="lower"),
        ),
        (
            Row(
                "artsim",
                {
                    "ms": times.artsim_ms,
                    "times_as_fast": times.skimage_loop_ms / times.artsim_ms,
                    "max_difference": times.max_difference,
                },
            ),
            Row("scikit-image in a loop", {"ms": times.skimage_loop_ms, "times_as_fast": 1.0}),
        ),
    )
    return Measured((promise,), (table,))
