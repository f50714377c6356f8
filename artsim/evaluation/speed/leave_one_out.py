"""Leave-one-out with every metric, against one bare matrix product and top-k in NumPy."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import Embeddings
from artsim.evaluation.leave_one_out import judge_rankings
from artsim.evaluation.progress import Progress, SilentProgress
from artsim.evaluation.relevance import Relevance, read_labels
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise
from artsim.search.neighbors import ExactRanker

MOST_RATIO: Final = 2.0
MORE: Final = 4
"""How many times as many works memory is measured with, too."""

TOP: Final = 100
WORKS_OF_AN_ARTIST: Final = 25
KS: Final = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Median seconds over the rounds; `ratio` is the median of each round's own ratio.

    Attributes
    ----------
    product_s : float
        One product of the vectors with themselves, and the best 100 of each row in order.
    judged_s : float
        Every work ranked against all others, and every metric of every ranking.
    peak_bytes, peak_bytes_of_more : int
        Most memory beside the vectors, with `works` and with `MORE` times as many.
    """

    works: int
    dim: int
    product_s: float
    judged_s: float
    ratio: float
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
    """Time both by turns on made-up vectors, since a machine's speed drifts.

    Parameters
    ----------
    works, dim : int
        N and D of the vectors.
    """
    reporter = progress or SilentProgress()
    rng = np.random.default_rng(seed)
    judge, bare = _judging(works, dim, rng)
    reporter.start(rounds + 2, f"Ranking and judging {works} works, and a bare product, by turns")
    judge()  # threads and buffers are made on first use
    product_s, judged_s = [], []
    for turn in range(rounds):
        product_s.append(_seconds(bare))
        judged_s.append(_seconds(judge))
        reporter.update(turn + 1)
    peak = peak_bytes(judge)
    reporter.update(rounds + 1)
    peak_of_more = peak_bytes(_judging(MORE * works, dim, rng)[0])
    reporter.update(rounds + 2)
    return LeaveOneOut(
        works=works,
        dim=dim,
        product_s=statistics.median(product_s),
        judged_s=statistics.median(judged_s),
        ratio=statistics.median(j / p for j, p in zip(judged_s, product_s, strict=True)),
        peak_bytes=peak,
        peak_bytes_of_more=peak_of_more,
    )


def product_and_top(vectors: Embeddings, top: int = TOP) -> npt.NDArray[np.intp]:
    """Return the `top` nearest rows of each row, best first, shape (N, top).

    What anyone would write first; it needs memory for N times N scores.
    """
    scores = vectors @ vectors.T
    best = np.argpartition(scores, -top, axis=1)[:, -top:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most memory that `work` has allocated at one time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _judging(
    works: int, dim: int, rng: np.random.Generator
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return leave-one-out of as many made-up works, and the bare product of their vectors."""
    vectors = rng.standard_normal((works, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    artists = rng.integers(0, max(2, works // WORKS_OF_AN_ARTIST), works)
    payloads = [{"painting_id": f"p{i:07d}", "artist_key": f"{a}"} for i, a in enumerate(artists)]
    relevance = Relevance(read_labels(payloads, "artist"))
    rows = np.arange(works)

    def judge() -> object:
        return judge_rankings(ExactRanker(vectors), relevance, rows, KS)

    return judge, lambda: product_and_top(vectors, min(TOP, works))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def describe_leave_one_out(found: LeaveOneOut) -> Measured:
    """Hold time and memory to what is promised."""
    size = f"{found.works:,} works by {found.dim:,} numbers"
    promises = (
        Promise(
            f"leave-one-out with all metrics, {size}",
            f"at most {MOST_RATIO:.0f} times one matrix product and top {TOP} in NumPy",
            f"{found.judged_s:.2f} s, {found.ratio:.2f} times",
            f"{found.product_s:.2f} s",
            found.ratio <= MOST_RATIO,
        ),
        Promise(
            f"memory of leave-one-out, {MORE} times as many works",
            f"not {MORE**2} times as much: at most {MORE} times",
            f"{found.peak_bytes_of_more / 1e6:.0f} MB, {found.growth:.1f} times",
            f"{found.peak_bytes / 1e6:.0f} MB with {found.works:,} works",
            found.growth <= MORE,
        ),
    )
    table = Table(
        "leave_one_out",
        f"Leave-one-out of {size}",
        "what",
        (
            Column("seconds", "time", "seconds", better="lower"),
            Column("ratio", "of the bare product", "ratio", better="lower"),
            Column("peak_mb", "most memory, MB", "count", better="lower"),
            Column("peak_mb_of_more", f"with {MORE} times the works, MB", "count", better="lower"),
        ),
        (
            Row(
                "leave-one-out, all metrics",
                {
                    "seconds": found.judged_s,
                    "ratio": found.ratio,
                    "peak_mb": found.peak_bytes / 1e6,
                    "peak_mb_of_more": found.peak_bytes_of_more / 1e6,
                },
            ),
            Row("product and top 100", {"seconds": found.product_s, "ratio": 1.0}),
        ),
        ("Memory is what is needed beside the vectors themselves.",),
    )
    return Measured(promises, (table,))
