"""Verification of all pairs of a gallery's labeled faces: enough to resolve a small FAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from artsim.catalog.encoder_info import EncoderInfo, short_names
from artsim.catalog.payload import Payload
from artsim.evaluation.faces.parts import FacesOptions, Findings, PictureFaces
from artsim.evaluation.faces.verification import RocCurve
from artsim.evaluation.faces.verification_intervals import draw_people, estimate_rates
from artsim.evaluation.faces.verification_pairs import IndexPairs, all_pairs
from artsim.evaluation.faces.verification_parts import (
    RATE_COLUMNS,
    RATE_NOTE,
    coarse_far_note,
    hardest_pairs,
    pair_cosines,
    roc_line,
    roc_plot,
)
from artsim.evaluation.report import Cell, Column, Line, PictureGroup, Row, Table
from artsim.search.neighbors import read_vectors
from artsim.store.base import Record
from artsim.store.gallery import Gallery


@dataclass(frozen=True, slots=True)
class _Verified:
    """One encoder's row, curve and hardest pairs, and the pairs they are of."""

    row: Row
    line: Line
    failures: tuple[PictureGroup, ...]
    pairs: IndexPairs


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
    known = [(faces.main[name], label) for name, label in labels.items()]
    names = short_names(encoders)
    tried = (
        _verify(gallery, known, info, name, options)
        for info, name in zip(encoders, names, strict=True)
    )
    verified = [found for found in tried if found is not None]
    if not verified:
        return Findings()
    columns = (
        Column("faces", "Faces", "count", None),
        Column("people", "People", "count", None),
        Column("pairs", "Pairs", "count", None),
        Column("pairs_of_one", "Of one person", "count", None),
        *RATE_COLUMNS,
    )
    title = "Is it the same person? All pairs of labeled faces"
    rows = tuple(found.row for found in verified)
    table = Table(
        "verification_all", title, "face encoder", columns, rows, _notes(verified[0].pairs, options)
    )
    lines = [found.line for found in verified]
    return Findings(
        tables=(table,),
        plots=(roc_plot("roc_all", "ROC of all pairs of labeled faces", lines),),
        failures=tuple(group for found in verified for group in found.failures),
    )


def _verify(
    gallery: Gallery,
    labeled: Sequence[tuple[Record, str]],
    info: EncoderInfo,
    name: str,
    options: FacesOptions,
) -> _Verified | None:
    """Verify the faces that have the encoder's vector; None where pairs of a kind are missing."""
    table = read_vectors(gallery.faces, info.vector_name, payload_fields=())
    place = {point_id: i for i, point_id in enumerate(table.point_ids)}
    known = [(face, label) for face, label in labeled if face.point_id in place]
    people, codes = np.unique([label for _, label in known], return_inverse=True)
    pairs = all_pairs(codes, most=options.most_pairs, seed=options.seed)
    of_one = int(pairs.same.sum())
    if of_one in (0, len(pairs)):
        return None
    vectors = table.vectors[[place[face.point_id] for face, _ in known]]
    scores = pair_cosines(vectors, pairs.first, pairs.second)
    curve = RocCurve(scores, pairs.same)
    draw = draw_people(codes[pairs.first], codes[pairs.second])
    cells: dict[str, Cell] = {
        "faces": len(known),
        "people": len(people),
        "pairs": len(pairs),
        "pairs_of_one": of_one,
        **estimate_rates(curve, draw, (of_one, len(pairs)), seed=options.seed),
    }

    def pictures(i: int) -> tuple[Payload, Payload]:
        return known[pairs.first[i]][0].payload, known[pairs.second[i]][0].payload

    failures = hardest_pairs(f"{name}, of all pairs", scores, pairs.same, pictures)
    return _Verified(Row(name, cells), roc_line(curve, name), failures, pairs)


def _notes(pairs: IndexPairs, options: FacesOptions) -> tuple[str, ...]:
    notes = [
        options.one_person,
        f"A seeded sample of {len(pairs)} pairs; rates within either kind are those of all pairs."
        if pairs.sampled
        else "Every pair of labeled faces, each picture by its main face.",
        RATE_NOTE,
        coarse_far_note(int((~pairs.same).sum())),
        "Intervals: bootstrap over people, since pairs that share a person go wrong together.",
    ]
    return tuple(filter(None, notes))
