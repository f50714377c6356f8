"""One ranking from several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from artsim.catalog.hits import Hit

RRF_K = 60
"""Constant of reciprocal rank fusion, as in its paper."""


def rank_order(hit: Hit) -> tuple[float, str, str]:
    """Sort key of every ranking: best first, ties by painting id, then by point id."""
    return (-hit.score, hit.painting_id, hit.point_id)


def fuse_rankings(rankings: Sequence[Sequence[Hit]], k: int = RRF_K) -> list[Hit]:
    """Fuse rankings by reciprocal rank [1]_.

    Parameters
    ----------
    rankings : sequence of sequences of Hit
        Each best first. A hit's vectors are united over the rankings it is in.

    Returns
    -------
    list of Hit
        Every hit once, best first; ``score`` is the sum of ``1 / (k + rank)``.

    References
    ----------
    .. [1] Cormack, Clarke & Buettcher (2009). Reciprocal rank fusion outperforms
       Condorcet and individual rank learning methods. SIGIR.
    """
    fused: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            before = fused.get(hit.point_id)
            share = 1.0 / (k + rank)
            fused[hit.point_id] = (
                replace(hit, score=share)
                if before is None
                else replace(
                    before, score=before.score + share, vectors={**before.vectors, **hit.vectors}
                )
            )
    return sorted(fused.values(), key=rank_order)
