"""Which copies the task ``copies`` makes, and how it searches for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from artsim.images.edits import EDITS
from artsim.search.question import check_weights

DEFAULT_QUERIES: Final = 200
"""Paintings whose copies are made where nothing else is said."""

TWINS: Final = "extra.near_dup_group"
"""Field that scans of one painting share where nothing else is said."""


@dataclass(frozen=True, slots=True)
class CopiesOptions:
    """Which copies are made, and how they are searched for.

    Attributes
    ----------
    queries : int or None
        How many paintings are copied; None: `DEFAULT_QUERIES`, or `fraction`.
    fraction : float or None
        Share of the paintings that are copied instead, above 0, at most 1.
    edits : tuple of str
        Names of `artsim.images.edits.EDITS`; every one is made of every painting.
    encoders : tuple of str
        Each is a row; empty is all that the gallery has.
    fused : bool
        Also all of these encoders fused, as a row.
    rerank : tuple of str
        Also with the first hits reordered by ``ssim`` or ``rmse``, each a row.
    rerank_depth : int
        How many first hits are reordered.
    rerank_weights : tuple of float
        Also reordered by the cosine plus so much of the second score, each a row.
    exact : bool
        Compare with every painting instead of the index's candidates.
    twins : str or None
        Field that scans of one painting share; each scan is then a query for the others.
    seed : int
        Of the sample, the edits and the intervals.
    """

    queries: int | None = None
    fraction: float | None = None
    edits: tuple[str, ...] = tuple(EDITS)
    encoders: tuple[str, ...] = ()
    fused: bool = False
    rerank: tuple[str, ...] = ()
    rerank_depth: int = 100
    rerank_weights: tuple[float, ...] = ()
    exact: bool = False
    twins: str | None = TWINS
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.queries is not None and self.fraction is not None:
            raise ValueError("give a number of queries or a fraction, not both")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be above 0 and at most 1, not {self.fraction}")
        unknown = [name for name in self.edits if name not in EDITS]
        if unknown or not self.edits:
            raise ValueError(f"edits must be some of {', '.join(EDITS)}; not {self.edits}")
        for name, least in (("queries", 1), ("rerank_depth", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        check_weights(self.rerank_weights)

    def count(self, paintings: int) -> int:
        """Return how many of so many paintings are copied."""
        if self.fraction is not None:
            return max(1, round(self.fraction * paintings))
        return min(self.queries or DEFAULT_QUERIES, paintings)
