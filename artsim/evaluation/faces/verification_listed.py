"""Verification of listed pairs of pictures, as Labeled Faces in the Wild is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.encoder_info import EncoderInfo, short_names
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.faces.parts import FacesOptions, Findings, PictureFaces
from artsim.evaluation.faces.verification import (
    RocCurve,
    Same,
    Scores,
    consecutive_folds,
    folded_accuracy,
)
from artsim.evaluation.faces.verification_intervals import draw_pairs, estimate_rates
from artsim.evaluation.faces.verification_pairs import ListedPair, read_pairs
from artsim.evaluation.faces.verification_parts import (
    RATE_COLUMNS,
    RATE_NOTE,
    coarse_far_note,
    hardest_pairs,
    pair_cosines,
    roc_line,
    roc_plot,
)
from artsim.evaluation.report import Cell, Column, PictureGroup, QueryValues, Row, Table
from artsim.evaluation.statistics import estimate_mean
from artsim.files import local_path
from artsim.search.vectors import VectorTable, read_vectors
from artsim.store.gallery import Gallery

NO_FACE_SCORE: Final = -1.0
"""Score of a pair in which a picture has no face: the least cosine there is."""

_FOLDS: Final = 10


@dataclass(frozen=True, slots=True)
class PicturePair:
    """Two paintings of the gallery, and whether they show one person."""

    first: Payload
    second: Payload
    same: bool
    fold: str | None

    @property
    def ids(self) -> tuple[str, str]:
        """Their painting ids."""
        return str(self.first["painting_id"]), str(self.second["painting_id"])


@dataclass(frozen=True, slots=True)
class _Listed:
    """The pairs of a list, ready to be judged.

    Attributes
    ----------
    ids : tuple of str
        Painting ids of each pair, joined by a space.
    folds : ndarray of int, shape (N,)
        Number of each pair's fold.
    repeated : int
        Rows of the list that repeat an earlier one.
    """

    pairs: tuple[PicturePair, ...]
    ids: tuple[str, ...]
    same: Same
    folds: npt.NDArray[np.intp]
    repeated: int


def evaluate_listed_pairs(
    gallery: Gallery,
    path: Path,
    faces: PictureFaces,
    encoders: Sequence[EncoderInfo],
    options: FacesOptions,
) -> Findings:
    """Verify the pairs of a list with every encoder, each picture by its main face.

    Raises
    ------
    MetadataError
        If the list cannot be read, contradicts itself, or has too few pairs.
    EvaluationError
        If it names pictures that the gallery has not, or faces lack an encoder's vector.
    """
    listed = _read(path, gallery)
    rows, values, lines = [], [], []
    failures: list[PictureGroup] = []
    for name, info in zip(short_names(encoders), encoders, strict=True):
        table = read_vectors(gallery.faces, info.vector_name, payload_fields=())
        scores, found = _scores(listed.pairs, faces, table)
        curve = RocCurve(scores, listed.same)
        judged = folded_accuracy(scores, listed.same, listed.folds)
        right = judged.right.astype(np.float64)
        cells: dict[str, Cell] = {
            "accuracy": estimate_mean(right, seed=options.seed),
            "standard_error": judged.standard_error,
            "without_face": int((~found).sum()),
        }
        counts = int(listed.same.sum()), len(listed.pairs)
        cells |= estimate_rates(curve, draw_pairs(len(listed.pairs)), counts, seed=options.seed)
        rows.append(Row(name, cells))
        values.append(QueryValues("verification", name, "accuracy", listed.ids, right))
        lines.append(roc_line(curve, name))
        failures += _hardest(name, listed, scores, found, faces)
    plot = roc_plot("roc", "ROC of the listed pairs", lines)
    return Findings((_table(rows, listed),), tuple(values), (plot,), tuple(failures))


def find_pairs(
    listed: Sequence[ListedPair], paintings: Sequence[Payload], path: Path
) -> list[PicturePair]:
    """Find the pictures of a list among the paintings, by id or by the file's name.

    A pair that was listed before, in whatever order, is left out.

    Raises
    ------
    MetadataError
        If a pair is listed both as one person's and as different people's.
    EvaluationError
        If a name is no painting's, or several paintings'.
    """
    by_name = _names(paintings)
    unknown = sorted({n for p in listed for n in (p.first, p.second) if n not in by_name})
    if unknown:
        raise EvaluationError(
            f"{path}: the gallery has no painting of the id or file name {unknown[0]!r}"
            + (f", nor {len(unknown) - 1} others that are listed" if len(unknown) > 1 else "")
            + "; ingest them, or leave their pairs out"
        )
    found: dict[frozenset[str], PicturePair] = {}
    for pair in listed:
        first, second = (_only(by_name, name, path) for name in (pair.first, pair.second))
        new = PicturePair(first, second, pair.same, pair.fold)
        if found.setdefault(frozenset(new.ids), new).same != pair.same:
            raise MetadataError(
                f"{path}, line {pair.line}: {pair.first!r} and {pair.second!r} were listed "
                "before with the opposite truth; keep one of the two rows"
            )
    return list(found.values())


def _names(paintings: Sequence[Payload]) -> dict[str, list[Payload]]:
    """Return the paintings by id; then by the name of their file, where no id is alike."""
    by_id = {str(payload["painting_id"]): [payload] for payload in paintings}
    by_file: dict[str, list[Payload]] = {}
    for painting_id, (payload,) in by_id.items():
        file = local_path(str(payload.get("image_uri", "")))
        for name in {PurePosixPath(painting_id).name, "" if file is None else file.name} - {""}:
            by_file.setdefault(name, []).append(payload)
    return by_file | by_id


def _only(by_name: Mapping[str, list[Payload]], name: str, path: Path) -> Payload:
    if len(by_name[name]) > 1:
        ids = ", ".join(repr(payload["painting_id"]) for payload in by_name[name][:3])
        raise EvaluationError(
            f"{path}: {name!r} is the file name of {len(by_name[name])} paintings ({ids}); list "
            "their ids instead"
        )
    return by_name[name][0]


def _read(path: Path, gallery: Gallery) -> _Listed:
    listed = read_pairs(path)
    fields = ("painting_id", "image_uri", "title", "artist", "extra")
    paintings = [r.payload for r in gallery.paintings.scroll(payload_fields=fields, page_size=1000)]
    pairs = find_pairs(listed, paintings, path)
    same = np.array([pair.same for pair in pairs])
    ids = tuple(" ".join(pair.ids) for pair in pairs)
    return _Listed(tuple(pairs), ids, same, _folds(pairs, same, path), len(listed) - len(pairs))


def _folds(pairs: Sequence[PicturePair], same: Same, path: Path) -> npt.NDArray[np.intp]:
    rarer = int(min(same.sum(), (~same).sum()))
    names = {fold: i for i, fold in enumerate(sorted({p.fold for p in pairs if p.fold}))}
    if rarer < 2 or len(names) == 1:
        raise MetadataError(
            f"{path}: expected two pairs or more of one person, as many of different people, "
            f"and two folds or more if any; found {int(same.sum())}, {int((~same).sum())} and "
            f"{len(names)}"
        )
    if names:
        return np.array([names[pair.fold or ""] for pair in pairs], dtype=np.intp)
    return consecutive_folds(same, min(_FOLDS, rarer))


def _scores(
    pairs: Sequence[PicturePair], faces: PictureFaces, table: VectorTable
) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Return each pair's score, and whether both of its pictures have a face."""
    row = {point_id: i for i, point_id in enumerate(table.point_ids)}
    sides = np.array([[_row(name, faces, row) for name in pair.ids] for pair in pairs])
    found = np.asarray((sides >= 0).all(axis=1))
    scores: Scores = np.full(len(pairs), NO_FACE_SCORE)
    scores[found] = pair_cosines(table.vectors, *sides[found].T)
    return scores, found


def _row(painting_id: str, faces: PictureFaces, row: Mapping[str, int]) -> int:
    face = faces.main.get(painting_id)
    if face is None:
        return -1
    if face.point_id not in row:
        raise EvaluationError(
            f"the face of {painting_id!r} has no vector of the encoder, which others have; "
            "ingest its source again with that face encoder",
            hint="--face-encoder",
            painting_id=painting_id,
        )
    return row[face.point_id]


def _hardest(
    name: str,
    listed: _Listed,
    scores: Scores,
    found: npt.NDArray[np.bool_],
    faces: PictureFaces,
) -> tuple[PictureGroup, ...]:
    """Return the hardest pairs among those that have faces."""
    kept = np.flatnonzero(found)

    def pictures(i: int) -> tuple[Payload, Payload]:
        first, second = (faces.main[name].payload for name in listed.pairs[kept[i]].ids)
        return first, second

    return hardest_pairs(name, scores[kept], listed.same[kept], pictures)


def _table(rows: Sequence[Row], listed: _Listed) -> Table:
    same = int(listed.same.sum())
    different = len(listed.pairs) - same
    folds = len(np.unique(listed.folds))
    named = listed.pairs[0].fold is not None
    notes = [
        f"{same} pairs of one person and {different} of different people"
        + (f"; {listed.repeated} rows repeat another and count once." if listed.repeated else "."),
        f"Accuracy: {folds} folds, "
        + ("as listed" if named else "of pairs that follow each other in the list")
        + ", each judged with the threshold that is best on the others (LFW's protocol); "
        "standard error of the mean over folds.",
        RATE_NOTE,
        coarse_far_note(different),
        f"A picture stands for its main face: large and near the middle. A pair with a picture "
        f"in which no face was found scores {NO_FACE_SCORE:g}, so that it counts as different "
        "people.",
        "Intervals: bootstrap over pairs.",
    ]
    columns = (
        Column("accuracy", "Accuracy"),
        Column("standard_error", "Standard error", better=None),
        *RATE_COLUMNS,
        Column("without_face", "Pairs without a face", "count", "lower"),
    )
    title = "Is it the same person? The listed pairs"
    return Table(
        "verification", title, "face encoder", columns, tuple(rows), tuple(filter(None, notes))
    )
