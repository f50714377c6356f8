"""Second scores: rankings fused into one, and first hits reordered by what else is known of them.

A re-ranker is one entry of `RERANKERS`; command line, evaluation and `SearchOptions` read it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from artsim.catalog.encoder_info import PIXELS as PIXELS
from artsim.catalog.hits import Hit, rank_order

if TYPE_CHECKING:
    # Not at run time: the command line reads the registry before anything is searched for.
    import numpy as np
    import numpy.typing as npt

    from artsim.catalog.arrays import Pixels, Vector
    from artsim.store.protocol import Rescore

    Scores: TypeAlias = npt.NDArray[np.float64]

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

    @abstractmethod
    def scores(self, picture: Mapping[str, Vector], rows: Mapping[str, Vector]) -> Scores:
        """Return how near each of N works is to a query picture: higher is nearer.

        Parameters
        ----------
        picture : mapping of str to ndarray, shape (D,)
            The query picture's vectors, by the names in `needs`.
        rows : mapping of str to ndarray, shape (N, D)
            The works', by the same names.
        """

    def scores_of(
        self, picture: Mapping[str, Vector], works: Sequence[Mapping[str, Vector]]
    ) -> list[float]:
        """Return the scores of works by their vectors; minus infinity of one that lacks them."""
        import numpy as np

        found = np.full(len(works), -np.inf)
        having = [i for i, work in enumerate(works) if all(name in work for name in self.needs)]
        if having:
            rows = {name: np.stack([works[i][name] for i in having]) for name in self.needs}
            found[having] = self.scores(picture, rows)
        return found.tolist()

    def in_engine(self, picture: Mapping[str, Vector], depth: int) -> Rescore | None:
        """Return the stage by which the engine scores `depth` hits itself; None: it cannot."""
        return None

    def from_engine(self, score: float, picture: Mapping[str, Vector]) -> float:
        """Return the score for what the engine's second stage says of a hit."""
        return score


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
    one.name: one for one in (_SSIM("ssim"), _RMSE("rmse"), _EitherWay("ssim-either-way"))
}
"""Every re-ranker by name; one that is put here can be asked for, and is evaluated."""


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
    hits: Sequence[Hit], scores: Sequence[Sequence[float]], *, weight: float | None = None
) -> list[Hit]:
    """Reorder hits by second scores, of which each has one for each query picture.

    Their mean is the ``rerank_score``, or with a `weight` the first score plus so much of it.
    """
    import numpy as np

    if not hits:
        return []
    reranked = []
    for hit, second in zip(hits, np.mean(scores, axis=0).tolist(), strict=True):
        score = second if weight is None else hit.score + weight * second
        reranked.append(replace(hit, rerank_score=score))
    return sorted(reranked, key=rank_order)
