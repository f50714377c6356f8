"""A Qdrant server in this process: its REST interface over qdrant-client's engine in memory."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fake_server import Handler, serving
from qdrant_client import QdrantClient, models


def described(
    vectors: Any, metadata: Any = None, indexes: Any = (), shards: int = 1, **config: Any
) -> Any:
    """Return a collection's description as a server gives it."""
    optimizer = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000}
    return {
        "status": "green",
        "optimizer_status": "ok",
        "segments_count": 1,
        "payload_schema": {name: {"data_type": "keyword", "points": 3} for name in indexes},
        "config": {
            "params": {"vectors": vectors, "shard_number": shards, **config.get("params", {})},
            "hnsw_config": {
                "m": 16,
                "ef_construct": 100,
                "full_scan_threshold": 10000,
                **config.get("hnsw_config", {}),
            },
            "optimizer_config": {**optimizer, "default_segment_number": 0, "flush_interval_sec": 5},
            "metadata": metadata,
        },
    }


class LocalQdrant:
    """Answers as a server of version 1.18 does, with a description of each collection."""

    def __init__(self) -> None:
        self.engine = QdrantClient(":memory:")
        self.described: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()

    def __call__(self, handler: Handler) -> None:
        command, path, _, raw = handler.server.asked[-1]
        _, *parts = path.partition("?")[0].strip("/").split("/")
        with self.lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = self.answer(command, parts, json.loads(raw or b"{}"))
            except (ValueError, KeyError) as exc:
                code = 404 if "not found" in str(exc) else 400
                handler.say(code, {"status": {"error": str(exc)}, "time": 0.0})
                return
        root = {"title": "qdrant", "version": "1.18.0"}
        handler.say(200, {**root, "result": answer, "status": "ok", "time": 0.0})

    def answer(self, command: str, parts: list[str], body: dict[str, Any]) -> Any:
        if not parts:
            return {"collections": [{"name": name} for name in self.described]}
        name, *rest = parts
        if not rest:
            return self.collection(command, name, body)
        described = self.described[name]
        match rest:
            case ["index"]:
                asked = body["field_schema"]
                index = {"data_type": asked["type"], "params": asked, "points": 0}
                described["payload_schema"][body["field_name"]] = index
                return {"operation_id": 1, "status": "completed"}
            case ["vectors", vector]:
                made = models.DenseVectorNameConfig.model_validate(body)
                self.engine.create_vector_name(name, vector, made)
                described["config"]["params"]["vectors"][vector] = body["dense"]
                return {"operation_id": 1, "status": "completed"}
            case ["cluster"]:
                shard = {"shard_id": 0, "points_count": 0, "state": "Active"}
                node = {"peer_id": 1, "shard_count": 1, "local_shards": [shard]}
                return {**node, "remote_shards": [], "shard_transfers": []}
            case ["facet"]:
                return self.facet(name, **body)
        return self.points(command, name, rest[1:], body)

    def collection(self, command: str, name: str, body: dict[str, Any]) -> Any:
        if command == "PUT":
            vectors = body["vectors"]
            made = models.CreateCollection.model_validate(body).vectors
            self.engine.create_collection(name, vectors_config=made)
            kept = ("replication_factor", "write_consistency_factor", "on_disk_payload")
            self.described[name] = described(
                vectors,
                body.get("metadata"),
                hnsw_config=body.get("hnsw_config", {}),
                params={key: body[key] for key in kept if key in body},
            )
            return True
        if command == "DELETE":
            self.engine.delete_collection(name)
            return self.described.pop(name, None) is not None
        if name not in self.described:
            raise ValueError(f"Collection {name} not found")
        if command == "PATCH":
            config = self.described[name]["config"]
            config["metadata"] = {**(config["metadata"] or {}), **body.get("metadata", {})}
            for vector, changed in body.get("vectors", {}).items():
                config["params"]["vectors"][vector] |= changed
            config["params"] |= body.get("params", {})
            config["hnsw_config"] |= body.get("hnsw_config", {})
            return True
        return self.described[name]

    def facet(self, name: str, key: str, limit: int, filter: Any = None, **_: Any) -> Any:
        chosen = models.Filter.model_validate(filter) if filter else None
        return dumped(self.engine.facet(name, key, facet_filter=chosen, limit=limit, exact=True))

    def points(self, command: str, name: str, rest: list[str], body: dict[str, Any]) -> Any:
        engine = self.engine
        chosen = models.Filter.model_validate(body["filter"]) if body.get("filter") else None
        shown = {k: body.get(k, False) for k in ("with_payload",)}
        shown["with_vectors"] = body.get("with_vector", False)
        match rest:
            case [] if command == "PUT":
                made = [models.PointStruct.model_validate(p) for p in body["points"]]
                return dumped(engine.upsert(name, made))
            case []:
                return dumped(engine.retrieve(name, body["ids"], **shown))
            case ["vectors"]:
                changed = [models.PointVectors.model_validate(p) for p in body["points"]]
                return dumped(engine.update_vectors(name, changed))
            case ["batch"]:
                for operation in body["operations"]:
                    engine.overwrite_payload(name, **operation["overwrite_payload"])
                return []
            case ["delete"]:
                doomed = models.FilterSelector(filter=chosen) if chosen else body["points"]
                return dumped(engine.delete(name, doomed))
            case ["count"]:
                return dumped(engine.count(name, chosen, exact=True))
            case ["scroll"]:
                offset, limit = body.get("offset"), body["limit"]
                page, after = engine.scroll(name, chosen, limit, offset=offset, **shown)
                return {"points": dumped(page), "next_page_offset": after}
            case ["query"]:
                return dumped(engine.query_batch_points(name, [models.QueryRequest(**body)])[0])
            case ["query", "batch"]:
                asked = [models.QueryRequest.model_validate(q) for q in body["searches"]]
                return dumped(engine.query_batch_points(name, asked))
        raise ValueError(f"unknown: {rest}")


def dumped(answer: Any) -> Any:
    """Return models as JSON has them."""
    if isinstance(answer, list):
        return [dumped(one) for one in answer]
    return json.loads(json.dumps(answer.model_dump(exclude_none=True), default=plain))


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


@contextmanager
def local_qdrant() -> Iterator[str]:
    """Run such a server; yields its address."""
    with serving(LocalQdrant()) as server:
        yield server.url
