"""How sure verification's figures are: bootstrap over pairs, or over the people in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.evaluation.faces.verification import FARS, RocCurve, rates
from artsim.evaluation.statistics import Estimate

RESAMPLES: Final = 500

Draw = Callable[[np.random.Generator], npt.NDArray[np.generic]]
"""Maker of one resample: how often each of N pairs counts, shape (N,)."""


def draw_pairs(count: int) -> Draw:
    """Return the bootstrap that draws `count` pairs, one by one, with replacement."""
    return lambda rng: np.bincount(rng.integers(0, count, count), minlength=count)


def draw_people(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> Draw:
    """Return the bootstrap that draws people, and with them all pairs they are in.

    Pairs that share a person go right or wrong together, so that drawing them one by one
    would make intervals too narrow. A pair of one person counts as often as the person
    was drawn, a pair of two people as often as the product of both [1]_.

    Parameters
    ----------
    first, second : ndarray of int, shape (N,)
        Number of the person of each face of a pair, from 0.

    References
    ----------
    .. [1] Bolle, Ratha & Pankanti (2004). Error analysis of pattern recognition systems:
       the subsets bootstrap. Computer Vision and Image Understanding 93, 1-33.
    """
    people = int(max(first.max(), second.max())) + 1
    same = np.flatnonzero(first == second)

    def draw(rng: np.random.Generator) -> npt.NDArray[np.generic]:
        drawn = np.bincount(rng.integers(0, people, people), minlength=people)
        weights = drawn[first] * drawn[second]
        weights[same] = drawn[first[same]]
        return weights

    return draw


def estimate_rates(
    curve: RocCurve, draw: Draw, counts: tuple[int, int], *, seed: int = 0
) -> dict[str, Estimate]:
    """Return AUC, EER and TAR at each of `FARS`, with 95 % percentile intervals.

    Parameters
    ----------
    draw : Draw
        One resample of the pairs.
    counts : tuple of int
        Pairs of one person, and all pairs: what TAR is a share of, and AUC and EER.

    Returns
    -------
    dict of str to Estimate
        By column: ``auc``, ``eer``, ``tar_at_far_1e-2``, …
    """
    rng = np.random.default_rng(seed)
    whole = _row(curve, None)
    resampled = [_row(curve, draw(rng)) for _ in range(RESAMPLES)]
    # A resample without any pair of one kind has no curve.
    rows = np.array([row for row in resampled if np.isfinite(row).all()] or [whole])
    low, high = np.quantile(rows, (0.025, 0.975), axis=0)
    of_one, of_all = counts
    return {
        name: Estimate(value, float(low[i]), float(high[i]), of_all if i < 2 else of_one)
        for i, (name, value) in enumerate(zip(rate_columns(), whole, strict=True))
    }


def rate_columns() -> tuple[str, ...]:
    """Return the names of the columns of `estimate_rates`."""
    return ("auc", "eer", *(far_column(far) for far in FARS))


def far_column(far: float) -> str:
    """Return the name of the column of TAR at a FAR, such as ``tar_at_far_1e-2``."""
    mantissa, exponent = f"{far:.0e}".split("e")
    return f"tar_at_far_{mantissa}e{int(exponent)}"


def _row(curve: RocCurve, weights: npt.NDArray[np.generic] | None) -> list[float]:
    far, tar = curve.points(weights)
    if not (np.isfinite(far).all() and np.isfinite(tar).all()):
        return [np.nan] * (2 + len(FARS))
    found = rates(far, tar)
    return [found.auc, found.eer, *found.tar_at_far]
