"""How alike two pictures are, pixel by pixel and to a network, for many pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.evaluation.pixels.pictures import Subject, to_gray
from artsim.images.pixels import rmse, ssim, ssim_color

if TYPE_CHECKING:
    from artsim.encoders.lpips import LpipsDistance

METRICS: Final = (
    "ssim_color",
    "ssim_own_range",
    "rmse_color",
    "ssim_gray",
    "rmse_gray",
    "lpips",
)
"""Columns of the tables, in the order of the values of a pair."""

HIGHER_IS_NEARER: Final = (True, True, False, True, False, False)

Pair: TypeAlias = tuple[Subject, Subject]
"""A query, or one of its faces, and a hit."""

PairKey: TypeAlias = tuple[str, str]

_BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class View:
    """Which pictures of two subjects are compared, and by what.

    Attributes
    ----------
    load : callable
        Returns a subject's picture, or None where it cannot be had.
    perceptual : LpipsDistance or None
        LPIPS, where its weights are here.
    """

    load: Callable[[Subject], RGBImage | None]
    perceptual: LpipsDistance | None = None


def pair_key(pair: Pair) -> PairKey:
    """Return what tells pairs apart."""
    return pair[0].key, pair[1].key


def score_pairs(
    pairs: Iterable[Pair], view: View, *, with_lpips: bool = True
) -> dict[PairKey, npt.NDArray[np.float64]]:
    """Compare the pictures of each pair once.

    Returns
    -------
    dict of (str, str) to ndarray of float64, shape (6,)
        By the keys of query and hit, in the order of `METRICS`; LPIPS is NaN where it is
        not there. A pair of which a picture cannot be had is left out.
    """
    by_query: dict[str, dict[str, Pair]] = {}
    for pair in pairs:
        by_query.setdefault(pair[0].key, {})[pair[1].key] = pair
    found: dict[PairKey, npt.NDArray[np.float64]] = {}
    perceptual = view.perceptual if with_lpips else None
    for of_query in by_query.values():
        todo = list(of_query.values())
        query = view.load(todo[0][0])
        for start in range(0, len(todo) if query is not None else 0, _BLOCK):
            block = [(pair, view.load(pair[1])) for pair in todo[start : start + _BLOCK]]
            here = [(pair, picture) for pair, picture in block if picture is not None]
            if query is not None and here:
                values = compare(query, np.stack([p for _, p in here]), perceptual)
                found.update(zip((pair_key(pair) for pair, _ in here), values, strict=True))
    return found


def compare(
    query: RGBImage,
    pictures: npt.NDArray[np.uint8],
    perceptual: LpipsDistance | None = None,
) -> npt.NDArray[np.float64]:
    """Compare a picture with N others of its size.

    Parameters
    ----------
    query : ndarray of uint8, shape (side, side, 3)
        Side at least 7.
    pictures : ndarray of uint8, shape (N, side, side, 3)

    Returns
    -------
    ndarray of float64, shape (N, 6)
        In the order of `METRICS`: SSIM in color, that of the query's own range of levels,
        RMSE in color, both in gray, and LPIPS, which is NaN without `perceptual`.
    """
    count = len(pictures)
    gray = to_gray(query).reshape(-1)
    grays = np.stack([to_gray(picture).reshape(-1) for picture in pictures])
    values = np.full((count, len(METRICS)), np.nan)
    # Of a picture of one level there is no such range; 1 is the least that levels differ by.
    own_range = max(1.0, float(np.ptp(query)))
    values[:, 0], values[:, 1] = ssim_color(query, pictures, data_ranges=(255.0, own_range))
    values[:, 2] = rmse(query.reshape(-1), pictures.reshape(count, -1))
    values[:, 3] = ssim(gray, grays)
    values[:, 4] = rmse(gray, grays)
    if perceptual is not None:
        values[:, 5] = perceptual.distances(query, pictures)
    return values


def best_possible(
    scores: Mapping[PairKey, npt.NDArray[np.float64]], k: int
) -> list[npt.NDArray[np.float64]]:
    """Return, for each metric, the values of the K hits that this very metric puts first.

    A hit that several query faces were compared with counts by the one nearest to it.

    Returns
    -------
    list of ndarray of float64, shape (at most K,)
        Nearest first, in the order of `METRICS`; empty where a metric is not there.
    """
    best: list[npt.NDArray[np.float64]] = []
    for column, higher in enumerate(HIGHER_IS_NEARER):
        nearest: dict[str, float] = {}
        for (_, hit), values in scores.items():
            value = float(values[column])
            if np.isnan(value):
                continue
            other = nearest.setdefault(hit, value)
            nearest[hit] = max(other, value) if higher else min(other, value)
        ordered = sorted(nearest.values(), reverse=higher)
        best.append(np.array(ordered[:k], dtype=np.float64))
    return best


def mean_values(rows: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Return the mean of some pairs' values, metric by metric; NaN where there are none."""
    if not rows:
        return np.full(len(METRICS), np.nan)
    mean: npt.NDArray[np.float64] = np.mean(rows, axis=0)
    return mean
