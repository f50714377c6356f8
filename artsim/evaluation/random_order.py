"""What a ranking in random order scores on average: the floor of every table.

Closed forms, exact: of the n works that are ranked, R are right, and every order of them is
as likely as any other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from artsim.evaluation.metrics import (
    NDCG_DEPTH,
    Floats,
    Integers,
    RelevantRanks,
    ideal_gain,
    interpolated_precision,
)


def random_metrics(ranked: Integers, to_find: Integers, ks: Sequence[int]) -> Floats:
    """Return the expected metrics of Q random rankings, shape (Q, M), as `all_metrics` does.

    Parameters
    ----------
    ranked, to_find : ndarray of int, shape (Q,)
        How many works each ranking has, and how many of these are right, at least 1.
    ks : sequence of int
        Depths.
    """
    n, right = ranked.astype(np.float64), to_find.astype(np.float64)
    harmonic = _harmonic(int(ranked.max(initial=0)))
    columns = [right / n * np.minimum(k, n) / k for k in ks]
    columns += [_any_among(n, right, k) for k in ks]
    columns.append(_average_precision(n, right, harmonic[ranked]))
    for depth in (ranked, np.minimum(ranked, NDCG_DEPTH)):
        best = to_find if depth is ranked else np.minimum(to_find, NDCG_DEPTH)
        columns.append(right / n * ideal_gain(depth) / ideal_gain(best))
    columns.append(right / (n - right + 1) * (harmonic[ranked] - harmonic[to_find - 1]))
    return np.stack(columns, axis=1)


def _harmonic(most: int) -> Floats:
    """Return the harmonic numbers H_0..H_most."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1.0, most + 1))])


def _any_among(n: Floats, right: Floats, k: int) -> Floats:
    """Return the chance that one of the first k is right: the hypergeometric's."""
    missed = np.ones_like(n)
    for drawn in range(k):
        left = n - drawn
        missed *= np.where(left > 0, np.maximum(left - right, 0.0) / np.maximum(left, 1.0), 1.0)
    return 1.0 - missed


def _average_precision(n: Floats, right: Floats, harmonic: Floats) -> Floats:
    """Return the expected average precision [1]_.

    References
    ----------
    .. [1] Bestgen (2015). Exact expected average precision of the random baseline for
       system evaluation. Prague Bulletin of Mathematical Linguistics 103, 131-138.
    """
    pairs = (right - 1) / np.maximum(n - 1, 1)
    return (harmonic + pairs * (n - harmonic)) / n


def random_curve(
    ranked: Integers, to_find: Integers, levels: Sequence[float], *, seed: int
) -> Floats:
    """Return the interpolated precision of one shuffled ranking for each query, shape (Q, L)."""
    rng = np.random.default_rng(seed)
    ranks = [
        np.sort(rng.choice(n, size=right, replace=False)) + 1
        for n, right in zip(ranked.tolist(), to_find.tolist(), strict=True)
    ]
    query = np.repeat(np.arange(len(to_find)), to_find)
    shuffled = RelevantRanks(query, np.concatenate(ranks).astype(np.intp), to_find)
    return interpolated_precision(shuffled, levels)
