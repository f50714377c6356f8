"""A painting network in training: distillation, and metric learning beside it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from artsim.encoders.networks import PaintingNetwork
from artsim.encoders.torch_encoder import native_reduced_precision
from artsim.training.painting.augment import augment, places
from artsim.training.painting.cells import CELL_PIXELS, CellReader, cells_at, cells_loss
from artsim.training.painting.lessons import Lessons
from artsim.training.painting.losses import contrast
from artsim.training.painting.optimizer import PaintingOptimizer
from artsim.training.painting.options import PaintingOptions
from artsim.training.painting.sampler import Sampler

_WARM_UP: Final = 200
"""Steps in which the learning rate rises, of a long run."""

_LABEL_SCALE: Final = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a step looks at.

    Attributes
    ----------
    pictures : Tensor, shape (N, 3, side, side)
    targets : Tensor, shape (N, dim)
    works : Tensor of int, shape (N,)
    cells : Tensor, shape (N, D, rows, columns), or None
        What the teachers see where; zeros where there is no picture.
    """

    pictures: torch.Tensor
    targets: torch.Tensor
    works: torch.Tensor
    cells: torch.Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Return it on a device."""
        cells = None if self.cells is None else self.cells.to(device)
        return Batch(
            self.pictures.to(device), self.targets.to(device), self.works.to(device), cells
        )


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
        depth = sum(cells.shape[-1] for cells in lessons.cells)
        self._cells = CellReader(options.network.widths, depth).to(device) if depth else None
        trained = [self.network] if self._cells is None else [self.network, self._cells]
        self._optimizer = PaintingOptimizer(
            trained, [self._prototypes], weight_decay=options.weight_decay
        )
        self._pool = ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[Batch]] | None = None

    def state(self) -> dict[str, Any]:
        """Return networks and optimizer."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "cells": {} if self._cells is None else self._cells.state_dict(),
            "prototypes": self._prototypes.detach(),
            "optimizer": self._optimizer.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        if self._cells is not None:
            self._cells.load_state_dict(state["cells"])
        with torch.no_grad():
            self._prototypes.copy_(state["prototypes"])
        self._optimizer.load_state(state["optimizer"])

    def step(self, index: int) -> dict[str, float]:
        """Look at one batch, and make the network better at it."""
        batch = self._take(index)
        with torch.autocast(
            self._device.type, self._precision, enabled=self._precision is not None
        ):
            maps = self.network.maps(batch.pictures)
            rows = self.network.embed_maps(maps)
            seen = None if self._cells is None else self._cells(maps)
        embeddings = functional.normalize(rows.float(), dim=1)
        losses = self._losses(embeddings, batch.targets, batch.works)
        losses["cells"] = (
            embeddings.sum() * 0
            if seen is None or batch.cells is None
            else cells_loss(seen.float(), batch.cells)
        )
        weights = self._options.losses
        total = (
            losses["teachers"]
            + weights.cells * losses["cells"]
            + weights.group * losses["groups"]
            + weights.label * losses["labels"]
            + weights.picture * losses["pictures"]
        )
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step(self._learning_rate(index))
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
        side = options.side_at(index)
        changed = augment(torch.from_numpy(views), side, options.augmentation, generator)
        targets = torch.from_numpy(self._lessons.targets[draw.works, draw.views])
        works = torch.from_numpy(draw.works)
        grid = places(changed.homographies, math.ceil(side / CELL_PIXELS))
        cells = [cells_at(seen[draw.works, draw.views], grid) for seen in self._lessons.cells]
        joined = torch.cat(cells, 1) if cells else None
        return Batch(changed.pictures, targets, works, joined).to(self._device)

    def _learning_rate(self, index: int) -> float:
        options = self._options
        warm_up = min(_WARM_UP, max(1, options.steps // 10))
        falling = 0.5 * (1 + math.cos(math.pi * index / options.steps))
        return options.learning_rate * min(1.0, (index + 1) / warm_up) * falling

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
