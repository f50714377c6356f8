"""One collection of an embedded store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.hits import Hit
from artsim.catalog.payload import IndexKind, Scalar
from artsim.errors import StoreError
from artsim.store.answers import to_hits, to_records
from artsim.store.conditions import Clause
from artsim.store.data_folder import (
    OPENING_SPACE,
    FolderLock,
    bytes_on_disk,
    check_space,
    damaged_error,
    read_schema,
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
    VectorSpec,
    Written,
)

FLUSH_EVERY: Final = 2_000
"""Points written between flushes: the engine replays the rest when it opens."""

SHARD: Final = "shard"
"""The engine's own folder, in the collection's."""

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
        self._folder = folder
        self._disk_reserve = disk_reserve
        self._on_close = on_close
        self._unflushed = 0
        self._calls = 0
        self._turn = threading.Condition()
        check_space(folder, min(disk_reserve, OPENING_SPACE))
        with edge_errors(folder, "opening"):
            self._lock = FolderLock(folder, wait)
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
                shard.flush()

    def flush(self) -> None:
        """Return once everything written so far survives a crash of the machine."""
        with self._engine("flushing") as shard:
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
                    shard.flush()
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
                self._shard.flush()
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
