"""A large gallery of made-up paintings: embeddings in clusters, with metadata to filter by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.payload import (
    EVERYTHING,
    AnyOf,
    Criteria,
    Payload,
    overlaps_years,
    painting_point_id,
)
from artsim.store.gallery import PIXELS
from artsim.store.protocol import Collection, Point

Array: TypeAlias = npt.NDArray[Any]

Filter: TypeAlias = tuple[Criteria, Array]
"""Criteria, and which rows of the gallery pass them."""

ARTISTS, STYLES, FIRST_YEAR, YEARS = 1000, 20, 1400, 500
_BATCH: Final = 500


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
    agrees with the neighborhood of some queries and cuts across that of others.
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


def fill(
    collection: Collection, gallery: MadeUpGallery, rng: np.random.Generator, vector: str
) -> None:
    """Write the gallery in batches, with random pixels, and build its indexes."""
    total = len(gallery.embeddings)
    for start in range(0, total, _BATCH):
        numbers = range(start, min(start + _BATCH, total))
        pixels = rng.integers(0, 256, (len(numbers), 64 * 64), dtype=np.uint8)
        collection.upsert(
            [
                Point(
                    painting_point_id(f"p{i:07d}"),
                    {vector: gallery.embeddings[i], PIXELS: pixels[i - start]},
                    gallery.payload(i),
                )
                for i in numbers
            ]
        )
    collection.optimize()


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
    dim: int = gallery.embeddings.shape[1]
    for i in rng.integers(0, len(gallery.embeddings), count):
        noise: Array = rng.standard_normal(dim).astype(np.float32)
        query = gallery.embeddings[i] + 0.48 * noise / np.linalg.norm(noise)
        yield query / np.linalg.norm(query)
