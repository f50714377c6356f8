"""A made-up gallery, and what Qdrant should answer, worked out in plain Python."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from artsim.catalog.payload import (
    AnyOf,
    Between,
    Condition,
    Criteria,
    HasVector,
    Known,
    Payload,
    Shows,
    Words,
    painting_point_id,
)
from artsim.store.protocol import CollectionSchema, Point, Rescore, SearchRequest, VectorSpec

SCHEMA = CollectionSchema(
    {
        "first-1": VectorSpec(8),
        "second-1": VectorSpec(5),
        "pixels": VectorSpec(16, "euclid", "uint8", indexed=False),
    },
    {
        "painting_id": "keyword",
        "title": "text",
        "artist": "keyword",
        "style": "keyword",
        "year_start": "integer",
        "width_cm": "float",
    },
    {"encoders": [{"name": "first"}, {"name": "second"}], "pixels_side": 4},
)

ARTISTS = ["Frans Hals", "Rembrandt van Rijn", "Zoë Müller", "l'Été"]
STYLES = ["baroque", "rococo", "still life"]
WORDS = ["view", "of", "delft", "girl", "river", "night", "1642"]


def make_points(count: int = 60, seed: int = 0) -> list[Point]:
    rng = np.random.default_rng(seed)
    points = []
    for i in range(count):
        painting_id = f"p{i:03d}"
        vectors: dict[str, Any] = {"first-1": rng.standard_normal(8).astype(np.float32)}
        if i % 3:
            vectors["second-1"] = rng.standard_normal(5).astype(np.float32)
        if i % 5:
            vectors["pixels"] = rng.integers(0, 256, 16, dtype=np.uint8)
        points.append(
            Point(painting_point_id(painting_id), vectors, _make_payload(painting_id, rng))
        )
    return points


def _make_payload(painting_id: str, rng: np.random.Generator) -> Payload:
    payload: Payload = {
        "painting_id": painting_id,
        "title": " ".join(rng.choice(WORDS, size=3)).title(),
        "extra": {"inventory": painting_id.upper(), "room": int(rng.integers(4))},
    }
    if rng.random() < 0.8:
        payload["artist"] = str(rng.choice(ARTISTS))
    if rng.random() < 0.8:
        payload["style"] = sorted({str(s) for s in rng.choice(STYLES, size=2)})
    if rng.random() < 0.8:
        payload["year_start"] = int(rng.integers(1600, 1610))
    if rng.random() < 0.5:
        payload["width_cm"] = float(rng.integers(1, 6)) / 2
    return payload


def meets(point: Point, criteria: Criteria) -> bool:
    return all(_meets(point, c) for c in criteria.must) and not any(
        _meets(point, c) for c in criteria.must_not
    )


def _meets(point: Point, condition: Condition) -> bool:
    match condition:
        case HasVector(vector_name):
            return vector_name in point.vectors
        case Shows(_, point_ids):
            return point.point_id in point_ids
        case Known(field):
            return bool(_values(point.payload, field))
        case AnyOf(field, values):
            return any(v in values for v in _values(point.payload, field))
        case Between(field, least, most):
            return any(
                isinstance(v, int | float)
                and (least is None or v >= least)
                and (most is None or v <= most)
                for v in _values(point.payload, field)
            )
        case Words(field, text):
            wanted = words_of(text)
            return bool(wanted) and any(
                set(wanted) <= set(words_of(v)) for v in _values(point.payload, field)
            )


def _values(payload: Payload, path: str) -> list[Any]:
    found: Any = payload
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def words_of(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in letters).split()


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def expected_ranking(points: list[Point], request: SearchRequest) -> list[tuple[str, float]]:
    """Ids and scores of every candidate, best first, before limit and offset."""
    candidates = [p for p in points if request.using in p.vectors and meets(p, request.criteria)]
    ranked = _rank(candidates, request.using, request.vector)
    if request.rescore is not None:
        ranked = _rescored(candidates, ranked, request.rescore)
    if request.min_score is not None:
        ranked = [(p, s) for p, s in ranked if s >= request.min_score]
    return ranked


def _rescored(
    candidates: list[Point], ranked: list[tuple[str, float]], rescore: Rescore
) -> list[tuple[str, float]]:
    kept = {point_id for point_id, _ in ranked[: rescore.depth]}
    second = [p for p in candidates if p.point_id in kept and rescore.using in p.vectors]
    return _rank(second, rescore.using, rescore.vector)


def _rank(points: list[Point], using: str, query: Any) -> list[tuple[str, float]]:
    query = np.asarray(query, np.float64)
    scored = []
    for point in points:
        vector = np.asarray(point.vectors[using], np.float64)
        if SCHEMA.vectors[using].distance == "cosine":
            score = float(unit(vector) @ unit(query))
        else:
            score = -float(np.linalg.norm(vector - query))
        scored.append((point.point_id, score))
    return sorted(scored, key=lambda pair: -pair[1])
