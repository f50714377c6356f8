"""Whether bulk rankings are those of `find_similar`, and what a user's index loses.

Evaluation ranks everything at once, in memory. That these are the answers of the very search
that `artsim query` makes is not taken on trust: every run sends a sample through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from artsim.catalog.criteria import Criteria
from artsim.catalog.hits import Hit
from artsim.errors import EvaluationError
from artsim.evaluation.contenders import Contender, Rankers
from artsim.evaluation.metrics import Floats, Integers
from artsim.evaluation.relevance import Relevance
from artsim.search.answer import find_similar
from artsim.search.neighbors import Ranker
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery

TOP: Final = 10
"""How many first hits are compared."""

ROUNDING: Final = 2e-6
"""Most that cosines of the same float32 vectors differ by when added up in another order.

Qdrant's and NumPy's differed by 4e-7 at most over 240 rankings of 3,974 pictures, with
vectors of 100 to 1,024 numbers.
"""


class Checker:
    """Compares rankings with the gallery's answers to the same queries.

    Parameters
    ----------
    rankers : Rankers
        Over the works that `relevance` is about.
    rows : ndarray of int, shape (Q,)
        The queries that are sent.
    """

    def __init__(
        self, gallery: Gallery, rankers: Rankers, relevance: Relevance, rows: Integers
    ) -> None:
        self._gallery = gallery
        self._rankers = rankers
        self._relevance = relevance
        self._rows = rows
        self._swapped: dict[str, set[int]] = {}
        self._tops: dict[str, tuple[list[list[str]], list[Floats]]] = {}

    def check(self, contender: Contender) -> None:
        """Compare with exact searches.

        Raises
        ------
        EvaluationError
            If one answers otherwise than what was evaluated, by more than how numbers
            that differ in their last digits are ordered.
        """
        for name in contender.vector_names:
            if name not in self._swapped:
                self._swapped[name] = self._check_encoder(name)
        excused = set().union(*(self._swapped[name] for name in contender.vector_names))
        for row, expected, scores in zip(self._rows.tolist(), *self._top(contender), strict=True):
            found = self._search(row, contender, exact=True)[:TOP]
            if _ids(found) == expected or row in excused:
                continue
            if contender.weight is None or not _same_scores(found, scores):
                raise self._contradiction(contender.name, row, expected, found)

    def agreement(self, contender: Contender) -> float:
        """Return the share of the first ten that a search by the index finds as well."""
        ours, _ = self._top(contender)
        shares = []
        for row, expected in zip(self._rows.tolist(), ours, strict=True):
            found = _ids(self._search(row, contender, exact=False)[:TOP])
            shares.append(len(set(found) & set(expected)) / max(len(expected), 1))
        return float(np.mean(shares))

    @property
    def rounded(self) -> int:
        """For how many queries rounding or ties ordered a ranking otherwise than here."""
        return len(set().union(*self._swapped.values()))

    def _check_encoder(self, name: str) -> set[int]:
        """Return for which queries ties and rounding, and nothing else, changed the order.

        It is nothing else if both have the same score at every rank. Of ties at the end of
        a search it is the database's choice which are found.
        """
        depth = self._rankers.deepest
        ours, scores = self._bulk(self._rankers.exact(name), depth + 1)
        swapped = set()
        for row, expected, cosines in zip(self._rows.tolist(), ours, scores, strict=True):
            options = SearchOptions(limit=depth, exact=True)
            hits = self._find(row, options, [name])
            theirs = np.array([hit.score for hit in hits])
            same = len(theirs) == min(depth, len(expected))
            if not same or np.abs(theirs - cosines[: len(theirs)]).max(initial=0) > ROUNDING:
                raise self._contradiction(name, row, expected, hits)
            tied_ends = any(
                end < len(expected) and cosines[end - 1] - cosines[end] <= ROUNDING
                for end in self._rankers.depths
            )
            if tied_ends or _ids(hits) != expected[:depth]:
                swapped.add(row)
        return swapped

    def _top(self, contender: Contender) -> tuple[list[list[str]], list[Floats]]:
        """Return ids and scores of the first ten for every query, as they were evaluated."""
        if contender.name not in self._tops:
            self._tops[contender.name] = self._bulk(self._rankers.of(contender), TOP)
        return self._tops[contender.name]

    def _search(self, row: int, contender: Contender, *, exact: bool) -> Sequence[Hit]:
        options = SearchOptions(
            limit=self._rankers.limit, rerank_depth=self._rankers.rerank_depth, exact=exact
        )
        return self._find(row, contender.search_options(options), contender.vector_names)

    def _find(self, row: int, options: SearchOptions, encoders: Sequence[str]) -> Sequence[Hit]:
        query = IdQuery(self._rankers.works.ids[row])
        criteria = self._criteria(row)
        return find_similar(self._gallery, query, criteria, options, encoders=encoders).hits

    def _criteria(self, row: int) -> Criteria:
        left_out = [labels.condition(row) for labels in self._relevance.excluded]
        return self._rankers.works.criteria & Criteria(
            must_not=tuple(condition for condition in left_out if condition is not None)
        )

    def _bulk(self, ranker: Ranker, depth: int) -> tuple[list[list[str]], list[Floats]]:
        """Return the ids and scores of the first `depth` works for every query."""
        ids = self._rankers.works.ids
        found: list[list[str]] = []
        scores = []
        for row in self._rows:
            one = np.array([row])
            ranking = ranker.rank(one, self._relevance.barred(one), head=depth)
            works = ranking.order[0, : min(depth, int(ranking.lengths[0]))]
            found.append([ids[work] for work in works])
            scores.append(ranking.head_scores[0, : len(works)].astype(np.float64))
        return found, scores

    def _contradiction(
        self, name: str, row: int, expected: Sequence[str], found: Sequence[Hit]
    ) -> EvaluationError:
        return EvaluationError(
            f"{name}: the gallery's exact answers for {self._rankers.works.ids[row]!r} are not "
            f"those that were evaluated: expected {', '.join(expected[:TOP])}, found "
            f"{', '.join(_ids(found)[:TOP])}. If the gallery was written to meanwhile, run the "
            "same command again; otherwise report this as a bug"
        )


def _same_scores(hits: Sequence[Hit], expected: Floats) -> bool:
    """Return whether hits have the expected second scores, but for how cosines are rounded."""
    found = np.array([hit.rerank_score for hit in hits])
    return found.shape == expected.shape and bool((np.abs(found - expected) <= ROUNDING).all())


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.painting_id for hit in hits]


def describe_agreement(shares: Mapping[str, float], queries: int, rounded: int = 0) -> str:
    """Return what was compared, and how much of the first ten the index finds, if it was asked.

    `rounded` is for how many of the queries nearly equal scores were ordered otherwise.
    """
    told = (
        f"Rankings are exact; those of {queries} queries were compared with what an exact search "
        "of the gallery answers."
    )
    if rounded:
        told += (
            f" For {rounded} of them scores {ROUNDING:.0e} or less apart leave the order, at some "
            "depth, to rounding."
        )
    if shares:
        each = {name: f"{100 * share:.1f} %" for name, share in shares.items()}
        found = ", ".join(f"{name} {share}" for name, share in each.items())
        if len(each) > 1 and len(set(each.values())) == 1:
            found = f"{next(iter(each.values()))} in every row"
        told += (
            f" Of the first {TOP}, a search by the index, as `artsim query` makes it, finds as "
            f"well: {found}."
        )
    return told
