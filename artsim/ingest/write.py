"""Writing: whole paintings into the gallery, in an order that a kill cannot hurt.

A painting's parts go in before the painting itself, whose payload notes that they are
there: if the process dies in between, the next ingest finds the painting missing or
changed, and does it again. A painting that takes another one's place says so until the
other one is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from artsim.catalog.arrays import Embedding, Vector
from artsim.catalog.encoder_info import PIXELS, POINTS
from artsim.catalog.kinds import Kind
from artsim.catalog.payload import Payload
from artsim.encoders.base import Encoder, Prepared
from artsim.errors import StoreError
from artsim.images.local_points import POINT_DETECTOR
from artsim.ingest.prune import delete_by_id
from artsim.ingest.read import ReadPainting, ReadPart
from artsim.ingest.targets import POINTS_NOTE, RENAMED_FROM, Target, points_of
from artsim.store.protocol import Collection, Point

_WAITING_BATCHES = 2


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
    if read.pixels is not None:
        vectors[PIXELS] = read.pixels
    payload = read.payload | _point_note(read)
    if read.points is not None:
        vectors[POINTS] = read.points
    for target in others:
        payload = payload | _state(read, target)
    points: dict[str, list[Point]] = {}
    for kind in (target.kind for target in others):
        if kind.name in read.parts:
            old = _same_parts_before(read, kind) or [{}] * len(read.parts[kind.name])
            points[kind.name] = [
                Point(
                    kind.point_id(read.painting_id, index),
                    {**old[index], **_pixels(part), **next(of_parts[kind.name])},
                    payload | part.payload,
                )
                for index, part in enumerate(read.parts[kind.name])
            ]
        elif read.fresh:
            points[kind.name] = []
    return EncodedPainting(
        read, Point(whole.kind.point_id(read.painting_id), vectors, payload), points
    )


def _pixels(part: ReadPart) -> dict[str, Vector]:
    return {} if part.pixels is None else {PIXELS: part.pixels}


def _same_parts_before(read: ReadPainting, kind: Kind) -> list[Mapping[str, Vector]]:
    """Return the vectors of the parts in the gallery, if they are those just found, box by box.

    The same cutter on another machine may differ in a part; the other encoders' vectors
    would then belong to other crops.
    """
    if read.fresh or read.known is None:
        return []
    known = read.known.parts.get(kind.name, [])
    found = [part.payload.get("box") for part in read.parts.get(kind.name, ())]
    is_same = [record.payload.get("box") for record in known] == found
    return [record.vectors for record in known] if is_same else []


def _state(read: ReadPainting, target: Target) -> Payload:
    """Return the notes on parts of a kind: as looked for now, as known before, or none."""
    kind = target.kind
    known = {} if read.fresh or read.known is None else read.known.state(kind)
    if kind.name not in read.parts or target.cutter is None:
        return known
    names, count = target.vector_names, len(read.parts[kind.name])
    still_none = known.get(kind.count_field) == 0 and not count
    if still_none or _same_parts_before(read, kind):
        names |= set(known.get(kind.encoders_field, ()))
    return dict(zip(kind.state_fields, (count, target.cutter.identity, sorted(names)), strict=True))


def _point_note(read: ReadPainting) -> Payload:
    """Return the note on local points: of those made now, those known before, or none."""
    if read.points is not None:
        return {POINTS_NOTE: POINT_DETECTOR}
    known = {} if read.fresh or read.known is None else read.known.payload
    return {name: known[name] for name in (POINTS_NOTE,) if name in known}


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
