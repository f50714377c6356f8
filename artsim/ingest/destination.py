"""Where an ingest goes: the collections of a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artsim.ingest.equipment import Equipment
from artsim.ingest.known import Known, look_up
from artsim.ingest.points import EncodedPainting
from artsim.ingest.writer import write_paintings
from artsim.store.base import Collection, ServerOptions
from artsim.store.gallery import Gallery


@dataclass(frozen=True, slots=True)
class Destination:
    """The collections of paintings and of faces, each None where there is none."""

    equipment: Equipment
    paintings: Collection | None
    faces: Collection | None

    def look_up(self, painting_ids: Sequence[str]) -> Mapping[str, Known]:
        """Return what is there already of each painting."""
        if self.paintings is None:
            return {}
        return look_up(painting_ids, self.paintings, self.faces, self.equipment)

    def write(self, batch: Sequence[EncodedPainting]) -> None:
        """Write a batch of whole paintings."""
        if self.paintings is not None:
            write_paintings(batch, self.paintings, self.faces)

    def flush(self) -> None:
        """Make what was written safe against a crash of the machine, faces first."""
        for collection in (self.faces, self.paintings):
            if collection is not None:
                collection.flush()

    def optimize(self) -> None:
        """Build the indexes that are due."""
        for collection in (self.paintings, self.faces):
            if collection is not None:
                collection.optimize()


def make_destination(gallery: Gallery, equipment: Equipment, options: ServerOptions) -> Destination:
    """Create the collections where they are not there, with vectors for the encoders.

    Raises
    ------
    SchemaMismatchError
        If they are there with other vectors.
    """
    paintings = gallery.create_paintings([e.info for e in equipment.encoders], options=options)
    if equipment.detector is None:
        return Destination(equipment, paintings, gallery.faces_if_any)
    infos = [encoder.info for encoder in equipment.face_encoders]
    return Destination(equipment, paintings, gallery.create_faces(infos, options=options))


def existing_destination(gallery: Gallery, equipment: Equipment) -> Destination:
    """Return the collections that are there, for a dry run."""
    return Destination(
        equipment,
        gallery.paintings if gallery.has_paintings else None,
        gallery.faces_if_any,
    )
