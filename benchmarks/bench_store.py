"""Filtered queries in a large embedded gallery: latency and recall against exact search.

``python -m benchmarks.bench_store`` fills an embedded store in a temporary folder with
made-up paintings (embeddings, 64x64 pixels, metadata) and asks it for neighbours under
filters of different selectivity, beside NumPy comparing with every row that passes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artsim.domain.criteria import EVERYTHING, AnyOf, Criteria, overlaps_years
from artsim.domain.encoder_info import EncoderInfo
from artsim.domain.payload import Payload, painting_point_id
from artsim.store.base import Collection, Point, SearchRequest
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import PIXELS, Gallery
from benchmarks.bench_cold import median_seconds

Array = npt.NDArray[Any]

ARTISTS, STYLES, FIRST_YEAR, YEARS = 1000, 20, 1400, 500
LIMIT = 10


@dataclass(frozen=True)
class MadeUpGallery:
    """Embeddings in clusters, and metadata that follows the clusters in part."""

    embeddings: Array
    artist: Array
    style: Array
    year: Array

    def payload(self, i: int) -> Payload:
        """Metadata of the i-th painting."""
        return {
            "painting_id": f"p{i:07d}",
            "title": f"Untitled {i}",
            "artist": f"artist {self.artist[i]}",
            "artist_key": f"artist {self.artist[i]}",
            "style": [f"style {self.style[i]}"],
            "year_start": int(self.year[i]),
            "year_end": int(self.year[i]),
        }


def make_gallery(points: int, dim: int, rng: np.random.Generator) -> MadeUpGallery:
    """Make a mixture of many Gaussians whose spread follows a power law, as real ones do.

    Two thirds of a cluster share its artist and style, the rest are scattered: a filter
    agrees with the neighbourhood of some queries and cuts across that of others.
    """
    clusters = max(points // 50, 10)
    spread = np.arange(1, dim + 1) ** -0.5
    centers = rng.standard_normal((clusters, dim)) * spread
    member = rng.integers(0, clusters, points)
    rows = np.empty((points, dim), np.float32)
    for start in range(0, points, 10_000):
        chunk = member[start : start + 10_000]
        noise = rng.standard_normal((len(chunk), dim)) * spread
        rows[start : start + 10_000] = centers[chunk] + 0.7 * noise
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scattered = rng.random(points) < 1 / 3
    artist = np.where(scattered, rng.integers(0, ARTISTS, points), member % ARTISTS)
    style = np.where(scattered, rng.integers(0, STYLES, points), member % STYLES)
    year = FIRST_YEAR + (member * 7 + rng.integers(0, 60, points)) % YEARS
    return MadeUpGallery(rows, artist, style, year)


def fill(collection: Collection, gallery: MadeUpGallery, rng: np.random.Generator) -> None:
    """Write the gallery in batches, with random pixels, and build its indexes."""
    total = len(gallery.embeddings)
    for start in range(0, total, 500):
        numbers = range(start, min(start + 500, total))
        pixels = rng.integers(0, 256, (len(numbers), 64 * 64), dtype=np.uint8)
        collection.upsert(
            [
                Point(
                    painting_point_id(f"p{i:07d}"),
                    {"made-up": gallery.embeddings[i], PIXELS: pixels[i - start]},
                    gallery.payload(i),
                )
                for i in numbers
            ]
        )
    collection.optimize()


Filter = tuple[Criteria, Array]


def filters(gallery: MadeUpGallery, rng: np.random.Generator) -> dict[str, Callable[[], Filter]]:
    """Return makers of a filter and of the rows that pass it, by a name for people."""

    def artist() -> Filter:
        a = rng.choice(gallery.artist)
        return Criteria((AnyOf("artist", (f"artist {a}",)),)), gallery.artist == a

    def style() -> Filter:
        s = rng.choice(gallery.style)
        return Criteria((AnyOf("style", (f"style {s}",)),)), gallery.style == s

    def years() -> Filter:
        first = FIRST_YEAR + int(rng.integers(int(YEARS * 0.7)))
        last = first + int(YEARS * 0.3) - 1
        return Criteria(overlaps_years(first, last)), (gallery.year >= first) & (
            gallery.year <= last
        )

    def everything() -> Filter:
        return EVERYTHING, np.ones(len(gallery.year), bool)

    return {
        "artist 0.1%": artist,
        "style 5%": style,
        "years 30%": years,
        "no filter": everything,
    }


def queries(gallery: MadeUpGallery, count: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield rows of the gallery, disturbed: cosine to the original about 0.9."""
    dim = gallery.embeddings.shape[1]
    for i in rng.integers(0, len(gallery.embeddings), count):
        noise = rng.standard_normal(dim).astype(np.float32)
        query = gallery.embeddings[i] + 0.48 * noise / np.linalg.norm(noise)
        yield query / np.linalg.norm(query)


def brute_force(gallery: MadeUpGallery, query: Array, passing: Array) -> list[str]:
    """Return the ids of the nearest rows among those that pass, by comparing with each."""
    rows = np.flatnonzero(passing)
    scores = gallery.embeddings[rows] @ query
    best = np.argpartition(-scores, min(LIMIT, len(rows) - 1))[:LIMIT]
    best = best[np.argsort(-scores[best])]
    return [f"p{rows[i]:07d}" for i in best]


def measure(
    collection: Collection, gallery: MadeUpGallery, count: int, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Return latency in ms and recall@10 by filter, of the store and of brute force."""
    results: dict[str, dict[str, float]] = {}
    for name, make in filters(gallery, rng).items():
        store_ms, numpy_ms, recall = [], [], []
        for query in queries(gallery, count, rng):
            criteria, passing = make()
            started = time.perf_counter()
            (hits,) = collection.search(
                [SearchRequest(query, "made-up", criteria=criteria, limit=LIMIT)]
            )
            store_ms.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            exact = brute_force(gallery, query, passing)
            numpy_ms.append(1000 * (time.perf_counter() - started))
            recall.append(len({h.painting_id for h in hits} & set(exact)) / len(exact))
        results[name] = {
            "p50_ms": float(np.percentile(store_ms, 50)),
            "p95_ms": float(np.percentile(store_ms, 95)),
            "recall_at_10": float(np.mean(recall)),
            "numpy_p95_ms": float(np.percentile(numpy_ms, 95)),
        }
    return results


def filtered_query_latency(
    points: int = 100_000, dim: int = 512, seed: int = 0, count: int = 300
) -> dict[str, Any]:
    """Fill an embedded gallery and measure filtered queries in it.

    Parameters
    ----------
    points, dim : int
        Size of the gallery and of its embeddings.
    seed : int
        Of everything made up.
    count : int
        Queries per filter.

    Returns
    -------
    dict
        ``p95_ms`` and ``recall_at_10``, the worst of all filters; ``numpy_p95_ms``, the
        baseline's for the filter with that latency; ``fill_s``, ``optimize_s``,
        ``open_s``, ``cold_query_s`` (a query by id in a process of its own),
        ``bytes_on_disk``, and ``filters`` with the values of each filter.
    """
    rng = np.random.default_rng(seed)
    made_up = make_gallery(points, dim, rng)
    encoder = EncoderInfo("made-up", "made-up", "made-up", dim)
    with tempfile.TemporaryDirectory() as folder:
        with Gallery(EmbeddedStore(Path(folder))) as gallery:
            started = time.perf_counter()
            fill(gallery.create_paintings([encoder]), made_up, rng)
            fill_s = time.perf_counter() - started
        # Opened again, as a query of the command line finds it.
        started = time.perf_counter()
        with Gallery(EmbeddedStore(Path(folder))) as gallery:
            paintings = gallery.paintings
            open_s = time.perf_counter() - started
            results = measure(paintings, made_up, count, rng)
            size = paintings.stats().bytes_on_disk
        command = [
            sys.executable,
            "-m",
            "artsim",
            "query",
            "--id",
            made_up.payload(0)["painting_id"],
        ]
        cold_s = median_seconds(command, {**os.environ, "ARTSIM_HOME": folder}, runs=5)
    slowest = max(results.values(), key=lambda r: r["p95_ms"])
    return {
        "points": points,
        "p95_ms": slowest["p95_ms"],
        "numpy_p95_ms": slowest["numpy_p95_ms"],
        "recall_at_10": min(r["recall_at_10"] for r in results.values()),
        "fill_s": fill_s,
        "open_s": open_s,
        "cold_query_s": cold_s,
        "bytes_on_disk": size,
        "filters": results,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300, help="queries per filter")
    args = parser.parse_args()
    print(
        json.dumps(filtered_query_latency(args.points, args.dim, args.seed, args.count), indent=1)
    )


if __name__ == "__main__":
    main()
