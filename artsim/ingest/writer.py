"""Writing: whole paintings into the gallery, in an order that a kill cannot hurt.

A painting's faces go in before the painting itself, whose payload notes that they are
there: if the process dies in between, the next ingest finds the painting missing or
changed, and does it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from artsim.domain.criteria import AnyOf, Criteria
from artsim.domain.payload import FACE_FIELDS, PAINTING_FIELDS, Payload
from artsim.ingest.points import EncodedPainting
from artsim.store.base import Collection

_FACES_OWN = tuple(field for field in FACE_FIELDS if field not in PAINTING_FIELDS)
_WAITING_BATCHES = 2


def write_paintings(
    batch: Sequence[EncodedPainting], paintings: Collection, faces: Collection | None
) -> None:
    """Write a batch, each painting whole; safe to repeat after any interruption."""
    if faces is not None:
        _write_faces(batch, faces)
    paintings.upsert([encoded.point for encoded in batch if encoded.fresh])
    kept = [encoded.point for encoded in batch if not encoded.fresh]
    paintings.update_vectors([point for point in kept if point.vectors])
    paintings.overwrite_payload({point.point_id: point.payload for point in kept})


def _write_faces(batch: Sequence[EncodedPainting], faces: Collection) -> None:
    replaced = [encoded for encoded in batch if encoded.faces is not None]
    if replaced:
        faces.delete(_faces_of(replaced))
        faces.upsert([point for encoded in replaced for point in encoded.faces or ()])
    kept = {e.painting_id: e.point.payload for e in batch if e.faces is None}
    if kept:
        records = faces.scroll(_faces_of([e for e in batch if e.faces is None]))
        faces.overwrite_payload(
            {
                r.point_id: _face_payload(kept[str(r.payload["painting_id"])], r.payload)
                for r in records
            }
        )


def _faces_of(batch: Sequence[EncodedPainting]) -> Criteria:
    return Criteria((AnyOf("painting_id", tuple(encoded.painting_id for encoded in batch)),))


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
