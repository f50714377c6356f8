from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import browser as browser
from PIL import Image

from artsim.catalog.hits import Hit
from artsim.catalog.payload import painting_point_id

PaintedHit = Callable[..., Hit]


@pytest.fixture
def painted_hit(tmp_path: Path) -> PaintedHit:
    """Return a maker of hits whose pictures are files of one color."""

    def make(
        name: str,
        color: tuple[int, int, int] = (10, 120, 200),
        size: tuple[int, int] = (300, 200),
        score: float = 0.9,
        rerank_score: float | None = None,
        query_face: int | None = None,
        **payload: Any,
    ) -> Hit:
        path = tmp_path / f"{name}.png"
        Image.new("RGB", size, color).save(path)
        own = {
            "painting_id": name,
            "title": f"Title of {name}",
            "image_uri": path.as_uri(),
            "image_width": size[0],
            "image_height": size[1],
        }
        return Hit(
            painting_point_id(name),
            score,
            {k: v for k, v in (own | payload).items() if v is not None},
            rerank_score=rerank_score,
            query_face=query_face,
        )

    return make
