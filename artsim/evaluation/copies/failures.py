"""Copies that found something else, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from artsim.catalog.payload import painting_point_id
from artsim.errors import ImageError
from artsim.evaluation.copies.found import Found
from artsim.evaluation.copies.originals import load_original
from artsim.evaluation.copies.search import LIMIT, Miss
from artsim.evaluation.report import Picture, PictureGroup, PictureRow
from artsim.images.edits import EDITS, edit_picture
from artsim.search.models import Models
from artsim.store.gallery import Gallery

_OF_EDIT: Final = 2
_OF_TWINS: Final = 8


def failed_copies(found: Found, gallery: Gallery, models: Models, seed: int) -> PictureGroup:
    """Return the copies that the best contender searched worst by, some of each edit.

    Their pictures are read and edited once more.
    """
    rows = []
    for edit, tally in found.copies.items():
        for miss in tally.worst(found.best, _OF_EDIT):
            painting_id = found.copied[miss.place]
            try:
                original = load_original(found.originals.payloads[painting_id], models)
            except ImageError:
                continue  # gone since it was searched for; the tables have counted it
            copy = edit_picture(original, edit, painting_id=painting_id, seed=seed)
            query = Picture({}, (EDITS[edit].title,), pixels=copy.pixels)
            row = _row(query, painting_id, found.originals.same[painting_id], miss, gallery)
            drawn = [f"{name.replace('_', ' ')} {x:.4g}" for name, x in copy.parameters.items()]
            rows.append(replace(row, note=f"{row.note} {_sentence(drawn)}".rstrip()))
    title = f"Copies whose painting was not found first, by edit: {found.best}"
    return PictureGroup(title, tuple(rows))


def _sentence(parameters: Sequence[str]) -> str:
    return f"The edit: {', '.join(parameters)}." if parameters else ""


def failed_twins(found: Found, gallery: Gallery) -> PictureGroup:
    """Return the real copies that their best contender searched worst by."""
    ids = tuple(found.originals.twins)
    best = found.best_of_twins
    rows = [
        _row(Picture({}), ids[miss.place], found.originals.twins[ids[miss.place]], miss, gallery)
        for miss in found.twins.worst(best, _OF_TWINS)
    ]
    return PictureGroup(
        f"Pictures whose painting's others were not found first: {best}", tuple(rows)
    )


def _row(
    query: Picture, painting_id: str, right: frozenset[str], miss: Miss, gallery: Gallery
) -> PictureRow:
    own = painting_point_id(painting_id)
    records = gallery.paintings.retrieve([own, *(point_id for point_id, _ in miss.hits)])
    hits = [
        Picture(
            records[point_id].payload,
            (f"score {score:.3f}",),
            right=str(records[point_id].payload["painting_id"]) in right,
        )
        for point_id, score in miss.hits
        if point_id in records
    ]
    payload = records[own].payload if own in records else {"painting_id": painting_id}
    place = f"at rank {miss.rank}" if miss.rank else f"not among the first {LIMIT}"
    return PictureRow(
        Picture(payload, query.caption, pixels=query.pixels),
        tuple(hits),
        f"What was to be found is {place}.",
    )
