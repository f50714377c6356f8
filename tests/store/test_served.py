"""A real server answers as the embedded engine: on one shard, on three, in strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from server_commands import STRICT
from store_backends import NO_SERVER, THREE_NODES, LaidOut, open_layout, pushed_to

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo, Kind
from artsim.catalog.payload import (
    AnyOf,
    Between,
    Criteria,
    HasVector,
    Known,
    Words,
    overlaps_years,
    painting_point_id,
)
from artsim.errors import StoreError
from artsim.ingest.upkeep import push_gallery
from artsim.search.answer import find_similar
from artsim.search.export import export_jsonl
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import PIXELS, Gallery, open_gallery
from artsim.store.protocol import Point, SearchRequest

pytestmark = NO_SERVER

WORKS = 240
ENCODERS = [EncoderInfo("builtin", "builtin", "builtin-v3", 12)]
ARTISTS = ["Giotto", "Duccio", "Cimabue", "Frans Hals", "Jan Steen", "Sassetta", "Fra Angelico"]
STYLES = ["Gothic", "Baroque", "Proto-Renaissance"]


def fill(gallery: Gallery) -> None:
    """Make a gallery of works in which every field has its gaps."""
    rng = np.random.default_rng(11)
    for kind in (FACES, PAINTINGS):
        points = []
        for number in range(WORKS):
            name = f"p{number:03d}"
            payload: dict[str, Any] = {
                "painting_id": name,
                "title": f"Saint {number % 7} Enthroned",
            }
            if number % 6:
                payload |= {"artist": ARTISTS[int(rng.integers(7) * rng.random())]}
            if number % 5:
                payload |= {"style": sorted({str(s) for s in rng.choice(STYLES, 2)})}
            if number % 4:
                first = int(rng.integers(1200, 1700))
                payload |= {"year_start": first, "year_end": first + int(rng.integers(40))}
            payload["extra"] = {"room": number % 9}
            if kind == FACES:
                payload |= {"face_index": 0, "box": [1.0, 2.0, 30.0, 40.0], "detection_score": 0.9}
                payload["face_size"] = 30
            vectors = {
                "builtin-v3": rng.standard_normal(12),
                PIXELS: rng.integers(0, 256, 256, dtype=np.uint8),
            }
            point_id = FACES.point_id(name, 0) if kind == FACES else painting_point_id(name)
            points.append(Point(point_id, vectors, payload))
        gallery.create(kind, ENCODERS, pixels_side=16).upsert(points)


@pytest.fixture(scope="module")
def embedded(fast_folder: Path) -> Iterator[Gallery]:
    with open_gallery(home=fast_folder / "compared") as gallery:
        fill(gallery)
        yield gallery


@pytest.fixture(scope="module", params=["one shard", "three shards", THREE_NODES])
def served(request: pytest.FixtureRequest, embedded: Gallery) -> Iterator[Gallery]:
    with pushed_to(request.param, embedded, "compared") as gallery:
        yield gallery


GIOTTO = AnyOf("artist", ("Giotto",))
FILTERS = [
    Criteria(),
    Criteria((GIOTTO,)),
    Criteria((GIOTTO,), (GIOTTO,)),
    Criteria((AnyOf("style", ("Gothic", "Baroque")),), (GIOTTO, AnyOf("style", ("Gothic",)))),
    Criteria(overlaps_years(1400, 1500)),
    Criteria((Between("year_start", 1300, 1600),), (Between("year_start", 1300, 1600),)),
    Criteria((Words("title", "saint 3"), Known("artist"))),
    Criteria((HasVector("builtin-v3"),), (Known("style"),)),
    Criteria((AnyOf("extra.room", (3, 4)),)),
]


def answers(gallery: Gallery, kind: Kind, criteria: Criteria, rerank: str | None) -> list[Any]:
    """Return ids and scores of some questions of one form."""
    found = []
    for options in (
        SearchOptions(limit=10, rerank=rerank, rerank_depth=30),
        SearchOptions(limit=7, offset=5, rerank=rerank, rerank_depth=12, exact=True),
    ):
        for number in (0, 77, 151):
            query = IdQuery(f"p{number:03d}")
            hits = find_similar(gallery, query, criteria, options, kind=kind).hits
            found.append([(h.point_id, h.score, h.rerank_score or 0.0) for h in hits])
    return found


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
@pytest.mark.parametrize("kind", [PAINTINGS, FACES])
def test_questions_have_the_same_answers(
    kind: Kind, rerank: str | None, embedded: Gallery, served: Gallery
) -> None:
    for criteria in FILTERS:
        ours, theirs = (answers(g, kind, criteria, rerank) for g in (embedded, served))
        for one, other in zip(ours, theirs, strict=True):
            assert [hit[0] for hit in one] == [hit[0] for hit in other], criteria
            np.testing.assert_allclose(
                [hit[1:] for hit in one], [hit[1:] for hit in other], atol=1e-6
            )


def test_counts_and_facets_are_the_same(embedded: Gallery, served: Gallery) -> None:
    ours, theirs = embedded[PAINTINGS], served[PAINTINGS]
    for criteria, field in product(FILTERS, ("artist", "style", "year_start", "painting_id")):
        assert ours.count(criteria) == theirs.count(criteria)
        for limit in (1, 2, 5, 1000):
            assert ours.facet(field, criteria, limit=limit) == theirs.facet(
                field, criteria, limit=limit
            ), (criteria, field, limit)


def test_an_open_gallery_is_not_described_again(served: Gallery) -> None:
    find_similar(served, IdQuery("p000"))
    wire = served.store._call.wire  # type: ignore[attr-defined]
    before = wire.count
    find_similar(served, IdQuery("p001"))
    assert wire.count <= before + 2


def test_an_answer_tells_how_many_points_there_are_while_some_are_written(
    served: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> int:
        return find_similar(served, IdQuery("p000")).source.points

    layout = served.store.layout  # type: ignore[attr-defined]
    location = served.store.location
    assert told() == WORKS
    more = [
        Point(PAINTINGS.point_id(f"more {n}"), {"builtin-v3": np.ones(12)}, {"painting_id": "x"})
        for n in range(40)
    ]
    with LaidOut(location, layout) as store:
        others = Gallery(store, served.name)[PAINTINGS]
        others.upsert(more[:30])
        monkeypatch.setattr("artsim.store.server.COUNTED", 0.0)
        assert told() == WORKS + 30
        served[PAINTINGS].upsert(more[20:])
        monkeypatch.undo()
        assert told() == WORKS + 40
        served[PAINTINGS].delete_ids([point.point_id for point in more])
        assert told() == WORKS
        # Opened anew, as a command does: as the server described it, or counted.
        for n in range(20):
            others.upsert(more[2 * n : 2 * n + 2])
            with LaidOut(location, layout) as again:
                stats = Gallery(again, served.name)[PAINTINGS].stats(on_disk=False)
                assert stats.points == WORKS + 2 * n + 2
        others.delete_ids([point.point_id for point in more])


@pytest.fixture(scope="module")
def strict(embedded: Gallery) -> Iterator[Gallery]:
    """A gallery of a server that allows what hosted servers do."""
    with pushed_to("one shard", embedded, "strict") as gallery:
        limits = {**STRICT, "search_max_batchsize": 3, "upsert_max_batchsize": 60}
        client = gallery.store._client  # type: ignore[attr-defined]
        for kind in (PAINTINGS, FACES):
            client.update_collection(gallery.collection_name(kind), strict_mode_config=limits)
        with Gallery(open_layout("one shard"), "strict") as opened:
            yield opened


class TestStrictMode:
    @pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
    def test_questions(self, rerank: str | None, embedded: Gallery, strict: Gallery) -> None:
        options = SearchOptions(limit=70, rerank=rerank)
        for criteria in FILTERS[:-1]:
            ours, theirs = (
                find_similar(g, IdQuery("p005"), criteria, options).hits for g in (embedded, strict)
            )
            assert [h.point_id for h in ours] == [h.point_id for h in theirs]
            for one, other in zip(ours, theirs, strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-6)
                assert one.rerank_score == pytest.approx(other.rerank_score, abs=1e-6)

    def test_counts_facets_and_lists_are_exact(self, embedded: Gallery, strict: Gallery) -> None:
        ours, theirs = embedded[PAINTINGS], strict[PAINTINGS]
        for criteria in FILTERS[:-1]:
            assert ours.count(criteria) == theirs.count(criteria)
            assert ours.facet("style", criteria) == theirs.facet("style", criteria)
        for limit in (2, 60):
            assert ours.facet("painting_id", limit=limit) == theirs.facet(
                "painting_id", limit=limit
            )
        read = [list(c.scroll(with_vectors=[PIXELS])) for c in (ours, theirs)]
        assert [r.point_id for r in read[0]] == [r.point_id for r in read[1]]
        assert [r.payload for r in read[0]] == [r.payload for r in read[1]]

    def test_export_and_a_second_push(
        self, embedded: Gallery, strict: Gallery, tmp_path: Path
    ) -> None:
        assert export_jsonl(strict, tmp_path / "works.jsonl", Criteria(), vectors=True) == WORKS
        assert push_gallery(embedded, strict).written == 0
        point = Point(painting_point_id("p000"), {"builtin-v3": np.ones(12)}, {"painting_id": "x"})
        strict[PAINTINGS].upsert([point])
        assert push_gallery(embedded, strict).written == 1

    def test_what_is_not_allowed_is_said(self, strict: Gallery) -> None:
        paintings = strict[PAINTINGS]
        exact = SearchRequest(np.ones(12), "builtin-v3", exact=True)
        with pytest.raises(StoreError, match="strict mode allows no exact search"):
            paintings.search([exact])
        with pytest.raises(StoreError, match=r"strict mode allows no filter on 'extra\.room'"):
            paintings.count(FILTERS[-1])
        with pytest.raises(StoreError, match=r"strict mode allows no filter on 'extra\.room'"):
            paintings.search([SearchRequest(np.ones(12), "builtin-v3", FILTERS[-1])])
        with pytest.raises(StoreError, match=r"strict mode allows no filter on 'extra\.room'"):
            paintings.delete(FILTERS[-1])
