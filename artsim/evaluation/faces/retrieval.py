"""Finding the same person: every labeled face as a query, as `artsim query --faces` answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.payload import Payload
from artsim.catalog.progress import Progress
from artsim.evaluation.contenders import Contender, list_contenders
from artsim.evaluation.faces.parts import FacesOptions, Findings, PictureFaces
from artsim.evaluation.faces.rankings import UNKNOWN, FaceRankings, FaceRanks
from artsim.evaluation.metrics import Floats, Integers, all_metrics, metric_names
from artsim.evaluation.random_order import random_metrics
from artsim.evaluation.report import (
    Cell,
    Column,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Row,
    Table,
)
from artsim.evaluation.self_check import describe_agreement
from artsim.evaluation.statistics import estimate_mean
from artsim.store.gallery import Gallery

KS: Final = (1, 5, 10)
"""Depths of precision and recall."""

COLUMNS: Final = (
    Column("recall_at_1", "R@1"),
    Column("recall_at_10", "R@10"),
    Column("precision_at_5", "P@5"),
    Column("precision_at_10", "P@10"),
    Column("map", "mAP"),
)

_COMPARED: Final = ("recall_at_1", "precision_at_10", "map")
_CHECKED: Final = 50
_SHOWN_HITS: Final = 5
_MOST_PICTURES: Final = 12


@dataclass(frozen=True, slots=True)
class _Queries:
    """What is asked, and who is on the N faces.

    Attributes
    ----------
    rows : ndarray of int, shape (Q,)
        The query faces.
    person : ndarray of int, shape (N,)
        Number of each face's person; `UNKNOWN` but for main faces of labeled paintings.
    payloads : tuple of dict
        N times, of the faces.
    """

    rows: Integers
    person: Integers
    payloads: tuple[Payload, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Painting ids of the queries, each asked by its main face."""
        return tuple(str(self.payloads[row]["painting_id"]) for row in self.rows)


def evaluate_retrieval(
    gallery: Gallery,
    faces: PictureFaces,
    labels: Mapping[str, str],
    encoders: Sequence[EncoderInfo],
    options: FacesOptions,
    *,
    progress: Progress,
) -> Findings:
    """Search by the main face of every labeled painting, its own painting left out.

    All faces are ranked at once; a sample of the searches is made as well, one by one.

    Parameters
    ----------
    labels : mapping of str to str
        Who is on a painting, by painting id; its main face is that person's.

    Returns
    -------
    Findings
        Empty where no two faces are of one person.

    Raises
    ------
    EvaluationError
        If the gallery answers otherwise than what was evaluated, or faces lack pixels that
        re-ranking compares.
    """
    rankings = FaceRankings(
        gallery,
        encoders,
        rerank_depth=options.rerank_depth,
        with_pixels=bool(options.rerank),
    )
    queries = _choose(rankings, faces, labels, options)
    if len(queries.rows) == 0:
        return Findings()
    checked = np.random.default_rng(options.seed).permutation(queries.rows)[:_CHECKED]
    rows, agreement, found = [], {}, Findings()
    contenders = list_contenders(
        encoders, options.rerank, fused=False, weights=options.rerank_weights
    )
    progress.start(len(contenders), "Searching for people")
    for number, contender in enumerate(contenders):
        progress.update(number)
        ranks = rankings.rank(contender, queries.rows, queries.person, shown=_SHOWN_HITS)
        share = rankings.check(contender, checked, by_index=not options.exact)
        if share is not None:
            agreement[contender.name] = share
        measured = dict(zip(metric_names(KS), all_metrics(ranks.ranks, KS).T, strict=True))
        rows.append(_row(contender.name, measured, options.seed))
        found += _details(contender, queries, ranks, measured)
    rows.append(_random_row(rankings, queries, options.seed))
    notes = _notes(rankings, queries, labels, options)
    notes.append(describe_agreement(agreement, len(checked)))
    title = "Where is the same person? Searches by one face"
    table = Table("retrieval", title, "face encoder", COLUMNS, tuple(rows), tuple(notes))
    return Findings((table,)) + found


def _details(
    contender: Contender, queries: _Queries, ranks: FaceRanks, measured: Mapping[str, Floats]
) -> Findings:
    """Return the values of every query, and the worst ones where nothing is re-ranked."""
    values = tuple(
        QueryValues("retrieval", contender.name, column, queries.ids, measured[column])
        for column in _COMPARED
    )
    if contender.rerank is not None:
        return Findings(query_values=values)
    worst = _worst(contender.name, queries, ranks, measured["map"])
    return Findings(query_values=values, failures=(worst,))


def _choose(
    rankings: FaceRankings,
    faces: PictureFaces,
    labels: Mapping[str, str],
    options: FacesOptions,
) -> _Queries:
    """Return the queries with something to find, or the sample of them that is wanted."""
    payload = {r.point_id: r.payload for of in faces.of_painting.values() for r in of}
    main = {faces.main[name].point_id: label for name, label in labels.items()}
    number = {label: i for i, label in enumerate(sorted(set(labels.values())))}
    person = np.array(
        [number[main[p]] if p in main else UNKNOWN for p in rankings.works.point_ids],
        dtype=np.intp,
    )
    named = np.flatnonzero(person != UNKNOWN)
    rows = named[rankings.to_find(named, person) > 0]
    if options.limit_queries is not None and options.limit_queries < len(rows):
        rng = np.random.default_rng(options.seed)
        rows = np.sort(rng.choice(rows, options.limit_queries, replace=False))
    return _Queries(rows, person, tuple(payload[p] for p in rankings.works.point_ids))


def _row(name: str, measured: Mapping[str, Floats], seed: int) -> Row:
    cells: dict[str, Cell] = {
        column.name: estimate_mean(measured[column.name], seed=seed) for column in COLUMNS
    }
    return Row(name, cells)


def _random_row(rankings: FaceRankings, queries: _Queries, seed: int) -> Row:
    """Return what faces in random order score on average, by query."""
    to_find = rankings.to_find(queries.rows, queries.person)
    expected = random_metrics(rankings.ranked(queries.rows), to_find, KS)
    return _row("random order", dict(zip(metric_names(KS), expected.T, strict=True)), seed)


def _notes(
    rankings: FaceRankings, queries: _Queries, labels: Mapping[str, str], options: FacesOptions
) -> list[str]:
    alone = sum(1 for count in Counter(labels.values()).values() if count == 1)
    asked = len(np.unique(queries.person[queries.rows]))
    sample = " (a seeded sample)" if options.limit_queries is not None else ""
    notes = [
        f"{len(queries.rows):,} queries{sample}, of {asked:,} people, each ranking all "
        f"{len(rankings):,} faces but those of its own picture.",
        "A face is right if it is the main face, large and near the middle, of a picture of the "
        "same person; every other face is wrong, bystanders too.",
        options.one_person,
        "Random order: expected values, in closed form. Intervals: bootstrap over queries.",
    ]
    if alone:
        notes.append(f"{alone} people with one picture alone are no queries.")
    if options.rerank:
        notes.append(f"Re-ranked are the first {options.rerank_depth} hits.")
    return notes


def _worst(name: str, queries: _Queries, ranks: FaceRanks, precision: Floats) -> PictureGroup:
    rows = []
    for i in np.argsort(precision, kind="stable")[:_MOST_PICTURES].tolist():
        asked = queries.rows[i]
        hits = [face for face in ranks.first[i].tolist() if face >= 0]
        rows.append(
            PictureRow(
                Picture(queries.payloads[asked], (f"average precision {precision[i]:.3f}",)),
                tuple(
                    Picture(
                        queries.payloads[face],
                        right=bool(queries.person[face] == queries.person[asked]),
                    )
                    for face in hits
                ),
            )
        )
    return PictureGroup(f"People found worst by {name}", tuple(rows))
