"""What every store promises: the same calls give the same answers in the same order."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_backends import BACKENDS, open_backend
from store_oracle import (
    ARTISTS,
    SCHEMA,
    STYLES,
    WORDS,
    expected_ranking,
    make_points,
    meets,
    unit,
)

from artsim.catalog.payload import (
    MAX_DEPTH,
    MAX_PAYLOAD_BYTES,
    AnyOf,
    Between,
    Criteria,
    HasVector,
    Known,
    Shows,
    Words,
    overlaps_years,
    painting_point_id,
)
from artsim.errors import CollectionNotFoundError, SchemaMismatchError, StoreError
from artsim.store.embedded import EmbeddedStore
from artsim.store.protocol import (
    Collection,
    CollectionSchema,
    FacetCount,
    Point,
    Rescore,
    SearchRequest,
    Store,
    VectorSpec,
)

POINTS = make_points()
BY_ID = {p.point_id: p for p in POINTS}
UNKNOWN_ID = painting_point_id("nobody")


@pytest.fixture(params=BACKENDS, scope="module")
def opened(request: pytest.FixtureRequest, fast_folder: Path) -> Iterator[Store]:
    with open_backend(str(request.param), fast_folder / "filled") as store:
        yield store


@pytest.fixture(scope="module")
def filled(opened: Store) -> Iterator[Collection]:
    """A collection of the made-up points that no test changes."""
    opened.delete_collection("test-filled")
    collection = opened.create_collection("test-filled", SCHEMA)
    collection.upsert(POINTS)
    collection.optimize()
    yield collection
    opened.delete_collection("test-filled")


@pytest.fixture(scope="module")
def emptied(opened: Store) -> Iterator[Collection]:
    opened.delete_collection("test-emptied")
    yield opened.create_collection("test-emptied", SCHEMA)
    opened.delete_collection("test-emptied")


@pytest.fixture
def collection(emptied: Collection) -> Collection:
    """An empty collection, of which no test changes the vectors."""
    emptied.delete_ids([record.point_id for record in emptied.scroll(payload_fields=())])
    return emptied


def nested(kind: str, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


UNSTORABLE: list[tuple[Any, str]] = [
    (nested("list", MAX_DEPTH + 1), "nested more than 64 levels"),
    (nested("object", 100_000), "nested more than 64 levels"),
    (2**64, "more than 64 bits"),
    (-(2**63) - 1, "more than 64 bits"),
    ([{"a": float("-inf")}], "no number"),
    ("\ud800", "not Unicode"),
    ({1: 2}, "the key 1"),
    (b"bytes", "type bytes"),
    ("x" * (MAX_PAYLOAD_BYTES + 1), "MiB are kept"),
]


def ids(criteria: Criteria) -> list[str]:
    return sorted(p.point_id for p in POINTS if meets(p, criteria))


class TestCollections:
    def test_a_new_collection_is_listed_and_has_its_schema(self, store: Store, name: str) -> None:
        created = store.create_collection(name, SCHEMA)
        assert created.name == name
        assert name in store.list_collections()
        assert created.schema == SCHEMA
        assert store.open_collection(name).schema == SCHEMA
        assert created.count() == 0

    def test_unknown_collection(self, store: Store, name: str) -> None:
        store.create_collection(f"{name}-other", SCHEMA)
        with pytest.raises(CollectionNotFoundError, match=f"{name}-other"):
            store.open_collection(name)

    def test_delete_collection(self, store: Store, name: str) -> None:
        store.create_collection(name, SCHEMA).upsert(POINTS[:3])
        store.delete_collection(name)
        store.delete_collection(name)
        assert name not in store.list_collections()
        assert store.create_collection(name, SCHEMA).count() == 0

    def test_creating_again_opens_and_adds_what_is_missing(self, store: Store, name: str) -> None:
        small = CollectionSchema(
            {"first-1": VectorSpec(8)}, {"artist": "keyword"}, {"kept": 1, "changed": 1}
        )
        store.create_collection(name, small).upsert([Point(UNKNOWN_ID, {"first-1": np.ones(8)})])
        wanted = dataclasses.replace(SCHEMA, notes={"changed": 2})
        collection = store.create_collection(name, wanted)
        assert collection.schema.vectors == SCHEMA.vectors
        assert collection.schema.payload_indexes == SCHEMA.payload_indexes
        assert collection.schema.notes == {"kept": 1, "changed": 2}
        assert collection.count() == 1

    def test_another_dimension_is_refused_and_changes_nothing(
        self, store: Store, name: str
    ) -> None:
        store.create_collection(name, SCHEMA)
        other = CollectionSchema(
            {"first-1": VectorSpec(9), "pixels": VectorSpec(16), "third-1": VectorSpec(3)},
            {"school": "keyword"},
            {"encoders": []},
        )
        with pytest.raises(SchemaMismatchError) as caught:
            store.create_collection(name, other)
        for part in ("'first-1'", "dim 8", "expected 9", "'pixels'", "euclid", "uint8"):
            assert part in str(caught.value)
        assert store.open_collection(name).schema == SCHEMA

    def test_names_that_are_no_names(self, store: Store) -> None:
        before = store.list_collections()
        for bad in ("", "../up", "a/b", "a b", ".", "é", "x" * 201):
            with pytest.raises(ValueError, match="collection name"):
                store.create_collection(bad, SCHEMA)
        assert store.list_collections() == before


class TestWriting:
    def test_what_was_written_is_read(self, collection: Collection) -> None:
        payload = {
            "painting_id": "Ω 1",
            "title": "Étude — „Nacht“ \u202e 夜",
            "style": ["a", "b"],
            "year_start": -500,
            "width_cm": 0.1,
            "extra": {"none": None, "yes": True, "deep": [{"a": [1, 2.5, "x"]}], "big": 2**53},
        }
        first = np.arange(1, 9, dtype=np.float64)
        pixels = np.arange(0, 256, 17, dtype=np.uint8)
        point_id = painting_point_id("Ω 1")
        collection.upsert([Point(point_id, {"first-1": first, "pixels": pixels}, payload)])
        record = collection.retrieve([point_id], with_vectors=list(SCHEMA.vectors))[point_id]
        assert record.payload == payload
        assert set(record.vectors) == {"first-1", "pixels"}
        assert record.vectors["first-1"].dtype == np.float32
        np.testing.assert_allclose(record.vectors["first-1"], unit(first), rtol=1e-6)
        assert record.vectors["pixels"].dtype == np.uint8
        np.testing.assert_array_equal(record.vectors["pixels"], pixels)

    def test_what_could_not_be_read_back_is_refused(self, collection: Collection) -> None:
        good = POINTS[0]
        collection.upsert([good])
        for value, reason in UNSTORABLE:
            payload = {"painting_id": "bad", "x": value}
            for write in (
                lambda payload=payload: collection.upsert(
                    [POINTS[1], Point(UNKNOWN_ID, {}, payload)]
                ),
                lambda payload=payload: collection.overwrite_payload(
                    {good.point_id: {}, UNKNOWN_ID: payload}
                ),
            ):
                with pytest.raises(StoreError, match=reason) as caught:
                    write()
                assert "painting 'bad' cannot be stored" in str(caught.value)
                assert caught.value.painting_id == "bad"
        assert [r.payload for r in collection.scroll()] == [good.payload]

    def test_what_is_unusual_is_read_back(self, store: Store, name: str) -> None:
        payload = {
            "list": nested("list", MAX_DEPTH),
            "object": nested("object", MAX_DEPTH),
            "": {"": "", "a.b": 1, 'a"b[]': 2, "k" * 70_000: 3},
            "least": -(2**63),
            "most": 2**64 - 1,
            "small": 5e-324,
            "nul": "a\0b",
            "empty": [[], {}, None, True],
        }
        collection = store.create_collection(name, SCHEMA)
        collection.upsert([Point(UNKNOWN_ID, {"first-1": np.ones(8)}, payload)])
        store.close() if isinstance(store, EmbeddedStore) else None
        again = EmbeddedStore(Path(store.location)) if isinstance(store, EmbeddedStore) else store
        opened = again.open_collection(name)
        assert opened.retrieve([UNKNOWN_ID])[UNKNOWN_ID].payload == payload
        opened.overwrite_payload({UNKNOWN_ID: {**payload, "more": 1}})
        if again is not store:
            again.close()

    def test_nothing_to_write_is_fine(self, collection: Collection) -> None:
        collection.upsert([])
        collection.update_vectors([])
        collection.overwrite_payload({})
        collection.delete_ids([])
        assert collection.retrieve([]) == {}
        assert collection.search([]) == []
        assert collection.count() == 0

    def test_upsert_replaces_the_whole_point(self, collection: Collection) -> None:
        old, new = POINTS[1], POINTS[4]
        assert "second-1" in old.vectors
        collection.upsert([old])
        collection.upsert([Point(old.point_id, {"first-1": new.vectors["first-1"]}, {"a": 1})])
        record = collection.retrieve([old.point_id], with_vectors=list(SCHEMA.vectors))
        assert set(record[old.point_id].vectors) == {"first-1"}
        assert record[old.point_id].payload == {"a": 1}
        assert collection.count() == 1

    def test_the_last_of_one_id_in_a_batch_stays(self, collection: Collection) -> None:
        vectors = {"first-1": np.ones(8)}
        collection.upsert([Point(UNKNOWN_ID, vectors, {"n": n}) for n in (1, 2, 3)])
        assert collection.retrieve([UNKNOWN_ID])[UNKNOWN_ID].payload == {"n": 3}

    def test_many_points_at_once(self, collection: Collection) -> None:
        many = make_points(1203, seed=1)
        collection.upsert(many)
        assert collection.count() == 1203
        assert collection.retrieve([many[-1].point_id])[many[-1].point_id].payload == (
            many[-1].payload
        )

    def test_update_vectors_leaves_the_rest(self, collection: Collection) -> None:
        point = POINTS[1]
        collection.upsert([point])
        collection.update_vectors([Point(point.point_id, {"second-1": np.array([0, 3, 0, 4, 0])})])
        found = collection.retrieve([point.point_id], with_vectors=list(SCHEMA.vectors))
        record = found[point.point_id]
        np.testing.assert_allclose(record.vectors["second-1"], [0, 0.6, 0, 0.8, 0], rtol=1e-6)
        np.testing.assert_allclose(
            record.vectors["first-1"], unit(point.vectors["first-1"]), atol=1e-6
        )
        assert record.payload == point.payload

    def test_update_of_an_unknown_point_changes_nothing(self, collection: Collection) -> None:
        point = POINTS[1]
        collection.upsert([point])
        update = {"first-1": np.ones(8)}
        with pytest.raises(StoreError, match=UNKNOWN_ID):
            collection.update_vectors([Point(point.point_id, update), Point(UNKNOWN_ID, update)])
        with pytest.raises(StoreError, match=UNKNOWN_ID):
            collection.overwrite_payload({point.point_id: {}, UNKNOWN_ID: {}})
        record = collection.retrieve([point.point_id], with_vectors=["first-1"])[point.point_id]
        np.testing.assert_allclose(
            record.vectors["first-1"], unit(point.vectors["first-1"]), atol=1e-6
        )
        assert record.payload == point.payload
        assert collection.count() == 1

    def test_overwrite_payload_leaves_the_vectors(self, collection: Collection) -> None:
        collection.upsert(POINTS[:3])
        collection.overwrite_payload({POINTS[0].point_id: {"x": 1}, POINTS[2].point_id: {"y": 2}})
        found = collection.retrieve([p.point_id for p in POINTS[:3]], with_vectors=["first-1"])
        assert [r.payload for r in found.values()] == [{"x": 1}, POINTS[1].payload, {"y": 2}]
        for point, record in zip(POINTS, found.values(), strict=False):
            np.testing.assert_allclose(
                record.vectors["first-1"], unit(point.vectors["first-1"]), atol=1e-6
            )

    def test_delete_by_id(self, collection: Collection) -> None:
        collection.upsert(POINTS)
        collection.delete_ids([POINTS[0].point_id, UNKNOWN_ID, POINTS[7].point_id])
        left = {r.point_id for r in collection.scroll()}
        assert left == set(BY_ID) - {POINTS[0].point_id, POINTS[7].point_id}

    def test_delete_by_criteria(self, collection: Collection) -> None:
        collection.upsert(POINTS)
        doomed = Criteria((AnyOf("artist", (ARTISTS[0],)),), (Between("year_start", most=1604),))
        collection.delete(doomed)
        assert [r.point_id for r in collection.scroll()] == sorted(set(BY_ID) - set(ids(doomed)))
        assert 0 < collection.count() < len(POINTS)

    def test_deleting_everything_by_accident_is_refused(self, collection: Collection) -> None:
        collection.upsert(POINTS[:2])
        with pytest.raises(ValueError, match="at least one condition"):
            collection.delete(Criteria())
        assert collection.count() == 2

    def test_add_vectors(self, store: Store, name: str) -> None:
        collection = store.create_collection(name, SCHEMA)
        collection.upsert(POINTS)
        new = {"new-1": VectorSpec(3), "small": VectorSpec(4, "euclid", "uint8", indexed=False)}
        collection.add_vectors(new, {"encoders": ["new"]})
        collection.add_vectors(new)
        assert collection.schema == CollectionSchema(
            {**SCHEMA.vectors, **new}, SCHEMA.payload_indexes, {"encoders": ["new"]}
        )
        assert collection.count(Criteria((HasVector("new-1"),))) == 0
        chosen = POINTS[5].point_id
        collection.update_vectors([Point(chosen, {"new-1": [3, 0, 4], "small": [1, 2, 3, 255]})])
        record = collection.retrieve([chosen], with_vectors=["new-1", "small", "first-1"])[chosen]
        np.testing.assert_allclose(record.vectors["new-1"], [0.6, 0, 0.8], rtol=1e-6)
        np.testing.assert_array_equal(record.vectors["small"], np.array([1, 2, 3, 255], np.uint8))
        assert "first-1" in record.vectors
        (hits,) = collection.search([SearchRequest(np.array([0, 0, 1]), "new-1")])
        assert [(h.point_id, h.score) for h in hits] == [(chosen, pytest.approx(0.8))]
        assert collection.count(Criteria((HasVector("new-1"),))) == 1

    def test_rows_of_a_vector_come_back_as_they_were(self, store: Store, name: str) -> None:
        rng = np.random.default_rng(0)
        spec = VectorSpec(132, "dot", "uint8", indexed=False, many=True)
        schema = CollectionSchema({**SCHEMA.vectors, "early": spec}, SCHEMA.payload_indexes)
        collection = store.create_collection(name, schema)
        rows = [rng.integers(0, 256, (count, 132), dtype=np.uint8) for count in (1, 70, 501)]
        ids = [point.point_id for point in POINTS[:3]]
        collection.upsert(
            [
                dataclasses.replace(point, vectors={**point.vectors, "early": of})
                for point, of in zip(POINTS, rows, strict=False)
            ]
        )
        collection.add_vectors({"late": spec})
        assert collection.schema.vectors["late"] == spec == collection.schema.vectors["early"]
        collection.update_vectors(
            [Point(i, {"late": of}) for i, of in zip(ids, rows[::-1], strict=True)]
        )
        names = ["early", "late", "pixels"]
        request = SearchRequest(POINTS[0].vectors["first-1"], "first-1", with_vectors=names)
        for found in (
            collection.retrieve(ids, with_vectors=names),
            {record.point_id: record for record in collection.scroll(with_vectors=names)},
            {hit.point_id: hit for hit in collection.search([request])[0]},
        ):
            for point_id, early, late in zip(ids, rows, rows[::-1], strict=True):
                vectors = found[point_id].vectors
                assert vectors["early"].dtype == vectors["late"].dtype == np.uint8
                np.testing.assert_array_equal(vectors["early"], early)
                np.testing.assert_array_equal(vectors["late"], late)
        for wrong in (rows[0][0], rows[0][:0], rows[0][:, :9]):
            with pytest.raises(ValueError, match=r"expected shape \(N, 132\)"):
                collection.update_vectors([Point(ids[0], {"late": wrong})])

    def test_add_a_vector_of_another_dimension(self, collection: Collection) -> None:
        with pytest.raises(SchemaMismatchError, match="dim 8, expected 9"):
            collection.add_vectors({"first-1": VectorSpec(9)}, {"lost": True})
        assert collection.schema == SCHEMA

    def test_wrong_points(self, collection: Collection) -> None:
        wrong: list[tuple[str, dict[str, Any], str]] = [
            ("p1", {}, "UUID"),
            (UNKNOWN_ID, {"third": np.ones(8)}, "no vector named 'third'; there is: first-1"),
            (UNKNOWN_ID, {"first-1": np.ones(7)}, r"expected shape \(8,\), found \(7,\)"),
            (UNKNOWN_ID, {"first-1": np.full(8, np.inf)}, "finite"),
            (UNKNOWN_ID, {"pixels": np.full(16, 256)}, r"0\.\.255"),
            (UNKNOWN_ID, {"pixels": np.full(16, 0.5)}, r"0\.\.255"),
        ]
        for point_id, vectors, message in wrong:
            with pytest.raises(ValueError, match=message):
                collection.upsert([POINTS[0], Point(point_id, vectors)])
        assert collection.count() == 0


class TestSearch:
    def check(self, collection: Collection, request: SearchRequest) -> None:
        (hits,) = collection.search([request])
        ranking = expected_ranking(POINTS, request)
        wanted = ranking[request.offset : request.offset + request.limit]
        assert [h.point_id for h in hits] == [point_id for point_id, _ in wanted]
        np.testing.assert_allclose(
            [h.score for h in hits], [score for _, score in wanted], rtol=1e-5, atol=1e-5
        )
        for hit in hits:
            assert hit.payload == BY_ID[hit.point_id].payload
            assert set(hit.vectors) == set(request.with_vectors) & set(BY_ID[hit.point_id].vectors)

    @pytest.mark.parametrize("exact", [False, True])
    @pytest.mark.parametrize("using", list(SCHEMA.vectors))
    @pytest.mark.parametrize(
        "criteria",
        [
            Criteria(),
            Criteria((AnyOf("artist", (ARTISTS[1], ARTISTS[2])),)),
            Criteria(overlaps_years(1602, 1606)),
            Criteria((AnyOf("style", ("rococo",)),), (Known("width_cm"),)),
            Criteria((AnyOf("artist", ("nobody",)),)),
        ],
    )
    def test_ranking(self, filled: Collection, using: str, criteria: Criteria, exact: bool) -> None:
        rng = np.random.default_rng(5)
        query = rng.integers(0, 256, SCHEMA.vectors[using].dim)
        query = query if using == "pixels" else query - 128.0
        for limit, offset in [(1, 0), (7, 0), (5, 3), (100, 0), (10, 55), (10, 500)]:
            self.check(
                filled,
                SearchRequest(
                    query, using, criteria, limit, offset, with_vectors=["pixels"], exact=exact
                ),
            )

    @pytest.mark.parametrize("criteria", [Criteria(), Criteria((Known("artist"),))])
    def test_rescoring_by_pixels(self, filled: Collection, criteria: Criteria) -> None:
        rng = np.random.default_rng(6)
        query, pixels = rng.standard_normal(8), rng.integers(0, 256, 16)
        for depth, limit, offset in [(10, 10, 0), (30, 5, 2), (5, 10, 0), (100, 100, 0)]:
            request = SearchRequest(
                query,
                "first-1",
                criteria,
                limit,
                offset,
                with_vectors=["pixels", "second-1"],
                rescore=Rescore(pixels, "pixels", depth),
            )
            self.check(filled, request)

    @pytest.mark.parametrize(("using", "size"), [("first-1", 8), ("pixels", 16)])
    def test_min_score(self, filled: Collection, using: str, size: int) -> None:
        query = np.random.default_rng(7).integers(0, 256, size)
        (everything,) = filled.search([SearchRequest(query, using, limit=100)])
        for rank in (0, 9, len(everything) - 2):
            between = (everything[rank].score + everything[rank + 1].score) / 2
            request = SearchRequest(query, using, limit=100, min_score=between)
            (hits,) = filled.search([request])
            assert [h.point_id for h in hits] == [h.point_id for h in everything[: rank + 1]]
        above = everything[0].score + 1e-3
        assert filled.search([SearchRequest(query, using, min_score=above)]) == [[]]

    def test_min_score_keeps_the_score_itself(self, filled: Collection) -> None:
        pixels = POINTS[7].vectors["pixels"]
        (hits,) = filled.search([SearchRequest(pixels, "pixels", min_score=0)])
        assert [h.point_id for h in hits] == [POINTS[7].point_id]

    def test_min_score_is_of_the_second_stage(self, filled: Collection) -> None:
        query, pixels = np.ones(8), np.full(16, 128)
        request = SearchRequest(query, "first-1", limit=100, rescore=Rescore(pixels, "pixels", 50))
        (everything,) = filled.search([request])
        between = (everything[4].score + everything[5].score) / 2
        (hits,) = filled.search([dataclasses.replace(request, min_score=between)])
        assert [h.point_id for h in hits] == [h.point_id for h in everything[:5]]

    def test_several_at_once(self, filled: Collection) -> None:
        rng = np.random.default_rng(8)
        requests = [
            SearchRequest(rng.standard_normal(8), "first-1", limit=3),
            SearchRequest(rng.standard_normal(5), "second-1", limit=4),
            SearchRequest(
                rng.standard_normal(8), "first-1", Criteria((Words("title", "night"),)), limit=5
            ),
        ]
        together = filled.search(requests)
        for hits, request in zip(together, requests, strict=True):
            (alone,) = filled.search([request])
            assert [h.point_id for h in hits] == [h.point_id for h in alone]
        assert [len(hits) for hits in together] == [3, 4, 5]

    def test_a_point_is_nearest_to_itself(self, filled: Collection) -> None:
        point = POINTS[7]
        (hits,) = filled.search([SearchRequest(point.vectors["first-1"], "first-1", limit=1)])
        assert (hits[0].point_id, hits[0].score) == (point.point_id, pytest.approx(1))
        (hits,) = filled.search([SearchRequest(point.vectors["pixels"], "pixels", limit=1)])
        assert (hits[0].point_id, hits[0].score) == (point.point_id, 0)
        assert str(hits[0].score) == "0.0"

    def test_ties_are_ordered_by_painting_id(self, store: Store, name: str) -> None:
        collection = store.create_collection(name, SCHEMA)
        same = np.ones(8)
        numbers = [5, 2, 9, 1, 7]
        collection.upsert(
            [
                Point(painting_point_id(f"{n}"), {"first-1": same}, {"painting_id": f"{n}"})
                for n in numbers
            ]
        )
        (hits,) = collection.search([SearchRequest(same, "first-1")])
        assert [h.painting_id for h in hits] == ["1", "2", "5", "7", "9"]

    @pytest.mark.parametrize(
        ("request_", "message"),
        [
            (SearchRequest(np.ones(8), "third"), "no vector named 'third'"),
            (SearchRequest(np.ones(7), "first-1"), r"expected shape \(8,\)"),
            (SearchRequest(np.full(8, np.nan), "first-1"), "finite"),
            (SearchRequest(np.ones(8), "first-1", limit=0), "limit"),
            (SearchRequest(np.ones(8), "first-1", offset=-1), "offset"),
            (SearchRequest(np.ones(8), "first-1", with_vectors=["x"]), "no vector named 'x'"),
            (
                SearchRequest(np.ones(8), "first-1", rescore=Rescore(np.ones(3), "pixels", 5)),
                r"expected shape \(16,\)",
            ),
            (
                SearchRequest(np.ones(8), "first-1", rescore=Rescore(np.ones(16), "pixels", 0)),
                "depth",
            ),
            (
                SearchRequest(np.ones(8), "first-1", Criteria((AnyOf("extra.yes", (True,)),))),
                "True or False",
            ),
        ],
    )
    def test_wrong_requests(
        self, filled: Collection, request_: SearchRequest, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            filled.search([request_])


class TestReading:
    def test_scroll_is_in_order_of_id(self, filled: Collection) -> None:
        for page_size in (1, 7, 60, 256):
            found = [r.point_id for r in filled.scroll(page_size=page_size)]
            assert found == sorted(BY_ID)

    def test_scroll_with_criteria_vectors_and_some_fields(self, filled: Collection) -> None:
        criteria = Criteria((AnyOf("style", ("baroque",)),), (HasVector("second-1"),))
        records = list(
            filled.scroll(
                criteria,
                with_vectors=["pixels", "second-1"],
                payload_fields=["artist", "missing"],
                page_size=4,
            )
        )
        assert [r.point_id for r in records] == ids(criteria)
        for record in records:
            point = BY_ID[record.point_id]
            wanted = {"artist": point.payload["artist"]} if "artist" in point.payload else {}
            assert record.payload == wanted
            assert set(record.vectors) == {"pixels"} & set(point.vectors)

    def test_retrieve_keeps_the_order_asked_for(self, filled: Collection) -> None:
        asked = [POINTS[9].point_id, UNKNOWN_ID, POINTS[2].point_id, POINTS[5].point_id]
        found = filled.retrieve(asked, payload_fields=())
        assert list(found) == [asked[0], asked[2], asked[3]]
        assert all(r.payload == {} and r.vectors == {} for r in found.values())

    def test_unknown_vectors_are_refused(self, filled: Collection) -> None:
        with pytest.raises(ValueError, match="no vector named 'x'"):
            filled.retrieve([UNKNOWN_ID], with_vectors=["x"])
        with pytest.raises(ValueError, match="no vector named 'x'"):
            next(filled.scroll(with_vectors=["x"]))

    def test_facets(self, filled: Collection) -> None:
        for field in ("artist", "style", "year_start"):
            for criteria in (Criteria(), Criteria((Between("year_start", least=1604),))):
                counts: Counter[Any] = Counter()
                for point in POINTS:
                    if meets(point, criteria):
                        value = point.payload.get(field, [])
                        counts.update(value if isinstance(value, list) else [value])
                wanted = sorted(
                    (FacetCount(v, n) for v, n in counts.items()), key=lambda f: (-f.count, f.value)
                )
                assert filled.facet(field, criteria) == wanted
                assert filled.facet(field, criteria, limit=2) == wanted[:2]

    @pytest.mark.parametrize("field", ["title", "width_cm", "extra", "nothing"])
    def test_facets_of_what_cannot_be_counted(self, filled: Collection, field: str) -> None:
        with pytest.raises(ValueError, match="artist, painting_id, style, year_start"):
            filled.facet(field)

    def test_stats(self, filled: Collection) -> None:
        assert filled.stats().points == len(POINTS)

    def test_words_ignore_case_and_order_but_are_whole(self, filled: Collection) -> None:
        for text in ("delft", "DELFT", "View delft", "delft  view!", "delf", "view of rome"):
            criteria = Criteria((Words("title", text),))
            assert [r.point_id for r in filled.scroll(criteria)] == ids(criteria)

    @pytest.mark.parametrize("text", ["", " ", "?!"])
    def test_a_text_without_words_meets_nothing(self, filled: Collection, text: str) -> None:
        assert filled.count(Criteria((Words("title", text),))) == 0

    def test_words_ignore_accents(self, backend: str, store: Store, name: str) -> None:
        if backend == "memory":
            pytest.skip("the client in memory has no text index, which folds accents")
        collection = store.create_collection(name, SCHEMA)
        titles = ["Étude à Málaga", "Etude", "Große Straße", "Søren"]
        collection.upsert(
            [Point(painting_point_id(t), {"first-1": np.ones(8)}, {"title": t}) for t in titles]
        )

        def found(text: str) -> set[str]:
            return {
                r.payload["title"] for r in collection.scroll(Criteria((Words("title", text),)))
            }

        assert found("etude") == {"Étude à Málaga", "Etude"}
        assert found("MALAGA étude") == {"Étude à Málaga"}
        assert found("strasse") == {"Große Straße"}
        assert found("soren") == {"Søren"}


conditions = st.one_of(
    st.builds(
        AnyOf,
        st.sampled_from(["artist", "style", "painting_id", "extra.inventory", "nothing"]),
        st.lists(st.sampled_from([*ARTISTS, *STYLES, "p001", "P002"]), max_size=3).map(tuple),
    ),
    st.builds(
        AnyOf,
        st.sampled_from(["year_start", "width_cm", "extra.room"]),
        st.lists(st.sampled_from([0, 1, 1.5, 2, 1603, 1604.0]), max_size=3).map(tuple),
    ),
    st.builds(
        Between,
        st.sampled_from(["year_start", "width_cm", "extra.room", "artist"]),
        st.none() | st.sampled_from([0.5, 1, 2, 1602, 1605.5]),
        st.none() | st.sampled_from([1.5, 2, 1604, 1608]),
    ).filter(lambda c: c.least is not None or c.most is not None),
    st.builds(Words, st.just("title"), st.lists(st.sampled_from(WORDS)).map(" ".join)),
    st.builds(Known, st.sampled_from(["artist", "style", "width_cm", "extra.room", "nothing"])),
    st.builds(HasVector, st.sampled_from(["second-1", "pixels"])),
    st.builds(
        Shows,
        st.just(("somebody",)),
        st.lists(st.sampled_from([p.point_id for p in POINTS]), max_size=40).map(tuple),
    ),
)
criteria_lists = st.builds(
    # Now and then with a condition both asked for and denied.
    lambda must, must_not, both: Criteria((*must, *both), (*must_not, *both)),
    st.lists(conditions, max_size=3).map(tuple),
    st.lists(conditions, max_size=2).map(tuple),
    st.just(()) | st.just(()) | st.tuples(conditions),
)


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(criteria=criteria_lists)
def test_any_criteria_choose_the_same_points(filled: Collection, criteria: Criteria) -> None:
    wanted = ids(criteria)
    assert filled.count(criteria) == len(wanted)
    assert [r.point_id for r in filled.scroll(criteria, payload_fields=())] == wanted
    request = SearchRequest(np.arange(8.0) - 3, "first-1", criteria, limit=100)
    (hits,) = filled.search([request])
    assert [h.point_id for h in hits] == [i for i, _ in expected_ranking(POINTS, request)]
