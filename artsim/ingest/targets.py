"""Collections that an ingest writes to, and what they have of a source's paintings."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from artsim.catalog.kinds import KINDS, Cutter, Kind
from artsim.catalog.payload import AnyOf, Condition, Criteria, HasVector, Payload
from artsim.ingest.records import INGESTED_FROM, UNNOTED, Source, SourcePainting
from artsim.store.protocol import Collection, Record

if TYPE_CHECKING:
    from artsim.encoders.base import Encoder

POINTS_NOTE: Final = "point_detector"
"""Field in which a painting notes how its local points were made."""

RENAMED_FROM = "renamed_from"
"""Field that a painting has while it takes the place of the one of that id: a run that dies
in between has left both, and the next one knows."""

_AT_ONCE: Final = 500
"""Paintings that are deleted at a time."""

_FIELDS: Final = ("painting_id", "image_uri", "image_sha256", INGESTED_FROM)


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of points that an ingest makes, or at least keeps up with their paintings.

    Parts that nobody looks for have no encoders and no cutter, whole pictures no cutter;
    there is no collection where the gallery has none of the kind and gets none.
    """

    kind: Kind
    collection: Collection | None = None
    encoders: Sequence[Encoder] = ()
    cutter: Cutter | None = None

    @property
    def vector_names(self) -> set[str]:
        """Names of the vectors that the encoders make."""
        return {encoder.info.vector_name for encoder in self.encoders}

    def was_cut(self, painting: Payload) -> bool:
        """Return whether this cutter looked for a painting's parts."""
        identity = None if self.cutter is None else self.cutter.identity
        return identity is not None and painting.get(self.kind.cutter_field) == identity

    def lacks_vectors(self, painting: Payload) -> bool:
        """Return whether an encoder has not seen a painting's parts."""
        return not self.vector_names <= set(painting.get(self.kind.encoders_field, ()))


@dataclass(frozen=True, slots=True)
class Known:
    """What the gallery has of one painting.

    `parts` are by kind, with their vectors, in order; only where an encoder is to be added.
    """

    payload: Payload
    vector_names: set[str] = field(default_factory=set)
    parts: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def painting_id(self) -> str:
        """Id that the gallery has it under."""
        return str(self.payload["painting_id"])

    @property
    def metadata(self) -> Payload:
        """The payload without the notes on parts and points."""
        notes = {name for kind in KINDS.values() if kind.cutter for name in kind.state_fields}
        notes.add(POINTS_NOTE)
        return {name: value for name, value in self.payload.items() if name not in notes}

    def state(self, kind: Kind) -> Payload:
        """Return the notes on parts of a kind."""
        return {name: v for name, v in self.payload.items() if name in kind.state_fields}


def look_up(painting_ids: Sequence[str], targets: Sequence[Target]) -> dict[str, Known]:
    """Return what the gallery has of each painting that it has."""
    whole, *parts = targets
    paintings = whole.collection
    if paintings is None:
        return {}
    records = paintings.retrieve([whole.kind.point_id(i) for i in painting_ids])
    known = [Known(record.payload) for record in records.values()]
    found = {one.painting_id: one for one in known}
    for name in whole.vector_names if found else ():
        criteria = points_of(found, HasVector(name))
        for record in paintings.scroll(criteria, payload_fields=["painting_id"]):
            found[str(record.payload["painting_id"])].vector_names.add(name)
    for target in parts:
        lacking = [
            one.painting_id
            for one in known
            if target.was_cut(one.payload) and target.lacks_vectors(one.payload)
        ]
        if target.collection is not None and lacking:
            names, index = list(target.collection.schema.vectors), target.kind.index_field
            cut = target.collection.scroll(points_of(lacking), with_vectors=names)
            for record in sorted(cut, key=lambda record: int(record.payload[index])):
                of_painting = found[str(record.payload["painting_id"])].parts
                of_painting.setdefault(target.kind.name, []).append(record)
    return found


def points_of(painting_ids: Iterable[str], *others: Condition) -> Criteria:
    """Return what the points of these paintings meet, and no other points."""
    return Criteria((AnyOf("painting_id", tuple(painting_ids)), *others))


def delete_by_id(
    painting_ids: Sequence[str], paintings: Collection, parts: Sequence[Collection]
) -> None:
    """Delete paintings, each after its parts."""
    for start in range(0, len(painting_ids), _AT_ONCE):
        some = points_of(painting_ids[start : start + _AT_ONCE])
        for collection in (*parts, paintings):
            collection.delete(some)


# --- under other ids -----------------------------------------------------------------


class Renames:
    """Finds what the gallery has of a source's paintings, under whichever id.

    `resolve` may be called from several threads.
    """

    def __init__(self, source: Source, targets: Sequence[Target]) -> None:
        self.source = source
        self.targets = targets
        self._lock = threading.Lock()
        self._lost: dict[str, list[str]] | None = None
        self._taken: set[str] = set()

    def look_up(self, paintings: Sequence[SourcePainting]) -> dict[str, Known]:
        """Return what the gallery has of each painting, or else of its picture's path."""
        found = look_up([p.painting_id for p in paintings], self.targets)
        others = [painting for painting in paintings if painting.painting_id not in found]
        by_path = {self.source.path_id(painting): painting.painting_id for painting in others}
        path_ids = [path_id for path_id in by_path if path_id is not None]
        elsewhere = look_up(path_ids, self.targets) if path_ids else {}
        return found | {by_path[path_id]: known for path_id, known in elsewhere.items()}

    def resolve(self, painting: SourcePainting, known: Known | None, sha256: str) -> Known | None:
        """Return what the gallery has of a picture, once its bytes are known.

        Of another id only what is to be renamed; the caller has it for itself then.
        """
        if known is not None and known.painting_id == painting.painting_id:
            return known
        is_same = known is not None and self._is_same_file(known.payload, painting, sha256)
        with self._lock:
            if known is not None and is_same and known.painting_id not in self._taken:
                self._taken.add(known.painting_id)
                return known
            if self._lost is None:
                self._lost = self._find_lost()
            free = (i for i in self._lost.get(sha256, ()) if i not in self._taken)
            if (old_id := next(free, None)) is None:
                return None
            self._taken.add(old_id)
        return look_up([old_id], self.targets).get(old_id)

    def replaced_by(self, painting: SourcePainting, known: Known) -> str | None:
        """Return the id of the painting whose place another one takes, or began to take."""
        if known.painting_id != painting.painting_id:
            return known.painting_id
        old_id = known.payload.get(RENAMED_FROM)
        sha256 = known.payload.get("image_sha256")
        if old_id is None or sha256 is None or self.source.root is None:
            return None
        uri = (self.source.root / old_id).as_uri()
        old = {"painting_id": old_id, "image_uri": uri, "image_sha256": sha256}
        is_old = self.source.has_lost(old) or self._is_same_file(old, painting, sha256)
        return old_id if is_old else None

    def _is_same_file(self, old: Payload, painting: SourcePainting, sha256: str) -> bool:
        return (
            self.source.gave(old)
            and old.get("image_uri") == painting.payload.get("image_uri")
            and old.get("image_sha256") == sha256
        )

    def _find_lost(self) -> dict[str, list[str]]:
        """Return the paintings whose files are gone, by their bytes: one pass over the source's."""
        lost: dict[str, list[str]] = defaultdict(list)
        paintings = self.targets[0].collection
        if paintings is None or self.source.root is None:
            return lost
        for criteria in (self.source.own, UNNOTED):
            for record in paintings.scroll(criteria, payload_fields=_FIELDS):
                if self.source.has_lost(record.payload):
                    sha256 = str(record.payload.get("image_sha256"))
                    lost[sha256].append(str(record.payload["painting_id"]))
        return lost
