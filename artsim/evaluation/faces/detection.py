"""Detection: which person's is which face, from boxes drawn by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.errors import MetadataError
from artsim.evaluation.statistics import RESAMPLES, Estimate

Boxes = npt.NDArray[np.float64]
"""Rows (left, top, right, bottom) in pixels of the original picture, shape (N, 4)."""

UPPER: Final = 0.6
"""How much of a person's box, from the top, a face's center may lie in."""

_BOX: Final = re.compile(r"\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*:\s*(-?[\d.]+)\s*")


def parse_boxes(text: str, place: str) -> Boxes:
    """Return the boxes that ``x1:y1:x2:y2;…`` says, (x1, y1) the top left corner.

    Parameters
    ----------
    place : str
        Where it stands, for messages.

    Raises
    ------
    MetadataError
        If it says anything else, or a box is empty.
    """
    boxes = []
    for part in text.split(";"):
        match = _BOX.fullmatch(part)
        try:
            left, top, right, bottom = map(float, match.groups() if match else ())
        except ValueError:
            left = top = right = bottom = 0.0
        if left >= right or top >= bottom:
            raise MetadataError(
                f"{place}: expected boxes as x1:y1:x2:y2;x1:y1:x2:y2, left before right and "
                f"top before bottom, found {part.strip()!r}"
            )
        boxes.append((left, top, right, bottom))
    return np.array(boxes, dtype=np.float64)


def place_in_people(faces: Boxes, people: Boxes, *, upper: float = UPPER) -> Boxes:
    """Return how well each face sits in each person's box.

    Parameters
    ----------
    faces, people : ndarray of float64, shapes (F, 4) and (P, 4)
    upper : float
        A face is a person's if its center lies in this part of the box's height, from the
        top; in 0..1.

    Returns
    -------
    ndarray of float64, shape (F, P)
        0 where the face cannot be the person's, else in 0..1: nearer to the middle of the
        box's upper edge is higher.
    """
    x, y = (faces[:, :2] + faces[:, 2:]).T[..., None] / 2
    left, top, right, bottom = people.T
    height = bottom - top
    inside = (left <= x) & (x <= right) & (top <= y) & (y <= top + upper * height)
    away = np.hypot(x - (left + right) / 2, y - top) / np.hypot(right - left, height)
    # No point of a box is farther from the middle of its upper edge than its diagonal.
    return np.where(inside, 1.0 - 0.999 * np.minimum(away, 1.0), 0.0)


def place_on_faces(faces: Boxes, drawn: Boxes, *, least_iou: float) -> Boxes:
    """Return how well each face overlaps each box that was drawn around a face.

    Returns
    -------
    ndarray of float64, shape (F, P)
        Intersection over union, in 0..1; 0 where it is below `least_iou`.
    """
    low = np.maximum(faces[:, None, :2], drawn[None, :, :2])
    high = np.minimum(faces[:, None, 2:], drawn[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (faces, drawn)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.where(iou >= least_iou, iou, 0.0)


def match_one_to_one(places: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Give each face at most one person and each person at most one face.

    As many as possible get one another; among the ways to do so, the one with the best
    places in sum is taken [1]_.

    Parameters
    ----------
    places : ndarray of float64, shape (F, P)
        From `place_in_people` or `place_on_faces`; 0 forbids.

    Returns
    -------
    ndarray of int, shape (F,)
        Index of each face's person; -1 where it has none.

    References
    ----------
    .. [1] Crouse (2016). On implementing 2D rectangular assignment algorithms. IEEE
       Transactions on Aerospace and Electronic Systems 52, 1679-1696 (as in SciPy).
    """
    from scipy.optimize import linear_sum_assignment

    matched = np.full(places.shape[0], -1, dtype=np.intp)
    if places.size == 0:
        return matched
    # One more pair outweighs any gain in places.
    worth = np.where(places > 0, places + min(places.shape) + 1, 0.0)
    faces, people = linear_sum_assignment(worth, maximize=True)
    allowed = places[faces, people] > 0
    matched[faces[allowed]] = people[allowed]
    return matched


@dataclass(frozen=True, slots=True)
class MatchedFaces:
    """The faces of one painting against its boxes.

    Attributes
    ----------
    has_face : ndarray of bool, shape (P,)
        Whether each person got a face.
    has_any : ndarray of bool, shape (P,)
        Whether there is a face that could be the person's, if several may share one.
    has_person : ndarray of bool, shape (F,)
        Whether each face got a person.
    is_outside : ndarray of bool, shape (F,)
        Whether a face can be nobody's, even if several faces may share a person.
    """

    has_face: npt.NDArray[np.bool_]
    has_any: npt.NDArray[np.bool_]
    has_person: npt.NDArray[np.bool_]
    is_outside: npt.NDArray[np.bool_]


def match_faces(places: npt.NDArray[np.float64]) -> MatchedFaces:
    """Match the faces and people of one painting; `places` as for `match_one_to_one`."""
    person = match_one_to_one(places)
    has_face = np.zeros(places.shape[1], dtype=np.bool_)
    has_face[person[person >= 0]] = True
    possible = places > 0
    return MatchedFaces(
        has_face,
        np.asarray(possible.any(axis=0)),
        person >= 0,
        np.asarray(~possible.any(axis=1)),
    )


def estimate_share(
    parts: npt.ArrayLike, wholes: npt.ArrayLike, *, seed: int = 0
) -> Estimate | None:
    """Return the share that N paintings' parts are of their wholes, drawing paintings.

    People of one painting are found or missed together, so that the paintings are drawn,
    and not the people.

    Parameters
    ----------
    parts, wholes : array of int, shape (N,)
        For each painting, such as its people with a face, and its people.
    seed : int
        Of the resampling.

    Returns
    -------
    Estimate or None
        With the 95 % percentile interval; `count` is the sum of `wholes`. None where that
        is 0.
    """
    part, whole = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if part.shape != whole.shape or part.ndim != 1:
        raise ValueError(f"expected two arrays of shape (N,), got {part.shape} and {whole.shape}")
    total = float(whole.sum())
    if total == 0.0:
        return None
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(whole), len(whole))
        if (of_drawn := whole[drawn].sum()) > 0:
            shares.append(part[drawn].sum() / of_drawn)
    low, high = np.quantile(shares, (0.025, 0.975))
    return Estimate(float(part.sum() / total), float(low), float(high), int(total))
