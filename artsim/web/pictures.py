"""The pictures that the page shows: those of a gallery by id alone, and those sent by visitors.

No path comes from a visitor. A gallery's picture is a file below a folder that the gallery was
ingested from, links resolved; no file's own bytes are sent but pixels, encoded anew, so that
what else a file holds (places in EXIF, scripts in an SVG) stays where it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import mimetypes
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi import Path as AddressPart
from fastapi import Query as Parameter
from PIL import Image, ImageOps
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from artsim.catalog.film_names import frame_place, split_frame
from artsim.catalog.kinds import PAINTINGS
from artsim.errors import ImageError, PaintingNotFoundError
from artsim.files import local_path, replacing
from artsim.images.load import ImageLimits, load_image, load_image_bytes
from artsim.render.text import clean
from artsim.search.filters import ALL_VALUES
from artsim.store.gallery import Gallery
from artsim.web.forms import PROBLEMS, UploadId
from artsim.web.guard import FILM_POLICY, PUBLIC
from artsim.web.sharing import Service, ServiceGiven

THUMBNAIL_SIDES: Final = (240, 480)
"""Most pixels of a thumbnail's long side."""

MAX_SIDE: Final = 4096
"""Most pixels of a side that is sent."""

_TIDY_EVERY: Final = 1000
"""After how many new thumbnails the oldest go: looking through all takes longer than one more."""

_KEPT_PIXELS: Final = 25_000_000
"""Largest decoded picture that is kept for the next tile."""


class MissingPictureError(ImageError):
    """A picture that the page cannot show, or may not."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that may be shown, upright `width` x `height` pixels; `sha256` names its content."""

    path: Path
    sha256: str
    width: int
    height: int
    limits: ImageLimits


@dataclass(slots=True)
class Pictures:
    """Finds the files of a gallery's paintings, and keeps thumbnails in the folder `cache`.

    Pictures may lie in `folders`; where there are none, in those that a gallery names as what it
    was ingested from.
    """

    cache: Path
    folders: tuple[Path, ...] = ()
    limits: ImageLimits = field(default_factory=ImageLimits)
    _roots: dict[str | None, tuple[Path, ...]] = field(default_factory=dict, repr=False)
    _made: Iterator[int] = field(default_factory=count, repr=False)

    def find(self, gallery: Gallery, picture_id: str) -> Picture:
        """Return the picture of the painting whose point has that id.

        PaintingNotFoundError if the gallery has no such painting, MissingPictureError if its
        picture is not a file here, or lies elsewhere than it may.
        """
        record = gallery[PAINTINGS].retrieve([picture_id]).get(picture_id)
        if record is None:
            raise PaintingNotFoundError("the gallery has no painting of that picture")
        payload = record.payload
        path = self._path(gallery, payload)
        width, height = (payload.get(f"image_{of}") for of in ("width", "height"))
        if not (isinstance(width, int) and isinstance(height, int)):
            small = _load(path, THUMBNAIL_SIDES[0], self.limits)
            width, height = small.width, small.height
        sha256 = payload.get("image_sha256")
        if not (isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256)):
            sha256 = hashlib.sha256(os.fsencode(path)).hexdigest()
        return Picture(path, sha256, width, height, self.limits)

    def thumbnail(self, picture: Picture, side: int) -> bytes:
        """Return a picture as WebP of at most `side` pixels, from the cache where it is there."""
        if (kept := self.kept_thumbnail(picture, side)) is not None:
            return kept
        place = self._place(picture, side)
        loaded = _load(picture.path, side, picture.limits)
        content = encode(Image.fromarray(loaded.pixels), "webp")
        with suppress(OSError):  # a full disk keeps nobody from looking
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as stream:
                stream.write(content)
            if next(self._made) % _TIDY_EVERY == 0:
                forget_oldest(self.cache.glob("*/*.webp"), most_bytes=2 << 30)
        return content

    def kept_thumbnail(self, picture: Picture, side: int) -> bytes | None:
        """Return what `thumbnail` does from the cache; None where it is not there."""
        try:
            return self._place(picture, side).read_bytes()
        except OSError:
            return None

    def _place(self, picture: Picture, side: int) -> Path:
        return self.cache / picture.sha256[:2] / f"{picture.sha256}-{side}.webp"

    def _path(self, gallery: Gallery, payload: Mapping[str, Any]) -> Path:
        uri = payload.get("image_uri")
        path = local_path(uri) if isinstance(uri, str) else None
        if path is None:
            raise MissingPictureError("the picture is not on this machine")
        of_film = split_frame(path)
        path = path if of_film is None else of_film[0]
        try:
            found = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as exc:
            raise MissingPictureError(f"{path.name}: the picture is gone") from exc
        if not self._is_allowed(found, gallery):
            raise MissingPictureError(
                f"{path.name}: the picture lies outside the folders that the gallery was ingested "
                "from; name its folder when the page is started",
                hint="artsim serve --images FOLDER",
            )
        return found if of_film is None else frame_place(found, of_film[1])

    def _is_allowed(self, path: Path, gallery: Gallery) -> bool:
        if self.folders:
            return any(path.is_relative_to(folder) for folder in self.folders)
        roots = self._roots.get(gallery.name, ())
        if not any(path.is_relative_to(root) for root in roots):
            roots = self._roots[gallery.name] = tuple(_ingested_folders(gallery))
        return any(path.is_relative_to(root) for root in roots)


def _ingested_folders(gallery: Gallery) -> Iterable[Path]:
    """Yield the folders that a gallery was ingested from; never a whole disk."""
    for facet in gallery[PAINTINGS].facet("ingested_from", limit=ALL_VALUES):
        place = local_path(str(facet.value))
        if place is None or not place.is_absolute():
            continue
        with suppress(OSError, RuntimeError):
            folder = place.resolve(strict=True)
            folder = folder if folder.is_dir() else folder.parent
            if folder != Path(folder.anchor):
                yield folder


def _load(path: Path, side: int, limits: ImageLimits) -> Any:
    try:
        return load_image(path, max_side=side, limits=limits)
    except ImageError as exc:
        said = str(exc).replace(str(path), path.name)
        raise MissingPictureError(said) from exc


def encode(image: Image.Image, form: str) -> bytes:
    """Return an image as the bytes of a file: ``webp``, ``jpg`` or ``png``."""
    stream = io.BytesIO()
    if form == "png":
        image.save(stream, "PNG")
    elif form == "webp":
        image.save(stream, "WEBP", quality=80, method=4)
    else:
        image.convert("L" if image.mode in ("1", "L") else "RGB").save(stream, "JPEG", quality=90)
    return stream.getvalue()


def forget_oldest(
    files: Iterable[Path],
    *,
    days: float = math.inf,
    most: float = math.inf,
    most_bytes: float = math.inf,
) -> None:
    """Remove files that were not used for so many days, and the oldest until the rest is little."""
    before, aged = time.time() - days * 86_400, []
    for path in files:
        with suppress(OSError):
            status = path.stat()
            aged.append((status.st_mtime, status.st_size, path))
    total = 0
    for number, (used, size, path) in enumerate(sorted(aged, reverse=True)):
        total += size
        if used < before or number >= most or total > most_bytes:
            with suppress(OSError):
                path.unlink()


# Pictures that visitors send

_TIDY_UPLOADS: Final = 16
"""Pictures after which old ones are looked for: that takes as long as a fifth of a search."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that a visitor sent: its id is the SHA-256 of the file."""

    id: str
    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Uploads:
    """Keeps the pictures that visitors send, so that an address with one can be opened again.

    The oldest go first: about 200 are kept, of 1 GB together, for 30 days.
    """

    folder: Path
    limits: ImageLimits
    _sent: Iterator[int] = field(default_factory=count, init=False)

    def put(self, content: bytes, name: str) -> Upload:
        """Keep a picture; `ImageError` if it is none that can be searched by."""
        called = clean(Path(name.replace("\\", "/")).name, 120) or "picture"
        loaded = load_image_bytes(content, called, max_side=64, limits=self.limits)
        found = Upload(loaded.sha256, called, loaded.width, loaded.height)
        self.folder.mkdir(parents=True, exist_ok=True)
        for place, kept in (
            (self._file(found.id), content),
            (self._note(found.id), json.dumps([called, found.width, found.height]).encode()),
        ):
            with replacing(place) as stream:
                stream.write(kept)
        if next(self._sent) % _TIDY_UPLOADS == 0:
            self._tidy()
        return found

    def _tidy(self) -> None:
        forget_oldest(self.folder.glob("*.picture"), days=30, most=200, most_bytes=1 << 30)
        for note in self.folder.glob("*.json"):
            if not note.with_suffix(".picture").exists():
                note.unlink(missing_ok=True)

    def find(self, upload_id: str) -> tuple[Upload, Path]:
        """Return a picture that was sent, and its file; MissingPictureError if it is gone."""
        path = self._file(upload_id)
        try:
            name, width, height = json.loads(self._note(upload_id).read_bytes())
            os.utime(path)
        except (OSError, ValueError) as exc:
            raise MissingPictureError(
                "the picture that was searched by is not kept any more; choose it again"
            ) from exc
        return Upload(upload_id, name, width, height), path

    def _file(self, upload_id: str) -> Path:
        if not re.fullmatch("[0-9a-f]{64}", upload_id):
            raise MissingPictureError("no picture has this id")
        return self.folder / f"{upload_id}.picture"

    def _note(self, upload_id: str) -> Path:
        return self._file(upload_id).with_suffix(".json")


# Their addresses


_FOREVER: Final = "private, max-age=31536000, immutable"
_NO_CHANGE: Final = "private, no-cache"
_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_PICTURES: Final[Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"image/webp": {}}}},
}
PictureId = Annotated[
    str, AddressPart(pattern="^([A-Za-z0-9_-]+~)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
]
router = APIRouter(tags=["pictures"], responses=PROBLEMS)


@router.get("/api/v1/thumbnails/{picture_id}", **_PICTURES)
async def thumbnail(
    request: Request,
    service: ServiceGiven,
    picture_id: PictureId,
    side: Annotated[int, Parameter(ge=1, le=480)] = THUMBNAIL_SIDES[0],
    v: Annotated[str, Parameter(max_length=64, description="Start of its SHA-256.")] = "",
) -> Any:
    """Return a painting's picture, small; one of today's `v` never changes."""
    size = next(each for each in THUMBNAIL_SIDES if each >= side)
    known = request.headers.get("if-none-match")

    def look_up() -> tuple[Picture, str, bytes | None]:
        picture = service.find_picture(picture_id)
        etag = f'"{picture.sha256[:32]}-{size}"'
        kept = None if known == etag else service.pictures.kept_thumbnail(picture, size)
        return picture, etag, kept

    picture, etag, content = await run_in_threadpool(look_up)
    is_same = len(v) >= 8 and picture.sha256.startswith(v)
    headers = {"etag": etag, "cache-control": _FOREVER if is_same else _NO_CHANGE}
    if known == etag:
        return Response(status_code=304, headers=headers)
    if content is None:
        content = await service.drawing.run(service.pictures.thumbnail, picture, size)
    return Response(content, media_type=_TYPES["webp"], headers=headers)


@router.get("/api/v1/films/{picture_id}", response_class=Response)
def film(picture_id: PictureId, service: ServiceGiven) -> Any:
    """Return the film that a frame is of, as it is, or the bytes of it that are asked for."""
    of_film = split_frame(service.find_picture(picture_id).path)
    if of_film is None:
        raise MissingPictureError("the picture is no frame of a film")
    headers = {"content-security-policy": FILM_POLICY, "cache-control": _NO_CHANGE}
    kind, _ = mimetypes.guess_type(of_film[0])
    return FileResponse(of_film[0], media_type=kind, headers=headers)


@router.get("/api/v1/uploads/{upload_id}/image", **_PICTURES)
async def upload_image(
    upload_id: UploadId,
    service: ServiceGiven,
    side: Annotated[int, Parameter(ge=1, le=4096)] = 1024,
) -> Any:
    """Return a picture that was sent, encoded anew."""
    content = await service.drawing.run(_draw, service, upload_id, side)
    return Response(content, media_type=_TYPES["webp"], headers={"cache-control": _FOREVER})


def _draw(service: Service, upload_id: str, side: int) -> bytes:
    _, path = service.uploads.find(upload_id)
    image = load_image(path, max_side=side, limits=service.uploads.limits)
    return encode(Image.fromarray(image.pixels), "webp")


# IIIF Image API 3


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What a viewer asks for, in the words of https://iiif.io/api/image/3.0/."""

    region: str
    size: str
    rotation: str
    quality: str
    form: str


@router.get("/iiif/3/{picture_id}/info.json")
def information(request: Request, picture_id: PictureId, service: ServiceGiven) -> Any:
    """Describe a painting's picture for viewers, by the IIIF Image API 3."""
    picture = service.find_picture(picture_id)
    longest = max(picture.width, picture.height)
    factors = [1]
    while longest / factors[-1] > 512:
        factors.append(factors[-1] * 2)
    described = {
        "@context": "http://iiif.io/api/image/3/context.json",
        "id": f"{str(request.base_url).rstrip('/')}/iiif/3/{picture_id}",
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        # All that level 2 asks of requests for images is done; it asks for headers for others too.
        "profile": "level2" if request.scope[PUBLIC] else "level0",
        "width": picture.width,
        "height": picture.height,
        **({"maxWidth": MAX_SIDE} if longest > MAX_SIDE else {}),
        "tiles": [{"width": 512, "scaleFactors": factors}],
        "extraFormats": ["png", "webp"],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": [
            *("mirroring", "regionByPct", "regionByPx", "regionSquare", "rotationBy90s"),
            *("sizeByConfinedWh", "sizeByH", "sizeByPct", "sizeByW", "sizeByWh"),
        ],
    }
    return JSONResponse(described)


@router.get("/iiif/3/{picture_id}/{region}/{size}/{rotation}/{quality}.{form}", **_PICTURES)
async def image(
    picture_id: PictureId,
    asked: Annotated[ImageRequest, Depends(ImageRequest)],
    service: ServiceGiven,
) -> Any:
    """Return a part of a painting's picture, by the IIIF Image API 3."""
    picture = await run_in_threadpool(service.find_picture, picture_id)
    try:
        content = await service.drawing.run(image_part, picture, asked)
    except ValueError as exc:
        raise HTTPException(400, str(exc)) from exc
    headers = {"cache-control": "private, max-age=3600"}
    return Response(content, media_type=_TYPES[asked.form], headers=headers)


def image_part(picture: Picture, asked: ImageRequest) -> bytes:
    """Return what of a picture is asked for; ValueError where that is no request of IIIF's."""
    x, y, width, height = _region(asked.region, picture)
    wide, high = _out_size(asked.size, width, height)
    turn = re.fullmatch(r"(!?)(0|90|180|270)(?:\.0+)?", asked.rotation)
    if turn is None or asked.quality not in ("default", "color", "gray", "bitonal"):
        raise ValueError(f"rotation {asked.rotation!r} or quality {asked.quality!r}")
    if asked.form not in ("jpg", "png", "webp"):
        raise ValueError(f"format {asked.form!r}: expected jpg, png or webp")
    longest = max(picture.width, picture.height)
    needed = min(longest, max(1, round(longest * max(wide / width, high / height))))
    # By halves, as tiles are, so that neighboring tiles are of one decoded picture.
    side = longest
    while side // 2 >= needed:
        side //= 2
    pixels = _decoded(picture, side)
    across, down = pixels.width / picture.width, pixels.height / picture.height
    area = (x * across, y * down, (x + width) * across, (y + height) * down)
    area = (area[0], area[1], min(area[2], pixels.width), min(area[3], pixels.height))
    image = pixels.resize((wide, high), Image.Resampling.LANCZOS, box=area)
    if turn[1]:
        image = ImageOps.mirror(image)
    image = image.rotate(-int(turn[2]), expand=True)
    if asked.quality in ("gray", "bitonal"):
        image = image.convert("L" if asked.quality == "gray" else "1")
    return encode(image, asked.form)


def _decoded(picture: Picture, side: int) -> Image.Image:
    of = _kept if side * side <= _KEPT_PIXELS else _kept.__wrapped__
    return of(picture, side)


@lru_cache(maxsize=4)
def _kept(picture: Picture, side: int) -> Image.Image:
    return Image.fromarray(_load(picture.path, side, picture.limits).pixels)


def _region(text: str, picture: Picture) -> tuple[int, int, int, int]:
    """Return x, y, width and height in pixels, all of it within the picture."""
    width, height = picture.width, picture.height
    if text == "full":
        return 0, 0, width, height
    if text == "square":
        side = min(width, height)
        return (width - side) // 2, (height - side) // 2, side, side
    number = r"(\d{1,7}(?:\.\d{1,10})?)"
    found = re.fullmatch(f"(pct:)?{number},{number},{number},{number}", text)
    if found is None:
        raise ValueError(f"region {text[:80]!r}: expected full, square, x,y,w,h or pct:x,y,w,h")
    numbers = [float(found[i]) for i in range(2, 6)]
    if found[1]:
        sides = (width, height, width, height)
        numbers = [share * side / 100 for share, side in zip(numbers, sides, strict=True)]
    x, y, across, down = (round(number) for number in numbers)
    across, down = min(across, width - x), min(down, height - y)
    if across < 1 or down < 1:
        raise ValueError(f"region {text[:80]!r}: nothing of the picture is in it")
    return x, y, across, down


def _out_size(text: str, width: int, height: int) -> tuple[int, int]:
    """Return the width and height in pixels of what is sent, never larger than what there is."""
    found = re.fullmatch(r"max|pct:(\d{1,3}(?:\.\d{1,10})?)|(!?)(\d{0,6}),(\d{0,6})", text)
    if found is None or (found[1] is None and text != "max" and not (found[3] or found[4])):
        raise ValueError(f"size {text[:80]!r}: expected max, w,  ,h  w,h  !w,h or pct:n")
    if text == "max":
        scale = min(1.0, MAX_SIDE / max(width, height))
        wide, high = width * scale, height * scale
    elif found[1]:
        wide, high = width * float(found[1]) / 100, height * float(found[1]) / 100
    else:
        across, down = (float(found[i]) if found[i] else None for i in (3, 4))
        if found[2]:
            if across is None or down is None:
                raise ValueError(f"size {text[:80]!r}: expected !w,h")
            scale = min(1.0, across / width, down / height)
            across, down = width * scale, height * scale
        wide = across if across is not None else width * (down or 0) / height
        high = down if down is not None else height * wide / width
    size = max(1, round(wide)), max(1, round(high))
    if not (wide and high) or size[0] > width or size[1] > height or max(size) > MAX_SIDE:
        raise ValueError(f"size {text[:80]!r}: larger than this part of the picture, or nothing")
    return size
