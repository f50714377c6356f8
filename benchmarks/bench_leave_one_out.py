"""Leave-one-out with all metrics, beside the least that anybody could do: a bare product.

The bare way is one NumPy matrix product of all vectors with all, and of each row the top
100 by `argpartition` and a sort of these: rankings of 100, and not one metric. The whole way
ranks everything, and computes every metric of every query and their bootstrap intervals.

    python -m benchmarks.bench_leave_one_out [--works 4000] [--dim 1000]
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from artsim.domain.arrays import Embeddings
from artsim.domain.payload import Payload
from artsim.evaluation.bootstrap import estimate_means
from artsim.evaluation.leave_one_out import Judged, judge_rankings
from artsim.evaluation.relevance import Relevance, read_labels
from artsim.search.neighbors import ExactRanker

KS = (1, 5, 10)
TOP = 100
WORKS_OF_AN_ARTIST = 25


def bench_leave_one_out(
    works: int = 4000, dim: int = 1000, *, rounds: int = 5, seed: int = 0
) -> dict[str, float]:
    """Return seconds, their ratio, and the most memory at once, of made-up works.

    Returns
    -------
    dict of str to float
        ``bare_s`` and ``bare_mib``: the product and top 100. ``metrics_s``: rankings and all
        metrics; ``whole_s``: with intervals. ``ratio`` is ``metrics_s / bare_s``, and
        ``whole_ratio`` the same with intervals: medians over `rounds` that take turns, so
        that what else the machine does is not taken for a difference. ``peak_mib`` is what
        the whole way has allocated at most beside the vectors, and ``peak_mib_4x`` the same
        with four times as many works.
    """
    vectors, payloads = made_up_works(works, dim, seed)
    judge_works(vectors, payloads)  # imports and threads are not what is measured
    bare, metrics, whole = [], [], []
    for _ in range(rounds):
        bare.append(_seconds(lambda: top_by_product(vectors)))
        start = time.perf_counter()
        judged = judge_works(vectors, payloads)
        metrics.append(time.perf_counter() - start)
        estimate_means(judged.metrics)
        whole.append(time.perf_counter() - start)
    many = made_up_works(4 * works, dim, seed)
    return {
        "works": works,
        "dim": dim,
        "bare_s": float(np.median(bare)),
        "metrics_s": float(np.median(metrics)),
        "whole_s": float(np.median(whole)),
        "ratio": float(np.median(np.divide(metrics, bare))),
        "whole_ratio": float(np.median(np.divide(whole, bare))),
        "bare_mib": _peak_mib(lambda: top_by_product(vectors)),
        "peak_mib": _peak_mib(lambda: judge_works(vectors, payloads)),
        "peak_mib_4x": _peak_mib(lambda: judge_works(*many)),
    }


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
    """Rank everything for every work, and compute all metrics, as the task does."""
    relevance = Relevance(read_labels(payloads, "artist"))
    return judge_rankings(ExactRanker(vectors), relevance, np.arange(len(vectors)), KS)


def top_by_product(vectors: Embeddings) -> np.ndarray:
    """Return the 100 nearest of each work, by NumPy alone."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    top = np.argpartition(scores, -TOP, axis=1)[:, -TOP:]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1)
    return np.take_along_axis(top, order, axis=1)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak_mib(call: Callable[[], object]) -> float:
    """Return the most memory that `call` had at once; NumPy tells `tracemalloc` of its own."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--works", type=int, default=4000)
    parser.add_argument("--dim", type=int, default=1000)
    arguments = parser.parse_args()
    print(json.dumps(bench_leave_one_out(arguments.works, arguments.dim), indent=2))


if __name__ == "__main__":
    main()
