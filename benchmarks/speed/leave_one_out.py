"""Leave-one-out with all metrics, beside the least that anybody could do: a bare product.

The bare way is one NumPy matrix product of all vectors with all, and of each row the top
100 by `argpartition` and a sort of these: rankings of 100, and not one metric. The whole way
ranks everything, and computes every metric of every query; and their bootstrap intervals.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.payload import Payload
from artsim.evaluation.leave_one_out import Judged, Relevance, judge_rankings, read_labels
from artsim.evaluation.statistics import estimate_means
from artsim.search.neighbors import ExactRanker
from benchmarks.speed.bench import Bench, Promise, by_turns

MOST_RATIO: Final = 2.0
MORE: Final = 4
"""How many times as many works memory is measured with, too."""

TOP: Final = 100
WORKS_OF_AN_ARTIST: Final = 25
KS: Final = (1, 5, 10)


def measure_leave_one_out(bench: Bench) -> list[Promise]:
    """Time and weigh both ways on made-up works."""
    works, dim = bench.sizes.works, bench.sizes.work_dim
    vectors, payloads = made_up_works(works, dim, bench.seed)
    many = made_up_works(MORE * works, dim, bench.seed)
    bench.say(f"ranking and judging {works:,} works, and a bare product, by turns")
    judge_works(vectors, payloads)  # imports and threads are not what is measured
    seconds = by_turns(
        bench.sizes.rounds,
        bare=lambda: product_and_top(vectors),
        metrics=lambda: judge_works(vectors, payloads),
        whole=lambda: estimate_means(
            np.stack([*judge_works(vectors, payloads).metrics.values()], 1)
        ),
    )
    bare, metrics = (float(np.median(seconds[name])) for name in ("bare", "metrics"))
    ratio = float(np.median(seconds["metrics"] / seconds["bare"]))
    whole = float(np.median(seconds["whole"] / seconds["bare"]))
    mb = {
        "bare": peak_bytes(lambda: product_and_top(vectors)) / 1e6,
        "metrics": peak_bytes(lambda: judge_works(vectors, payloads)) / 1e6,
        "more": peak_bytes(lambda: judge_works(*many)) / 1e6,
    }
    growth = mb["more"] / mb["metrics"]
    return [
        Promise(
            f"leave-one-out with all metrics, {works:,} works by {dim:,} numbers",
            f"at most {MOST_RATIO:.0f} times one matrix product and top {TOP} in NumPy",
            f"{ratio:.2f} times, {metrics:.2f} s; with intervals {whole:.2f} times",
            f"{bare:.2f} s",
            ratio <= MOST_RATIO,
            numbers={"ratio": ratio, "whole_ratio": whole, "seconds": metrics, "bare": bare},
        ),
        Promise(
            f"memory of leave-one-out, {MORE} times as many works",
            f"at most {MORE} times, not {MORE**2} times as much",
            f"{growth:.1f} times, {mb['more']:.0f} MB",
            f"{mb['metrics']:.0f} MB with {works:,} works; {mb['bare']:.0f} MB by the bare product",
            growth <= MORE,
            numbers={"ratio": growth, **mb},
        ),
    ]


def made_up_works(count: int, dim: int, seed: int) -> tuple[Embeddings, list[Payload]]:
    """Return unit vectors that lie somewhat nearer to those of the same artist."""
    random = np.random.default_rng(seed)
    artists = random.integers(0, max(1, count // WORKS_OF_AN_ARTIST), count)
    centers = random.normal(size=(artists.max() + 1, dim)).astype(np.float32)
    vectors = random.normal(size=(count, dim)).astype(np.float32) + 0.3 * centers[artists]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    payloads: list[Payload] = [
        {"painting_id": f"{i:06d}", "artist_key": f"artist {artist}"}
        for i, artist in enumerate(artists.tolist())
    ]
    return vectors, payloads


def judge_works(vectors: Embeddings, payloads: list[Payload]) -> Judged:
    """Rank everything for every work, and compute all metrics, as the task `labels` does."""
    relevance = Relevance(read_labels(payloads, "artist"))
    return judge_rankings(ExactRanker(vectors), relevance, np.arange(len(vectors)), KS)


def product_and_top(vectors: Embeddings, top: int = TOP) -> npt.NDArray[np.intp]:
    """Return the `top` nearest others of each row, best first, shape (N, top), by NumPy alone.

    What anyone would write first; it needs memory for N times N scores.
    """
    top = min(top, len(vectors) - 1)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    best = np.argpartition(scores, -top, axis=1)[:, -top:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most memory that `work` had at once; NumPy tells `tracemalloc` of its own."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
