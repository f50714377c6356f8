"""The stores that the contract is run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_qdrant import local_qdrant

from artsim.store.embedded import EmbeddedStore
from artsim.store.protocol import CollectionSchema, ServerOptions, Store
from artsim.store.server import ServerStore

SERVER_URL = os.environ.get("ARTSIM_TEST_QDRANT_URL")
NO_SERVER = pytest.mark.skipif(SERVER_URL is None, reason="ARTSIM_TEST_QDRANT_URL names no server")

BACKENDS = [
    "embedded",
    "memory",
    *(pytest.param(name, marks=NO_SERVER) for name in ("one shard", "three shards")),
]


class ThreeShards(ServerStore):
    """A store whose collections have three shards unless it is told otherwise."""

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> Any:
        return super().create_collection(name, schema, options or ServerOptions(shards=3))


@contextmanager
def open_backend(backend: str, folder: Path) -> Iterator[Store]:
    if backend == "embedded":
        with EmbeddedStore(folder / "home") as store:
            yield store
        return
    key = os.environ.get("QDRANT_API_KEY")
    if backend == "memory":
        with local_qdrant() as url, ServerStore(url) as store:
            yield store
        return
    assert SERVER_URL is not None
    made = ThreeShards if backend == "three shards" else ServerStore
    with made(SERVER_URL, key) as store:
        yield store
