"""Are copies found: works edited as copies differ, searched for in the gallery."""

from __future__ import annotations

from typing import Final

import numpy as np

from artsim.evaluation.edits import EDITS
from artsim.evaluation.metrics import RelevantRanks, recall_at
from benchmarks.quality_data import Array, Indices
from benchmarks.quality_judge import Scores, Values

COPY_MEASURES: Final = ("copies R@1", "copies R@10")
DEPTHS: Final = (1, 10)


def score_copies(copies: Array, gallery: Array) -> Scores:
    """Return the cosines of every edit of M works, (M, E, D), to N: shape (M, E, N)."""
    rows = copies.reshape(-1, copies.shape[-1]) @ gallery.T
    return rows.reshape(*copies.shape[:2], len(gallery))


def judge_copies(scores: Scores, works: Indices) -> Values:
    """Return whether each copy found its work, first and among the first ten.

    Parameters
    ----------
    scores : ndarray, shape (M, E, N)
        Of every edit of M works for the gallery's N.
    works : ndarray of int, shape (M,)
        The gallery's number of each.

    Returns
    -------
    dict of str to ndarray, shape (M,)
        By edit and depth, ``crop R@1``; ``copies R@1`` is the share of a work's copies,
        so that an interval is over works and not over their copies.
    """
    count, edits, _ = scores.shape
    own = np.take_along_axis(scores, works[:, None, None], axis=2)
    ahead = scores > own
    # Equal scores are in order of the works' numbers, as everywhere.
    ahead |= (scores == own) & (np.arange(scores.shape[2]) < works[:, None, None])
    rank = 1 + ahead.sum(axis=2, dtype=np.intp).ravel()
    queries = np.arange(count * edits)
    ranks = RelevantRanks(queries, rank, np.ones_like(queries))
    values: Values = {}
    for depth in DEPTHS:
        found = recall_at(ranks, depth).reshape(count, edits)
        for number, name in enumerate(EDITS):
            values[f"{name} R@{depth}"] = found[:, number]
        values[f"copies R@{depth}"] = found.mean(axis=1)
    return values
