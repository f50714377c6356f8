"""What all visitors share: galleries and pictures, threads in turn, equal work, common batches."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, TypeVarTuple

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from fastapi import Query as Parameter

from artsim.catalog.arrays import Embedding, Embeddings, RGBImage
from artsim.catalog.kinds import PAINTINGS, Crop, EncoderInfo, Kind, Region
from artsim.encoders.devices import usable_cores
from artsim.errors import ArtsimError, CollectionNotFoundError, ImageError
from artsim.images.load import LoadedImage, file_sha256
from artsim.search.models import Models, choose_encoders
from artsim.search.question import IdQuery, ImageQuery, PictureQuery
from artsim.store.gallery import Gallery, list_galleries
from artsim.web import forms

if TYPE_CHECKING:
    from artsim.encoders.base import Prepared
    from artsim.web.browsing import Surveys
    from artsim.web.pictures import Picture, Pictures, Uploads

V = TypeVar("V")
Arguments = TypeVarTuple("Arguments")

MOST_TOGETHER: Final = 8
"""Pictures in a batch. On one core each takes the built-in encoder 27 ms alone, 22 ms among 8 and
19 ms among 16, which all sixteen wait for."""

UNEXPECTED: Final = "something went wrong that artsim did not expect; its log says more"
"""Said of work in the background that failed by a fault of artsim's own."""


class BusyError(ArtsimError):
    """More is asked at once than the server can answer."""


class Turns:
    """Threads for one kind of work: so many at once, some more wait, and others are refused.

    Who waits holds no thread, so that what needs no turn is answered meanwhile.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.threads = CapacityLimiter(running)
        self.waiting = waiting

    async def run(self, work: Callable[[*Arguments], V], *arguments: *Arguments) -> V:
        """Return what `work` does in a thread; BusyError where too many wait already."""
        now = self.threads.statistics()
        if now.borrowed_tokens >= now.total_tokens and now.tasks_waiting >= self.waiting:
            raise BusyError("too many ask at once; try again in a few seconds")
        return await to_thread.run_sync(work, *arguments, limiter=self.threads)


class Shared(Generic[V]):
    """Values by key: each is made once, however many threads ask for it, and then kept.

    Those that were asked for longest ago go when all are more than `most` bytes together. What
    fails is not kept, and each who asked tries it.
    """

    def __init__(self, most: int, size: Callable[[V], int]) -> None:
        self._most, self._size = most, size
        self._kept: OrderedDict[Hashable, V] = OrderedDict()
        self._making: dict[Hashable, Future[V]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of a key, which `make` makes where nobody has."""
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
                mine: Future[V] = Future()
                making = self._making.setdefault(key, mine)
            if making is mine:
                return self._make(key, make, mine)
            if making.exception() is None:
                return making.result()

    def _make(self, key: Hashable, make: Callable[[], V], made: Future[V]) -> V:
        try:
            value = make()
        except BaseException as exc:
            with self._lock:
                del self._making[key]
            made.set_exception(exc)
            raise
        with self._lock:
            del self._making[key]
            self._kept[key] = value
            self._bytes += self._size(value)
            while self._bytes > self._most:
                self._bytes -= self._size(self._kept.popitem(last=False)[1])
        made.set_result(value)
        return value


class Batches:
    """Encodes together what several threads ask for: while batches are computed, the next fills."""

    def __init__(self, encode: Callable[[Sequence[Prepared]], Embeddings]) -> None:
        self._encode = encode
        self._computing = threading.BoundedSemaphore(usable_cores())
        self._waiting: deque[tuple[Prepared, Future[Embedding]]] = deque()

    def encode(self, prepared: Sequence[Prepared]) -> Embeddings:
        """Encode N pictures, N at least 1, into unit rows of shape (N, D)."""
        mine: list[Future[Embedding]] = [Future() for _ in prepared]
        self._waiting.extend(zip(prepared, mine, strict=True))
        while not all(row.done() for row in mine):
            with self._computing:
                batch = self._next()
                if not batch:  # another thread computes the rest of it
                    break
                self._compute(batch)
        return np.stack([row.result() for row in mine])

    def _next(self) -> list[tuple[Prepared, Future[Embedding]]]:
        batch: list[tuple[Prepared, Future[Embedding]]] = []
        with suppress(IndexError):
            while len(batch) < MOST_TOGETHER:
                batch.append(self._waiting.popleft())
        return batch

    def _compute(self, batch: Sequence[tuple[Prepared, Future[Embedding]]]) -> None:
        try:
            rows = self._encode([prepared for prepared, _ in batch])
        except BaseException as exc:
            for _, row in batch:
                row.set_exception(exc)
            return
        for (_, row), vector in zip(batch, rows, strict=True):
            row.set_result(vector)


def _digest(picture: RGBImage) -> tuple[str, tuple[int, ...]]:
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest(), picture.shape


def _crop_bytes(crop: Crop) -> int:
    return crop.pixels.nbytes + (0 if crop.wide is None else crop.wide.nbytes)


@dataclass(slots=True)
class SharedModels(Models):
    """Models of many visitors: a query picture is read, cut and encoded once, and with others.

    Pictures are known by their bytes, what is encoded by its pixels, so that a region is a picture
    of its own, and the same picture by two names is one.
    """

    _images: Shared[LoadedImage] = field(
        default_factory=lambda: Shared(128 << 20, lambda image: image.pixels.nbytes), repr=False
    )
    _crops: Shared[list[Crop]] = field(
        default_factory=lambda: Shared(64 << 20, lambda crops: sum(map(_crop_bytes, crops))),
        repr=False,
    )
    _rows: Shared[Embeddings] = field(
        default_factory=lambda: Shared(64 << 20, lambda rows: rows.nbytes), repr=False
    )
    _batches: dict[EncoderInfo, Batches] = field(default_factory=dict, repr=False)
    _cutting: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(usable_cores()), repr=False
    )

    @classmethod
    def of(cls, models: Models) -> SharedModels:
        """Return models with the same settings, and all that is loaded."""
        return cls(**{each.name: getattr(models, each.name) for each in fields(Models)})

    def image(
        self, picture: Path | bytes, name: str = "a picture", *, max_side: int | None = None
    ) -> LoadedImage:
        """Load a query picture, where nobody has lately."""
        load = partial(Models.image, self, picture, name, max_side=max_side)
        if isinstance(picture, bytes):
            return load()
        try:
            known = file_sha256(picture)
        except ImageError:
            return load()  # which says it in its own words
        return self._images.get((known, max_side), load)

    def encode(self, info: EncoderInfo, crops: Sequence[Crop]) -> Embeddings:
        """Encode parts of pictures, or whole ones, where nobody has lately."""
        seen = [(_digest(of.pixels), of.wide is not None and _digest(of.wide)) for of in crops]
        return self._rows.get((info, *seen), partial(self._encode, info, crops))

    def _encode(self, info: EncoderInfo, crops: Sequence[Crop]) -> Embeddings:
        encoder = self.encoder(info)
        batches = self._batches.setdefault(info, Batches(encoder.encode_beside))
        return batches.encode([encoder.prepare_crop(crop) for crop in crops])

    def cut(self, kind: Kind, picture: RGBImage, width: int) -> list[Crop]:
        """Return the parts of a picture, looked for where nobody has lately."""

        def look() -> list[Crop]:
            with self._cutting:
                return Models.cut(self, kind, picture, width)

        return self._crops.get((kind.name, width, _digest(picture)), look)


def _answer_bytes(found: Any) -> int:
    return found.nbytes if isinstance(found, np.ndarray) else len(json.dumps(found))


@dataclass(frozen=True, slots=True)
class Service:
    """What the addresses share: galleries, models, pictures; `others` may be asked for by name.

    `gallery` is the one that is shown first, where it is there. Whatever computes with a model
    takes one of the turns of `searching`, what only decodes a picture one of `drawing`, so that
    memory is bounded however many ask; `kept` has answers that are of every work.
    """

    gallery: Gallery
    models: SharedModels
    pictures: Pictures
    uploads: Uploads
    surveys: Surveys
    others: bool = True
    may_add: bool = False
    # Each core's batch, and one more that fills meanwhile.
    searching: Turns = field(
        default_factory=lambda: Turns(MOST_TOGETHER * (usable_cores() + 1), waiting=32)
    )
    drawing: Turns = field(default_factory=lambda: Turns(usable_cores(), waiting=200))
    kept: Shared[Any] = field(default_factory=lambda: Shared(64 << 20, _answer_bytes))

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
        found = [gallery for gallery in self.galleries() if name in (None, gallery.name)]
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


async def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


ServiceGiven = Annotated[Service, Depends(_service)]


GalleryName = Annotated[str | None, Parameter(max_length=100)]
"""What an address calls a gallery, for routes that open it where they have their turn."""


def _gallery(service: ServiceGiven, gallery: GalleryName = None) -> Gallery:
    return service.open(gallery)


GalleryGiven = Annotated[Gallery, Depends(_gallery)]
"""The gallery that an address names, else the first."""
