"""A painting's way into the gallery: read in a thread, encoded in a batch, and written whole.

A painting's parts go in before the painting itself, whose payload notes that they are
there: if the process dies in between, the next ingest finds the painting missing or
changed, and does it again. A painting that takes another one's place says so until the
other one is gone.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from artsim.catalog.arrays import Embedding, Vector
from artsim.catalog.kinds import PIXELS, POINTS, Kind
from artsim.catalog.payload import Payload
from artsim.encoders.base import Encoder, Prepared
from artsim.errors import ArtsimError, ImageError, StoreError
from artsim.images import local_points
from artsim.images.load import ImageLimits, LoadedImage, file_sha256, load_image
from artsim.images.pixels import to_pixels
from artsim.ingest.records import INGESTED_FROM, Problem, SourceEntry, SourcePainting
from artsim.ingest.targets import (
    POINTS_NOTE,
    RENAMED_FROM,
    Known,
    Renames,
    Target,
    delete_by_id,
    points_of,
)
from artsim.store.protocol import Collection, Point

_WAITING_BATCHES = 2
_OF_FILE = ("image_sha256", "image_width", "image_height")
_NOTHING: Prepared = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class ReadPart:
    """One part of a picture, ready for its encoders; its payload is the crop's."""

    payload: Payload
    vectors: Mapping[str, Vector]  # its pixels, where its kind has them
    prepared: Mapping[str, Prepared]


@dataclass(frozen=True, slots=True)
class ReadPainting:
    """One painting, ready for the encoders.

    What is in the gallery is `kept`, but for what is made anew; nothing of a new painting or a
    changed picture, which is `fresh`.
    """

    payload: Payload  # complete but for the notes on parts
    kept: Known | None
    renamed_from: str | None = None  # id of the painting whose place it takes
    prepared: Mapping[str, Prepared] = field(default_factory=dict)  # by name of missing vectors
    vectors: Mapping[str, Vector] = field(default_factory=dict)  # pixels and points, if made now
    parts: Mapping[str, list[ReadPart]] = field(default_factory=dict)  # by kinds looked for now

    @property
    def painting_id(self) -> str:
        """Id of the painting."""
        return str(self.payload["painting_id"])

    @property
    def fresh(self) -> bool:
        """Whether nothing in the gallery can be kept."""
        return self.kept is None

    @property
    def moves(self) -> bool:
        """Whether what can be kept of it is in the gallery under another id."""
        return self.kept is not None and self.kept.painting_id != self.painting_id

    @property
    def has_new_vectors(self) -> bool:
        """Whether there is anything to encode or to replace."""
        return self.fresh or bool(self.prepared or self.parts or self.vectors)

    @property
    def unchanged(self) -> bool:
        """Whether the gallery has all of it already."""
        is_known = self.kept is not None and self.kept.metadata == self.payload
        return is_known and not self.has_new_vectors


@dataclass(frozen=True, slots=True)
class Reader:
    """How paintings are read, for the targets of `renames`.

    `force` encodes again what the gallery has, and lets another picture take an id over;
    `dry_run` decodes what would be encoded, and computes nothing; `points` are made too.
    """

    renames: Renames
    limits: ImageLimits
    force: bool = False
    dry_run: bool = False
    points: bool = False

    def read(self, source: SourceEntry, found: Mapping[str, Known]) -> ReadPainting | Problem:
        """Read what is missing of a painting; a failure is a value, since others go on.

        A picture whose bytes the gallery knows is decoded only if an encoder or a cutter
        has not seen it.
        """
        if isinstance(source, Problem):
            return source
        try:
            return self._read(source, found.get(source.painting_id))
        except ArtsimError as error:
            reason, hint = str(error), error.hint
        except MemoryError:
            reason = f"{source.place}: not enough memory to read this picture; shrink it"
            hint = "--max-megapixels, --workers"
        return Problem(source.place, reason, source.painting_id, hint=hint)

    def _read(self, source: SourcePainting, found: Known | None) -> ReadPainting:
        picture = None if source.sha256 else source.open()
        if isinstance(picture, Path):
            sha256 = file_sha256(picture, limits=self.limits)
        else:
            sha256 = source.sha256 or hashlib.sha256(picture or b"").hexdigest()
        known = self.renames.resolve(source, found, sha256)
        old_id = None if known is None else self.renames.replaced_by(source, known)
        payload = source.payload | {INGESTED_FROM: self.renames.source.uri}
        fresh = self.force or known is None or known.payload.get("image_sha256") != sha256
        if fresh and known is not None and not self.force:
            _refuse_takeover(source, known)
        kept = None if fresh else known
        whole, *parts = self.renames.targets
        there = set() if kept is None else kept.vector_names
        missing = [e for e in whole.encoders if e.info.vector_name not in there]
        cut = [target for target in parts if target.cutter is not None and _is_due(target, kept)]
        pointless = self.points and (
            kept is None or kept.payload.get(POINTS_NOTE) != local_points.POINT_DETECTOR
        )
        if kept is not None and not missing and not cut and not pointless:
            of_file = {key: kept.payload[key] for key in _OF_FILE}
            return ReadPainting(payload | of_file, kept, old_id)
        picture = source.open() if picture is None else picture
        image = load_image(picture, name=source.place, limits=self.limits)
        payload |= zip(_OF_FILE, (image.sha256, image.width, image.height), strict=True)
        if self.dry_run:
            unseen = {encoder.info.vector_name: _NOTHING for encoder in missing}
            points = {POINTS: _NOTHING} if pointless else {}
            looked: dict[str, list[ReadPart]] = {target.kind.name: [] for target in cut}
            return ReadPainting(payload, kept, old_id, unseen, points, looked)
        vectors = {PIXELS: to_pixels(image.pixels)} if fresh else {}
        if pointless:
            vectors[POINTS] = local_points.local_points(image.pixels)
        prepared = {e.info.vector_name: e.prepare(image.pixels) for e in missing}
        made = {target.kind.name: _read_parts(image, target) for target in cut}
        return ReadPainting(payload, kept, old_id, prepared, vectors, made)


def _is_due(target: Target, kept: Known | None) -> bool:
    return kept is None or not target.was_cut(kept.payload) or target.lacks_vectors(kept.payload)


def _read_parts(image: LoadedImage, target: Target) -> list[ReadPart]:
    crops = target.cutter(image.pixels, image.width) if target.cutter else []
    return [
        ReadPart(
            payload={target.kind.index_field: index, **crop.payload},
            vectors={PIXELS: to_pixels(crop.pixels)} if target.kind.has_pixels else {},
            prepared={e.info.vector_name: e.prepare_crop(crop) for e in target.encoders},
        )
        for index, crop in enumerate(crops)
    ]


def _refuse_takeover(source: SourcePainting, known: Known) -> None:
    """Two folders with an ``001.jpg`` each must not overwrite each other unnoticed."""
    old, new = known.payload.get("image_uri"), source.payload.get("image_uri")
    if old != new:
        raise ImageError(
            f"{source.place}: the gallery has another picture with the id "
            f"{source.painting_id!r}, from {old}; give unique ids, use another gallery, or "
            "replace it",
            hint="--map id=COLUMN, --gallery NAME, --force",
        )


# --- encoding ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EncodedPainting:
    """One painting, ready to be written: with the new vectors, and the whole payload.

    `parts` are all of a kind, by its name; a kind that is not in it keeps those in the gallery,
    but for their payload.
    """

    read: ReadPainting
    point: Point
    parts: Mapping[str, list[Point]]


def encode_paintings(
    batch: Sequence[ReadPainting], targets: Sequence[Target], batch_size: int
) -> list[EncodedPainting]:
    """Encode the prepared pictures and parts of a batch, each encoder in full batches."""
    whole, *others = targets
    vectors = _encode([read.prepared for read in batch], whole.encoders, batch_size)
    of_parts = {}
    for target in others:
        found = [part for read in batch for part in read.parts.get(target.kind.name, ())]
        encoded = _encode([part.prepared for part in found], target.encoders, batch_size)
        of_parts[target.kind.name] = iter(encoded)
    return [
        _encoded(read, own, of_parts, targets) for read, own in zip(batch, vectors, strict=True)
    ]


def _encode(
    prepared: Sequence[Mapping[str, Prepared]], encoders: Sequence[Encoder], batch_size: int
) -> list[dict[str, Vector]]:
    """Return the vectors of each picture by name, of those encoders it was prepared for."""
    vectors: list[dict[str, Vector]] = [{} for _ in prepared]
    for encoder in encoders:
        name = encoder.info.vector_name
        due = [i for i, picture in enumerate(prepared) if name in picture]
        rows: list[Embedding] = []
        for start in range(0, len(due), batch_size):
            some = due[start : start + batch_size]
            rows.extend(encoder.encode_prepared([prepared[i][name] for i in some]))
        for i, vector in zip(due, rows, strict=True):
            vectors[i][name] = vector
    return vectors


def _encoded(
    read: ReadPainting,
    vectors: dict[str, Vector],
    of_parts: Mapping[str, Iterator[dict[str, Vector]]],
    targets: Sequence[Target],
) -> EncodedPainting:
    """Make the points of a painting; the vectors of its parts are the next of each kind."""
    whole, *others = targets
    payload = read.payload | _point_note(read)
    for target in others:
        payload = payload | _state(read, target)
    points: dict[str, list[Point]] = {}
    for kind in (target.kind for target in others):
        if kind.name in read.parts:
            old = _same_parts_before(read, kind) or [{}] * len(read.parts[kind.name])
            points[kind.name] = [
                Point(
                    kind.point_id(read.painting_id, index),
                    {**old[index], **part.vectors, **next(of_parts[kind.name])},
                    payload | part.payload,
                )
                for index, part in enumerate(read.parts[kind.name])
            ]
        elif read.fresh:
            points[kind.name] = []
    point_id = whole.kind.point_id(read.painting_id)
    return EncodedPainting(read, Point(point_id, {**read.vectors, **vectors}, payload), points)


def _same_parts_before(read: ReadPainting, kind: Kind) -> list[Mapping[str, Vector]]:
    """Return the vectors of the parts in the gallery, if they are those just found, box by box.

    The same cutter on another machine may differ in a part; the other encoders' vectors
    would then belong to other crops.
    """
    known = [] if read.kept is None else read.kept.parts.get(kind.name, [])
    found = [part.payload.get("box") for part in read.parts.get(kind.name, ())]
    is_same = [record.payload.get("box") for record in known] == found
    return [record.vectors for record in known] if is_same else []


def _state(read: ReadPainting, target: Target) -> Payload:
    """Return the notes on parts of a kind: as looked for now, as known before, or none."""
    kind = target.kind
    known = {} if read.kept is None else read.kept.state(kind)
    if kind.name not in read.parts or target.cutter is None:
        return known
    names, count = target.vector_names, len(read.parts[kind.name])
    still_none = known.get(kind.count_field) == 0 and not count
    if still_none or _same_parts_before(read, kind):
        names |= set(known.get(kind.encoders_field, ()))
    return dict(zip(kind.state_fields, (count, target.cutter.identity, sorted(names)), strict=True))


def _point_note(read: ReadPainting) -> Payload:
    """Return the note on local points: of those made now, those known before, or none."""
    known = {} if read.kept is None else read.kept.payload
    note = local_points.POINT_DETECTOR if POINTS in read.vectors else known.get(POINTS_NOTE)
    return {} if note is None else {POINTS_NOTE: note}


# --- into the database -------------------------------------------------------------


def write_paintings(batch: Sequence[EncodedPainting], targets: Sequence[Target]) -> None:
    """Write a batch, each painting whole; safe to repeat after any interruption."""
    whole, *others = targets
    paintings = whole.collection
    if paintings is None:
        return
    parts = [(t.kind, t.collection) for t in others if t.collection is not None]
    for kind, collection in parts:
        _write_parts(batch, kind, collection)
    renamed = [encoded for encoded in batch if encoded.read.renamed_from is not None]
    whole_points = [_marked(encoded) for encoded in batch if encoded.read.fresh]
    paintings.upsert([*whole_points, *_moved(renamed, paintings, whole.kind)])
    old_ids = [str(encoded.read.renamed_from) for encoded in renamed]
    delete_by_id(old_ids, paintings, [collection for _, collection in parts])
    kept = [e.point for e in batch if not e.read.fresh and not e.read.moves]
    paintings.update_vectors([point for point in kept if point.vectors])
    done = [*kept, *(e.point for e in renamed if e.read.fresh or e.read.moves)]
    paintings.overwrite_payload({point.point_id: point.payload for point in done})


def _marked(encoded: EncodedPainting) -> Point:
    """Return the point with the id, if any, of the painting that is still to go."""
    if encoded.read.renamed_from is None:
        return encoded.point
    payload = encoded.point.payload | {RENAMED_FROM: encoded.read.renamed_from}
    return replace(encoded.point, payload=payload)


def _moved(renamed: Sequence[EncodedPainting], paintings: Collection, kind: Kind) -> list[Point]:
    """Return the points that take over what the gallery has under their old ids."""
    moving = [encoded for encoded in renamed if encoded.read.moves]
    old_ids = [kind.point_id(str(encoded.read.renamed_from)) for encoded in moving]
    names = list(paintings.schema.vectors) if old_ids else []
    old = paintings.retrieve(old_ids, with_vectors=names) if old_ids else {}
    points = []
    for encoded, old_id in zip(moving, old_ids, strict=True):
        if old_id not in old:
            raise StoreError(
                f"{paintings.name}: {encoded.read.renamed_from!r} was deleted while it was renamed "
                f"to {encoded.read.painting_id!r}; start the same ingest again"
            )
        vectors = {**old[old_id].vectors, **encoded.point.vectors}
        points.append(replace(_marked(encoded), vectors=vectors))
    return points


def _write_parts(batch: Sequence[EncodedPainting], kind: Kind, parts: Collection) -> None:
    """Replace the parts that were looked for, move those of a renamed painting, tell the others."""
    replaced = [encoded for encoded in batch if kind.name in encoded.parts]
    others = [encoded for encoded in batch if kind.name not in encoded.parts]
    moved = {str(e.read.renamed_from): e for e in others if e.read.moves}
    points = [point for encoded in replaced for point in encoded.parts[kind.name]]
    if moved:
        vectors = list(parts.schema.vectors)
        for record in parts.scroll(points_of(moved), with_vectors=vectors):
            encoded = moved[record.payload["painting_id"]]
            point_id = kind.point_id(
                encoded.read.painting_id, int(record.payload[kind.index_field])
            )
            payload = _part_payload(encoded, record.payload, kind)
            points.append(Point(point_id, record.vectors, payload))
    if moved or replaced:
        parts.delete(points_of(e.read.painting_id for e in (*moved.values(), *replaced)))
        parts.upsert(points)
    kept = {e.read.painting_id: e for e in others if not e.read.moves}
    if kept:
        payloads = {
            r.point_id: _part_payload(kept[str(r.payload["painting_id"])], r.payload, kind)
            for r in parts.scroll(points_of(kept))
        }
        parts.overwrite_payload(payloads)


def _part_payload(encoded: EncodedPainting, part: Payload, kind: Kind) -> Payload:
    own = (kind.index_field, "box", *kind.own_fields)
    return encoded.point.payload | {name: part[name] for name in own if name in part}


@contextmanager
def writing(
    targets: Sequence[Target],
) -> Iterator[Callable[[Sequence[EncodedPainting]], None]]:
    """Give what hands batches to one thread that writes them in turn, while others are read.

    It waits while the thread is behind. Leaving the context waits for what was handed over; a
    failure of a write comes back from a later call or from leaving. An exception in the context
    lets the write that is under way finish and drops those that wait.
    """
    waiting: deque[Future[None]] = deque()
    # An executor, since a thread of our own that Ctrl-C caught in its start would
    # keep the process from ending.
    pool = ThreadPoolExecutor(1, thread_name_prefix="artsim-writer")

    def put(batch: Sequence[EncodedPainting]) -> None:
        while len(waiting) >= _WAITING_BATCHES:
            waiting.popleft().result()
        waiting.append(pool.submit(write_paintings, batch, targets))

    try:
        yield put
        while waiting:
            waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
