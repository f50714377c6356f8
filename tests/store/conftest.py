"""Stores to run the contract on, and a small gallery with an oracle for its answers."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from artsim.store.base import Store

SERVER_URL = os.environ.get("ARTSIM_TEST_QDRANT_URL")

BACKENDS = [
    "embedded",
    "memory",
    pytest.param(
        "server",
        marks=pytest.mark.skipif(
            SERVER_URL is None, reason="ARTSIM_TEST_QDRANT_URL names no server"
        ),
    ),
]


def open_backend(backend: str, folder: Path) -> Store:
    if backend == "embedded":
        from artsim.store.embedded import EmbeddedStore

        return EmbeddedStore(folder / "home")
    from qdrant_client import QdrantClient

    from artsim.store.server import ServerStore

    if backend == "memory":
        return ServerStore.from_client(QdrantClient(":memory:"), "memory")
    assert SERVER_URL is not None
    return ServerStore(SERVER_URL, os.environ.get("QDRANT_API_KEY"))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(backend: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_backend(backend, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def name(store: Store) -> Iterator[str]:
    """A collection name that nobody else uses; whatever is made there is deleted."""
    unique = f"test-{uuid.uuid4().hex}"
    yield unique
    for found in store.list_collections():
        if found.startswith(unique):
            store.delete_collection(found)
