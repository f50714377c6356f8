"""The worst answers, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from artsim.catalog.payload import Payload
from artsim.evaluation.labels.parts import FieldResult
from artsim.evaluation.leave_one_out import Judged
from artsim.evaluation.relevance import Labels
from artsim.evaluation.report import Picture, PictureGroup, PictureRow
from artsim.store.base import Collection, Record

_ROWS: Final = 8


def worst_queries(result: FieldResult, paintings: Collection) -> PictureGroup:
    """Return the queries of the best search with the least average precision, with their hits.

    One of a class, so that a single hard class does not fill the page; ties by painting id.
    """
    judged = result.judged[result.best.name]
    places = _worst_places(judged, judged.column("map", result.ks), result.relevance.labels)
    needed = {int(judged.rows[place]) for place in places}
    needed |= {int(work) for place in places for work in judged.head[place] if work >= 0}
    ids = {work: result.works.point_ids[work] for work in needed}
    records = paintings.retrieve(list(ids.values()))
    payloads = {work: _payload(records, ids[work], result, work) for work in needed}
    return PictureGroup(
        title=f"Worst answers by {result.field}, at most one of each: {result.best.name}",
        rows=tuple(_row(judged, place, payloads, result.relevance.labels) for place in places),
    )


def _worst_places(judged: Judged, scores: np.ndarray, labels: Labels) -> list[int]:
    seen: set[int] = set()
    places: list[int] = []
    for place in np.argsort(scores, kind="stable").tolist():
        classes = labels.of_work[int(judged.rows[place])]
        if seen.isdisjoint(classes):
            places.append(place)
            seen.update(classes)
        if len(places) == _ROWS:
            break
    return places


def _payload(
    records: Mapping[str, Record], point_id: str, result: FieldResult, work: int
) -> Payload:
    """Return all of a work's payload; what was read before, if it is gone meanwhile."""
    record = records.get(point_id)
    return result.works.payloads[work] if record is None else record.payload


def _row(judged: Judged, place: int, payloads: Mapping[int, Payload], labels: Labels) -> PictureRow:
    query = int(judged.rows[place])
    hits = [
        Picture(
            payload=payloads[int(work)],
            caption=(_classes(labels, int(work)), f"score {score:.3f}"),
            right=bool(right),
        )
        for work, score, right in zip(
            judged.head[place], judged.head_scores[place], judged.head_right[place], strict=True
        )
        if work >= 0
    ]
    return PictureRow(
        query=Picture(payloads[query], (_classes(labels, query),)),
        hits=tuple(hits),
        note=f"{judged.to_find[place]:,} to find; the first of them is at rank "
        f"{judged.first_right[place]:,} of {judged.ranked[place]:,}.",
    )


def _classes(labels: Labels, work: int) -> str:
    return ", ".join(labels.names[value] for value in labels.of_work[work])
