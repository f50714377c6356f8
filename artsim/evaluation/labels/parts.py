"""What one field's evaluation becomes in the report: tables, values, plots, failures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artsim.catalog.encoder_info import short_names
from artsim.evaluation.contenders import Contender
from artsim.evaluation.labels.classes import Classes, class_bars
from artsim.evaluation.leave_one_out import Judged
from artsim.evaluation.metrics import NDCG_DEPTH, RECALL_LEVELS, metric_names
from artsim.evaluation.random_order import random_curve, random_metrics
from artsim.evaluation.relevance import Relevance
from artsim.evaluation.report import (
    Column,
    ConfusionPlot,
    Line,
    LinePlot,
    Plot,
    QueryValues,
    Row,
    Table,
)
from artsim.evaluation.statistics import Estimate, estimate_means
from artsim.evaluation.works import Works

RANDOM: Final = "random order"

_COMPARED: Final = ("precision_at_1", "precision_at_10", "map", "ndcg")
_CONFUSED: Final = 20
_SHUFFLED: Final = 200


@dataclass(frozen=True, slots=True)
class FieldResult:
    """How each contender did by one field.

    Attributes
    ----------
    works : Works
        Those whose field is known.
    judged : mapping of str to Judged
        By contender's name; all over the same queries.
    unlabeled : int
        How many works were left out because the field is unknown.
    asked : int
        How many queries were tried; more than were judged, where some had nothing to find.
    """

    field: str
    works: Works
    relevance: Relevance
    contenders: tuple[Contender, ...]
    judged: Mapping[str, Judged]
    ks: tuple[int, ...]
    unlabeled: int
    asked: int
    rerank_depth: int
    seed: int

    @property
    def name(self) -> str:
        """Of the table and, as a beginning, of the plots."""
        return "labels_" + re.sub(r"\W+", "_", self.field)

    @property
    def best(self) -> Contender:
        """The contender with the highest mean average precision."""
        return max(
            self.contenders,
            key=lambda contender: self.judged[contender.name].column("map", self.ks).mean(),
        )

    @property
    def queries(self) -> Judged:
        """Any contender's rankings: what does not depend on the order is the same in all."""
        return self.judged[self.contenders[0].name]

    def classes(self) -> Classes:
        """Return the plain contenders' precision for classes of queries."""
        k = 10 if 10 in self.ks else self.ks[-1]
        precision = {
            contender.name: self.judged[contender.name].column(f"precision_at_{k}", self.ks)
            for contender in self.contenders
            if contender.rerank is None
        }
        return Classes(
            self.field, self.name, k, self.relevance.labels, self.queries.rows, precision
        )


def main_table(result: FieldResult, check: str) -> Table:
    """Return the table of all metrics, a row for each contender and for random order."""
    queries = result.queries
    rows = [
        _row(
            contender.name, result.judged[contender.name].metrics, result, _note(contender, result)
        )
        for contender in result.contenders
    ]
    by_chance = random_metrics(queries.ranked, queries.to_find, result.ks)
    note = "Exact expectation over all orders of each query's works."
    rows.append(_row(RANDOM, by_chance, result, note))
    return Table(
        name=result.name,
        title=f"Finding works of the same {result.field}, leave-one-out",
        row_heading="search",
        columns=_columns(result.ks),
        rows=tuple(rows),
        notes=(*_notes(result), check),
    )


def _row(name: str, metrics: np.ndarray, result: FieldResult, note: str) -> Row:
    estimates = estimate_means(metrics, seed=result.seed)
    values: dict[str, Estimate] = dict(zip(metric_names(result.ks), estimates, strict=True))
    return Row(name, values, note)


def _note(contender: Contender, result: FieldResult) -> str:
    parts = []
    if len(contender.encoders) > 1:
        names = ", ".join(short_names(contender.encoders))
        parts.append(f"Fused by reciprocal rank: {names}.")
    if contender.rerank:
        by = contender.rerank.upper()
        if contender.weight is not None:
            by = f"cosine + {contender.weight:g} times {by}"
        parts.append(f"The first {result.rerank_depth} reordered by {by}.")
    return " ".join(parts)


def _columns(ks: Sequence[int]) -> tuple[Column, ...]:
    return (
        *(Column(f"precision_at_{k}", f"P@{k}") for k in ks),
        *(Column(f"recall_at_{k}", f"R@{k}") for k in ks),
        Column("map", "mAP"),
        Column("ndcg", "nDCG", "score"),
        Column(f"ndcg_at_{NDCG_DEPTH}", f"nDCG@{NDCG_DEPTH}", "score"),
        Column("mrr", "MRR", "score"),
    )


def _notes(result: FieldResult) -> list[str]:
    """Return what was asked of what, and how the figures are meant."""
    field, judged = result.field, result.queries
    works, values = len(result.works), len(result.relevance.labels.names)
    notes = [
        f"{len(judged.rows):,} queries, each a work against the others of {works:,}; {field} has "
        f"{values:,} values. A query has {judged.to_find.mean():,.1f} works to find among "
        f"{judged.ranked.mean():,.1f} on average.",
        "P@k: share of right works among the first k. R@k: share of queries with one right among "
        "the first k. mAP and nDCG over the whole ranking. Brackets: 95 % bootstrap intervals "
        "over queries.",
    ]
    if result.unlabeled:
        notes.append(
            f"Left out of every ranking, neither right nor wrong (condensed lists, Sakai 2007), "
            f"because {field} is unknown: {result.unlabeled:,} works."
        )
    if result.relevance.excluded:
        left_out = " or ".join(labels.field for labels in result.relevance.excluded)
        notes.append(
            f"Works that share {left_out} with the query are left out of its ranking, and are "
            "nothing to find."
        )
    if result.asked > len(judged.rows):
        notes.append(
            f"No queries, because nothing of the same {field} is left to find: "
            f"{result.asked - len(judged.rows):,} works."
        )
    return notes


def query_values(result: FieldResult) -> list[QueryValues]:
    """Return the headline metrics query by query."""
    names = [name for name in metric_names(result.ks) if name in _COMPARED]
    ids = result.works.ids
    queries = tuple(ids[row] for row in result.queries.rows)
    return [
        QueryValues(result.name, row, name, queries, judged.column(name, result.ks))
        for row, judged in result.judged.items()
        for name in names
    ]


def plots(result: FieldResult) -> list[Plot]:
    """Return the precision-recall curves, the classes' bars and the confusion."""
    return [
        _precision_recall(result),
        *class_bars(result.classes()),
        _confusion(result),
    ]


def _precision_recall(result: FieldResult) -> LinePlot:
    lines = [
        Line(name, RECALL_LEVELS, tuple(judged.curve.mean(axis=0).tolist()))
        for name, judged in result.judged.items()
    ]
    queries = result.queries
    rng = np.random.default_rng(result.seed)
    some = rng.permutation(len(queries.rows))[:_SHUFFLED]
    chance = random_curve(
        queries.ranked[some], queries.to_find[some], RECALL_LEVELS, seed=result.seed
    )
    lines.append(Line(RANDOM, RECALL_LEVELS, tuple(chance.mean(axis=0).tolist()), dashed=True))
    return LinePlot(
        name=f"{result.name}_precision_recall",
        title=f"Precision by recall, same {result.field}",
        x_label="share of the right works found",
        y_label="interpolated precision",
        lines=tuple(lines),
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        note="Mean over queries at 11 levels of recall, as TREC interpolates: the greatest "
        f"precision at that recall or beyond. Random order: shuffles for {len(some)} queries.",
    )


def _confusion(result: FieldResult) -> ConfusionPlot:
    """Return how often the nearest work of the best contender has which value."""
    labels, judged = result.relevance.labels, result.judged[result.best.name]
    # Of several values the first; every judged work has one.
    first = np.array([classes[0] for classes in labels.of_work])
    asked, nearest = first[judged.rows], first[judged.head[:, 0]]
    frequency = np.bincount(asked, minlength=len(labels.names))
    order = sorted(range(len(labels.names)), key=lambda c: (-frequency[c], labels.names[c]))
    shown = [c for c in order[:_CONFUSED] if frequency[c]]
    rest = len(shown)
    place = np.full(len(labels.names), rest)
    place[shown] = np.arange(rest)
    counts = np.zeros((rest + 1, rest + 1), dtype=np.int64)
    np.add.at(counts, (place[asked], place[nearest]), 1)
    classes = [labels.names[c] for c in shown]
    note = "The search with the highest mAP. Of a work with several values the first counts."
    if counts[rest].any() or counts[:, rest].any():
        classes.append("(all others)")
        note += " (all others) are many values, so that its diagonal means nothing."
    else:
        counts = counts[:rest, :rest]
    return ConfusionPlot(
        name=f"{result.name}_confusion",
        title=f"The {result.field} of the query and of its nearest work: {result.best.name}",
        classes=tuple(classes),
        counts=counts,
        note=note,
    )
