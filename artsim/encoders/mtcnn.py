"""Face detection by MTCNN, with facenet-pytorch's weights and faces, in a fraction of its time.

References
----------
.. [1] Zhang, Zhang, Li & Qiao (2016). Joint face detection and alignment using
   multitask cascaded convolutional networks. IEEE Signal Processing Letters 23(10).
.. [2] Esler (2019). facenet-pytorch, ``models/utils/detect_face.py``, version 2.5.3.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.arrays import RGBImage
from artsim.catalog.faces import Box, DetectedFace
from artsim.encoders.mtcnn_boxes import (
    Boxes,
    Scores,
    has_pixels,
    shift,
    squared,
    suppress,
    windows_of,
)
from artsim.encoders.mtcnn_nets import CandidateNet, ProposalNet
from artsim.encoders.mtcnn_pyramid import CELL, STRIDE, fold_pyramid, plan_pyramid
from artsim.encoders.mtcnn_windows import SumTable, resize_windows, sum_table
from artsim.encoders.one_core import OneCoreWorkers

VERSION: Final = 1
"""To be raised whenever other faces come of the same settings."""

DEFAULT_MIN_FACE: Final = 20
DEFAULT_SCORE: Final = 0.9

SMALLEST_FACE: Final = CELL
"""The first net's window: it sees no face of fewer pixels."""


class _Candidates(NamedTuple):
    boxes: Boxes
    scores: Scores


class MTCNNDetector:
    """Finder of all faces of a picture: three nets, each sifting what the last one let by.

    The same faces as facenet-pytorch's ``MTCNN(keep_all=True)`` with the same
    thresholds, to rounding. A picture's faces depend on nothing but the picture. Meant to
    be called from several threads: on a CPU each picture is the work of one core.

    Parameters
    ----------
    min_face : int
        Side of the smallest faces that are looked for, in pixels of the picture; at
        least 12. The time grows with its inverse square.
    score : float
        Least confidence of the last net, in 0..1.
    thresholds : tuple of two float
        Least confidence of the first and the second net.
    device : torch.device or str

    Raises
    ------
    ValueError
        If a number is out of range.
    WeightsError
        If facenet-pytorch's weights are missing or damaged.
    """

    def __init__(
        self,
        *,
        min_face: int = DEFAULT_MIN_FACE,
        score: float = DEFAULT_SCORE,
        thresholds: tuple[float, float] = (0.6, 0.7),
        device: torch.device | str = "cpu",
    ) -> None:
        if min_face < SMALLEST_FACE:
            raise ValueError(f"min_face must be at least {SMALLEST_FACE} pixels, got {min_face}")
        for value in (score, *thresholds):
            if not 0 < value < 1:
                raise ValueError(f"score and thresholds must lie between 0 and 1, got {value}")
        self._min_face = min_face
        self._thresholds = (*thresholds, score)
        where = torch.device(device)
        self._workers = OneCoreWorkers() if where.type == "cpu" else None
        self._pnet = ProposalNet(where)
        self._rnet = CandidateNet("RNet", where)
        self._onet = CandidateNet("ONet", where)

    @property
    def identity(self) -> str:
        """Model, version and thresholds: other faces come only of another identity."""
        first, second, last = self._thresholds
        name = f"mtcnn-facenet2.5.3-v{VERSION}-min{self._min_face}-score{last:g}"
        return name if (first, second) == (0.6, 0.7) else f"{name}-{first:g}-{second:g}"

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y.

        Parameters
        ----------
        image : ndarray of uint8, shape (height, width, 3)
            Any size; a picture narrower than `min_face` has no face.

        Raises
        ------
        ValueError
            If `image` is of another shape or dtype.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"uint8 of shape (height, width, 3) expected, got {image.dtype} {image.shape}"
            )
        if min(image.shape[:2]) < self._min_face:
            return []
        if self._workers is None:
            return self._detect(image)
        return self._workers.run(partial(self._detect, image))

    def _detect(self, image: RGBImage) -> list[DetectedFace]:
        height, width = image.shape[:2]
        table = sum_table(image)
        candidates = self._refine(table, self._propose(table))
        boxes, scores, landmarks = self._confirm(table, candidates)
        faces = [
            _to_face(box, points, score, width, height)
            for box, points, score in zip(boxes, landmarks, scores, strict=True)
        ]
        found = [face for face in faces if face is not None]
        return sorted(found, key=lambda face: (-face.score, face.box.x, face.box.y))

    def _propose(self, table: SumTable) -> _Candidates:
        """First net: squares that may hold a face, over all scales."""
        height, width = table.shape[0] - 1, table.shape[1] - 1
        pyramid = plan_pyramid(height, width, self._min_face)
        odds, hidden = self._pnet(
            fold_pyramid(table, pyramid), pyramid.odd_rows, pyramid.odd_columns
        )
        threshold = self._thresholds[0]
        least = math.log(threshold / (1 - threshold))
        found = []
        for level in pyramid.levels:
            y, x = np.nonzero(odds[level.places] >= least)
            corner = np.stack([x, y], axis=1).astype(np.float32) * STRIDE + 1
            ends = np.concatenate([corner, corner + (CELL - 1)], axis=1)
            boxes = np.floor(ends / np.float32(level.scale))
            scores = np.float32(1) / (np.float32(1) + np.exp(-odds[level.places][y, x]))
            kept = suppress(boxes, scores, 0.5)
            offsets = self._pnet.corrections(hidden[level.places][y[kept], x[kept]])
            found.append((boxes[kept], scores[kept], offsets))
        boxes, scores, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = suppress(boxes, scores, 0.7)
        return _Candidates(squared(shift(boxes[kept], offsets[kept], edge=0)), scores[kept])

    def _refine(self, table: SumTable, candidates: _Candidates) -> _Candidates:
        """Second net: keep the likely ones, with better boxes."""
        boxes, windows = _within(table, candidates.boxes)
        if not len(boxes):
            return _Candidates(boxes, candidates.scores[:0])
        offsets, odds = self._rnet(resize_windows(table, windows, 24))
        passed = odds[:, 1] > self._thresholds[1]
        boxes, scores, offsets = boxes[passed], odds[passed, 1], offsets[passed]
        kept = suppress(boxes, scores, 0.7)
        return _Candidates(squared(shift(boxes[kept], offsets[kept], edge=1)), scores[kept])

    def _confirm(
        self, table: SumTable, candidates: _Candidates
    ) -> tuple[Boxes, Scores, npt.NDArray[np.float32]]:
        """Third net: the faces, with their landmarks of shape (N, 5, 2)."""
        boxes, windows = _within(table, candidates.boxes)
        if not len(boxes):
            return boxes, candidates.scores[:0], np.zeros((0, 5, 2), dtype=np.float32)
        offsets, points, odds = self._onet(resize_windows(table, windows, 48))
        passed = odds[:, 1] > self._thresholds[2]
        boxes, scores, offsets = boxes[passed], odds[passed, 1], offsets[passed]
        size = boxes[:, 2:] - boxes[:, :2] + 1
        places = points[passed].reshape(-1, 2, 5).transpose(0, 2, 1)  # all x, then all y
        landmarks = places * size[:, None] + boxes[:, None, :2] - 1
        boxes = shift(boxes, offsets, edge=1)
        kept = suppress(boxes, scores, 0.7, relative_to="smaller")
        return boxes[kept], scores[kept], landmarks[kept]


def _within(table: SumTable, boxes: Boxes) -> tuple[Boxes, npt.NDArray[np.intp]]:
    """Return the boxes that cover pixels of the picture, and which pixels."""
    windows = windows_of(boxes, table.shape[1] - 1, table.shape[0] - 1)
    inside = has_pixels(windows)
    return boxes[inside], windows[inside]


def _to_face(
    box: npt.NDArray[np.float32],
    landmarks: npt.NDArray[np.float32],
    score: np.float32,
    width: int,
    height: int,
) -> DetectedFace | None:
    """Return the face with its box clipped to the picture; None if nothing is left."""
    left, right = (min(max(float(x), 0.0), float(width)) for x in box[[0, 2]])
    top, bottom = (min(max(float(y), 0.0), float(height)) for y in box[[1, 3]])
    if right <= left or bottom <= top:
        return None
    return DetectedFace(
        Box(left, top, right - left, bottom - top),
        np.ascontiguousarray(landmarks, dtype=np.float32),
        float(score),
    )
