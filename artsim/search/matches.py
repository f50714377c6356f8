"""The re-ranker that goes by local points: what the query shows, or is part of, comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from artsim.catalog.hits import Evidence
from artsim.catalog.kinds import POINTS
from artsim.search.reranker import Reranker

if TYPE_CHECKING:
    from artsim.catalog.arrays import Vector
    from artsim.search.reranker import Scores


class Matches(Reranker):
    """The number of points that one view of a work explains, if they are too many for chance.

    Else 0, so that works of which that is not known stay in the order that they had.
    """

    __slots__ = ()

    lacking: ClassVar[tuple[float, Evidence | None]] = (
        0.0,
        Evidence("not checked", why="the gallery has no points of it"),
    )

    def scores(self, picture: Mapping[str, Vector], rows: Mapping[str, Vector]) -> Scores:
        """Return these numbers."""
        return self.judge(picture, rows)[0]

    def judge(
        self, picture: Mapping[str, Vector], rows: Mapping[str, Vector]
    ) -> tuple[Scores, list[Evidence | None]]:
        """Return them, and what the points say beside."""
        import numpy as np

        from artsim.images.local_points import evidence_of, match_all

        matches = match_all(picture[POINTS], list(rows[POINTS]))
        evidence: list[Evidence | None] = [evidence_of(match) for match in matches]
        scores = [float(one.inliers) if one and one.is_found else 0.0 for one in evidence]
        return np.array(scores), evidence
