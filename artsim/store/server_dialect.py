"""artsim's terms in those of a Qdrant server, by qdrant-client's models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from qdrant_client import models

from artsim.catalog.payload import IndexKind
from artsim.errors import StoreError, listed
from artsim.store.answers import score_threshold
from artsim.store.conditions import Clause, build_filter
from artsim.store.protocol import (
    CollectionSchema,
    SearchRequest,
    ServerOptions,
    ServerState,
    VectorSpec,
)

NOTES_KEY: Final = "artsim"
"""Where the notes are in a collection's metadata, which other programs may use too."""

_EF: Final = 768
HNSW: Final = models.HnswConfigDiff(
    m=16, ef_construct=128, full_scan_threshold=100_000, payload_m=0
)
"""How the graph is built; see `artsim.store.edge_dialect` and ``docs/servers.md``."""
NO_HNSW: Final = HNSW.model_copy(update={"m": 0, "full_scan_threshold": 20_000})  # no graph
# The outermost hundredth is clipped, as Qdrant's documentation advises.
_INT8: Final = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(
        type=models.ScalarType.INT8, quantile=0.99, always_ram=True
    )
)
_MANY: Final = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
_INDEXES: Final[Mapping[IndexKind, Mapping[str, Any]]] = {
    "keyword": {},
    "text": {"tokenizer": "word", "lowercase": True, "ascii_folding": True},
    "integer": {"lookup": True, "range": True},
    "float": {},
}

_READABLE: Final = {
    models.ReplicaState.ACTIVE,
    models.ReplicaState.ACTIVEREAD,
    models.ReplicaState.RESHARDINGSCALEDOWN,
}
"""States of a replica that has all points of its shard."""

OVERSAMPLING: Final = 3.0
"""Candidates that quantized vectors find, for each that the original vectors keep."""


def to_filter(chosen: Clause | None) -> models.Filter | None:
    """Return a filter of `build_filter` as the client's model."""
    return None if chosen is None else models.Filter.model_validate(chosen)


def to_params(spec: VectorSpec, options: ServerOptions) -> models.VectorParams:
    """Return how a new collection treats a named vector; pixels are never quantized."""
    return models.VectorParams(
        size=spec.dim,
        distance=models.Distance(spec.distance.title()),
        datatype=models.Datatype(spec.datatype),
        # Pixels are most of a point, and read of a hundred hits only.
        on_disk=options.on_disk or not spec.indexed or None,
        hnsw_config=None if spec.indexed else NO_HNSW,
        quantization_config=_INT8 if spec.indexed and options.quantization == "int8" else None,
        multivector_config=_MANY if spec.many else None,
    )


def to_new_vector(spec: VectorSpec) -> models.DenseVectorNameConfig:
    """Return the configuration of a vector that is added to a collection."""
    return models.DenseVectorNameConfig(
        dense=models.DenseVectorConfig(
            size=spec.dim,
            distance=models.Distance(spec.distance.title()),
            datatype=models.VectorStorageDatatype(spec.datatype),
            multivector_config=_MANY if spec.many else None,
        )
    )


def to_index(kind: IndexKind) -> Any:
    """Return the parameters of a payload index."""
    made = getattr(models, f"{kind.title()}IndexParams")
    return made.model_validate({"type": kind, **_INDEXES[kind]})


def to_consistency(replicas: int) -> int:
    """Return on how many replicas a write has to be: most, but one of several may be lost."""
    return max(1, min(replicas // 2 + 1, replicas - 1))


@dataclass(frozen=True, slots=True)
class Description:
    """What a server says of a collection: what is in it, how it is laid out, what it allows.

    `points` is their number, None while the server moves them and may count some twice.
    """

    schema: CollectionSchema
    points: int | None
    shards: int
    is_quantized: bool
    limits: models.StrictModeConfigOutput

    def fitting(self, wanted: int) -> int:
        """Return how many points to ask for at once, at most `wanted`."""
        return min(wanted, self.limits.max_query_limit or wanted)

    @property
    def allows_exact(self) -> bool:
        """Whether the server compares with every point, and counts every point, if asked to."""
        return self.limits.search_allow_exact is not False


def to_description(info: models.CollectionInfo, place: str) -> Description:
    """Return what a server says of a collection; StoreError if artsim makes none like it."""
    config, params = info.config, info.config.params
    vectors, strict = params.vectors, config.strict_mode_config
    if not isinstance(vectors, dict):
        raise _foreign(place, "it has no named vectors")
    notes = (config.metadata or {}).get(NOTES_KEY)
    kinds: dict[str, Any] = {k: index.data_type.value for k, index in info.payload_schema.items()}
    schema = CollectionSchema(
        {name: _to_spec(vector, f"{place}, vector {name!r}") for name, vector in vectors.items()},
        {field: kind for field, kind in kinds.items() if kind in _INDEXES},
        notes if isinstance(notes, dict) else {},
    )
    quantized = [config.quantization_config, *(v.quantization_config for v in vectors.values())]
    return Description(
        schema,
        info.points_count if info.status == models.CollectionStatus.GREEN else None,
        # Where a program chooses each point's shard, the number is of each of its keys.
        2 if params.sharding_method == "custom" else params.shard_number or 1,
        any(quantized),
        strict if strict and strict.enabled else models.StrictModeConfigOutput(),
    )


def _to_spec(params: models.VectorParams, place: str) -> VectorSpec:
    distance: Any = params.distance.value.lower()
    datatype: Any = params.datatype.value if params.datatype else "float32"
    many = params.multivector_config is not None
    known = distance in ("cosine", "euclid", "dot") and datatype in ("float32", "uint8")
    if not known or params.size < 1 or many != (distance == "dot"):
        raise _foreign(place, f"it is {params.size} {params.distance.value} of {datatype}")
    hnsw = params.hnsw_config
    is_indexed = hnsw is None or hnsw.m != 0
    return VectorSpec(params.size, distance, datatype, indexed=is_indexed, many=many)


def _foreign(place: str, what: str) -> StoreError:
    return StoreError(
        f"{place} was not made by artsim: {what}; use another gallery name", hint="--gallery"
    )


def to_renewal(
    info: models.CollectionInfo, schema: CollectionSchema
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what a collection has that a new one would have otherwise, and what changes it.

    The latter are arguments of the client's `update_collection`.
    """
    params, hnsw = info.config.params, info.config.hnsw_config
    lacks, settings = [], dict[str, Any]()
    vectors: Any = params.vectors
    bare = [n for n, s in schema.vectors.items() if not s.indexed and not vectors[n].on_disk]
    if bare:
        lacks.append(f"{listed(bare)} in memory")
        settings["vectors_config"] = {n: models.VectorParamsDiff(on_disk=True) for n in bare}
    wanted = HNSW.model_dump(exclude_none=True)
    if any(getattr(hnsw, name) != value for name, value in wanted.items()):
        lacks.append("other settings of the index")
        settings["hnsw_config"] = HNSW
    found, due = (
        params.write_consistency_factor or 1,
        to_consistency(params.replication_factor or 1),
    )
    if found != due:
        lacks.append(f"a write consistency of {found} instead of {due}")
        settings["collection_params"] = models.CollectionParamsDiff(write_consistency_factor=due)
    return tuple(lacks), settings


def to_state(
    info: models.CollectionInfo,
    cluster: models.CollectionClusterInfo | None,
    silent: Collection[int],
    points: int,
    lacks: tuple[str, ...],
) -> ServerState:
    """Return how a server keeps a collection; `silent` are the nodes that do not answer."""
    params = info.config.params
    states: list[Any] | None = None
    if cluster is not None:
        away = [None if s.peer_id in silent else s.state for s in cluster.remote_shards]
        states = [*(shard.state for shard in cluster.local_shards), *away]
    return ServerState(
        info.status.value,
        info.indexed_vectors_count or 0,
        points * len(cast("Mapping[str, Any]", params.vectors)),
        params.shard_number or 1 if cluster is None else cluster.shard_count,
        params.replication_factor or 1,
        None if states is None else len(states),
        None if states is None else sum(state in _READABLE for state in states),
        params.write_consistency_factor or 1,
        lacks,
    )


def to_queries(
    request: SearchRequest,
    said: Description,
    candidates: Sequence[str] | None = None,
    *,
    payload: bool = True,
) -> list[Clause]:
    """Return a search, of one stage or two, as requests in JSON for as many points as are allowed.

    `candidates` are ids of the points that a second stage scores, where they are known already.
    """
    limits, rescore = said.limits, request.rescore
    oversampling = min(OVERSAMPLING, limits.search_max_oversampling or OVERSAMPLING)
    quantization = {"rescore": True, "oversampling": oversampling}
    first: dict[str, Any] = {
        "query": said.schema.query(request.vector, request.using),
        "using": request.using,
        "filter": build_filter(request.criteria),
        "params": {
            "hnsw_ef": min(_EF, limits.search_max_hnsw_ef or _EF),
            "exact": request.exact,
            "acorn": {"enable": True, "max_selectivity": 1.0},
            "quantization": quantization if said.is_quantized else None,
        },
    }
    if rescore is not None:
        chosen = [{**first, "limit": rescore.depth}]
        if candidates is not None:
            # By ids in a stage of their own: a filter alone would be a search without an index,
            # which a strict mode refuses.
            size = said.fitting(len(candidates))
            parts = [candidates[i : i + size] for i in range(0, len(candidates), size)]
            chosen = [{"filter": {"must": [{"has_id": p}]}, "limit": len(p)} for p in parts]
        vector = said.schema.query(rescore.vector, rescore.using)
        first = {"query": vector, "using": rescore.using, "prefetch": chosen}
    size, end = said.fitting(request.limit), request.offset + request.limit
    first |= {"with_payload": payload, "with_vector": list(request.with_vectors) or False}
    first["score_threshold"] = score_threshold(request, said.schema)
    return [
        {**first, "limit": min(size, end - start), "offset": start}
        for start in range(request.offset, end, size)
    ]
