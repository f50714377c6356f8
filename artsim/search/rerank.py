"""Second scores: rankings fused into one, and first hits reordered by what else is known of them.

A re-ranker is one entry of `RERANKERS`; command line, evaluation and `SearchOptions` read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from artsim.catalog.hits import Hit, rank_order
from artsim.catalog.kinds import PIXELS as PIXELS
from artsim.catalog.kinds import POINTS
from artsim.search.matches import Matches
from artsim.search.reranker import Reranker as Reranker

if TYPE_CHECKING:
    # Not at run time: the command line reads the registry before anything is searched for.
    import numpy as np
    import numpy.typing as npt

    from artsim.catalog.arrays import Pixels
    from artsim.catalog.hits import Evidence
    from artsim.search.reranker import Scores
    from artsim.store.protocol import Rescore

RRF_K: Final = 60
"""Constant of reciprocal rank fusion, as in its paper."""

FUSION_DEPTH: Final = 100
"""Least depth of the rankings that are fused; deeper where more hits are asked for."""


class _SSIM(Reranker):
    """Mean structural similarity of the small gray pictures, in -1..1."""

    __slots__ = ()

    def scores(self, picture: Mapping[str, Pixels], rows: Mapping[str, Pixels]) -> Scores:
        from artsim.images.pixels import ssim

        return ssim(picture[PIXELS], rows[PIXELS])


class _EitherWay(Reranker):
    """SSIM of the small gray pictures, as they are or mirrored, whichever is higher."""

    __slots__ = ()

    def scores(self, picture: Mapping[str, Pixels], rows: Mapping[str, Pixels]) -> Scores:
        import numpy as np

        from artsim.images.pixels import mirrored, ssim

        query = picture[PIXELS]
        return np.maximum(ssim(query, rows[PIXELS]), ssim(mirrored(query), rows[PIXELS]))


class _RMSE(Reranker):
    """Minus the root mean squared error of the small gray pictures' pixels in 0..1: in -1..0."""

    __slots__ = ()

    def scores(self, picture: Mapping[str, Pixels], rows: Mapping[str, Pixels]) -> Scores:
        import numpy as np

        difference = rows[PIXELS].astype(np.int32) - picture[PIXELS].astype(np.int32)
        squares = np.einsum("nd,nd->n", difference, difference, dtype=np.int64, casting="safe")
        # In float32, as the engine computes distances.
        distances: npt.NDArray[np.float32] = np.sqrt(squares.astype(np.float32))
        return -distances.astype(np.float64) / _range(picture)

    def in_engine(self, picture: Mapping[str, Pixels], depth: int) -> Rescore:
        from artsim.store.protocol import Rescore

        return Rescore(picture[PIXELS], PIXELS, depth)

    def from_engine(self, score: float, picture: Mapping[str, Pixels]) -> float:
        return score / _range(picture)


def _range(picture: Mapping[str, Pixels]) -> float:
    return math.sqrt(len(picture[PIXELS])) * 255.0


RERANKERS: Final[dict[str, Reranker]] = {
    one.name: one
    for one in (
        _SSIM("ssim"),
        _RMSE("rmse"),
        _EitherWay("ssim-either-way"),
        Matches("matches", (POINTS,)),
    )
}
"""Every re-ranker by name; one that is put here can be asked for, and is evaluated."""


def rerankers_of(*vectors: str) -> tuple[str, ...]:
    """Return the names of the re-rankers that need no other vectors than these."""
    return tuple(name for name, one in RERANKERS.items() if set(one.needs) <= {*vectors})


def fuse_rankings(rankings: Sequence[Sequence[Hit]], k: int = RRF_K) -> list[Hit]:
    """Fuse rankings by reciprocal rank [1]_: scores are sums of ``1 / (k + rank)``.

    Every hit comes once, best first, with its vectors of all the rankings it is in.

    References
    ----------
    .. [1] Cormack, Clarke & Buettcher (2009). Reciprocal rank fusion outperforms
       Condorcet and individual rank learning methods. SIGIR.
    """
    fused: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            share = 1.0 / (k + rank)
            before = fused.get(hit.point_id)
            if before is not None:
                hit = replace(hit, vectors={**before.vectors, **hit.vectors})
                share += before.score
            fused[hit.point_id] = replace(hit, score=share)
    return sorted(fused.values(), key=rank_order)


def rerank(
    hits: Sequence[Hit],
    judged: Sequence[Sequence[tuple[float, Evidence | None]]],
    *,
    weight: float | None = None,
) -> list[Hit]:
    """Reorder hits by second scores and evidence, of which each has one for each query picture.

    Their mean is the ``rerank_score``, or with a `weight` the first score plus so much of it. Of
    several pieces of evidence the one with most inliers is kept.
    """
    reranked = []
    for hit, *found in zip(hits, *judged, strict=True):
        scores = [score for score, _ in found]
        second = sum(scores) / len(scores)
        score = second if weight is None else hit.score + weight * second
        evidence = max((e for _, e in found if e), key=lambda e: e.inliers, default=hit.evidence)
        reranked.append(replace(hit, rerank_score=score, evidence=evidence))
    return sorted(reranked, key=rank_order)
