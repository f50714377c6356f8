"""Training a network and the head on its unit vectors together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from artsim.encoders.classifier import Head
from artsim.training.classifier.classes import Labels

SCALE: Final = 16.0
"""Logits of unit vectors are so small that softmax could not tell classes apart without it."""

_MILESTONES: Final = (0.5, 0.8)
_STEP: Final = 0.1
"""The learning rate falls to a tenth at half of the run, and again at four fifths."""

_WEIGHT_DECAY: Final = 1e-4


class Inputs(Protocol):
    """Where a step gets its pictures from."""

    def __call__(self, rows: npt.NDArray[np.intp], random: np.random.Generator) -> torch.Tensor:
        """Return the network's input for some works, drawn anew by `random`."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long is trained, and how fast.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate : float
        Of Adam, at the beginning.
    """

    epochs: int
    batch_size: int
    learning_rate: float

    def batches(self, works: int) -> int:
        """Return how many batches an epoch has; works that fill none wait for the next."""
        return max(1, works // self.batch_size)

    def steps(self, works: int) -> int:
        """Return how many steps the run has."""
        return self.epochs * self.batches(works)


class HeadTraining:
    """A trainee: network and head by class-weighted cross-entropy, with Adam.

    Parameters
    ----------
    network : Module
        From `inputs` to embeddings of any length, shape (N, dim).
    labels : ndarray of int, shape (N,)
        Of the works that are learned from; every class has one at least.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: Inputs,
        labels: Labels,
        *,
        dim: int,
        classes: int,
        schedule: Schedule,
        seed: int,
        device: torch.device,
    ) -> None:
        self._network = network.to(device)
        self._head = nn.Linear(dim, classes).to(device)
        self._inputs, self._labels = inputs, labels
        self._schedule, self._seed, self._device = schedule, seed, device
        counts = np.bincount(labels, minlength=classes)
        weights = len(labels) / (len(np.unique(labels)) * np.maximum(counts, 1))
        self._loss = nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float32, device=device))
        self._optimizer = torch.optim.Adam(
            [*self._network.parameters(), *self._head.parameters()],
            lr=schedule.learning_rate,
            weight_decay=_WEIGHT_DECAY,
        )

    def state(self) -> dict[str, Any]:
        """Return the weights of network and head, and what Adam remembers."""
        return {
            "network": self._network.state_dict(),
            "head": self._head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._network.load_state_dict(state["network"])
        self._head.load_state_dict(state["head"])
        self._optimizer.load_state_dict(state["optimizer"])

    def step(self, index: int) -> dict[str, float]:
        """Learn from one batch."""
        rows = self._rows(index)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(index)
        self._network.train()
        random = np.random.default_rng([self._seed, 1, index])
        inputs = self._inputs(rows, random).to(self._device)
        targets = torch.from_numpy(self._labels[rows]).to(self._device)
        vectors = nn.functional.normalize(self._network(inputs).float(), dim=1)
        loss = self._loss(self._head(SCALE * vectors), targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return {"loss": float(loss.detach())}

    def head(self) -> Head:
        """Return the head on unit vectors."""
        return Head(
            (SCALE * self._head.weight.detach()).cpu().numpy(),
            self._head.bias.detach().cpu().numpy(),
        )

    def _rows(self, index: int) -> npt.NDArray[np.intp]:
        epoch, batch = divmod(index, self._schedule.batches(len(self._labels)))
        order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._labels))
        start = batch * self._schedule.batch_size
        return np.asarray(order[start : start + self._schedule.batch_size])

    def _rate(self, index: int) -> float:
        done = index / self._schedule.steps(len(self._labels))
        return self._schedule.learning_rate * _STEP ** sum(done >= m for m in _MILESTONES)
