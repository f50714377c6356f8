"""What the parts of the evaluation of faces share: settings, faces by painting, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.faces import Box, prominence
from artsim.catalog.payload import Payload, first_text, stored_field
from artsim.evaluation.faces.detection import UPPER
from artsim.evaluation.report import PictureGroup, Plot, QueryValues, Table
from artsim.search.question import check_weights
from artsim.store.base import Collection, Record

PERSON: Final = "extra.person"
"""Field that says who a picture shows, unless another is named."""

PERSON_BOXES: Final = "extra.person_boxes"
"""Field with the boxes drawn by hand, unless another is named."""


@dataclass(frozen=True, slots=True)
class FacesOptions:
    """Settings of the evaluation of faces.

    Attributes
    ----------
    by : str or None
        Field that says who a picture shows; None is `PERSON` where any face has it.
    boxes : str or None
        Field with hand-drawn boxes; None is `PERSON_BOXES` where any painting has it.
    pairs : Path or None
        List of pairs to verify, as `artsim.evaluation.faces.verification_pairs.read_pairs`.
    encoders : tuple of str
        Of those the gallery's faces have; empty is all.
    rerank : tuple of {"ssim", "rmse"}
        Retrieval also with the first hits reordered, each a row.
    rerank_depth : int
        How many first hits are reordered.
    rerank_weights : tuple of float
        Also reordered by the cosine plus so much of the second score, each a row.
    exact : bool
        Retrieval without the index.
    upper : float
        Part of a person's box, from the top, in which a face's center may lie.
    iou : float or None
        If given, the boxes are of faces, which are found by at least this overlap.
    least_person : int
        Height of the smallest box that counts, in pixels of the original picture.
    limit_queries : int or None
        Retrieval by a sample of so many faces.
    most_pairs : int
        Where there are more pairs of faces than this, so many are sampled.
    seed : int
        Of samples and intervals.
    """

    by: str | None = None
    boxes: str | None = None
    pairs: Path | None = None
    encoders: tuple[str, ...] = ()
    rerank: tuple[str, ...] = ()
    rerank_depth: int = 100
    rerank_weights: tuple[float, ...] = ()
    exact: bool = False
    upper: float = UPPER
    iou: float | None = None
    least_person: int = 100
    limit_queries: int | None = None
    most_pairs: int = 1_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, share in (("upper", self.upper), ("iou", self.iou)):
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} must lie in 0..1 and above 0, not {share}")
        for name, number, least in (
            ("rerank_depth", self.rerank_depth, 1),
            ("limit_queries", self.limit_queries, 1),
            ("most_pairs", self.most_pairs, 100),
            ("least_person", self.least_person, 0),
        ):
            if number is not None and number < least:
                raise ValueError(f"{name} must be at least {least}, not {number}")
        check_weights(self.rerank_weights)

    @property
    def one_person(self) -> str:
        """What counts as the same person, in a sentence."""
        return f"Pictures are of the same person if they share {self.by or PERSON}."


@dataclass(frozen=True, slots=True)
class Findings:
    """What one part of the evaluation adds to the report."""

    tables: tuple[Table, ...] = ()
    query_values: tuple[QueryValues, ...] = ()
    plots: tuple[Plot, ...] = ()
    failures: tuple[PictureGroup, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        """Return both, one after the other."""
        return Findings(
            self.tables + other.tables,
            self.query_values + other.query_values,
            self.plots + other.plots,
            self.failures + other.failures,
            self.notes + other.notes,
        )


@dataclass(frozen=True, slots=True)
class PictureFaces:
    """The faces of a gallery, by painting.

    Attributes
    ----------
    of_painting : mapping of str to tuple of Record
        Faces by painting id, by their index; paintings without faces are missing.
    main : mapping of str to Record
        The one face of each painting that its label is about; see `main_face`.
    """

    of_painting: Mapping[str, tuple[Record, ...]]
    main: Mapping[str, Record]

    def __len__(self) -> int:
        """Return the number of faces."""
        return sum(len(faces) for faces in self.of_painting.values())


def read_faces(faces: Collection) -> PictureFaces:
    """Read the payloads of all faces, and find each painting's main one."""
    found: dict[str, list[Record]] = {}
    for record in faces.scroll(page_size=1000):
        found.setdefault(str(record.payload["painting_id"]), []).append(record)
    by_painting = {
        painting_id: tuple(sorted(found[painting_id], key=_face_index))
        for painting_id in sorted(found)
    }
    return PictureFaces(by_painting, {name: main_face(of) for name, of in by_painting.items()})


def main_face(faces: tuple[Record, ...]) -> Record:
    """Return the face that a picture is of, the first of equal ones; see `prominence`."""
    return faces[int(np.argmax([_prominence(face.payload) for face in faces]))]


def label_of(payload: Payload, field: str) -> str | None:
    """Return the value of a field by which faces belong together, as hits are grouped."""
    return first_text(payload, stored_field(field))


def _face_index(record: Record) -> int:
    return int(record.payload["face_index"])


def _prominence(payload: Payload) -> float:
    known = "image_width" in payload and "image_height" in payload
    size = (float(payload["image_width"]), float(payload["image_height"])) if known else None
    return prominence(Box(*map(float, payload["box"])), size)
