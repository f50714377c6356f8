"""Second scores: rankings fused into one, and first hits reordered by what else is known of them.

A re-ranker is a class and an entry of `RERANKERS`, which the command line, `SearchOptions` and the
evaluation read.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from artsim.catalog.hits import Evidence, Hit, rank_order
from artsim.catalog.kinds import PIXELS as PIXELS
from artsim.catalog.kinds import POINTS

if TYPE_CHECKING:
    # Not at run time: the command line reads the registry before anything is searched for.
    import numpy as np
    import numpy.typing as npt

    from artsim.catalog.arrays import Vector
    from artsim.store.protocol import Rescore

    Scores: TypeAlias = npt.NDArray[np.float64]
    Vectors: TypeAlias = Mapping[str, Vector]

RRF_K: Final = 60
"""Constant of reciprocal rank fusion, as in its paper."""

FUSION_DEPTH: Final = 100
"""Least depth of the rankings that are fused; deeper where more hits are asked for."""


@dataclass(frozen=True, slots=True)
class Reranker(ABC):
    """A second score by which the first hits of a ranking are reordered.

    `needs` are the named vectors that must come back with the hits, and that a query must have.
    """

    name: str
    needs: tuple[str, ...] = (PIXELS,)

    lacking: ClassVar[tuple[float, Evidence | None]] = (-math.inf, None)
    """What is said of a work without the vectors."""

    @abstractmethod
    def scores(self, picture: Vectors, rows: Vectors) -> Scores:
        """Return how near each of N works is to a query picture: higher is nearer.

        Both have the vectors that are needed, by name: the picture's of shape (D,), of local points
        all rows; the works' of shape (N, D), of local points an array of N matrices.
        """

    def judge(self, picture: Vectors, rows: Vectors) -> tuple[Scores, Sequence[Evidence | None]]:
        """Return the scores, and for each what shows it, where a re-ranker has such."""
        scores = self.scores(picture, rows)
        return scores, [None] * len(scores)

    def judge_works(
        self, picture: Vectors, works: Sequence[Vectors]
    ) -> list[tuple[float, Evidence | None]]:
        """Return the score and evidence of each work by its vectors, of which it may lack some."""
        found = [self.lacking] * len(works)
        having = [i for i, work in enumerate(works) if all(name in work for name in self.needs)]
        if having:
            rows = {name: stacked([works[i][name] for i in having]) for name in self.needs}
            scores, evidence = self.judge(picture, rows)
            for i, judged in zip(having, zip(scores.tolist(), evidence, strict=True), strict=True):
                found[i] = judged
        return found

    def in_engine(self, picture: Vectors, depth: int) -> Rescore | None:
        """Return the stage by which the engine scores `depth` hits itself; None: it cannot."""
        return None

    def from_engine(self, score: float, picture: Vectors) -> float:
        """Return the score for what the engine's second stage says of a hit."""
        return score


def stacked(vectors: Sequence[Vector]) -> Vector:
    """Return N vectors as rows; of matrices, which differ in length, an array of N objects."""
    import numpy as np

    if vectors[0].ndim == 1:
        return np.stack(vectors)
    rows = np.empty(len(vectors), object)
    rows[:] = list(vectors)
    return rows


class _SSIM(Reranker):
    """Mean structural similarity of the small gray pictures, in -1..1."""

    __slots__ = ()

    def scores(self, picture: Vectors, rows: Vectors) -> Scores:
        from artsim.images.pixels import ssim

        return ssim(picture[PIXELS], rows[PIXELS])


class _EitherWay(Reranker):
    """SSIM of the small gray pictures, as they are or mirrored, whichever is higher."""

    __slots__ = ()

    def scores(self, picture: Vectors, rows: Vectors) -> Scores:
        import numpy as np

        from artsim.images.pixels import mirrored, ssim

        query = picture[PIXELS]
        return np.maximum(ssim(query, rows[PIXELS]), ssim(mirrored(query), rows[PIXELS]))


class _RMSE(Reranker):
    """Minus the root mean squared error of the small gray pictures' pixels in 0..1: in -1..0."""

    __slots__ = ()

    def scores(self, picture: Vectors, rows: Vectors) -> Scores:
        import numpy as np

        difference = rows[PIXELS].astype(np.int32) - picture[PIXELS].astype(np.int32)
        squares = np.einsum("nd,nd->n", difference, difference, dtype=np.int64, casting="safe")
        # In float32, as the engine computes distances.
        distances: npt.NDArray[np.float32] = np.sqrt(squares.astype(np.float32))
        return -distances.astype(np.float64) / _range(picture)

    def in_engine(self, picture: Vectors, depth: int) -> Rescore:
        from artsim.store.protocol import Rescore

        return Rescore(picture[PIXELS], PIXELS, depth)

    def from_engine(self, score: float, picture: Vectors) -> float:
        return score / _range(picture)


def _range(picture: Vectors) -> float:
    return math.sqrt(len(picture[PIXELS])) * 255.0


class _Matches(Reranker):
    """The number of local points that one view of a work explains, if too many for chance.

    Else 0, so that works of which that is not known stay in the order that they had.
    """

    __slots__ = ()

    lacking = 0.0, Evidence("not checked", why="the gallery has no points of it")

    def scores(self, picture: Vectors, rows: Vectors) -> Scores:
        return self.judge(picture, rows)[0]

    def judge(self, picture: Vectors, rows: Vectors) -> tuple[Scores, Sequence[Evidence | None]]:
        import numpy as np

        from artsim.images.local_points import evidence_of, match_all

        evidence = [evidence_of(match) for match in match_all(picture[POINTS], list(rows[POINTS]))]
        return np.array([float(one.inliers) if one.is_found else 0.0 for one in evidence]), evidence


RERANKERS: Final[dict[str, Reranker]] = {
    one.name: one
    for one in (
        _SSIM("ssim"),
        _RMSE("rmse"),
        _EitherWay("ssim-either-way"),
        _Matches("matches", (POINTS,)),
    )
}
"""Every re-ranker by name; one that is put here can be asked for, and is evaluated."""


def rerankers_of(*vectors: str) -> tuple[str, ...]:
    """Return the names of the re-rankers that need no other vectors than these."""
    return tuple(name for name, one in RERANKERS.items() if set(one.needs) <= {*vectors})


def fuse_rankings(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Fuse rankings by reciprocal rank [1]_: scores are sums of ``1 / (RRF_K + rank)``.

    Every hit comes once, best first, with its vectors of all the rankings it is in.

    References
    ----------
    .. [1] Cormack, Clarke & Buettcher (2009). Reciprocal rank fusion outperforms
       Condorcet and individual rank learning methods. SIGIR.
    """
    fused: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            share = 1.0 / (RRF_K + rank)
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
