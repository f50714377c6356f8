"""How one picture lies on another by the points that both share, for the page to draw."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import FastAPI

from artsim.catalog.kinds import PAINTINGS
from artsim.images.local_points import (
    QUERY_COUNT,
    Match,
    Points,
    evidence_of,
    local_points,
    match_points,
)
from artsim.store.gallery import Gallery
from artsim.web import forms
from artsim.web.browsing import GalleryName

if TYPE_CHECKING:
    from artsim.web.app import Service


def match_routes(app: FastAPI, service: Service) -> None:
    """Add the points that two pictures share to an application."""

    @app.post("/api/v1/compare/points", response_model=forms.MatchForm, tags=["search"])
    async def match_two(pair: forms.PairForm, gallery: GalleryName = None) -> Any:
        """Say by local points whether one picture shows what the other does, and where."""
        opened = service.open(gallery)

        def match() -> Match:
            return match_points(*points_of(service, opened, pair))

        return describe_match(await service.searching.run(match))


def points_of(service: Service, gallery: Gallery, pair: forms.PairForm) -> tuple[Points, Points]:
    """Return the local points of both whole pictures, which are kept for a while."""
    return (_points(service, gallery, pair.first), _points(service, gallery, pair.second))


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
    said = evidence_of(match)
    found: dict[str, Any] = {"is_found": said.is_found, "inliers": said.inliers}
    if not said.is_found:
        return {**found, "mirrored": False, "way": None, "pairs": [], "outlines": None}
    sizes = np.array([*match.query_size, *match.work_size])
    back = np.linalg.inv(match.homography)
    way = np.diag([*(1 / sizes[:2]), 1]) @ back @ np.diag([*sizes[2:], 1])
    return {
        **found,
        "mirrored": said.mirrored,
        "way": (way / way[2, 2]).tolist(),
        "pairs": said.pairs,
        "outlines": [said.query_outline, said.outline],
    }
