"""The stores that the contract is run on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artsim.store.protocol import Store

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
