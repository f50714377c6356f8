"""The values of all queries, gathered by row and column, and what becomes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.evaluation.pixels.scores import (
    METRICS,
    Pair,
    PairKey,
    View,
    best_possible,
    mean_values,
    pair_key,
    score_pairs,
)
from artsim.evaluation.report import Picture, PictureGroup, PictureRow, QueryValues
from artsim.evaluation.statistics import Estimate, estimate_mean

BEST: Final = "best possible"
"""Name of the row whose hits each metric itself puts first."""

_KEPT: Final = 10
"""Most failures of a row that are remembered."""

_SSIM: Final = METRICS.index("ssim_color")
_RMSE: Final = METRICS.index("rmse_color")


@dataclass(frozen=True, slots=True)
class _Answer:
    """One query's hits of one search, with what was compared."""

    query: str
    ssim: float
    pairs: tuple[Pair, ...]
    scores: Mapping[PairKey, npt.NDArray[np.float64]]


@dataclass(slots=True)
class Tally:
    """What the queries of one table came to.

    Attributes
    ----------
    missing : dict of str to int
        By row, how many hits had no picture.
    """

    k: int
    missing: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    _by_rank: dict[str, list[list[float]]] = field(default_factory=dict)
    _worst: dict[str, list[_Answer]] = field(default_factory=lambda: defaultdict(list))

    def add(
        self,
        query: str,
        rankings: Mapping[str, Sequence[Pair]],
        everything: Sequence[Pair],
        view: View,
    ) -> None:
        """Compare a query with its hits of every search.

        Parameters
        ----------
        rankings : mapping of str to sequence of (Subject, Subject)
            By row, each pair a query and a hit, best first.
        everything : sequence of (Subject, Subject)
            All pairs there could be, for the best possible hits; empty leaves those out.
        view : View
            What is compared.
        """
        pairs = [pair for ranking in rankings.values() for pair in ranking]
        scores = score_pairs(pairs, view)
        for row, ranking in rankings.items():
            values = [scores.get(pair_key(pair)) for pair in ranking]
            found = [value for value in values if value is not None]
            self.missing[row] += len(ranking) - len(found)
            self._put(row, query, mean_values(found))
            self._add_ranks(row, values)
            if found:
                self._add_answer(row, query, ranking, scores)
        if everything:
            best = best_possible(score_pairs(everything, view, with_lpips=False), self.k)
            means = [float(values.mean()) if len(values) else np.nan for values in best]
            self._put(BEST, query, np.array(means))
            self._add_ranks(BEST, [np.array([value]) for value in best[_SSIM]])

    def row_names(self) -> list[str]:
        """Return every row, in the order they came in, those without values too."""
        return list(dict.fromkeys([*self.missing, *(row for row, _ in self._values)]))

    def estimates(self, row: str, seed: int) -> dict[str, Estimate]:
        """Return a row's means with their intervals, by column."""
        return {
            column: estimate_mean(list(values.values()), seed=seed)
            for (name, column), values in self._values.items()
            if name == row
        }

    def query_values(self, table: str) -> list[QueryValues]:
        """Return the values of every row and column, query by query."""
        return [
            QueryValues(table, row, column, tuple(values), np.array(list(values.values())))
            for (row, column), values in self._values.items()
        ]

    def by_rank(self) -> dict[str, list[float]]:
        """Return the mean SSIM in color at each rank, by row; a rank nobody had ends it."""
        return {
            row: [float(np.mean(values)) for values in takewhile(bool, ranks)]
            for row, ranks in self._by_rank.items()
        }

    def failures(self, what: str, rows: Sequence[str], count: int) -> list[PictureGroup]:
        """Return the queries of least SSIM of each row, with their hits; `what` they are."""
        return [
            PictureGroup(
                f"{what}, lowest SSIM with their hits: {row}",
                tuple(_picture_row(answer) for answer in self._worst[row][:count]),
            )
            for row in rows
            if self._worst[row]
        ]

    def _put(self, row: str, query: str, values: npt.NDArray[np.float64]) -> None:
        for metric, value in zip(METRICS, values, strict=True):
            if not np.isnan(value):
                self._values.setdefault((row, metric), {})[query] = float(value)

    def _add_ranks(self, row: str, values: Sequence[npt.NDArray[np.float64] | None]) -> None:
        ranks = self._by_rank.setdefault(row, [[] for _ in range(self.k)])
        for rank, value in enumerate(values[: self.k]):
            if value is not None:
                ranks[rank].append(float(value[_SSIM]))

    def _add_answer(
        self,
        row: str,
        query: str,
        ranking: Sequence[Pair],
        scores: Mapping[PairKey, npt.NDArray[np.float64]],
    ) -> None:
        own = {key: scores[key] for key in map(pair_key, ranking) if key in scores}
        ssim = float(np.mean([values[_SSIM] for values in own.values()]))
        answers = self._worst[row]
        answers.append(_Answer(query, ssim, tuple(ranking), own))
        answers.sort(key=lambda answer: (answer.ssim, answer.query))
        del answers[_KEPT:]


def _picture_row(answer: _Answer) -> PictureRow:
    own = answer.pairs[0][0]
    hits = []
    for pair in answer.pairs:
        values = answer.scores.get(pair_key(pair))
        caption = (
            "no picture"
            if values is None
            else f"SSIM {values[_SSIM]:.3f}, RMSE {values[_RMSE]:.3f}"
        )
        hits.append(Picture(pair[1].payload, (caption,)))
    return PictureRow(Picture(own.payload), tuple(hits), f"mean SSIM {answer.ssim:.3f}")
