"""A whole collection's vectors of one encoder, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from artsim.catalog.arrays import Embeddings, Pixels, Vector
from artsim.catalog.criteria import EVERYTHING, Criteria, HasVector
from artsim.catalog.payload import Payload
from artsim.errors import QueryError
from artsim.store.base import Collection


@dataclass(frozen=True, slots=True)
class VectorTable:
    """N points with their vectors, in order of painting id, then of point id.

    That order is the one in which searches put equal scores.

    Attributes
    ----------
    point_ids : tuple of str
        N UUIDs.
    payloads : tuple of dict
        With the fields that were asked for.
    vectors : ndarray, shape (N, D)
        float32 unit rows of an encoder, or uint8 pixels.
    """

    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    vectors: Embeddings | Pixels

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)


def read_vectors(
    collection: Collection,
    vector_name: str,
    criteria: Criteria = EVERYTHING,
    *,
    payload_fields: Sequence[str] | None = None,
) -> VectorTable:
    """Read one named vector of every point that meets `criteria` and has it.

    Parameters
    ----------
    vector_name : str
        Of an encoder, or ``pixels``.
    payload_fields : sequence of str, optional
        Fields to read beside ``painting_id``; None is all of them.

    Raises
    ------
    QueryError
        If no point has such a vector.
    StoreError
        If the database cannot be reached.
    """
    fields = None if payload_fields is None else ("painting_id", *payload_fields)
    found = sorted(
        collection.scroll(
            criteria & Criteria(must=(HasVector(vector_name),)),
            with_vectors=(vector_name,),
            payload_fields=fields,
            page_size=1000,
        ),
        key=lambda record: (str(record.payload["painting_id"]), record.point_id),
    )
    if not found:
        raise QueryError(
            f"{collection.name!r} has no point with a vector {vector_name!r} that meets "
            "the filters",
            hint="artsim info",
        )
    rows: list[Vector] = [record.vectors[vector_name] for record in found]
    return VectorTable(
        tuple(record.point_id for record in found),
        tuple(record.payload for record in found),
        np.stack(rows),
    )
