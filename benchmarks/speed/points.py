"""Local points: made at ingest, and compared with those of fifty hits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from artsim.images.load import load_image
from artsim.images.local_points import QUERY_COUNT, Points, load_opencv, local_points
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import ImageQuery, SearchOptions
from artsim.store.gallery import open_gallery
from benchmarks.speed.bench import Bench, Promise, by_turns
from benchmarks.speed.faces import one_torch_core

MOST_MS: Final = 120.0
MOST_MATCHING_MS: Final = 400.0
HITS: Final = 50


def measure_points(bench: Bench) -> list[Promise]:
    """Time the points of pictures, and what a query takes more that is re-ranked by them."""
    hits = min(HITS, bench.sizes.rerank_hits)
    paths = bench.choose(hits + bench.sizes.rounds, bench.seed)
    with one_torch_core(), threadpool_limits(1):
        return [_measure_making(paths[: bench.sizes.rounds], bench), _measure(paths, hits, bench)]


def _measure_making(paths: list[Path], bench: Bench) -> Promise:
    pictures = [load_image(path).pixels for path in paths]
    times = []
    for picture in pictures:
        begun = time.perf_counter()
        local_points(picture)
        times.append(1e3 * (time.perf_counter() - begun))
    median = float(np.median(times))
    return Promise(
        "local points of a painting at ingest, one core",
        f"at most {MOST_MS:.0f} ms on a quiet machine",
        f"{median:.0f} ms",
        "",
        median <= MOST_MS,
        bench.note,
        {"ms": median, "longest_ms": max(times)},
    )


def _measure(paths: list[Path], hits: int, bench: Bench) -> Promise:
    """Time a query re-ranked by points beside the plain one, and OpenCV's matcher of all pairs."""
    folder = bench.scratch / "paintings"
    folder.mkdir()
    for path in paths[:hits]:
        (folder / path.name).symlink_to(path.absolute())
    asked, models = paths[-1], Models(settings=bench.settings)
    plain = SearchOptions(limit=hits, look="whole")
    matched = SearchOptions(limit=hits, rerank="matches", rerank_depth=hits)
    with open_gallery(home=bench.scratch / "home") as gallery:
        ingest_paintings(gallery, folder, IngestOptions(kinds=(), points=True))
        works = [local_points(load_image(path).pixels) for path in paths[:hits]]
        query = local_points(load_image(asked).pixels, count=QUERY_COUNT)

        def ask(options: SearchOptions) -> object:
            return find_similar(gallery, ImageQuery(asked), options=options, models=models)

        ask(matched)
        times = by_turns(
            bench.sizes.rounds,
            plain=lambda: ask(plain),
            matched=lambda: ask(matched),
            opencv=lambda: _by_opencv(query, works),
        )
    more = 1e3 * float(np.median(times["matched"] - times["plain"]))
    opencv = 1e3 * float(np.median(times["opencv"]))
    return Promise(
        f"re-rank {hits} hits by matched points, embedded, either way round",
        f"at most {MOST_MATCHING_MS:.0f} ms on a quiet machine",
        f"{more:.0f} ms more than the plain query",
        f"{opencv:.0f} ms for OpenCV's own matcher",
        more <= MOST_MATCHING_MS,
        bench.note,
        {"ms": more, "opencv_ms": opencv, "plain_ms": 1e3 * float(np.median(times["plain"]))},
    )


def _by_opencv(query: Points, works: list[Points]) -> list[Any]:
    """Return the two nearest points of each, as programs that use OpenCV compare pictures."""
    matcher = load_opencv().BFMatcher()
    own = query[1:, :128].astype(np.float32)
    return [
        matcher.knnMatch(side, work[1:, :128].astype(np.float32), 2)
        for work in works
        for side in (own, own)
    ]
