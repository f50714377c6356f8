"""How one picture lies on another by the points that both share, for the page to draw."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from fastapi import FastAPI

from artsim.catalog.kinds import PAINTINGS
from artsim.images.local_points import (
    FOUND_INLIERS,
    QUERY_COUNT,
    Match,
    Points,
    local_points,
    match_points,
)
from artsim.store.gallery import Gallery
from artsim.web import forms
from artsim.web.browsing import GalleryName

if TYPE_CHECKING:
    from artsim.web.app import Service

MOST_PAIRS: Final = 60
"""Most pairs of points that are drawn: more would hide the pictures."""


def match_routes(app: FastAPI, service: Service) -> None:
    """Add the points that two pictures share to an application."""

    @app.post("/api/v1/compare/points", response_model=forms.MatchForm, tags=["search"])
    async def match_two(pair: forms.PairForm, gallery: GalleryName = None) -> Any:
        """Say by local points whether one picture shows what the other does, and where."""
        opened = service.open(gallery)

        def match() -> Match:
            one, other = (_points(service, opened, side) for side in (pair.first, pair.second))
            return match_points(one, other)

        return describe_match(await service.searching.run(match))


def _points(service: Service, gallery: Gallery, side: forms.OnePicture) -> Points:
    if isinstance(side, forms.ById):
        path = service.pictures.find(gallery, PAINTINGS.point_id(side.id)).path
    else:
        path = service.uploads.find(side.upload)[1]
    image = service.models.image(path, path.name)
    points: Points = service.kept.get(("points", image.sha256), partial(_look, image.pixels))
    return points


def _look(pixels: Any) -> Points:
    return local_points(pixels, count=QUERY_COUNT)


def describe_match(match: Match) -> dict[str, Any]:
    """Return a match as the page draws it, in fractions of each picture's width and height.

    `way` leads from the second picture to the first, a row after another; null with the pairs
    and outlines where nothing is found.
    """
    is_found = match.inliers >= FOUND_INLIERS
    found: dict[str, Any] = {"is_found": is_found, "inliers": match.inliers}
    if not is_found:
        return {**found, "mirrored": False, "way": None, "pairs": [], "outlines": None}
    sizes = np.array([*match.query_size, *match.work_size])
    back = np.linalg.inv(match.homography)
    way = np.diag([*(1 / sizes[:2]), 1]) @ back @ np.diag([*sizes[2:], 1])
    chosen = np.linspace(0, match.inliers - 1, min(MOST_PAIRS, match.inliers)).round().astype(int)
    return {
        **found,
        "mirrored": match.mirrored,
        "way": (way / way[2, 2]).tolist(),
        "pairs": (match.pairs[chosen] / sizes).tolist(),
        "outlines": [match.outline(of_work=True).tolist(), match.outline().tolist()],
    }
