"""Verification of all pairs of a gallery's labeled faces: enough to resolve a small FAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from artsim.domain.encoder_info import EncoderInfo
from artsim.domain.payload import Payload
from artsim.evaluation.contenders import encoder_names
from artsim.evaluation.faces_parts import FacesOptions, Findings, PictureFaces
from artsim.evaluation.report import Cell, Column, PictureGroup, Row, Table
from artsim.evaluation.verification import RocCurve
from artsim.evaluation.verification_intervals import draw_people, estimate_rates
from artsim.evaluation.verification_pairs import IndexPairs, all_pairs
from artsim.evaluation.verification_parts import (
    RATE_COLUMNS,
    RATE_NOTE,
    coarse_far_note,
    hardest_pairs,
    pair_cosines,
    roc_line,
    roc_plot,
)
from artsim.search.vectors import read_vectors
from artsim.store.base import Record
from artsim.store.gallery import Gallery


def evaluate_all_pairs(
    gallery: Gallery,
    faces: PictureFaces,
    labels: Mapping[str, str],
    encoders: Sequence[EncoderInfo],
    options: FacesOptions,
) -> Findings:
    """Verify every pair of labeled faces, or a sample of them, with every encoder.

    Parameters
    ----------
    labels : mapping of str to str
        Who is on a painting, by painting id; its main face is that person's.

    Returns
    -------
    Findings
        Empty where no two faces are of one person, or all are.
    """
    rows, lines = [], []
    failures: list[PictureGroup] = []
    notes: tuple[str, ...] = ()
    for name, info in zip(encoder_names(encoders), encoders, strict=True):
        table = read_vectors(gallery.faces, info.vector_name, payload_fields=())
        row = {point_id: i for i, point_id in enumerate(table.point_ids)}
        known = [face for name in labels if (face := faces.main[name]).point_id in row]
        people, codes = np.unique([labels[_painting(face)] for face in known], return_inverse=True)
        pairs = all_pairs(codes, most=options.most_pairs, seed=options.seed)
        if not pairs.same.any() or pairs.same.all():
            continue
        vectors = table.vectors[[row[face.point_id] for face in known]]
        scores = pair_cosines(vectors, pairs.first, pairs.second)
        curve = RocCurve(scores, pairs.same)
        cells: dict[str, Cell] = {
            "faces": len(known),
            "people": len(people),
            "pairs": len(pairs),
            "pairs_of_one": int(pairs.same.sum()),
        }
        draw = draw_people(codes[pairs.first], codes[pairs.second])
        counts = int(pairs.same.sum()), len(pairs)
        cells |= estimate_rates(curve, draw, counts, seed=options.seed)
        rows.append(Row(name, cells))
        lines.append(roc_line(curve, name))

        def pictures(
            i: int, known: Sequence[Record] = known, pairs: IndexPairs = pairs
        ) -> tuple[Payload, Payload]:
            return known[pairs.first[i]].payload, known[pairs.second[i]].payload

        failures += hardest_pairs(f"{name}, of all pairs", scores, pairs.same, pictures)
        notes = _notes(pairs)
    if not rows:
        return Findings()
    columns = (
        Column("faces", "Faces", "count", None),
        Column("people", "People", "count", None),
        Column("pairs", "Pairs", "count", None),
        Column("pairs_of_one", "Of one person", "count", None),
        *RATE_COLUMNS,
    )
    title = "Is it the same person? All pairs of labeled faces"
    table_ = Table("verification_all", title, "face encoder", columns, tuple(rows), notes)
    plot = roc_plot("roc_all", "ROC of all pairs of labeled faces", lines)
    return Findings((table_,), (), (plot,), tuple(failures))


def _painting(face: Record) -> str:
    return str(face.payload["painting_id"])


def _notes(pairs: IndexPairs) -> tuple[str, ...]:
    notes = [
        f"A seeded sample of {len(pairs)} pairs; rates within either kind are those of all pairs."
        if pairs.sampled
        else "Every pair of labeled faces, each picture by its main face.",
        RATE_NOTE,
        coarse_far_note(int((~pairs.same).sum())),
        "Intervals: bootstrap over people, since pairs that share a person go wrong together.",
    ]
    return tuple(filter(None, notes))
