"""Index settings of a served collection: recall and time under filters, at any number of points.

    artsim ingest $ARTSIM_TEST_DATA/public_domain --gallery works --no-faces
    python -m benchmarks.served_index build --home HOME --gallery works --url URL --points 300000
    python -m benchmarks.served_index measure --url URL --points 300000 --pid PID_OF_SERVER

Points are works moved towards the difference of two others, so that they lie as real ones do, each
with the payload of a work; small gray pictures, which no index has, are left out. What is built
already stays; `build` with `--quantization`, `--on-disk` or `--segments` lays it out anew in place.
Each query is asked in all ways in turn: exactly, and with each setting, by one client. The recall
is of the ten nearest of the exact answer. `--ways` are ``today`` or EF:SHARE:OVERSAMPLING, of which
the last or the last two may be left out; ACORN is for filters that pass at most SHARE.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from qdrant_client import QdrantClient, models

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Criteria, overlaps_years, painting_point_id
from artsim.search.neighbors import VectorTable, read_vectors
from artsim.store.gallery import open_gallery
from artsim.store.protocol import (
    Collection,
    CollectionSchema,
    Point,
    SearchRequest,
    ServerOptions,
    VectorSpec,
)
from artsim.store.server import ServerStore
from artsim.store.server_dialect import to_description, to_params, to_queries
from benchmarks.quality_judge import table

VECTOR: Final = "v"
_BATCH: Final = 2000
_QUERIES: Final = 100
_HITS: Final = 10
_YEARS: Final[Mapping[str, tuple[int, int] | None]] = {
    "none": None,
    "1500 to 1900": (1500, 1900),
    "1600 to 1860": (1600, 1860),
    "1700 to 1900": (1700, 1900),
    "1650 to 1800": (1650, 1800),
    "1800 to 1860": (1800, 1860),
    "1600 to 1650": (1600, 1650),
    "1510 to 1530": (1510, 1530),
    "1640 to 1642": (1640, 1642),
}

Floats = npt.NDArray[np.floating[Any]]


def made_up(works: npt.NDArray[np.float32], rng: np.random.Generator, count: int) -> Floats:
    """Return unit vectors: each a work moved by 0.3 to 0.8 of the difference of two others."""
    one, other, third = rng.integers(0, len(works), (3, count))
    share = rng.uniform(0.3, 0.8, (count, 1)).astype(np.float32)
    rows = works[one] + share * (works[other] - works[third])
    rows += rng.normal(0, 0.01, rows.shape).astype(np.float32)
    made: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def points_of(works: VectorTable, first: int, count: int) -> Iterator[list[Point]]:
    """Yield batches of points, the same ones wherever a run goes on."""
    vectors = np.asarray(works.vectors, np.float32)
    for start in range(first, count, _BATCH):
        rng = np.random.default_rng([1, start])
        rows = made_up(vectors, rng, min(_BATCH, count - start))
        chosen = rng.integers(0, len(works), len(rows))
        yield [
            Point(
                painting_point_id(f"m{start + i}"),
                {VECTOR: row.astype(np.float32)},
                {**works.payloads[work], "painting_id": f"m{start + i}"},
            )
            for i, (row, work) in enumerate(zip(rows, chosen, strict=True))
        ]


def build(args: argparse.Namespace, store: ServerStore) -> None:
    """Write what is missing, and wait until it is indexed."""
    with open_gallery(home=args.home, name=args.gallery) as gallery:
        name = next(iter(gallery.encoders(PAINTINGS)))
        works = read_vectors(gallery[PAINTINGS], name)
    schema = CollectionSchema(
        {VECTOR: VectorSpec(works.vectors.shape[1])}, PAINTINGS.indexes, {"part": "paintings"}
    )
    options = ServerOptions(quantization=args.quantization, on_disk=args.on_disk)
    collection = store.create_collection(args.name, schema, options)
    begun, there = time.monotonic(), collection.count() // _BATCH * _BATCH
    for batch in points_of(works, there, args.points):
        collection.upsert(batch)
    print(f"written in {time.monotonic() - begun:.0f} s", flush=True)
    lay_out(client_of(args), args, to_params(schema.vectors[VECTOR], options))
    wait_until_indexed(client_of(args), args.name)
    print(f"indexed after {time.monotonic() - begun:.0f} s", flush=True)


def lay_out(client: QdrantClient, args: argparse.Namespace, params: models.VectorParams) -> None:
    """Tell the server how the collection is to lie, whatever it was before."""
    quantization = params.quantization_config or models.Disabled.DISABLED
    client.update_collection(
        args.name,
        vectors_config={
            VECTOR: models.VectorParamsDiff(
                on_disk=bool(params.on_disk), quantization_config=quantization
            )
        },
        optimizers_config=models.OptimizersConfigDiff(default_segment_number=args.segments),
    )


def wait_until_indexed(client: QdrantClient, name: str) -> None:
    """Return once the collection has been green for a while."""
    calm = 0
    while calm < 3:
        calm = calm + 1 if client.get_collection(name).status == "green" else 0
        time.sleep(2)


def measure(args: argparse.Namespace, store: ServerStore) -> None:
    """Print a row for each filter and way."""
    client, collection = client_of(args), store.open_collection(args.name)
    info = client.get_collection(args.name)
    print(f"{info.points_count:,} points in {info.segments_count} segments", flush=True)
    total, rows = collection.count(), []
    for label, years in _YEARS.items():
        criteria = Criteria() if years is None else Criteria(overlaps_years(*years))
        share = collection.count(criteria) / total
        named = f"{label}, {100 * share:.1f} %" if years else label
        rows += [[named, *row] for row in compare(args, client, collection, criteria)]
    heads = ["filter, passes", "way", "recall@10", "p50 ms", "p95 ms", "p95 of exact"]
    print("\n" + table(heads, rows))
    if args.pid:
        said = Path(f"/proc/{args.pid}/status").read_text().splitlines()
        print("\n" + ", ".join(line for line in said if line.startswith(("RssAnon", "RssFile"))))


def compare(
    args: argparse.Namespace, client: QdrantClient, collection: Collection, criteria: Criteria
) -> list[list[str]]:
    """Ask every query in all ways in turn, and return a row for each way."""
    said = to_description(client.get_collection(args.name), args.name)
    seconds: dict[str, list[float]] = {way: [] for way in ("exact", *args.ways)}
    found: dict[str, list[set[str]]] = {way: [] for way in seconds}
    for number, vector in enumerate(queries_of(collection)):
        request = SearchRequest(vector, VECTOR, criteria, limit=_HITS)
        (made,) = to_queries(request, said, payload=False)
        query = models.QueryRequest.model_validate(made)
        ways = list(seconds)
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            asked = query.model_copy(update={"params": params_of(way, query.params)})
            begun = time.perf_counter()
            answer = client.query_batch_points(args.name, [asked])[0]
            seconds[way].append(1e3 * (time.perf_counter() - begun))
            found[way].append({str(point.id) for point in answer.points})
    exact = np.percentile(seconds["exact"], 95)
    rows = []
    for way, times in seconds.items():
        pairs = zip(found[way], found["exact"], strict=True)
        recall = np.mean([len(ids & right) / max(1, len(right)) for ids, right in pairs])
        p50, p95 = np.percentile(times, [50, 95])
        rows.append([way, f"{recall:.3f}", f"{p50:.1f}", f"{p95:.1f}", f"{p95 / exact:.2f}"])
    return rows


def queries_of(collection: Collection) -> list[npt.NDArray[np.float32]]:
    """Return vectors that lie as the points do: between two of them that are nobody's."""
    few = (record.vectors[VECTOR] for record in collection.scroll(with_vectors=(VECTOR,)))
    works = np.stack([vector for _, vector in zip(range(2000), few, strict=False)])
    rows = made_up(works, np.random.default_rng(2), _QUERIES)
    return list(rows.astype(np.float32))


def params_of(way: str, today: Any) -> models.SearchParams:
    """Return what a way asks for: ``exact``, ``today``, or EF:SHARE:OVERSAMPLING."""
    if way == "today":
        return models.SearchParams.model_validate(today)
    if way == "exact":
        return models.SearchParams(exact=True, quantization={"ignore": True})
    ef, share, oversampling = [*way.split(":"), "", ""][:3]
    acorn = models.AcornSearchParams(enable=True, max_selectivity=float(share)) if share else None
    asked = models.SearchParams.model_validate(today).model_copy(
        update={"hnsw_ef": int(ef), "acorn": acorn}
    )
    if oversampling:
        asked.quantization = models.QuantizationSearchParams(
            rescore=True, oversampling=float(oversampling)
        )
    return asked


def client_of(args: argparse.Namespace) -> QdrantClient:
    """Return a client that does not give up while the server builds."""
    return QdrantClient(url=args.url, check_compatibility=False, timeout=600)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build or measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=["build", "measure"])
    parser.add_argument("--url", default=os.environ.get("ARTSIM_TEST_QDRANT_URL"), required=False)
    parser.add_argument("--points", type=int, default=300_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--gallery")
    parser.add_argument("--quantization", choices=["none", "int8"], default="none")
    parser.add_argument("--on-disk", action="store_true")
    parser.add_argument("--segments", type=int, default=0, help="0 as the server chooses")
    parser.add_argument("--pid", type=int, help="of the server, whose memory is told")
    parser.add_argument("--ways", nargs="+", default=["today", "256", "128", "64"])
    args = parser.parse_args(arguments)
    args.name = f"artsim-index-{args.points}"
    with ServerStore(args.url) as store:
        (build if args.task == "build" else measure)(args, store)


if __name__ == "__main__":
    main()
