"""artsim's terms in those of the embedded engine, qdrant-edge.

A filter takes nodes from the graph of Malkov & Yashunin [1]_, and what is left may fall to pieces:
of 20,000 paintings a filter that passed 6,000 lost all ten hits of some queries. ACORN [2]_ walks
on through the neighbors of what the filter took; where it passes few, all of these are compared.
What the settings were measured by, here and on a server, is in ``docs/servers.md``.

References
----------
.. [1] Malkov & Yashunin (2020). IEEE TPAMI 42, 824-836. Qdrant's is filterable:
   https://qdrant.tech/articles/filterable-hnsw/
.. [2] Patel et al. (2024). ACORN: performant and predicate-agnostic search over vector
   embeddings and structured data. SIGMOD. Qdrant has their ACORN-1, since version 1.16.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.payload import IndexKind
from artsim.errors import ArtsimError, StoreError
from artsim.store.answers import score_threshold
from artsim.store.conditions import Clause, build_filter
from artsim.store.data_folder import damaged_error, locked_error
from artsim.store.protocol import CollectionSchema, Rescore, SearchRequest, VectorSpec

FULL_SCAN_KB: Final = 20_000  # where a filter passes fewer in a segment, all are compared
INDEXING_KB: Final = 10_000  # segments with fewer get no graph
_EF: Final = 256
_DISTANCES: Final = {
    "cosine": edge.Distance.Cosine,
    "euclid": edge.Distance.Euclid,
    "dot": edge.Distance.Dot,
}
_DATATYPES: Final = {
    "float32": edge.VectorStorageDatatype.Float32,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
_MANY: Final = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
_MAPPED: Final = edge.Memory.Cached
"""Indexes of text are mapped, not read: opening 20,000 paintings took 0.09 s of processor
time instead of 0.2 s, and filtered queries as long as before. Those of numbers are small,
and ranges took half as long again when mapped."""
_INDEXES: Final[Mapping[IndexKind, Any]] = {
    "keyword": edge.KeywordIndexParams(memory=_MAPPED),
    "text": edge.TextIndexParams(
        tokenizer=edge.TokenizerType.Word, lowercase=True, ascii_folding=True, memory=_MAPPED
    ),
    "integer": edge.IntegerIndexParams(lookup=True, range=True),
    "float": edge.FloatIndexParams(),
}


def to_filter(chosen: Clause | None) -> Any:
    """Return a filter of `build_filter` as the engine's."""
    if chosen is None:
        return None
    some: dict[str, Any] = {how: list(map(_to_condition, c)) for how, c in chosen.items()}
    return edge.Filter(**some)


def _to_condition(clause: Clause) -> Any:
    match clause:
        case {"key": field, "match": {"any": values}}:
            return edge.FieldCondition(field, match=edge.MatchAny(values))
        case {"key": field, "match": {"text": text}}:
            return edge.FieldCondition(field, match=edge.MatchText(text))
        case {"key": field, "range": limits}:
            return edge.FieldCondition(field, range=edge.RangeFloat(**limits))
        case {"is_empty": {"key": field}}:
            return edge.IsEmptyCondition(field)
        case {"has_vector": name}:
            return edge.HasVectorCondition(name)
        case {"has_id": point_ids}:
            return edge.HasIdCondition(set(point_ids))
    return to_filter(clause)


def to_config(schema: CollectionSchema) -> edge.EdgeConfig:
    """Return the engine's configuration for a collection of `schema`."""
    return edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(
                spec.dim,
                on_disk=spec.many or None,
                hnsw_config=None if spec.indexed else _graph(edges=0),
                **_kind_of(spec),
            )
            for name, spec in schema.vectors.items()
        },
        hnsw_config=_graph(edges=16),
        optimizers=edge.EdgeOptimizersConfig(
            default_segment_number=1, indexing_threshold=INDEXING_KB
        ),
    )


def _graph(edges: int) -> edge.HnswIndexConfig:
    """Return settings of a graph with so many edges of a node; with none there is no graph."""
    return edge.HnswIndexConfig(edges, 128, FULL_SCAN_KB, payload_m=0)


def _kind_of(spec: VectorSpec) -> dict[str, Any]:
    return {
        "distance": _DISTANCES[spec.distance],
        "datatype": _DATATYPES[spec.datatype],
        "multivector_config": _MANY if spec.many else None,
    }


def create_vector(name: str, spec: VectorSpec) -> edge.UpdateOperation:
    """Return the operation that adds a named vector."""
    return edge.UpdateOperation.create_dense_vector(name, spec.dim, **_kind_of(spec))


def create_index(field: str, kind: IndexKind) -> edge.UpdateOperation:
    """Return the operation that indexes a payload field."""
    return edge.UpdateOperation.create_field_index(field, _INDEXES[kind])


def to_query(request: SearchRequest, schema: CollectionSchema) -> edge.QueryRequest:
    """Return a search, of one stage or two, as the engine's request."""
    chosen = to_filter(build_filter(request.criteria))
    acorn = edge.AcornSearchParams(enable=True, max_selectivity=1.0)
    params = edge.SearchParams(hnsw_ef=_EF, exact=request.exact, acorn=acorn)
    first, rescore = _nearest(request, schema), request.rescore
    stage: dict[str, Any] = {"filter": chosen, "params": params}
    if rescore is not None:
        stage = {"prefetches": [edge.Prefetch(limit=rescore.depth, query=first, **stage)]}
    return edge.QueryRequest(
        limit=request.limit,
        offset=request.offset,
        query=first if rescore is None else _nearest(rescore, schema),
        score_threshold=score_threshold(request, schema),
        with_payload=True,
        with_vector=list(request.with_vectors),
        **stage,
    )


def _nearest(stage: SearchRequest | Rescore, schema: CollectionSchema) -> edge.Query:
    return edge.Query.Nearest(schema.query(stage.vector, stage.using), using=stage.using)


@contextmanager
def edge_errors(folder: Path, doing: str) -> Iterator[None]:
    """Turn whatever the engine raises while `doing` something into StoreError.

    The engine raises bare `Exception` with a text, and panics as a subclass of
    BaseException that cannot be imported; arguments of a wrong type stay TypeError.
    """
    try:
        yield
    except (ArtsimError, TypeError, ValueError):
        raise
    except OSError as exc:
        raise StoreError(f"{folder}: {doing} failed: {_of_disk(exc.strerror or str(exc))}") from exc
    except Exception as exc:
        raise _translated(folder, doing, str(exc)) from exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":
            raise
        raise damaged_error(folder, f"{doing}: {exc}") from exc


def _translated(folder: Path, doing: str, message: str) -> StoreError:
    message = message.removeprefix("Service runtime error: ")
    if "WouldBlock" in message:
        return locked_error(folder)
    if _OF_THE_DISK.search(message):
        return StoreError(f"{folder}: {doing} failed: {_of_disk(message)}")
    if _OF_DAMAGE.search(message):
        return damaged_error(folder, f"{doing}: {message}")
    return StoreError(f"{folder}: {doing} failed: {message}")


_OF_THE_DISK: Final = re.compile(
    "No space left|OutOfStorage|File too large|Read-only file system|Permission denied"
)
_OF_DAMAGE: Final = re.compile(
    "failed to load segment|failed to open WAL|failed to read WAL|Failed to decode|"
    "recursion limit exceeded|Failed to deserialize|out of bounds|cannot load edge shard|"
    "no segments were loaded|incompatible with existing segments"
)


def _of_disk(message: str) -> str:
    if "No space left" in message or "OutOfStorage" in message:
        return "the disk is full; free some space and run the same command again"
    if "Read-only file system" in message:
        return (
            "the file system is read-only, and the engine writes even where it only reads; copy "
            "the data folder to where it can be written, and name that"
        )
    return f"{message}; check the folder's permissions and the disk"
