"""The task ``faces``: how many of the people in paintings got a face, and how many faces nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.metrics import Floats, Integers
from artsim.evaluation.picture_faces import (
    PERSON_BOXES,
    UPPER,
    FacesOptions,
    PictureFaces,
    label_of,
)
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
)
from artsim.evaluation.runner import Run
from artsim.evaluation.statistics import estimate_share

Marks: TypeAlias = npt.NDArray[np.bool_]

_BOX: Final = re.compile(r"\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*")

_PEOPLE = Column("people", "People", "count", None)
_COVERED = Column("covered", "With a face of their own")
_SHARED = Column("covered_or_shared", "With any face")
_FACES = Column("faces", "Faces", "count", None)
_PRECISION = Column("precision", "Faces with a person")
_OUTSIDE = Column("outside", "Faces outside every box", better="lower")
_ALL: Final = (_PEOPLE, _COVERED, _SHARED, _FACES, _PRECISION, _OUTSIDE)

_SCORES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_HEIGHTS: Final = (0, 50, 100, 150, 200, 300)
_FACE_SIZES: Final = (0, 20, 30, 40, 60, 100)
_MOST_STYLES: Final = 25
_MOST_PICTURES: Final = 12
_CURVE_POINTS: Final = 40


def parse_boxes(text: str, place: str) -> Floats:
    """Return the boxes that ``x1:y1:x2:y2;…`` says, (x1, y1) the top left corner.

    Parameters
    ----------
    place : str
        Where it stands, for messages.

    Returns
    -------
    ndarray of float64, shape (N, 4)
        Left, top, right and bottom in pixels of the original picture.

    Raises
    ------
    MetadataError
        If it says anything else, or a box is empty.
    """
    boxes = []
    for part in text.split(";"):
        match = _BOX.fullmatch(part)
        try:
            left, top, right, bottom = map(float, match.groups() if match else ())
        except ValueError:
            left = top = right = bottom = 0.0
        if left >= right or top >= bottom:
            raise MetadataError(
                f"{place}: expected boxes as x1:y1:x2:y2;x1:y1:x2:y2, left before right and "
                f"top before bottom, found {part.strip()!r}"
            )
        boxes.append((left, top, right, bottom))
    return np.array(boxes, dtype=np.float64)


def place_in_people(faces: Floats, people: Floats, *, upper: float = UPPER) -> Floats:
    """Return how well each face sits in each person's box.

    Parameters
    ----------
    faces, people : ndarray of float64, shapes (F, 4) and (P, 4)
    upper : float
        A face is a person's if its center lies in this part of the box's height, from the
        top; in 0..1.

    Returns
    -------
    ndarray of float64, shape (F, P)
        0 where the face cannot be the person's, else in 0..1: nearer to the middle of the
        box's upper edge is higher.
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
    places in sum is taken [1]_.

    Parameters
    ----------
    places : ndarray of float64, shape (F, P)
        From `place_in_people` or `place_on_faces`; 0 forbids.

    Returns
    -------
    ndarray of int, shape (F,)
        Index of each face's person; -1 where it has none.

    References
    ----------
    .. [1] Crouse (2016). On implementing 2D rectangular assignment algorithms. IEEE
       Transactions on Aerospace and Electronic Systems 52, 1679-1696 (as in SciPy).
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

    has_face: Marks
    has_any: Marks
    has_person: Marks
    is_outside: Marks


def match_faces(places: Floats) -> MatchedFaces:
    """Match the faces and people of one painting; `places` as for `match_one_to_one`."""
    person = match_one_to_one(places)
    has_face = np.zeros(places.shape[1], dtype=np.bool_)
    has_face[person[person >= 0]] = True
    can_be = places > 0
    has_any, is_outside = np.asarray(can_be.any(axis=0)), np.asarray(~can_be.any(axis=1))
    return MatchedFaces(has_face, has_any, person >= 0, is_outside)


@dataclass(frozen=True, slots=True)
class JudgedPainting:
    """A painting with P boxes of some heights in pixels, its F faces, and who got whom.

    `places` of shape (F, P) says how well each face sits in each box; `matched` is with all.
    """

    payload: Payload
    heights: Floats
    faces: tuple[Payload, ...]
    places: Floats
    matched: MatchedFaces

    def of_faces(self, name: str) -> Floats:
        """Return a number of each face, shape (F,), such as its ``face_size`` in pixels."""
        return np.array([face[name] for face in self.faces], dtype=np.float64)

    @property
    def scores(self) -> Floats:
        """The detector's confidence in each face, shape (F,)."""
        return self.of_faces("detection_score")

    def missed(self, least: float) -> int:
        """Return how many people whose box is at least so high have no face."""
        return int((~self.matched.has_face[self.heights >= least]).sum())


Judged = Sequence[JudgedPainting]
Matches = Sequence[MatchedFaces]


def evaluate_detection(run: Run[FacesOptions], faces: PictureFaces) -> Parts:
    """Compare the gallery's faces with boxes drawn by hand.

    There are no parts where no painting has boxes, and none were asked for.

    Raises
    ------
    EvaluationError
        If the boxes that were asked for are nowhere, or nobody looked for the faces of
        the paintings that have them.
    MetadataError
        If a painting's boxes cannot be understood.
    """
    options, paintings = run.options, run.gallery[PAINTINGS]
    field = options.boxes or PERSON_BOXES
    records = sorted(
        (record.payload for record in paintings.scroll(page_size=1000)),
        key=lambda payload: str(payload["painting_id"]),
    )
    boxed = [payload for payload in records if label_of(payload, field) is not None]
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
    styles: dict[str, list[JudgedPainting]] = {}
    for painting in judged:
        styles.setdefault(label_of(painting.payload, "style") or "unknown", []).append(painting)
    notes = _notes(judged, faces, options, len(boxed), len(records))
    return _parts(judged, styles, options, notes)


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


def _parts(
    judged: Judged,
    styles: dict[str, list[JudgedPainting]],
    options: FacesOptions,
    notes: tuple[str, ...],
) -> Parts:
    least = options.least_person
    title = "Faces against boxes drawn by hand"
    tables = [
        Table("detection", title, "", _ALL, (_whole("all", judged, options),), notes),
        *_part_tables(title, judged, styles, options),
    ]
    people = {
        f"{p.payload['painting_id']}#person{i}": float(p.matched.has_face[i])
        for p in judged
        for i in np.flatnonzero(p.heights >= least)
    }
    found = np.array([*people.values()], np.float64)
    values = QueryValues("detection", "all", _COVERED.name, tuple(people), found)
    return Parts(
        tuple(tables),
        (values,) if people else (),
        _curves(judged, least),
        _failures(judged, least),
    )


def _whole(name: str, judged: Judged, options: FacesOptions, matched: Matches | None = None) -> Row:
    people = people_cells(judged, options.least_person, matched=matched, seed=options.seed)
    return Row(name, people | face_cells(judged, matched=matched, seed=options.seed))


def _part_tables(
    title: str, judged: Judged, styles: dict[str, list[JudgedPainting]], options: FacesOptions
) -> Iterable[Table]:
    """Yield tables whose rows are parts of one whole, none better than another."""
    least, seed = options.least_person, options.seed
    by_style = sorted(styles, key=lambda name: (-_count(styles[name], least), name))
    scores = np.concatenate([painting.scores for painting in judged])
    heights = [
        Row(name, people_cells(judged, low, high, seed=seed))
        for name, low, high in _bands(_HEIGHTS)
    ]
    sizes = [
        Row(name, face_cells(judged, low, high, seed=seed))
        for name, low, high in _bands(_FACE_SIZES)
    ]
    by_score = [
        _whole(f"{score:g}", judged, options, at_least(judged, score))
        for score in _SCORES
        if len(scores) and scores.min() <= score <= scores.max()
    ]
    of_styles = [_whole(style, styles[style], options) for style in by_style[:_MOST_STYLES]]
    for name, told, columns, rows in (
        ("style", "style", _ALL, of_styles),
        ("height", "the box's height in pixels", _ALL[:3], heights),
        ("face_size", "the face's short side in pixels", _ALL[3:], sizes),
        ("score", "the detector's least score", _ALL, by_score),
    ):
        banded = name in ("height", "face_size")
        kept = tuple(row for row in rows if not banded or row.values[columns[0].name])
        if kept:
            neither = tuple(replace(column, better=None) for column in columns)
            heading = name.replace("_", " ")
            yield Table(f"detection_by_{name}", f"{title}, by {told}", heading, neither, kept)


def people_cells(
    judged: Judged,
    least: float,
    most: float = np.inf,
    *,
    matched: Matches | None = None,
    seed: int,
) -> dict[str, Cell]:
    """Return the cells on people whose box is ``least..most`` high, `most` excluded."""
    counts, covered, shared = [], [], []
    for painting, match in zip(judged, matched or [p.matched for p in judged], strict=True):
        counted = (painting.heights >= least) & (painting.heights < most)
        counts.append(int(counted.sum()))
        covered.append(int(match.has_face[counted].sum()))
        shared.append(int(match.has_any[counted].sum()))
    return {
        _PEOPLE.name: sum(counts),
        _COVERED.name: estimate_share(covered, counts, seed=seed),
        _SHARED.name: estimate_share(shared, counts, seed=seed),
    }


def face_cells(
    judged: Judged,
    least: float = 0,
    most: float = np.inf,
    *,
    matched: Matches | None = None,
    seed: int,
) -> dict[str, Cell]:
    """Return the cells on faces whose short side is ``least..most``, `most` excluded.

    All count where those that are `matched` are not all faces.
    """
    counts, owned, outside = [], [], []
    for painting, match in zip(judged, matched or [p.matched for p in judged], strict=True):
        sizes = painting.of_faces("face_size")
        kept = slice(None) if matched else (sizes >= least) & (sizes < most)
        counts.append(len(match.has_person[kept]))
        owned.append(int(match.has_person[kept].sum()))
        outside.append(int(match.is_outside[kept].sum()))
    return {
        _FACES.name: sum(counts),
        _PRECISION.name: estimate_share(owned, counts, seed=seed),
        _OUTSIDE.name: estimate_share(outside, counts, seed=seed),
    }


def at_least(judged: Judged, score: float) -> list[MatchedFaces]:
    """Return who gets whom if only faces of that score are found."""
    return [
        p.matched if (p.scores >= score).all() else match_faces(p.places[p.scores >= score])
        for p in judged
    ]


def _count(judged: Judged, least: float) -> int:
    return sum(int((painting.heights >= least).sum()) for painting in judged)


def _bands(edges: Sequence[int]) -> Iterable[tuple[str, int, float]]:
    """Yield the name of each range, its least and what is beyond it."""
    for least, most in zip(edges, [*edges[1:], np.inf], strict=True):
        yield f"{least} or more" if np.isinf(most) else f"{least}-{most - 1:g}", least, most


def _notes(
    judged: Judged, faces: PictureFaces, options: FacesOptions, boxed: int, paintings: int
) -> tuple[str, ...]:
    detectors = sorted({str(p.payload.get("face_detector", "unknown")) for p in judged})
    people = sum(len(painting.heights) for painting in judged)
    elsewhere = len(faces) - sum(len(painting.faces) for painting in judged)
    rule = (
        "The boxes are taken to be of faces: one is found by a face that overlaps it by "
        f"{options.iou:g} (intersection over union), each by one at most."
        if options.iou is not None
        else "A face is a person's if its center lies in the upper "
        f"{100 * options.upper:g} % of the person's box. It is one person's own at most; "
        "'any face' may be another's as well, where boxes overlap. People seen from behind, "
        "or bent over, have no face to find: 100 % is not the goal."
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
    return (*notes, "Intervals: bootstrap over paintings.")


def _curves(judged: Judged, least: float) -> tuple[LinePlot, ...]:
    """Return who is found against how many faces are false, as detectors are compared [1]_.

    References
    ----------
    .. [1] Jain & Learned-Miller (2010). FDDB: a benchmark for face detection in
       unconstrained settings. UMass technical report UM-CS-2010-009, section 5.
    """
    scores = np.unique(np.concatenate([painting.scores for painting in judged]))
    people = _count(judged, least)
    if len(scores) == 0 or people == 0:
        return ()
    if len(scores) > _CURVE_POINTS:
        scores = np.unique(np.quantile(scores, np.linspace(0, 1, _CURVE_POINTS), method="nearest"))
    outside, covered = [], []
    for score in scores[::-1].tolist():
        matched = at_least(judged, score)
        outside.append(100.0 * sum(int(m.is_outside.sum()) for m in matched) / len(judged))
        found = (
            int(match.has_face[p.heights >= least].sum())
            for p, match in zip(judged, matched, strict=True)
        )
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


def _failures(judged: Judged, least: float) -> tuple[PictureGroup, ...]:
    def face(painting: JudgedPainting, i: int) -> Picture:
        payload = painting.faces[i]
        told = f"score {payload['detection_score']:.3f}, {payload['face_size']} px"
        return Picture(payload, (told,), right=bool(painting.matched.has_person[i]))

    worst = sorted(judged, key=lambda p: (-p.missed(least), str(p.payload["painting_id"])))
    people = []
    for p in worst[:_MOST_PICTURES]:
        if missed := p.missed(least):
            told = f"{missed} of {_count([p], least)} without a face"
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
