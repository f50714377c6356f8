"""Queries: filtered in a large embedded gallery, by a picture, cold, and re-ranked by SSIM."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from artsim.catalog.kinds import PAINTINGS
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder
from artsim.images.load import load_image
from artsim.images.pixels import ssim
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import ImageQuery
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Collection, SearchRequest
from benchmarks.speed.bench import ARTSIM, Bench, Promise, by_turns, environment, run_process
from benchmarks.speed.faces import one_torch_core
from benchmarks.speed.gallery import (
    Array,
    Filter,
    MadeUpGallery,
    fill,
    filters,
    make_gallery,
    queries,
)

MOST_OF_NUMPY: Final = {"years 30%": 0.7, "no filter": 0.1}
"""Latency at p95, of exact NumPy's under the same filter."""

LEAST_RECALL: Final = 0.99
MOST_OF_FORWARD: Final = 1.5
MOST_WHEN_BUSY: Final = 1.5
"""Processor time beside busy processes, which share caches and memory, of that without."""

MOST_OF_OPENING: Final = 1.1
MOST_OF_LOOP: Final = 0.2
MOST_DIFFERENCE: Final = 1e-6
LIMIT: Final = 10
SIDE: Final = 64
"""Of the ``pixels`` that come back with hits."""


def measure_search(bench: Bench) -> list[Promise]:
    """Fill an embedded gallery with made-up paintings and ask it, warm and cold."""
    random = np.random.default_rng(bench.seed)
    encoder = load_encoder("builtin", device="cpu")
    info, points = encoder.info, bench.sizes.gallery_points
    settings = Settings(home=bench.scratch / "home")
    made_up = make_gallery(points, info.dim, random)
    bench.say(f"writing {points:,} made-up paintings and building their indexes")
    with open_gallery(settings) as gallery:
        fill(gallery.create(PAINTINGS, [info]), made_up, random, info.vector_name)
    bench.say(f"asking {bench.sizes.queries} times under each filter, by pictures, and cold")
    # Opened again, as a query of the command line finds it.
    with open_gallery(settings) as gallery:
        promises = [
            measure_filter(gallery[PAINTINGS], info.vector_name, made_up, name, make, bench, random)
            for name, make in filters(made_up, random).items()
        ]
        promises += measure_picture(gallery, encoder, bench)
    return [*promises, measure_cold(settings, made_up, bench)]


def measure_filter(
    collection: Collection,
    vector: str,
    gallery: MadeUpGallery,
    name: str,
    make: Callable[[], Filter],
    bench: Bench,
    random: np.random.Generator,
) -> Promise:
    """Compare latency and answers under one filter with NumPy's over every row that passes."""
    asked = [(query, *make()) for query in queries(gallery, bench.sizes.queries, random)]
    store_ms, numpy_ms, recalls, answers = [], [], [], []
    # One after the other, not by turns: brute force leaves the caches full of what it read,
    # and its threads awake for a while.
    for query, criteria, _ in asked:
        start = time.perf_counter()
        answers += collection.search([SearchRequest(query, vector, criteria=criteria, limit=LIMIT)])
        store_ms.append(1e3 * (time.perf_counter() - start))
    for (query, _, passing), hits in zip(asked, answers, strict=True):
        start = time.perf_counter()
        exact = brute_force(gallery, query, passing)
        numpy_ms.append(1e3 * (time.perf_counter() - start))
        found = {hit.painting_id for hit in hits}
        # A filter that nothing passes, as there are in small galleries, hides nothing.
        recalls.append(len(found & set(exact)) / len(exact) if exact else 1.0)
    p95, numpy_p95 = float(np.percentile(store_ms, 95)), float(np.percentile(numpy_ms, 95))
    ratio, recall, most = p95 / numpy_p95, float(np.mean(recalls)), MOST_OF_NUMPY.get(name)
    promised = "" if most is None else f"p95 at most {most} of exact NumPy; "
    return Promise(
        f"query in {len(gallery.year):,} paintings, embedded, {name}",
        f"{promised}recall@{LIMIT} at least {LEAST_RECALL}",
        f"{ratio:.2f}, {p95:.1f} ms, recall {recall:.3f}",
        f"{numpy_p95:.1f} ms",
        recall >= LEAST_RECALL and (most is None or ratio <= most),
        numbers={"ratio": ratio, "p95_ms": p95, "numpy_p95_ms": numpy_p95, "recall": recall},
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


def measure_picture(gallery: Gallery, encoder: Encoder, bench: Bench) -> list[Promise]:
    """Time queries by pictures beside encoding them, quiet, and beside busy processes."""
    paths, models = bench.choose(bench.sizes.rounds, bench.seed), Models(settings=bench.settings)

    def encode() -> None:
        for path in paths:
            encoder.encode([load_image(path).pixels])

    def ask() -> None:
        for path in paths:
            find_similar(gallery, ImageQuery(path), models=models)

    def processor_time() -> float:
        start = time.process_time()
        ask()
        return 1e3 * (time.process_time() - start) / len(paths)

    with one_torch_core(), threadpool_limits(1):
        ask()
        encode()
        times = by_turns(bench.sizes.rounds, query=ask, encode=encode)
    ratio = float(np.median(times["query"] / times["encode"]))
    ms = {name: 1e3 * float(np.median(t)) / len(paths) for name, t in times.items()}
    ask()
    time.sleep(0.5)  # threads that spin for work have gone to sleep
    quiet = float(np.median([processor_time() for _ in range(3)]))
    with busy_processes(usable_cores()):
        busy = float(np.median([processor_time() for _ in range(3)]))
    count = bench.sizes.gallery_points
    return [
        Promise(
            f"query by picture, model loaded, {count:,} paintings, one thread",
            f"at most {MOST_OF_FORWARD} times decoding and encoding the picture",
            f"{ratio:.2f} times, {ms['query']:.0f} ms",
            f"{ms['encode']:.0f} ms",
            ratio <= MOST_OF_FORWARD,
            bench.note,
            {"ratio": ratio, **ms},
        ),
        Promise(
            f"processor time of a query by picture, {usable_cores()} busy processes beside it",
            f"does not grow: at most {MOST_WHEN_BUSY} times that on a quiet machine",
            f"{busy / quiet:.2f} times, {busy:.0f} ms",
            f"{quiet:.0f} ms",
            busy <= MOST_WHEN_BUSY * quiet,
            bench.note,
            {"ratio": busy / quiet, "busy_ms": busy, "quiet_ms": quiet},
        ),
    ]


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Let so many processes compute while the block runs."""
    command = (sys.executable, "-c", "while True: pass")
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        time.sleep(0.2)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure_cold(settings: Settings, made_up: MadeUpGallery, bench: Bench) -> Promise:
    """Time a query by id in a process of its own beside one that only opens the collection."""
    query = (*ARTSIM, "query", "--id", made_up.payload(0)["painting_id"])
    opening = (
        "from artsim.catalog.kinds import PAINTINGS\n"
        "from artsim.store.gallery import open_gallery\n"
        "with open_gallery() as gallery: gallery[PAINTINGS].count()"
    )
    env = environment(settings.home)
    times = by_turns(
        max(2, bench.sizes.cold_runs // 2),
        query=lambda: run_process(query, env),
        opening=lambda: run_process((sys.executable, "-c", opening), env),
    )
    ratio = float(np.median(times["query"] / times["opening"]))
    seconds = {name: float(np.median(t)) for name, t in times.items()}
    return Promise(
        f"query by id, cold process, {bench.sizes.gallery_points:,} paintings",
        f"at most {MOST_OF_OPENING} times a process that opens the collection",
        f"{ratio:.2f} times, {seconds['query']:.2f} s",
        f"{seconds['opening']:.2f} s",
        ratio <= MOST_OF_OPENING,
        numbers={"ratio": ratio, **seconds},
    )


def measure_reranking(bench: Bench) -> list[Promise]:
    """Time artsim's one call and scikit-image's loop on the same made-up pixels."""
    from skimage import metrics

    structural_similarity: Any = metrics.structural_similarity  # untyped
    hits, random = bench.sizes.rerank_hits, np.random.default_rng(bench.seed)
    query = random.integers(0, 256, SIDE * SIDE, dtype=np.uint8)
    noise = random.integers(-60, 60, (hits, SIDE * SIDE))
    rows = np.clip(query + noise, 0, 255).astype(np.uint8)
    square = query.reshape(SIDE, SIDE)

    def loop() -> list[float]:
        return [
            structural_similarity(square, row.reshape(SIDE, SIDE), data_range=255) for row in rows
        ]

    difference = float(np.abs(ssim(query, rows) - np.array(loop())).max())
    times = by_turns(bench.sizes.rounds, ours=lambda: ssim(query, rows), loop=lambda: loop())
    ratio = float(np.median(times["ours"] / times["loop"]))
    ms = {name: 1e3 * float(np.median(t)) for name, t in times.items()}
    return [
        Promise(
            f"re-rank {hits} hits by SSIM",
            f"at most {MOST_OF_LOOP} of scikit-image in a loop, equal to {MOST_DIFFERENCE:.0e}",
            f"{ratio:.2f}, {ms['ours']:.1f} ms; differs by {difference:.0e}",
            f"{ms['loop']:.1f} ms",
            ratio <= MOST_OF_LOOP and difference <= MOST_DIFFERENCE,
            numbers={"ratio": ratio, "difference": difference, **ms},
        )
    ]
