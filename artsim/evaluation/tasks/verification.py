"""The task ``faces``: are two faces one person's? Of listed pairs, and of all labeled faces."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import Payload
from artsim.errors import EvaluationError, MetadataError
from artsim.evaluation.metrics import (
    FARS,
    Booleans,
    Floats,
    Integers,
    RocCurve,
    consecutive_folds,
    folded_accuracy,
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
    notes_of,
)
from artsim.evaluation.runner import Contender, Run
from artsim.evaluation.statistics import (
    draw_pairs,
    draw_people,
    estimate_mean,
    estimate_rates,
)
from artsim.files import local_path
from artsim.search.neighbors import read_vectors
from artsim.store.protocol import Record

if TYPE_CHECKING:
    from artsim.evaluation.tasks.faces import FacesOptions, PictureFaces

NO_FACE_SCORE: Final = -1.0
"""Score of a pair in which a picture has no face: the least cosine there is."""

TRUTHS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_LISTED: Final = ("file_a", "file_b", "same")
_ROUNDS: Final = 50
_BLOCK: Final = 16_384
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
_LIST_TITLE: Final = "Is it the same person? The listed pairs"
_ALL_TITLE: Final = "Is it the same person? All pairs of labeled faces"
_OF_PAINTINGS: Final = ("painting_id", "image_uri", "image_sha256", "artist_key", "extra")
_FOLDS: Final = 10
_CURVE_POINTS: Final = 400
_MOST_PICTURES: Final = 12


def verify_listed(run: Run[FacesOptions], faces: PictureFaces, path: Path) -> Parts:
    """Verify the pairs of a list with every encoder, each picture by its main face.

    MetadataError if the list cannot be read, contradicts itself, or has too few pairs;
    EvaluationError if it names pictures that the gallery has not, or faces lack a vector.
    """
    listed, seed = read_pairs(path), run.options.seed
    records = run.gallery[PAINTINGS].scroll(payload_fields=_OF_PAINTINGS, page_size=1000)
    paintings = {str(record.payload["painting_id"]): record.payload for record in records}
    pairs = find_pairs(listed, paintings, path)
    same = np.array([pair.same for pair in pairs])
    folds = _folds(pairs, same, path)
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    shown = [faces.main[name] for name in names if name in faces.main]
    number = {str(face.payload["painting_id"]): i for i, face in enumerate(shown)}
    sides = np.array([[number.get(n, -1) for n in (p.first, p.second)] for p in pairs]).T
    found = np.asarray((sides >= 0).all(axis=0))
    ids = tuple(f"{pair.first} {pair.second}" for pair in pairs)
    values, rows, lines, hardest = [], [], [], list[PictureGroup]()
    for one in run.single:
        known, vectors = _vectors(run, one, shown)
        if len(known) < len(shown):
            raise EvaluationError(
                f"{len(shown) - len(known)} faces have no vector of {one.name}, which others have; "
                "ingest their source again with that face encoder",
                hint="--face-encoder",
            )
        scores = np.full(len(pairs), NO_FACE_SCORE)
        scores[found] = pair_cosines(vectors, *sides[:, found])
        curve = RocCurve(scores, same)
        cells, right = _estimates(curve, scores, same, folds, seed)
        rows.append(Row(one.name, {**cells, "without_face": int((~found).sum())}))
        lines.append(_roc_line(curve, one.name))
        values.append(QueryValues("verification", one.name, "accuracy", ids, right))
        judged = scores[found], same[found]
        hardest += _hardest_pairs(run, one, "", *judged, shown, sides[:, found])
    counted = {"of_one": int(same.sum()), "different": int((~same).sum())}
    parted = {"folds": len(np.unique(folds)), "listed_folds": pairs[0].fold is not None}
    limits = {"least_far": min(FARS.values()), "no_face": NO_FACE_SCORE}
    limits["repeated"] = len(listed) - len(pairs)
    notes = notes_of("verification", **counted, **parted, **limits)
    table = Table("verification", _LIST_TITLE, "face encoder", _LISTED_COLUMNS, tuple(rows), notes)
    table = run.with_training(table, run.single, [paintings[name] for name in names])
    plot = _roc_plot("roc", "ROC of the listed pairs", lines)
    return Parts((table,), tuple(values), (plot,), tuple(hardest))


def _estimates(
    curve: RocCurve, scores: Floats, same: Booleans, folds: Integers, seed: int
) -> tuple[dict[str, Cell], Floats]:
    """Return the cells of an encoder, and for each pair whether it was judged rightly."""
    judged, of_folds = folded_accuracy(scores, same, folds)
    right = judged.astype(np.float64)
    counts = int(same.sum()), len(same)
    rates = estimate_rates(curve, draw_pairs(len(same)), counts, seed=seed)
    error = float(of_folds.std(ddof=1) / np.sqrt(len(of_folds)))
    return {"accuracy": estimate_mean(right, seed=seed), "standard_error": error, **rates}, right


def find_pairs(
    listed: Sequence[ListedPair], paintings: Mapping[str, Payload], path: Path
) -> list[ListedPair]:
    """Return the pairs of a list by painting id, which may be listed by the file's name.

    A pair that was listed before, in whatever order, is left out. MetadataError if a pair is
    listed both as one person's and as different people's, EvaluationError if a name is no
    painting's, or several paintings'.
    """
    by_name: dict[str, list[str]] = {}
    for painting_id, payload in paintings.items():
        file = local_path(str(payload.get("image_uri", "")))
        for name in {PurePosixPath(painting_id).name, "" if file is None else file.name} - {""}:
            by_name.setdefault(name, []).append(painting_id)

    def only(name: str) -> str:
        found = [name] if name in paintings else by_name.get(name, [])
        if len(found) != 1:
            raise EvaluationError(
                f"{path}: {name!r} is the id or the file name of {len(found)} paintings of the "
                "gallery, expected of one; ingest it, list ids, or leave its pairs out"
            )
        return found[0]

    found: dict[frozenset[str], ListedPair] = {}
    for pair in listed:
        new = pair._replace(first=only(pair.first), second=only(pair.second))
        if found.setdefault(frozenset((new.first, new.second)), new).same != pair.same:
            raise MetadataError(
                f"{path}, line {pair.line}: {pair.first!r} and {pair.second!r} were listed "
                "before with the opposite truth; keep one of the two rows"
            )
    return list(found.values())


def _folds(pairs: Sequence[ListedPair], same: Booleans, path: Path) -> Integers:
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


def verify_all(run: Run[FacesOptions], faces: PictureFaces, labels: Mapping[str, str]) -> Parts:
    """Verify every pair of labeled faces, or a sample of them, with every encoder.

    `labels` says who is on a painting, by painting id; its main face is that person's. There
    are no parts where no two faces are of one person, or all are.
    """
    labeled = [faces.main[name] for name in labels]
    options, notes, rows, lines = run.options, dict[str, None](), [], []
    hardest: list[PictureGroup] = []
    for one in run.single:
        known, vectors = _vectors(run, one, labeled)
        names = [labels[str(face.payload["painting_id"])] for face in known]
        people, codes = np.unique(names, return_inverse=True)
        first, second = all_pairs(codes, most=options.most_pairs, seed=options.seed)
        same = codes[first] == codes[second]
        of_one = int(same.sum())
        if of_one in (0, len(same)):
            continue
        scores = pair_cosines(vectors, first, second)
        curve = RocCurve(scores, same)
        draw = draw_people(codes[first], codes[second])
        counts = {"faces": len(known), "people": len(people), "pairs": len(same)}
        estimates = estimate_rates(curve, draw, (of_one, len(same)), seed=options.seed)
        rows.append(Row(one.name, {**counts, "pairs_of_one": of_one, **estimates}))
        lines.append(_roc_line(curve, one.name))
        sides = np.stack([first, second])
        hardest += _hardest_pairs(run, one, ", of all pairs", scores, same, known, sides)
        told = {"options": options, "faces": len(known), "pairs": len(same)}
        told |= {"different": len(same) - of_one, "least_far": min(FARS.values())}
        notes |= dict.fromkeys(notes_of("verification_all", **told))
    if not rows:
        return Parts()
    named = ("verification_all", _ALL_TITLE, "face encoder")
    table = Table(*named, _ALL_COLUMNS, tuple(rows), tuple(notes))
    table = run.with_training(table, run.single, [face.payload for face in labeled])
    plot = _roc_plot("roc_all", "ROC of all pairs of labeled faces", lines)
    return Parts((table,), plots=(plot,), failures=tuple(hardest))


def _vectors(
    run: Run[FacesOptions], one: Contender, faces: Sequence[Record]
) -> tuple[list[Record], Vector]:
    """Return the faces that have an encoder's vector, and these."""
    table = read_vectors(run.collection, one.vector_names[0], payload_fields=())
    place = {point_id: i for i, point_id in enumerate(table.point_ids)}
    known = [face for face in faces if face.point_id in place]
    return known, table.vectors[[place[face.point_id] for face in known]]


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
    run: Run[FacesOptions],
    one: Contender,
    among: str,
    scores: Floats,
    same: Booleans,
    faces: Sequence[Record],
    sides: Integers,
) -> Iterator[PictureGroup]:
    """Yield the most alike pairs of different people, and the least alike of one person.

    `among` says in the titles of which pairs; `sides` are the numbers of both faces of each
    pair, shape (2, N).
    """
    order = np.argsort(-scores, kind="stable")
    for title, chosen in (
        (f"Different people, most alike for {one.name}{among}", order[~same[order]]),
        (f"One person, least alike for {one.name}{among}", order[same[order]][::-1]),
    ):
        rows = []
        for i in chosen[:_MOST_PICTURES].tolist():
            first, second = (faces[side].payload for side in sides[:, i])
            caption = run.caption(one.name, float(scores[i]), "cosine")
            hit = Picture(second, caption, right=bool(same[i]))
            rows.append(PictureRow(Picture(first), (hit,)))
        yield PictureGroup(title, tuple(rows))


def pair_cosines(vectors: Vector, first: Integers, second: Integers) -> Floats:
    """Return the cosines of M pairs of unit rows of float32, as float64 of shape (M,)."""
    cosines = np.empty(len(first))
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosines[rows] = np.einsum("ij,ij->i", vectors[first[rows]], vectors[second[rows]])
    return cosines


class ListedPair(NamedTuple):
    """Two pictures by painting id or the file's name; whether they show one person.

    Where the list says so also the set (`fold`) of the protocol; and where it stands.
    """

    first: str
    second: str
    same: bool
    fold: str | None
    line: int


def read_pairs(path: Path) -> list[ListedPair]:
    """Read a list of pairs: CSV with columns ``file_a``, ``file_b``, ``same``, perhaps ``fold``.

    ``same`` is 1 or 0, true or false, yes or no. MetadataError if the file cannot be read, a
    column is missing, or a row makes no sense.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in _LISTED if name not in (reader.fieldnames or ())]
            if missing:
                raise MetadataError(
                    f"{path}: expected the columns file_a, file_b and same, and none is called "
                    f"{missing[0]!r}; it has: {', '.join(reader.fieldnames or ()) or 'none'}"
                )
            pairs = []
            for row in reader:
                first, second, same = ((row.get(name) or "").strip() for name in _LISTED)
                if not first or not second or same.lower() not in TRUTHS:
                    raise MetadataError(
                        f"{path}, line {reader.line_num}: expected two names and 1 or 0, found "
                        f"{first!r}, {second!r}, {same!r}"
                    )
                fold = (row.get("fold") or "").strip() or None
                truth = TRUTHS[same.lower()]
                pairs.append(ListedPair(first, second, truth, fold, reader.line_num))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise MetadataError(f"{path}: cannot be read as CSV ({exc}); give a list of pairs") from exc
    if not pairs:
        raise MetadataError(f"{path}: expected pairs, and found none below the header")
    if len({pair.fold is None for pair in pairs}) > 1:
        line = next(pair.line for pair in pairs if pair.fold is None)
        raise MetadataError(f"{path}, line {line}: other pairs have a fold, and this one has none")
    return pairs


def all_pairs(labels: Integers, *, most: int, seed: int = 0) -> tuple[Integers, Integers]:
    """Return every pair of N labeled things (numbers from 0), or a sample of at most `most`.

    A sample holds pairs of one label first, up to half of `most`, for they are the rarer
    kind, and pairs of different labels in the rest; each kind is drawn evenly and without
    repetition, which is all that rates within a kind depend on.
    """
    count = len(labels)
    if count * (count - 1) // 2 <= most:
        return np.triu_indices(count, k=1)
    rng = np.random.default_rng(seed)

    def different(size: int) -> Integers:
        pairs = rng.integers(0, count, (size, 2))
        return np.asarray(pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]])

    alike = _alike(labels, most // 2, rng)
    others = _distinct(different, most - len(alike), count)
    first, second = np.concatenate([alike, others]).T
    return first, second


def _alike(labels: Integers, most: int, rng: np.random.Generator) -> Integers:
    """Return pairs of one label, shape (M, 2), the smaller index first."""
    sizes = np.bincount(labels)
    pairs_of = sizes * (sizes - 1) // 2
    total = int(pairs_of.sum())
    if total <= most:
        members = (np.flatnonzero(labels == label) for label in np.flatnonzero(sizes > 1))
        pairs = [pair for of_label in members for pair in combinations(of_label.tolist(), 2)]
        return np.array(pairs, dtype=np.intp).reshape(-1, 2)
    by_label = np.argsort(labels, kind="stable")
    starts = np.cumsum(sizes) - sizes

    def draw(size: int) -> Integers:
        label = rng.choice(len(sizes), size, p=pairs_of / total)
        first = rng.integers(0, sizes[label])
        second = (first + rng.integers(1, sizes[label])) % sizes[label]
        return np.asarray(by_label[starts[label] + np.stack([first, second])].T)

    return _distinct(draw, most, len(labels))


def _distinct(draw: Callable[[int], Integers], most: int, count: int) -> Integers:
    """Return at most `most` different pairs of what `draw` gives, in the order of drawing."""
    found = np.empty(0, dtype=np.intp)
    # Where few pairs exist, most draws repeat one another: fewer than asked for will do.
    for _ in range(_ROUNDS):
        first, second = np.sort(draw(most), axis=1).T
        found = np.concatenate([found, first * count + second])
        found = found[np.sort(np.unique(found, return_index=True)[1])][:most]
        if len(found) == most:
            break
    return np.stack(np.divmod(found, count), axis=1)
