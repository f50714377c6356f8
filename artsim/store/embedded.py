"""Galleries in a folder of this machine: the Qdrant engine inside the process."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Final

import qdrant_edge as edge

from artsim.errors import CollectionNotFoundError, listed, shortened
from artsim.store.data_folder import (
    DISK_RESERVE,
    FolderLock,
    check_space,
    check_store_folder,
    mark_store_folder,
    sync_folder,
    write_schema,
)
from artsim.store.edge_dialect import create_index, edge_errors, to_config
from artsim.store.embedded_collection import SHARD, EmbeddedCollection, closed_error
from artsim.store.protocol import (
    CollectionSchema,
    ServerOptions,
    Store,
    check_collection_name,
)

_STALE_SECONDS: Final = 3600
"""Age at which a half-made collection is no longer being made."""


class EmbeddedStore(Store):
    """Collections in a folder, one engine shard each; one process at a time per collection.

    ``<folder>/artsim.json`` marks the folder, ``<folder>/collections/<name>/`` holds
    ``collection.json`` (schema and notes), ``lock``, and the engine's ``shard``. Nothing
    is written before the first collection is created. Threads may share a store.

    Parameters
    ----------
    folder : Path
        Need not exist yet.
    disk_reserve : int
        Bytes that writing leaves free on the disk.
    wait : float
        Seconds to wait for another process that has a collection open.

    Raises
    ------
    StoreError
        If `folder` is a file, or a folder of other things.
    """

    def __init__(
        self, folder: Path, *, disk_reserve: int = DISK_RESERVE, wait: float = 0.0
    ) -> None:
        self._folder = folder
        self._disk_reserve = disk_reserve
        self._wait = wait
        # Held while collections come and go, so that two threads do not open one twice: the
        # second would find it locked.
        self._lock = threading.RLock()
        self._open: dict[str, EmbeddedCollection] = {}
        self._closed = False
        with edge_errors(folder, "opening"):
            check_store_folder(folder)

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._folder)

    def check_version(self) -> None:
        """Do nothing: the engine comes with artsim."""

    def list_collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(
            path.name
            for path in self._root.iterdir()
            if not path.name.startswith(".") and path.is_dir()
        )

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> EmbeddedCollection:
        """Create a collection, or bring the existing one up to `schema`; see `Store`."""
        check_collection_name(name)
        with self._lock:
            if name not in self.list_collections():
                with edge_errors(self._root / name, "creating"):
                    mark_store_folder(self._folder)
                    self._root.mkdir(exist_ok=True)
                    check_space(self._folder, self._disk_reserve)
                    self._create(name, schema)
                return self.open_collection(name)
            collection = self.open_collection(name)
            collection.adopt(schema)
            return collection

    def open_collection(self, name: str) -> EmbeddedCollection:
        """Open a collection, once per store; see `Store`."""
        with self._lock:
            if self._closed:
                raise closed_error(self._folder)
            if name not in self._open:
                if name not in self.list_collections():
                    known = listed(self.list_collections())
                    raise CollectionNotFoundError(
                        f"{self._folder} has no collection {shortened(name)!r}; there is: {known}"
                    )
                self._open[name] = EmbeddedCollection(
                    self._root / name, self._disk_reserve, wait=self._wait, on_close=self._forget
                )
            return self._open[name]

    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""
        with self._lock:
            if name not in self.list_collections():
                return
            if name in self._open:
                self._open[name].close()
            folder = self._root / name
            with edge_errors(folder, "deleting"):
                lock = FolderLock(folder, self._wait)
                # Renamed first: a crash in the middle leaves no half of a collection.
                doomed = self._root / f".deleted-{name}-{os.getpid()}"
                folder.rename(doomed)
                lock.release()
                shutil.rmtree(doomed)

    def close(self) -> None:
        """Flush and release everything, once the calls that other threads have begun end."""
        with self._lock:
            self._closed = True
            for collection in list(self._open.values()):
                collection.close()

    @property
    def _root(self) -> Path:
        return self._folder / "collections"

    def _forget(self, collection: EmbeddedCollection) -> None:
        with self._lock:
            if self._open.get(collection.name) is collection:
                del self._open[collection.name]

    def _create(self, name: str, schema: CollectionSchema) -> None:
        """Make a whole collection aside, then give it its name: there is never a half."""
        self._sweep()
        aside = self._root / f".new-{name}-{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        make_collection(aside, schema)
        try:
            aside.rename(self._root / name)
        except OSError:
            if not (self._root / name).is_dir():
                raise
            shutil.rmtree(aside)  # another process was faster
        sync_folder(self._root)

    def _sweep(self) -> None:
        """Remove what processes that died left of collections half made or half deleted."""
        for path in [*self._root.glob(".new-*"), *self._root.glob(".deleted-*")]:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def make_collection(folder: Path, schema: CollectionSchema) -> None:
    """Make a new folder with an empty collection of `schema`."""
    folder.mkdir()
    shard = edge.EdgeShard.create(str(folder / SHARD), to_config(schema))
    for field, kind in schema.payload_indexes.items():
        shard.update(create_index(field, kind))
    shard.flush()
    shard.close()
    write_schema(folder, schema)
