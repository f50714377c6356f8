"""Weights in a quarter of their size: whole numbers of 8 bits, with a scale for each row.

Every matrix and every bank of filters is divided, for each of its outputs apart, by what
brings the largest number to 127, and rounded. What is left of the vectors is told by the test
of the built-in encoder; vectors of numbers (biases, normalization) stay as they are.

References
----------
.. [1] Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam & Kalenichenko (2018). Quantization and
   training of neural networks for efficient integer-arithmetic-only inference. CVPR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

_SCALE: Final = ":scale"
_LARGEST: Final = 127


def compress(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights with int8 matrices and their scales, under the name with ``:scale``."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if tensor.ndim < 2 or not tensor.is_floating_point():
            found[name] = tensor
            continue
        rows = tensor.float().flatten(1)
        scale = (rows.abs().amax(dim=1) / _LARGEST).clamp_min(1e-12)
        numbers = (rows / scale[:, None]).round().to(torch.int8)
        found[name] = numbers.view(tensor.shape)
        found[name + _SCALE] = scale
    return found


def expand(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights of float32 from what `compress` returned; others as they are."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if name.endswith(_SCALE):
            continue
        scale = state.get(name + _SCALE)
        if scale is None:
            found[name] = tensor
        else:
            found[name] = tensor.float() * scale.view(-1, *[1] * (tensor.ndim - 1))
    return found
