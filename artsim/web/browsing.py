"""What of a gallery is looked at without a question: the years, the map, the people.

All of it is of every work, so that it is computed once for a state of the gallery.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi import Query as Parameter
from starlette.responses import JSONResponse, Response

from artsim import __version__
from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.payload import field_values
from artsim.errors import ArtsimError
from artsim.files import replacing
from artsim.render.collection_map import CollectionMap, MapOptions, make_map
from artsim.search.answer import answer
from artsim.search.copy_groups import find_copies
from artsim.search.filters import Filters, build_criteria
from artsim.search.inspect import describe_state, list_faces
from artsim.search.listing import Span, draw_time_line
from artsim.search.people import GroupOptions, group_people
from artsim.search.question import IdQuery, Question, SearchOptions
from artsim.store.gallery import Gallery
from artsim.web import forms
from artsim.web.sharing import UNEXPECTED, Shared

if TYPE_CHECKING:
    from artsim.web.app import Service

_log = logging.getLogger(__name__)

_KEPT_BYTES: Final = 64 << 20
_MOST_GROUPS: Final = 100
_MOST_KEPT: Final = 20
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


def moment_of(gallery: Gallery) -> str:
    """Return the state of a gallery, for a minute where the database does not tell of writing."""
    if gallery[PAINTINGS].stats(on_disk=False).written is None:
        return f"{state_of(gallery)} {int(time.monotonic() // 60)}"
    return state_of(gallery)


def kept_answers() -> Shared[Any]:
    """Return what keeps answers that are of every work, for a state of the gallery."""
    return Shared(_KEPT_BYTES, _bytes)


def _bytes(found: Any) -> int:
    return found.nbytes if isinstance(found, np.ndarray) else len(json.dumps(found))


# What takes minutes


@dataclass(slots=True)
class Work:
    """What is being computed of a gallery: its stage, and the error that ended it."""

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


Make: TypeAlias = Callable[[Gallery, Work], dict[str, Any]]


@dataclass(slots=True)
class Surveys:
    """What is computed of whole galleries: once for a state of each, in turn, and kept."""

    folder: Path
    _working: dict[str, Work] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request, gallery: Gallery, make: Make) -> Response:
        """Return what `make` makes of a gallery, and 202 with its stage while it is made.

        Raises
        ------
        ArtsimError
            If it could not be made; asked for once more it is tried again.
        """
        name = f"{make.__name__}-{state_of(gallery)}"
        found = self._find(name, gallery, make)
        if isinstance(found, Work):
            said = {"stage": found.stage, "done": found.done, "total": found.total}
            return JSONResponse(said, 202, headers={"retry-after": "1"})
        headers = {"etag": f'"{name}"', "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(found, media_type="application/json", headers=headers)

    def _find(self, name: str, gallery: Gallery, make: Make) -> bytes | Work:
        with suppress(OSError):
            return self._file(name).read_bytes()
        with self._lock:
            work = self._working.get(name)
            if work is None:
                work = self._working[name] = Work()
                making = threading.Thread(target=self._make, args=(name, gallery, make, work))
                making.daemon = True
                making.start()
            elif work.error is not None:
                del self._working[name]
                raise work.error
        return work

    def _make(self, name: str, gallery: Gallery, make: Make, work: Work) -> None:
        try:
            with self._turn:
                content = json.dumps(make(gallery, work)).encode()
            self.folder.mkdir(parents=True, exist_ok=True)
            for before in sorted(self.folder.glob("*.json"), key=_age)[:-_MOST_KEPT]:
                before.unlink(missing_ok=True)
            with replacing(self._file(name)) as stream:
                stream.write(content)
            with self._lock:
                self._working.pop(name, None)
        except ArtsimError as error:
            work.error = error
        except OSError as error:
            work.error = ArtsimError(f"what was computed cannot be kept: {error.strerror}")
        except Exception:  # else it would be waited for without an end
            _log.exception("what is of a whole gallery could not be computed")
            work.error = ArtsimError(UNEXPECTED)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


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
        "known": {name: [_first(payload, name) for payload in made.payloads] for name in known},
        "total": made.total,
        "encoder": made.encoder,
        "trust": trust and {"kept": trust.kept, "by_chance": trust.by_chance, "k": trust.k},
    }
    found: dict[str, Any] = plain_json(described)
    return found


def _first(payload: Mapping[str, Any], name: str) -> Any:
    return next(iter(field_values(payload, name)), None)


def _ratio(payload: Mapping[str, Any]) -> float:
    width, height = payload.get("image_width"), payload.get("image_height")
    return round(width / height, 3) if width and height else 1.0


def lay_out(gallery: Gallery, work: Work) -> dict[str, Any]:
    """Lay a gallery out in the plane."""
    return describe_map(make_map(gallery, MapOptions(), progress=work))


def group_copies(gallery: Gallery, work: Work) -> dict[str, Any]:
    """Put the works that show one work, or part of one, into groups."""
    found = find_copies(gallery, progress=work).to_dict()
    for group in found["groups"][:_MOST_GROUPS]:
        group["count"] = len(group["works"])
        works = group["works"][:_MOST_FACES]
        group["works"] = [forms.with_picture(one, gallery) for one in works]
    shown = {name: found[name] for name in ("compared", "candidates", "notes")}
    return {**shown, "total": len(found["groups"]), "groups": found["groups"][:_MOST_GROUPS]}


_UNTIL_THEN: Final[Any] = {202: {"model": forms.WorkForm}}


def survey_routes(app: FastAPI, service: Service) -> None:
    """Add the map of a gallery, and its copies, to an application."""
    surveys = Surveys(service.pictures.cache.parent / "surveys")

    @app.get("/api/v1/map", response_model=forms.MapForm, responses=_UNTIL_THEN, tags=["galleries"])
    def gallery_map(request: Request, gallery: GalleryName = None) -> Response:
        """Return a gallery in the plane, alike beside alike; 202 while that is computed."""
        return surveys.answer(request, service.open(gallery), lay_out)

    @app.get(
        "/api/v1/copies", response_model=forms.CopiesForm, responses=_UNTIL_THEN, tags=["galleries"]
    )
    def copies(request: Request, gallery: GalleryName = None) -> Response:
        """Return works that show one work, in groups; 202 while that is computed."""
        return surveys.answer(request, service.open(gallery), group_copies)

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
    return request.url.path, request.url.query, moment_of(gallery)


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


def similar_routes(app: FastAPI, service: Service) -> None:
    """Add what the pages of other sites may show to an application."""

    @app.get(
        "/api/v1/similar",
        response_model=forms.SimilarForm,
        response_model_exclude_unset=True,
        tags=["search"],
    )
    def similar(
        id: Annotated[str, Parameter(max_length=2000)],
        gallery: GalleryName = None,
        limit: Annotated[int, Parameter(ge=1, le=48)] = 6,
    ) -> Any:
        """Return works that look like one, best first: for a museum's own page of it."""
        opened = service.open(gallery)
        asked = Question(IdQuery(id), options=SearchOptions(limit=limit))
        found = answer(opened, asked, service.models).to_dict()["hits"]
        hits = [forms.with_picture(hit, opened) for hit in found]
        return {"hits": [{**hit, "payload": forms.in_public(hit["payload"])} for hit in hits]}


def name_faces(gallery: Gallery, described: dict[str, Any]) -> None:
    """Give the faces of a described painting the names that a person wrote of them."""
    if not described["faces"] or gallery.names_file is None or FACES not in gallery:
        return
    names = list_faces(gallery, IdQuery(str(described["painting_id"]))).names
    for face in described["faces"]:
        if name := names.get(face.get("face_index")):
            face["name"] = name
