"""How good faces are: found in paintings, told apart, and found again."""

from __future__ import annotations

from dataclasses import asdict

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.results import JSON
from artsim.errors import EvaluationError
from artsim.evaluation.faces.detection_report import evaluate_detection
from artsim.evaluation.faces.parts import (
    PERSON,
    PERSON_BOXES,
    FacesOptions,
    Findings,
    PictureFaces,
    label_of,
    read_faces,
)
from artsim.evaluation.faces.retrieval import evaluate_retrieval
from artsim.evaluation.faces.verification_listed import evaluate_listed_pairs
from artsim.evaluation.faces.verification_people import evaluate_all_pairs
from artsim.evaluation.report import Report, library_versions, timestamp
from artsim.search.models import Models
from artsim.search.similar import choose_encoders
from artsim.store.gallery import Gallery


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
    progress = progress or SilentProgress()
    models = models or Models()
    recorded = gallery.face_encoders()
    encoders = choose_encoders(recorded, options.encoders or list(recorded), models)
    try:
        progress.start(None, "Reading faces")
        faces = read_faces(gallery.faces)
        labels = _labels(gallery, faces, options)
        progress.start(None, "Comparing faces with boxes")
        findings = evaluate_detection(gallery, faces, options) or Findings()
        if options.pairs is not None:
            progress.start(None, "Verifying the listed pairs")
            findings += evaluate_listed_pairs(gallery, options.pairs, faces, encoders, options)
        if labels:
            progress.start(None, "Verifying all pairs")
            findings += evaluate_all_pairs(gallery, faces, labels, encoders, options)
            findings += evaluate_retrieval(
                gallery, faces, labels, encoders, options, progress=progress
            )
    finally:
        progress.finish()
    if not findings.tables:
        raise EvaluationError(_nothing(gallery), hint="--boxes, --by, --pairs FILE")
    return _report(gallery, findings, encoders, options)


def _labels(gallery: Gallery, faces: PictureFaces, options: FacesOptions) -> dict[str, str]:
    """Return who is on each painting with a face and a label, by painting id.

    Raises
    ------
    EvaluationError
        If the field was asked for, and no two faces share a value of it.
    """
    field = options.by or PERSON
    labels = {
        name: label
        for name, face in faces.main.items()
        if (label := label_of(face.payload, field)) is not None
    }
    if options.by is not None and len(set(labels.values())) == len(labels):
        raise EvaluationError(
            f"{gallery.faces.name!r}: expected two pictures with a face and the same {field!r}, "
            f"found {len(labels)} values of {len(labels)} pictures; name a field that says who "
            "a picture shows",
            hint="--by",
        )
    return labels


def _nothing(gallery: Gallery) -> str:
    return (
        f"{gallery.faces.name!r} has nothing to hold its faces to: no painting has person boxes "
        f"in {PERSON_BOXES!r}, no two pictures share a {PERSON!r}, and no list of pairs was given; "
        "name another field of either, or give a list"
    )


def _report(
    gallery: Gallery,
    findings: Findings,
    encoders: list[EncoderInfo],
    options: FacesOptions,
) -> Report:
    settings: dict[str, JSON] = {
        "gallery": gallery.name,
        "location": gallery.store.location,
        **asdict(options),
        "pairs": None if options.pairs is None else str(options.pairs),
        "encoders": [info.vector_name for info in encoders],
    }
    return Report(
        task="faces",
        title=f"Faces of {'the default gallery' if gallery.name is None else gallery.name}",
        settings=settings,
        versions=library_versions(("scipy",)),
        created=timestamp(),
        tables=findings.tables,
        query_values=findings.query_values,
        plots=findings.plots,
        failures=findings.failures,
        notes=findings.notes,
    )
