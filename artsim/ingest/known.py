"""What a gallery already has of the paintings that an ingest is about to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from artsim.catalog.criteria import AnyOf, Criteria, HasVector
from artsim.catalog.payload import Payload, painting_point_id
from artsim.ingest.equipment import Equipment
from artsim.store.base import Collection, Record

FACE_STATE = ("face_count", "face_detector", "face_encoders")
"""Fields in which the ingest itself notes how a painting's faces were looked for."""

RENAMED_FROM = "renamed_from"
"""Field that a painting has while it takes the place of the one of that id: a run that dies
in between has left both, and the next one knows."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the gallery has of one painting.

    Attributes
    ----------
    faces : tuple of Record
        Its faces with their vectors, fetched only where a face encoder is to be added.
    """

    payload: Payload
    vector_names: frozenset[str]
    faces: tuple[Record, ...] = ()

    @property
    def painting_id(self) -> str:
        """Id that the gallery has it under."""
        return str(self.payload["painting_id"])

    @property
    def metadata(self) -> Payload:
        """The payload without the notes on faces."""
        return {key: value for key, value in self.payload.items() if key not in FACE_STATE}

    @property
    def face_state(self) -> Payload:
        """The notes on faces."""
        return {key: value for key, value in self.payload.items() if key in FACE_STATE}

    def has_faces_of(self, equipment: Equipment) -> bool:
        """Return whether its faces were found by that detector and encoded by those encoders."""
        return not lacks_face_vectors(self.payload, equipment) and self._same_detector(equipment)

    def _same_detector(self, equipment: Equipment) -> bool:
        return (
            equipment.detector is None
            or self.payload.get("face_detector") == equipment.faces_identity
        )


def lacks_face_vectors(payload: Payload, equipment: Equipment) -> bool:
    """Return whether a face encoder of `equipment` has not seen the painting's faces."""
    names = {encoder.info.vector_name for encoder in equipment.face_encoders}
    return not names <= set(payload.get("face_encoders", ()))


def look_up(
    painting_ids: Sequence[str],
    paintings: Collection,
    faces: Collection | None,
    equipment: Equipment,
) -> dict[str, Known]:
    """Return what the gallery has of each painting that it has."""
    records = paintings.retrieve([painting_point_id(painting_id) for painting_id in painting_ids])
    payloads = {str(r.payload["painting_id"]): r.payload for r in records.values()}
    vector_names: dict[str, set[str]] = defaultdict(set)
    for encoder in equipment.encoders:
        name = encoder.info.vector_name
        criteria = Criteria((_among(payloads), HasVector(name)))
        for record in (
            paintings.scroll(criteria, payload_fields=["painting_id"]) if payloads else ()
        ):
            vector_names[str(record.payload["painting_id"])].add(name)
    to_extend = [i for i, p in payloads.items() if _gets_another_face_encoder(p, equipment)]
    face_records = _faces_of(to_extend, faces)
    return {
        painting_id: Known(
            payload,
            frozenset(vector_names[painting_id]),
            tuple(face_records.get(painting_id, ())),
        )
        for painting_id, payload in payloads.items()
    }


def _among(painting_ids: Iterable[str]) -> AnyOf:
    return AnyOf("painting_id", tuple(painting_ids))


def _gets_another_face_encoder(payload: Payload, equipment: Equipment) -> bool:
    return (
        equipment.detector is not None
        and payload.get("face_detector") == equipment.faces_identity
        and lacks_face_vectors(payload, equipment)
    )


def _faces_of(painting_ids: Sequence[str], faces: Collection | None) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    if faces is not None and painting_ids:
        names = list(faces.schema.vectors)
        for record in faces.scroll(Criteria((_among(painting_ids),)), with_vectors=names):
            found[str(record.payload["painting_id"])].append(record)
    return {i: sorted(r, key=lambda r: int(r.payload["face_index"])) for i, r in found.items()}
