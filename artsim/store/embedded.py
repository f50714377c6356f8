"""Galleries in a folder of this machine: the Qdrant engine inside the process."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.hits import Hit
from artsim.catalog.payload import IndexKind, Scalar
from artsim.errors import CollectionNotFoundError, StoreError, listed, shortened
from artsim.store.answers import to_hits, to_records
from artsim.store.conditions import Clause
from artsim.store.data_folder import (
    DISK_RESERVE,
    OPENING_SPACE,
    bytes_on_disk,
    check_space,
    check_store_folder,
    damaged_error,
    lock_folder,
    mark_store_folder,
    read_schema,
    sync_folder,
    write_schema,
)
from artsim.store.edge_dialect import (
    create_index,
    create_vector,
    edge_errors,
    to_config,
    to_filter,
    to_query,
)
from artsim.store.protocol import (
    Collection,
    CollectionSchema,
    CollectionStats,
    Fields,
    Point,
    Record,
    SearchRequest,
    ServerOptions,
    Store,
    VectorSpec,
    Written,
    check_collection_name,
)

FLUSH_EVERY: Final = 2_000  # points written between flushes: opening, the engine replays the rest
SHARD: Final = "shard"  # the engine's own folder, in the collection's
_STALE_SECONDS: Final = 3600  # age at which a half-made collection is no longer being made

_Operation = edge.UpdateOperation


class EmbeddedCollection(Collection):
    """One shard of the engine.

    Threads may share it: the engine answers several at once, and only closing and reloading
    wait until nobody else is in it.
    """

    def __init__(
        self,
        folder: Path,
        disk_reserve: int,
        *,
        wait: float = 0.0,
        on_close: Callable[[EmbeddedCollection], None],
    ) -> None:
        self.name, self.place = folder.name, str(folder)
        self._folder, self._disk_reserve = folder, disk_reserve
        self._on_close = on_close
        self._unflushed = self._calls = 0
        self._turn = threading.Condition()
        check_space(folder, min(disk_reserve, OPENING_SPACE))
        with edge_errors(folder, "opening"):
            self._lock = lock_folder(folder, wait)
            try:
                self._schema = read_schema(folder)
                self._shard: edge.EdgeShard | None = edge.EdgeShard.load(str(folder / SHARD))
            except BaseException:
                self._lock.release()
                raise

    def stats(self, *, on_disk: bool = True) -> CollectionStats:
        """Return the number of points, the space they take, and when one was last written."""
        # Reading changes other files of the engine, but not its log.
        log = [path.stat().st_mtime for path in (self._folder / SHARD / "wal").glob("*-*")]
        written = datetime.fromtimestamp(max(log), UTC) if log else None
        size = bytes_on_disk(self._folder) if on_disk else None
        return CollectionStats(self.count(), size, written)

    def optimize(self) -> None:
        """Merge small segments and build the HNSW indexes that are due.

        Blocks other threads until it is done, some minutes for 100,000 points; returns
        at once where nothing is due.
        """
        # The engine builds new segments beside the old ones before it drops these.
        check_space(self._folder, self._disk_reserve + bytes_on_disk(self._folder))
        with self._engine("indexing") as shard:
            if shard.optimize():
                self._flush(shard)

    def flush(self) -> None:
        """Return once everything written so far survives a crash of the machine."""
        with self._engine("flushing") as shard:
            self._flush(shard)

    def _flush(self, shard: edge.EdgeShard) -> None:
        if self._unflushed:
            # The engine reads the last record of its log anew whenever it opens, and a batch of
            # points takes longer than all the rest: this one is empty.
            shard.update(_Operation.delete_points([]))
        shard.flush()
        self._unflushed = 0

    def close(self) -> None:
        """Flush, and let other processes in; nothing happens the second time.

        Waits for calls that other threads have begun; those that they begin later fail.
        """
        with self._turn:
            shard, self._shard = self._shard, None
            if shard is None:
                return
            self._turn.wait_for(lambda: self._calls == 0)
        try:
            # Not after reading only: it takes as long as a query of the command line.
            if self._unflushed:
                with edge_errors(self._folder, "flushing"):
                    self._flush(shard)
        finally:
            with edge_errors(self._folder, "closing"):
                shard.close()
            self._lock.release()
            self._on_close(self)

    def _add_indexes(self, schema: CollectionSchema, new: Mapping[str, IndexKind]) -> None:
        for field, kind in new.items():
            self._update(create_index(field, kind), "indexing the payload")
        self._write_schema(schema)

    def _add_vectors(self, schema: CollectionSchema, new: Mapping[str, VectorSpec]) -> None:
        for name, spec in new.items():
            self._update(create_vector(name, spec), "adding a vector")
        if any(not spec.indexed for spec in new.values()):
            self._reload(schema)
        self._write_schema(schema)

    def _write(self, what: Written, points: Sequence[Point]) -> None:
        match what:
            case "points":
                whole = [edge.Point(p.point_id, _to_lists(p), p.payload) for p in points]
                self._store(_Operation.upsert_points(whole), len(whole))
            case "vectors":
                changed = [edge.PointVectors(p.point_id, _to_lists(p)) for p in points]
                self._store(_Operation.update_vectors(changed), len(changed))
            case "payloads":
                for p in points:
                    self._store(_Operation.overwrite_payload([p.point_id], p.payload))

    def _delete(self, chosen: Clause | list[Any]) -> None:
        if isinstance(chosen, list):
            self._store(_Operation.delete_points(chosen))
        else:
            self._store(_Operation.delete_points_by_filter(to_filter(chosen)))

    def _retrieve(self, point_ids: list[Any], names: list[str], fields: Fields) -> list[Record]:
        with self._engine("reading") as shard:
            found = shard.retrieve(point_ids, fields, names)
        with self._reading():
            return to_records(found, names, self._schema)

    def _search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        queries = [to_query(request, self._schema) for request in requests]
        with self._engine("searching") as shard:
            answers = shard.query_batch(edge.QueryBatchRequest(queries))
        with self._reading():
            return [
                to_hits(answer, request, self._schema)
                for answer, request in zip(answers, requests, strict=True)
            ]

    def _page(
        self, chosen: Clause | None, names: list[str], fields: Fields, size: int, offset: Any
    ) -> tuple[list[Record], Any]:
        request = edge.ScrollRequest(
            offset=offset,
            limit=size,
            filter=to_filter(chosen),
            with_payload=fields,
            with_vector=names,
        )
        with self._engine("reading") as shard:
            page, offset = shard.scroll(request)
        with self._reading():
            return to_records(page, names, self._schema), offset

    def _count(self, chosen: Clause | None) -> int:
        request = edge.CountRequest(exact=True, filter=to_filter(chosen))
        with self._engine("counting") as shard:
            return int(shard.count(request))

    def _facet(self, field: str, chosen: Clause | None, limit: int) -> dict[Scalar, int]:
        request = edge.FacetRequest(field, limit=limit, exact=True, filter=to_filter(chosen))
        with self._engine("counting") as shard:
            return {hit.value: hit.count for hit in shard.facet(request).hits}

    @contextmanager
    def _engine(self, doing: str) -> Iterator[edge.EdgeShard]:
        """Give access to the open shard; what it raises becomes StoreError."""
        with self._turn:
            shard = self._shard
            if shard is None:
                raise closed_error(self._folder)
            self._calls += 1
        try:
            with edge_errors(self._folder, doing):
                yield shard
        finally:
            with self._turn:
                self._calls -= 1
                self._turn.notify_all()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say of vectors that are none that the files are damaged."""
        try:
            yield
        except ValueError as exc:
            raise damaged_error(self._folder, f"reading: {exc}") from exc

    def _update(self, operation: edge.UpdateOperation, doing: str = "writing") -> None:
        with self._engine(doing) as shard:
            self._unflushed += 1
            shard.update(operation)

    def _store(self, operation: edge.UpdateOperation, points: int = 1) -> None:
        check_space(self._folder, self._disk_reserve)
        self._update(operation)
        self._unflushed += points - 1
        if self._unflushed >= FLUSH_EVERY:
            self.flush()

    def _reload(self, schema: CollectionSchema) -> None:
        """Close and load with `schema`: only so are vectors added without an index."""
        with self._turn:
            self._turn.wait_for(lambda: self._calls == 0)
            if self._shard is None:
                raise closed_error(self._folder)
            with edge_errors(self._folder, "reconfiguring"):
                self._flush(self._shard)
                self._shard.close()
                self._shard = edge.EdgeShard.load(str(self._folder / SHARD), to_config(schema))

    def _write_schema(self, schema: CollectionSchema) -> None:
        with edge_errors(self._folder, "writing"):
            write_schema(self._folder, schema)


def closed_error(folder: Path) -> StoreError:
    """Return what to raise for someone who uses what has been closed."""
    return StoreError(f"{folder} has been closed; open it again", path=folder)


def _to_lists(point: Point) -> dict[str, Any]:
    # The engine takes arrays as well, but lists in half the time.
    return {name: vector.tolist() for name, vector in point.vectors.items()}


class EmbeddedStore(Store):
    """Collections in a folder, one engine shard each; one process at a time per collection.

    ``<folder>/artsim.json`` marks the folder, ``<folder>/collections/<name>/`` holds
    ``collection.json`` (schema and notes), ``lock``, and the engine's ``shard``. Nothing
    is written before the first collection is created. Threads may share a store.

    `folder` need not exist yet; StoreError if it is a file, or a folder of other things. Writing
    leaves `disk_reserve` bytes free on the disk, and another process that has a collection open
    is waited for for `wait` seconds.
    """

    def __init__(
        self, folder: Path, *, disk_reserve: int = DISK_RESERVE, wait: float = 0.0
    ) -> None:
        self._folder, self._disk_reserve, self._wait = folder, disk_reserve, wait
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
                lock = lock_folder(folder, self._wait)
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
        # What processes that died left of collections half made or half deleted.
        for path in [*self._root.glob(".new-*"), *self._root.glob(".deleted-*")]:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
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


def make_collection(folder: Path, schema: CollectionSchema) -> None:
    """Make a new folder with an empty collection of `schema`."""
    folder.mkdir()
    shard = edge.EdgeShard.create(str(folder / SHARD), to_config(schema))
    for field, kind in schema.payload_indexes.items():
        shard.update(create_index(field, kind))
    shard.flush()
    shard.close()
    write_schema(folder, schema)
