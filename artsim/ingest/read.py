"""Reading: a picture, and its parts, to everything their encoders want, in a reader thread."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.payload import Payload
from artsim.encoders.base import Prepared
from artsim.errors import ArtsimError, ImageError
from artsim.images import local_points
from artsim.images.load import ImageLimits, LoadedImage, file_sha256, load_image
from artsim.images.pixels import to_pixels
from artsim.ingest.prune import INGESTED_FROM, Renames
from artsim.ingest.records import Problem, SourceEntry, SourcePainting
from artsim.ingest.targets import POINTS_NOTE, Known, Target

_OF_FILE = ("image_sha256", "image_width", "image_height")
_NOTHING: Prepared = np.empty(0, np.float32)
_NO_POINTS: local_points.Points = np.empty((0, 0), np.uint8)


@dataclass(frozen=True, slots=True)
class ReadPart:
    """One part of a picture, ready for its encoders; its payload is the crop's."""

    payload: Payload
    pixels: Pixels | None  # where its kind has them
    prepared: Mapping[str, Prepared]


@dataclass(frozen=True, slots=True)
class ReadPainting:
    """One painting, ready for the encoders.

    It is `fresh` where nothing in the gallery can be kept: a new painting, or a changed picture.
    """

    payload: Payload  # complete but for the notes on parts
    known: Known | None
    fresh: bool
    renamed_from: str | None = None  # id of the painting whose place it takes
    prepared: Mapping[str, Prepared] = field(default_factory=dict)  # by name of missing vectors
    pixels: Pixels | None = None  # where fresh
    points: local_points.Points | None = None  # where made now
    parts: Mapping[str, list[ReadPart]] = field(default_factory=dict)  # by kinds looked for now

    @property
    def painting_id(self) -> str:
        """Id of the painting."""
        return str(self.payload["painting_id"])

    @property
    def moves(self) -> bool:
        """Whether what can be kept of it is in the gallery under another id."""
        is_elsewhere = self.known is not None and self.known.painting_id != self.painting_id
        return is_elsewhere and not self.fresh

    @property
    def has_new_vectors(self) -> bool:
        """Whether there is anything to encode or to replace."""
        return self.fresh or bool(self.prepared) or bool(self.parts) or self.points is not None

    @property
    def unchanged(self) -> bool:
        """Whether the gallery has all of it already."""
        is_known = self.known is not None and self.known.metadata == self.payload
        return is_known and not self.has_new_vectors


@dataclass(frozen=True, slots=True)
class Reader:
    """How paintings are read: for which targets, of which the first is whole pictures.

    `force` encodes again what the gallery has, and lets another picture take an id over;
    `dry_run` decodes what would be encoded, and computes nothing; `points` are made too.
    """

    targets: Sequence[Target]
    limits: ImageLimits
    renames: Renames
    force: bool = False
    dry_run: bool = False
    points: bool = False

    def read(self, source: SourceEntry, found: Mapping[str, Known]) -> ReadPainting | Problem:
        """Read what is missing of a painting; a failure is a value, since others go on.

        A picture whose bytes the gallery knows is decoded only if an encoder or a cutter
        has not seen it.
        """
        if isinstance(source, Problem):
            return source
        try:
            return self._read(source, found.get(source.painting_id))
        except ArtsimError as error:
            reason, hint = str(error), error.hint
        except MemoryError:
            reason = f"{source.place}: not enough memory to read this picture; shrink it"
            hint = "--max-megapixels, --workers"
        return Problem(source.place, reason, source.painting_id, hint=hint)

    def _read(self, source: SourcePainting, found: Known | None) -> ReadPainting:
        picture = None if source.sha256 else source.open()
        sha256 = source.sha256 or _digest(picture, self.limits)
        known = self.renames.resolve(source, found, sha256)
        old_id = None if known is None else self.renames.replaced_by(source, known)
        payload = source.payload | {INGESTED_FROM: self.renames.origin.uri}
        fresh = self.force or known is None or known.payload.get("image_sha256") != sha256
        if fresh and known is not None and not self.force:
            _refuse_takeover(source, known)
        kept = None if fresh else known
        whole, *parts = self.targets
        there = set() if kept is None else kept.vector_names
        missing = [e for e in whole.encoders if e.info.vector_name not in there]
        cut = [target for target in parts if target.cutter is not None and _is_due(target, kept)]
        pointless = self.points and (
            kept is None or kept.payload.get(POINTS_NOTE) != local_points.POINT_DETECTOR
        )
        if kept is not None and not missing and not cut and not pointless:
            of_file = {key: kept.payload[key] for key in _OF_FILE}
            return ReadPainting(payload | of_file, known, False, old_id)
        picture = source.open() if picture is None else picture
        image = load_image(picture, name=source.place, limits=self.limits)
        payload |= zip(_OF_FILE, (image.sha256, image.width, image.height), strict=True)
        if self.dry_run:
            unseen = {encoder.info.vector_name: _NOTHING for encoder in missing}
            looked: dict[str, list[ReadPart]] = {target.kind.name: [] for target in cut}
            points = _NO_POINTS if pointless else None
            return ReadPainting(payload, known, fresh, old_id, unseen, points=points, parts=looked)
        return ReadPainting(
            payload=payload,
            known=known,
            fresh=fresh,
            renamed_from=old_id,
            prepared={e.info.vector_name: e.prepare(image.pixels) for e in missing},
            pixels=to_pixels(image.pixels) if fresh else None,
            points=local_points.local_points(image.pixels) if pointless else None,
            parts={target.kind.name: _read_parts(image, target) for target in cut},
        )


def _digest(picture: Path | bytes | None, limits: ImageLimits) -> str:
    if isinstance(picture, Path):
        return file_sha256(picture, limits=limits)
    return hashlib.sha256(picture or b"").hexdigest()


def _is_due(target: Target, kept: Known | None) -> bool:
    return kept is None or not target.was_cut(kept.payload) or target.lacks_vectors(kept.payload)


def _read_parts(image: LoadedImage, target: Target) -> list[ReadPart]:
    crops = target.cutter(image.pixels, image.width) if target.cutter else []
    return [
        ReadPart(
            payload={target.kind.index_field: index, **crop.payload},
            pixels=to_pixels(crop.pixels) if target.kind.has_pixels else None,
            prepared={e.info.vector_name: e.prepare_crop(crop) for e in target.encoders},
        )
        for index, crop in enumerate(crops)
    ]


def _refuse_takeover(source: SourcePainting, known: Known) -> None:
    """Two folders with an ``001.jpg`` each must not overwrite each other unnoticed."""
    old, new = known.payload.get("image_uri"), source.payload.get("image_uri")
    if old != new:
        raise ImageError(
            f"{source.place}: the gallery has another picture with the id "
            f"{source.painting_id!r}, from {old}; give unique ids, use another gallery, or "
            "replace it",
            hint="--map id=COLUMN, --gallery NAME, --force",
        )
