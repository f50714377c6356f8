"""Small galleries without pictures, and ways to harm them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo
from artsim.catalog.payload import painting_point_id
from artsim.store.gallery import open_gallery
from artsim.store.protocol import Point

ENCODER = EncoderInfo("builtin", "builtin", "builtin-v3", 12)
IDS = [f"p{i:02d}" for i in range(30)]


def make(home: Path, name: str | None = None) -> None:
    """Make a gallery of 30 paintings, each with a face."""
    rng = np.random.default_rng(0)

    def vectors() -> dict[str, Any]:
        return {
            "builtin-v3": rng.standard_normal(12),
            "pixels": rng.integers(0, 256, 16, dtype=np.uint8),
        }

    with open_gallery(home=home, name=name) as gallery:
        paintings = gallery.create(PAINTINGS, [ENCODER], pixels_side=4)
        faces = gallery.create(FACES, [ENCODER], pixels_side=4)
        paintings.upsert(
            [
                Point(painting_point_id(i), vectors(), {"painting_id": i, "title": f"The {i}"})
                for i in IDS
            ]
        )
        faces.upsert(
            [
                Point(FACES.point_id(i, 0), vectors(), {"painting_id": i, "face_index": 0})
                for i in IDS
            ]
        )


def shard_of(home: Path, collection: str = "paintings") -> Path:
    return home / "collections" / collection / "shard"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def write_past_the_checks(shard: Path, payload: dict[str, Any], *, flush: bool = True) -> None:
    """Write a point as the engine lets one, whatever it can read back."""
    opened = edge.EdgeShard.load(str(shard))
    vectors = {"builtin-v3": [1.0] * 12, "pixels": [1.0] * 16}
    point = edge.Point(painting_point_id(payload["painting_id"]), vectors, payload)
    opened.update(edge.UpdateOperation.upsert_points([point]))
    if flush:
        opened.flush()
    opened.close()
