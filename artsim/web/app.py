"""The application: every address of the API, the pictures, and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from artsim import __version__
from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import (
    FACES,
    KINDS,
    PAINTINGS,
    POINTS,
    SURE_SCORE,
    SURE_SIZE,
    Box,
    Kind,
    Region,
    short_names,
)
from artsim.encoders.devices import usable_cores
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
from artsim.images.load import IMAGE_SUFFIXES, ImageLimits
from artsim.ingest.sources import LIST_SUFFIXES
from artsim.search.answer import answer
from artsim.search.comparison import compare
from artsim.search.filters import Filters, build_criteria
from artsim.search.inspect import describe_painting
from artsim.search.listing import count_values, list_paintings
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import QueryFace
from artsim.search.question import (
    IdQuery,
    ImageQuery,
    PictureQuery,
)
from artsim.search.rerank import RERANKERS
from artsim.store.gallery import Gallery, list_galleries
from artsim.web import forms
from artsim.web import selection as selections
from artsim.web.begin import PARTS, Beginning
from artsim.web.browsing import (
    FiltersGiven,
    GalleryName,
    kept_answers,
    moment_of,
    name_faces,
    people_routes,
    similar_routes,
    survey_routes,
    years_routes,
)
from artsim.web.guard import MAX_UPLOAD, Access, Guard, problem
from artsim.web.intake_routes import intake_routes, may_write
from artsim.web.intakes import IntakeStateError, NoIntakeError
from artsim.web.matching import match_routes, points_of
from artsim.web.page import language_of, page_routes, render_page, texts
from artsim.web.picture_routes import iiif_routes, thumbnail_routes, whole_picture_routes
from artsim.web.pictures import (
    MissingPictureError,
    Picture,
    Pictures,
    Upload,
    Uploads,
)
from artsim.web.sharing import MOST_TOGETHER, BusyError, Shared, SharedModels, Turns

FACETS: Final = (
    *("artist", "style", "genre", "school", "medium", "institution", "attribution", "tags"),
)
"""Fields that the page restricts by, in its order."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the addresses share: galleries, models, pictures; `others` may be asked for by name.

    `gallery` is the one that is shown first, where it is there.

    Whatever computes with a model takes one of the turns of `searching`, what only decodes a
    picture one of `drawing`, so that memory is bounded however many ask.
    """

    gallery: Gallery
    models: SharedModels
    pictures: Pictures
    uploads: Uploads
    others: bool = True
    may_add: bool = False
    # Each core's batch, and one more that fills meanwhile.
    searching: Turns = field(
        default_factory=lambda: Turns.of(MOST_TOGETHER * (usable_cores() + 1), waiting=32)
    )
    drawing: Turns = field(default_factory=lambda: Turns.of(usable_cores(), waiting=200))
    kept: Shared[Any] = field(default_factory=kept_answers)

    def galleries(self) -> list[Gallery]:
        """Return the galleries that may be asked, the first of them by default."""
        own, store = self.gallery.name, self.gallery.store
        names = sorted(list_galleries(store), key=lambda name: name != own)
        return [
            self.gallery if name == own else Gallery(store, name, self.gallery.names_file)
            for name in names
            if name == own or self.others
        ]

    def open(self, name: str | None) -> Gallery:
        """Return a gallery by its name, without one the first."""
        if name is not None and name == self.gallery.name:
            return self.gallery
        found = self.galleries()
        if name is not None:
            found = [gallery for gallery in found if gallery.name == name]
        if name is not None and not found:
            raise CollectionNotFoundError(f"there is no gallery {name[:80]!r} here")
        return found[0] if found else self.gallery

    def warm(self) -> None:
        """Load what searches by pictures need, so that the first visitor does not wait for it."""
        gallery = self.open(None)
        for kind in gallery.kinds:
            for info in choose_encoders(gallery.encoders(kind), (), self.models):
                self.models.encoder(info)
            if not kind.is_whole:
                self.models.cutter(kind)

    def find_picture(self, picture_id: str) -> Picture:
        """Return a painting's picture, by the id that addresses have."""
        name, _, point_id = picture_id.rpartition("~")
        return self.pictures.find(self.open(name or None), point_id)

    def query(self, gallery: Gallery, form: forms.OnePicture) -> PictureQuery:
        """Return the query by a painting, or by a picture that was sent before."""
        region = None if form.region is None else Region.parse(form.region)
        if isinstance(form, forms.ById):
            if region is not None:  # its file is read, and so has to be one that may be shown
                self.pictures.find(gallery, PAINTINGS.point_id(form.id))
            return IdQuery(form.id, region)
        upload, path = self.uploads.find(form.upload)
        return ImageQuery(path, upload.name, sha256=upload.id, region=region)


_DESCRIBED: Final[dict[str, Any]] = {
    "title": "artsim",
    "version": __version__,
    "description": "Find paintings that look alike. Scores are: higher is nearer.",
    "openapi_url": "/api/v1/openapi.json",
    "docs_url": None,  # its scripts would come from another host
    "redoc_url": None,
}


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
    """Return the application over a gallery.

    Parameters
    ----------
    cache : Path
        Folder of thumbnails and of pictures that visitors send.
    home : Path, optional
        Data folder, in which pictures are kept that visitors add; without it they cannot.
    folders : tuple of Path
        Where pictures may lie, instead of the folders that were ingested.
    others : bool
        Whether the store's other galleries are shown too.
    access : Access, optional
        Who may ask; by default who calls the server by a name of this machine.
    """
    models = SharedModels.of(models or Models())
    limits = ImageLimits(max_megapixels=models.max_megapixels)
    # What visitors add lies in the data folder, and may be shown wherever else pictures may lie.
    roots = [folder.resolve() for folder in (*folders, home) if folders and folder is not None]
    pictures = Pictures(cache / "thumbnails", tuple(roots), limits)
    uploads = Uploads(cache / "uploads", limits)
    service = Service(gallery, models, pictures, uploads, others, may_add=home is not None)
    beginning = None if home is None else Beginning(gallery, home, cache, models, others)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        if beginning is not None:
            await run_in_threadpool(beginning.jobs.close)

    app = FastAPI(**_DESCRIBED, lifespan=life, responses=forms.PROBLEMS, exception_handlers=_SAID)
    app.state.service = service
    for add in _ROUTES:
        add(app, service)
    if beginning is not None:
        intake_routes(app, beginning)
    return Guard(app, access or Access())


async def _say_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ArtsimError)
    status = 422
    missing = PaintingNotFoundError, CollectionNotFoundError, MissingPictureError, NoIntakeError
    if isinstance(exc, missing):
        status = 404
    elif isinstance(exc, IntakeStateError):
        status = 409
    elif isinstance(exc, StoreError | WeightsError | BusyError):
        status = 503
    said = " ".join(str(exc).split())
    if exc.path is not None:  # visitors are told no folders of this machine
        said = said.replace(str(exc.path), exc.path.name)
    more = {"hint": exc.hint} if exc.hint else {}
    found = problem(status, type(exc).__name__.removesuffix("Error"), said, **more)
    if status == 503:
        found.headers["retry-after"] = "3"
    return found


async def _say_http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return problem(exc.status_code, "Not possible", str(exc.detail))


async def _say_invalid(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    return problem(422, "Not understood", _told(exc.errors(), leave=1))


_SAID: Final[Any] = {
    ArtsimError: _say_error,
    HTTPException: _say_http_error,
    RequestValidationError: _say_invalid,
}


def _told(errors: Sequence[Any], leave: int = 0) -> str:
    told = [f"{'.'.join(map(str, e['loc'][leave:]))}: {e['msg']}" for e in errors[:3]]
    return "; ".join(told)[:1000]


KindName = Annotated[str, Parameter(alias="kind")]


def _gallery_routes(app: FastAPI, service: Service) -> None:
    @app.get("/api/v1/galleries", response_model=forms.GalleriesForm, tags=["galleries"])
    def galleries(request: Request) -> Any:
        """List the galleries, their kinds and encoders, and what answers can be re-ranked by."""
        return {
            "artsim": __version__,
            "galleries": [_describe_gallery(gallery) for gallery in service.galleries()],
            "rerankers": list(RERANKERS),
            "facets": list(FACETS),
            "max_upload": MAX_UPLOAD,
            "may_write": service.may_add and may_write(request),
            "accepts": sorted({*IMAGE_SUFFIXES, *LIST_SUFFIXES}),
            "own": service.gallery.name,
            "others": service.others,
            "parts": list(PARTS),
        }


def _painting_routes(app: FastAPI, service: Service) -> None:
    @app.get("/api/v1/paintings", response_model=forms.ListingForm, tags=["paintings"])
    def paintings(
        filters: FiltersGiven,
        gallery: GalleryName = None,
        sort: Annotated[str, Parameter(max_length=100)] = "date",
        limit: Annotated[int, Parameter(ge=1, le=200)] = 24,
        offset: Annotated[int, Parameter(ge=0, le=100_000)] = 0,
    ) -> Any:
        """List the paintings that meet filters."""
        opened = service.open(gallery)
        listed = list_paintings(opened, filters, limit=limit, offset=offset, sort=sort)
        found = listed.to_dict()
        found["settings"].pop("location", None)
        return {**found, "points": [forms.with_picture(point, opened) for point in found["points"]]}

    # Ids may have slashes in them, and take all of the rest.
    @app.get(
        "/api/v1/paintings/{painting_id:path}",
        response_model=forms.PaintingForm,
        tags=["paintings"],
    )
    def painting(painting_id: str, gallery: GalleryName = None) -> Any:
        """Describe a painting: all its metadata, and the faces and other parts it has."""
        opened = service.open(gallery)
        found = dict(describe_painting(opened, painting_id))
        name_faces(opened, found)
        return {
            **forms.shown(found),
            "picture_id": forms.picture_id(opened, PAINTINGS.point_id(painting_id)),
        }


def _facet_routes(app: FastAPI, service: Service) -> None:
    @app.get("/api/v1/facets", response_model=forms.FacetsForm, tags=["galleries"])
    def facets(
        request: Request,
        filters: FiltersGiven,
        field: Annotated[list[str], Parameter(max_length=12)],
        kind: KindName = PAINTINGS.name,
        gallery: GalleryName = None,
        limit: Annotated[int, Parameter(ge=1, le=1000)] = 50,
    ) -> Any:
        """Count the values of fields, each under the filters on all others.

        The field ``date`` counts decades, in each the works whose date overlaps it; ``person``
        those whom the file of names knows on a face.
        """
        opened, chosen = service.open(gallery), _kind(kind)

        def count() -> dict[str, Any]:
            counted = [
                count_values(opened, name, _without(filters, name), kind=chosen, limit=most)
                for name in field
                for most in [_DECADES if name == "date" else limit]
            ]
            total = opened[chosen].count(build_criteria(filters, opened[chosen], opened)[0])
            return {"total": total, "facets": [plain_json(one.to_dict()) for one in counted]}

        # Dates are read from every work, which is done once for a state of the gallery.
        return service.kept.get(("facets", request.url.query, moment_of(opened)), count)


_DECADES: Final = 2000
"""More than there can be: of the most frequent ones alone there is no histogram."""


def _kind(name: str) -> Any:
    if name not in KINDS:
        raise QueryError(f"kind: expected {' or '.join(KINDS)}, found {name[:80]!r}")
    return KINDS[name]


def _without(filters: Filters, field: str) -> Filters:
    """Return the filters without those on a field, so that its other values are counted too."""
    if field == "date":
        return replace(filters, years=None)
    if field == "person":
        return replace(filters, people=())
    return replace(filters, any_of={n: v for n, v in filters.any_of.items() if n != field})


def _describe_gallery(gallery: Gallery) -> dict[str, Any]:
    kinds = []
    for kind in gallery.kinds:
        collection = gallery[kind]
        encoders = [
            {"name": info.name, "vector": info.vector_name, "takes_text": info.takes_text}
            for info in gallery.encoders(kind).values()
        ]
        kinds.append(
            {
                "name": kind.name,
                "noun": kind.noun,
                "points": collection.count(),
                "encoders": encoders,
                "has_local_points": POINTS in collection.schema.vectors,
            }
        )
    return {"gallery": gallery.name, "kinds": kinds}


def _check_encoders(gallery: Gallery, kind: Kind, names: Sequence[str]) -> None:
    """Refuse encoders that the gallery has no vectors of: other names may be those of files."""
    if not names:
        return
    known = list(gallery.encoders(kind).values())
    own = {name for info in known for name in (info.name, info.spec, info.vector_name)}
    for name in names:
        if name not in own.union(short_names(known)):
            have = ", ".join(f"{info.name} ({info.vector_name})" for info in known)
            raise EncoderMismatchError(
                f"encoders: the gallery has no vectors of {name[:80]!r}; it has: {have}"
            )


_AS_IT_IS: Final[Any] = {"response_model_exclude_unset": True, "tags": ["search"]}
"""What is unknown of a hit is absent, as in docs/output.md."""


def _search_routes(app: FastAPI, service: Service) -> None:
    @app.post("/api/v1/query", response_model=forms.AnswerForm, **_AS_IT_IS)
    async def query(question: forms.QuestionForm, gallery: GalleryName = None) -> Any:
        """Answer a question: works, or faces, like a picture, a painting, examples or a text."""
        # What the gallery has vectors of is found at once; the rest waits for a model.
        run = run_in_threadpool if question.is_stored else service.searching.run
        return await run(find, question, gallery)

    def find(question: forms.QuestionForm, gallery: str | None) -> Any:
        opened = service.open(gallery)
        asked = question.question(partial(service.query, opened))
        _check_encoders(opened, asked.kind, question.encoders)
        found = answer(opened, asked, service.models)
        described = found.to_dict()
        described["settings"].pop("location", None)
        source, painting = asdict(found.source), found.query_payload
        return {
            **described,
            "query_payload": None if painting is None else forms.shown(painting),
            "hits": [forms.with_picture(hit, opened) for hit in described["hits"]],
            "source": {**source, "encoders": list(source["encoders"])},
        }

    @app.post("/api/v1/compare", response_model=forms.ComparisonForm, **_AS_IT_IS)
    async def compare_two(pair: forms.PairForm, gallery: GalleryName = None) -> Any:
        """Compare two pictures: as wholes, mirrored, in their faces, and by local points."""
        return await service.searching.run(look, pair, gallery)

    def look(pair: forms.PairForm, gallery: str | None) -> Any:
        opened = service.open(gallery)
        first, second = (service.query(opened, one) for one in (pair.first, pair.second))
        points = None
        # Without a file that may be shown the gallery's own points are compared, if it has any.
        with suppress(MissingPictureError, ImageError, EncoderError):
            if first.region is None and second.region is None:
                points = points_of(service, opened, pair)
        found = compare(opened, first, second, service.models, points=points).to_dict()
        for side in ("first", "second"):
            payload = found[side]["payload"]
            found[side]["payload"] = None if payload is None else forms.shown(payload)
        return found


def _upload_routes(app: FastAPI, service: Service) -> None:
    @app.post("/api/v1/uploads", response_model=forms.UploadForm, status_code=201, tags=["search"])
    async def send_picture(picture: UploadFile) -> Any:
        """Send a picture to search by; it is kept for a month, and known by its SHA-256."""
        return asdict(await service.drawing.run(put, picture))  # it is decoded, and may be large

    def put(picture: UploadFile) -> Upload:
        content = picture.file.read(MAX_UPLOAD + 1)
        if len(content) > MAX_UPLOAD:
            raise HTTPException(413, f"a picture may have at most {MAX_UPLOAD >> 20} MiB")
        return service.uploads.put(content, picture.filename or "picture")

    @app.get("/api/v1/uploads/{upload_id}", response_model=forms.UploadForm, tags=["search"])
    def upload(upload_id: forms.UploadId) -> Any:
        """Describe a picture that was sent."""
        return asdict(service.uploads.find(upload_id)[0])

    @app.get("/api/v1/uploads/{upload_id}/parts", response_model=forms.PartsForm, tags=["search"])
    async def parts(upload_id: forms.UploadId, kind: KindName = FACES.name) -> Any:
        """Find the faces, or other parts, of a picture that was sent."""
        return await service.searching.run(cut, upload_id, kind)

    def cut(upload_id: str, kind: str) -> Any:
        found, path = service.uploads.find(upload_id)
        chosen = _kind(kind)
        if chosen.is_whole:
            raise QueryError(f"{chosen.name} are whole pictures")
        image = service.models.image(path, found.name)
        crops = service.models.cut(chosen, image.pixels, image.width)
        described = [
            _describe_part(i, crop.payload["box"], crop.payload.get("detection_score"))
            for i, crop in enumerate(crops)
        ]
        size = {"width": image.width, "height": image.height}
        return {"kind": chosen.name, **size, "parts": described}


def _describe_part(index: int, box: Any, score: float | None) -> dict[str, Any]:
    corners = tuple(float(number) for number in box)
    is_sure = QueryFace(index, Box(*corners), score).is_sure(SURE_SIZE, SURE_SCORE)
    return {"index": index, "box": corners, "score": score, "is_sure": is_sure}


def _selection_routes(app: FastAPI, service: Service) -> None:
    @app.post("/api/v1/selection", response_class=Response, tags=["paintings"])
    def selection(
        request: Request,
        form: Annotated[selections.Form, Form()],
        selection: Annotated[str, Form(max_length=4_000_000, description="A SelectionForm.")],
        gallery: GalleryName = None,
    ) -> Any:
        """Write kept works as CSV, JSON, BibTeX, a IIIF manifest, or a sheet to print."""
        try:
            asked = forms.SelectionForm.model_validate_json(selection)
        except ValidationError as exc:
            raise QueryError(f"selection.{_told(exc.errors())}") from exc
        address = str(request.base_url).rstrip("/")
        kept = selections.Selection.of(service.open(gallery), asked, address)
        language = language_of(request)
        if form == "print":
            return HTMLResponse(render_page("kept.html", language, sheet=kept.to_print()))
        name = f"artsim-{form}.{selections.ENDINGS[form]}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        content = kept.to_file(form, texts()[language]["kept_title"])
        return Response(content, media_type=selections.TYPES[form], headers=headers)


_ROUTES: Final = (
    _gallery_routes,
    _painting_routes,
    _facet_routes,
    years_routes,
    people_routes,
    similar_routes,
    survey_routes,
    _search_routes,
    match_routes,
    _upload_routes,
    _selection_routes,
    thumbnail_routes,
    whole_picture_routes,
    iiif_routes,
    page_routes,
)
