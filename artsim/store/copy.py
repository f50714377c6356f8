"""Copying a collection from one store to another, as often as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.store.protocol import Collection, Point, Record

Progress = Callable[["CopyCounts"], None]
"""Called after every batch."""


@dataclass(frozen=True, slots=True)
class CopyCounts:
    """How far a copy is: points looked at, of `total`; of them written, already there."""

    total: int
    written: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def done(self) -> int:
        """Points looked at so far."""
        return self.written + self.unchanged


def copy_collection(
    source: Collection,
    target: Collection,
    *,
    batch_size: int = 128,
    delete_others: bool = False,
    progress: Progress | None = None,
) -> CopyCounts:
    """Write every point of `source` to `target`, unless it is there with the same content.

    May be cut short at any moment and run again. Vectors and payload are compared, so that
    a second run writes only what differs; `target` keeps vectors that `source` has not.

    Parameters
    ----------
    source, target : Collection
        Missing vectors of `source` are added to `target`.
    batch_size : int
        Points read, compared and written together.
    delete_others : bool
        Whether points of `target` that are not in `source` go.
    progress : callable, optional
        Gets a `CopyCounts` after every batch.

    Returns
    -------
    CopyCounts
        Of the whole copy.

    Raises
    ------
    SchemaMismatchError
        If `target` has one of the vectors in another dimension, distance or datatype.
    ValueError
        If `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"expected a batch size of 1 or more, found {batch_size}")
    schema = source.schema
    if any(name not in target.schema.vectors for name in schema.vectors):
        target.add_vectors(schema.vectors, schema.notes)
    names = list(schema.vectors)
    counts = CopyCounts(source.count())
    for batch in _batches(source.scroll(with_vectors=names, page_size=batch_size), batch_size):
        written = _copy_batch(batch, target, names)
        counts = CopyCounts(
            counts.total, counts.written + written, counts.unchanged + len(batch) - written
        )
        if progress is not None:
            progress(counts)
    deleted = _delete_others(source, target, batch_size) if delete_others else 0
    target.flush()
    return CopyCounts(counts.total, counts.written, counts.unchanged, deleted)


def _copy_batch(batch: Sequence[Record], target: Collection, names: Sequence[str]) -> int:
    # All vectors of the target are read: an upsert drops those that it does not name.
    every = list(target.schema.vectors)
    present = target.retrieve([r.point_id for r in batch], with_vectors=every)
    points = []
    for record in batch:
        there = present.get(record.point_id)
        if not _same(record, there, names):
            kept = there.vectors if there else {}
            others = {name: v for name, v in kept.items() if name not in names}
            points.append(Point(record.point_id, {**others, **record.vectors}, record.payload))
    target.upsert(points)
    return len(points)


def _same(ours: Record, theirs: Record | None, names: Sequence[str]) -> bool:
    if theirs is None or ours.payload != theirs.payload:
        return False
    return all(
        (name in ours.vectors) == (name in theirs.vectors)
        and (name not in ours.vectors or _close(ours.vectors[name], theirs.vectors[name]))
        for name in names
    )


def _close(ours: Vector, theirs: Vector) -> bool:
    # Normalizing a unit vector again, as every store does, changes the last bit of some.
    return bool(np.allclose(ours, theirs, rtol=0, atol=1e-6))


def _delete_others(source: Collection, target: Collection, batch_size: int) -> int:
    deleted = 0
    for batch in _batches(target.scroll(payload_fields=()), batch_size):
        point_ids = [r.point_id for r in batch]
        kept = source.retrieve(point_ids, payload_fields=())
        others = [point_id for point_id in point_ids if point_id not in kept]
        target.delete_ids(others)
        deleted += len(others)
    return deleted


def _batches(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while batch := list(islice(records, size)):
        yield batch
