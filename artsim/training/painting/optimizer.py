"""The optimizer of a painting encoder's training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn


class PaintingOptimizer:
    """Muon [1]_ for the convolutions, AdamW [2]_ for all else.

    Muon's steps have no preferred directions among a layer's inputs and outputs. It takes
    matrices: each convolution's weights are seen as one, a row for each channel that it
    gives. The first convolution, whose inputs are colors, is left to AdamW. Scales and
    biases do not decay.

    Parameters
    ----------
    networks : sequence of Module
        Laid out channels-last.
    others : sequence of Parameter
        Trained as well, without decay.

    References
    ----------
    .. [1] Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein (2024). Muon: an optimizer
       for hidden layers in neural networks.
    .. [2] Loshchilov & Hutter (2019). Decoupled weight decay regularization. ICLR.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        others: Sequence[nn.Parameter],
        *,
        weight_decay: float,
    ) -> None:
        convolutions = [weight for network in networks for weight in _convolutions(network)]
        self._pairs = [(nn.Parameter(_matrix_view(weight.data)), weight) for weight in convolutions]
        taken = {id(weight) for weight in convolutions}
        rest = [p for network in networks for p in network.parameters() if id(p) not in taken]
        self._muon = torch.optim.Muon(
            [matrix for matrix, _ in self._pairs],
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw = torch.optim.AdamW(
            [
                {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
                {
                    "params": [*(p for p in rest if p.ndim <= 1), *others],
                    "weight_decay": 0.0,
                },
            ]
        )

    def step(self, learning_rate: float) -> None:
        """Change the parameters by their gradients, and forget these."""
        for matrix, weight in self._pairs:
            matrix.grad = None if weight.grad is None else _inputs_last(weight.grad).flatten(1)
        for optimizer in (self._muon, self._adamw):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()  # type: ignore[no-untyped-call]
            optimizer.zero_grad(set_to_none=True)
        for _, weight in self._pairs:
            weight.grad = None

    def state(self) -> dict[str, Any]:
        """Return what later steps depend on beside the parameters."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


def _convolutions(network: nn.Module) -> Iterator[torch.Tensor]:
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels > 3:
            yield module.weight


def _matrix_view(weight: torch.Tensor) -> torch.Tensor:
    """Return weights (out, in, h, w) as (out, h * w * in), over the same memory.

    Fails where they are not laid out channels-last, since steps on a copy would be lost.
    """
    return _inputs_last(weight).view(len(weight), -1)


def _inputs_last(weight: torch.Tensor) -> torch.Tensor:
    return weight.permute(0, 2, 3, 1)
