"""What `artsim info` says of a served gallery, and how one made before is brought up to date."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from fake_server import serving
from local_qdrant import LocalQdrant, local_qdrant
from qdrant_client import QdrantClient, models
from small_gallery import ENCODER
from store_backends import NO_SERVER, server_url
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.catalog.payload import painting_point_id
from artsim.cli import app
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Point, SearchRequest, ServerOptions, ServerState, VectorSpec
from artsim.store.server_dialect import to_consistency

WORKS = 60
QUERY = SearchRequest(np.ones(12), ENCODER.vector_name, limit=20)


@pytest.fixture(params=["memory", pytest.param("server", marks=NO_SERVER)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "server":
        yield server_url()
        return
    with local_qdrant() as address:
        yield address


@pytest.fixture
def gallery(url: str) -> Iterator[Gallery]:
    with open_gallery(url=url, name=f"test-{uuid.uuid4().hex}") as opened:
        yield opened
        for kind in (PAINTINGS, FACES):
            opened.store.delete_collection(opened.collection_name(kind))


def make_as_before(url: str, gallery: Gallery, kind: Kind) -> None:
    """Make a collection as earlier versions did, by the client alone."""
    client = QdrantClient(url, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False)
    name = gallery.collection_name(kind)
    bare = models.HnswConfigDiff(m=0, payload_m=0)
    embedding = models.VectorParams(size=12, distance=models.Distance.COSINE)
    pixels = models.VectorParams(
        size=16,
        distance=models.Distance.EUCLID,
        datatype=models.Datatype.UINT8,
        hnsw_config=bare,
    )
    notes = {"part": kind.name, "pixels_side": 4, "encoders": [asdict(ENCODER)], "reading": 2}
    client.create_collection(
        name,
        {ENCODER.vector_name: embedding, "pixels": pixels},
        hnsw_config=models.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10_000),
        replication_factor=3,
        write_consistency_factor=1,
        metadata={"artsim": notes},
    )
    for field, index in kind.indexes.items():
        params: Any = getattr(models, f"{index.title()}IndexParams")(type=index)
        client.create_payload_index(name, field, params, wait=True)
    client.close()


def fill(gallery: Gallery, kind: Kind) -> None:
    rng = np.random.default_rng(5)
    points = []
    for number in range(WORKS):
        vectors = {
            ENCODER.vector_name: rng.standard_normal(12),
            "pixels": rng.integers(0, 256, 16, dtype=np.uint8),
        }
        payload = {"painting_id": f"p{number}", "title": f"Saint {number % 7}", "tags": ["a"]}
        points.append(Point(painting_point_id(f"p{number}"), vectors, payload))
    gallery[kind].upsert(points)


def run(command: str, url: str, gallery: Gallery, *more: str) -> Any:
    return CliRunner().invoke(app, [command, "--url", url, "-g", str(gallery.name), *more])


def state(gallery: Gallery, kind: Kind = PAINTINGS) -> ServerState:
    found = gallery[kind].stats().server
    assert found is not None
    return found


LACKS = (
    "pixels in memory",
    "other settings of the index",
    "a write consistency of 1 instead of 2",
)


def test_one_made_before_is_brought_up_to_date(url: str, gallery: Gallery) -> None:
    for kind in (PAINTINGS, FACES):
        make_as_before(url, gallery, kind)
        fill(gallery, kind)
    assert state(gallery).lacks == LACKS
    before = [(hit.point_id, hit.score) for hit in gallery[PAINTINGS].search([QUERY])[0]]
    told = run("info", url, gallery)
    assert told.exit_code == 0
    assert f"made them, with {', '.join(LACKS)}" in " ".join(told.stderr.split())
    repaired = run("repair", url, gallery)
    assert repaired.exit_code == 0, repaired.output
    assert "brought up to date, 60 points" in repaired.output
    for kind in (PAINTINGS, FACES):
        assert state(gallery, kind).lacks == ()
        assert state(gallery, kind).write_consistency == 2
    after = [(hit.point_id, hit.score) for hit in gallery[PAINTINGS].search([QUERY])[0]]
    assert before == after
    told = run("info", url, gallery)
    assert "earlier versions" not in told.output
    again = json.loads(run("repair", url, gallery, "-f", "json").stdout)
    assert again["sound"] is True
    assert [one["renewed"] for one in again["collections"]] == [[], []]


@pytest.mark.parametrize(
    "replicas", [None, 2, *(pytest.param(count, marks=pytest.mark.slow) for count in (1, 3))]
)
def test_a_new_one_lacks_nothing(url: str, gallery: Gallery, replicas: int | None) -> None:
    gallery.create(PAINTINGS, [ENCODER], pixels_side=4, options=ServerOptions(replicas=replicas))
    fill(gallery, PAINTINGS)
    found = state(gallery)
    gallery[PAINTINGS].add_vectors({"more": VectorSpec(16, "euclid", "uint8", indexed=False)})
    assert state(gallery).lacks == found.lacks == ()
    assert (found.shards, found.replicas) == (1, replicas or 1)
    assert (found.write_consistency, found.vectors) == (to_consistency(replicas or 1), 2 * WORKS)
    assert found.alive == found.copies
    told = run("info", url, gallery)
    assert f"of {3 * WORKS:,} vectors indexed" in told.stdout
    described = json.loads(run("info", url, gallery, "-f", "json").stdout)
    served = described["galleries"][0]["collections"][0]["server"]
    assert served["survives"] == found.survives
    assert served["status"] in ("green", "yellow", "grey")


def test_what_a_write_survives() -> None:
    assert [to_consistency(replicas) for replicas in range(1, 7)] == [1, 1, 2, 3, 3, 4]
    one = ServerState("green", 0, 0, 1, 1, None, None, 1, ())
    two, three = (replace(one, replicas=n, write_consistency=to_consistency(n)) for n in (2, 3))
    assert "on one node alone" in one.survives
    assert "is on 1 of 2 replicas before it is told done, and on every other" in two.survives
    assert three.survives == (
        "a write is on 2 of 3 replicas before it is told done: it survives the loss of one node"
    )
    five = replace(one, replicas=5, write_consistency=to_consistency(5))
    assert five.survives.endswith(
        "on 3 of 5 replicas before it is told done: it survives the loss of 2 nodes"
    )


class Cluster(LocalQdrant):
    """Three nodes, of which one does not answer: the others still count its replicas as active."""

    telemetry = True

    def answer(self, command: str, parts: list[str], body: dict[str, Any]) -> Any:
        if parts == ["telemetry"] and self.telemetry:
            said = {"1": True, "2": True, "3": False}
            peers = {peer: {"uri": "http://x/", "responsive": here} for peer, here in said.items()}
            return {"collections": {}, "cluster": {"enabled": True, "peers": peers}}
        found = super().answer(command, parts, body)
        if parts[1:] == ["cluster"]:
            states = [(2, "Active"), (3, "Active"), (2, "Partial"), (3, "ActiveRead")]
            away = [{"shard_id": 0, "peer_id": n, "state": state} for n, state in states]
            return {**found, "shard_count": 2, "remote_shards": away}
        return found


@pytest.mark.slow
@pytest.mark.parametrize(("telemetry", "alive"), [(True, 2), (False, 4)])
def test_how_many_replicas_are_alive(telemetry: bool, alive: int) -> None:
    node = Cluster()
    node.telemetry = telemetry
    with serving(node) as server, open_gallery(url=server.url) as gallery:
        gallery.create(PAINTINGS, [ENCODER], pixels_side=4, options=ServerOptions(replicas=3))
        told = CliRunner().invoke(app, ["info", "--url", server.url])
        assert f"2 shards, 3 replicas of each ({alive} of 5 alive); a write is on 2" in told.stdout
