"""What many visitors at once share: threads in turn, results of equal work, common batches."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar, TypeVarTuple

import numpy as np
from anyio import CapacityLimiter, to_thread

from artsim.catalog.arrays import Embedding, Embeddings, RGBImage
from artsim.catalog.kinds import Crop, EncoderInfo, Kind
from artsim.encoders.devices import usable_cores
from artsim.errors import ArtsimError, ImageError
from artsim.search.models import Models

if TYPE_CHECKING:
    from artsim.encoders.base import Prepared
    from artsim.images.load import LoadedImage

V = TypeVar("V")
Arguments = TypeVarTuple("Arguments")

MOST_TOGETHER: Final = 8
"""Pictures in a batch. On one core each takes the built-in encoder 27 ms alone, 22 ms among 8 and
19 ms among 16, which all sixteen wait for."""

UNEXPECTED: Final = "something went wrong that artsim did not expect; its log says more"
"""Said of work in the background that failed by a fault of artsim's own."""

_IMAGE_BYTES: Final = 128 << 20
_CROP_BYTES: Final = 64 << 20
_ROW_BYTES: Final = 64 << 20


class BusyError(ArtsimError):
    """More is asked at once than the server can answer."""


@dataclass(slots=True)
class Turns:
    """Threads for one kind of work: so many at once, some more wait, and others are refused.

    Who waits holds no thread, so that what needs no turn is answered meanwhile.
    """

    threads: CapacityLimiter
    waiting: int

    @classmethod
    def of(cls, running: int, waiting: int) -> Turns:
        """Return turns for so many at once, and so many that wait."""
        return cls(CapacityLimiter(running), waiting)

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
        default_factory=lambda: Shared(_IMAGE_BYTES, lambda image: image.pixels.nbytes), repr=False
    )
    _crops: Shared[list[Crop]] = field(
        default_factory=lambda: Shared(_CROP_BYTES, lambda crops: sum(map(_crop_bytes, crops))),
        repr=False,
    )
    _rows: Shared[Embeddings] = field(
        default_factory=lambda: Shared(_ROW_BYTES, lambda rows: rows.nbytes), repr=False
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
        from artsim.images.load import file_sha256

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
