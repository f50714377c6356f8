"""How sure a figure is: bootstrap intervals over queries, and tests of paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, Strict

from artsim.evaluation.metrics import FARS, Integers, RocCurve, Weights, rates

Draw: TypeAlias = Callable[[np.random.Generator], Weights]
"""Maker of one resample of pairs."""

RESAMPLES: Final = 2000
_RESAMPLES_OF_RATES: Final = 500
ENDS: Final = (0.025, 0.975)
_DRAWS: Final = 50_000
"""Drawn at once: so few stay in a core's cache, which is twice as fast as many."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `count` queries, with the ends of its 95 % bootstrap interval."""

    value: Annotated[float, Strict()]
    low: Annotated[float, Strict()]
    high: Annotated[float, Strict()]
    count: Annotated[int, Strict(), Field(ge=0)]


def estimate_mean(values: npt.ArrayLike, *, seed: int = 0) -> Estimate:
    """Return the mean of N finite values, N at least 1; see `estimate_means`."""
    return estimate_means(np.asarray(values, dtype=np.float64)[..., None], seed=seed)[0]


def estimate_means(values: npt.ArrayLike, *, seed: int = 0) -> list[Estimate]:
    """Return the mean of each column of shape (N, M) and its percentile bootstrap interval.

    There is a row per query, N at least 1, all finite; the columns share their resamples, of
    which equal seeds give the same. As Efron & Tibshirani (1993), An introduction to the
    bootstrap, chapter 13.
    """
    wide = _finite(values, ndim=2)
    ends = np.quantile(_resampled_sums(wide, seed) / len(wide), ENDS, axis=0).T
    return [
        Estimate(float(value), float(low), float(high), len(wide))
        for value, (low, high) in zip(wide.mean(axis=0), ends, strict=True)
    ]


def _resampled_sums(wide: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    """Return the sums of N rows drawn with replacement, shape (RESAMPLES, M)."""
    count = len(wide)
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWS // count)
    sums = []
    for done in range(0, RESAMPLES, at_once):
        shape = (min(at_once, RESAMPLES - done), count)
        drawn = rng.integers(0, count, shape)
        drawn += np.arange(shape[0])[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=shape[0] * count).reshape(shape)
        # As floats, so that the product is BLAS's.
        sums.append(times.astype(np.float64) @ wide)
    return np.concatenate(sums)


def estimate_share(
    parts: npt.ArrayLike, wholes: npt.ArrayLike, *, seed: int = 0
) -> Estimate | None:
    """Return the share that N paintings' parts are of their wholes; None where these are none.

    People of one painting are found or missed together, so that the paintings are drawn,
    and not the people; `count` is the sum of `wholes`.
    """
    part, whole = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if part.shape != whole.shape or part.ndim != 1:
        raise ValueError(f"expected two arrays of shape (N,), got {part.shape} and {whole.shape}")
    total = float(whole.sum())
    if total == 0.0:
        return None
    sums = _resampled_sums(np.stack([part, whole], axis=1), seed)
    sums = sums[sums[:, 1] > 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], ENDS)
    return Estimate(float(part.sum() / total), float(low), float(high), int(total))


def draw_pairs(count: int) -> Draw:
    """Return the bootstrap that draws `count` pairs, one by one, with replacement."""
    return lambda rng: np.bincount(rng.integers(0, count, count), minlength=count)


def draw_people(first: Integers, second: Integers) -> Draw:
    """Return the bootstrap that draws people, and with them all pairs they are in.

    Pairs that share a person go right or wrong together, so that drawing them one by one
    would make intervals too narrow. A pair of one person counts as often as the person
    was drawn, a pair of two people as often as the product of both: Bolle, Ratha & Pankanti
    (2004), the subsets bootstrap (Computer Vision and Image Understanding 93, 1-33). The people
    of both faces of each pair are numbers from 0.
    """
    people = int(max(first.max(), second.max())) + 1

    def draw(rng: np.random.Generator) -> Weights:
        drawn = np.bincount(rng.integers(0, people, people), minlength=people)
        return np.where(first == second, drawn[first], drawn[first] * drawn[second])

    return draw


def estimate_rates(
    curve: RocCurve, draw: Draw, counts: tuple[int, int], *, seed: int = 0
) -> dict[str, Estimate]:
    """Return the `rates` of a curve, with 95 % percentile intervals.

    `counts` are the pairs of one person, and all pairs: what TAR is a share of, and AUC and EER.
    """
    rng = np.random.default_rng(seed)
    whole = rates(*curve.points())
    drawn = (rates(*curve.points(draw(rng))) for _ in range(_RESAMPLES_OF_RATES))
    rows = np.array([[*of_one.values()] for of_one in drawn])
    # A resample without any pair of one kind has no curve.
    kept = rows[np.isfinite(rows).all(axis=1)]
    if len(kept) == 0:
        kept = np.array([[*whole.values()]])
    low, high = np.quantile(kept, ENDS, axis=0).tolist()
    return {
        name: Estimate(value, low[i], high[i], counts[0 if name in FARS else 1])
        for i, (name, value) in enumerate(whole.items())
    }


def paired_p_value(differences: npt.ArrayLike) -> float:
    """Return the two-sided p-value of a paired t-test on N differences.

    It is never less than what flipping the signs of the differences that are not zero can
    reach: two queries prove nothing, however equal they are. For means over queries the
    t-test agrees with randomization and bootstrap tests (Smucker, Allan & Carterette, CIKM 2007).
    """
    wide = _finite(differences, ndim=1)
    changed = int(np.count_nonzero(wide))
    if changed < 2:
        return 1.0
    least = 2.0 ** (1 - min(changed, 1000))
    error = float(wide.std(ddof=1)) / np.sqrt(len(wide))
    if error == 0:
        return least
    from scipy.special import stdtr

    return max(least, 2 * float(stdtr(len(wide) - 1, -abs(float(wide.mean())) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in their order, after Holm (1979).

    Called differences wherever these are at most 0.05, all of them together are free of
    chance findings in 95 % of such comparisons.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.minimum(1.0, np.arange(len(values), 0, -1) * values[order])
    adjusted = np.empty(len(values))
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted.tolist()


def _finite(values: npt.ArrayLike, ndim: int) -> npt.NDArray[np.float64]:
    wide = np.asarray(values, dtype=np.float64)
    if wide.ndim != ndim or len(wide) == 0 or not np.isfinite(wide).all():
        shape = "(N,)" if ndim == 1 else "(N, M)"
        raise ValueError(f"expected finite values of shape {shape}, N at least 1, got {wide.shape}")
    return wide
