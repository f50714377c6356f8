"""The seam of second scores: what a re-ranker needs of pictures, and what it says of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from artsim.catalog.kinds import PIXELS

if TYPE_CHECKING:
    # Not at run time: the command line reads the registry before anything is searched for.
    import numpy as np
    import numpy.typing as npt

    from artsim.catalog.arrays import Vector
    from artsim.catalog.hits import Evidence
    from artsim.store.protocol import Rescore

    Scores: TypeAlias = npt.NDArray[np.float64]


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
    def scores(self, picture: Mapping[str, Vector], rows: Mapping[str, Vector]) -> Scores:
        """Return how near each of N works is to a query picture: higher is nearer.

        Parameters
        ----------
        picture : mapping of str to ndarray, shape (D,)
            The query picture's vectors, by the names in `needs`; of local points all rows.
        rows : mapping of str to ndarray, shape (N, D)
            The works', by the same names; of local points an array of N matrices.
        """

    def judge(
        self, picture: Mapping[str, Vector], rows: Mapping[str, Vector]
    ) -> tuple[Scores, Sequence[Evidence | None]]:
        """Return the scores, and for each what shows it, where a re-ranker has such."""
        scores = self.scores(picture, rows)
        return scores, [None] * len(scores)

    def judge_works(
        self, picture: Mapping[str, Vector], works: Sequence[Mapping[str, Vector]]
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

    def in_engine(self, picture: Mapping[str, Vector], depth: int) -> Rescore | None:
        """Return the stage by which the engine scores `depth` hits itself; None: it cannot."""
        return None

    def from_engine(self, score: float, picture: Mapping[str, Vector]) -> float:
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
