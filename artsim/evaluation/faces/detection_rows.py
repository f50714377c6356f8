"""Rows on people and faces: in all, by style, by size, by the detector's least score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.payload import Payload
from artsim.evaluation.faces.detection import MatchedFaces, estimate_share, match_faces
from artsim.evaluation.faces.parts import label_of
from artsim.evaluation.report import Cell, Column, Row

PEOPLE = Column("people", "People", "count", None)
COVERED = Column("covered", "With a face of their own")
SHARED = Column("covered_or_shared", "With any face")
FACES = Column("faces", "Faces", "count", None)
PRECISION = Column("precision", "Faces with a person")
OUTSIDE = Column("outside", "Faces outside every box", better="lower")

_SCORES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_HEIGHTS: Final = (0, 50, 100, 150, 200, 300)
_FACE_SIZES: Final = (0, 20, 30, 40, 60, 100)
_MOST_STYLES: Final = 25


@dataclass(frozen=True, slots=True)
class JudgedPainting:
    """A painting with boxes, its faces, and who got whom.

    Attributes
    ----------
    heights : ndarray of float64, shape (P,)
        Of the people's boxes, in pixels.
    faces : tuple of dict
        F payloads.
    places : ndarray of float64, shape (F, P)
        How well each face sits in each box; 0 where it cannot be the person's.
    matched : MatchedFaces
        With all faces.
    """

    payload: Payload
    heights: npt.NDArray[np.float64]
    faces: tuple[Payload, ...]
    places: npt.NDArray[np.float64]
    matched: MatchedFaces

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """The detector's confidence in each face, shape (F,)."""
        return np.array([face["detection_score"] for face in self.faces], dtype=np.float64)

    @property
    def sizes(self) -> npt.NDArray[np.float64]:
        """Short side of each face, in pixels, shape (F,)."""
        return np.array([face["face_size"] for face in self.faces], dtype=np.float64)


def people_cells(
    judged: Sequence[JudgedPainting],
    least: float,
    most: float = np.inf,
    *,
    matched: Sequence[MatchedFaces] | None = None,
    seed: int,
) -> dict[str, Cell]:
    """Return the cells on people whose box is ``least..most`` high, `most` excluded."""
    counts, covered, shared = [], [], []
    for painting, match in zip(judged, matched or [p.matched for p in judged], strict=True):
        counted = (painting.heights >= least) & (painting.heights < most)
        counts.append(int(counted.sum()))
        covered.append(int(match.has_face[counted].sum()))
        shared.append(int(match.has_any[counted].sum()))
    return {
        PEOPLE.name: sum(counts),
        COVERED.name: estimate_share(covered, counts, seed=seed),
        SHARED.name: estimate_share(shared, counts, seed=seed),
    }


def face_cells(
    judged: Sequence[JudgedPainting],
    keep: Callable[[JudgedPainting], npt.NDArray[np.bool_]] | None = None,
    *,
    matched: Sequence[MatchedFaces] | None = None,
    seed: int,
) -> dict[str, Cell]:
    """Return the cells on faces, of those that `keep` takes; `matched` has no others."""
    counts, owned, outside = [], [], []
    for painting, match in zip(judged, matched or [p.matched for p in judged], strict=True):
        kept = slice(None) if keep is None else keep(painting)
        counts.append(len(match.has_person[kept]))
        owned.append(int(match.has_person[kept].sum()))
        outside.append(int(match.is_outside[kept].sum()))
    return {
        FACES.name: sum(counts),
        PRECISION.name: estimate_share(owned, counts, seed=seed),
        OUTSIDE.name: estimate_share(outside, counts, seed=seed),
    }


def style_rows(judged: Sequence[JudgedPainting], least: float, seed: int) -> tuple[Row, ...]:
    """Return a row for each style (of several the first), that with most people first."""
    by_style: dict[str, list[JudgedPainting]] = {}
    for painting in judged:
        by_style.setdefault(label_of(painting.payload, "style") or "unknown", []).append(painting)
    rows = [
        Row(style, people_cells(of, least, seed=seed) | face_cells(of, seed=seed))
        for style, of in sorted(
            by_style.items(), key=lambda entry: (-count_people(entry[1], least), entry[0])
        )
    ]
    return tuple(rows[:_MOST_STYLES])


def count_people(judged: Sequence[JudgedPainting], least: float) -> int:
    """Return how many people's boxes are at least so high."""
    return sum(int((painting.heights >= least).sum()) for painting in judged)


def height_rows(judged: Sequence[JudgedPainting], seed: int) -> tuple[Row, ...]:
    """Return a row for each range of heights of people's boxes."""
    return tuple(
        Row(_band(least, most), cells)
        for least, most in _bands(_HEIGHTS)
        if (cells := people_cells(judged, least, most, seed=seed))[PEOPLE.name]
    )


def size_rows(judged: Sequence[JudgedPainting], seed: int) -> tuple[Row, ...]:
    """Return a row for each range of sizes of faces."""
    rows = []
    for least, most in _bands(_FACE_SIZES):

        def keep(
            painting: JudgedPainting, least: float = least, most: float = most
        ) -> npt.NDArray[np.bool_]:
            return (painting.sizes >= least) & (painting.sizes < most)

        cells = face_cells(judged, keep, seed=seed)
        if cells[FACES.name]:
            rows.append(Row(_band(least, most), cells))
    return tuple(rows)


def _bands(edges: Sequence[int]) -> Iterable[tuple[int, float]]:
    return zip(edges, [*edges[1:], np.inf], strict=True)


def _band(least: float, most: float) -> str:
    return f"{least:g} or more" if np.isinf(most) else f"{least:g}-{most - 1:g}"


def at_least(judged: Sequence[JudgedPainting], score: float) -> list[MatchedFaces]:
    """Return who gets whom if only faces of that score are found."""
    return [
        p.matched if (p.scores >= score).all() else match_faces(p.places[p.scores >= score])
        for p in judged
    ]


def score_rows(judged: Sequence[JudgedPainting], least: float, seed: int) -> tuple[Row, ...]:
    """Return a row for each least score that the detector might have had."""
    scores = np.concatenate([painting.scores for painting in judged])
    rows = []
    for score in _SCORES:
        if len(scores) and scores.min() <= score <= scores.max():
            matched = at_least(judged, score)
            people = people_cells(judged, least, matched=matched, seed=seed)
            rows.append(Row(f"{score:g}", people | face_cells(judged, matched=matched, seed=seed)))
    return tuple(rows)
