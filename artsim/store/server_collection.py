"""One collection on a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Final, Protocol, TypeVar

from qdrant_client import QdrantClient, models

from artsim.catalog.criteria import EVERYTHING, Criteria
from artsim.catalog.hits import Hit
from artsim.catalog.payload import IndexKind, Payload, payload_bytes
from artsim.errors import CollectionNotFoundError, StoreError
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
from artsim.store.hnsw import NO_HNSW
from artsim.store.protocol import (
    CollectionSchema,
    CollectionStats,
    FacetCount,
    Point,
    Record,
    SearchRequest,
    VectorSpec,
)
from artsim.store.server_calls import ServerCalls, TooMuchError
from artsim.store.server_dialect import (
    DIALECT,
    NOTES_KEY,
    to_hnsw,
    to_index,
    to_new_vector,
    to_query,
    to_schema,
)

T = TypeVar("T")

MAX_BODY: Final = 8 * 2**20
"""Bytes of points in one request: the server takes 32 MB, and a retry sends all again."""

MAX_POINTS: Final = 500
"""Points in one request."""

ADDS_VECTORS: Final = (1, 18)
"""First version of the server that adds a named vector to an existing collection."""


class _Server(Protocol):
    """What a collection asks of its store."""

    @property
    def location(self) -> str: ...

    def version(self) -> tuple[int, int]: ...


@dataclass(slots=True)
class Asked:
    """What a collection in memory was asked to be, where its client cannot tell.

    It has no payload indexes, and of vectors added later forgets datatype and index.
    """

    vectors: dict[str, VectorSpec] = dataclass_field(default_factory=dict)
    indexes: dict[str, IndexKind] = dataclass_field(default_factory=dict)


class ServerCollection:
    """A collection of a server; see `Collection` for what its methods promise.

    Every write waits until it is applied. Indexes are built by the server, meanwhile
    searches compare with every vector that is not indexed yet.
    """

    def __init__(
        self,
        client: QdrantClient,
        call: ServerCalls,
        name: str,
        server: _Server,
        asked: Asked | None,
    ) -> None:
        self._client = client
        self._call = call
        self._name = name
        self._server = server
        self._asked = asked
        self._schema = self._read_schema()

    @property
    def name(self) -> str:
        """Full name, with the gallery's prefix."""
        return self._name

    @property
    def schema(self) -> CollectionSchema:
        """As the server has it now."""
        self._schema = self._read_schema()
        return self._schema

    def adopt(self, schema: CollectionSchema) -> None:
        """Add the vectors and payload indexes of `schema` that are missing, and its notes.

        Raises
        ------
        SchemaMismatchError
            If a vector exists with other settings; nothing is changed then.
        """
        missing = missing_vectors(self._place, self._schema.vectors, schema.vectors)
        for name, kind in schema.payload_indexes.items():
            if name not in self._schema.payload_indexes:
                self._create_index(name, kind)
        notes = {**self._schema.notes, **schema.notes}
        if missing or notes != self._schema.notes:
            self.add_vectors(missing, notes)
        else:
            self._schema = self._read_schema()

    def add_vectors(
        self, vectors: Mapping[str, VectorSpec], notes: Mapping[str, object] | None = None
    ) -> None:
        """Add named vectors, and replace the notes; see `Collection`.

        Raises
        ------
        StoreError
            If the server is older than version 1.18, which cannot.
        """
        missing = missing_vectors(self._place, self._schema.vectors, vectors)
        if missing:
            self._check_version(missing)
        for name, spec in missing.items():
            self._create_vector(name, spec)
        if notes is not None:
            self._call(
                "writing the notes",
                self._client.update_collection,
                self._name,
                metadata={NOTES_KEY: dict(notes)},
            )
        self._schema = self._read_schema()

    def upsert(self, points: Sequence[Point]) -> None:
        """Write points whole; see `Collection`."""
        for batch in _batches(check_points(points, self._schema), _bytes_of):
            made = [
                models.PointStruct(id=p.point_id, vector=_to_lists(p), payload=p.payload)
                for p in batch
            ]
            self._call("writing", self._client.upsert, self._name, made, wait=True)

    def update_vectors(self, points: Sequence[Point]) -> None:
        """Set the given vectors of existing points; see `Collection`."""
        checked = check_points(points, self._schema)
        self._check_exist([p.point_id for p in checked])
        for batch in _batches([p for p in checked if p.vectors], _bytes_of):
            made = [models.PointVectors(id=p.point_id, vector=_to_lists(p)) for p in batch]
            self._call("writing", self._client.update_vectors, self._name, made, wait=True)

    def overwrite_payload(self, payloads: Mapping[str, Payload]) -> None:
        """Replace the payload of existing points; see `Collection`."""
        for point_id, payload in payloads.items():
            check_payload(point_id, payload)
        self._check_exist(list(payloads))
        for batch in _batches(payloads.items(), lambda item: payload_bytes(item[1])):
            operations = [
                models.OverwritePayloadOperation(
                    overwrite_payload=models.SetPayload(payload=payload, points=[point_id])
                )
                for point_id, payload in batch
            ]
            self._call(
                "writing", self._client.batch_update_points, self._name, operations, wait=True
            )

    def delete(self, criteria: Criteria) -> None:
        """Delete every point that meets `criteria`; see `Collection`."""
        check_deletion(criteria)
        chosen = build_filter(criteria, DIALECT) or models.Filter()
        selector = models.FilterSelector(filter=chosen)
        self._call("deleting", self._client.delete, self._name, selector, wait=True)

    def delete_ids(self, point_ids: Sequence[str]) -> None:
        """Delete points by id; ids that are not there are ignored."""
        if point_ids:
            selector = models.PointIdsList(points=list(point_ids))
            self._call("deleting", self._client.delete, self._name, selector, wait=True)

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
        if not point_ids:
            return {}
        try:
            return self._retrieve(point_ids, with_vectors, payload_fields)
        except TooMuchError:
            if len(point_ids) == 1:
                raise
        half = len(point_ids) // 2
        some, others = (
            self.retrieve(part, with_vectors=with_vectors, payload_fields=payload_fields)
            for part in (point_ids[:half], point_ids[half:])
        )
        return {**some, **others}

    def _retrieve(
        self,
        point_ids: Sequence[str],
        with_vectors: Sequence[str],
        payload_fields: Sequence[str] | None,
    ) -> dict[str, Record]:
        found = self._call(
            "reading",
            self._client.retrieve,
            self._name,
            list(point_ids),
            with_payload=_payload_selector(payload_fields),
            with_vectors=list(with_vectors) or False,
        )
        with self._call.reading("reading"):
            records = {r.point_id: r for r in (self._record(raw, with_vectors) for raw in found)}
        return {point_id: records[point_id] for point_id in point_ids if point_id in records}

    def search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        """Answer several searches at once; see `Collection`."""
        for request in requests:
            check_request(request, self._schema)
        queries = [to_query(request, self._schema) for request in requests]
        if not queries:
            return []
        answers = self._call("searching", self._client.query_batch_points, self._name, queries)
        with self._call.reading("searching"):
            return [
                to_hits(answer.points, request, self._schema)
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
            try:
                page, offset = self._call(
                    "reading",
                    self._client.scroll,
                    self._name,
                    scroll_filter=chosen,
                    limit=page_size,
                    offset=offset,
                    with_payload=_payload_selector(payload_fields),
                    with_vectors=list(with_vectors) or False,
                )
            except TooMuchError:
                if page_size == 1:
                    raise
                page_size //= 2
                continue
            with self._call.reading("reading"):
                records = [self._record(raw, with_vectors) for raw in page]
                if offset is not None and not _is_behind(offset, records):
                    raise ValueError("the next page is none")  # and would be asked for for ever
            yield from records
            if offset is None:
                return

    def count(self, criteria: Criteria = EVERYTHING) -> int:
        """Return the exact number of points that meet `criteria`."""
        chosen = build_filter(criteria, DIALECT)
        found = self._call(
            "counting", self._client.count, self._name, count_filter=chosen, exact=True
        )
        return found.count

    def facet(
        self, field: str, criteria: Criteria = EVERYTHING, *, limit: int = 100
    ) -> list[FacetCount]:
        """Return the values of an indexed field; see `Collection`."""
        check_facet(field, self._schema, limit)
        found = self._call(
            "counting",
            self._client.facet,
            self._name,
            field,
            facet_filter=build_filter(criteria, DIALECT),
            limit=limit,
            exact=True,
        )
        with self._call.reading("counting"):
            return to_facets(found.hits, limit)

    def stats(self, *, on_disk: bool = True) -> CollectionStats:
        """Return the number of points; a server does not say what space they take."""
        return CollectionStats(self.count())

    def optimize(self) -> None:
        """Do nothing: the server builds its indexes by itself."""

    def flush(self) -> None:
        """Do nothing: every write has waited for the server's log."""

    @property
    def _place(self) -> str:
        return f"collection {self._name!r} at {self._server.location}"

    def _read_schema(self) -> CollectionSchema:
        try:
            info = self._call("opening a collection", self._client.get_collection, self._name)
        except ValueError as exc:  # how the client in memory says 404
            raise CollectionNotFoundError(str(exc)) from exc
        with self._call.reading("opening a collection"):
            schema = to_schema(info, self._place)
        if self._asked is None:
            return schema
        vectors = {**schema.vectors, **self._asked.vectors}
        return CollectionSchema(vectors, dict(self._asked.indexes), schema.notes)

    def _create_index(self, name: str, kind: IndexKind) -> None:
        if self._asked is not None:
            self._asked.indexes[name] = kind
            return
        self._call(
            "indexing the payload",
            self._client.create_payload_index,
            self._name,
            name,
            to_index(kind),
            wait=True,
        )

    def _check_version(self, missing: Mapping[str, VectorSpec]) -> None:
        version = self._server.version()
        if version < ADDS_VECTORS:
            raise StoreError(
                f"{self._place} lacks the vectors {', '.join(sorted(missing))}, and Qdrant "
                f"{version[0]}.{version[1]} cannot add any to an existing collection: "
                f"upgrade the server to {ADDS_VECTORS[0]}.{ADDS_VECTORS[1]} or newer, or "
                "ingest into a new gallery with all encoders at once"
            )

    def _create_vector(self, name: str, spec: VectorSpec) -> None:
        self._call(
            "adding a vector",
            self._client.create_vector_name,
            self._name,
            name,
            to_new_vector(spec),
            wait=True,
        )
        if self._asked is not None:
            self._asked.vectors[name] = spec
        elif not spec.indexed:
            self._call(
                "adding a vector",
                self._client.update_collection,
                self._name,
                vectors_config={name: models.VectorParamsDiff(hnsw_config=to_hnsw(NO_HNSW))},
            )

    def _check_exist(self, point_ids: Sequence[str]) -> None:
        absent = set(point_ids) - set(self.retrieve(point_ids, payload_fields=()))
        if absent:
            raise StoreError(
                f"{self._place} has no point {min(absent)} to update "
                f"({len(absent)} of {len(point_ids)} are missing); upsert it first"
            )

    def _record(self, raw: models.Record, names: Sequence[str]) -> Record:
        vectors = to_vectors(raw.vector, names, self._schema)
        return Record(str(raw.id), dict(raw.payload or {}), vectors)


def _to_lists(point: Point) -> dict[str, Any]:
    return {name: vector.tolist() for name, vector in point.vectors.items()}


def _bytes_of(point: Point) -> int:
    # Some 20 characters for a float, 4 for a pixel.
    vectors = sum(v.size * (4 if v.dtype.itemsize == 1 else 20) for v in point.vectors.values())
    return vectors + payload_bytes(point.payload)


def _batches(things: Iterable[T], bytes_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Split by number and by length when written as JSON."""
    batch: list[T] = []
    size = 0
    for thing in things:
        body = bytes_of(thing)
        if batch and (size + body > MAX_BODY or len(batch) == MAX_POINTS):
            yield batch
            batch, size = [], 0
        batch.append(thing)
        size += body
    if batch:
        yield batch


def _is_behind(offset: Any, records: Sequence[Record]) -> bool:
    """Return whether the page that begins at `offset` follows that of `records`."""
    return bool(records) and _order(str(offset)) > _order(records[-1].point_id)


def _order(point_id: str) -> tuple[int, int, str]:
    """Sort key of point ids, as Qdrant has them: numbers, which others use, before UUIDs."""
    if point_id.isdecimal():
        return 0, int(point_id), ""
    return 1, 0, point_id


def _payload_selector(fields: Sequence[str] | None) -> bool | list[str]:
    if fields is None:
        return True
    return list(fields) if fields else False
