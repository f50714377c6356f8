"""Re-ranking 100 hits by SSIM: artsim's one call against scikit-image in a loop."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from skimage.metrics import structural_similarity

from artsim.images.similarity import ssim

SIDE = 64


def best_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the shortest of `rounds` runs, in milliseconds, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def bench_rerank(hits: int = 100, seed: int = 0) -> dict[str, float]:
    """Return the time of each, their ratio, and the largest difference of a score."""
    random = np.random.default_rng(seed)
    query = random.integers(0, 256, SIDE * SIDE, dtype=np.uint8)
    noise = random.integers(-60, 60, (hits, SIDE * SIDE))
    gallery = np.clip(query + noise, 0, 255).astype(np.uint8)

    def loop() -> list[float]:
        return [
            structural_similarity(
                query.reshape(SIDE, SIDE), row.reshape(SIDE, SIDE), data_range=255
            )
            for row in gallery
        ]

    ours = best_ms(lambda: ssim(query, gallery), rounds=20)
    theirs = best_ms(loop, rounds=3)
    difference = np.abs(ssim(query, gallery) - np.array(loop())).max()
    return {
        "hits": float(hits),
        "artsim_ms": ours,
        "skimage_loop_ms": theirs,
        "ratio": theirs / ours,
        "max_abs_difference": float(difference),
    }


if __name__ == "__main__":
    for name, value in bench_rerank().items():
        print(f"{name:20} {value:.4g}")
