"""The stores that the contract is run on."""

from __future__ import annotations

import atexit
import functools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_qdrant import local_qdrant

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.ingest.upkeep import push_gallery
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import Gallery
from artsim.store.protocol import CollectionSchema, ServerOptions, Store
from artsim.store.server import ServerStore
from benchmarks.qdrant_nodes import BINARY, running

NO_SERVER = pytest.mark.skipif(
    not os.environ.get("ARTSIM_TEST_QDRANT_URL") and BINARY is None,
    reason="neither ARTSIM_TEST_QDRANT_URL nor ARTSIM_TEST_QDRANT_BINARY names a server",
)

NO_BINARY = pytest.mark.skipif(
    BINARY is None, reason="ARTSIM_TEST_QDRANT_BINARY names no program to start nodes with"
)
THREE_NODES = pytest.param("three nodes", marks=[NO_BINARY, pytest.mark.slow])

BACKENDS = [
    "embedded",
    "memory",
    *(pytest.param(name, marks=NO_SERVER) for name in ("one shard", "three shards")),
    THREE_NODES,
]

_LAYOUTS = {
    "one shard": ServerOptions(),
    "three shards": ServerOptions(shards=3),
    "three nodes": ServerOptions(shards=6, replicas=2),
}


@functools.cache
def server_url() -> str:
    """Address of the server that the environment names, else of a node that this process runs."""
    return os.environ.get("ARTSIM_TEST_QDRANT_URL") or _run_to_the_end(1)


@functools.cache
def cluster_url() -> str:
    """Addresses of three nodes that this process runs."""
    return _run_to_the_end(3)


def _run_to_the_end(count: int) -> str:
    nodes = ExitStack()
    atexit.register(nodes.close)
    return ",".join(node.url for node in nodes.enter_context(running(count)))


class LaidOut(ServerStore):
    """A store whose collections are laid out in a way of its own unless it is told otherwise."""

    def __init__(self, url: str, layout: ServerOptions) -> None:
        super().__init__(url, os.environ.get("QDRANT_API_KEY"))
        self.layout = layout

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> Any:
        return super().create_collection(name, schema, options or self.layout)


@contextmanager
def open_backend(backend: str, folder: Path) -> Iterator[Store]:
    if backend == "embedded":
        with EmbeddedStore(folder / "home") as store:
            yield store
        return
    if backend == "memory":
        with local_qdrant() as url, ServerStore(url) as store:
            yield store
        return
    with open_layout(backend) as store:
        yield store


@contextmanager
def pushed_to(layout: str, source: Gallery, name: str) -> Iterator[Gallery]:
    """Copy a gallery to the server under a name, and delete it there before and after."""
    with open_layout(layout) as store, Gallery(store, name) as gallery:
        collections = [gallery.collection_name(kind) for kind in (PAINTINGS, FACES)]
        for collection in collections:
            store.delete_collection(collection)
        push_gallery(source, gallery)
        yield gallery
        for collection in collections:
            store.delete_collection(collection)


def open_layout(layout: str) -> LaidOut:
    """Open the server, or the three nodes, with collections laid out as the name says."""
    return LaidOut(cluster_url() if layout == "three nodes" else server_url(), _LAYOUTS[layout])
