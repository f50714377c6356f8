"""One ranking from the scores of several encoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from artsim.search.answer import FUSION_DEPTH
from artsim.search.rerank import RRF_K
from benchmarks.quality_judge import Scores

Fuse = Callable[[Sequence[Scores]], Scores]
"""From the scores of each encoder, each (Q, N), to those of all; -inf stays -inf."""


def mean_of_cosines(scores: Sequence[Scores]) -> Scores:
    """Return the mean: the cosine of the vectors joined end to end."""
    return np.asarray(np.mean(scores, axis=0, dtype=np.float32))


def mean_of_standardized(scores: Sequence[Scores]) -> Scores:
    """Return the mean of scores that each encoder's own mean and spread are taken out of.

    Both are of the query's scores for all works, so that encoders whose cosines lie close
    together count as much as others.
    """
    each = [_standardized(one) for one in scores]
    return np.asarray(np.mean(each, axis=0, dtype=np.float32))


def reciprocal_rank(scores: Sequence[Scores], depth: int | None = FUSION_DEPTH) -> Scores:
    """Return the sum of reciprocal ranks, as `artsim.search.rerank` adds them up.

    Parameters
    ----------
    depth : int or None
        How long each ranking is; None is all works.
    """
    total = np.zeros(scores[0].shape, dtype=np.float64)
    for one in scores:
        order = np.argsort(-one, axis=1, kind="stable")[:, :depth]
        share = 1.0 / (RRF_K + np.arange(1, order.shape[1] + 1))
        before = np.take_along_axis(total, order, axis=1)
        np.put_along_axis(total, order, before + share, axis=1)
    total[np.isneginf(scores[0])] = -np.inf
    return total.astype(np.float32)


FUSIONS: Final[dict[str, Fuse]] = {
    "reciprocal rank": reciprocal_rank,
    "reciprocal rank, all works": lambda scores: reciprocal_rank(scores, None),
    "mean of cosines": mean_of_cosines,
    "mean of standardized cosines": mean_of_standardized,
}


def _standardized(scores: Scores) -> Scores:
    finite = np.isfinite(scores)
    mean = scores.mean(axis=1, where=finite, keepdims=True)
    spread = scores.std(axis=1, where=finite, keepdims=True)
    return np.asarray((scores - mean) / spread)
