"""The faces of a gallery by painting, and what they are held to: what the parts of a task share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.kinds import Box, prominence
from artsim.catalog.payload import Payload
from artsim.evaluation.runner import SearchChoices
from artsim.store.gallery import without_frames
from artsim.store.protocol import Collection, Record

PERSON: Final = "extra.person"
"""Field that says who a picture shows, unless another is named."""

PERSON_BOXES: Final = "extra.person_boxes"
"""Field with the boxes drawn by hand, unless another is named."""


@dataclass(frozen=True, slots=True)
class FacesOptions(SearchChoices):
    """What faces are held to, and how; see also `SearchChoices`.

    `by` is the field that says who a picture shows, by default `PERSON` where any face has it, and
    `boxes` that of hand-drawn boxes, by default `PERSON_BOXES` where any painting has it; what only
    manifests brought is found with and without ``extra.``. `pairs` is a list as
    `artsim.evaluation.verification.read_pairs` takes it. A face's center lies in the `upper` part
    of a person's box, which is at least `least_person` pixels high in the original picture; with
    `iou` the boxes are of faces, which are found by that overlap. People are searched for by
    `limit_queries` faces, and at most `most_pairs` pairs of faces are compared: samples.
    """

    by: str | None = None
    boxes: str | None = None
    pairs: Path | None = None
    upper: float = 0.6
    iou: float | None = None
    least_person: int = 100
    limit_queries: int | None = None
    most_pairs: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        SearchChoices.__post_init__(self)
        self.check_shares("upper", "iou")
        self.check_least(limit_queries=1, most_pairs=100, least_person=0)

    @property
    def one_person(self) -> str:
        """What counts as the same person, in a sentence."""
        return f"Pictures are of the same person if they share {self.by or PERSON}."


@dataclass(frozen=True, slots=True)
class PictureFaces:
    """The faces of a gallery by painting id, in order of their index; and the main one of each."""

    of_painting: Mapping[str, tuple[Record, ...]]
    main: Mapping[str, Record]

    def __len__(self) -> int:
        """Return the number of faces."""
        return sum(map(len, self.of_painting.values()))


def read_faces(faces: Collection) -> PictureFaces:
    """Read the payloads of all faces, and find each painting's main one."""
    found: dict[str, list[Record]] = {}
    for record in faces.scroll(without_frames(faces), page_size=1000):
        found.setdefault(str(record.payload["painting_id"]), []).append(record)
    by_painting = {
        painting_id: tuple(sorted(found[painting_id], key=lambda r: int(r.payload["face_index"])))
        for painting_id in sorted(found)
    }
    return PictureFaces(by_painting, {name: main_face(of) for name, of in by_painting.items()})


def main_face(faces: tuple[Record, ...]) -> Record:
    """Return the face that a picture is of, the first of equal ones; see `prominence`."""

    def prominent(payload: Payload) -> float:
        known = "image_width" in payload and "image_height" in payload
        size = (float(payload["image_width"]), float(payload["image_height"])) if known else None
        return prominence(Box(*map(float, payload["box"])), size)

    return faces[int(np.argmax([prominent(face.payload) for face in faces]))]
