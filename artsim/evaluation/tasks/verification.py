"""The task ``faces``: are two faces one person's? Of listed pairs, and of all labeled faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import numpy as np

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.metrics import Booleans, Floats, Integers
from artsim.evaluation.picture_faces import FacesOptions, PictureFaces
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
from artsim.evaluation.statistics import estimate_mean
from artsim.evaluation.verification import (
    FARS,
    ListedPair,
    RocCurve,
    all_pairs,
    consecutive_folds,
    draw_pairs,
    draw_people,
    estimate_rates,
    folded_accuracy,
    pair_cosines,
    read_pairs,
)
from artsim.files import local_path
from artsim.search.neighbors import read_vectors

NO_FACE_SCORE: Final = -1.0
"""Score of a pair in which a picture has no face: the least cosine there is."""

_RATE_COLUMNS: Final = (
    Column("auc", "AUC", "score"),
    Column("eer", "EER", better="lower"),
    *(Column(name, f"TAR at FAR {100 * far:g} %") for name, far in FARS.items()),
)
_LISTED_COLUMNS: Final = (
    Column("accuracy", "Accuracy"),
    Column("standard_error", "Standard error", better=None),
    *_RATE_COLUMNS,
    Column("without_face", "Pairs without a face", "count", "lower"),
)
_ALL_COLUMNS: Final = (
    Column("faces", "Faces", "count", None),
    Column("people", "People", "count", None),
    Column("pairs", "Pairs", "count", None),
    Column("pairs_of_one", "Of one person", "count", None),
    *_RATE_COLUMNS,
)
_RATE_NOTE: Final = (
    "A pair is accepted if the cosine of its faces reaches a threshold. TAR: accepted pairs of "
    "one person; FAR: accepted pairs of different people; TAR at a FAR is the largest of a "
    "threshold whose FAR is no higher, EER where FAR equals 1 - TAR."
)
_FOLDS: Final = 10
_CURVE_POINTS: Final = 400
_MOST_PICTURES: Final = 12


class PicturePair(NamedTuple):
    """Two paintings of the gallery, and whether they show one person."""

    first: Payload
    second: Payload
    same: bool
    fold: str | None

    @property
    def ids(self) -> tuple[str, str]:
        """Their painting ids."""
        return str(self.first["painting_id"]), str(self.second["painting_id"])


def verify_listed(run: Run[FacesOptions], faces: PictureFaces, path: Path) -> Parts:
    """Verify the pairs of a list with every encoder, each picture by its main face.

    Raises
    ------
    MetadataError
        If the list cannot be read, contradicts itself, or has too few pairs.
    EvaluationError
        If it names pictures that the gallery has not, or faces lack an encoder's vector.
    """
    listed, seed = read_pairs(path), run.options.seed
    fields = ("painting_id", "image_uri", "image_sha256", "artist_key", "extra")
    records = run.gallery[PAINTINGS].scroll(payload_fields=fields, page_size=1000)
    pairs = find_pairs(listed, [record.payload for record in records], path)
    same = np.array([pair.same for pair in pairs])
    folds = _folds(pairs, same, path)
    counts = int(same.sum()), len(pairs)
    ids = tuple(" ".join(pair.ids) for pair in pairs)
    values, rows, lines = [], [], []
    hardest: list[PictureGroup] = []
    for one in run.single:
        scores, found = _scores(run, pairs, faces, one.vector_names[0])
        curve = RocCurve(scores, same)
        judged, of_folds = folded_accuracy(scores, same, folds)
        right = judged.astype(np.float64)
        cells: dict[str, Cell] = {
            "accuracy": estimate_mean(right, seed=seed),
            "standard_error": float(of_folds.std(ddof=1) / np.sqrt(len(of_folds))),
            "without_face": int((~found).sum()),
            **estimate_rates(curve, draw_pairs(len(pairs)), counts, seed=seed),
        }
        rows.append(Row(one.name, cells))
        lines.append(_roc_line(curve, one.name))
        values.append(QueryValues("verification", one.name, "accuracy", ids, right))
        kept = np.flatnonzero(found)

        def pictures(i: int, kept: Integers = kept) -> list[Payload]:
            return [faces.main[name].payload for name in pairs[kept[i]].ids]

        hardest += _hardest_pairs(one.name, scores[kept], same[kept], pictures)
    notes = _listed_notes(len(listed), pairs, same, folds)
    title = "Is it the same person? The listed pairs"
    table = Table("verification", title, "face encoder", _LISTED_COLUMNS, tuple(rows), notes)
    works = {str(p["painting_id"]): p for pair in pairs for p in (pair.first, pair.second)}
    table = run.with_training(table, run.single, list(works.values()))
    plot = _roc_plot("roc", "ROC of the listed pairs", lines)
    return Parts((table,), tuple(values), (plot,), tuple(hardest))


def _listed_notes(
    listed: int, pairs: Sequence[PicturePair], same: Booleans, folds: Integers
) -> tuple[str, ...]:
    of_one, repeated = int(same.sum()), listed - len(pairs)
    told = f"; {repeated} rows repeat another and count once." if repeated else "."
    order = "of pairs that follow each other in the list" if pairs[0].fold is None else "as listed"
    return (
        f"{of_one} pairs of one person and {len(pairs) - of_one} of different people{told}",
        f"Accuracy: {len(np.unique(folds))} folds, {order}, each judged with the threshold that is "
        "best on the others (LFW's protocol); standard error of the mean over folds.",
        _RATE_NOTE,
        *_coarse_far(len(pairs) - of_one),
        f"A picture stands for its main face: large and near the middle. A pair with a picture "
        f"in which no face was found scores {NO_FACE_SCORE:g}, so that it counts as different "
        "people.",
        "Intervals: bootstrap over pairs.",
    )


def find_pairs(
    listed: Sequence[ListedPair], paintings: Sequence[Payload], path: Path
) -> list[PicturePair]:
    """Find the pictures of a list among the paintings, by id or by the file's name.

    A pair that was listed before, in whatever order, is left out. MetadataError if a pair is
    listed both as one person's and as different people's, EvaluationError if a name is no
    painting's, or several paintings'.
    """
    by_id = {str(payload["painting_id"]): [payload] for payload in paintings}
    by_file: dict[str, list[Payload]] = {}
    for painting_id, (payload,) in by_id.items():
        file = local_path(str(payload.get("image_uri", "")))
        for name in {PurePosixPath(painting_id).name, "" if file is None else file.name} - {""}:
            by_file.setdefault(name, []).append(payload)
    by_name = by_file | by_id
    unknown = sorted({n for p in listed for n in (p.first, p.second) if n not in by_name})
    if unknown:
        raise EvaluationError(
            f"{path}: the gallery has no painting of the id or file name {unknown[0]!r}"
            + (f", nor {len(unknown) - 1} others that are listed" if len(unknown) > 1 else "")
            + "; ingest them, or leave their pairs out"
        )

    def only(name: str) -> Payload:
        if len(by_name[name]) > 1:
            ids = ", ".join(repr(payload["painting_id"]) for payload in by_name[name][:3])
            raise EvaluationError(
                f"{path}: {name!r} is the file name of {len(by_name[name])} paintings ({ids}); "
                "list their ids instead"
            )
        return by_name[name][0]

    found: dict[frozenset[str], PicturePair] = {}
    for pair in listed:
        new = PicturePair(only(pair.first), only(pair.second), pair.same, pair.fold)
        if found.setdefault(frozenset(new.ids), new).same != pair.same:
            raise MetadataError(
                f"{path}, line {pair.line}: {pair.first!r} and {pair.second!r} were listed "
                "before with the opposite truth; keep one of the two rows"
            )
    return list(found.values())


def _folds(pairs: Sequence[PicturePair], same: Booleans, path: Path) -> Integers:
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
    run: Run[FacesOptions], pairs: Sequence[PicturePair], faces: PictureFaces, vector_name: str
) -> tuple[Floats, Booleans]:
    """Return each pair's score, and whether both of its pictures have a face."""
    table = read_vectors(run.collection, vector_name, payload_fields=())
    rows = {point_id: i for i, point_id in enumerate(table.point_ids)}

    def row(painting_id: str) -> int:
        face = faces.main.get(painting_id)
        if face is not None and face.point_id not in rows:
            raise EvaluationError(
                f"the face of {painting_id!r} has no vector of the encoder, which others have; "
                "ingest its source again with that face encoder",
                hint="--face-encoder",
                painting_id=painting_id,
            )
        return -1 if face is None else rows[face.point_id]

    sides = np.array([list(map(row, pair.ids)) for pair in pairs])
    found = np.asarray((sides >= 0).all(axis=1))
    scores = np.full(len(pairs), NO_FACE_SCORE)
    scores[found] = pair_cosines(table.vectors, *sides[found].T)
    return scores, found


def verify_all(run: Run[FacesOptions], faces: PictureFaces, labels: Mapping[str, str]) -> Parts:
    """Verify every pair of labeled faces, or a sample of them, with every encoder.

    `labels` says who is on a painting, by painting id; its main face is that person's. There
    are no parts where no two faces are of one person, or all are.
    """
    labeled = {faces.main[name].point_id: (faces.main[name], of) for name, of in labels.items()}
    options, notes, rows, lines = run.options, dict[str, None](), [], []
    hardest: list[PictureGroup] = []
    for one in run.single:
        table = read_vectors(run.collection, one.vector_names[0], payload_fields=())
        place = {point_id: i for i, point_id in enumerate(table.point_ids)}
        known = [point_id for point_id in labeled if point_id in place]
        vectors = table.vectors[[place[point_id] for point_id in known]]
        people, codes = np.unique([labeled[p][1] for p in known], return_inverse=True)
        first, second = all_pairs(codes, most=options.most_pairs, seed=options.seed)
        same = codes[first] == codes[second]
        of_one = int(same.sum())
        if of_one in (0, len(same)):
            continue
        scores = pair_cosines(vectors, first, second)
        curve = RocCurve(scores, same)
        draw = draw_people(codes[first], codes[second])
        counts = {"faces": len(known), "people": len(people), "pairs": len(same)}
        counts["pairs_of_one"] = of_one
        estimates = estimate_rates(curve, draw, (of_one, len(same)), seed=options.seed)
        rows.append(Row(one.name, {**counts, **estimates}))
        lines.append(_roc_line(curve, one.name))
        shown = [labeled[point_id][0].payload for point_id in known]

        def pictures(
            i: int,
            sides: tuple[Integers, Integers] = (first, second),
            shown: list[Payload] = shown,
        ) -> list[Payload]:
            return [shown[side[i]] for side in sides]

        hardest += _hardest_pairs(f"{one.name}, of all pairs", scores, same, pictures)
        notes |= dict.fromkeys(_all_notes(options, len(known), same))
    if not rows:
        return Parts()
    title = "Is it the same person? All pairs of labeled faces"
    found = Table(
        "verification_all", title, "face encoder", _ALL_COLUMNS, tuple(rows), tuple(notes)
    )
    found = run.with_training(found, run.single, [face.payload for face, _ in labeled.values()])
    plot = _roc_plot("roc_all", "ROC of all pairs of labeled faces", lines)
    return Parts((found,), plots=(plot,), failures=tuple(hardest))


def _all_notes(options: FacesOptions, faces: int, same: Booleans) -> tuple[str, ...]:
    how = "Every pair of labeled faces, each picture by its main face."
    if len(same) < faces * (faces - 1) // 2:
        how = (
            f"A seeded sample of {len(same)} pairs; rates within either kind are those of all "
            "pairs."
        )
    return (
        options.one_person,
        how,
        _RATE_NOTE,
        *_coarse_far(int((~same).sum())),
        "Intervals: bootstrap over people, since pairs that share a person go wrong together.",
    )


def _coarse_far(different: int) -> tuple[str, ...]:
    """Return what to say where pairs of different people are too few for the least FAR."""
    if different * min(FARS.values()) >= 1:
        return ()
    return (
        f"{different} pairs of different people resolve FAR to {100 / different:.2g} % only: "
        "TAR at a lower one is that of a threshold which accepts none of them.",
    )


def _roc_line(curve: RocCurve, name: str) -> Line:
    """Return the curve from its least FAR above 0, thinned to what a plot can show."""
    far, tar = curve.points()
    shown = np.flatnonzero(far > 0)
    if len(shown) > _CURVE_POINTS:
        wanted = np.geomspace(far[shown[0]], 1.0, _CURVE_POINTS)
        shown = np.unique(np.append(np.searchsorted(far, wanted, side="right") - 1, shown[0]))
    return Line(name, tuple(far[shown].tolist()), tuple(tar[shown].tolist()))


def _roc_plot(name: str, title: str, lines: Sequence[Line]) -> LinePlot:
    """Return the ROC curves over a logarithmic FAR, with the line of chance."""
    chance = tuple(np.geomspace(min(line.x[0] for line in lines), 1.0, 50).tolist())
    every = (*lines, Line("chance", chance, chance, dashed=True))
    axes = "False accept rate", "True accept rate"
    return LinePlot(name, title, *axes, every, x_scale="log", y_range=(0.0, 1.0))


def _hardest_pairs(
    name: str, scores: Floats, same: Booleans, pictures: Callable[[int], list[Payload]]
) -> tuple[PictureGroup, ...]:
    """Return the most alike pairs of different people, and the least alike of one person.

    `pictures` gives the payloads of the two faces of a pair, by the pair's index.
    """
    order = np.argsort(-scores, kind="stable")
    groups = []
    for title, chosen in (
        (f"Different people, most alike for {name}", order[~same[order]]),
        (f"One person, least alike for {name}", order[same[order]][::-1]),
    ):
        rows = []
        for i in chosen[:_MOST_PICTURES].tolist():
            first, second = pictures(i)
            hit = Picture(second, (f"cosine {scores[i]:.3f}",), right=bool(same[i]))
            rows.append(PictureRow(Picture(first), (hit,)))
        groups.append(PictureGroup(title, tuple(rows)))
    return tuple(groups)
