"""Pictures that the gallery knows under another id: renamed files, and ids given later.

Only a painting whose id is its picture's path is renamed. It is if its file is gone and
another one has the same bytes, or if the metadata gives that very file another id. Files with
the same bytes that are all there are works of their own.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.criteria import AnyOf, Criteria
from artsim.catalog.criteria import Known as IsKnown
from artsim.catalog.payload import Payload
from artsim.ingest.manifest import named_path
from artsim.ingest.records import Source, SourcePainting
from artsim.ingest.targets import RENAMED_FROM, Known, Target, look_up

INGESTED_FROM: Final = "ingested_from"
"""Field that notes the source that a painting came from last."""

UNNOTED: Final = Criteria(must_not=(IsKnown(INGESTED_FROM),))
"""Points that were written before sources were noted."""

_FIELDS: Final = ("painting_id", "image_uri", "image_sha256", INGESTED_FROM)


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an ingest, as it is noted with every painting.

    Attributes
    ----------
    uri : str
        Of the folder, manifest or other source.
    root : Path or None
        The folder that paths of pictures are below, if they are files.
    is_folder : bool
        Whether the source is all of `root`, rather than what a manifest names in it.
    """

    uri: str
    root: Path | None
    is_folder: bool

    @classmethod
    def of(cls, source: Source) -> Origin:
        """Return the origin that a source is."""
        is_folder = source.root is not None and named_path(source.root).as_uri() == source.uri
        return cls(source.uri, source.root, is_folder)

    @property
    def own(self) -> Criteria:
        """Points that came from this source."""
        return Criteria((AnyOf(INGESTED_FROM, (self.uri,)),))

    def path_id(self, painting: SourcePainting) -> str | None:
        """Return the id of a picture that has none in the metadata: its path below the root."""
        path = painting.picture
        if self.root is None or not isinstance(path, Path) or not path.is_relative_to(self.root):
            return None
        return path.relative_to(self.root).as_posix()

    def gave(self, payload: Payload) -> bool:
        """Return whether a painting is of this source and has its picture's path for its id.

        Of points that do not note their source, the path itself shows where they came from.
        """
        painting_id = str(payload.get("painting_id"))
        is_other = payload.get(INGESTED_FROM, self.uri) != self.uri
        if self.root is None or is_other or "\0" in painting_id:
            return False
        return (self.root / painting_id).as_uri() == payload.get("image_uri")

    def has_lost(self, payload: Payload) -> bool:
        """Return whether a painting that this source `gave` has no picture there any more."""
        if self.root is None or not self.gave(payload):
            return False
        try:
            os.lstat(self.root / str(payload["painting_id"]))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # it cannot be looked at, which does not mean that it is gone
            return False
        return False


class Renames:
    """Finds what the gallery has of a source's paintings, under whichever id.

    `resolve` may be called from several threads.

    Parameters
    ----------
    targets : sequence of Target
        Whole pictures, then the kinds of parts.
    """

    def __init__(self, origin: Origin, targets: Sequence[Target]) -> None:
        self.origin = origin
        self._targets = targets
        self._lock = threading.Lock()
        self._lost: dict[str, list[str]] | None = None
        self._taken: set[str] = set()

    def look_up(self, paintings: Sequence[SourcePainting]) -> dict[str, Known]:
        """Return what the gallery has of each painting, or else of its picture's path."""
        found = look_up([p.painting_id for p in paintings], self._targets)
        by_path = {
            path_id: painting.painting_id
            for painting in paintings
            if painting.painting_id not in found
            and (path_id := self.origin.path_id(painting)) is not None
            and path_id != painting.painting_id
        }
        if by_path:
            elsewhere = look_up(list(by_path), self._targets)
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
        return None if old_id is None else look_up([old_id], self._targets).get(old_id)

    def replaced_by(self, source: SourcePainting, known: Known) -> str | None:
        """Return the id of the painting whose place another one takes, or began to take."""
        if known.painting_id != source.painting_id:
            return known.painting_id
        old_id = known.payload.get(RENAMED_FROM)
        if old_id is None or self.origin.root is None:
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
        paintings = self._targets[0].collection
        if paintings is None or self.origin.root is None:
            return lost
        for criteria in (self.origin.own, UNNOTED):
            for record in paintings.scroll(criteria, payload_fields=_FIELDS):
                if self.origin.has_lost(record.payload):
                    sha256 = str(record.payload.get("image_sha256"))
                    lost[sha256].append(str(record.payload["painting_id"]))
        return lost
