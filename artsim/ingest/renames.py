"""Pictures that the gallery knows under another id: renamed files, and ids given later.

Only a painting whose id is its picture's path is renamed. It is if its file is gone and
another one has the same bytes, or if the metadata gives that very file another id. Files with
the same bytes that are all there are works of their own.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from artsim.catalog.payload import Payload
from artsim.ingest.known import RENAMED_FROM, Known
from artsim.ingest.origin import UNNOTED, Origin
from artsim.ingest.source_types import SourcePainting
from artsim.store.base import Collection

_FIELDS = ("painting_id", "image_uri", "image_sha256", "ingested_from")


class Renames:
    """Finds what the gallery has of a source's paintings, under whichever id.

    `resolve` may be called from several threads.

    Parameters
    ----------
    paintings : Collection or None
        None where there is none yet.
    look_up : callable
        From ids to what the gallery has of them.
    """

    def __init__(
        self,
        origin: Origin,
        paintings: Collection | None,
        look_up: Callable[[Sequence[str]], Mapping[str, Known]],
    ) -> None:
        self.origin = origin
        self._paintings = paintings
        self._look_up = look_up
        self._lock = threading.Lock()
        self._lost: dict[str, list[str]] | None = None
        self._taken: set[str] = set()

    def look_up(self, paintings: Sequence[SourcePainting]) -> dict[str, Known]:
        """Return what the gallery has of each painting, or else of its picture's path."""
        found = dict(self._look_up([p.painting_id for p in paintings]))
        by_path = {
            path_id: painting.painting_id
            for painting in paintings
            if painting.painting_id not in found
            and (path_id := self.origin.path_id(painting.image_path)) is not None
            and path_id != painting.painting_id
        }
        if by_path:
            elsewhere = self._look_up(list(by_path))
            found |= {by_path[path_id]: known for path_id, known in elsewhere.items()}
        return found

    def resolve(self, source: SourcePainting, known: Known | None, sha256: str) -> Known | None:
        """Return what the gallery has of a picture, once its bytes are known.

        Of another id only what is to be renamed; the caller has it for itself then.
        """
        if known is not None and known.painting_id == source.painting_id:
            return known
        if known is not None and self._is_same_file(known.payload, source, sha256):
            with self._lock:
                if known.painting_id not in self._taken:
                    self._taken.add(known.painting_id)
                    return known
        old_id = self._take_lost(sha256)
        return None if old_id is None else self._look_up([old_id]).get(old_id)

    def replaced_by(self, source: SourcePainting, known: Known) -> str | None:
        """Return the id of the painting whose place another one takes, or began to take."""
        if known.painting_id != source.painting_id:
            return known.painting_id
        old_id = known.payload.get(RENAMED_FROM)
        if old_id is None:
            return None
        payload = {
            "painting_id": old_id,
            "image_uri": (self.origin.root / old_id).as_uri(),
            "image_sha256": known.payload.get("image_sha256"),
        }
        is_old = self.origin.has_lost(payload) or self._is_same_file(
            payload, source, str(payload["image_sha256"])
        )
        return old_id if is_old else None

    def _is_same_file(self, old: Payload, source: SourcePainting, sha256: str) -> bool:
        return (
            self.origin.gave(old)
            and old.get("image_uri") == source.payload.get("image_uri")
            and old.get("image_sha256") == sha256
        )

    def _take_lost(self, sha256: str) -> str | None:
        """Return the id of a painting with these bytes whose file is gone, each one once."""
        with self._lock:
            if self._lost is None:
                self._lost = self._find_lost()
            for old_id in self._lost.get(sha256, ()):
                if old_id not in self._taken:
                    self._taken.add(old_id)
                    return old_id
        return None

    def _find_lost(self) -> dict[str, list[str]]:
        """Return the paintings whose files are gone, by their bytes: one pass over the source's."""
        lost: dict[str, list[str]] = defaultdict(list)
        if self._paintings is None:
            return lost
        for criteria in (self.origin.own, UNNOTED):
            for record in self._paintings.scroll(criteria, payload_fields=_FIELDS):
                if self.origin.has_lost(record.payload):
                    sha256 = str(record.payload.get("image_sha256"))
                    lost[sha256].append(str(record.payload["painting_id"]))
        return lost
