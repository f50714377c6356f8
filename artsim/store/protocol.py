"""What both engines do, what they check before they do it, and the values they exchange."""

from __future__ import annotations

import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.hits import Hit
from artsim.catalog.payload import EVERYTHING, Criteria, IndexKind, Payload, Scalar, why_unstorable
from artsim.errors import SchemaMismatchError, StoreError, UnknownVectorError, listed, shortened
from artsim.store.conditions import Clause, build_filter

Fields: TypeAlias = bool | list[str]  # which fields of a payload are read: all, none, or these

Written: TypeAlias = Literal["points", "vectors", "payloads"]
"""What of points is written: all, or what is given of those that exist."""

MANY_AT_ONCE: Final = 32
"""Points that are read together with vectors of many rows, which take 2 MB each on their way."""

_COLLECTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")  # safe as a folder and in an address


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """Shape and treatment of one named vector.

    Embeddings are of ``cosine`` and indexed; `pixels` of ``euclid``, ``uint8`` and not. `many`
    are a matrix of rows, as many as a point has, at least one: `points` are of ``dot``, for that
    leaves them as they are.
    """

    dim: int
    distance: Literal["cosine", "euclid", "dot"] = "cosine"
    datatype: Literal["float32", "uint8"] = "float32"
    indexed: bool = True
    many: bool = False

    def stored(self, vector: Vector, name: str) -> Vector:
        """Return a vector, called `name` in messages, in the dtype that is stored.

        ValueError if it is not of shape (D,), of `many` not (N, D), not finite, or out of 0..255
        for ``uint8``.
        """
        array = np.asarray(vector)
        rows = (len(array),) if self.many and array.ndim and len(array) else ()
        if array.shape != (*rows, self.dim):
            shape = f"(N, {self.dim})" if self.many else f"({self.dim},)"
            raise ValueError(f"vector {name!r}: expected shape {shape}, found {array.shape}")
        if self.datatype == "uint8":
            fits = (array >= 0) & (array <= 255) & (array == np.floor(array))
            if array.dtype != np.uint8 and not fits.all():
                raise ValueError(f"vector {name!r}: expected whole numbers in 0..255")
            return array.astype(np.uint8, copy=False)
        array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise ValueError(f"vector {name!r}: expected finite numbers, found NaN or infinity")
        return array


@dataclass(frozen=True, slots=True)
class CollectionSchema:
    """Vectors by name, payload indexes by field, and notes that artsim keeps with the collection.

    The notes are JSON, the collection's metadata under the key ``artsim``: for example the spec
    of each encoder.
    """

    vectors: Mapping[str, VectorSpec]
    payload_indexes: Mapping[str, IndexKind] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)

    def spec(self, name: str) -> VectorSpec:
        """Return the spec of a named vector; UnknownVectorError if there is none."""
        try:
            return self.vectors[name]
        except KeyError:
            known = listed(sorted(self.vectors))
            raise UnknownVectorError(f"no vector named {name!r}; there is: {known}") from None

    def query(self, vector: Vector, name: str) -> list[float]:
        """Return a vector to compare the named one with; ValueError if its shape is wrong."""
        numbers: list[float] = VectorSpec(self.spec(name).dim).stored(vector, name).tolist()
        return numbers

    def missing(self, wanted: Mapping[str, VectorSpec], place: str) -> dict[str, VectorSpec]:
        """Return what of `wanted` the collection at `place` lacks.

        SchemaMismatchError, with every difference, if a vector of the same name has another
        dimension, distance or datatype.
        """
        differences = [
            f"vector {name!r} has {what} {getattr(self.vectors[name], what)}, "
            f"expected {getattr(spec, what)}"
            for name, spec in wanted.items()
            if name in self.vectors
            for what in ("dim", "distance", "datatype", "many")
            if getattr(self.vectors[name], what) != getattr(spec, what)
        ]
        if differences:
            raise SchemaMismatchError(
                f"{place} was made with other settings: {'; '.join(differences)}. "
                "Use another gallery name, or delete this gallery and ingest again"
            )
        return {name: spec for name, spec in wanted.items() if name not in self.vectors}


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server lays a new collection out; an embedded store ignores it."""

    shards: int | None = None
    replicas: int | None = None
    quantization: Literal["none", "int8"] = "none"
    on_disk: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point to write: id (a UUID), some or all of its named vectors, its payload."""

    point_id: str
    vectors: Mapping[str, Vector]
    payload: Payload = field(default_factory=dict)


Record: TypeAlias = Point  # one point as read back, with the named vectors that were asked for


@dataclass(frozen=True, slots=True)
class Rescore:
    """Second stage inside the database: order the first `depth` hits by another vector."""

    vector: Vector
    using: str
    depth: int


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search for the nearest of `vector`, of shape (D,), by the named vector `using`."""

    vector: Vector
    using: str
    criteria: Criteria = EVERYTHING  # applied inside the search
    limit: int = 10
    offset: int = 0  # how many hits to skip
    min_score: float | None = None  # by ``euclid`` minus the largest distance
    with_vectors: Sequence[str] = ()  # to return with each hit
    exact: bool = False  # compare with every point instead of the index's candidates
    rescore: Rescore | None = None  # where given, hits carry the second stage's score

    @property
    def last(self) -> SearchRequest | Rescore:
        """The stage whose scores the hits carry."""
        return self.rescore or self

    def check(self, schema: CollectionSchema) -> None:
        """Raise ValueError unless a collection of `schema` can answer it."""
        for stage in (self, self.last):
            schema.query(stage.vector, stage.using)
        depth = self.rescore.depth if self.rescore else 1
        if self.limit < 1 or self.offset < 0 or depth < 1:
            raise ValueError(
                "expected limit and depth of 1 or more and offset of 0 or more, "
                f"found limit={self.limit}, depth={depth}, offset={self.offset}"
            )


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a field and how many points have it."""

    value: Scalar
    count: int


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a server keeps a collection.

    Its status is ``green``, ``yellow`` while it builds indexes, ``grey`` where it builds them with
    the next write, or ``red`` where it failed. Small parts of a collection get no index.
    """

    status: str
    indexed: int  # vectors in its indexes
    vectors: int  # all there are if every point has each
    shards: int
    replicas: int  # copies that there are to be of each shard
    copies: int | None  # of all shards together; None where it does not say
    alive: int | None  # copies that answer
    write_consistency: int  # copies that a write is on, at least, before it is told done
    lacks: tuple[str, ...]  # what `Collection.renew` would change

    @property
    def survives(self) -> str:
        """What a write survives, in words."""
        if self.replicas == 1:
            return "a write is on one node alone: it does not survive the loss of its disk"
        sure = min(self.write_consistency, self.replicas)
        told = f"a write is on {sure} of {self.replicas} replicas before it is told done"
        if sure == 1:
            return (
                f"{told}, and on every other one that is alive: while all are, it survives the "
                "loss of one node"
            )
        lost = "one node" if sure == 2 else f"{sure - 1} nodes"
        return f"{told}: it survives the loss of {lost}"


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """Size of a collection, and when it was last written; None where the store cannot say."""

    points: int
    bytes_on_disk: int | None = None
    written: datetime | None = None
    server: ServerState | None = None


class Collection(ABC):
    """A named set of points; `place` is what messages call it."""

    name: str
    place: str
    _schema: CollectionSchema

    @property
    def schema(self) -> CollectionSchema:
        """As the database had it when it was last asked."""
        return self._schema

    def adopt(self, schema: CollectionSchema) -> None:
        """Add the vectors and payload indexes of `schema` that are missing, and its notes.

        SchemaMismatchError if a vector exists with other settings; nothing is changed then.
        """
        missing = self._schema.missing(schema.vectors, self.place)
        indexes = {**schema.payload_indexes, **self._schema.payload_indexes}
        if new := {k: v for k, v in indexes.items() if k not in self._schema.payload_indexes}:
            indexed = replace(self._schema, payload_indexes=indexes)
            self._add_indexes(indexed, new)
            self._schema = indexed
        notes = {**self._schema.notes, **schema.notes}
        if missing or notes != self._schema.notes:
            self.add_vectors(missing, notes)

    def add_vectors(
        self, vectors: Mapping[str, VectorSpec], notes: Mapping[str, object] | None = None
    ) -> None:
        """Add named vectors, which existing points lack until updated, and replace the notes."""
        missing = self._schema.missing(vectors, self.place)
        noted = self._schema.notes if notes is None else dict(notes)
        schema = replace(self._schema, vectors={**self._schema.vectors, **missing}, notes=noted)
        self._add_vectors(schema, missing)
        self._schema = schema

    def upsert(self, points: Sequence[Point]) -> None:
        """Write points whole: an existing point of the same id is replaced.

        ValueError (an id that is no UUID, a vector of another shape, or with numbers that do not
        fit) and StoreError (a payload that could not be read back) come before any is written.
        """
        if checked := self._checked(points):
            self._write("points", checked)

    def update_vectors(self, points: Sequence[Point]) -> None:
        """Set the given vectors of existing points; their other vectors and payload stay.

        StoreError if one of the points does not exist; nothing is written then.
        """
        checked = self._checked(points)
        self._check_exist([p.point_id for p in checked])
        if changed := [p for p in checked if p.vectors]:
            self._write("vectors", changed)

    def overwrite_payload(self, payloads: Mapping[str, Payload]) -> None:
        """Replace the payload of existing points, by point id; their vectors stay.

        StoreError if one of the points does not exist, or a payload could not be read back;
        nothing is written then.
        """
        for point_id, payload in payloads.items():
            _check_payload(point_id, payload)
        self._check_exist(list(payloads))
        self._write("payloads", [Point(p, {}, payload) for p, payload in payloads.items()])

    def delete(self, criteria: Criteria) -> None:
        """Delete every point that meets `criteria`, which must not be empty."""
        chosen = build_filter(criteria)
        if chosen is None:
            raise ValueError("expected at least one condition on what to delete, found none")
        self._delete(chosen)

    def delete_ids(self, point_ids: Sequence[str]) -> None:
        """Delete points by id; ids that are not there are ignored."""
        if point_ids:
            self._delete(list(point_ids))

    def retrieve(
        self,
        point_ids: Sequence[str],
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
    ) -> dict[str, Record]:
        """Return the points that exist among `point_ids`, by id, in their order.

        `payload_fields` limits the payload to those fields; None is all of it.
        """
        self._check_names(with_vectors)
        if not point_ids:
            return {}
        ids, fields = list(point_ids), _selector(payload_fields)
        size = self._at_once(with_vectors, len(ids))
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        found = [r for part in parts for r in self._retrieve(part, list(with_vectors), fields)]
        records = {record.point_id: record for record in found}
        return {point_id: records[point_id] for point_id in point_ids if point_id in records}

    def search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        """Answer several searches at once, each best first, ties by painting id.

        ValueError if a request's vector, limit or names of vectors are wrong.
        """
        for request in requests:
            self._check_names([request.using, request.last.using, *request.with_vectors])
            request.check(self._schema)
        return self._search(requests) if requests else []

    def scroll(
        self,
        criteria: Criteria = EVERYTHING,
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
        page_size: int = 256,
    ) -> Iterator[Record]:
        """Yield every point that meets `criteria`, in order of point id."""
        self._check_names(with_vectors)
        fields, size = _selector(payload_fields), self._at_once(with_vectors, page_size)
        yield from self._pages(build_filter(criteria), list(with_vectors), fields, size)

    def _pages(
        self, chosen: Clause | None, names: list[str], fields: Fields, size: int = 500
    ) -> Iterator[Record]:
        offset: Any = None
        while True:
            page, offset = self._page(chosen, names, fields, size, offset)
            yield from page
            if offset is None:
                return

    def count(self, criteria: Criteria = EVERYTHING) -> int:
        """Return the exact number of points that meet `criteria`."""
        return self._count(build_filter(criteria))

    def facet(
        self, field: str, criteria: Criteria = EVERYTHING, *, limit: int = 100
    ) -> list[FacetCount]:
        """Return the values of an indexed field, most frequent first, ties by value."""
        indexes = self._schema.payload_indexes.items()
        countable = sorted(f for f, kind in indexes if kind in ("keyword", "integer"))
        if field not in countable:
            raise ValueError(
                f"the values of {field!r} cannot be counted; those of these fields can: "
                f"{', '.join(countable) or 'none'}"
            )
        if limit < 1:
            raise ValueError(f"expected a limit of 1 or more, found {limit}")
        counts = self._facet(field, build_filter(criteria), limit)
        facets = [FacetCount(value, count) for value, count in counts.items()]
        return sorted(facets, key=lambda f: (-f.count, f.value))[:limit]

    @abstractmethod
    def stats(self, *, on_disk: bool = True) -> CollectionStats:
        """Return size and state; without `on_disk`, in less time, points and when written."""

    def optimize(self) -> None:  # noqa: B027 - a server builds its indexes by itself
        """Build the indexes that are due."""

    def flush(self) -> None:  # noqa: B027 - every write to a server has waited for its log
        """Return once everything written so far survives a crash of the machine."""

    def renew(self) -> tuple[str, ...]:
        """Give the collection the settings of a new one; return what it had instead, in words.

        Searches are answered meanwhile; what follows from the settings is rebuilt behind them.
        """
        return ()

    # What an engine does, once the above has checked what it was given.

    @abstractmethod
    def _add_indexes(self, schema: CollectionSchema, new: Mapping[str, IndexKind]) -> None: ...
    @abstractmethod
    def _add_vectors(self, schema: CollectionSchema, new: Mapping[str, VectorSpec]) -> None: ...
    @abstractmethod
    def _write(self, what: Written, points: Sequence[Point]) -> None: ...

    @abstractmethod
    def _delete(self, chosen: Clause | list[Any]) -> None: ...
    @abstractmethod
    def _retrieve(self, point_ids: list[Any], names: list[str], fields: Fields) -> list[Record]: ...
    @abstractmethod
    def _search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]: ...
    @abstractmethod
    def _page(
        self, chosen: Clause | None, names: list[str], fields: Fields, size: int, offset: Any
    ) -> tuple[list[Record], Any]:
        """Return some records, and where the next page begins, None after the last."""

    @abstractmethod
    def _count(self, chosen: Clause | None) -> int: ...
    @abstractmethod
    def _facet(self, field: str, chosen: Clause | None, limit: int) -> dict[Scalar, int]: ...

    def _check_names(self, names: Sequence[str]) -> None:
        for name in names:
            self._schema.spec(name)

    def _at_once(self, names: Sequence[str], size: int) -> int:
        """Return how many points to read together with those vectors, at most `size`."""
        is_large = any(self._schema.vectors[name].many for name in names)
        return min(size, MANY_AT_ONCE) if is_large else size

    def _checked(self, points: Sequence[Point]) -> list[Point]:
        """Return `points` with stored dtypes; of points with one id, only the last."""
        checked: dict[str, Point] = {}
        for point in points:
            point_id = str(uuid.UUID(point.point_id))
            _check_payload(point_id, point.payload)
            self._check_names(list(point.vectors))
            vectors = {n: self._schema.spec(n).stored(v, n) for n, v in point.vectors.items()}
            checked.pop(point_id, None)
            checked[point_id] = Point(point_id, vectors, point.payload)
        return list(checked.values())

    def _check_exist(self, point_ids: Sequence[str]) -> None:
        absent = set(point_ids) - set(self.retrieve(point_ids, payload_fields=()))
        if absent:
            raise StoreError(
                f"{self.place} has no point {min(absent)} to update "
                f"({len(absent)} of {len(point_ids)} are missing); upsert it first"
            )


def _check_payload(point_id: str, payload: Payload) -> None:
    """Raise StoreError if the database could not give `payload` back.

    The embedded engine would write it all the same, and then not open the collection again.
    """
    if (reason := why_unstorable(payload)) is not None:
        painting_id = payload.get("painting_id")
        known = painting_id if isinstance(painting_id, str) else None
        name = f"painting {shortened(known)!r}" if known else f"point {point_id}"
        raise StoreError(
            f"{name} cannot be stored: {reason}; nothing of its batch was written: change that "
            "in its metadata, or leave it out",
            painting_id=known,
        )


def _selector(fields: Sequence[str] | None) -> Fields:
    return True if fields is None else list(fields) or False


class Store(AbstractContextManager["Store"]):
    """A place for collections; any number of threads may share one."""

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    @abstractmethod
    def location(self) -> str:
        """Folder or URL, for messages; never with a key in it."""

    def hurry(self) -> None:  # an embedded store is never waited for so
        """Wait no more for what may pass, such as a node that does not answer."""

    def expect_writing(self) -> None:
        """Wait longer for what may pass: what is written cannot simply be asked again."""

    def check_version(self) -> None:  # the embedded engine comes with artsim
        """Raise StoreError if the database is older than artsim can use."""

    @abstractmethod
    def list_collections(self) -> list[str]:
        """Return the names of all collections, sorted."""

    @abstractmethod
    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> Collection:
        """Create a collection, or open that of the name and add what vectors and indexes it lacks.

        SchemaMismatchError if a vector exists in another dimension, distance or datatype.
        """

    @abstractmethod
    def open_collection(self, name: str) -> Collection:
        """Open an existing collection; CollectionNotFoundError if there is none of that name."""

    @abstractmethod
    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""

    @abstractmethod
    def close(self) -> None:
        """Flush and release everything."""


def check_collection_name(name: str) -> None:
    """Raise ValueError unless `name` is letters, digits, ``-`` and ``_``, 200 at most."""
    if not _COLLECTION_NAME.fullmatch(name):
        raise ValueError(f"collection name {name!r}: expected 1 to 200 letters, digits, '-' or '_'")
