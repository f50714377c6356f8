"""From what was read to the points that are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artsim.catalog.arrays import Embedding, Vector
from artsim.catalog.payload import Payload, face_point_id, painting_point_id
from artsim.encoders.base import Encoder, Prepared
from artsim.ingest.equipment import Equipment
from artsim.ingest.reader import ReadFace, ReadPainting
from artsim.store.base import Point


@dataclass(frozen=True, slots=True)
class EncodedPainting:
    """One painting, ready to be written.

    Attributes
    ----------
    point : Point
        With the vectors that are new, and the whole payload.
    fresh : bool
        The point replaces whatever the gallery has of the painting.
    faces : list of Point or None
        All its faces; None leaves those in the gallery, but for their payload.
    renamed_from : str or None
        Id of the painting that goes, since this one takes its place.
    moves : bool
        Whether the vectors and faces that are not new are still that one's.
    """

    painting_id: str
    point: Point
    fresh: bool
    faces: list[Point] | None
    renamed_from: str | None = None
    moves: bool = False


def encode_paintings(
    batch: Sequence[ReadPainting], equipment: Equipment, batch_size: int
) -> list[EncodedPainting]:
    """Encode the prepared pictures and faces of a batch, each encoder in full batches."""
    vectors: list[dict[str, Vector]] = [{} for _ in batch]
    for encoder in equipment.encoders:
        name = encoder.info.vector_name
        rows = [i for i, read in enumerate(batch) if name in read.prepared]
        encoded = _encode(encoder, [batch[i].prepared[name] for i in rows], batch_size)
        for i, vector in zip(rows, encoded, strict=True):
            vectors[i][name] = vector
    face_vectors = _encode_faces(batch, equipment, batch_size)
    return [_encoded(read, vectors[i], face_vectors[i], equipment) for i, read in enumerate(batch)]


def _encode(encoder: Encoder, prepared: Sequence[Prepared], batch_size: int) -> list[Embedding]:
    rows: list[Embedding] = []
    for start in range(0, len(prepared), batch_size):
        rows.extend(encoder.encode_prepared(prepared[start : start + batch_size]))
    return rows


def _encode_faces(
    batch: Sequence[ReadPainting], equipment: Equipment, batch_size: int
) -> list[list[dict[str, Vector]]]:
    """Return the vectors of each face of each painting, by vector name."""
    vectors: list[list[dict[str, Vector]]] = [
        [{"pixels": face.pixels} for face in read.faces or ()] for read in batch
    ]
    found = [
        (face, vectors[i][j])
        for i, read in enumerate(batch)
        for j, face in enumerate(read.faces or ())
    ]
    for encoder in equipment.face_encoders:
        name = encoder.info.vector_name
        encoded = _encode(encoder, [face.prepared[name] for face, _ in found], batch_size)
        for (_, of_face), vector in zip(found, encoded, strict=True):
            of_face[name] = vector
    return vectors


def _encoded(
    read: ReadPainting,
    vectors: dict[str, Vector],
    face_vectors: Sequence[dict[str, Vector]],
    equipment: Equipment,
) -> EncodedPainting:
    if read.pixels is not None:
        vectors["pixels"] = read.pixels
    faces_known_before = _same_faces(read)
    payload = {**read.payload, **_face_state(read, equipment, faces_known_before)}
    faces: list[Point] | None = [] if read.fresh else None
    if read.faces is not None:
        faces = []
        for index, (face, new_vectors) in enumerate(zip(read.faces, face_vectors, strict=True)):
            old_vectors: Mapping[str, Vector] = {}
            if faces_known_before and read.known is not None:
                old_vectors = read.known.faces[index].vectors
            faces.append(
                Point(
                    face_point_id(read.painting_id, index),
                    {**old_vectors, **new_vectors},
                    {**payload, **_face_payload(index, face)},
                )
            )
    return EncodedPainting(
        painting_id=read.painting_id,
        point=Point(painting_point_id(read.painting_id), vectors, payload),
        fresh=read.fresh,
        faces=faces,
        renamed_from=read.renamed_from,
        moves=read.moves and not read.fresh,
    )


def _same_faces(read: ReadPainting) -> bool:
    """Return whether the faces just found are those of the gallery, box by box.

    The same detector on another machine may differ in a face; the other encoders'
    vectors would then belong to other crops.
    """
    if read.fresh or read.known is None or not read.faces:
        return False
    known = [record.payload.get("box") for record in read.known.faces]
    return known == [_face_payload(i, face)["box"] for i, face in enumerate(read.faces)]


def _face_state(read: ReadPainting, equipment: Equipment, faces_known_before: bool) -> Payload:
    """Return the notes on faces: as looked for now, as known before, or none."""
    if read.faces is not None:
        names = {encoder.info.vector_name for encoder in equipment.face_encoders}
        known = read.known.face_state if read.known is not None and not read.fresh else {}
        still_none = known.get("face_count") == 0 and not read.faces
        if faces_known_before or still_none:
            names |= set(known.get("face_encoders", ()))
        return {
            "face_count": len(read.faces),
            "face_detector": equipment.faces_identity,
            "face_encoders": sorted(names),
        }
    if read.fresh or read.known is None:
        return {}
    return read.known.face_state


def _face_payload(index: int, found: ReadFace) -> Payload:
    box = found.face.box.scaled(found.scale)
    return {
        "face_index": index,
        "box": [round(float(side), 1) for side in (box.x, box.y, box.width, box.height)],
        "landmarks": [
            [round(float(x) * found.scale, 1), round(float(y) * found.scale, 1)]
            for x, y in found.face.landmarks
        ],
        "detection_score": round(float(found.face.score), 4),
        "face_size": round(float(min(box.width, box.height))),
    }
