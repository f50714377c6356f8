"""The task ``faces``: how well they are found in paintings, told apart, and found again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from artsim.catalog.kinds import FACES, Box, prominence
from artsim.catalog.payload import Payload, first_text, stored_field
from artsim.catalog.progress import Progress
from artsim.errors import EvaluationError
from artsim.evaluation.leave_one_out import (
    TOP,
    Judged,
    Relevance,
    index_note,
    judge_contenders,
    read_labels,
    read_works,
    sample_queries,
)
from artsim.evaluation.metrics import random_metrics
from artsim.evaluation.report import (
    Column,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    Report,
    Row,
    Table,
    notes_of,
)
from artsim.evaluation.runner import Run, SearchChoices, query_values
from artsim.evaluation.tasks.detection import PERSON_BOXES, evaluate_detection
from artsim.evaluation.tasks.verification import verify_all, verify_listed
from artsim.search.filters import find_field
from artsim.search.models import Models
from artsim.store.gallery import Gallery, without_frames
from artsim.store.protocol import Collection, Record

PERSON: Final = "extra.person"
"""Field that says who a picture shows, unless another is named."""

KS: Final = (1, 5, 10)
"""Depths of precision and recall."""

COLUMNS: Final = (
    Column("recall_at_1", "R@1"),
    Column("recall_at_10", "R@10"),
    Column("precision_at_5", "P@5"),
    Column("precision_at_10", "P@10"),
    Column("map", "mAP"),
)

_COMPARED: Final = ("recall_at_1", "precision_at_10", "map")
_CHECKED: Final = 50
_MOST_PICTURES: Final = 12


@dataclass(frozen=True, slots=True)
class FacesOptions(SearchChoices):
    """What faces are held to, and how; see also `SearchChoices`.

    `by` is the field that says who a picture shows, by default `PERSON` where any face has it, and
    `boxes` that of hand-drawn boxes, by default `PERSON_BOXES` where any painting has it; what only
    manifests brought is found with and without ``extra.``. `pairs` is a list as
    `read_pairs` takes it. A face's center lies in the `upper` part of a person's box, which is at
    least `least_person` pixels high in the original picture; with `iou` the boxes are of faces,
    which are found by that overlap. People are searched for by `limit_queries` faces, and at most
    `most_pairs` pairs of faces are compared: samples.
    """

    by: str | None = None
    boxes: str | None = None
    pairs: Path | None = None
    upper: float = 0.6
    iou: float | None = None
    least_person: int = 100
    limit_queries: int | None = None
    most_pairs: int = 1_000_000

    least: ClassVar = {"limit_queries": 1, "most_pairs": 100, "least_person": 0}
    shares: ClassVar = ("upper", "iou")

    @property
    def one_person(self) -> str:
        """What counts as the same person, in a sentence."""
        return f"Pictures are of the same person if they share {self.by or PERSON}."


@dataclass(frozen=True, slots=True)
class PictureFaces:
    """The faces of a gallery by painting id, in order of their index; and the main one of each."""

    of_painting: Mapping[str, Sequence[Record]]
    main: Mapping[str, Record]

    def __len__(self) -> int:
        """Return the number of faces."""
        return sum(map(len, self.of_painting.values()))


def read_faces(faces: Collection) -> PictureFaces:
    """Read the payloads of all faces, and find each painting's main one."""
    found: dict[str, list[Record]] = defaultdict(list)
    records = faces.scroll(without_frames(faces), page_size=1000)
    for record in sorted(records, key=lambda r: int(r.payload["face_index"])):
        found[str(record.payload["painting_id"])].append(record)
    by_painting = dict(sorted(found.items()))
    return PictureFaces(by_painting, {name: main_face(of) for name, of in by_painting.items()})


def main_face(faces: Sequence[Record]) -> Record:
    """Return the face that a picture is of, the first of equal ones; see `prominence`."""

    def prominent(face: Record) -> float:
        payload = face.payload
        known = "image_width" in payload and "image_height" in payload
        size = (float(payload["image_width"]), float(payload["image_height"])) if known else None
        return prominence(Box(*map(float, payload["box"])), size)

    return max(faces, key=prominent)


def evaluate_faces(
    gallery: Gallery,
    options: FacesOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate the faces of a gallery, as far as there is something to hold them to.

    Boxes drawn by hand say how many people's faces were found; a list of pairs, and a
    label that says who a picture shows, how well the encoders' cosines tell people apart;
    the label also whether searches by face find the same person. No encoder is loaded.

    EvaluationError if there is nothing to hold the faces to, or not what was asked for;
    EncoderMismatchError if the faces have no vectors of an encoder, QueryError if there is no such
    field, MetadataError if boxes or the list of pairs cannot be understood, StoreError if the
    gallery has no faces or the database cannot be reached.
    """
    options = options or FacesOptions()
    run = Run("faces", gallery, options, models, progress, FACES, versions=("scipy",))
    if options.by is not None:
        run.options = options = replace(options, by=find_field(options.by, run.collection))
    with run.progressing("Reading faces"):
        faces = read_faces(run.collection)
        labels = _labels(run, faces)
        run.progress.start(None, "Comparing faces with boxes")
        parts = evaluate_detection(run, faces)
        if options.pairs is not None:
            run.progress.start(None, "Verifying the listed pairs")
            parts += verify_listed(run, faces, options.pairs)
        if labels:
            run.progress.start(None, "Verifying all pairs")
            parts += verify_all(run, faces, labels)
            parts += evaluate_retrieval(run, faces, labels)
    if not parts.tables:
        raise EvaluationError(
            f"{run.collection.name!r} has nothing to hold its faces to: no painting has person "
            f"boxes in {PERSON_BOXES!r}, no two pictures share a {PERSON!r}, and no list of pairs "
            "was given; name another field of either, or give a list",
            hint="--boxes, --by, --pairs FILE",
        )
    return run.report(f"Faces of {run.gallery_name}", parts)


def _labels(run: Run[FacesOptions], faces: PictureFaces) -> dict[str, str]:
    """Return who is on each painting with a face and a label, by painting id.

    EvaluationError if the field was asked for, and no two faces share a value of it.
    """
    by = run.options.by
    labels = {
        name: label
        for name, face in faces.main.items()
        if (label := first_text(face.payload, stored_field(by or PERSON))) is not None
    }
    if by is not None and len(set(labels.values())) == len(labels):
        raise EvaluationError(
            f"{run.collection.name!r}: expected two pictures with a face and the same {by!r}, "
            f"found {len(labels)} values of {len(labels)} pictures; name a field that says who "
            "a picture shows",
            hint="--by",
        )
    return labels


def evaluate_retrieval(
    run: Run[FacesOptions], faces: PictureFaces, labels: Mapping[str, str]
) -> Parts:
    """Search by the main face of every labeled painting, its own painting left out.

    A face is right if it is the main face of a picture of the same person (`labels` says who is
    on a painting, by its id); every other one is wrong. There are no parts where no two faces
    are of one person. EvaluationError if faces lack pixels that re-ranking compares.
    """
    works = read_works(run, run.criteria, ("face_index",))
    person = {faces.main[name].point_id: label for name, label in labels.items()}
    people = read_labels([{"person": person.get(one)} for one in works.point_ids], "person")
    relevance = Relevance(people, (read_labels(works.payloads, "painting_id"),))
    rows = sample_queries(run, relevance, relevance.labels.known, run.options.limit_queries)
    if len(rows) == 0:
        return Parts()
    payload = {r.point_id: r.payload for of in faces.of_painting.values() for r in of}
    payloads = [payload[point_id] for point_id in works.point_ids]
    judged = judge_contenders(run, works, relevance, rows, KS, "Searching for people")
    found = {name: each.metrics for name, each in judged.items()}
    every = next(iter(judged.values()))
    found["random order"] = random_metrics(every.ranked, every.to_find, KS)
    checked = np.random.default_rng(run.options.seed).permutation(rows)[:_CHECKED]
    index = index_note(run, works, relevance, checked, TOP)
    notes = notes_of(
        "retrieval",
        queries=len(rows),
        asked=len({relevance.labels.of_work[row] for row in rows}),
        faces=len(works),
        alone=[*Counter(labels.values()).values()].count(1),
        options=run.options,
    )
    title = "Where is the same person? Searches by one face"
    shown = {n: {c.name: each[c.name] for c in COLUMNS} for n, each in found.items()}
    measured = tuple(Row(name, run.means(values)) for name, values in shown.items())
    table = Table("retrieval", title, "face encoder", COLUMNS, measured, (*notes, index))
    table = run.with_training(table, run.contenders, [f.payload for f in faces.main.values()])
    compared = {name: each.metrics for name, each in judged.items()}
    values = query_values("retrieval", [works.ids[row] for row in rows], compared, _COMPARED)
    plain = (one.name for one in run.contenders if one.rerank is None)
    failures = tuple(_worst(name, judged[name], payloads) for name in plain)
    return Parts((table,), values, failures=failures)


def _worst(name: str, judged: Judged, payloads: list[Payload]) -> PictureGroup:
    precision = judged.metrics["map"]
    rows = []
    for i in np.argsort(precision, kind="stable")[:_MOST_PICTURES].tolist():
        query = Picture(payloads[judged.rows[i]], (f"average precision {precision[i]:.3f}",))
        found = zip(judged.head[i].tolist(), judged.head_right[i].tolist(), strict=True)
        hits = (Picture(payloads[face], right=right) for face, right in found if face >= 0)
        rows.append(PictureRow(query, tuple(hits)))
    return PictureGroup(f"People found worst by {name}", tuple(rows))
