"""How a search is to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from artsim.errors import OptionError
from artsim.search.rerank import METHODS, Method

MAX_WEIGHT: Final = 100.0
"""Most that a second score counts for beside the cosine; more is no other order than its own."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Settings of one search.

    Attributes
    ----------
    limit, offset : int
        How many hits (with `group_by`: groups), after skipping how many.
    min_score : float or None
        Least cosine of a hit, in -1..1.
    rerank : {"ssim", "rmse"} or None
        Second score to reorder by.
    rerank_depth : int
        How many of the first hits are reordered; those behind them stay where they are.
    rerank_weight : float or None
        Reorder by the cosine plus so much of the second score; None is the second score
        alone.
    group_by : str or None
        Payload field of which each value brings at most `group_size` hits; works
        without the field are left out, of a list the first value counts.
    group_size : int
        Most hits of a group.
    include_self : bool
        Whether the query picture itself may be a hit.
    not_same_artist : bool
        Leave out works by the query painting's artist, which the gallery must know.
    exact : bool
        Compare with every point instead of the index's candidates.
    """

    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    rerank: Method | None = None
    rerank_depth: int = 100
    rerank_weight: float | None = None
    group_by: str | None = None
    group_size: int = 1
    include_self: bool = False
    not_same_artist: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, least in (("limit", 1), ("offset", 0), ("rerank_depth", 1), ("group_size", 1)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise OptionError(f"min_score must be in -1..1, not {self.min_score}")
        if self.rerank is not None and self.rerank not in METHODS:
            raise OptionError(f"rerank must be {' or '.join(METHODS)}, not {self.rerank!r}")
        if self.rerank_weight is not None and self.rerank is None:
            raise OptionError("rerank_weight is given, but no rerank, of which it is the weight")
        check_weights([] if self.rerank_weight is None else [self.rerank_weight])


def check_weights(weights: Sequence[float]) -> None:
    """Refuse weights of a second score that are not in 0..`MAX_WEIGHT`."""
    for weight in weights:
        if not 0 <= weight <= MAX_WEIGHT:
            raise OptionError(f"rerank_weight must be in 0..{MAX_WEIGHT:g}, not {weight}")
