"""What of a gallery is looked at without a question: its works, years, map, people and copies.

What is of every work is computed once for a state of the gallery.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from starlette.responses import JSONResponse, Response

from artsim import __version__
from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import FACES, PAINTINGS, POINTS
from artsim.catalog.payload import field_values
from artsim.catalog.progress import SilentProgress
from artsim.errors import ArtsimError
from artsim.files import replacing
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.sources import LIST_SUFFIXES
from artsim.render.collection_map import MapOptions, make_map
from artsim.search.copy_groups import find_copies
from artsim.search.filters import Filters, build_criteria
from artsim.search.inspect import describe_painting, describe_state, list_faces
from artsim.search.listing import Span, count_values, draw_time_line, list_paintings
from artsim.search.people import GroupOptions, group_people
from artsim.search.question import IdQuery
from artsim.search.rerank import RERANKERS
from artsim.store.gallery import Gallery
from artsim.web import forms
from artsim.web.begin import PARTS
from artsim.web.guard import MAX_UPLOAD, may_write
from artsim.web.pictures import forget_oldest
from artsim.web.sharing import UNEXPECTED, GalleryGiven, ServiceGiven

_log = logging.getLogger(__name__)

_DECADES: Final = 2000
"""More than there can be: of the most frequent ones alone there is no histogram."""

_MOST_GROUPS: Final = 100
_MOST_KEPT: Final = 20
_MOST_FACES: Final = 60

router = APIRouter(prefix="/api/v1", responses=forms.PROBLEMS)
FiltersGiven = Annotated[Filters, Depends(forms.read_filters)]


@router.get("/galleries", response_model=forms.GalleriesForm, tags=["galleries"])
def galleries(request: Request, service: ServiceGiven) -> Any:
    """List the galleries, their kinds and encoders, and what answers can be re-ranked by."""
    return {
        "artsim": __version__,
        "galleries": [_describe_gallery(gallery) for gallery in service.galleries()],
        "rerankers": list(RERANKERS),
        "facets": list(forms.FACETS),
        "max_upload": MAX_UPLOAD,
        "may_write": service.may_add and may_write(request),
        "accepts": sorted({*IMAGE_SUFFIXES, *LIST_SUFFIXES}),
        "own": service.gallery.name,
        "others": service.others,
        "parts": list(PARTS),
    }


def _describe_gallery(gallery: Gallery) -> dict[str, Any]:
    kinds = [
        {
            "name": kind.name,
            "noun": kind.noun,
            "points": gallery[kind].count(),
            "encoders": [
                {"name": info.name, "vector": info.vector_name, "takes_text": info.takes_text}
                for info in gallery.encoders(kind).values()
            ],
            "has_local_points": POINTS in gallery[kind].schema.vectors,
        }
        for kind in gallery.kinds
    ]
    return {"gallery": gallery.name, "kinds": kinds}


@router.get("/paintings", response_model=forms.ListingForm, tags=["paintings"])
def paintings(
    gallery: GalleryGiven,
    filters: FiltersGiven,
    sort: Annotated[str, Parameter(max_length=100)] = "date",
    limit: Annotated[int, Parameter(ge=1, le=200)] = 24,
    offset: Annotated[int, Parameter(ge=0, le=100_000)] = 0,
) -> Any:
    """List the paintings that meet filters."""
    found = list_paintings(gallery, filters, limit=limit, offset=offset, sort=sort).to_dict()
    found["settings"].pop("location", None)
    return {**found, "points": [forms.with_picture(point, gallery) for point in found["points"]]}


# Ids may have slashes in them, and take all of the rest.
@router.get("/paintings/{painting_id:path}", response_model=forms.PaintingForm, tags=["paintings"])
def painting(painting_id: str, gallery: GalleryGiven) -> Any:
    """Describe a painting: all its metadata, and the faces and other parts it has."""
    found: dict[str, Any] = dict(describe_painting(gallery, painting_id))
    if found["faces"] and gallery.names_file is not None and FACES in gallery:
        names = list_faces(gallery, IdQuery(str(found["painting_id"]))).names
        for face in found["faces"]:
            if name := names.get(face.get("face_index")):
                face["name"] = name
    picture = forms.picture_id(gallery, PAINTINGS.point_id(painting_id))
    return {**forms.shown(found), "picture_id": picture}


@router.get("/facets", response_model=forms.FacetsForm, tags=["galleries"])
def facets(
    request: Request,
    service: ServiceGiven,
    gallery: GalleryGiven,
    filters: FiltersGiven,
    field: Annotated[list[str], Parameter(max_length=12)],
    kind: str = PAINTINGS.name,
    limit: Annotated[int, Parameter(ge=1, le=1000)] = 50,
) -> Any:
    """Count the values of fields, each under the filters on all others.

    The field ``date`` counts decades, in each the works whose date overlaps it; ``person``
    those whom the file of names knows on a face.
    """
    chosen = forms.chosen_kind(kind)

    def count() -> dict[str, Any]:
        counted = [
            count_values(gallery, name, _without(filters, name), kind=chosen, limit=most)
            for name in field
            for most in [_DECADES if name == "date" else limit]
        ]
        total = gallery[chosen].count(build_criteria(filters, gallery[chosen], gallery)[0])
        return {"total": total, "facets": [plain_json(one.to_dict()) for one in counted]}

    # Dates are read from every work, which is done once for a state of the gallery.
    return service.kept.get(_key(request, gallery), count)


def _without(filters: Filters, field: str) -> Filters:
    """Return the filters without those on a field, so that its other values are counted too."""
    if field == "date":
        return replace(filters, years=None)
    if field == "person":
        return replace(filters, people=())
    return replace(filters, any_of={n: v for n, v in filters.any_of.items() if n != field})


@router.get("/timeline", response_model=forms.TimeLineForm, tags=["paintings"])
def timeline(
    request: Request,
    service: ServiceGiven,
    gallery: GalleryGiven,
    filters: FiltersGiven,
    most: Annotated[int, Parameter(ge=1, le=100, description="Spans.")] = 16,
    shown: Annotated[int, Parameter(ge=1, le=50, description="Works of the fullest.")] = 8,
) -> Any:
    """Lay the works that meet filters along the years, each at the middle of its date."""

    def describe(span: Span) -> dict[str, Any]:
        points = [forms.with_picture(plain_json(one.to_dict()), gallery) for one in span.points]
        return {"first": span.first, "last": span.last, "count": span.count, "points": points}

    def draw() -> dict[str, Any]:
        drawn = draw_time_line(gallery, filters, most=most, shown=shown)
        spans = [describe(span) for span in drawn.spans]
        return {"spans": spans, "undated": describe(drawn.undated), "notes": list(drawn.notes)}

    return service.kept.get(_key(request, gallery), draw)


@router.get("/people", response_model=forms.PeopleForm, tags=["paintings"])
async def people(
    request: Request, service: ServiceGiven, gallery: GalleryGiven, filters: FiltersGiven
) -> Any:
    """Put faces into groups that may each be of one person, as ``artsim people`` does."""

    def group() -> dict[str, Any]:
        found = group_people(gallery, filters, GroupOptions()).to_dict()
        return {
            **_first_groups(gallery, found, "people", "faces"),
            "has_names": found["settings"].get("names") is not None,
        }

    def find() -> dict[str, Any]:
        found: dict[str, Any] = service.kept.get(_key(request, gallery), group)
        return found

    return await service.searching.run(find)  # it compares all faces with all


def _first_groups(
    gallery: Gallery, found: dict[str, Any], name: str, members: str
) -> dict[str, Any]:
    """Return the first groups of what was `found`, of each how many it has and the first ones."""
    groups = [
        {
            **group,
            "count": len(group[members]),
            members: [forms.with_picture(one, gallery) for one in group[members][:_MOST_FACES]],
        }
        for group in found[name][:_MOST_GROUPS]
    ]
    own = {"compared": found["compared"], "notes": found["notes"]}
    return {**own, "total": len(found[name]), name: groups}


@router.get("/map/chosen", response_model=forms.ChosenForm, tags=["galleries"])
def chosen(
    request: Request, service: ServiceGiven, gallery: GalleryGiven, filters: FiltersGiven
) -> Any:
    """Return the ids of the points that meet filters, to be shown on the map."""

    def find() -> list[str]:
        criteria, _ = build_criteria(filters, gallery[PAINTINGS], gallery)
        return [one.point_id for one in gallery[PAINTINGS].scroll(criteria, payload_fields=())]

    return {"points": service.kept.get(_key(request, gallery), find)}


def state_of(gallery: Gallery) -> str:
    """Return a digest that is another after a gallery, or its file of names, has changed."""
    told = [describe_state(gallery[kind])[1] for kind in gallery.kinds]
    with suppress(OSError):
        status = gallery.names_file and gallery.names_file.stat()
        told.append(f"{status and (status.st_mtime_ns, status.st_size)}")
    return hashlib.sha256(json.dumps([__version__, *told]).encode()).hexdigest()


def _key(request: Request, gallery: Gallery) -> tuple[str, str, str]:
    """Return what an answer is kept by; a minute where the database does not tell of writing."""
    state = state_of(gallery)
    if gallery[PAINTINGS].stats(on_disk=False).written is None:
        state += f" {int(time.monotonic() // 60)}"
    return request.url.path, request.url.query, state


# What takes minutes


@dataclass(slots=True)
class Work(SilentProgress):
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

        ArtsimError if it could not be made; asked for once more it is tried again.
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
            forget_oldest(self.folder.glob("*.json"), most=_MOST_KEPT)
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


def lay_out(gallery: Gallery, work: Work) -> dict[str, Any]:
    """Lay a gallery out in the plane: a list for each thing that is known of its works.

    Places are in 65,535ths, `cells` the columns and rows of a grid without overlap.
    """
    made = make_map(gallery, MapOptions(), progress=work)
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
        "known": {
            name: [next(iter(field_values(payload, name)), None) for payload in made.payloads]
            for name in known
        },
        "total": made.total,
        "encoder": made.encoder,
        "trust": trust and {"kept": trust.kept, "by_chance": trust.by_chance, "k": trust.k},
    }
    found: dict[str, Any] = plain_json(described)
    return found


def _ratio(payload: Mapping[str, Any]) -> float:
    width, height = payload.get("image_width"), payload.get("image_height")
    return round(width / height, 3) if width and height else 1.0


def group_copies(gallery: Gallery, work: Work) -> dict[str, Any]:
    """Put the works that show one work, or part of one, into groups."""
    found = find_copies(gallery, progress=work).to_dict()
    groups = _first_groups(gallery, found, "groups", "works")
    return {**groups, "candidates": found["candidates"]}


_UNTIL_THEN: Final[Any] = {"responses": {202: {"model": forms.WorkForm}}, "tags": ["galleries"]}


@router.get("/map", response_model=forms.MapForm, **_UNTIL_THEN)
def gallery_map(request: Request, service: ServiceGiven, gallery: GalleryGiven) -> Response:
    """Return a gallery in the plane, alike beside alike; 202 while that is computed."""
    return service.surveys.answer(request, gallery, lay_out)


@router.get("/copies", response_model=forms.CopiesForm, **_UNTIL_THEN)
def copies(request: Request, service: ServiceGiven, gallery: GalleryGiven) -> Response:
    """Return works that show one work, in groups; 202 while that is computed."""
    return service.surveys.answer(request, gallery, group_copies)
