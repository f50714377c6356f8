"""MTCNN's three nets with facenet-pytorch's weights, arranged to run fast.

The weights and classes are facenet-pytorch's; the numbers that come out are the same to
rounding. What differs is how they are laid out in memory: channels last, in batches of
few sizes (a new size costs oneDNN a new kernel), and with the first net's opening
convolution and pooling rewritten so that all levels of the pyramid go through in one
call.
"""

from __future__ import annotations

import importlib.resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.encoders.torchvision_ops import ensure_torchvision
from artsim.encoders.weights import fill_model, load_state_dict

FloatArray = npt.NDArray[np.float32]

_BATCH: Final = 32
"""Candidates in a full batch: their activations just fit the second-level cache."""


def load_net(name: str) -> nn.Module:
    """Return ``PNet``, ``RNet`` or ``ONet`` with the weights that facenet-pytorch ships.

    Raises
    ------
    WeightsError
        If the installed package's weights are missing or damaged.
    """
    ensure_torchvision()
    from facenet_pytorch.models import mtcnn

    net: nn.Module = getattr(mtcnn, name)(pretrained=False)
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
        self._net.pool1 = _PoolByMaxima()
        self._device = device

    def __call__(self, windows: FloatArray) -> tuple[FloatArray, ...]:
        """Return the net's outputs for N windows, N at least 1.

        Parameters
        ----------
        windows : ndarray of float32, shape (N, side, side, 3)

        Returns
        -------
        tuple of ndarray of float32, shape (N, ...)
            In the net's own order.
        """
        outputs = [self._run(windows[i : i + _BATCH]) for i in range(0, len(windows), _BATCH)]
        return tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))

    @torch.inference_mode()
    def _run(self, windows: FloatArray) -> list[FloatArray]:
        batch = torch.from_numpy(windows).to(self._device)
        return [output.cpu().numpy() for output in self._net(batch.permute(0, 3, 1, 2))]


class _PoolByMaxima(nn.Module):
    """Maximum over 3 x 3 places, two apart, edges cut: columns first, then rows.

    Equal to ``MaxPool2d(3, 2, ceil_mode=True)`` on an even number of rows and columns.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = torch.maximum(x[..., 0::2], x[..., 1::2])
        wide[..., :-1] = torch.maximum(wide[..., :-1], x[..., 2::2])
        tall = torch.maximum(wide[:, :, 0::2], wide[:, :, 1::2])
        tall[:, :, :-1] = torch.maximum(tall[:, :, :-1], wide[:, :, 2::2])
        return tall


class ProposalNet:
    """The first net, on a picture whose pixels are folded in two by two.

    A 3 x 3 convolution followed by the maximum over 2 x 2 is the maximum over the four
    phases of a 4 x 4 convolution of stride 2; folding each 2 x 2 pixels into channels
    ("space to depth") makes that a 2 x 2 convolution of stride 1. Only then come the
    slopes below zero, where the maximum is reached at the phases' maximum or minimum.
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
    def __call__(
        self,
        folded: FloatArray,
        odd_rows: list[tuple[int, slice]],
        odd_columns: list[tuple[slice, int]],
    ) -> tuple[FloatArray, FloatArray]:
        """Return the log odds of a face at all places, and what `corrections` needs.

        Parameters
        ----------
        folded : ndarray of float32, shape (height / 2, width / 2, 12)
            Pixels in -1..1; channels in the order row in the fold, column in it, color.
        odd_rows, odd_columns : list
            Rows (with their columns) and columns (with their rows) of `folded` in whose
            second phase there is no picture.

        Returns
        -------
        odds : ndarray of float32, shape (height / 2 - 5, width / 2 - 5)
        hidden : ndarray of float32, shape (height / 2 - 5, width / 2 - 5, 32)
        """
        x = torch.from_numpy(folded).to(self._device).permute(2, 0, 1)[None]
        x = functional.conv2d(x, self._opening, self._opening_bias)
        phases = x[0, :40].permute(1, 2, 0).view(*x.shape[2:], 2, 2, 10)
        for row, columns in odd_rows:
            phases[row, columns, 1] = phases[row, columns, 0]
        for rows, column in odd_columns:
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
    parts = wide.reshape(
        4 * count, colors, 2, 2, 2, 2
    )  # out, color, y, row in fold, x, column in it
    folded = parts.permute(0, 3, 5, 1, 2, 4).reshape(4 * count, 4 * colors, 2, 2)
    return _padded(folded).contiguous(memory_format=torch.channels_last)
