"""Writing: whole paintings into the gallery, in an order that a kill cannot hurt.

A painting's faces go in before the painting itself, whose payload notes that they are
there: if the process dies in between, the next ingest finds the painting missing or
changed, and does it again. A painting that takes another one's place says so until the
other one is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from artsim.catalog.criteria import AnyOf, Criteria
from artsim.catalog.payload import (
    FACE_FIELDS,
    PAINTING_FIELDS,
    Payload,
    face_point_id,
    painting_point_id,
)
from artsim.errors import StoreError
from artsim.ingest.delete import delete_by_id
from artsim.ingest.known import RENAMED_FROM
from artsim.ingest.points import EncodedPainting
from artsim.store.base import Collection, Point

_FACES_OWN = tuple(field for field in FACE_FIELDS if field not in PAINTING_FIELDS)
_WAITING_BATCHES = 2


def write_paintings(
    batch: Sequence[EncodedPainting], paintings: Collection, faces: Collection | None
) -> None:
    """Write a batch, each painting whole; safe to repeat after any interruption."""
    if faces is not None:
        _write_faces(batch, faces)
    renamed = [encoded for encoded in batch if encoded.renamed_from is not None]
    whole = [_marked(encoded) for encoded in batch if encoded.fresh]
    paintings.upsert([*whole, *_moved(renamed, paintings)])
    delete_by_id([str(encoded.renamed_from) for encoded in renamed], paintings, faces)
    kept = [encoded.point for encoded in batch if not encoded.fresh and not encoded.moves]
    paintings.update_vectors([point for point in kept if point.vectors])
    done = [*kept, *(encoded.point for encoded in renamed if encoded.fresh or encoded.moves)]
    paintings.overwrite_payload({point.point_id: point.payload for point in done})


def _marked(encoded: EncodedPainting) -> Point:
    """Return the point with the id, if any, of the painting that is still to go."""
    point = encoded.point
    if encoded.renamed_from is None:
        return point
    payload = point.payload | {RENAMED_FROM: encoded.renamed_from}
    return Point(point.point_id, point.vectors, payload)


def _moved(renamed: Sequence[EncodedPainting], paintings: Collection) -> list[Point]:
    """Return the points that take over what the gallery has under their old ids."""
    old_ids = {e.painting_id: painting_point_id(str(e.renamed_from)) for e in renamed if e.moves}
    names = list(paintings.schema.vectors) if old_ids else []
    old = paintings.retrieve(list(old_ids.values()), with_vectors=names) if old_ids else {}
    points = []
    for encoded in renamed:
        if encoded.moves:
            marked = _marked(encoded)
            record = old.get(old_ids[encoded.painting_id])
            if record is None:
                raise StoreError(
                    f"{paintings.name}: {encoded.renamed_from!r} was deleted while it was renamed "
                    f"to {encoded.painting_id!r}; start the same ingest again"
                )
            vectors = {**record.vectors, **marked.vectors}
            points.append(Point(marked.point_id, vectors, marked.payload))
    return points


def _write_faces(batch: Sequence[EncodedPainting], faces: Collection) -> None:
    moved = [encoded for encoded in batch if encoded.faces is None and encoded.moves]
    replaced = [encoded for encoded in batch if encoded.faces is not None]
    points = [point for encoded in replaced for point in encoded.faces or ()]
    points += _moved_faces(moved, faces)
    if moved or replaced:
        faces.delete(_faces_of(encoded.painting_id for encoded in (*moved, *replaced)))
        faces.upsert(points)
    kept = {e.painting_id: e.point.payload for e in batch if e.faces is None and not e.moves}
    if kept:
        faces.overwrite_payload(
            {
                record.point_id: _face_payload(
                    kept[str(record.payload["painting_id"])], record.payload
                )
                for record in faces.scroll(_faces_of(kept))
            }
        )


def _moved_faces(moved: Sequence[EncodedPainting], faces: Collection) -> list[Point]:
    if not moved:
        return []
    by_old_id = {encoded.renamed_from: encoded for encoded in moved}
    old = faces.scroll(_faces_of(map(str, by_old_id)), with_vectors=list(faces.schema.vectors))
    points = []
    for record in old:
        encoded = by_old_id[record.payload["painting_id"]]
        point_id = face_point_id(encoded.painting_id, int(record.payload["face_index"]))
        payload = _face_payload(encoded.point.payload, record.payload)
        points.append(Point(point_id, record.vectors, payload))
    return points


def _faces_of(painting_ids: Iterable[str]) -> Criteria:
    return Criteria((AnyOf("painting_id", tuple(painting_ids)),))


def _face_payload(painting: Payload, face: Payload) -> Payload:
    return painting | {key: face[key] for key in _FACES_OWN if key in face}


class Writer:
    """One thread that writes batches in the order they come, while others are read.

    Leaving the context waits for what was put; a failure of a write comes back from a
    later `put` or from leaving. An exception in the context lets the write that is under
    way finish and drops those that wait.
    """

    def __init__(self, write: Callable[[Sequence[EncodedPainting]], None]) -> None:
        self._write = write
        self._waiting: deque[Future[None]] = deque()
        # An executor, since a thread of our own that Ctrl-C caught in its start would
        # keep the process from ending.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="artsim-writer")

    def __enter__(self) -> Writer:
        """Return the writer itself."""
        return self

    def put(self, batch: Sequence[EncodedPainting]) -> None:
        """Hand a batch over; waits while the writer is behind."""
        while len(self._waiting) >= _WAITING_BATCHES:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._write, batch))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the writes."""
        try:
            while self._waiting and error is None:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
