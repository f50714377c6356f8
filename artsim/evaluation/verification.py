"""Verification: from scored pairs of faces to ROC curve, error rates and accuracy.

A pair is accepted, that is taken for one person, if its score reaches a threshold. TAR is
the share of pairs of one person that are accepted (true accepts), FAR the share of pairs
of different people (false accepts).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Vector
from artsim.errors import MetadataError
from artsim.evaluation.metrics import Booleans, Floats, Integers
from artsim.evaluation.statistics import ENDS, Estimate

FARS: Final = {"tar_at_far_1e-2": 1e-2, "tar_at_far_1e-3": 1e-3}
"""False accept rates at which the true accept rate is reported, by the name of the column."""

RESAMPLES: Final = 500

Weights: TypeAlias = npt.NDArray[Any]
"""How often each of N pairs counts, at least 0, shape (N,)."""

Draw: TypeAlias = Callable[[np.random.Generator], Weights]
"""Maker of one resample."""

TRUTHS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_COLUMNS: Final = ("file_a", "file_b", "same")
_ROUNDS: Final = 50
_BLOCK: Final = 16_384


class RocCurve:
    """The points that the thresholds of scored pairs reach, for any weights of the pairs.

    `scores` are finite, higher is nearer; `same` is whether both faces of a pair are one person's,
    and there is one at least of either kind. Only the corners of the curve are kept. Between
    thresholds that admit pairs of one kind alone the curve is straight whatever the weights, so
    that nothing is lost, and a bootstrap over many pairs takes cumulative sums and little more;
    scikit-learn's ``roc_curve`` would sort all pairs for each resample.
    """

    def __init__(self, scores: Floats, same: Booleans) -> None:
        if not np.isfinite(scores).all() or not same.any() or same.all():
            raise ValueError("expected finite scores, of pairs of one person and of different ones")
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
        accepted = np.cumsum(same[order])[ends]
        rises, runs = (np.diff(n, prepend=0) > 0 for n in (accepted, ends + 1 - accepted))
        straight = (rises[:-1] != runs[:-1]) & (rises[:-1] == rises[1:]) & (runs[:-1] == runs[1:])
        corner = np.append(~straight, True)
        # Of pairs of different people, and of one person: which, and how many each corner accepts.
        self._parts = (
            (order[~same[order]], (ends + 1 - accepted)[corner]),
            (order[same[order]], accepted[corner]),
        )

    def points(self, weights: Weights | None = None) -> tuple[Floats, Floats]:
        """Return FAR and TAR of each corner, from (0, 0) to (1, 1), for weights of the pairs.

        They rise; either is NaN where the weights leave no pair of that kind.
        """
        shares = []
        for part, counts in self._parts:
            counted = np.ones(len(part)) if weights is None else weights[part]
            sums = np.concatenate([[0.0], np.cumsum(counted, dtype=np.float64)])
            shares.append(sums[np.append(0, counts)] / (sums[-1] or np.nan))
        return shares[0], shares[1]


def rates(far: Floats, tar: Floats) -> dict[str, float]:
    """Return what a curve from `RocCurve.points` comes down to; NaN where the curve is.

    ``auc`` is the area under the curve, the chance that a pair of one person scores higher than
    a pair of different people, a tie counting half; ``eer`` is where FAR equals 1 - TAR, the curve
    taken as straight between its points; and for each of `FARS` the largest TAR of a threshold
    whose FAR is at most that, not interpolated.
    """
    if not (np.isfinite(far).all() and np.isfinite(tar).all()):
        return dict.fromkeys(("auc", "eer", *FARS), np.nan)
    excess = far + tar - 1.0
    after = int(np.searchsorted(excess, 0.0, side="left"))
    part = -excess[after - 1] / (excess[after] - excess[after - 1])
    reached = np.searchsorted(far, list(FARS.values()), side="right") - 1
    return {
        "auc": float(np.trapezoid(tar, far)),
        "eer": float(far[after - 1] + part * (far[after] - far[after - 1])),
        **dict(zip(FARS, tar[reached].tolist(), strict=True)),
    }


def draw_pairs(count: int) -> Draw:
    """Return the bootstrap that draws `count` pairs, one by one, with replacement."""
    return lambda rng: np.bincount(rng.integers(0, count, count), minlength=count)


def draw_people(first: Integers, second: Integers) -> Draw:
    """Return the bootstrap that draws people, and with them all pairs they are in.

    Pairs that share a person go right or wrong together, so that drawing them one by one
    would make intervals too narrow. A pair of one person counts as often as the person
    was drawn, a pair of two people as often as the product of both: Bolle, Ratha & Pankanti
    (2004), the subsets bootstrap (Computer Vision and Image Understanding 93, 1-33). The people
    of both faces of each pair are numbers from 0.
    """
    people = int(max(first.max(), second.max())) + 1

    def draw(rng: np.random.Generator) -> Weights:
        drawn = np.bincount(rng.integers(0, people, people), minlength=people)
        return np.where(first == second, drawn[first], drawn[first] * drawn[second])

    return draw


def estimate_rates(
    curve: RocCurve, draw: Draw, counts: tuple[int, int], *, seed: int = 0
) -> dict[str, Estimate]:
    """Return the `rates` of a curve, with 95 % percentile intervals.

    `counts` are the pairs of one person, and all pairs: what TAR is a share of, and AUC and EER.
    """
    rng = np.random.default_rng(seed)
    whole = rates(*curve.points())
    rows = np.array([[*rates(*curve.points(draw(rng))).values()] for _ in range(RESAMPLES)])
    # A resample without any pair of one kind has no curve.
    kept = rows[np.isfinite(rows).all(axis=1)]
    if len(kept) == 0:
        kept = np.array([[*whole.values()]])
    low, high = np.quantile(kept, ENDS, axis=0).tolist()
    return {
        name: Estimate(value, low[i], high[i], counts[0 if name in FARS else 1])
        for i, (name, value) in enumerate(whole.items())
    }


def consecutive_folds(same: Booleans, count: int = 10) -> Integers:
    """Divide pairs into folds of neighbors, with as many pairs of either kind in each.

    On LFW's own list, ten sets of 300 pairs of one person and 300 of different people, these are
    its sets: what KFold without shuffling makes of it in facenet (``src/facenet.py``) and
    insightface (``recognition/arcface_mxnet/verification.py``). A list with all pairs of one kind
    first divides as well.
    """
    folds = np.empty(len(same), dtype=np.intp)
    for kind in (same, ~same):
        for fold, part in enumerate(np.array_split(np.flatnonzero(kind), count)):
            folds[part] = fold
    return folds


def folded_accuracy(scores: Floats, same: Booleans, folds: Integers) -> tuple[Booleans, Floats]:
    """Judge each of two folds or more with the threshold that is best on all the others.

    The protocol of LFW's View 2, as facenet's and insightface's evaluation code have it.
    Theirs tries a grid of distances; here every threshold that makes a difference on the
    other folds is tried, halfway between two of their scores, so that encoders whose
    scores crowd together are not wronged. Of equally good ones the strictest is taken, as
    theirs do. Returns whether each pair was judged right, and the share of right ones by fold.
    """
    right = np.empty(len(scores), dtype=np.bool_)
    numbers = np.unique(folds)
    for number in numbers:
        judged = folds == number
        threshold = best_threshold(scores[~judged], same[~judged])
        right[judged] = (scores[judged] >= threshold) == same[judged]
    return right, np.array([right[folds == number].mean() for number in numbers])


def best_threshold(scores: Floats, same: Booleans) -> float:
    """Return the threshold that judges most pairs right, the strictest of equally good ones.

    It lies halfway between two neighboring scores, or is infinite where it is best to
    accept none or all.
    """
    values, which = np.unique(scores, return_inverse=True)
    values = values[::-1]
    more = np.bincount(which, np.where(same, 1, -1), minlength=len(values))[::-1]
    # With the first k values accepted, k from 0 on; all but a constant.
    best = int(np.argmax(np.concatenate([[0], np.cumsum(more)])))
    if best in (0, len(values)):
        return np.inf if best == 0 else -np.inf
    return float((values[best - 1] + values[best]) / 2)


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
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise MetadataError(
                    f"{path}: expected the columns file_a, file_b and same, and none is called "
                    f"{missing[0]!r}; it has: {', '.join(reader.fieldnames or ()) or 'none'}"
                )
            pairs = []
            for row in reader:
                first, second, same = ((row.get(name) or "").strip() for name in _COLUMNS)
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
