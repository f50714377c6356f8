"""Writing: whole paintings into the gallery, in an order that a kill cannot hurt.

A painting's faces go in before the painting itself, whose payload notes that they are
there: if the process dies in between, the next ingest finds the painting missing or
changed, and does it again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
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


class WriterThread:
    """One thread that writes batches in the order they come, while others are read.

    Leaving the context waits for what was put; a failure of a write comes back from
    the next `put` or from leaving.
    """

    def __init__(self, write: Callable[[Sequence[EncodedPainting]], None]) -> None:
        self._write = write
        self._waiting: queue.Queue[Sequence[EncodedPainting] | None] = queue.Queue(_WAITING_BATCHES)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="artsim-writer")

    def __enter__(self) -> WriterThread:
        """Start the thread."""
        self._thread.start()
        return self

    def put(self, batch: Sequence[EncodedPainting]) -> None:
        """Hand a batch over; waits while the writer is behind."""
        self._raise_failure()
        self._waiting.put(batch)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until everything is written, also after Ctrl-C."""
        self._waiting.put(None)
        self._thread.join()
        if error is None:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    self._write(batch)
                except BaseException as error:
                    self._failure = error
