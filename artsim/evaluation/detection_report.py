"""How many of the people in a gallery's paintings got a face, and how many faces nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from artsim.domain.payload import Payload
from artsim.errors import EvaluationError
from artsim.evaluation.detection import match_faces, parse_boxes, place_in_people, place_on_faces
from artsim.evaluation.detection_rows import (
    COVERED,
    FACES,
    OUTSIDE,
    PEOPLE,
    PRECISION,
    JudgedPainting,
    at_least,
    face_cells,
    height_rows,
    people_cells,
    score_rows,
    size_rows,
    style_rows,
)
from artsim.evaluation.faces_parts import (
    PERSON_BOXES,
    FacesOptions,
    Findings,
    PictureFaces,
    label_of,
)
from artsim.evaluation.report import (
    Line,
    LinePlot,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Row,
    Table,
)
from artsim.store.gallery import Gallery

_MOST_PICTURES: Final = 12
_CURVE_POINTS: Final = 40


def evaluate_detection(
    gallery: Gallery, faces: PictureFaces, options: FacesOptions
) -> Findings | None:
    """Compare the gallery's faces with boxes drawn by hand.

    Returns
    -------
    Findings or None
        None where no painting has boxes, and none were asked for.

    Raises
    ------
    EvaluationError
        If the boxes that were asked for are nowhere, or nobody looked for the faces of
        the paintings that have them.
    MetadataError
        If a painting's boxes cannot be understood.
    """
    field = options.boxes or PERSON_BOXES
    records = sorted(
        (r.payload for r in gallery.paintings.scroll(page_size=1000)),
        key=lambda payload: str(payload["painting_id"]),
    )
    boxed = [payload for payload in records if label_of(payload, field) is not None]
    if not boxed:
        if options.boxes is None:
            return None
        raise EvaluationError(
            f"{gallery.paintings.name!r}: no painting has boxes in {field!r}; ingest a manifest "
            "with them, as x1:y1:x2:y2;x1:y1:x2:y2 in pixels of the original"
        )
    looked_at = [payload for payload in boxed if "face_count" in payload]
    if not looked_at:
        raise EvaluationError(
            f"{gallery.paintings.name!r}: nobody looked for faces in the {len(boxed)} paintings "
            f"with {field!r}; ingest them again without --no-faces"
        )
    judged = [_judge(payload, faces, field, options) for payload in looked_at]
    elsewhere = sum(map(len, faces.of_painting.values())) - sum(len(p.faces) for p in judged)
    return _findings(judged, options, _notes(judged, len(boxed), len(records), elsewhere, options))


def _judge(
    payload: Payload, faces: PictureFaces, field: str, options: FacesOptions
) -> JudgedPainting:
    painting_id = str(payload["painting_id"])
    drawn = parse_boxes(label_of(payload, field) or "", f"painting {painting_id!r}, {field}")
    own = tuple(record.payload for record in faces.of_painting.get(painting_id, ()))
    corners = np.array([face["box"] for face in own], dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    if options.iou is None:
        places = place_in_people(corners, drawn, upper=options.upper)
    else:
        places = place_on_faces(corners, drawn, least_iou=options.iou)
    return JudgedPainting(payload, drawn[:, 3] - drawn[:, 1], own, places, match_faces(places))


def _findings(
    judged: Sequence[JudgedPainting], options: FacesOptions, notes: tuple[str, ...]
) -> Findings:
    least, seed = options.least_person, options.seed
    whole = Row("all", people_cells(judged, least, seed=seed) | face_cells(judged, seed=seed))
    columns = (PEOPLE, COVERED, FACES, PRECISION, OUTSIDE)
    thresholds = score_rows(judged, least, seed)
    tables = (
        Table("detection", "Faces against boxes drawn by hand", "", columns, (whole,), notes),
        Table(
            "detection_by_style", "… by style", "style", columns, style_rows(judged, least, seed)
        ),
        Table(
            "detection_by_height",
            "… by the height of a person's box, in pixels",
            "height",
            (PEOPLE, COVERED),
            height_rows(judged, seed),
        ),
        Table(
            "detection_by_face_size",
            "… by the short side of a face, in pixels",
            "face",
            (FACES, PRECISION, OUTSIDE),
            size_rows(judged, seed),
        ),
        Table(
            "detection_by_score", "… by the detector's least score", "score", columns, thresholds
        ),
    )
    values = QueryValues(
        "detection",
        "all",
        COVERED.name,
        tuple(
            f"{painting.payload['painting_id']}#person{i}"
            for painting in judged
            for i in np.flatnonzero(painting.heights >= least)
        ),
        np.array(
            [has for p in judged for has in p.matched.has_face[p.heights >= least]],
            dtype=np.float64,
        ),
    )
    return Findings(tables, (values,), (_curve(judged, least),), _failures(judged, least))


def _notes(
    judged: Sequence[JudgedPainting],
    boxed: int,
    paintings: int,
    elsewhere: int,
    options: FacesOptions,
) -> tuple[str, ...]:
    detectors = sorted({str(p.payload.get("face_detector", "unknown")) for p in judged})
    people = sum(len(painting.heights) for painting in judged)
    if options.iou is None:
        rule = (
            "A face is a person's if its center lies in the upper "
            f"{100 * options.upper:g} % of the person's box; each face has one person at most, "
            "each person one face. People seen from behind, or bent over, have no face to find: "
            "100 % is not the goal."
        )
    else:
        rule = (
            "The boxes are taken to be of faces: one is found by a face that overlaps it by "
            f"{options.iou:g} (intersection over union), each by one at most."
        )
    notes = [
        rule,
        f"Counted are people whose box is at least {options.least_person} pixels high; the "
        f"smaller of the {people} may have a face as well, which is then not outside.",
        "'Outside every box' are faces that are nobody's even where several share a person: "
        "false ones, or people whom nobody boxed.",
        f"{len(judged)} of {paintings} paintings have boxes and were searched for faces; "
        f"{elsewhere} faces in the others are not judged. Detector: {', '.join(detectors)}.",
    ]
    if boxed > len(judged):
        notes.append(f"{boxed - len(judged)} paintings with boxes were not searched for faces.")
    notes.append("Intervals: bootstrap over paintings.")
    return tuple(notes)


def _curve(judged: Sequence[JudgedPainting], least: float) -> LinePlot:
    """Return the coverage against the share of faces outside, from strict to lax."""
    scores = np.unique(np.concatenate([painting.scores for painting in judged]))
    if len(scores) > _CURVE_POINTS:
        scores = np.unique(np.quantile(scores, np.linspace(0, 1, _CURVE_POINTS), method="nearest"))
    outside, covered = [], []
    people = sum(int((painting.heights >= least).sum()) for painting in judged)
    for score in scores[::-1]:
        matched = at_least(judged, score)
        faces = sum(len(match.has_person) for match in matched)
        outside.append(sum(int(match.is_outside.sum()) for match in matched) / faces)
        with_face = sum(
            int(match.has_face[p.heights >= least].sum())
            for p, match in zip(judged, matched, strict=True)
        )
        covered.append(with_face / people if people else 0.0)
    return LinePlot(
        "detection_coverage",
        "People with a face, by how many faces are outside every box",
        "Faces outside every box",
        "People with a face",
        (Line("least score, from strict to lax", tuple(outside), tuple(covered)),),
        y_range=(0.0, 1.0),
        note="The gallery holds only faces of its detector's least score or more; the line "
        "ends there.",
    )


def _failures(judged: Sequence[JudgedPainting], least: float) -> tuple[PictureGroup, ...]:
    def missed(painting: JudgedPainting) -> int:
        return int((~painting.matched.has_face[painting.heights >= least]).sum())

    worst = sorted(judged, key=lambda p: (-missed(p), str(p.payload["painting_id"])))
    people = [
        PictureRow(
            Picture(
                p.payload, (f"{missed(p)} of {int((p.heights >= least).sum())} without a face",)
            ),
            tuple(_face(p, i) for i in range(len(p.faces))),
        )
        for p in worst[:_MOST_PICTURES]
        if missed(p)
    ]
    outside = sorted(
        (-float(p.scores[i]), str(p.payload["painting_id"]), int(i), p)
        for p in judged
        for i in np.flatnonzero(p.matched.is_outside)
    )
    faces = [
        PictureRow(Picture(p.payload), (_face(p, i),)) for _, _, i, p in outside[:_MOST_PICTURES]
    ]
    groups = (
        PictureGroup(
            "Paintings with most people without a face, and the faces found", tuple(people)
        ),
        PictureGroup("Surest faces outside every box", tuple(faces)),
    )
    return tuple(group for group in groups if group.rows)


def _face(painting: JudgedPainting, i: int) -> Picture:
    face = painting.faces[i]
    return Picture(
        face,
        (f"score {face['detection_score']:.3f}, {face['face_size']} px",),
        right=bool(painting.matched.has_person[i]),
    )
