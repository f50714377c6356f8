"""A painting network in training: distillation, and metric learning beside it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from artsim.encoders.networks.painting import PaintingNetwork
from artsim.encoders.torch_encoder import native_reduced_precision
from artsim.training.painting.augment import augment
from artsim.training.painting.lessons import Lessons
from artsim.training.painting.losses import contrast
from artsim.training.painting.options import PaintingOptions
from artsim.training.painting.sampler import Sampler

_WARM_UP: Final = 200
"""Steps in which the learning rate rises, of a long run."""

_LABEL_SCALE: Final = 12.0

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Pictures, targets, and numbers of works."""


class PaintingTrainee:
    """A `PaintingNetwork`, its average over the run, and its optimizer.

    The loss is the mean of ``1 - cosine`` between embedding and target, and, weighted,
    the contrast of groups, the cross entropy of labels by the cosine to a prototype of
    each, and the contrast of pictures. Batches are made ready in a thread of their own.
    """

    def __init__(self, lessons: Lessons, options: PaintingOptions, *, device: torch.device) -> None:
        self._lessons, self._options = lessons, options
        self._device = device
        self._precision = _training_precision(device)
        self._sampler = Sampler(lessons.groups, options)
        self._groups = torch.from_numpy(np.unique(lessons.groups, return_inverse=True)[1]).to(
            device
        )
        labels = lessons.labels
        known = sorted({label for label in labels if label is not None})
        self._labels = torch.tensor(
            [-1 if label is None else known.index(label) for label in labels], device=device
        )
        torch.manual_seed(options.seed)
        self.network = _laid_out(PaintingNetwork(**network_settings(options)).to(device))
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self._prototypes = nn.Parameter(
            torch.randn(max(1, len(known)), options.network.dim).to(device)
        )
        self._optimizer = _make_optimizer(self.network, self._prototypes, options)
        self._pool = ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[Batch]] | None = None

    def state(self) -> dict[str, Any]:
        """Return networks and optimizer."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "prototypes": self._prototypes.detach(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        with torch.no_grad():
            self._prototypes.copy_(state["prototypes"])
        self._optimizer.load_state_dict(state["optimizer"])

    def step(self, index: int) -> dict[str, float]:
        """Look at one batch, and make the network better at it."""
        pictures, targets, works = self._take(index)
        self._set_learning_rate(index)
        with torch.autocast(
            self._device.type, self._precision, enabled=self._precision is not None
        ):
            rows = self.network(pictures)
        embeddings = functional.normalize(rows.float(), dim=1)
        losses = self._losses(embeddings, targets, works)
        weights = self._options.losses
        total = (
            losses["teachers"]
            + weights.group * losses["groups"]
            + weights.label * losses["labels"]
            + weights.picture * losses["pictures"]
        )
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._update_average(index)
        return {name: float(loss.detach()) for name, loss in {"total": total, **losses}.items()}

    def _losses(
        self, embeddings: torch.Tensor, targets: torch.Tensor, works: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        same_work = works[:, None] == works[None, :]
        labels = self._labels[works]
        is_known = labels >= 0
        cosines = embeddings[is_known] @ functional.normalize(self._prototypes, dim=1).T
        return {
            "teachers": (1 - (embeddings * targets).sum(dim=1)).mean(),
            "groups": contrast(embeddings, self._groups[works], ignored=same_work),
            "labels": functional.cross_entropy(_LABEL_SCALE * cosines, labels[is_known])
            if bool(is_known.any())
            else embeddings.sum() * 0,
            "pictures": contrast(embeddings, works),
        }

    def _take(self, index: int) -> Batch:
        """Return the batch of this step, and begin the next one's."""
        ahead = self._ahead
        ready = ahead[1] if ahead is not None and ahead[0] == index else None
        batch = self._make_batch(index) if ready is None else ready.result()
        following = index + 1
        if following < self._options.steps:
            self._ahead = (following, self._pool.submit(self._make_batch, following))
        return batch

    def _make_batch(self, index: int) -> Batch:
        options = self._options
        draw = self._sampler.draw(index)
        views = np.stack(
            [self._lessons.views[w, v] for w, v in zip(draw.works, draw.views, strict=True)]
        )
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + index)
        pictures = augment(
            torch.from_numpy(views), options.side_at(index), options.augmentation, generator
        )
        targets = torch.from_numpy(self._lessons.targets[draw.works, draw.views])
        works = torch.from_numpy(draw.works)
        device = self._device
        return pictures.to(device), targets.to(device), works.to(device)

    def _set_learning_rate(self, index: int) -> None:
        options = self._options
        warm_up = min(_WARM_UP, max(1, options.steps // 10))
        falling = 0.5 * (1 + math.cos(math.pi * index / options.steps))
        rate = options.learning_rate * min(1.0, (index + 1) / warm_up) * falling
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _update_average(self, index: int) -> None:
        """Follow the network; at first closely, since it begins at random."""
        kept = min(self._options.averaging, (index + 1) / (index + 10))
        pairs = zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        )
        for mean, value in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - kept)


def _training_precision(device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the device computes in it: its range is that of float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    return native_reduced_precision(device)


def network_settings(options: PaintingOptions) -> dict[str, Any]:
    """Return what the network is built from, as JSON values."""
    network = options.network
    return {
        "widths": list(network.widths),
        "depths": list(network.depths),
        "stem": network.stem,
        "covariances": network.covariances,
        "dim": network.dim,
    }


def _laid_out(network: PaintingNetwork) -> PaintingNetwork:
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.train()


def _make_optimizer(
    network: nn.Module, prototypes: nn.Parameter, options: PaintingOptions
) -> torch.optim.Optimizer:
    """Return AdamW, which decays neither biases nor scales."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": options.weight_decay},
            {"params": [*others, prototypes], "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
