"""The works of a gallery that an evaluation by labels is about, with their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.criteria import Criteria, HasVector, Known
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError
from artsim.evaluation.metrics import Integers
from artsim.evaluation.relevance import stored_field
from artsim.search.neighbors import read_vectors
from artsim.search.rerank import PIXELS
from artsim.store.base import Collection


@dataclass(frozen=True, slots=True)
class Works:
    """N works, in order of painting id.

    Attributes
    ----------
    criteria : Criteria
        Searches that meet them find just these works.
    point_ids : tuple of str
        N UUIDs.
    payloads : tuple of dict
        With the fields that were asked for.
    vectors : mapping of str to ndarray of float32, shape (N, D)
        By vector name.
    pixels : ndarray of uint8, shape (N, side * side), or None
        Where they were asked for.
    """

    criteria: Criteria
    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    vectors: Mapping[str, Embeddings]
    pixels: Pixels | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Painting ids."""
        return tuple(str(payload["painting_id"]) for payload in self.payloads)

    def known(self, field: str, rows: Integers) -> Works:
        """Return the works of `rows`, which are those whose `field` is known."""
        if len(rows) == len(self):
            return self
        return Works(
            self.criteria & Criteria((Known(stored_field(field)),)),
            tuple(self.point_ids[row] for row in rows),
            tuple(self.payloads[row] for row in rows),
            {name: vectors[rows] for name, vectors in self.vectors.items()},
            None if self.pixels is None else self.pixels[rows],
        )


def read_works(
    paintings: Collection,
    encoders: Sequence[EncoderInfo],
    criteria: Criteria,
    fields: Sequence[str],
    *,
    with_pixels: bool,
) -> Works:
    """Read the works that meet `criteria` and have the vectors of all `encoders`.

    Parameters
    ----------
    fields : sequence of str
        Payload fields to read.
    with_pixels : bool
        Read the small gray pictures as well.

    Raises
    ------
    QueryError
        If no work meets the criteria.
    EvaluationError
        If works lack pixels that are asked for.
    """
    every = paintings.count(criteria)
    narrowed = criteria
    for info in encoders:
        has = Criteria((HasVector(info.vector_name),))
        # A condition that leaves nothing out would only make the checked searches other
        # than a user's.
        if paintings.count(criteria & has) < every:
            narrowed = narrowed & has
    tables = {
        info.vector_name: read_vectors(
            paintings, info.vector_name, narrowed, payload_fields=fields if i == 0 else ()
        )
        for i, info in enumerate(encoders)
    }
    first = next(iter(tables.values()))
    works = Works(
        narrowed,
        first.point_ids,
        first.payloads,
        {name: np.asarray(table.vectors, np.float32) for name, table in tables.items()},
    )
    return _with_pixels(works, paintings) if with_pixels else works


def _with_pixels(works: Works, paintings: Collection) -> Works:
    table = read_vectors(paintings, PIXELS, works.criteria, payload_fields=())
    if table.point_ids != works.point_ids:
        raise EvaluationError(
            f"{paintings.name!r} has pixels of {len(table)} of {len(works)} works, and "
            "re-ranking compares those of all; ingest their source again"
        )
    pixels = np.asarray(table.vectors, np.uint8)
    return Works(works.criteria, works.point_ids, works.payloads, works.vectors, pixels)
