"""Filtered queries in a large embedded gallery: latency and recall against exact search.

A gallery of made-up paintings (embeddings, 64x64 pixels, metadata) is asked for neighbors
under filters of different selectivity, beside NumPy comparing with every row that passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.made_up import (
    VECTOR,
    Array,
    Filter,
    MadeUpGallery,
    fill,
    filters,
    make_gallery,
    queries,
)
from artsim.evaluation.speed.measured import Measured, Promise
from artsim.evaluation.speed.processes import ARTSIM, environment, median_seconds
from artsim.store.base import Collection, SearchRequest
from artsim.store.gallery import open_gallery

MOST_MS: Final = 10.0
LEAST_RECALL: Final = 0.99
LIMIT: Final = 10
COLD_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class FilterTimes:
    """Latency in ms and recall@10 under one filter, of the store and of brute force."""

    p50_ms: float
    p95_ms: float
    recall_at_10: float
    numpy_p95_ms: float


@dataclass(frozen=True, slots=True)
class LargeGallery:
    """What was measured in a gallery of `points` paintings.

    Attributes
    ----------
    fill_s : float
        Writing it and building its indexes.
    open_s : float
        Opening it in a running process.
    cold_query_s : float
        A query by id in a process of its own.
    filters : mapping of str to FilterTimes
    """

    points: int
    fill_s: float
    open_s: float
    cold_query_s: float
    bytes_on_disk: int | None
    filters: Mapping[str, FilterTimes]


def measure_large_gallery(
    home: Path,
    *,
    points: int = 100_000,
    dim: int = 512,
    count: int = 300,
    seed: int = 0,
    progress: Progress | None = None,
) -> LargeGallery:
    """Fill an embedded gallery in the folder `home` and measure filtered queries in it.

    Parameters
    ----------
    points, dim : int
        Size of the gallery and of its embeddings.
    count : int
        Queries per filter.
    seed : int
        Of everything made up.

    Raises
    ------
    StoreError
        If there is no room for it.
    """
    reporter = progress or SilentProgress()
    rng = np.random.default_rng(seed)
    settings = Settings(home=home)
    made_up = make_gallery(points, dim, rng)
    encoder = EncoderInfo(VECTOR, VECTOR, VECTOR, dim)
    with open_gallery(settings) as gallery:
        start = time.perf_counter()
        fill(gallery.create_paintings([encoder]), made_up, rng, reporter)
        fill_s = time.perf_counter() - start
    # Opened again, as a query of the command line finds it.
    start = time.perf_counter()
    with open_gallery(settings) as gallery:
        paintings = gallery.paintings
        open_s = time.perf_counter() - start
        by_filter = _measure_filters(paintings, made_up, count, rng, reporter)
        size = paintings.stats().bytes_on_disk
    reporter.start(None, "Asking it, cold")
    command = (*ARTSIM, "query", "--id", made_up.payload(0)["painting_id"])
    cold_s = median_seconds(command, environment(home), COLD_RUNS)
    return LargeGallery(points, fill_s, open_s, cold_s, size, by_filter)


def _measure_filters(
    collection: Collection,
    gallery: MadeUpGallery,
    count: int,
    rng: np.random.Generator,
    progress: Progress,
) -> dict[str, FilterTimes]:
    makers = filters(gallery, rng)
    progress.start(len(makers), f"Asking {count} times under each filter")
    results = {}
    for done, (name, make) in enumerate(makers.items(), 1):
        results[name] = _measure_filter(collection, gallery, make, count, rng)
        progress.update(done)
    return results


def _measure_filter(
    collection: Collection,
    gallery: MadeUpGallery,
    make: Callable[[], Filter],
    count: int,
    rng: np.random.Generator,
) -> FilterTimes:
    asked = [(query, *make()) for query in queries(gallery, count, rng)]
    store_ms, numpy_ms, recall = [], [], []
    # One after the other, not by turns: brute force leaves the caches full of what it read,
    # and its threads awake for a while.
    answers = []
    for query, criteria, _ in asked:
        start = time.perf_counter()
        answers += collection.search([SearchRequest(query, VECTOR, criteria=criteria, limit=LIMIT)])
        store_ms.append(1e3 * (time.perf_counter() - start))
    for (query, _, passing), hits in zip(asked, answers, strict=True):
        start = time.perf_counter()
        exact = brute_force(gallery, query, passing)
        numpy_ms.append(1e3 * (time.perf_counter() - start))
        found = {hit.painting_id for hit in hits}
        # A filter that nothing passes, as there are in small galleries, hides nothing.
        recall.append(len(found & set(exact)) / len(exact) if exact else 1.0)
    return FilterTimes(
        p50_ms=float(np.percentile(store_ms, 50)),
        p95_ms=float(np.percentile(store_ms, 95)),
        recall_at_10=float(np.mean(recall)),
        numpy_p95_ms=float(np.percentile(numpy_ms, 95)),
    )


def brute_force(gallery: MadeUpGallery, query: Array, passing: Array) -> list[str]:
    """Return the ids of the nearest rows among those that pass, by comparing with each."""
    rows = np.flatnonzero(passing)
    if not len(rows):
        return []
    scores = gallery.embeddings[rows] @ query
    best = np.argpartition(-scores, min(LIMIT, len(rows) - 1))[:LIMIT]
    best = best[np.argsort(-scores[best])]
    return [f"p{rows[i]:07d}" for i in best]


def describe_large_gallery(found: LargeGallery) -> Measured:
    """Hold the slowest filter's latency and the worst recall to what is promised."""
    slowest = max(found.filters.values(), key=lambda times: times.p95_ms)
    recall = min(times.recall_at_10 for times in found.filters.values())
    size = f"{found.points:,} paintings"
    promises = (
        Promise(
            f"filtered query in {size}, embedded",
            f"{MOST_MS:.0f} ms at p95, recall@10 at least {LEAST_RECALL}",
            f"{slowest.p95_ms:.1f} ms, recall {recall:.3f} (worst filter)",
            f"{slowest.numpy_p95_ms:.1f} ms by NumPy, exact",
            slowest.p95_ms <= MOST_MS and recall >= LEAST_RECALL,
        ),
        Promise(
            f"query by id, cold process, {size}",
            "none: the engine reads its indexes on opening",
            f"{found.cold_query_s:.2f} s",
            f"{found.open_s:.2f} s of it opening the collection",
            None,
        ),
    )
    return Measured(promises, (_filters_table(found), _size_table(found)))


def _filters_table(found: LargeGallery) -> Table:
    return Table(
        "filtered_queries",
        f"Queries in {found.points:,} made-up paintings",
        "filter",
        (
            Column("p50_ms", "median", "ms", better="lower"),
            Column("p95_ms", "p95", "ms", better="lower"),
            Column("numpy_p95_ms", "p95 of NumPy", "ms", better=None),
            Column("recall_at_10", "recall@10", "score"),
        ),
        tuple(Row(name, asdict(times)) for name, times in found.filters.items()),
        ("NumPy compares with every painting that passes the filter.",),
    )


def _size_table(found: LargeGallery) -> Table:
    row = {
        "fill_s": found.fill_s,
        "open_s": found.open_s,
        "cold_query_s": found.cold_query_s,
        "bytes_on_disk": found.bytes_on_disk,
    }
    return Table(
        "large_gallery",
        f"A gallery of {found.points:,} made-up paintings",
        "gallery",
        (
            Column("fill_s", "writing and indexing", "seconds", better="lower"),
            Column("open_s", "opening", "seconds", better="lower"),
            Column("cold_query_s", "query by id, cold", "seconds", better="lower"),
            Column("bytes_on_disk", "bytes on disk", "count", better="lower"),
        ),
        (Row("embedded", row),),
    )
