"""How local points of fifty works are written, and come fastest from a server: forms side by side.

    python -m benchmarks.served_points [--url http://127.0.0.1:6333 [--grpc 6334] [--process ID]]

A collection of fifty works with 500 made-up points each is written, read in each form, and deleted;
without a server it is an embedded one, read as artsim does. Printed are wall and own processor time
of the fastest of five, and of a server the bytes, and, where its process on this machine is given,
its processor time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import orjson
from qdrant_client import QdrantClient

from artsim.catalog.kinds import POINT_DIM, POINTS
from artsim.images.local_points import POINT_COUNT
from artsim.store.embedded import EmbeddedStore
from artsim.store.protocol import CollectionSchema, Point, VectorSpec
from artsim.store.server import ServerStore

WORKS = 50
_NAME = "transfer-of-points"


def server_time(process: int | None) -> float:
    """Return the seconds of processor time that a process has used; 0 of none."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(name: str, act: Callable[[], object], process: int | None) -> None:
    """Print how long it takes to write, or to read in one form."""
    before, times = server_time(process), []
    for _ in range(5):
        begun, own = time.perf_counter(), time.process_time()
        act()
        times.append((time.perf_counter() - begun, time.process_time() - own))
    wall, own = min(times)
    each = (server_time(process) - before) / 5
    print(f"{name}: {1e3 * wall:.0f} ms, own {1e3 * own:.0f} ms, server {1e3 * each:.0f} ms")


def main() -> None:
    """Write, read in each form, and delete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--grpc", type=int, default=6334)
    parser.add_argument("--process", type=int)
    args = parser.parse_args()
    random = np.random.default_rng(0)
    spec = VectorSpec(POINT_DIM, "dot", "uint8", indexed=False, many=True)
    rows = random.integers(0, 256, (WORKS, POINT_COUNT + 1, POINT_DIM), dtype=np.uint8)
    ids = [str(uuid.UUID(bytes=random.bytes(16))) for _ in rows]
    works = [Point(i, {POINTS: of}) for i, of in zip(ids, rows, strict=True)]
    if args.url is None:
        with tempfile.TemporaryDirectory() as home, EmbeddedStore(Path(home)) as own:
            collection = own.create_collection(_NAME, CollectionSchema({POINTS: spec}))
            measure("written, at first or again", lambda: collection.upsert(works), None)
            measure("read", lambda: collection.retrieve(ids, with_vectors=[POINTS]), None)
        return
    address = f"{args.url}/collections/{_NAME}/points"
    asked = orjson.dumps({"ids": ids, "with_vector": [POINTS], "with_payload": False})
    with ServerStore(args.url) as store, httpx.Client(timeout=60) as http:
        store.delete_collection(_NAME)
        collection = store.create_collection(_NAME, CollectionSchema({POINTS: spec}))
        collection.upsert(works)

        def ask(coding: str) -> httpx.Response:
            headers = {"Content-Type": "application/json", "Accept-Encoding": coding}
            return http.post(address, content=asked, headers=headers)

        def as_json() -> object:
            found = orjson.loads(ask("identity").content)["result"]
            return [np.array(point["vector"][POINTS], np.uint8) for point in found]

        def as_grpc() -> object:
            found = client.retrieve(_NAME, ids, with_vectors=[POINTS], with_payload=False)
            return [np.array(point.vector[POINTS], np.float32) for point in found]  # type: ignore[call-overload,index]

        for coding in ("identity", "gzip"):
            print(f"JSON, {coding}: {ask(coding).num_bytes_downloaded / 1e6:.1f} MB")
            measure(f"JSON, {coding}, not read", lambda coding=coding: ask(coding), args.process)  # type: ignore[misc]
        measure(
            "JSON, artsim's reader",
            lambda: collection.retrieve(ids, with_vectors=[POINTS]),
            args.process,
        )
        measure("JSON, orjson and NumPy", as_json, args.process)
        client = QdrantClient(
            url=args.url,
            grpc_port=args.grpc,
            prefer_grpc=True,
            timeout=60,
            check_compatibility=False,
        )
        measure("gRPC, qdrant-client", as_grpc, args.process)
        measure("written again", lambda: collection.upsert(works), args.process)
        store.delete_collection(_NAME)


if __name__ == "__main__":
    main()
