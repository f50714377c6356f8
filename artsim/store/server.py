"""Galleries on a Qdrant server or cluster."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import numpy as np
import orjson
from qdrant_client import models

from artsim.catalog.hits import Hit
from artsim.catalog.payload import IndexKind, Scalar
from artsim.errors import (
    CollectionNotFoundError,
    StoreError,
    StoreUnavailableError,
    listed,
    shortened,
)
from artsim.store.answers import JsonPoint, load_result, to_hits, to_points, to_records
from artsim.store.conditions import Clause
from artsim.store.protocol import (
    Collection,
    CollectionSchema,
    CollectionStats,
    Fields,
    Point,
    Record,
    SearchRequest,
    ServerOptions,
    ServerState,
    Store,
    VectorSpec,
    Written,
    check_collection_name,
)
from artsim.store.server_calls import (
    ANSWER_TIME,
    PATIENCE,
    TIMEOUT,
    NodesMissingError,
    ServerCalls,
    TooMuchError,
)
from artsim.store.server_dialect import (
    HNSW,
    NO_HNSW,
    NOTES_KEY,
    to_consistency,
    to_description,
    to_filter,
    to_index,
    to_new_vector,
    to_params,
    to_queries,
    to_renewal,
    to_state,
)

P = ParamSpec("P")
T = TypeVar("T")

OLDEST: Final = (1, 16)  # first version of the server that keeps notes with a collection
ADDS_VECTORS: Final = (1, 18)  # first that adds a named vector to an existing collection
MAX_BODY: Final = 8 * 2**20  # bytes of points in a request: it takes 32 MB, a retry sends all again
MAX_POINTS: Final = 500  # points in one request
FRESH: Final = 60.0  # seconds for which a description is believed: other programs may change it
COUNTED: Final = 5.0  # seconds for which a number of points is: others may be writing


class ServerCollection(Collection):
    """A collection of a server.

    Every write waits until it is applied. Indexes are built by the server, meanwhile
    searches compare with every vector that is not indexed yet.
    """

    def __init__(self, server: ServerCalls, name: str) -> None:
        self.name, self.place = name, f"collection {name!r} at {server.location}"
        self._server = server
        self._page_size = MAX_POINTS
        self._points: int | None = None
        self._counted = 0.0
        self._read_description()

    @property
    def schema(self) -> CollectionSchema:
        """As the server had it when it was last asked; see `is_stale`."""
        if self.is_stale:
            self._read_description()
        return self._schema

    @property
    def is_stale(self) -> bool:
        """Whether its description has to be asked for again: after a refusal, or a while."""
        return time.monotonic() > self._believed

    def check_writable(self) -> None:
        """Raise StoreAccessError if the key may only read."""
        self.delete_ids([str(UUID(int=0))])  # which nobody has

    def stats(self, *, on_disk: bool = True) -> CollectionStats:
        """Return the number of points, and with `on_disk` how the server keeps them.

        Without it the number may be some seconds old where others write.
        """
        points = self._points
        if on_disk or points is None or time.monotonic() > self._counted + COUNTED:
            begun, points = time.monotonic(), self.count()
            self._points, self._counted = points, begun
        return CollectionStats(points, server=self._state(points) if on_disk else None)

    def renew(self) -> tuple[str, ...]:
        """Give the collection the settings of a new one; see `Collection`."""
        self._server.expect_writing()
        lacks, settings = to_renewal(self._read_description(), self._schema)
        if settings:
            update = self._server.client.update_collection
            self._ask("updating a collection", update, self.name, **settings)
        return lacks

    def _state(self, points: int) -> ServerState:
        info, client = self._read_description(), self._server.client
        lacks, _ = to_renewal(info, self._schema)
        cluster, silent = None, set[int]()
        with suppress(StoreError):  # where the key does not allow it, or it takes too long
            found = self._server("counting replicas", client.collection_cluster_info, self.name)
            # A replica counts as active until a write to it has failed.
            silent = self._server.silent_nodes() if found.remote_shards else silent
            cluster = found
        return to_state(info, cluster, silent, points, lacks)

    def _ask(self, doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return self._server(doing, function, *args, **kwargs)
        except NodesMissingError as exc:
            why = self._server.describe_missing(self.name)
            raise StoreUnavailableError(f"{exc} ({why})" if why else str(exc)) from exc
        except StoreError as exc:
            if not isinstance(exc, StoreUnavailableError | TooMuchError):
                self._believed = 0.0
            raise

    def _read_description(self) -> models.CollectionInfo:
        doing, client = "opening a collection", self._server.client
        info = self._ask(doing, client.get_collection, self.name)
        with self._server.reading(doing):
            self._said = to_description(info, self.place)
        self._schema, self._points = self._said.schema, self._said.points
        self._counted = time.monotonic()
        self._believed = self._counted + FRESH
        return info

    def _check_names(self, names: Sequence[str]) -> None:
        if any(name not in self._schema.vectors for name in names):
            self._read_description()  # another program may have added them
        super()._check_names(names)

    def _add_indexes(self, schema: CollectionSchema, new: Mapping[str, IndexKind]) -> None:
        create = self._server.client.create_payload_index
        for field, kind in new.items():
            self._ask("indexing the payload", create, self.name, field, to_index(kind), wait=True)

    def _add_vectors(self, schema: CollectionSchema, new: Mapping[str, VectorSpec]) -> None:
        doing, client = "adding a vector", self._server.client
        version = self._server.version() if new else ADDS_VECTORS
        if version < ADDS_VECTORS:
            raise StoreError(
                f"{self.place} lacks the vectors {', '.join(sorted(new))}, and Qdrant "
                f"{version[0]}.{version[1]} cannot add any to an existing collection: "
                f"upgrade the server to {ADDS_VECTORS[0]}.{ADDS_VECTORS[1]} or newer, or "
                "ingest into a new gallery with all encoders at once"
            )
        for name, spec in new.items():
            made = to_new_vector(spec)
            self._ask(doing, client.create_vector_name, self.name, name, made, wait=True)
            if not spec.indexed:
                changed = models.VectorParamsDiff(hnsw_config=NO_HNSW, on_disk=True)
                bare = {name: changed}
                self._ask(doing, client.update_collection, self.name, vectors_config=bare)
        noted = {NOTES_KEY: dict(schema.notes)}
        self._ask("writing the notes", client.update_collection, self.name, metadata=noted)
        self._said = replace(self._said, schema=schema)

    def _write(self, what: Written, points: Sequence[Point]) -> None:
        method, path, name = _WRITING[what]
        for batch in self._batches(_as_json(_form(what, point)) for point in points):
            self._send(method, path, b'{"%b":[%b]}' % (name, b",".join(batch)))

    def _delete(self, chosen: Clause | list[Any]) -> None:
        name = "points" if isinstance(chosen, list) else "filter"
        self._send("POST", "/delete", _as_json({name: chosen}))

    def _send(self, method: str, path: str, body: bytes) -> None:
        self._server.expect_writing()
        try:
            self._ask("writing", self._server.write, method, path, self.name, body)
        finally:  # not before: another thread may count meanwhile
            self._points = None

    def _batches(self, points: Iterable[bytes]) -> Iterator[list[bytes]]:
        """Split by number and by length."""
        most = min(MAX_POINTS, self._said.limits.upsert_max_batchsize or MAX_POINTS)
        batch: list[bytes] = []
        size = 0
        for point in points:
            if batch and (size + len(point) > MAX_BODY or len(batch) == most):
                yield batch
                batch, size = [], 0
            batch.append(point)
            size += len(point)
        if batch:
            yield batch

    def _read(self, path: str, body: Mapping[str, object], names: Sequence[str]) -> Any:
        """Return what is answered to a question about points, which may come with these vectors."""
        doing = "searching" if path.startswith("/query") else "reading"
        content = self._ask(doing, self._server.send, "POST", path, self.name, _as_json(body))
        with self._server.reading(doing):
            return load_result(content, names, self._schema)

    def _retrieve(self, point_ids: list[Any], names: list[str], fields: Fields) -> list[Record]:
        asked = {"ids": point_ids, "with_payload": fields, "with_vector": names or False}
        try:
            found = self._read("", asked, names)
        except TooMuchError:
            half = len(point_ids) // 2
            if not half:
                raise
            parts = (point_ids[:half], point_ids[half:])
            return [record for part in parts for record in self._retrieve(part, names, fields)]
        with self._server.reading("reading"):
            return to_records(to_points(found), names, self._schema)

    def _search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        """Answer searches; second stages of several shards by the ids of all shards' first."""
        said = self._said
        if not said.allows_exact and any(request.exact for request in requests):
            raise StoreError(
                f"{self.place}: the server's strict mode allows no exact search; search by its "
                "index",
                hint="drop --exact",
            )
        apart = {
            i: replace(
                request,
                rescore=None,
                min_score=None,
                offset=0,
                limit=request.rescore.depth,
                with_vectors=(),
            )
            for i, request in enumerate(requests)
            if request.rescore is not None
            and (said.shards > 1 or said.fitting(request.rescore.depth) < request.rescore.depth)
        }
        first = self._query([to_queries(one, said, payload=False) for one in apart.values()], ())
        candidates = {
            i: [str(point.id) for point in found] for i, found in zip(apart, first, strict=True)
        }
        # Without candidates there is nothing to score, and nothing that could be asked for.
        asked = [
            [] if candidates.get(i) == [] else to_queries(request, said, candidates.get(i))
            for i, request in enumerate(requests)
        ]
        answers = self._query(asked, [name for one in requests for name in one.with_vectors])
        with self._server.reading("searching"):
            return [
                to_hits(found, request, self._schema)
                for found, request in zip(answers, requests, strict=True)
            ]

    def _query(
        self, asked: Sequence[Sequence[Clause]], names: Sequence[str]
    ) -> list[list[JsonPoint]]:
        """Return the points that each group of queries finds, in as few calls as are allowed."""
        queries = [query for group in asked for query in group]
        size = self._said.limits.search_max_batchsize or len(queries)
        answers: list[Any] = []
        with self._server.reading("searching"):
            for start in range(0, len(queries), size or 1):
                some = {"searches": queries[start : start + size]}
                answers += self._read("/query/batch", some, names)
            left = iter(zip(queries, answers, strict=True))
            return [to_points(p for _ in group for p in next(left)[1]["points"]) for group in asked]

    def _page(
        self, chosen: Clause | None, names: list[str], fields: Fields, size: int, offset: Any
    ) -> tuple[list[Record], Any]:
        size = min(self._said.fitting(size), self._page_size)
        asked = {"filter": chosen, "limit": size, "offset": offset}
        try:
            page = self._read(
                "/scroll", {**asked, "with_payload": fields, "with_vector": names or False}, names
            )
        except TooMuchError:
            if size == 1:
                raise
            self._page_size = size // 2
            return self._page(chosen, names, fields, size, offset)
        with self._server.reading("reading"):
            records = to_records(to_points(page["points"]), names, self._schema)
            after = page["next_page_offset"]
            is_behind = bool(records) and _order(str(after)) > _order(records[-1].point_id)
            if after is not None and not is_behind:
                raise ValueError("the next page is none")  # and would be asked for for ever
        return records, after

    def _count(self, chosen: Clause | None) -> int:
        if not self._said.allows_exact:
            return sum(1 for _ in self._pages(chosen, [], False))
        count = self._server.client.count
        found = self._ask("counting", count, self.name, to_filter(chosen), exact=True)
        return found.count

    def _facet(self, field: str, chosen: Clause | None, limit: int) -> dict[Scalar, int]:
        said, facet = self._said, self._server.client.facet
        while said.allows_exact and said.fitting(limit) == limit:
            found = self._ask(
                "counting",
                facet,
                self.name,
                field,
                facet_filter=to_filter(chosen),
                limit=limit,
                exact=True,
            )
            # Of several shards each sends so many of its values, and their counts are added up:
            # exact only where none had more.
            if said.shards == 1 or len(found.hits) < limit:
                return {hit.value: hit.count for hit in found.hits}
            limit *= 8
        values = (record.payload.get(field, []) for record in self._pages(chosen, [], [field]))
        return Counter(v for of in values for v in (set(of) if isinstance(of, list) else [of]))


def _as_json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


_WRITING: Final[Mapping[Written, tuple[str, str, bytes]]] = {
    "points": ("PUT", "", b"points"),
    "vectors": ("PUT", "/vectors", b"points"),
    "payloads": ("POST", "/batch", b"operations"),
}
"""How each is sent: by which method and path, and under which name."""


def _form(what: Written, point: Point) -> object:
    if what == "payloads":
        return {"overwrite_payload": {"payload": point.payload, "points": [point.point_id]}}
    vectors = {name: np.ascontiguousarray(vector) for name, vector in point.vectors.items()}
    made = {"id": point.point_id, "vector": vectors}
    return made if what == "vectors" else {**made, "payload": point.payload}


def _order(point_id: str) -> tuple[int, int, str]:
    """Sort key of point ids, as Qdrant has them: numbers, which others use, before UUIDs."""
    if point_id.isdecimal():
        return 0, int(point_id), ""
    return 1, 0, point_id


class ServerStore(Store):
    """Collections on a server; any number of processes may use it at once.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://`` (TLS) and a host, with a port unless it is 6333; of several
        nodes of a cluster their addresses, separated by commas. ConfigError if it is none.
    api_key : str, optional
        Sent with every request and shown nowhere. A warning is logged where it would
        cross a network unencrypted.
    timeout, answer_time : float
        Seconds to wait for the next part of an answer, and for a whole one.
    patience : float
        Seconds for which calls that fail in passing are tried again; at most 20 until
        something is written.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        answer_time: float = ANSWER_TIME,
        patience: float = PATIENCE,
    ) -> None:
        self._call = ServerCalls(url, api_key, timeout, answer_time, patience)
        self._client = self._call.client
        self._open: dict[str, ServerCollection] = {}

    @property
    def location(self) -> str:
        """The address, without a key."""
        return self._call.location

    def hurry(self) -> None:
        """Wait no more for what may pass; see `Store`."""
        self._call.hurry()

    def expect_writing(self) -> None:
        """Wait longer for what may pass; see `Store`."""
        self._call.expect_writing()

    def check_version(self) -> None:
        """Raise StoreError if the server is too old to keep notes with a collection."""
        version = self._call.version()
        if version < OLDEST:
            raise StoreError(
                f"{self.location} runs Qdrant {version[0]}.{version[1]}; expected "
                f"{OLDEST[0]}.{OLDEST[1]} or newer: upgrade the server"
            )

    def list_collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        found = self._call("listing the collections", self._client.get_collections)
        return sorted(collection.name for collection in found.collections)

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> ServerCollection:
        """Create a collection, or bring the existing one up to `schema`; see `Store`."""
        check_collection_name(name)
        self.expect_writing()
        if name not in self.list_collections():
            self.check_version()
            self._create(name, schema, options or ServerOptions())
        self._open.pop(name, None)
        collection = self.open_collection(name)
        collection.check_writable()  # before any picture is encoded for nothing
        collection.adopt(schema)
        return collection

    def open_collection(self, name: str) -> ServerCollection:
        """Open an existing collection, of which a description is asked for once; see `Store`."""
        check_collection_name(name)
        opened = self._open.get(name)
        if opened is not None and not opened.is_stale:
            return opened
        try:
            self._open[name] = ServerCollection(self._call, name)
        except CollectionNotFoundError:
            known = listed(self.list_collections())
            raise CollectionNotFoundError(
                f"{self.location} has no collection {shortened(name)!r}; there is: {known}"
            ) from None
        return self._open[name]

    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""
        check_collection_name(name)
        self.expect_writing()
        self._call("deleting a collection", self._client.delete_collection, name)
        self._open.pop(name, None)

    def close(self) -> None:
        """Close the connections; calls that other threads make then fail."""
        self._call.close()

    def _create(self, name: str, schema: CollectionSchema, options: ServerOptions) -> None:
        """Create a collection; its payload indexes follow while it is still empty.

        Should that be cut short, the next `create_collection` adds what is missing.
        """
        try:
            self._call(
                "creating a collection",
                self._client.create_collection,
                name,
                vectors_config={n: to_params(s, options) for n, s in schema.vectors.items()},
                hnsw_config=HNSW,
                shard_number=options.shards,
                replication_factor=options.replicas,
                write_consistency_factor=options.replicas and to_consistency(options.replicas),
                on_disk_payload=True,
                metadata={NOTES_KEY: dict(schema.notes)},
            )
        except StoreError:
            # Another worker was faster, or the first answer was lost on the way.
            if name not in self.list_collections():
                raise
