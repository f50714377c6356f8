"""What an ingest makes, kind by kind: by which models, into which collection; what is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from artsim.catalog.criteria import AnyOf, Criteria, HasVector
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.kinds import KINDS, Cutter, Kind
from artsim.catalog.payload import Payload
from artsim.encoders.base import Encoder
from artsim.encoders.registry import find_maker
from artsim.errors import EncoderMismatchError
from artsim.store.protocol import Collection, Record

RENAMED_FROM = "renamed_from"
"""Field that a painting has while it takes the place of the one of that id: a run that dies
in between has left both, and the next one knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of points that an ingest makes, or at least keeps up with their paintings.

    Attributes
    ----------
    collection : Collection or None
        None where the gallery has none of the kind, and gets none.
    encoders : sequence of Encoder
        Of whole pictures at least one; of parts none where nobody looks for them.
    cutter : Cutter or None
        None for whole pictures, and for parts that nobody looks for.
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

    Attributes
    ----------
    parts : mapping of str to list of Record
        By kind, with their vectors, in order; only where an encoder is to be added.
    """

    payload: Payload
    vector_names: frozenset[str]
    parts: Mapping[str, list[Record]] = field(default_factory=dict)

    @property
    def painting_id(self) -> str:
        """Id that the gallery has it under."""
        return str(self.payload["painting_id"])

    @property
    def metadata(self) -> Payload:
        """The payload without the notes on parts."""
        notes = {name for kind in KINDS.values() if kind.cutter for name in kind.state_fields}
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
    payloads = {str(r.payload["painting_id"]): r.payload for r in records.values()}
    vector_names: dict[str, set[str]] = defaultdict(set)
    for name in whole.vector_names if payloads else ():
        criteria = Criteria((_among(payloads), HasVector(name)))
        for record in paintings.scroll(criteria, payload_fields=["painting_id"]):
            vector_names[str(record.payload["painting_id"])].add(name)
    found: dict[str, dict[str, list[Record]]] = defaultdict(dict)
    for target in parts:
        extended = [i for i, p in payloads.items() if target.was_cut(p) and target.lacks_vectors(p)]
        for painting_id, of_painting in _parts_of(extended, target).items():
            found[painting_id][target.kind.name] = of_painting
    return {i: Known(p, frozenset(vector_names[i]), found[i]) for i, p in payloads.items()}


def _among(painting_ids: Iterable[str]) -> AnyOf:
    return AnyOf("painting_id", tuple(painting_ids))


def _parts_of(painting_ids: Sequence[str], target: Target) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    if target.collection is not None and painting_ids:
        names = list(target.collection.schema.vectors)
        criteria = Criteria((_among(painting_ids),))
        for record in target.collection.scroll(criteria, with_vectors=names):
            found[str(record.payload["painting_id"])].append(record)
    for records in found.values():
        records.sort(key=lambda record: int(record.payload[target.kind.index_field]))
    return found


def check_encoders(
    encoders: Iterable[EncoderInfo], recorded: Mapping[str, EncoderInfo], collection: str
) -> None:
    """Refuse an encoder that has the name of a recorded one but makes other vectors.

    Raises
    ------
    EncoderMismatchError
        Naming both.
    """
    by_name = {info.name: info for info in recorded.values()}
    for info in encoders:
        old = by_name.get(info.name)
        if old is not None and info.vector_name not in recorded:
            maker = find_maker(old.vector_name)
            way_out, option = (
                ("an encoder that the gallery holds", "artsim info")
                if maker is None
                else (f"the encoder that makes the old ones, {maker!r}", f"--encoder {maker}")
            )
            raise EncoderMismatchError(
                f"{collection} holds vectors {old.vector_name!r} of the encoder {info.name!r}, "
                f"which now makes {info.vector_name!r}: their vectors cannot be compared; "
                f"ingest into a new gallery, or name {way_out}",
                hint=f"--gallery NAME; {option}",
            )
