"""How sure a mean over queries is: percentile bootstrap intervals, alone and paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 2000
_DRAWS: Final = 50_000
"""Drawn at once: so few stay in a core's cache, which is twice as fast as many."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries, with its 95 % bootstrap interval.

    Attributes
    ----------
    value, low, high : float
        In the unit of what was averaged.
    count : int
        How many queries the mean is over.
    """

    value: float
    low: float
    high: float
    count: int


def estimate_mean(values: npt.ArrayLike, *, seed: int = 0) -> Estimate:
    """Return the mean of N values and its percentile bootstrap interval.

    Parameters
    ----------
    values : array of shape (N,)
        One per query; N at least 1, all finite.
    seed : int
        Of the resampling: equal arguments give equal intervals.

    Raises
    ------
    ValueError
        If there are no values, or not in one dimension, or one is not finite.

    References
    ----------
    .. [1] Efron & Tibshirani (1993). An introduction to the bootstrap, chapter 13.
    """
    wide = np.asarray(values, dtype=np.float64)
    if wide.ndim != 1 or wide.size == 0 or not np.isfinite(wide).all():
        raise ValueError(f"expected finite values of shape (N,), N at least 1, got {wide.shape}")
    count = len(wide)
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWS // count)
    means = [
        wide[rng.integers(0, count, (min(at_once, RESAMPLES - done), count))].mean(axis=1)
        for done in range(0, RESAMPLES, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Estimate(float(wide.mean()), float(low), float(high), count)


def estimate_difference(first: npt.ArrayLike, second: npt.ArrayLike, *, seed: int = 0) -> Estimate:
    """Return the mean of `second` minus `first` and its paired bootstrap interval.

    Queries are resampled, each with both of its values: what makes a query hard for both
    is not taken for a difference.

    Parameters
    ----------
    first, second : array of shape (N,)
        Of the same queries in the same order; N at least 1, all finite.
    seed : int
        Of the resampling: equal arguments give equal intervals.

    Raises
    ------
    ValueError
        If the shapes differ, or a difference could not be estimated by `estimate_mean`.
    """
    before, after = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if before.shape != after.shape:
        raise ValueError(f"expected values of the same queries, got {before.shape}, {after.shape}")
    # The mean of resampled differences is the difference of the means of resampled pairs.
    return estimate_mean(after - before, seed=seed)


def estimate_means(values: npt.ArrayLike, *, seed: int = 0) -> list[Estimate]:
    """Return, for each column of shape (N, M), what `estimate_mean` returns of it.

    All columns share one set of resamples, which takes M times less drawing; the intervals
    are those of `estimate_mean`, to within rounding.

    Raises
    ------
    ValueError
        If there are no rows, or not two dimensions, or a value is not finite.
    """
    wide = np.asarray(values, dtype=np.float64)
    if wide.ndim != 2 or len(wide) == 0 or not np.isfinite(wide).all():
        raise ValueError(f"expected finite values of shape (N, M), N at least 1, got {wide.shape}")
    count = len(wide)
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWS // count)
    means = []
    for done in range(0, RESAMPLES, at_once):
        shape = (min(at_once, RESAMPLES - done), count)
        drawn = rng.integers(0, count, shape)
        drawn += np.arange(shape[0])[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=shape[0] * count).reshape(shape)
        # As floats, so that the product is BLAS's.
        means.append(times.astype(np.float64) @ wide / count)
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975), axis=0)
    return [
        Estimate(float(value), float(least), float(most), count)
        for value, least, most in zip(wide.mean(axis=0), low, high, strict=True)
    ]
