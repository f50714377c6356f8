"""What a source no longer has: paintings that are taken out, or that have another id now."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from artsim.catalog.criteria import AnyOf, Criteria
from artsim.catalog.criteria import Known as IsKnown
from artsim.catalog.kinds import KINDS, PAINTINGS
from artsim.catalog.payload import Payload
from artsim.catalog.progress import counted
from artsim.errors import SourceError
from artsim.ingest.manifest import named_path
from artsim.ingest.records import Problem, Source, SourceEntry, SourcePainting
from artsim.ingest.targets import RENAMED_FROM, Known, Target, look_up, points_of
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection

INGESTED_FROM: Final = "ingested_from"
"""Field that notes the source that a painting came from last."""

UNNOTED: Final = Criteria(must_not=(IsKnown(INGESTED_FROM),))
"""Points that were written before sources were noted."""

_FIELDS: Final = ("painting_id", "image_uri", "image_sha256", INGESTED_FROM)


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an ingest, as it is noted with every painting.

    `root` is the folder that its pictures are below, if they are files; `is_folder` is whether
    it is all of that, rather than what a manifest names in it.
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
        """Return the id that a picture had if the metadata gave none: its path below the root."""
        path = painting.picture
        if self.root is None or not isinstance(path, Path) or not path.is_relative_to(self.root):
            return None
        path_id = path.relative_to(self.root).as_posix()
        return None if path_id == painting.painting_id else path_id

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
        others = [painting for painting in paintings if painting.painting_id not in found]
        by_path = {self.origin.path_id(painting): painting.painting_id for painting in others}
        path_ids = [path_id for path_id in by_path if path_id is not None]
        elsewhere = look_up(path_ids, self._targets) if path_ids else {}
        return found | {by_path[path_id]: known for path_id, known in elsewhere.items()}

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
            ids = (i for i in self._lost.get(sha256, ()) if i not in self._taken)
            old_id = next(ids, None)
            self._taken.update(filter(None, [old_id]))
        return old_id

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


MOST_AT_ONCE = 0.1
"""Share of a source's paintings above which it is rather the source that is not whole."""

_AT_ONCE = 500


def delete_paintings(gallery: Gallery, criteria: Criteria) -> None:
    """Delete the paintings that meet `criteria`, each after its parts.

    Interrupted, it leaves every painting either whole or without parts; run again, it finishes.
    ValueError if `criteria` is empty: `delete_gallery` deletes everything.
    """
    if not criteria.must and not criteria.must_not:
        raise ValueError("criteria must not be empty")
    paintings = gallery[PAINTINGS]
    records = paintings.scroll(criteria, payload_fields=["painting_id"])
    ids = [str(record.payload["painting_id"]) for record in records]
    delete_by_id(ids, paintings, [gallery[kind] for kind in gallery.kinds if not kind.is_whole])


def delete_by_id(
    painting_ids: Sequence[str], paintings: Collection, parts: Sequence[Collection]
) -> None:
    """Delete paintings, each after its parts."""
    for start in range(0, len(painting_ids), _AT_ONCE):
        some = points_of(painting_ids[start : start + _AT_ONCE])
        for collection in (*parts, paintings):
            collection.delete(some)


def delete_gallery(gallery: Gallery) -> None:
    """Delete the gallery's collections with all that is in them, the paintings last."""
    for kind in reversed(KINDS.values()):
        gallery.store.delete_collection(gallery.collection_name(kind))


@dataclass(slots=True)
class Yielded:
    """What a source had, as far as it was read: what it has not is taken out.

    `ids` are of its pictures, whether or not they could be read; `named` is what rows with a
    problem call their paintings, which are still in the source; `hidden` is the first problem
    behind which any painting may be.
    """

    ids: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    hidden: Problem | None = None

    def watch(self, entries: Iterable[SourceEntry]) -> Iterator[SourceEntry]:
        """Yield the entries, noting them."""
        for entry in entries:
            if not isinstance(entry, Problem):
                self.ids.add(entry.painting_id)
            elif entry.painting_id is not None:
                self.named |= _other_names(entry.painting_id)
            elif entry.may_hide_any and self.hidden is None:
                self.hidden = entry
            yield entry

    def has(self, painting_id: str) -> bool:
        """Return whether the source may still have the painting."""
        return painting_id in self.ids or not self.named.isdisjoint(_other_names(painting_id))


def prune(
    origin: Origin, yielded: Yielded, targets: Sequence[Target], *, most: float, dry_run: bool
) -> int:
    """Take out what the source no longer has, and return how many paintings that were.

    Interrupted, it is finished by the next one. SourceError, and nothing is taken out, if the
    source is empty or was not read wholly, or more would go than the share `most`.
    """
    paintings, *parts = (target.collection for target in targets)
    if paintings is None:
        return 0
    if not yielded.ids:
        raise SourceError(f"{origin.uri} has no picture that is there: nothing was taken out")
    if yielded.hidden is not None:
        raise SourceError(
            f"{yielded.hidden}: nothing was taken out, since nobody knows which paintings are "
            "behind it; mend it first"
        )
    gone, total = _missing(origin, yielded, paintings)
    if len(gone) > most * total:
        raise SourceError(
            f"{len(gone):,} of {counted(total, 'painting')} from {origin.uri} are no longer in it, "
            f"more than {most:.0%}: nothing was taken out; check that the source is whole, or "
            "say that they are to go",
            hint="--yes",
        )
    if not dry_run:
        delete_by_id(gone, paintings, [part for part in parts if part is not None])
    return len(gone)


def _missing(origin: Origin, yielded: Yielded, paintings: Collection) -> tuple[list[str], int]:
    """Return the ids that the source has no longer, and how many paintings came from it."""
    gone: list[str] = []
    total = 0
    # Before sources were noted, a path for an id still showed which folder it came from.
    for criteria in (origin.own, UNNOTED) if origin.is_folder else (origin.own,):
        fields = ["painting_id", "image_uri", INGESTED_FROM]
        for record in paintings.scroll(criteria, payload_fields=fields):
            if criteria is UNNOTED and not origin.gave(record.payload):
                continue
            total += 1
            painting_id = str(record.payload["painting_id"])
            if not yielded.has(painting_id):
                gone.append(painting_id)
    return gone, total


def _other_names(painting_id: str) -> set[str]:
    """Return what a row may call a picture of that id: its path, name, or name without suffix."""
    path = PurePosixPath(painting_id.replace("\\", "/"))
    return {painting_id, str(path), path.name, path.stem} - {""}
