"""The task ``faces``: how many of the people in paintings got a face, and how many faces nobody."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from artsim.catalog.kinds import PAINTINGS, SURE_SCORE, SURE_SIZE
from artsim.catalog.payload import Payload, first_text
from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.metrics import Booleans, Floats, Integers
from artsim.evaluation.report import (
    Cell,
    Column,
    Line,
    LinePlot,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Row,
    Table,
    notes_of,
)
from artsim.evaluation.runner import Run
from artsim.evaluation.statistics import estimate_share
from artsim.search.filters import find_field
from artsim.store.gallery import without_frames

if TYPE_CHECKING:
    from artsim.evaluation.tasks.faces import FacesOptions, PictureFaces

PERSON_BOXES: Final = "extra.person_boxes"
"""Field with the boxes drawn by hand, unless another is named."""

_NUMBER: Final = r"\s*(-?\d+\.?\d*|-?\.\d+)\s*"
_BOX: Final = re.compile(":".join([_NUMBER] * 4))

_PEOPLE: Final = (
    Column("people", "People", "count", None),
    Column("covered", "With a face of their own"),
    Column("covered_or_shared", "With any face"),
)
_FACES: Final = (
    Column("faces", "Faces", "count", None),
    Column("precision", "Faces with a person"),
    Column("outside", "Faces outside every box", better="lower"),
)
_TITLE: Final = "Faces against boxes drawn by hand"

_SCORES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_HEIGHTS: Final = (0, 50, 100, 150, 200, 300)
_FACE_SIZES: Final = (0, 20, 30, 40, 60, 100)
_MOST_STYLES: Final = 25
_MOST_PICTURES: Final = 12
_CURVE_POINTS: Final = 40


def parse_boxes(text: str, place: str) -> Floats:
    """Return the boxes that ``x1:y1:x2:y2;…`` says, (x1, y1) the top left corner.

    They are left, top, right and bottom in pixels of the original picture, of shape (N, 4).
    MetadataError, which names `place`, if it says anything else, or a box is empty.
    """
    boxes = []
    for part in text.split(";"):
        match = _BOX.fullmatch(part)
        left, top, right, bottom = map(float, match.groups()) if match else (0.0,) * 4
        if left >= right or top >= bottom:
            raise MetadataError(
                f"{place}: expected boxes as x1:y1:x2:y2;x1:y1:x2:y2, left before right and "
                f"top before bottom, found {part.strip()!r}"
            )
        boxes.append((left, top, right, bottom))
    return np.array(boxes, dtype=np.float64)


def place_in_people(faces: Floats, people: Floats, *, upper: float) -> Floats:
    """Return how well each of F faces sits in each of P people's boxes, shape (F, P).

    0 where the face cannot be the person's, because its center does not lie in the `upper` part
    (0..1) of the box's height; else in 0..1: nearer to the middle of the box's upper edge is
    higher. Boxes are as `parse_boxes` returns them.
    """
    x, y = (faces[:, :2] + faces[:, 2:]).T[..., None] / 2
    left, top, right, bottom = people.T
    height = bottom - top
    inside = (left <= x) & (x <= right) & (top <= y) & (y <= top + upper * height)
    away = np.hypot(x - (left + right) / 2, y - top) / np.hypot(right - left, height)
    # No point of a box is farther from the middle of its upper edge than its diagonal.
    return np.where(inside, 1.0 - 0.999 * np.minimum(away, 1.0), 0.0)


def place_on_faces(faces: Floats, drawn: Floats, *, least_iou: float) -> Floats:
    """Return how well each face overlaps each box that was drawn around a face.

    That is intersection over union, in 0..1, shape (F, P); 0 where it is below `least_iou`.
    """
    low = np.maximum(faces[:, None, :2], drawn[None, :, :2])
    high = np.minimum(faces[:, None, 2:], drawn[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (faces, drawn)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.where(iou >= least_iou, iou, 0.0)


def match_one_to_one(places: Floats) -> Integers:
    """Give each face at most one person and each person at most one face.

    As many as possible get one another; among the ways to do so, the one with the best
    `places` in sum is taken, of shape (F, P), where 0 forbids. Returns the index of each face's
    person, shape (F,); -1 where it has none.
    """
    from scipy.optimize import linear_sum_assignment

    matched = np.full(places.shape[0], -1, dtype=np.intp)
    if places.size == 0:
        return matched
    # One more pair outweighs any gain in places.
    worth = np.where(places > 0, places + min(places.shape) + 1, 0.0)
    faces, people = linear_sum_assignment(worth, maximize=True)
    allowed = places[faces, people] > 0
    matched[faces[allowed]] = people[allowed]
    return matched


class MatchedFaces(NamedTuple):
    """The F faces of one painting against its P boxes, as arrays of bool.

    Whether each person got a face, whether there is one that could be the person's if several
    may share one; whether each face got a person, and whether it can be nobody's.
    """

    has_face: Booleans
    has_any: Booleans
    has_person: Booleans
    is_outside: Booleans


def match_faces(places: Floats) -> MatchedFaces:
    """Match the faces and people of one painting; `places` as for `match_one_to_one`."""
    person = match_one_to_one(places)
    has_face = np.isin(np.arange(places.shape[1]), person)
    can_be = places > 0
    has_any, outside = np.asarray(can_be.any(axis=0)), np.asarray(~can_be.any(axis=1))
    return MatchedFaces(has_face, has_any, person >= 0, outside)


@dataclass(frozen=True, slots=True)
class JudgedPainting:
    """A painting with P boxes of some heights in pixels, its F faces, and who got whom.

    `places` of shape (F, P) says how well each face sits in each box. `scores` are the detector's,
    `sizes` the faces' short sides in pixels, shape (F,).
    """

    payload: Payload
    heights: Floats
    faces: tuple[Payload, ...]
    places: Floats
    scores: Floats
    sizes: Floats
    matched: MatchedFaces

    def found(self, least: float) -> int:
        """Return how many people whose box is at least so high have a face."""
        return int(self.matched.has_face[self.heights >= least].sum())

    def at_least(self, score: float, size: float = 0) -> JudgedPainting:
        """Return who gets whom if only faces of that score and size are found."""
        kept = np.flatnonzero((self.scores >= score) & (self.sizes >= size))
        if len(kept) == len(self.faces):
            return self
        faces = tuple(self.faces[i] for i in kept)
        return _match(self.payload, self.heights, faces, self.places[kept])


def _match(
    payload: Payload, heights: Floats, faces: tuple[Payload, ...], places: Floats
) -> JudgedPainting:
    scores, sizes = (
        np.array([face[name] for face in faces], dtype=np.float64)
        for name in ("detection_score", "face_size")
    )
    return JudgedPainting(payload, heights, faces, places, scores, sizes, match_faces(places))


Judged = Sequence[JudgedPainting]


def evaluate_detection(run: Run[FacesOptions], faces: PictureFaces) -> Parts:
    """Compare the gallery's faces with boxes drawn by hand, if any painting has them.

    EvaluationError if the boxes that were asked for are nowhere, or nobody looked for the faces
    of the paintings that have them; MetadataError if boxes cannot be understood.
    """
    options, paintings = run.options, run.gallery[PAINTINGS]
    field = find_field(options.boxes, paintings) if options.boxes else PERSON_BOXES
    found = paintings.scroll(without_frames(paintings), page_size=1000)
    records = sorted((one.payload for one in found), key=lambda of: str(of["painting_id"]))
    boxed = [payload for payload in records if first_text(payload, field) is not None]
    if not boxed:
        if options.boxes is None:
            return Parts()
        raise EvaluationError(
            f"{paintings.name!r}: no painting has boxes in {field!r}; ingest a manifest "
            "with them, as x1:y1:x2:y2;x1:y1:x2:y2 in pixels of the original"
        )
    looked_at = [payload for payload in boxed if run.kind.count_field in payload]
    if not looked_at:
        raise EvaluationError(
            f"{paintings.name!r}: nobody looked for faces in the {len(boxed)} paintings "
            f"with {field!r}; ingest them again with faces",
            hint="without --no-faces",
        )
    judged = [_judge(payload, faces, field, options) for payload in looked_at]
    detectors = sorted({str(p.get("face_detector", "unknown")) for p in looked_at})
    counted = {"records": records, "boxed": boxed, "judged": judged, "faces": faces}
    notes = notes_of("detection", options=options, detectors=detectors, **counted)
    return _parts(judged, options, notes)


def _judge(
    payload: Payload, faces: PictureFaces, field: str, options: FacesOptions
) -> JudgedPainting:
    painting_id = str(payload["painting_id"])
    drawn = parse_boxes(first_text(payload, field) or "", f"painting {painting_id!r}, {field}")
    own = tuple(record.payload for record in faces.of_painting.get(painting_id, ()))
    corners = np.array([face["box"] for face in own], dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    if options.iou is None:
        places = place_in_people(corners, drawn, upper=options.upper)
    else:
        places = place_on_faces(corners, drawn, least_iou=options.iou)
    return _match(payload, drawn[:, 3] - drawn[:, 1], own, places)


def _parts(judged: Judged, options: FacesOptions, notes: tuple[str, ...]) -> Parts:
    least = options.least_person
    whole = (_whole("all", judged, options),)
    people = {
        f"{p.payload['painting_id']}#person{i}": float(p.matched.has_face[i])
        for p in judged
        for i in np.flatnonzero(p.heights >= least)
    }
    found = np.array([*people.values()], np.float64)
    values = QueryValues("detection", "all", _PEOPLE[1].name, tuple(people), found)
    table = Table("detection", _TITLE, "", (*_PEOPLE, *_FACES), whole, notes)
    return Parts(
        (table, *_part_tables(judged, options)),
        (values,) if people else (),
        _curves(judged, least),
        _failures(judged, least),
    )


def _part_tables(judged: Judged, options: FacesOptions) -> Iterator[Table]:
    """Yield tables whose rows are parts of one whole, none better than another."""
    styles = defaultdict[str, list[JudgedPainting]](list)
    for painting in judged:
        styles[first_text(painting.payload, "style") or "unknown"].append(painting)
    by_style = sorted(styles, key=lambda name: (-_count(styles[name], options.least_person), name))
    scores = np.concatenate([painting.scores for painting in judged])
    by_score = [
        _whole(f"{score:g}", [painting.at_least(score) for painting in judged], options)
        for score in _SCORES
        if len(scores) and scores.min() <= score <= scores.max()
    ]
    every, seed = (*_PEOPLE, *_FACES), options.seed
    heights = [Row(name, people_cells(judged, ends, seed)) for name, ends in _bands(_HEIGHTS)]
    sizes = [Row(name, face_cells(judged, ends, seed)) for name, ends in _bands(_FACE_SIZES)]
    of_styles = [_whole(style, styles[style], options) for style in by_style[:_MOST_STYLES]]
    sure = [painting.at_least(SURE_SCORE, SURE_SIZE) for painting in judged]
    by_use = [_whole(f"{SURE_SIZE} pixels, {SURE_SCORE:g} or more", sure, options)]
    for name, told, columns, rows in (
        ("style", "style", every, of_styles),
        ("height", "the box's height in pixels", _PEOPLE, heights),
        ("face_size", "the face's short side in pixels", _FACES, sizes),
        ("score", "the detector's least score", every, by_score),
        ("use", "what searches show by default", every, by_use),
    ):
        banded = columns is not every
        kept = tuple(row for row in rows if not banded or row.values[columns[0].name])
        if kept:
            neither = tuple(replace(column, better=None) for column in columns)
            heading = name.replace("_", " ")
            yield Table(f"detection_by_{name}", f"{_TITLE}, by {told}", heading, neither, kept)


def _bands(edges: Sequence[int]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the name of each range, its least and what is beyond it."""
    for least, most in zip(edges, [*edges[1:], np.inf], strict=True):
        name = f"{least} or more" if np.isinf(most) else f"{least}-{most - 1:g}"
        yield name, (least, most)


def _whole(name: str, judged: Judged, options: FacesOptions) -> Row:
    people = people_cells(judged, (options.least_person, np.inf), options.seed)
    return Row(name, people | face_cells(judged, (0, np.inf), options.seed))


def people_cells(judged: Judged, ends: tuple[float, float], seed: int) -> dict[str, Cell]:
    """Return the cells on people whose box is so high, the second end excluded."""
    kept = [(p.matched, (p.heights >= ends[0]) & (p.heights < ends[1])) for p in judged]
    return _cells(_PEOPLE, [(m.has_face[k], m.has_any[k]) for m, k in kept], seed)


def face_cells(judged: Judged, ends: tuple[float, float], seed: int) -> dict[str, Cell]:
    """Return the cells on faces whose short side is so long, the second end excluded."""
    kept = [(p.matched, (p.sizes >= ends[0]) & (p.sizes < ends[1])) for p in judged]
    return _cells(_FACES, [(m.has_person[k], m.is_outside[k]) for m, k in kept], seed)


def _cells(
    columns: Sequence[Column], marks: Sequence[tuple[Booleans, Booleans]], seed: int
) -> dict[str, Cell]:
    """Return how many there are, and the shares of both marks, which are by painting."""
    counts = [len(first) for first, _ in marks]
    cells: dict[str, Cell] = {columns[0].name: sum(counts)}
    for column, each in zip(columns[1:], zip(*marks, strict=True), strict=True):
        cells[column.name] = estimate_share([mark.sum() for mark in each], counts, seed=seed)
    return cells


def _count(judged: Judged, least: float) -> int:
    return sum(int((painting.heights >= least).sum()) for painting in judged)


def _curves(judged: Judged, least: float) -> tuple[LinePlot, ...]:
    """Return who is found against how many faces are false, as FDDB compares detectors."""
    scores = np.unique(np.concatenate([painting.scores for painting in judged]))
    people = _count(judged, least)
    if len(scores) == 0 or people == 0:
        return ()
    if len(scores) > _CURVE_POINTS:
        scores = np.unique(np.quantile(scores, np.linspace(0, 1, _CURVE_POINTS), method="nearest"))
    outside, covered = [], []
    for score in scores[::-1].tolist():
        found = [painting.at_least(score) for painting in judged]
        outside.append(100.0 * sum(int(p.matched.is_outside.sum()) for p in found) / len(judged))
        covered.append(sum(p.found(least) for p in found) / people)
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


def _failures(judged: Judged, least: float) -> tuple[PictureGroup, ...]:
    def face(painting: JudgedPainting, i: int) -> Picture:
        payload = painting.faces[i]
        told = f"score {payload['detection_score']:.3f}, {payload['face_size']} px"
        return Picture(payload, (told,), right=bool(painting.matched.has_person[i]))

    def missed(painting: JudgedPainting) -> int:
        return _count([painting], least) - painting.found(least)

    people = []
    # They are in order of their ids, and so are those of which as many are missed.
    for p in sorted(filter(missed, judged), key=missed, reverse=True)[:_MOST_PICTURES]:
        told = f"{missed(p)} of {_count([p], least)} without a face"
        hits = tuple(face(p, i) for i in range(len(p.faces)))
        people.append(PictureRow(Picture(p.payload, (told,)), hits))
    outside = sorted(
        (-float(p.scores[i]), str(p.payload["painting_id"]), int(i), p)
        for p in judged
        for i in np.flatnonzero(p.matched.is_outside)
    )[:_MOST_PICTURES]
    faces = tuple(PictureRow(Picture(p.payload), (face(p, i),)) for _, _, i, p in outside)
    title = "Paintings with most people without a face, and the faces found"
    return (
        PictureGroup(title, tuple(people)),
        PictureGroup("Surest faces outside every box", faces),
    )
