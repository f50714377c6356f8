"""Leave-one-out with all metrics, beside the least that anybody could do: a bare product.

The bare way is one NumPy matrix product of all vectors with all, and of each row the top
100 by `argpartition` and a sort of these: rankings of 100, and not one metric. The whole way
ranks everything, and computes every metric of every query; and their bootstrap intervals.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.payload import Payload
from artsim.catalog.progress import Progress, SilentProgress
from artsim.evaluation.leave_one_out import Judged, judge_rankings
from artsim.evaluation.relevance import Relevance, read_labels
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise
from artsim.evaluation.statistics import estimate_means
from artsim.search.neighbors import ExactRanker

MOST_RATIO: Final = 2.0
MORE: Final = 4
"""How many times as many works memory is measured with, too."""

TOP: Final = 100
WORKS_OF_AN_ARTIST: Final = 25
KS: Final = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Medians over the rounds, also of each round's own ratios to the bare way.

    Attributes
    ----------
    bare_s : float
        Product and top 100.
    metrics_s, ratio : float
        Rankings and all metrics.
    whole_s, whole_ratio : float
        With intervals.
    bare_bytes : int
        Most memory of the bare way at once, beside the vectors.
    peak_bytes, peak_bytes_of_more : int
        The same of rankings and metrics, with `works` and with `MORE` times as many.
    """

    works: int
    dim: int
    bare_s: float
    metrics_s: float
    whole_s: float
    ratio: float
    whole_ratio: float
    bare_bytes: int
    peak_bytes: int
    peak_bytes_of_more: int

    @property
    def growth(self) -> float:
        """How many times the memory is with `MORE` times the works."""
        return self.peak_bytes_of_more / self.peak_bytes


def measure_leave_one_out(
    works: int = 4000,
    dim: int = 1000,
    *,
    rounds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> LeaveOneOut:
    """Time the ways by turns on made-up works, since a machine's speed drifts.

    Parameters
    ----------
    works, dim : int
        N and D of the vectors.
    """
    reporter = progress or SilentProgress()
    vectors, payloads = made_up_works(works, dim, seed)
    many = made_up_works(MORE * works, dim, seed)
    reporter.start(rounds + 1, f"Ranking and judging {works:,} works, and a bare product, by turns")
    judge_works(vectors, payloads)  # imports and threads are not what is measured
    seconds = []
    for turn in range(rounds):
        seconds.append(_one_round(vectors, payloads))
        reporter.update(turn + 1)
    bare, metrics, whole = np.array(seconds).T
    return LeaveOneOut(
        works=works,
        dim=dim,
        bare_s=float(np.median(bare)),
        metrics_s=float(np.median(metrics)),
        whole_s=float(np.median(whole)),
        ratio=float(np.median(metrics / bare)),
        whole_ratio=float(np.median(whole / bare)),
        bare_bytes=peak_bytes(lambda: product_and_top(vectors)),
        peak_bytes=peak_bytes(lambda: judge_works(vectors, payloads)),
        peak_bytes_of_more=peak_bytes(lambda: judge_works(*many)),
    )


def _one_round(vectors: Embeddings, payloads: list[Payload]) -> tuple[float, float, float]:
    """Return the seconds of the bare way, of all metrics, and of these with intervals."""
    start = time.perf_counter()
    product_and_top(vectors)
    bare_s = time.perf_counter() - start
    start = time.perf_counter()
    judged = judge_works(vectors, payloads)
    metrics_s = time.perf_counter() - start
    estimate_means(judged.metrics)
    return bare_s, metrics_s, time.perf_counter() - start


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


def describe_leave_one_out(found: LeaveOneOut) -> Measured:
    """Hold time and memory to what is promised."""
    promises = (
        Promise(
            f"leave-one-out with all metrics, {_size(found)}",
            f"at most {MOST_RATIO:.0f} times one matrix product and top {TOP} in NumPy",
            f"{found.metrics_s:.2f} s, {found.ratio:.2f} times; "
            f"with intervals {found.whole_ratio:.2f} times",
            f"{found.bare_s:.2f} s",
            found.ratio <= MOST_RATIO,
        ),
        Promise(
            f"memory of leave-one-out, {MORE} times as many works",
            f"not {MORE**2} times as much: at most {MORE} times",
            f"{found.peak_bytes_of_more / 1e6:.0f} MB, {found.growth:.1f} times",
            f"{found.peak_bytes / 1e6:.0f} MB with {found.works:,} works; "
            f"{found.bare_bytes / 1e6:.0f} MB for the bare product",
            found.growth <= MORE,
        ),
    )
    return Measured(promises, (_table(found),))


def _size(found: LeaveOneOut) -> str:
    return f"{found.works:,} works by {found.dim:,} numbers"


def _table(found: LeaveOneOut) -> Table:
    metrics = {
        "seconds": found.metrics_s,
        "ratio": found.ratio,
        "peak_mb": found.peak_bytes / 1e6,
        "peak_mb_of_more": found.peak_bytes_of_more / 1e6,
    }
    bare = {"seconds": found.bare_s, "ratio": 1.0, "peak_mb": found.bare_bytes / 1e6}
    return Table(
        "leave_one_out",
        f"Leave-one-out of {_size(found)}",
        "what",
        (
            Column("seconds", "time", "seconds", better="lower"),
            Column("ratio", "of the bare product", "ratio", better="lower"),
            Column("peak_mb", "most memory, MB", "count", better="lower"),
            Column("peak_mb_of_more", f"with {MORE} times the works, MB", "count", better="lower"),
        ),
        (
            Row("all metrics", metrics),
            Row("with intervals", {"seconds": found.whole_s, "ratio": found.whole_ratio}),
            Row(f"product and top {TOP}", bare),
        ),
        ("Memory is what is needed beside the vectors themselves.",),
    )
