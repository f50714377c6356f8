"""Face detection by MTCNN, with facenet-pytorch's weights and faces, in a fraction of its time.

What differs from facenet-pytorch is how numbers are laid out in memory: channels last, in batches
of few sizes (a new size costs oneDNN a new kernel), and with the first net's opening convolution
and pooling rewritten so that all levels of the pyramid go through in one call. Some sizes count a
pixel more than others do, as they do there.

References
----------
.. [1] Zhang, Zhang, Li & Qiao (2016). Joint face detection and alignment using
   multitask cascaded convolutional networks. IEEE Signal Processing Letters 23(10).
.. [2] Esler (2019). facenet-pytorch, ``models/utils/detect_face.py``, version 2.5.3.
"""

from __future__ import annotations

import importlib.resources
import math
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import Box, DetectedFace
from artsim.encoders.devices import on_one_core
from artsim.encoders.mtcnn_pyramid import (
    CELL,
    STRIDE,
    FloatArray,
    IndexArray,
    Pyramid,
    SumTable,
    fold_pyramid,
    plan_pyramid,
    resize_windows,
    sum_table,
)
from artsim.encoders.torchvision_ops import import_library, suppress
from artsim.encoders.weights import fill_model, load_state_dict

Boxes: TypeAlias = npt.NDArray[np.float32]
"""Rows (left, top, right, bottom), shape (N, 4)."""

VERSION: Final = 1  # to be raised whenever other faces come of the same settings
DEFAULT_MIN_FACE: Final = 20
DEFAULT_SCORE: Final = 0.9
_BATCH: Final = 32  # candidates in a full batch: their activations just fit the second-level cache


class MTCNNDetector:
    """Finder of all faces of a picture: three nets, each sifting what the last one let by.

    The same faces as facenet-pytorch's ``MTCNN(keep_all=True)`` with the same
    thresholds, to rounding. Meant to be called from several threads: on a CPU each picture is
    the work of one core. `min_face` is the side of the smallest faces that are looked for, in
    pixels of the picture: the time grows with its inverse square.
    """

    def __init__(
        self,
        *,
        min_face: int = DEFAULT_MIN_FACE,
        score: float = DEFAULT_SCORE,
        device: torch.device | str = "cpu",
    ) -> None:
        if min_face < CELL:  # the first net sees no face of fewer pixels
            raise ValueError(f"min_face must be at least {CELL} pixels, got {min_face}")
        if not 0 < score < 1:
            raise ValueError(f"score must lie between 0 and 1, got {score}")
        self._min_face = min_face
        self._thresholds = (0.6, 0.7, score)  # of the three nets; the library's first two
        where = torch.device(device)
        self._on_cpu = where.type == "cpu"
        self._pnet = ProposalNet(where)
        self._rnet = CandidateNet("RNet", where)
        self._onet = CandidateNet("ONet", where)

    @property
    def identity(self) -> str:
        """Model, version and thresholds: other faces come only of another identity."""
        score = self._thresholds[2]
        return f"mtcnn-facenet2.5.3-v{VERSION}-min{self._min_face}-score{score:g}"

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y.

        A picture narrower than `min_face` has none.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"uint8 of shape (height, width, 3) expected, got {image.dtype} {image.shape}"
            )
        if min(image.shape[:2]) < self._min_face:
            return []
        work = partial(self._detect, image)
        return on_one_core(work) if self._on_cpu else work()

    def _detect(self, image: RGBImage) -> list[DetectedFace]:
        height, width = image.shape[:2]
        table = sum_table(image)
        candidates = self._refine(table, self._propose(table))
        faces = []
        for box, score, points in zip(*self._confirm(table, candidates), strict=True):
            left, right = (min(max(float(x), 0.0), float(width)) for x in box[[0, 2]])
            top, bottom = (min(max(float(y), 0.0), float(height)) for y in box[[1, 3]])
            if right > left and bottom > top:
                clipped = Box(left, top, right - left, bottom - top)
                faces.append(DetectedFace(clipped, np.ascontiguousarray(points), float(score)))
        return sorted(faces, key=lambda face: (-face.score, face.box.x, face.box.y))

    def _propose(self, table: SumTable) -> Boxes:
        """First net: squares that may hold a face, over all scales."""
        height, width = table.shape[0] - 1, table.shape[1] - 1
        pyramid = plan_pyramid(height, width, self._min_face)
        odds, hidden = self._pnet(fold_pyramid(table, pyramid), pyramid)
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
        return squared(_shift(boxes[kept], offsets[kept], edge=0))

    def _refine(self, table: SumTable, boxes: Boxes) -> Boxes:
        """Second net: keep the likely ones, with better boxes."""
        boxes, windows = _within(table, boxes)
        if not len(boxes):
            return boxes
        offsets, odds = self._rnet(resize_windows(table, windows, 24))
        passed = odds[:, 1] > self._thresholds[1]
        boxes, scores, offsets = boxes[passed], odds[passed, 1], offsets[passed]
        kept = suppress(boxes, scores, 0.7)
        return squared(_shift(boxes[kept], offsets[kept], edge=1))

    def _confirm(self, table: SumTable, boxes: Boxes) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Third net: the faces' boxes, scores and landmarks, of shape (N, 5, 2)."""
        boxes, windows = _within(table, boxes)
        if not len(boxes):
            return boxes, boxes[:, 0], boxes
        offsets, points, odds = self._onet(resize_windows(table, windows, 48))
        passed = odds[:, 1] > self._thresholds[2]
        boxes, scores, offsets = boxes[passed], odds[passed, 1], offsets[passed]
        size = boxes[:, 2:] - boxes[:, :2] + 1
        places = points[passed].reshape(-1, 2, 5).transpose(0, 2, 1)  # all x, then all y
        landmarks = places * size[:, None] + boxes[:, None, :2] - 1
        boxes = _shift(boxes, offsets, edge=1)
        kept = suppress(boxes, scores, 0.7, relative_to="smaller")
        return boxes[kept], scores[kept], landmarks[kept]


def _within(table: SumTable, boxes: Boxes) -> tuple[Boxes, IndexArray]:
    """Return the boxes that cover pixels of the picture, and which pixels."""
    windows = windows_of(boxes, table.shape[1] - 1, table.shape[0] - 1)
    inside = (windows[:, 2:] > windows[:, :2]).all(axis=1)
    return boxes[inside], windows[inside]


def squared(boxes: Boxes) -> Boxes:
    """Return squares of the same centers, as large as the longer sides."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side], axis=1)


def _shift(boxes: Boxes, offsets: FloatArray, *, edge: int) -> Boxes:
    """Return the boxes with each side moved by its offset, in units of the box's size.

    `edge` is 1 where the size counts both edge pixels (second and third net), else 0.
    """
    size = boxes[:, 2:] - boxes[:, :2] + np.float32(edge)
    shifted: Boxes = boxes + offsets * np.tile(size, 2)
    return shifted


def windows_of(boxes: Boxes, width: int, height: int) -> IndexArray:
    """Return the whole pixels of a picture that the boxes cover, shape (N, 4).

    Left, top, right and bottom, the last two excluded, clipped to the picture. A box
    outside of it has a window without pixels.
    """
    windows = np.trunc(boxes).astype(np.intp)
    # Coordinates count from 1 here, as in the MATLAB code that MTCNN was published with.
    starts = np.maximum(windows[:, :2], 1) - 1
    return np.concatenate([starts, np.minimum(windows[:, 2:], [width, height])], axis=1)


def load_net(name: str) -> nn.Module:
    """Return ``PNet``, ``RNet`` or ``ONet`` with the weights that facenet-pytorch ships."""
    net: nn.Module = getattr(import_library("facenet_pytorch.models.mtcnn"), name)(pretrained=False)
    data = importlib.resources.files("facenet_pytorch") / "data" / f"{name.lower()}.pt"
    with importlib.resources.as_file(data) as path:
        fill_model(net, load_state_dict(path), path=path)
    return net.eval().requires_grad_(False)


class CandidateNet:
    """The second or third net: from windows of one size to scores and corrections."""

    def __init__(self, name: str, device: torch.device) -> None:
        # torch's stubs lack this overload of `to`.
        net: Any = load_net(name)
        self._net = net.to(device, memory_format=torch.channels_last)
        self._device = device

    def __call__(self, windows: FloatArray) -> tuple[FloatArray, ...]:
        """Return the net's outputs for N windows (N, side, side, 3), N at least 1."""
        outputs = [self._run(windows[i : i + _BATCH]) for i in range(0, len(windows), _BATCH)]
        return tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))

    @torch.inference_mode()
    def _run(self, windows: FloatArray) -> list[FloatArray]:
        batch = torch.from_numpy(windows).to(self._device)
        return [output.cpu().numpy() for output in self._net(batch.permute(0, 3, 1, 2))]


class ProposalNet:
    """The first net, on a picture whose pixels are folded in two by two.

    A 3 x 3 convolution followed by the maximum over 2 x 2 is the maximum over the four
    phases of a 4 x 4 convolution of stride 2; folding each 2 x 2 pixels into channels
    ("space to depth") makes that a 2 x 2 convolution of stride 1.
    """

    def __init__(self, device: torch.device) -> None:
        net: Any = load_net("PNet").to(device)
        self._device = device
        self._opening = _folded(net.conv1.weight)
        self._opening_bias = _padded(net.conv1.bias.repeat(4))
        self._slopes = _padded(net.prelu1.weight.repeat(4))
        self._net = net.to(memory_format=torch.channels_last)
        self._odds = (net.conv4_1.weight[1] - net.conv4_1.weight[0]).flatten()
        self._odds_bias = net.conv4_1.bias[1] - net.conv4_1.bias[0]
        self._correction: FloatArray = net.conv4_2.weight.flatten(1).T.cpu().numpy()
        self._correction_bias: FloatArray = net.conv4_2.bias.cpu().numpy()

    @torch.inference_mode()
    def __call__(self, folded: FloatArray, pyramid: Pyramid) -> tuple[FloatArray, FloatArray]:
        """Return the log odds of a face at all places (H, W), and the hidden numbers there."""
        x = torch.from_numpy(folded).to(self._device).permute(2, 0, 1)[None]
        x = functional.conv2d(x, self._opening, self._opening_bias)
        phases = x[0, :40].permute(1, 2, 0).view(*x.shape[2:], 2, 2, 10)
        for row, columns in pyramid.odd_rows:
            phases[row, columns, 1] = phases[row, columns, 0]
        for rows, column in pyramid.odd_columns:
            phases[rows, column, :, 1] = phases[rows, column, :, 0]
        x = functional.prelu(x, self._slopes)
        x = torch.maximum(x[:, :20], x[:, 20:40])
        x = torch.maximum(x[:, :10], x[:, 10:])
        net = self._net
        x = net.prelu2(net.conv2(x))
        hidden = net.prelu3(net.conv3(x))[0].permute(1, 2, 0)
        odds = hidden @ self._odds + self._odds_bias
        return odds.cpu().numpy(), hidden.cpu().numpy()

    def corrections(self, hidden: FloatArray) -> FloatArray:
        """Return the offsets of a box's sides, shape (N, 4), at N places of `hidden`."""
        offsets: FloatArray = hidden @ self._correction + self._correction_bias
        return offsets


def _padded(values: torch.Tensor) -> torch.Tensor:
    """Fill up 40 filters to 48: convolutions by multiples of 16 take less time."""
    padding = values.new_zeros(48 - len(values), *values.shape[1:])
    return torch.cat([values, padding])


def _folded(weight: torch.Tensor) -> torch.Tensor:
    """Return the 3 x 3 filters as 2 x 2 ones on folded pixels, a group for each phase."""
    count, colors = weight.shape[:2]
    wide = weight.new_zeros(2, 2, count, colors, 4, 4)  # phase row, phase column, out, color, y, x
    for row in range(2):
        for column in range(2):
            wide[row, column, :, :, row : row + 3, column : column + 3] = weight
    # out, color, y, row in fold, x, column in it
    parts = wide.reshape(4 * count, colors, 2, 2, 2, 2)
    folded = parts.permute(0, 3, 5, 1, 2, 4).reshape(4 * count, 4 * colors, 2, 2)
    return _padded(folded).contiguous(memory_format=torch.channels_last)
