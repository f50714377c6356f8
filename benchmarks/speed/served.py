"""A server that ARTSIM_TEST_QDRANT_URL names: writing, questions to an open gallery, an ingest.

The baseline of writing is `upsert` of qdrant-client's models, of the same points into a collection
of the same schema, by turns; of the others, the same to an embedded gallery.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np
from qdrant_client import QdrantClient, models

from artsim.catalog.kinds import PAINTINGS, EncoderInfo
from artsim.catalog.payload import painting_point_id
from artsim.ingest.run import IngestOptions
from artsim.ingest.upkeep import push_gallery
from artsim.search.answer import find_similar
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import PIXELS, Gallery, open_gallery
from artsim.store.protocol import Collection, Point
from benchmarks.speed.bench import Bench, Promise, by_turns
from benchmarks.speed.gallery import MadeUpGallery, make_gallery
from benchmarks.speed.ingest import ingest_rate

LEAST_WRITING: Final = 5.5
LEAST_PUSHING: Final = 4.0
LEAST_INGEST: Final = 0.95
MOST_WITH_SSIM: Final = 1.75
"""Times the embedded gallery's."""
BATCH: Final = 100
DIM: Final = 384
_PROMISED: Final = {
    "writing to a server": f"at least {LEAST_WRITING} times as fast as qdrant-client's upsert",
    "push to a server": f"at least {LEAST_PUSHING:g} times as fast as qdrant-client's upsert",
    "query by id in an open gallery of a server": "two requests",
    "query by id in an open gallery of a server, with SSIM": (
        f"two requests, at most {MOST_WITH_SSIM} times embedded"
    ),
    "ingest into a server, built-in encoder, no faces": f"at least {LEAST_INGEST} of embedded",
}
_NAME: Final = "artsim-bench"
_NONE: Final = "not measured: ARTSIM_TEST_QDRANT_URL names no server on the same two cores"


def measure_server(bench: Bench) -> list[Promise]:
    """Time writing and questions on the server that the environment names."""
    url = os.environ.get("ARTSIM_TEST_QDRANT_URL")
    if url is None:
        return [Promise(name, promised, _NONE, "", None) for name, promised in _PROMISED.items()]
    key = os.environ.get("QDRANT_API_KEY")
    points = made_up_points(bench)
    encoder = EncoderInfo("made-up", "made-up", "v-1", DIM)
    with (
        open_gallery(home=bench.scratch / "home") as embedded,
        served(url, key) as gallery,
        served(url, key, "-pushed") as pushed,
    ):
        embedded.create(PAINTINGS, [encoder]).upsert(points)
        collection = gallery.create(PAINTINGS, [encoder])
        pushed.create(PAINTINGS, [encoder])
        client = QdrantClient(url=url, api_key=key, check_compatibility=False)
        bench.say(f"writing {len(points):,} points to {url}, by turns")
        seconds = by_turns(
            bench.sizes.ingest_rounds,
            models=lambda: upsert_models(client, collection.name, points),
            ours=lambda: upsert(collection, points),
        )
        writing = seconds["models"] / seconds["ours"]
        pushing = by_turns(1, pushed=lambda: push_gallery(embedded, pushed))["pushed"]
        rates = {name: len(points) / float(np.median(s)) for name, s in seconds.items()}
        rates["pushed"] = len(points) / float(pushing[0])
        ratio, push_ratio = float(np.median(writing)), rates["pushed"] / rates["models"]
        return [
            Promise(
                "writing to a server",
                _PROMISED["writing to a server"],
                f"{ratio:.1f} times ({rates['ours']:,.0f} points/s)",
                f"{rates['models']:,.0f} points/s",
                ratio >= LEAST_WRITING,
                numbers={"ratio": ratio, **rates},
            ),
            Promise(
                "push to a server",
                _PROMISED["push to a server"],
                f"{push_ratio:.1f} times ({rates['pushed']:,.0f} points/s)",
                f"{rates['models']:,.0f} points/s",
                push_ratio >= LEAST_PUSHING,
                numbers={"ratio": push_ratio},
            ),
            *measure_questions(bench, embedded, gallery),
            measure_ingest(bench, url, key),
        ]


def measure_questions(bench: Bench, embedded: Gallery, gallery: Gallery) -> Iterator[Promise]:
    """Time questions by id in both galleries, by turns, and count what is asked of the server."""
    wire = gallery.store._call.wire  # type: ignore[attr-defined]
    for rerank in (None, "ssim"):
        options = replace(SearchOptions(), rerank=rerank)
        ids = iter(range(10**9))

        def ask(of: Gallery, options: SearchOptions = options, ids: Any = ids) -> object:
            return find_similar(of, IdQuery(f"p{next(ids) % 500:07d}"), options=options)

        ask(gallery)
        ask(embedded)
        before = wire.count
        rounds = 10 * bench.sizes.rounds
        seconds = by_turns(rounds, embedded=lambda: ask(embedded), served=lambda: ask(gallery))
        ours, theirs = (float(np.median(seconds[name])) * 1e3 for name in ("served", "embedded"))
        ratio, requests = ours / theirs, (wire.count - before) / rounds
        name = "query by id in an open gallery of a server" + (", with SSIM" if rerank else "")
        yield Promise(
            name,
            _PROMISED[name],
            f"{ratio:.2f} times ({ours:.1f} ms, {requests:.0f} requests)",
            f"{theirs:.1f} ms embedded",
            # A third in five seconds asks how many points there are.
            round(requests) <= 2 and (rerank is None or ratio <= MOST_WITH_SSIM),
            numbers={"ratio": ratio, "ms": ours, "requests": requests},
        )


def measure_ingest(bench: Bench, url: str, key: str | None) -> Promise:
    """Ingest the same pictures by the built-in encoder into new galleries, by turns."""
    source, homes = bench.copies(bench.sizes.ingest_pictures), iter(range(10_000))
    options = IngestOptions(encoders=("builtin",), faces=False, batch_size=bench.sizes.batch_size)

    def ingest(opened: AbstractContextManager[Gallery]) -> float:
        return ingest_rate(source, opened, options, bench)

    bench.say(f"ingesting {bench.sizes.ingest_pictures} pictures, embedded and served by turns")
    rates = by_turns(
        bench.sizes.ingest_rounds,
        embedded=lambda: ingest(open_gallery(home=bench.scratch / f"own{next(homes)}")),
        served=lambda: ingest(served(url, key, "-ingested")),
    )
    ratio = float(np.median(rates["served"] / rates["embedded"]))
    ours, theirs = (float(np.median(rates[name])) for name in ("served", "embedded"))
    name = "ingest into a server, built-in encoder, no faces"
    return Promise(
        name,
        _PROMISED[name],
        f"{ratio:.2f}, {ours:.1f} pictures/s",
        f"{theirs:.1f} pictures/s",
        ratio >= LEAST_INGEST,
        bench.note,
        {"ratio": ratio, "served_per_s": ours, "embedded_per_s": theirs},
    )


@contextmanager
def served(url: str, key: str | None, suffix: str = "") -> Iterator[Gallery]:
    """Open a gallery of the server that is not there before nor afterwards."""
    with open_gallery(url=url, api_key=key, name=f"{_NAME}{suffix}") as gallery:
        name = gallery.collection_name(PAINTINGS)
        gallery.store.delete_collection(name)
        yield gallery
        gallery.store.delete_collection(name)


def made_up_points(bench: Bench) -> list[Point]:
    """Make paintings of so many numbers, pixels and metadata."""
    rng = np.random.default_rng(bench.seed)
    made: MadeUpGallery = make_gallery(bench.sizes.works, DIM, rng)
    return [
        Point(
            painting_point_id(f"p{i:07d}"),
            {"v-1": row, PIXELS: rng.integers(0, 256, 4096, dtype=np.uint8)},
            made.payload(i),
        )
        for i, row in enumerate(made.embeddings)
    ]


def upsert(collection: Collection, points: list[Point]) -> None:
    """Write points as artsim does."""
    for i in steps(points):
        collection.upsert(points[i : i + BATCH])


def upsert_models(client: QdrantClient, name: str, points: list[Point]) -> None:
    """Write points as the client's documentation does."""
    for i in steps(points):
        some = [
            models.PointStruct(
                id=p.point_id,
                vector={name: v.tolist() for name, v in p.vectors.items()},
                payload=p.payload,
            )
            for p in points[i : i + BATCH]
        ]
        client.upsert(name, some, wait=True)


def steps(points: list[Point]) -> range:
    """Return where each batch of points begins."""
    return range(0, len(points), BATCH)
