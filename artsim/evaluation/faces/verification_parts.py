"""What both kinds of verification share: scores, columns, curves and the hardest pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Vector
from artsim.catalog.payload import Payload
from artsim.evaluation.faces.verification import FARS, RocCurve, Same, Scores
from artsim.evaluation.faces.verification_intervals import far_column
from artsim.evaluation.report import Column, Line, LinePlot, Picture, PictureGroup, PictureRow

RATE_COLUMNS: Final = (
    Column("auc", "AUC", "score"),
    Column("eer", "EER", better="lower"),
    *(Column(far_column(far), f"TAR at FAR {100 * far:g} %") for far in FARS),
)

RATE_NOTE: Final = (
    "A pair is accepted if the cosine of its faces reaches a threshold. TAR: accepted pairs of "
    "one person; FAR: accepted pairs of different people; TAR at a FAR is the largest of a "
    "threshold whose FAR is no higher, EER where FAR equals 1 - TAR."
)

_BLOCK: Final = 16_384
_CURVE_POINTS: Final = 400
_MOST_PICTURES: Final = 12


def pair_cosines(
    vectors: Vector, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> Scores:
    """Return the cosines of pairs of unit rows.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
    first, second : ndarray of int, shape (M,)
        Rows.

    Returns
    -------
    ndarray of float64, shape (M,)
    """
    cosines = np.empty(len(first))
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosines[rows] = np.einsum("ij,ij->i", vectors[first[rows]], vectors[second[rows]])
    return cosines


def coarse_far_note(different: int) -> str | None:
    """Return what to say where pairs of different people are too few for the least FAR."""
    if different * min(FARS) >= 1:
        return None
    return (
        f"{different} pairs of different people resolve FAR to {100 / different:.2g} % only: "
        "TAR at a lower one is that of a threshold which accepts none of them."
    )


def roc_line(curve: RocCurve, name: str) -> Line:
    """Return the curve from its least FAR above 0, thinned to what a plot can show."""
    far, tar = curve.points()
    shown = np.flatnonzero(far > 0)
    if len(shown) > _CURVE_POINTS:
        wanted = np.geomspace(far[shown[0]], 1.0, _CURVE_POINTS)
        shown = np.unique(np.append(np.searchsorted(far, wanted, side="right") - 1, shown[0]))
    return Line(name, tuple(far[shown].tolist()), tuple(tar[shown].tolist()))


def roc_plot(name: str, title: str, lines: Sequence[Line]) -> LinePlot:
    """Return the ROC curves over a logarithmic FAR, with the line of chance."""
    least = min(line.x[0] for line in lines)
    chance = np.geomspace(least, 1.0, 50)
    return LinePlot(
        name,
        title,
        "False accept rate",
        "True accept rate",
        (*lines, Line("chance", tuple(chance.tolist()), tuple(chance.tolist()), dashed=True)),
        x_scale="log",
        y_range=(0.0, 1.0),
    )


def hardest_pairs(
    name: str, scores: Scores, same: Same, pictures: Callable[[int], tuple[Payload, Payload]]
) -> tuple[PictureGroup, ...]:
    """Return the most alike pairs of different people, and the least alike of one person.

    Parameters
    ----------
    pictures : callable
        Payloads of the two faces of a pair, by the pair's index.
    """
    order = np.argsort(-scores, kind="stable")
    groups = (
        (f"Different people, most alike for {name}", order[~same[order]]),
        (f"One person, least alike for {name}", order[same[order]][::-1]),
    )
    return tuple(
        PictureGroup(title, tuple(_pair(pictures(i), scores[i], bool(same[i])) for i in chosen))
        for title, chosen in ((title, of[:_MOST_PICTURES].tolist()) for title, of in groups)
    )


def _pair(pictures: tuple[Payload, Payload], score: float, same: bool) -> PictureRow:
    first, second = pictures
    return PictureRow(Picture(first), (Picture(second, (f"cosine {score:.3f}",), right=same),))
