"""How many of the people in a gallery's paintings got a face, and how many faces nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError
from artsim.evaluation.faces.detection import (
    match_faces,
    parse_boxes,
    place_in_people,
    place_on_faces,
)
from artsim.evaluation.faces.detection_rows import (
    COVERED,
    FACES,
    OUTSIDE,
    PEOPLE,
    PRECISION,
    SHARED,
    JudgedPainting,
    at_least,
    count_people,
    face_cells,
    height_rows,
    people_cells,
    score_rows,
    size_rows,
    style_rows,
)
from artsim.evaluation.faces.parts import (
    PERSON_BOXES,
    FacesOptions,
    Findings,
    PictureFaces,
    label_of,
)
from artsim.evaluation.report import (
    Column,
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
            f"with {field!r}; ingest them again with faces",
            hint="without --no-faces",
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
    columns = (PEOPLE, COVERED, SHARED, FACES, PRECISION, OUTSIDE)
    title = "Faces against boxes drawn by hand"
    tables = (
        Table("detection", title, "", columns, (whole,), notes),
        _part("style", f"{title}, by style", columns, style_rows(judged, least, seed)),
        _part(
            "height",
            f"{title}, by the box's height in pixels",
            (PEOPLE, COVERED, SHARED),
            height_rows(judged, seed),
        ),
        _part(
            "face_size",
            f"{title}, by the face's short side in pixels",
            (FACES, PRECISION, OUTSIDE),
            size_rows(judged, seed),
        ),
        _part(
            "score",
            f"{title}, by the detector's least score",
            columns,
            score_rows(judged, least, seed),
        ),
    )
    return Findings(
        tuple(table for table in tables if table.rows),
        _values(judged, least),
        _curves(judged, least),
        _failures(judged, least),
    )


def _part(name: str, title: str, columns: tuple[Column, ...], rows: tuple[Row, ...]) -> Table:
    """Return a table whose rows are parts of one whole, none better than another."""
    neither = tuple(replace(column, better=None) for column in columns)
    return Table(f"detection_by_{name}", title, name.replace("_", " "), neither, rows)


def _values(judged: Sequence[JudgedPainting], least: float) -> tuple[QueryValues, ...]:
    people = [
        (f"{p.payload['painting_id']}#person{i}", p.matched.has_face[i])
        for p in judged
        for i in np.flatnonzero(p.heights >= least)
    ]
    if not people:
        return ()
    has_face = np.array([has for _, has in people], dtype=np.float64)
    names = tuple(name for name, _ in people)
    return (QueryValues("detection", "all", COVERED.name, names, has_face),)


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
            f"{100 * options.upper:g} % of the person's box. It is one person's own at most; "
            "'any face' may be another's as well, where boxes overlap. People seen from behind, "
            "or bent over, have no face to find: 100 % is not the goal."
        )
    else:
        rule = (
            "The boxes are taken to be of faces: one is found by a face that overlaps it by "
            f"{options.iou:g} (intersection over union), each by one at most."
        )
    notes = [
        rule,
        f"Counted are people whose box is at least {options.least_person} pixels high; the "
        f"smaller of the {people:,} may have a face as well, which is then not outside.",
        "'Outside every box' are faces that are nobody's even where several share a person: "
        "false ones, or people whom nobody boxed.",
        f"{len(judged):,} of {paintings:,} paintings have boxes and were searched for faces; "
        f"{elsewhere} faces in the others are not judged. Detector: {', '.join(detectors)}.",
    ]
    if boxed > len(judged):
        notes.append(f"{boxed - len(judged)} paintings with boxes were not searched for faces.")
    notes.append("Intervals: bootstrap over paintings.")
    return tuple(notes)


def _curves(judged: Sequence[JudgedPainting], least: float) -> tuple[LinePlot, ...]:
    """Return who is found against how many faces are false, as detectors are compared [1]_.

    References
    ----------
    .. [1] Jain & Learned-Miller (2010). FDDB: a benchmark for face detection in
       unconstrained settings. UMass technical report UM-CS-2010-009, section 5.
    """
    scores = np.unique(np.concatenate([painting.scores for painting in judged]))
    people = count_people(judged, least)
    if len(scores) == 0 or people == 0:
        return ()
    if len(scores) > _CURVE_POINTS:
        scores = np.unique(np.quantile(scores, np.linspace(0, 1, _CURVE_POINTS), method="nearest"))
    outside, covered = [], []
    for score in scores[::-1].tolist():
        matched = at_least(judged, score)
        outside.append(100.0 * sum(int(m.is_outside.sum()) for m in matched) / len(judged))
        found = [
            int(match.has_face[p.heights >= least].sum())
            for p, match in zip(judged, matched, strict=True)
        ]
        covered.append(sum(found) / people)
    plot = LinePlot(
        "detection_coverage",
        "People with a face, by how many faces are outside every box",
        "Faces outside every box, for 100 paintings",
        "People with a face",
        (Line("by the least score", tuple(outside), tuple(covered)),),
        note="From a strict least score to that of the gallery's detector, below which it "
        "holds no faces.",
    )
    return (plot,)


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
