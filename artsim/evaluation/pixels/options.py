"""How the pixel task is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artsim.search.rerank import Method

if TYPE_CHECKING:
    from artsim.encoders.lpips import Backbone


@dataclass(frozen=True, slots=True)
class PixelsOptions:
    """What is compared, and how it is searched for.

    Attributes
    ----------
    fraction : float
        Share of the paintings that are queries, above 0, at most 1.
    queries : int or None
        How many of them instead.
    seed : int
        Of the sample, the random hits, and the intervals.
    k : int
        How many hits of each query are compared with it.
    size : int
        Side of the squares that pictures are brought to, at least 7.
    encoders, face_encoders : sequence of str, optional
        Of those the gallery has; all by default.
    rerank : tuple of {"ssim", "rmse"}
        Each is searched with beside the search without.
    rerank_depth : int
        How many first hits are reordered.
    faces : bool or None
        Whether faces are compared too; None: where the gallery has them.
    not_same_artist : bool
        Leave out hits by the query's artist; queries are then of known artists only.
    exact : bool
        Compare with every painting instead of the index's candidates.
    best_limit : int
        Most paintings, or faces, among which the best possible hits are looked for.
    published : bool
        Whether the figures of others stand beside.
    lpips : {"alex", "vgg", "squeeze"} or None
        Backbone of LPIPS; None leaves it out.
    """

    fraction: float = 0.2
    queries: int | None = None
    seed: int = 0
    k: int = 5
    size: int = 200
    encoders: Sequence[str] | None = None
    face_encoders: Sequence[str] | None = None
    rerank: tuple[Method, ...] = ("ssim", "rmse")
    rerank_depth: int = 100
    faces: bool | None = None
    not_same_artist: bool = False
    exact: bool = False
    best_limit: int = 500
    published: bool = True
    lpips: Backbone | None = "alex"

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be above 0 and at most 1, not {self.fraction}")
        least = (("k", 1), ("size", 7), ("best_limit", 0), ("rerank_depth", 1), ("seed", 0))
        for name, value in (*least, ("queries", 1)):
            given = getattr(self, name)
            if given is not None and given < value:
                raise ValueError(f"{name} must be at least {value}, not {given}")

    def count(self, paintings: int) -> int:
        """Return how many of so many paintings are queries."""
        wanted = round(self.fraction * paintings) if self.queries is None else self.queries
        return min(max(1, wanted), paintings)
