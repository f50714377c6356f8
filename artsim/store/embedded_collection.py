"""One collection of an embedded store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.arrays import Vector
from artsim.catalog.criteria import EVERYTHING, Criteria
from artsim.catalog.hits import Hit
from artsim.catalog.payload import Payload
from artsim.errors import StoreError
from artsim.store.checks import (
    check_deletion,
    check_facet,
    check_payload,
    check_points,
    check_request,
    missing_vectors,
    spec_of,
    to_facets,
    to_hits,
    to_vectors,
)
from artsim.store.conditions import build_filter
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
    DIALECT,
    create_index,
    create_vector,
    edge_errors,
    to_config,
    to_query,
)
from artsim.store.protocol import (
    CollectionSchema,
    CollectionStats,
    FacetCount,
    Point,
    Record,
    SearchRequest,
    VectorSpec,
)

FLUSH_EVERY: Final = 2_000
"""Points written between flushes: the engine replays the rest when it opens."""

SHARD: Final = "shard"
"""The engine's own folder, in the collection's."""


class EmbeddedCollection:
    """One shard of the engine; see `Collection` for what its methods promise.

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

    @property
    def name(self) -> str:
        """Full name, with the gallery's prefix."""
        return self._folder.name

    @property
    def schema(self) -> CollectionSchema:
        """Vectors, payload indexes and notes."""
        return self._schema

    def adopt(self, schema: CollectionSchema) -> None:
        """Add the vectors and payload indexes of `schema` that are missing, and its notes.

        Raises
        ------
        SchemaMismatchError
            If a vector exists with other settings; nothing is changed then.
        """
        missing = missing_vectors(str(self._folder), self._schema.vectors, schema.vectors)
        new = {
            field: kind
            for field, kind in schema.payload_indexes.items()
            if field not in self._schema.payload_indexes
        }
        for field, kind in new.items():
            self._update(create_index(field, kind), "indexing the payload")
        notes = {**self._schema.notes, **schema.notes}
        if new:
            indexes = {**self._schema.payload_indexes, **new}
            self._write_schema(replace(self._schema, payload_indexes=indexes))
        if missing or notes != self._schema.notes:
            self.add_vectors(missing, notes)

    def add_vectors(
        self, vectors: Mapping[str, VectorSpec], notes: Mapping[str, object] | None = None
    ) -> None:
        """Add named vectors, and replace the notes; see `Collection`."""
        missing = missing_vectors(str(self._folder), self._schema.vectors, vectors)
        for name, spec in missing.items():
            self._update(create_vector(name, spec), "adding a vector")
        schema = CollectionSchema(
            {**self._schema.vectors, **missing},
            self._schema.payload_indexes,
            self._schema.notes if notes is None else dict(notes),
        )
        if any(not spec.indexed for spec in missing.values()):
            self._reload(schema)
        self._write_schema(schema)

    def upsert(self, points: Sequence[Point]) -> None:
        """Write points whole; see `Collection`."""
        checked = check_points(points, self._schema)
        if checked:
            made = [edge.Point(p.point_id, _to_lists(p.vectors), p.payload) for p in checked]
            self._write(edge.UpdateOperation.upsert_points(made), len(made), "writing")

    def update_vectors(self, points: Sequence[Point]) -> None:
        """Set the given vectors of existing points; see `Collection`."""
        checked = check_points(points, self._schema)
        self._check_exist([p.point_id for p in checked])
        made = [edge.PointVectors(p.point_id, _to_lists(p.vectors)) for p in checked if p.vectors]
        if made:
            self._write(edge.UpdateOperation.update_vectors(made), len(made), "writing")

    def overwrite_payload(self, payloads: Mapping[str, Payload]) -> None:
        """Replace the payload of existing points; see `Collection`."""
        for point_id, payload in payloads.items():
            check_payload(point_id, payload)
        self._check_exist(list(payloads))
        for point_id, payload in payloads.items():
            operation = edge.UpdateOperation.overwrite_payload([point_id], payload)
            self._write(operation, 1, "writing")

    def delete(self, criteria: Criteria) -> None:
        """Delete every point that meets `criteria`; see `Collection`."""
        check_deletion(criteria)
        chosen = build_filter(criteria, DIALECT) or edge.Filter()
        self._write(edge.UpdateOperation.delete_points_by_filter(chosen), 1, "deleting")

    def delete_ids(self, point_ids: Sequence[str]) -> None:
        """Delete points by id; ids that are not there are ignored."""
        if point_ids:
            self._write(edge.UpdateOperation.delete_points(list(point_ids)), 1, "deleting")

    def retrieve(
        self,
        point_ids: Sequence[str],
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
    ) -> dict[str, Record]:
        """Return the points that exist among `point_ids`; see `Collection`."""
        for name in with_vectors:
            spec_of(self._schema, name)
        with self._engine("reading") as shard:
            found = shard.retrieve(
                list(point_ids), _payload_selector(payload_fields), list(with_vectors)
            )
        records = {r.point_id: r for r in (self._record(raw, with_vectors) for raw in found)}
        return {point_id: records[point_id] for point_id in point_ids if point_id in records}

    def search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        """Answer several searches at once; see `Collection`."""
        for request in requests:
            check_request(request, self._schema)
        queries = [to_query(request, self._schema) for request in requests]
        if not queries:
            return []
        with self._engine("searching") as shard:
            answers = shard.query_batch(edge.QueryBatchRequest(queries))
        with self._reading():
            return [
                to_hits(answer, request, self._schema)
                for answer, request in zip(answers, requests, strict=True)
            ]

    def scroll(
        self,
        criteria: Criteria = EVERYTHING,
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
        page_size: int = 256,
    ) -> Iterator[Record]:
        """Yield every point that meets `criteria`, in order of point id."""
        for name in with_vectors:
            spec_of(self._schema, name)
        chosen = build_filter(criteria, DIALECT)
        offset: Any = None
        while True:
            request = edge.ScrollRequest(
                offset=offset,
                limit=page_size,
                filter=chosen,
                with_payload=_payload_selector(payload_fields),
                with_vector=list(with_vectors),
            )
            with self._engine("reading") as shard:
                page, offset = shard.scroll(request)
            for raw in page:
                yield self._record(raw, with_vectors)
            if offset is None:
                return

    def count(self, criteria: Criteria = EVERYTHING) -> int:
        """Return the exact number of points that meet `criteria`."""
        chosen = build_filter(criteria, DIALECT)
        with self._engine("counting") as shard:
            return int(shard.count(edge.CountRequest(exact=True, filter=chosen)))

    def facet(
        self, field: str, criteria: Criteria = EVERYTHING, *, limit: int = 100
    ) -> list[FacetCount]:
        """Return the values of an indexed field; see `Collection`."""
        check_facet(field, self._schema, limit)
        chosen = build_filter(criteria, DIALECT)
        request = edge.FacetRequest(field, limit=limit, exact=True, filter=chosen)
        with self._engine("counting") as shard:
            return to_facets(shard.facet(request).hits, limit)

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

    def _update(self, operation: edge.UpdateOperation, doing: str) -> None:
        with self._engine(doing) as shard:
            self._unflushed += 1
            shard.update(operation)

    def _write(self, operation: edge.UpdateOperation, points: int, doing: str) -> None:
        check_space(self._folder, self._disk_reserve)
        self._update(operation, doing)
        self._unflushed += points - 1
        if self._unflushed >= FLUSH_EVERY:
            self.flush()

    def _check_exist(self, point_ids: Sequence[str]) -> None:
        absent = set(point_ids) - set(self.retrieve(point_ids, payload_fields=()))
        if absent:
            raise StoreError(
                f"{self._folder} has no point {min(absent)} to update "
                f"({len(absent)} of {len(point_ids)} are missing); upsert it first"
            )

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
        self._schema = schema

    def _record(self, raw: edge.Record, names: Sequence[str]) -> Record:
        with self._reading():
            vectors = to_vectors(raw.vector, names, self._schema)
        return Record(str(raw.id), dict(raw.payload or {}), vectors)


def closed_error(folder: Path) -> StoreError:
    """Return what to raise for someone who uses what has been closed."""
    return StoreError(f"{folder} has been closed; open it again", path=folder)


def _to_lists(vectors: Mapping[str, Vector]) -> dict[str, Any]:
    # The engine takes arrays as well, but lists in half the time.
    return {name: vector.tolist() for name, vector in vectors.items()}


def _payload_selector(fields: Sequence[str] | None) -> bool | list[str]:
    if fields is None:
        return True
    return list(fields) if fields else False
