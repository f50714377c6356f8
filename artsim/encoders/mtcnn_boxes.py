"""Boxes of MTCNN's candidates: overlaps, suppression and corrections.

A box is a row (left, top, right, bottom) of float32. The conventions are those of
facenet-pytorch, where some sizes count a pixel more than others do.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Boxes: TypeAlias = npt.NDArray[np.float32]
"""Rows (left, top, right, bottom), shape (N, 4)."""

Scores: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.intp]

_BLOCK = 512
"""Boxes compared at once: bounds the overlap matrix to a megabyte."""


def suppress(
    boxes: Boxes,
    scores: Scores,
    threshold: float,
    *,
    relative_to: Literal["union", "smaller"] = "union",
) -> IndexArray:
    """Return which boxes stay when of any two that overlap the better one wins.

    Greedy non-maximum suppression: by falling score, equal scores in the given order, a
    box stays unless it overlaps one that stayed by more than `threshold` of their union,
    or of the smaller of the two (whose sizes then count both edge pixels).

    Returns
    -------
    ndarray of int, shape (K,)
        Indices of the boxes that stay, best first.
    """
    # The overlap is compared as a double, as in torchvision's kernel.
    threshold = np.float64(threshold)
    order = np.argsort(-scores, kind="stable")
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if len(kept):
            hidden = _overlap(boxes[kept], boxes[block], relative_to) > threshold
            block = block[~hidden.any(axis=0)]
        kept = np.concatenate([kept, block[_first_of_each(boxes[block], threshold, relative_to)]])
    return kept


def _first_of_each(boxes: Boxes, threshold: float, relative_to: str) -> npt.NDArray[np.bool_]:
    """Return which of the boxes, best first, stay among themselves."""
    hides = np.triu(_overlap(boxes, boxes, relative_to) > threshold, 1)
    stays = np.ones(len(boxes), dtype=np.bool_)
    for i in np.flatnonzero(hides.any(axis=1)):
        if stays[i]:
            stays &= ~hides[i]
    return stays


def _overlap(first: Boxes, second: Boxes, relative_to: str) -> npt.NDArray[np.float32]:
    edge = np.float32(relative_to == "smaller")
    a, b = first[:, None], second[None]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]) + edge
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]) + edge
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area_a, area_b = (
        (c[:, 2] - c[:, 0] + edge) * (c[:, 3] - c[:, 1] + edge) for c in (first, second)
    )
    if relative_to == "smaller":
        whole = np.minimum(area_a[:, None], area_b[None])
    else:
        whole = area_a[:, None] + area_b[None] - shared
    with np.errstate(divide="ignore", invalid="ignore"):  # boxes without area overlap nothing
        return np.asarray(shared / whole, dtype=np.float32)


def shift(boxes: Boxes, offsets: npt.NDArray[np.float32], *, edge: int) -> Boxes:
    """Return the boxes with each side moved by its offset, in units of the box's size.

    `edge` is 1 where the size counts both edge pixels (second and third net), else 0.
    """
    size = boxes[:, 2:] - boxes[:, :2] + np.float32(edge)
    shifted: Boxes = boxes + offsets * np.tile(size, 2)
    return shifted


def squared(boxes: Boxes) -> Boxes:
    """Return squares of the same centers, as large as the longer sides."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side], axis=1)


def windows_of(boxes: Boxes, width: int, height: int) -> IndexArray:
    """Return the whole pixels of a picture that the boxes cover, shape (N, 4).

    Left, top, right and bottom, the last two excluded, clipped to the picture. A box
    outside of it has a window without pixels.
    """
    left, top, right, bottom = np.trunc(boxes).astype(np.intp).T
    # Coordinates count from 1 here, as in the MATLAB code that MTCNN was published with.
    return np.stack(
        [
            np.maximum(left, 1) - 1,
            np.maximum(top, 1) - 1,
            np.minimum(right, width),
            np.minimum(bottom, height),
        ],
        axis=1,
    )


def has_pixels(windows: IndexArray) -> npt.NDArray[np.bool_]:
    """Return which windows are not empty, shape (N,)."""
    return np.logical_and(windows[:, 2] > windows[:, 0], windows[:, 3] > windows[:, 1])
