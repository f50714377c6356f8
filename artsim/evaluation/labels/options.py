"""What the task ``labels`` can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from artsim.search.filters import Filters
from artsim.search.question import check_weights


@dataclass(frozen=True, slots=True)
class LabelsOptions:
    """What is evaluated, and how.

    Attributes
    ----------
    by : tuple of str
        Fields that say what is alike, each a table of its own: works that share a value.
    exclude : tuple of str
        Works that share a value of one of these fields with the query are left out of its
        ranking, and are nothing to find.
    ks : tuple of int
        Depths of precision and recall.
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
    filters : Filters
        Only these works, as queries and as answers.
    exact : bool
        Promise nothing of searches by the index, and do not compare with them.
    limit_queries : int or None
        Only so many of the queries, drawn by `seed`.
    checked : int
        How many of the queries are sent through `find_similar` as a check.
    seed : int
        Of samples and intervals.
    """

    by: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    ks: tuple[int, ...] = (1, 5, 10)
    encoders: tuple[str, ...] = ()
    fused: bool = False
    rerank: tuple[str, ...] = ()
    rerank_depth: int = 100
    rerank_weights: tuple[float, ...] = ()
    filters: Filters = field(default_factory=Filters)
    exact: bool = False
    limit_queries: int | None = None
    checked: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not self.by:
            raise ValueError("at least one field to evaluate by is needed")
        least = [*self.ks, self.rerank_depth, self.checked]
        least += [] if self.limit_queries is None else [self.limit_queries]
        if not self.ks or min(least) < 1:
            raise ValueError("depths and numbers of queries must be at least 1")
        check_weights(self.rerank_weights)

    @property
    def depths(self) -> tuple[int, ...]:
        """The `ks`, each once, rising."""
        return tuple(sorted(set(self.ks)))
