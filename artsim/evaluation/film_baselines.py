"""How films were searched before vectors: by hashes, histograms and ORB, with a threshold each.

References
----------
.. [1] Zauner (2010). Implementation and benchmarking of perceptual image hash functions.
.. [2] Rublee, Rabaud, Konolige & Bradski (2011). ORB: an efficient alternative to SIFT or SURF.
   ICCV.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar, Final

import numpy as np
from PIL import Image
from scipy import fft

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Hit
from artsim.evaluation.metrics import Booleans, Floats
from artsim.search.film_query import LEAST_LOOKS

_HASH_SIDE: Final = 8
_HASHED_SIDE: Final = 32
_BINS: Final = 8
_ORB_COUNT: Final = 500
_ORB_SIDE: Final = 512
_ORB_RATIO: Final = 0.75
_ORB_DEPTH: Final = 50
"""Paintings, nearest by color, whose features are compared with a frame's."""


def perceptual_hash(picture: RGBImage) -> Booleans:
    """Return the 64 bits of a picture's perceptual hash: low frequencies above their median."""
    gray = Image.fromarray(picture).convert("L")
    small = gray.resize((_HASHED_SIDE, _HASHED_SIDE), Image.Resampling.LANCZOS)
    waves = fft.dctn(np.asarray(small, np.float64))[:_HASH_SIDE, :_HASH_SIDE]
    return np.asarray(waves > np.median(waves)).ravel()


def _histogram(picture: RGBImage) -> Floats:
    levels = picture.reshape(-1, 3) // (256 // _BINS)
    place = (levels @ np.array([_BINS**2, _BINS, 1])).astype(np.intp)
    counts = np.bincount(place, minlength=_BINS**3).astype(np.float64)
    centered = counts - counts.mean()
    found: Floats = centered / max(float(np.linalg.norm(centered)), 1e-9)
    return found


def _orb(picture: RGBImage) -> Any:
    cv2: Any = import_module("cv2")
    height, width = picture.shape[:2]
    scale = _ORB_SIDE / max(height, width)
    gray = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    sized = cv2.resize(gray, (max(1, round(width * scale)), max(1, round(height * scale))))
    return cv2.ORB_create(_ORB_COUNT).detectAndCompute(sized, None)[1]


def _common(one: Any, other: Any) -> int:
    cv2: Any = import_module("cv2")
    if one is None or other is None or min(len(one), len(other)) < 2:
        return 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one, other, k=2)
    return sum(first.distance < _ORB_RATIO * second.distance for first, second in pairs)


class Baseline(ABC):
    """An eye that compares a frame with every work's picture, and takes the nearest.

    `threshold` is the least likeness of a work that is seen.
    """

    name: ClassVar[str]
    threshold: ClassVar[float]

    def __init__(self, works: Sequence[Hit], pictures: Sequence[RGBImage]) -> None:
        self.works, self.row = works, {work.point_id: row for row, work in enumerate(works)}
        self.known = np.stack([self.describe(picture) for picture in pictures])

    @staticmethod
    @abstractmethod
    def describe(picture: RGBImage) -> Any:
        """Return what of a picture is compared."""

    @abstractmethod
    def likenesses(self, picture: RGBImage) -> Floats:
        """Return how like each of N works a picture is: higher is nearer."""

    def see(self, pictures: Sequence[RGBImage]) -> list[list[Hit]]:
        """Return for each picture the nearest work, if it is near enough."""
        found: list[list[Hit]] = []
        for picture in pictures:
            likenesses = self.likenesses(picture)
            best = int(likenesses.argmax())
            hit = replace(self.works[best], score=float(likenesses[best]))
            found.append([hit] if hit.score >= self.threshold else [])
        return found

    def likeness(self, picture: RGBImage, hit: Hit) -> float:
        """Return how like a work a picture is."""
        return float(self.likenesses(picture)[self.row[hit.point_id]])

    def least(self, inside: float, outside: float) -> float:
        """Return the threshold."""
        return self.threshold

    def believes(self, looks: int, best: Hit) -> bool:
        """Return whether a work is there that so many looks saw, whatever the best was."""
        return looks >= LEAST_LOOKS


class HashBaseline(Baseline):
    """Bits of the perceptual hash that are equal, of 64 [1]_; at most ten differ, as is usual."""

    name = "pHash"
    threshold = 54.0
    describe = staticmethod(perceptual_hash)

    def likenesses(self, picture: RGBImage) -> Floats:
        """Return how many bits each work's hash has in common with a picture's."""
        return np.asarray((self.known == self.describe(picture)).sum(axis=1), np.float64)


class HistogramBaseline(Baseline):
    """Correlation of the histograms of colors, in -1..1."""

    name = "histogram"
    threshold = 0.9
    describe = staticmethod(_histogram)

    def likenesses(self, picture: RGBImage) -> Floats:
        """Return the correlation of each work's histogram with a picture's."""
        return np.asarray(self.known @ self.describe(picture))


class OrbBaseline(HistogramBaseline):
    """ORB features [2]_ whose nearest is clearly the nearest; of the works nearest by color."""

    name = "ORB"
    threshold = 15.0

    def __init__(self, works: Sequence[Hit], pictures: Sequence[RGBImage]) -> None:
        super().__init__(works, pictures)
        self._features = [_orb(picture) for picture in pictures]

    def likenesses(self, picture: RGBImage) -> Floats:
        """Return how many features each work has in common with a picture; 0 of other colors."""
        own = _orb(picture)
        counts = np.zeros(len(self._features))
        for row in np.argsort(-super().likenesses(picture))[:_ORB_DEPTH]:
            counts[row] = _common(own, self._features[row])
        return counts

    def likeness(self, picture: RGBImage, hit: Hit) -> float:
        """Return how many features a work has in common with a picture."""
        return float(_common(_orb(picture), self._features[self.row[hit.point_id]]))
