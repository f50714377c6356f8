"""The application, and its addresses to search, compare and send pictures by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, FastAPI, Request, UploadFile
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from artsim import __version__
from artsim.catalog.kinds import FACES, PAINTINGS, Kind, short_names
from artsim.errors import (
    ArtsimError,
    CollectionNotFoundError,
    EncoderError,
    EncoderMismatchError,
    ImageError,
    PaintingNotFoundError,
    QueryError,
    StoreError,
    WeightsError,
)
from artsim.images.load import ImageLimits
from artsim.images.local_points import (
    QUERY_COUNT,
    Points,
    evidence_of,
    local_points,
    match_points,
)
from artsim.search.answer import answer
from artsim.search.comparison import compare
from artsim.search.models import Models
from artsim.search.probes import QueryFace
from artsim.search.question import IdQuery, Question, SearchOptions
from artsim.store.gallery import Gallery
from artsim.web import browsing, forms, intake_routes, page, pictures, selection
from artsim.web.begin import Beginning
from artsim.web.browsing import Surveys
from artsim.web.guard import MAX_UPLOAD, Access, Guard, problem
from artsim.web.intakes import IntakeStateError, NoIntakeError
from artsim.web.pictures import MissingPictureError, Pictures, Upload, Uploads
from artsim.web.sharing import (
    BusyError,
    GalleryGiven,
    GalleryName,
    Service,
    ServiceGiven,
    SharedModels,
)

_DESCRIBED: Final[dict[str, Any]] = {
    "title": "artsim",
    "version": __version__,
    "description": "Find paintings that look alike. Scores are: higher is nearer.",
    "openapi_url": "/api/v1/openapi.json",
    "docs_url": None,  # its scripts would come from another host
    "redoc_url": None,
}

router = APIRouter(prefix="/api/v1", tags=["search"], responses=forms.PROBLEMS)


def make_app(
    gallery: Gallery,
    cache: Path,
    *,
    home: Path | None = None,
    models: Models | None = None,
    folders: tuple[Path, ...] = (),
    others: bool = True,
    access: Access | None = None,
) -> Guard:
    """Return the application over a gallery, and with `others` over the store's other ones.

    Thumbnails and pictures to search by are kept in the folder `cache`, pictures that visitors add
    in the data folder `home`; without it they cannot. Pictures may lie in `folders`, instead of
    those that were ingested. By default who calls the server by a name of this machine may ask.
    """
    models = SharedModels.of(models or Models())
    limits = ImageLimits(max_megapixels=models.max_megapixels)
    # What visitors add lies in the data folder, and may be shown wherever else pictures may lie.
    roots = [folder.resolve() for folder in (*folders, home) if folders and folder is not None]
    beginning = None if home is None else Beginning(gallery, home, cache, models, others)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        if beginning is not None:
            await run_in_threadpool(beginning.jobs.close)

    app = FastAPI(**_DESCRIBED, lifespan=life, exception_handlers=_SAID)
    app.state.service = Service(
        gallery,
        models,
        Pictures(cache / "thumbnails", tuple(roots), limits),
        Uploads(cache / "uploads", limits),
        Surveys(cache / "surveys"),
        others,
        may_add=home is not None,
    )
    # `include_router` would make them anew in the midst of the first requests.
    for of in (browsing, selection, pictures, page):
        app.router.routes += of.router.routes
    app.router.routes += router.routes
    if beginning is not None:
        app.state.beginning = beginning
        app.router.routes += intake_routes.router.routes
    return Guard(app, access or Access())


_STATUS: Final[dict[int, tuple[type[Exception], ...]]] = {
    404: (PaintingNotFoundError, CollectionNotFoundError, MissingPictureError, NoIntakeError),
    409: (IntakeStateError,),
    503: (StoreError, WeightsError, BusyError),
}
"""Of artsim's errors; the first that has one counts, and 422 is that of all others."""


async def _say_error(request: Request, exc: ArtsimError) -> Response:
    status = next((code for code, kinds in _STATUS.items() if isinstance(exc, kinds)), 422)
    said = " ".join(str(exc).split())
    if exc.path is not None:  # visitors are told no folders of this machine
        said = said.replace(str(exc.path), exc.path.name)
    more = {"hint": exc.hint} if exc.hint else {}
    found = problem(status, type(exc).__name__.removesuffix("Error"), said, **more)
    if status == 503:
        found.headers["retry-after"] = "3"
    return found


async def _say_http_error(request: Request, exc: HTTPException) -> Response:
    return problem(exc.status_code, "Not possible", str(exc.detail))


async def _say_invalid(request: Request, exc: RequestValidationError) -> Response:
    return problem(422, "Not understood", forms.told(exc.errors(), leave=1))


_SAID: Final[Any] = {
    ArtsimError: _say_error,
    HTTPException: _say_http_error,
    RequestValidationError: _say_invalid,
}

_AS_IT_IS: Final[Any] = {"response_model_exclude_unset": True}
"""What is unknown of a hit is absent, as in docs/output.md."""


@router.post("/query", response_model=forms.AnswerForm, **_AS_IT_IS)
async def query(
    question: forms.QuestionForm, service: ServiceGiven, gallery: GalleryName = None
) -> Any:
    """Answer a question: works, or faces, like a picture, a painting, examples or a text."""
    # What the gallery has vectors of is found at once; the rest waits for a model.
    run = run_in_threadpool if question.is_stored else service.searching.run
    return await run(_answer, question, service, gallery)


def _answer(form: forms.QuestionForm, service: Service, name: str | None) -> dict[str, Any]:
    gallery = service.open(name)
    asked = form.question(partial(service.query, gallery))
    _check_encoders(gallery, asked.kind, form.encoders)
    found = answer(gallery, asked, service.models)
    described = found.to_dict()
    described["settings"].pop("location", None)
    painting = found.query_payload
    return {
        **described,
        "query_payload": None if painting is None else forms.shown(painting),
        "hits": [forms.with_picture(hit, gallery) for hit in described["hits"]],
        "source": asdict(found.source),
    }


def _check_encoders(gallery: Gallery, kind: Kind, names: list[str]) -> None:
    """Refuse encoders that the gallery has no vectors of: other names may be those of files."""
    known = list(gallery.encoders(kind).values()) if names else []
    own = {name for info in known for name in (info.name, info.spec, info.vector_name)}
    for name in names:
        if name not in own.union(short_names(known)):
            have = ", ".join(f"{info.name} ({info.vector_name})" for info in known)
            raise EncoderMismatchError(
                f"encoders: the gallery has no vectors of {name[:80]!r}; it has: {have}"
            )


@router.get("/similar", response_model=forms.SimilarForm, **_AS_IT_IS)
def similar(
    service: ServiceGiven,
    gallery: GalleryGiven,
    id: Annotated[str, Parameter(max_length=2000)],
    limit: Annotated[int, Parameter(ge=1, le=48)] = 6,
) -> Any:
    """Return works that look like one, best first: for a museum's own page of it."""
    asked = Question(IdQuery(id), options=SearchOptions(limit=limit))
    found = answer(gallery, asked, service.models).to_dict()["hits"]
    hits = [forms.with_picture(hit, gallery) for hit in found]
    return {"hits": [{**hit, "payload": forms.in_public(hit["payload"])} for hit in hits]}


@router.post("/compare", response_model=forms.ComparisonForm, **_AS_IT_IS)
async def compare_two(
    pair: forms.PairForm, service: ServiceGiven, gallery: GalleryName = None
) -> Any:
    """Compare two pictures: as wholes, mirrored, in their faces, and by local points."""
    return await service.searching.run(_compare, pair, service, gallery)


def _compare(pair: forms.PairForm, service: Service, name: str | None) -> dict[str, Any]:
    gallery = service.open(name)
    first, second = (service.query(gallery, one) for one in (pair.first, pair.second))
    points = None
    # Without a file that may be shown the gallery's own points are compared, if it has any.
    with suppress(MissingPictureError, ImageError, EncoderError):
        if first.region is None and second.region is None:
            points = _points(pair, service, gallery)
    found = compare(gallery, first, second, service.models, points=points).to_dict()
    for side in (found["first"], found["second"]):
        side["payload"] = None if side["payload"] is None else forms.shown(side["payload"])
    return found


@router.post("/compare/points", response_model=forms.MatchForm)
async def match_two(
    pair: forms.PairForm, service: ServiceGiven, gallery: GalleryName = None
) -> Any:
    """Say by local points whether one picture shows what the other does, and where."""
    return await service.searching.run(_match, pair, service, gallery)


def _match(pair: forms.PairForm, service: Service, name: str | None) -> dict[str, Any]:
    gallery = service.open(name)
    match = match_points(*_points(pair, service, gallery))
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


def _points(pair: forms.PairForm, service: Service, gallery: Gallery) -> tuple[Points, Points]:
    """Return the local points of both whole pictures, which are kept for a while."""

    def look(side: forms.OnePicture) -> Points:
        if isinstance(side, forms.ById):
            path = service.pictures.find(gallery, PAINTINGS.point_id(side.id)).path
        else:
            path = service.uploads.find(side.upload)[1]
        image = service.models.image(path, path.name)
        make = partial(local_points, image.pixels, count=QUERY_COUNT)
        points: Points = service.kept.get(("points", image.sha256), make)
        return points

    return look(pair.first), look(pair.second)


@router.post("/uploads", response_model=Upload, status_code=201)
async def send_picture(picture: UploadFile, service: ServiceGiven) -> Any:
    """Send a picture to search by; it is kept for a month, and known by its SHA-256."""
    return await service.drawing.run(_keep, picture, service)  # it is decoded, and may be large


def _keep(picture: UploadFile, service: Service) -> Upload:
    content = picture.file.read(MAX_UPLOAD + 1)
    if len(content) > MAX_UPLOAD:
        raise HTTPException(413, f"a picture may have at most {MAX_UPLOAD >> 20} MiB")
    return service.uploads.put(content, picture.filename or "picture")


@router.get("/uploads/{upload_id}", response_model=Upload)
def upload(upload_id: forms.UploadId, service: ServiceGiven) -> Any:
    """Describe a picture that was sent."""
    return service.uploads.find(upload_id)[0]


@router.get("/uploads/{upload_id}/parts", response_model=forms.PartsForm)
async def parts(upload_id: forms.UploadId, service: ServiceGiven, kind: str = FACES.name) -> Any:
    """Find the faces, or other parts, of a picture that was sent."""
    return await service.searching.run(_cut, upload_id, service, kind)


def _cut(upload_id: str, service: Service, kind: str) -> dict[str, Any]:
    found, path = service.uploads.find(upload_id)
    chosen = forms.chosen_kind(kind)
    if chosen.is_whole:
        raise QueryError(f"{chosen.name} are whole pictures")
    image = service.models.image(path, found.name)
    crops = service.models.cut(chosen, image.pixels, image.width)
    parts = (QueryFace.of(crop.payload, i) for i, crop in enumerate(crops))
    described = [
        {"index": one.index, "box": astuple(one.box), "score": one.score, "is_sure": one.is_sure()}
        for one in parts
    ]
    return {"kind": chosen.name, "width": image.width, "height": image.height, "parts": described}
