"""The addresses of pictures: thumbnails, films, what was sent, and the IIIF Image API."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi import Path as AddressPart
from fastapi import Query as Parameter
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from artsim.images.load import load_image
from artsim.web import forms
from artsim.web.guard import FILM_POLICY, PUBLIC
from artsim.web.pictures import (
    THUMBNAIL_SIDES,
    ImageRequest,
    MissingPictureError,
    Picture,
    encode,
    image_information,
    image_part,
)

if TYPE_CHECKING:
    from artsim.web.app import Service

_FOREVER: Final = "private, max-age=31536000, immutable"
_NO_CHANGE: Final = "private, no-cache"
_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_PICTURES: Final[Any] = {"responses": {200: {"content": {"image/webp": {}}}}, "tags": ["pictures"]}
PictureId = Annotated[
    str, AddressPart(pattern="^([A-Za-z0-9_-]+~)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
]


def thumbnail_routes(app: FastAPI, service: Service) -> None:
    """Add the paintings' small pictures to an application."""

    @app.get("/api/v1/thumbnails/{picture_id}", response_class=Response, **_PICTURES)
    async def thumbnail(
        request: Request,
        picture_id: PictureId,
        side: Annotated[int, Parameter(ge=1, le=480)] = THUMBNAIL_SIDES[0],
        v: Annotated[str, Parameter(max_length=64, description="Start of its SHA-256.")] = "",
    ) -> Any:
        """Return a painting's picture, small; one of today's `v` never changes."""
        size = next(each for each in THUMBNAIL_SIDES if each >= side)
        known = request.headers.get("if-none-match")
        picture, etag, content = await run_in_threadpool(look_up, picture_id, size, known)
        is_same = len(v) >= 8 and picture.sha256.startswith(v)
        headers = {"etag": etag, "cache-control": _FOREVER if is_same else _NO_CHANGE}
        if known == etag:
            return Response(status_code=304, headers=headers)
        if content is None:
            content = await service.drawing.run(service.pictures.thumbnail, picture, size)
        return Response(content, media_type=_TYPES["webp"], headers=headers)

    def look_up(picture_id: str, size: int, known: str | None) -> tuple[Picture, str, bytes | None]:
        picture = service.find_picture(picture_id)
        etag = f'"{picture.sha256[:32]}-{size}"'
        kept = None if known == etag else service.pictures.kept_thumbnail(picture, size)
        return picture, etag, kept


def whole_picture_routes(app: FastAPI, service: Service) -> None:
    """Add films, and the pictures that were sent, to an application."""

    @app.get("/api/v1/films/{picture_id}", response_class=Response, tags=["pictures"])
    def film(picture_id: PictureId) -> Any:
        """Return the film that a frame is of, as it is, or the bytes of it that are asked for."""
        path = service.find_picture(picture_id).film
        if path is None:
            raise MissingPictureError("the picture is no frame of a film")
        headers = {"content-security-policy": FILM_POLICY, "cache-control": _NO_CHANGE}
        return FileResponse(path, media_type=mimetypes.guess_type(path)[0], headers=headers)

    @app.get("/api/v1/uploads/{upload_id}/image", response_class=Response, **_PICTURES)
    async def upload_image(
        upload_id: forms.UploadId, side: Annotated[int, Parameter(ge=1, le=4096)] = 1024
    ) -> Any:
        """Return a picture that was sent, encoded anew."""
        content = await service.drawing.run(draw, upload_id, side)
        return Response(content, media_type=_TYPES["webp"], headers={"cache-control": _FOREVER})

    def draw(upload_id: str, side: int) -> bytes:
        _, path = service.uploads.find(upload_id)
        image = load_image(path, max_side=side, limits=service.uploads.limits)
        return encode(Image.fromarray(image.pixels), "webp")


def iiif_routes(app: FastAPI, service: Service) -> None:
    """Add the IIIF Image API 3 over the paintings' pictures to an application."""

    @app.get("/iiif/3/{picture_id}/info.json", tags=["pictures"])
    def information(request: Request, picture_id: PictureId) -> Any:
        """Describe a painting's picture for viewers, by the IIIF Image API 3."""
        picture = service.find_picture(picture_id)
        address = f"{str(request.base_url).rstrip('/')}/iiif/3/{picture_id}"
        return JSONResponse(
            image_information(
                address, picture.width, picture.height, is_public=request.scope[PUBLIC]
            )
        )

    @app.get(
        "/iiif/3/{picture_id}/{region}/{size}/{rotation}/{quality}.{form}",
        response_class=Response,
        **_PICTURES,
    )
    async def image(
        picture_id: PictureId,
        asked: Annotated[ImageRequest, Depends(ImageRequest)],
    ) -> Any:
        """Return a part of a painting's picture, by the IIIF Image API 3."""
        picture = await run_in_threadpool(service.find_picture, picture_id)
        try:
            content = await service.drawing.run(image_part, picture, asked)
        except ValueError as exc:
            raise HTTPException(400, str(exc)) from exc
        headers = {"cache-control": "private, max-age=3600"}
        return Response(content, media_type=_TYPES[asked.form], headers=headers)
