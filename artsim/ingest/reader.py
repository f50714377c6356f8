"""Reading: a picture from its file to everything its encoders want, in a reader thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.faces import DetectedFace
from artsim.catalog.payload import Payload
from artsim.encoders.base import FaceDetector, Prepared
from artsim.encoders.face_crops import find_faces
from artsim.errors import ArtsimError, ImageError
from artsim.images.load import ImageLimits, LoadedImage, file_sha256, load_image
from artsim.images.pixels import to_pixels
from artsim.ingest.equipment import Equipment
from artsim.ingest.known import Known
from artsim.ingest.origin import FIELD
from artsim.ingest.progress import Problem
from artsim.ingest.renames import Renames
from artsim.ingest.source_types import SourcePainting

_OF_FILE = ("image_sha256", "image_width", "image_height")
_NOTHING: Prepared = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class ReadFace:
    """One face of a picture, ready for the face encoders.

    `scale` turns the detector's pixels into those of the original.
    """

    face: DetectedFace
    scale: float
    pixels: Pixels
    prepared: Mapping[str, Prepared]


@dataclass(frozen=True, slots=True)
class ReadPainting:
    """One painting, ready for the encoders.

    Attributes
    ----------
    payload : dict
        Complete but for the notes on faces.
    fresh : bool
        Nothing in the gallery can be kept: a new painting, or a changed picture.
    prepared : mapping of str to ndarray
        By vector name, for the encoders whose vectors are missing.
    pixels : ndarray or None
        Where `fresh`.
    faces : list of ReadFace or None
        None where nobody looked for faces this time.
    renamed_from : str or None
        Id of the painting whose place it takes.
    """

    payload: Payload
    known: Known | None
    fresh: bool
    renamed_from: str | None = None
    prepared: Mapping[str, Prepared] = field(default_factory=dict)
    pixels: Pixels | None = None
    faces: list[ReadFace] | None = None

    @property
    def painting_id(self) -> str:
        """Id of the painting."""
        return str(self.payload["painting_id"])

    @property
    def moves(self) -> bool:
        """Whether what the gallery has of it is still under the other id."""
        return self.known is not None and self.known.painting_id != self.painting_id

    @property
    def has_new_vectors(self) -> bool:
        """Whether there is anything to encode or to replace."""
        return self.fresh or bool(self.prepared) or self.faces is not None

    @property
    def unchanged(self) -> bool:
        """Whether the gallery has all of it already."""
        return (
            not self.has_new_vectors
            and self.known is not None
            and self.known.metadata == self.payload
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """How paintings are read.

    Attributes
    ----------
    force : bool
        Encode again what the gallery has, and let another picture take an id over.
    dry_run : bool
        Decode what would be encoded, and compute nothing.
    """

    equipment: Equipment
    limits: ImageLimits
    renames: Renames
    force: bool = False
    dry_run: bool = False

    def read(self, source: SourcePainting, known: Known | None) -> ReadPainting | Problem:
        """Read what is missing of a painting; a failure is a value, since others go on.

        A picture whose bytes the gallery knows is decoded only if an encoder or the face
        detector has not seen it.
        """
        try:
            return self._read(source, known)
        except ArtsimError as error:
            reason, hint = str(error), error.hint
        except MemoryError:
            reason = f"{source.image_path}: not enough memory to read this picture; shrink it"
            hint = "--max-megapixels, --workers"
        return Problem(str(source.image_path), reason, source.painting_id, hint=hint)

    def _read(self, source: SourcePainting, found: Known | None) -> ReadPainting:
        sha256 = file_sha256(source.image_path, limits=self.limits)
        known = self.renames.resolve(source, found, sha256)
        old_id = None if known is None else self.renames.replaced_by(source, known)
        payload = source.payload | {FIELD: self.renames.origin.uri}
        fresh = self.force or known is None or known.payload.get("image_sha256") != sha256
        if fresh and known is not None and not self.force:
            _refuse_takeover(source, known)
        missing = [
            encoder
            for encoder in self.equipment.encoders
            if fresh or known is None or encoder.info.vector_name not in known.vector_names
        ]
        detector = self.equipment.detector
        if known is not None and not fresh and known.has_faces_of(self.equipment):
            detector = None
        if known is not None and not fresh and not missing and detector is None:
            of_file = {key: known.payload[key] for key in _OF_FILE}
            return ReadPainting(payload | of_file, known, False, old_id)
        image = load_image(source.image_path, limits=self.limits)
        payload |= zip(_OF_FILE, (image.sha256, image.width, image.height), strict=True)
        if self.dry_run:
            unseen = {e.info.vector_name: _NOTHING for e in missing}
            looked = None if detector is None else list[ReadFace]()
            return ReadPainting(payload, known, fresh, old_id, unseen, faces=looked)
        return ReadPainting(
            payload=payload,
            known=known,
            fresh=fresh,
            renamed_from=old_id,
            prepared={e.info.vector_name: e.prepare(image.pixels) for e in missing},
            pixels=to_pixels(image.pixels) if fresh else None,
            faces=None if detector is None else self._read_faces(image, detector),
        )

    def _read_faces(self, image: LoadedImage, detector: FaceDetector) -> list[ReadFace]:
        return [
            ReadFace(
                face=found.face,
                scale=image.width / image.pixels.shape[1],
                pixels=to_pixels(found.crop),
                prepared={
                    encoder.info.vector_name: encoder.prepare(found.crop)
                    for encoder in self.equipment.face_encoders
                },
            )
            for found in find_faces(image.pixels, detector)
        ]


def _refuse_takeover(source: SourcePainting, known: Known) -> None:
    """Two folders with an ``001.jpg`` each must not overwrite each other unnoticed."""
    old, new = known.payload.get("image_uri"), source.payload.get("image_uri")
    if old != new:
        raise ImageError(
            f"{source.image_path}: the gallery has another picture with the id "
            f"{source.painting_id!r}, from {old}; give unique ids, use another gallery, or "
            "replace it",
            hint="--map id=COLUMN, --gallery NAME, --force",
        )
