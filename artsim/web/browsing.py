"""What of a gallery is looked at without a question: the years, the map, the people.

All of it is of every work, so that it is computed once for a state of the gallery.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi import Query as Parameter
from starlette.responses import JSONResponse, Response

from artsim import __version__
from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.errors import ArtsimError
from artsim.files import replacing
from artsim.render.collection_map import CollectionMap, MapOptions, make_map
from artsim.search.answer import describe_state
from artsim.search.filters import Filters, build_criteria
from artsim.search.people import GroupOptions, group_people
from artsim.search.timeline import Span, draw_time_line
from artsim.store.gallery import Gallery
from artsim.web import forms
from artsim.web.sharing import Shared

if TYPE_CHECKING:
    from artsim.web.app import Service

_KEPT_BYTES: Final = 64 << 20
_MOST_GROUPS: Final = 100
_MOST_FACES: Final = 60

GalleryName = Annotated[str | None, Parameter(alias="gallery", max_length=100)]
FiltersGiven = Annotated[Filters, Depends(forms.read_filters)]


def state_of(gallery: Gallery) -> str:
    """Return a digest that is another after a gallery, or its file of names, has changed."""
    told = [describe_state(gallery[kind])[1] for kind in gallery.kinds]
    with suppress(OSError):
        status = gallery.names_file and gallery.names_file.stat()
        told.append(f"{status and (status.st_mtime_ns, status.st_size)}")
    return hashlib.sha256(json.dumps([__version__, *told]).encode()).hexdigest()


def kept_answers() -> Shared[Any]:
    """Return what keeps answers that are of every work, for a state of the gallery."""
    return Shared(_KEPT_BYTES, _bytes)


def _bytes(found: Any) -> int:
    return found.nbytes if isinstance(found, np.ndarray) else len(json.dumps(found))


# The map


@dataclass(slots=True)
class MapWork:
    """A map that is being laid out: its stage, and the error that ended it."""

    stage: str = ""
    done: int = 0
    total: int | None = None
    error: ArtsimError | None = None

    def start(self, total: int | None, description: str) -> None:
        """Begin a stage."""
        self.stage, self.done, self.total = description, 0, total

    def update(self, done: int, **counts: int) -> None:
        """Go on with a stage."""
        self.done = done

    def finish(self) -> None:
        """End."""


@dataclass(slots=True)
class Maps:
    """Maps of galleries, each laid out once for a state of it, one after another, and kept."""

    folder: Path
    options: MapOptions = field(default_factory=MapOptions)
    _working: dict[str, MapWork] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def find(self, gallery: Gallery) -> tuple[str, bytes | MapWork]:
        """Return the state of a gallery, and its map, or the work on it, which begins if need be.

        Raises
        ------
        ArtsimError
            If the map could not be laid out; asked for once more it is tried again.
        """
        state = state_of(gallery)
        with suppress(OSError):
            return state, self._file(state).read_bytes()
        with self._lock:
            work = self._working.get(state)
            if work is None:
                work = self._working[state] = MapWork()
                threading.Thread(
                    target=self._make, args=(gallery, state, work), daemon=True
                ).start()
            elif work.error is not None:
                del self._working[state]
                raise work.error
        return state, work

    def _make(self, gallery: Gallery, state: str, work: MapWork) -> None:
        try:
            with self._turn:
                content = json.dumps(describe_map(make_map(gallery, self.options, progress=work)))
            self.folder.mkdir(parents=True, exist_ok=True)
            for before in sorted(self.folder.glob("*.json"), key=_age)[:-20]:
                before.unlink(missing_ok=True)
            with replacing(self._file(state)) as stream:
                stream.write(content.encode())
            with self._lock:
                self._working.pop(state, None)
        except ArtsimError as error:
            work.error = error
        except OSError as error:
            work.error = ArtsimError(f"the map cannot be kept: {error.strerror}")

    def _file(self, state: str) -> Path:
        return self.folder / f"{state}.json"


def _age(path: Path) -> float:
    return path.stat().st_mtime


def describe_map(made: CollectionMap) -> dict[str, Any]:
    """Return a map as the page draws it: a list for each thing that is known of its works.

    Places are in 65,535ths, `cells` the columns and rows of a grid without overlap.
    """
    known = ("title", "artist", "date_text", "year_start", "style", "school", "genre")
    trust = made.faithfulness
    described = {
        "points": made.point_ids,
        "ids": [str(payload["painting_id"]) for payload in made.payloads],
        "x": np.rint(made.positions[:, 0] * 65535).astype(int),
        "y": np.rint(made.positions[:, 1] * 65535).astype(int),
        "cells": made.cells,
        "pictures": [str(payload.get("image_sha256", ""))[:16] for payload in made.payloads],
        "ratios": [_ratio(payload) for payload in made.payloads],
        "known": {name: [payload.get(name) for payload in made.payloads] for name in known},
        "total": made.total,
        "encoder": made.encoder,
        "trust": trust and {"kept": trust.kept, "by_chance": trust.by_chance, "k": trust.k},
    }
    found: dict[str, Any] = plain_json(described)
    return found


def _ratio(payload: Mapping[str, Any]) -> float:
    width, height = payload.get("image_width"), payload.get("image_height")
    return round(width / height, 3) if width and height else 1.0


def map_routes(app: FastAPI, service: Service) -> None:
    """Add the map of a gallery to an application."""
    maps = Maps(service.pictures.cache.parent / "maps")

    @app.get(
        "/api/v1/map",
        response_model=forms.MapForm,
        responses={202: {"model": forms.MapWorkForm}},
        tags=["galleries"],
    )
    def gallery_map(request: Request, gallery: GalleryName = None) -> Response:
        """Return a gallery in the plane, alike beside alike; 202 while that is computed."""
        state, found = maps.find(service.open(gallery))
        if isinstance(found, MapWork):
            said = {"stage": found.stage, "done": found.done, "total": found.total}
            return JSONResponse(said, 202, headers={"retry-after": "1"})
        headers = {"etag": f'"{state}"', "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(found, media_type="application/json", headers=headers)

    @app.get("/api/v1/map/chosen", response_model=forms.ChosenForm, tags=["galleries"])
    def chosen(request: Request, filters: FiltersGiven, gallery: GalleryName = None) -> Any:
        """Return the ids of the points that meet filters, to be shown on the map."""
        opened = service.open(gallery)

        def find() -> list[str]:
            criteria, _ = build_criteria(filters, opened[PAINTINGS], opened)
            return [one.point_id for one in opened[PAINTINGS].scroll(criteria, payload_fields=())]

        return {"points": service.kept.get(_key(request, opened), find)}


# The years, and the people


def _key(request: Request, gallery: Gallery) -> tuple[str, str, str]:
    return request.url.path, request.url.query, state_of(gallery)


def years_routes(app: FastAPI, service: Service) -> None:
    """Add the time line of a gallery to an application."""

    @app.get("/api/v1/timeline", response_model=forms.TimeLineForm, tags=["paintings"])
    def timeline(
        request: Request,
        filters: FiltersGiven,
        gallery: GalleryName = None,
        most: Annotated[int, Parameter(ge=1, le=100, description="Spans.")] = 16,
        shown: Annotated[int, Parameter(ge=1, le=50, description="Works of the fullest.")] = 8,
    ) -> Any:
        """Lay the works that meet filters along the years, each at the middle of its date."""
        opened = service.open(gallery)

        def draw() -> dict[str, Any]:
            drawn = draw_time_line(opened, filters, most=most, shown=shown)
            spans = [_span(opened, span) for span in drawn.spans]
            undated = _span(opened, drawn.undated)
            return {"spans": spans, "undated": undated, "notes": list(drawn.notes)}

        return service.kept.get(_key(request, opened), draw)


def _span(gallery: Gallery, span: Span) -> dict[str, Any]:
    points = [forms.with_picture(plain_json(point.to_dict()), gallery) for point in span.points]
    return {"first": span.first, "last": span.last, "count": span.count, "points": points}


def people_routes(app: FastAPI, service: Service) -> None:
    """Add the groups of faces that may each be of one person to an application."""

    @app.get("/api/v1/people", response_model=forms.PeopleForm, tags=["paintings"])
    async def people(request: Request, filters: FiltersGiven, gallery: GalleryName = None) -> Any:
        """Put faces into groups that may each be of one person, as ``artsim people`` does."""
        opened = service.open(gallery)

        def group() -> dict[str, Any]:
            found = group_people(opened, filters, GroupOptions()).to_dict()
            groups: Sequence[dict[str, Any]] = found["people"]
            for one in groups[:_MOST_GROUPS]:
                one["count"] = len(one["faces"])
                faces = one["faces"][:_MOST_FACES]
                one["faces"] = [forms.with_picture(face, opened) for face in faces]
            names = found["settings"].get("names") is not None
            return {
                "compared": found["compared"],
                "total": len(groups),
                "has_names": names,
                "people": list(groups[:_MOST_GROUPS]),
                "notes": found["notes"],
            }

        # It compares all faces with all.
        return await service.searching.run(service.kept.get, _key(request, opened), group)


def name_faces(gallery: Gallery, described: dict[str, Any]) -> None:
    """Give the faces of a described painting the names that a person wrote of them."""
    from artsim.search.inspect import list_faces
    from artsim.search.question import IdQuery

    if not described["faces"] or gallery.names_file is None or FACES not in gallery:
        return
    names = list_faces(gallery, IdQuery(str(described["painting_id"]))).names
    for face in described["faces"]:
        if name := names.get(face.get("face_index")):
            face["name"] = name
