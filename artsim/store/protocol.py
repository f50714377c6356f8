"""What both kinds of store can do, and the values they exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from artsim.catalog.arrays import Vector
from artsim.catalog.criteria import EVERYTHING, Criteria, Scalar
from artsim.catalog.hits import Hit
from artsim.catalog.payload import IndexKind, Payload


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """Shape and treatment of one named vector.

    Embeddings are ``cosine``/``float32`` with an HNSW index; `pixels` is
    ``euclid``/``uint8`` without one.
    """

    dim: int
    distance: Literal["cosine", "euclid"] = "cosine"
    datatype: Literal["float32", "uint8"] = "float32"
    indexed: bool = True


@dataclass(frozen=True, slots=True)
class CollectionSchema:
    """Named vectors, payload indexes, and notes that artsim keeps with the collection.

    Attributes
    ----------
    vectors : mapping of str to VectorSpec
        By vector name.
    payload_indexes : mapping of str to IndexKind
        By field.
    notes : mapping of str to JSON-like value
        The collection's metadata under the key ``artsim``: for example the spec of each
        encoder by vector name.
    """

    vectors: Mapping[str, VectorSpec]
    payload_indexes: Mapping[str, IndexKind] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server lays a new collection out; an embedded store ignores it."""

    shards: int | None = None
    replicas: int | None = None
    quantization: Literal["none", "int8", "binary"] = "none"
    on_disk: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point to write: id (a UUID), some or all of its named vectors, its payload."""

    point_id: str
    vectors: Mapping[str, Vector]
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One point as read back, with the named vectors that were asked for."""

    point_id: str
    payload: Payload
    vectors: Mapping[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rescore:
    """Second stage inside the database: order the first `depth` hits by another vector."""

    vector: Vector
    using: str
    depth: int


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One nearest-neighbour search.

    Attributes
    ----------
    vector : ndarray, shape (D,)
        What is searched for.
    using : str
        Named vector to compare it with.
    criteria : Criteria
        Filter, applied inside the search.
    limit, offset : int
        How many hits, after skipping how many.
    min_score : float or None
        Least score of a hit; of a search by ``euclid`` minus the largest distance.
    with_vectors : sequence of str
        Named vectors to return with each hit.
    exact : bool
        Compare with every point instead of the index's candidates.
    rescore : Rescore or None
        Where given, hits carry the second stage's score.
    """

    vector: Vector
    using: str
    criteria: Criteria = EVERYTHING
    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    with_vectors: Sequence[str] = ()
    exact: bool = False
    rescore: Rescore | None = None


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a field and how many points have it."""

    value: Scalar
    count: int


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """Size of a collection, and when it was last written; None where the store cannot say."""

    points: int
    bytes_on_disk: int | None = None
    written: datetime | None = None


class Collection(Protocol):
    """A named set of points."""

    @property
    def name(self) -> str:
        """Full name, with the gallery's prefix."""
        ...

    @property
    def schema(self) -> CollectionSchema:
        """As the database has it now."""
        ...

    def add_vectors(
        self, vectors: Mapping[str, VectorSpec], notes: Mapping[str, object] | None = None
    ) -> None:
        """Add named vectors, which existing points lack until updated, and replace the notes."""
        ...

    def upsert(self, points: Sequence[Point]) -> None:
        """Write points whole: an existing point of the same id is replaced.

        Raises
        ------
        ValueError
            If an id is no UUID, a vector is not in the schema, has another shape, or
            numbers that are not finite or do not fit; nothing is written then.
        StoreError
            If a payload could not be read back, by `why_unstorable`; nothing is written then.
        """
        ...

    def update_vectors(self, points: Sequence[Point]) -> None:
        """Set the given vectors of existing points; their other vectors and payload stay.

        Raises
        ------
        StoreError
            If one of the points does not exist; nothing is written then.
        """
        ...

    def overwrite_payload(self, payloads: Mapping[str, Payload]) -> None:
        """Replace the payload of existing points, by point id; their vectors stay.

        Raises
        ------
        StoreError
            If one of the points does not exist, or a payload could not be read back; nothing
            is written then.
        """
        ...

    def delete(self, criteria: Criteria) -> None:
        """Delete every point that meets `criteria`, which must not be empty."""
        ...

    def delete_ids(self, point_ids: Sequence[str]) -> None:
        """Delete points by id; ids that are not there are ignored."""
        ...

    def retrieve(
        self,
        point_ids: Sequence[str],
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
    ) -> dict[str, Record]:
        """Return the points that exist among `point_ids`, by id.

        `payload_fields` limits the payload to those fields; None is all of it.
        """
        ...

    def search(self, requests: Sequence[SearchRequest]) -> list[list[Hit]]:
        """Answer several searches at once, each best first, ties by painting id."""
        ...

    def scroll(
        self,
        criteria: Criteria = EVERYTHING,
        *,
        with_vectors: Sequence[str] = (),
        payload_fields: Sequence[str] | None = None,
        page_size: int = 256,
    ) -> Iterator[Record]:
        """Yield every point that meets `criteria`, in order of point id."""
        ...

    def count(self, criteria: Criteria = EVERYTHING) -> int:
        """Return the exact number of points that meet `criteria`."""
        ...

    def facet(
        self,
        field: str,
        criteria: Criteria = EVERYTHING,
        *,
        limit: int = 100,
    ) -> list[FacetCount]:
        """Return the values of an indexed field, most frequent first, ties by value."""
        ...

    def stats(self, *, on_disk: bool = True) -> CollectionStats:
        """Return the collection's size; without `on_disk`, in less time, not in bytes."""
        ...

    def optimize(self) -> None:
        """Build the indexes that are due; a server does so by itself."""
        ...

    def flush(self) -> None:
        """Return once everything written so far survives a crash of the machine."""
        ...


class Store(Protocol):
    """A place for collections."""

    @property
    def location(self) -> str:
        """Folder or URL, for messages; never with a key in it."""
        ...

    def check_version(self) -> None:
        """Raise StoreError if the database is older than artsim can use."""
        ...

    def list_collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        ...

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> Collection:
        """Create a collection, or open the one of that name if its schema is compatible.

        Compatible means: every vector of `schema` that exists has the same dimension,
        distance and datatype. Missing payload indexes are added; missing vectors too.

        Raises
        ------
        SchemaMismatchError
            If it exists with other vectors; the message lists what differs.
        """
        ...

    def open_collection(self, name: str) -> Collection:
        """Open an existing collection.

        Raises
        ------
        CollectionNotFoundError
            If there is none of that name.
        """
        ...

    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""
        ...

    def close(self) -> None:
        """Flush and release everything."""
        ...
