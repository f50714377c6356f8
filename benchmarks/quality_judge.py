"""From scores to what they are worth: values for each query, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.payload import Payload
from artsim.evaluation.leave_one_out import Relevance, read_labels
from artsim.evaluation.metrics import (
    Floats,
    RelevantRanks,
    average_precision,
    precision_at,
    recall_at,
)
from artsim.evaluation.statistics import Estimate, estimate_mean
from benchmarks.quality_data import TWINS, Indices

Scores = npt.NDArray[np.float32]
"""Of Q queries for each of N works, shape (Q, N); higher is nearer, -inf is left out."""

Values = dict[str, Floats]
"""For each measure one value a query, shape (Q,); NaN where there was nothing to find."""

Change = Callable[[Scores, Indices], Scores]
"""Scores after a change (re-ranking, fusing) of the queries of those numbers."""

MEASURES: Final = ("artist R@1", "artist mAP", "style P@10")
TWIN_MEASURES: Final = ("twin R@1", "twin R@10")

_BLOCK: Final = 512
_MEASURED: Final[dict[str, dict[str, Callable[[RelevantRanks], Floats]]]] = {
    "artist": {
        "artist R@1": lambda ranks: recall_at(ranks, 1),
        "artist mAP": average_precision,
    },
    "style": {"style P@10": lambda ranks: precision_at(ranks, 10)},
    TWINS: {
        "twin R@1": lambda ranks: recall_at(ranks, 1),
        "twin R@10": lambda ranks: recall_at(ranks, 10),
    },
}

_SEARCHES: Final = (("artist", "style"), (TWINS,))
"""Fields that are judged in the same ranking, since the same works are left out of it."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What is a right answer among N works, by field.

    Artist and style are asked with the query's twins left out of the search, as by a
    filter; a query without a right answer left is not counted.
    """

    relevance: dict[str, Relevance]
    count: int

    @classmethod
    def of(cls, works: Sequence[Payload]) -> Questions:
        """Ask for artist, style and twins."""
        twins = read_labels(works, TWINS)
        relevance = {
            "artist": Relevance(read_labels(works, "artist"), (twins,)),
            "style": Relevance(read_labels(works, "style"), (twins,)),
            TWINS: Relevance(twins),
        }
        return cls(relevance, len(works))


def cosines(queries: Embeddings, gallery: Embeddings) -> Scores:
    """Return the cosines of Q unit rows to N: shape (Q, N)."""
    return queries @ gallery.T


def unchanged(scores: Scores, queries: Indices) -> Scores:
    """Return the scores as they are."""
    return scores


def judge(
    scores_of: Callable[[Indices], Scores],
    questions: Questions,
    queries: Indices | None = None,
    change: Change = unchanged,
) -> Values:
    """Rank the other works for each query, ties by number, and measure.

    Parameters
    ----------
    scores_of : callable
        From the numbers of some queries to their scores, shape (Q, N).
    queries : ndarray of int, optional
        Numbers of the works that are queries; by default all.
    change : callable
        Given scores in which what is left out of the search is -inf already.
    """
    if queries is None:
        queries = np.arange(questions.count)
    parts = [
        _judge_block(scores_of(block), block, questions, change)
        for block in np.array_split(queries, max(1, len(queries) // _BLOCK))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def judge_vectors(
    vectors: Embeddings, questions: Questions, queries: Indices | None = None
) -> Values:
    """Judge rankings by the cosines of unit rows of shape (N, D)."""
    return judge(lambda block: cosines(vectors[block], vectors), questions, queries)


def _judge_block(scores: Scores, block: Indices, questions: Questions, change: Change) -> Values:
    values = {
        name: np.full(len(block), np.nan) for of_field in _MEASURED.values() for name in of_field
    }
    for fields in _SEARCHES:
        barred = questions.relevance[fields[0]].barred(block)
        right = {field: questions.relevance[field].right(block, barred) for field in fields}
        asked = np.flatnonzero(np.any([matrix.any(axis=1) for matrix in right.values()], axis=0))
        if not len(asked):
            continue
        left = np.where(barred[asked], np.float32(-np.inf), scores[asked])
        order = np.argsort(-change(left, block[asked]), axis=1, kind="stable")
        for field, matrix in right.items():
            found = np.take_along_axis(matrix[asked], order, axis=1)
            countable = found.any(axis=1)
            ranks = RelevantRanks.from_matrix(found[countable])
            for name, measure in _MEASURED[field].items():
                values[name][asked[countable]] = measure(ranks)
    return values


def mean(values: Floats) -> Estimate | None:
    """Return mean and interval over the queries that count; None where none does."""
    counted = values[~np.isnan(values)]
    return estimate_mean(counted) if len(counted) else None


def difference(values: Floats, baseline: Floats) -> Estimate | None:
    """Return the paired difference to the baseline, query by query."""
    return mean(values - baseline)


def percent(estimate: Estimate | None, *, signed: bool = False) -> str:
    """Return ``33.1 [31.0, 35.2]`` in percent; signed, and bold where it excludes 0."""
    if estimate is None:
        return ""
    form = "{:+.1f}" if signed else "{:.1f}"
    value, low, high = (form.format(100 * x) for x in (estimate.value, estimate.low, estimate.high))
    if signed and (estimate.low > 0 or estimate.high < 0):
        value = f"**{value}**"
    return f"{value} [{low}, {high}]"


def plain_row(name: str, values: Values, measures: Sequence[str]) -> list[str]:
    """Return a line of means, empty where nothing was measured."""
    means = [mean(values[measure]) if measure in values else None for measure in measures]
    return [name, *map(percent, means)]


def changed_row(name: str, values: Values, baseline: Values, measures: Sequence[str]) -> list[str]:
    """Return a line of differences to the baseline, empty where nothing was measured."""
    differences = [
        difference(values[m], baseline[m]) if m in values and m in baseline else None
        for m in measures
    ]
    return [name, *(percent(one, signed=True) for one in differences)]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
