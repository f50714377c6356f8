"""artsim's terms in those of a Qdrant server, by qdrant-client's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from qdrant_client import models

from artsim.catalog.payload import IndexKind
from artsim.errors import StoreError
from artsim.store.checks import as_stored_query, score_threshold, spec_of
from artsim.store.conditions import build_filter
from artsim.store.hnsw import HNSW, NO_HNSW, HnswSettings
from artsim.store.protocol import (
    CollectionSchema,
    Rescore,
    SearchRequest,
    ServerOptions,
    VectorSpec,
)

Condition: TypeAlias = Any
"""Any of the client's conditions."""

NOTES_KEY: Final = "artsim"
"""Where the notes are in a collection's metadata, which other programs may use too."""

_DISTANCES: Final = {"cosine": models.Distance.COSINE, "euclid": models.Distance.EUCLID}
_DATATYPES: Final = {"float32": models.Datatype.FLOAT32, "uint8": models.Datatype.UINT8}
_KINDS: Final[Mapping[str, IndexKind]] = {
    "keyword": "keyword",
    "text": "text",
    "integer": "integer",
    "float": "float",
}

OVERSAMPLING: Final = 3.0
"""Candidates that quantized vectors find, for each that the original vectors keep."""


class ServerDialect:
    """The client's conditions, as `Dialect` wants them."""

    def any_string(self, field: str, values: list[str]) -> Condition:
        """See `Dialect`."""
        return models.FieldCondition(key=field, match=models.MatchAny(any=values))

    def between(self, field: str, least: float | None, most: float | None) -> Condition:
        """See `Dialect`."""
        return models.FieldCondition(key=field, range=models.Range(gte=least, lte=most))

    def all_words(self, field: str, text: str) -> Condition:
        """See `Dialect`."""
        return models.FieldCondition(key=field, match=models.MatchText(text=text))

    def is_empty(self, field: str) -> Condition:
        """See `Dialect`."""
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=field))

    def has_vector(self, vector_name: str) -> Condition:
        """See `Dialect`."""
        return models.HasVectorCondition(has_vector=vector_name)

    def combine(
        self, must: list[Condition], should: list[Condition], must_not: list[Condition]
    ) -> Condition:
        """See `Dialect`."""
        return models.Filter(must=must or None, should=should or None, must_not=must_not or None)


DIALECT: Final = ServerDialect()


def to_hnsw(settings: HnswSettings) -> models.HnswConfigDiff:
    """Return index settings as the client's model."""
    return models.HnswConfigDiff(
        m=settings.m,
        ef_construct=settings.ef_construct,
        full_scan_threshold=settings.full_scan_threshold_kb,
        payload_m=settings.payload_m,
    )


def to_params(spec: VectorSpec, options: ServerOptions) -> models.VectorParams:
    """Return how a new collection treats a named vector; pixels are never quantized."""
    return models.VectorParams(
        size=spec.dim,
        distance=_DISTANCES[spec.distance],
        datatype=_DATATYPES[spec.datatype],
        on_disk=options.on_disk or None,
        hnsw_config=None if spec.indexed else to_hnsw(NO_HNSW),
        quantization_config=_to_quantization(options) if spec.indexed else None,
    )


def _to_quantization(options: ServerOptions) -> models.QuantizationConfig | None:
    match options.quantization:
        case "none":
            return None
        case "int8":
            # The outermost hundredth is clipped, as Qdrant's documentation advises.
            scalar = models.ScalarQuantizationConfig(
                type=models.ScalarType.INT8, quantile=0.99, always_ram=True
            )
            return models.ScalarQuantization(scalar=scalar)
        case "binary":
            binary = models.BinaryQuantizationConfig(always_ram=True)
            return models.BinaryQuantization(binary=binary)


def to_new_vector(spec: VectorSpec) -> models.DenseVectorNameConfig:
    """Return the configuration of a vector that is added to a collection."""
    return models.DenseVectorNameConfig(
        dense=models.DenseVectorConfig(
            size=spec.dim,
            distance=_DISTANCES[spec.distance],
            datatype=models.VectorStorageDatatype(_DATATYPES[spec.datatype].value),
        )
    )


def to_index(kind: IndexKind) -> Any:
    """Return the parameters of a payload index."""
    match kind:
        case "keyword":
            return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
        case "text":
            return models.TextIndexParams(
                type=models.TextIndexType.TEXT,
                tokenizer=models.TokenizerType.WORD,
                lowercase=True,
                ascii_folding=True,
            )
        case "integer":
            return models.IntegerIndexParams(
                type=models.IntegerIndexType.INTEGER, lookup=True, range=True
            )
        case "float":
            return models.FloatIndexParams(type=models.FloatIndexType.FLOAT)


def to_schema(info: models.CollectionInfo, place: str) -> CollectionSchema:
    """Return what a server says of a collection.

    Raises
    ------
    StoreError
        If it has no named vectors, or of a kind that artsim does not make.
    """
    vectors = info.config.params.vectors
    if not isinstance(vectors, dict):
        raise _foreign(place, "it has no named vectors")
    notes = (info.config.metadata or {}).get(NOTES_KEY)
    return CollectionSchema(
        {name: _to_spec(params, f"{place}, vector {name!r}") for name, params in vectors.items()},
        {
            field: _KINDS[index.data_type.value]
            for field, index in info.payload_schema.items()
            if index.data_type.value in _KINDS
        },
        notes if isinstance(notes, dict) else {},
    )


def _to_spec(params: models.VectorParams, place: str) -> VectorSpec:
    distances = {theirs: ours for ours, theirs in _DISTANCES.items()}
    datatypes = {theirs: ours for ours, theirs in _DATATYPES.items()}
    datatype = params.datatype or models.Datatype.FLOAT32
    if params.distance not in distances or datatype not in datatypes:
        raise _foreign(place, f"it is {params.distance.value} of {datatype.value}")
    hnsw = params.hnsw_config
    return VectorSpec(
        params.size,
        distances[params.distance],  # type: ignore[arg-type]
        datatypes[datatype],  # type: ignore[arg-type]
        indexed=hnsw is None or hnsw.m != 0,
    )


def _foreign(place: str, what: str) -> StoreError:
    return StoreError(
        f"{place} was not made by artsim: {what}; use another gallery name", hint="--gallery"
    )


def to_query(request: SearchRequest, schema: CollectionSchema) -> models.QueryRequest:
    """Return a search, of one stage or two, as the client's request."""
    criteria = build_filter(request.criteria, DIALECT)
    params = models.SearchParams(
        hnsw_ef=HNSW.ef,
        exact=request.exact,
        acorn=models.AcornSearchParams(enable=True, max_selectivity=HNSW.acorn_selectivity),
        quantization=models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING),
    )
    first = _vector_of(request, schema)
    rescore = request.rescore
    final = spec_of(schema, rescore.using if rescore else request.using)
    candidates = (
        models.Prefetch(
            query=first, using=request.using, filter=criteria, params=params, limit=rescore.depth
        )
        if rescore
        else None
    )
    return models.QueryRequest(
        query=_vector_of(rescore, schema) if rescore else first,
        using=rescore.using if rescore else request.using,
        prefetch=candidates,
        filter=None if rescore else criteria,
        params=None if rescore else params,
        score_threshold=score_threshold(request.min_score, final),
        limit=request.limit,
        offset=request.offset,
        with_payload=True,
        with_vector=list(request.with_vectors) or False,
    )


def _vector_of(stage: SearchRequest | Rescore, schema: CollectionSchema) -> list[float]:
    vector = as_stored_query(stage.vector, spec_of(schema, stage.using), stage.using)
    listed: list[float] = vector.tolist()
    return listed
