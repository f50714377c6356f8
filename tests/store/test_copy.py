"""Copies are complete, and cheap to run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from store_backends import open_backend
from store_oracle import SCHEMA, make_points

from artsim.errors import SchemaMismatchError
from artsim.ingest.upkeep import CopyCounts, copy_collection
from artsim.store.embedded import EmbeddedStore
from artsim.store.protocol import Collection, CollectionSchema, Point, Store, VectorSpec

POINTS = make_points(50)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Collection]:
    with EmbeddedStore(tmp_path / "source") as store:
        collection = store.create_collection("paintings", SCHEMA)
        collection.upsert(POINTS)
        yield collection


@pytest.fixture
def target(store: Store, name: str) -> Collection:
    return store.create_collection(name, SCHEMA)


def assert_same(source: Collection, target: Collection) -> None:
    names = list(SCHEMA.vectors)
    ours = list(source.scroll(with_vectors=names))
    theirs = list(target.scroll(with_vectors=names))
    assert [r.point_id for r in ours] == [r.point_id for r in theirs]
    assert [r.payload for r in ours] == [r.payload for r in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.vectors.keys() == other.vectors.keys()
        for vector_name, vector in one.vectors.items():
            np.testing.assert_allclose(vector, other.vectors[vector_name], atol=1e-6)


def test_copy_is_complete_and_a_second_one_writes_nothing(
    source: Collection, target: Collection
) -> None:
    seen: list[CopyCounts] = []
    counts = copy_collection(source, target, batch_size=20, progress=seen.append)
    assert counts == CopyCounts(total=50, written=50)
    assert [s.done for s in seen] == [20, 40, 50]
    assert_same(source, target)
    assert copy_collection(source, target) == CopyCounts(total=50, unchanged=50)


def test_a_copy_cut_short_goes_on(source: Collection, target: Collection) -> None:
    def interrupt(counts: CopyCounts) -> None:
        if counts.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_collection(source, target, batch_size=10, progress=interrupt)
    assert target.count() == 20
    counts = copy_collection(source, target, batch_size=10)
    assert counts == CopyCounts(total=50, written=30, unchanged=20)
    assert_same(source, target)


def test_only_what_changed_is_written(source: Collection, target: Collection) -> None:
    copy_collection(source, target)
    source.overwrite_payload({POINTS[0].point_id: {"painting_id": "p000", "title": "new"}})
    source.update_vectors([Point(POINTS[1].point_id, {"pixels": np.zeros(16)})])
    source.update_vectors([Point(POINTS[3].point_id, {"second-1": np.ones(5)})])
    assert copy_collection(source, target) == CopyCounts(total=50, written=3, unchanged=47)
    assert_same(source, target)


def test_vectors_of_the_target_only_stay(source: Collection, target: Collection) -> None:
    target.add_vectors({"third-1": VectorSpec(2)})
    point = POINTS[0]
    target.upsert([Point(point.point_id, {"third-1": np.array([0.6, 0.8])}, {"old": 1})])
    copy_collection(source, target)
    record = target.retrieve([point.point_id], with_vectors=["third-1"])[point.point_id]
    np.testing.assert_allclose(record.vectors["third-1"], [0.6, 0.8], rtol=1e-6)
    assert record.payload == point.payload


def test_vectors_that_the_source_has_lost_go(source: Collection, target: Collection) -> None:
    copy_collection(source, target)
    point = POINTS[1]
    source.upsert([Point(point.point_id, {"first-1": np.ones(8)}, point.payload)])
    assert copy_collection(source, target).written == 1
    assert_same(source, target)


def test_missing_vectors_are_added(source: Collection, store: Store, name: str) -> None:
    bare = store.create_collection(f"{name}-bare", CollectionSchema({"first-1": VectorSpec(8)}))
    copy_collection(source, bare)
    assert bare.schema.vectors == SCHEMA.vectors
    assert bare.schema.notes == SCHEMA.notes
    assert_same(source, bare)


def test_other_dimensions_are_refused(source: Collection, store: Store, name: str) -> None:
    other = store.create_collection(f"{name}-other", CollectionSchema({"first-1": VectorSpec(9)}))
    with pytest.raises(SchemaMismatchError, match="dim 9, expected 8"):
        copy_collection(source, other)
    assert other.count() == 0


def test_a_batch_of_nothing(source: Collection, target: Collection) -> None:
    with pytest.raises(ValueError, match="batch size"):
        copy_collection(source, target, batch_size=0)


def test_the_backends_differ(tmp_path: Path) -> None:
    """From the server's side back into a folder."""
    with (
        open_backend("memory", tmp_path) as memory,
        EmbeddedStore(tmp_path / "back") as store,
    ):
        origin = memory.create_collection("paintings", SCHEMA)
        origin.upsert(POINTS)
        back = store.create_collection("paintings", origin.schema)
        copy_collection(origin, back)
        assert_same(origin, back)
