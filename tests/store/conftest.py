"""Stores to run the contract on, in folders that are quick."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_backends import BACKENDS, open_backend

from artsim.store.protocol import Store


@pytest.fixture
def tmp_path(fast_folder: Path) -> Iterator[Path]:
    """Instead of pytest's own, which is on the disk."""
    with tempfile.TemporaryDirectory(dir=fast_folder) as folder:
        yield Path(folder)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(backend: str, tmp_path: Path) -> Iterator[Store]:
    with open_backend(backend, tmp_path) as opened:
        yield opened


@pytest.fixture
def name(store: Store) -> Iterator[str]:
    """A collection name that nobody else uses; whatever is made there is deleted."""
    unique = f"test-{uuid.uuid4().hex}"
    yield unique
    for found in store.list_collections():
        if found.startswith(unique):
            store.delete_collection(found)
