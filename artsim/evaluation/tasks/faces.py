"""The task ``faces``: how well they are found in paintings, told apart, and found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from artsim.catalog.criteria import EVERYTHING
from artsim.catalog.kinds import FACES
from artsim.catalog.payload import Payload
from artsim.catalog.progress import Progress
from artsim.errors import EvaluationError
from artsim.evaluation.leave_one_out import (
    TOP,
    Judged,
    Works,
    count_to_find,
    index_note,
    judge_rankings,
    read_works,
    sample_rows,
)
from artsim.evaluation.metrics import Floats, Integers, metric_names, random_metrics
from artsim.evaluation.picture_faces import (
    PERSON,
    PERSON_BOXES,
    FacesOptions,
    PictureFaces,
    label_of,
    read_faces,
)
from artsim.evaluation.relevance import Relevance, read_labels
from artsim.evaluation.report import (
    Cell,
    Column,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Report,
    Row,
    Table,
)
from artsim.evaluation.runner import Run
from artsim.evaluation.statistics import estimate_mean
from artsim.evaluation.tasks.detection import evaluate_detection
from artsim.evaluation.tasks.verification import verify_all, verify_listed
from artsim.search.models import Models
from artsim.store.gallery import Gallery

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
    the label also whether searches by face find the same person.

    Parameters
    ----------
    gallery : Gallery
        With faces.
    options : FacesOptions, optional
        What to hold the faces to, and how.
    models : Models, optional
        Where encoders would be loaded from; searches by id need none.
    progress : Progress, optional
        Where the task reports as it goes.

    Raises
    ------
    EvaluationError
        If there is nothing to hold the faces to, or not what was asked for.
    EncoderMismatchError
        If the faces have no vectors of an encoder.
    MetadataError
        If boxes or the list of pairs cannot be understood.
    StoreError
        If the gallery has no faces, or the database cannot be reached.
    """
    options = options or FacesOptions()
    run = Run("faces", gallery, options, models, progress, FACES, versions=("scipy",))
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

    Raises EvaluationError if the field was asked for, and no two faces share a value of it.
    """
    by = run.options.by
    labels = {
        name: label
        for name, face in faces.main.items()
        if (label := label_of(face.payload, by or PERSON)) is not None
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

    A face is right if it is the main face of a picture of the same person; every other one is
    wrong. There are no parts where no two faces are of one person.

    Parameters
    ----------
    labels : mapping of str to str
        Who is on a painting, by painting id; its main face is that person's.

    Raises
    ------
    EvaluationError
        If faces lack pixels that re-ranking compares.
    """
    options = run.options
    works = read_works(run, EVERYTHING, ("face_index",))
    relevance, rows = _queries(works, faces, labels, options)
    if len(rows) == 0:
        return Parts()
    payload = {r.point_id: r.payload for of in faces.of_painting.values() for r in of}
    payloads = [payload[point_id] for point_id in works.point_ids]
    trained = run.trained_on([face.payload for face in faces.main.values()])
    ids = tuple(works.ids[row] for row in rows)

    def cells(metrics: Floats) -> dict[str, Cell]:
        of = dict(zip(metric_names(KS), metrics.T, strict=True))
        return {c.name: estimate_mean(of[c.name], seed=options.seed) for c in COLUMNS}

    run.progress.start(len(run.contenders), "Searching for people")
    table_rows, values, failures = [], [], []
    for number, one in enumerate(run.contenders):
        run.progress.update(number)
        ranker = works.ranker(one, TOP, options.rerank_depth)
        judged = judge_rankings(ranker, relevance, rows, KS)
        table_rows.append(Row(one.name, {**cells(judged.metrics), **trained.cells(one)}))
        values += [
            QueryValues("retrieval", one.name, name, ids, judged.column(name, KS))
            for name in _COMPARED
        ]
        if one.rerank is None:
            failures.append(_worst(one.name, judged, payloads))
    expected = random_metrics(judged.ranked, judged.to_find, KS)
    table_rows.append(Row("random order", cells(expected)))
    notes = (*_notes(run, works, relevance, rows, labels), *trained.notes)
    title = "Where is the same person? Searches by one face"
    columns = (*COLUMNS, *trained.columns)
    table = Table("retrieval", title, "face encoder", columns, tuple(table_rows), notes)
    return Parts((table,), tuple(values), (), tuple(failures))


def _queries(
    works: Works, faces: PictureFaces, labels: Mapping[str, str], options: FacesOptions
) -> tuple[Relevance, Integers]:
    """Return what is right, and which faces ask: those with something to find, or a sample."""
    person = {faces.main[name].point_id: label for name, label in labels.items()}
    people = [{"person": person[p]} if p in person else {} for p in works.point_ids]
    own = read_labels(works.payloads, "painting_id")
    relevance = Relevance(read_labels(people, "person"), (own,))
    rows = np.flatnonzero([bool(of) for of in relevance.labels.of_work])
    rows = rows[count_to_find(relevance, rows) > 0]
    return relevance, sample_rows(rows, options.limit_queries, options.seed)


def _notes(
    run: Run[FacesOptions],
    works: Works,
    relevance: Relevance,
    rows: Integers,
    labels: Mapping[str, str],
) -> list[str]:
    options = run.options
    asked = len({relevance.labels.of_work[row] for row in rows})
    sample = " (a seeded sample)" if options.limit_queries is not None else ""
    notes = [
        f"{len(rows):,} queries{sample}, of {asked:,} people, each ranking all "
        f"{len(works):,} faces but those of its own picture.",
        "A face is right if it is the main face, large and near the middle, of a picture of the "
        "same person; every other face is wrong, bystanders too.",
        options.one_person,
        "Random order: expected values, in closed form. Intervals: bootstrap over queries.",
    ]
    alone = sum(1 for count in Counter(labels.values()).values() if count == 1)
    if alone:
        notes.append(f"{alone} people with one picture alone are no queries.")
    if options.rerank:
        notes.append(f"Re-ranked are the first {options.rerank_depth} hits.")
    checked = np.random.default_rng(options.seed).permutation(rows)[:_CHECKED]
    return [*notes, index_note(run, works, relevance, checked, TOP)]


def _worst(name: str, judged: Judged, payloads: list[Payload]) -> PictureGroup:
    precision = judged.column("map", KS)
    rows = []
    for i in np.argsort(precision, kind="stable")[:_MOST_PICTURES].tolist():
        query = Picture(payloads[judged.rows[i]], (f"average precision {precision[i]:.3f}",))
        hits = (
            Picture(payloads[face], right=bool(right))
            for face, right in zip(judged.head[i], judged.head_right[i], strict=True)
            if face >= 0
        )
        rows.append(PictureRow(query, tuple(hits)))
    return PictureGroup(f"People found worst by {name}", tuple(rows))
