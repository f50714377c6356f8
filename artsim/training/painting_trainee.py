"""A painting network in training: distillation, and metric learning beside it.

References
----------
.. [1] Romero, Ballas, Kahou, Chassang, Gatta & Bengio (2015). FitNets: hints for thin deep nets.
   ICLR.
.. [2] Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu & Krishnan (2020). Supervised
   contrastive learning. NeurIPS. Equation 2.
.. [3] Chen, Kornblith, Norouzi & Hinton (2020). A simple framework for contrastive learning of
   visual representations. ICML.
.. [4] Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein (2024). Muon: an optimizer for hidden
   layers in neural networks.
.. [5] Loshchilov & Hutter (2019). Decoupled weight decay regularization. ICLR.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.encoders.networks import PaintingNetwork
from artsim.encoders.torch_encoder import native_reduced_precision
from artsim.errors import TrainingError
from artsim.training.lessons import augment, places
from artsim.training.loop import Trainee
from artsim.training.recipes import PaintingOptions

CELL_PIXELS: Final = 16  # side of the cells in which a network is asked: the last stage's but one
_LARGE: Final = 30
_EVENNESS: Final = 0.7
_WARM_UP: Final = 200  # steps in which the learning rate rises, of a long run
_LABEL_SCALE: Final = 12.0
_TEMPERATURE: Final = 0.1


class Lessons(NamedTuple):
    """What is learned from: N works with V views each."""

    views: Sequence[npt.NDArray[np.uint8]]  # (V, side, side, 3); view 0 is the whole picture
    targets: npt.NDArray[np.float32]  # (N, V, dim): unit rows that the network is to give
    groups: Sequence[str]  # what the works are drawn by: artists
    labels: Sequence[str | None]  # what is to be told: styles, where known
    # What each teacher sees in each cell of a work's views: unit rows (V, rows, columns, D).
    cells: Sequence[Sequence[npt.NDArray[np.float16]]] = ()


class Sampler:
    """Draws batches; the same ones for the same seed and step.

    A group of n works is drawn with a probability that rises with ``min(n, 30) ** 0.7``:
    many groups have few works, of which little can be learned.
    """

    def __init__(self, groups: Sequence[str], recipe: PaintingOptions) -> None:
        names, inverse = np.unique(np.asarray(groups), return_inverse=True)
        if len(names) < recipe.groups:
            raise TrainingError(
                f"there are {len(names)} values of {recipe.group} to train on, "
                f"{recipe.groups} are needed in a batch; give more pictures, or fewer groups",
                hint="--groups",
            )
        self._members = [np.flatnonzero(inverse == number) for number in range(len(names))]
        chances = np.array([min(len(m), _LARGE) ** _EVENNESS for m in self._members])
        self._chances = chances / chances.sum()
        self._recipe = recipe

    def draw(self, step: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return what a step looks at: works, each in both halves, and which of its views."""
        recipe = self._recipe
        random = np.random.default_rng([recipe.seed, step])
        groups = random.choice(len(self._members), recipe.groups, replace=False, p=self._chances)
        members = [self._members[group] for group in groups]
        count = recipe.works
        drawn = [random.choice(each, count, replace=len(each) < count) for each in members]
        works = np.concatenate(drawn)
        parts = random.integers(1, 1 + recipe.parts, (2, len(works)))
        is_whole = random.random(len(works)) < recipe.whole
        first = np.where(is_whole, 0, parts[0])
        return np.concatenate([works, works]), np.concatenate([first, parts[1]])


class CellReader(nn.Module):
    """Tells what the teachers see in each cell from the maps of the last two stages.

    Only for the training: by it each part of a picture says what is right, as hints do [1]_.
    """

    def __init__(self, widths: Sequence[int], depth: int) -> None:
        super().__init__()
        self.last = nn.Conv2d(widths[-1], depth, 1)
        self.last_but_one = nn.Conv2d(widths[-2], depth, 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what is seen where, shape (N, depth, h, w), h and w of the finer maps."""
        finer: torch.Tensor = self.last_but_one(maps[-2])
        coarser = self.last(maps[-1])
        return finer + functional.interpolate(coarser, finer.shape[2:], mode="bilinear")


def cells_at(cells: npt.NDArray[np.float16], grid: torch.Tensor) -> torch.Tensor:
    """Return what is seen at the places of a grid (N, h, w, 2), zeros outside the view.

    From `cells` of shape (N, rows, columns, D) to a float32 tensor (N, D, h, w).
    """
    found = functional.grid_sample(
        torch.from_numpy(cells).float().permute(0, 3, 1, 2),
        grid,
        padding_mode="border",
        align_corners=False,
    )
    is_inside = (grid.abs() <= 1).all(-1).unsqueeze(1)
    return functional.normalize(found, dim=1) * is_inside


def cells_loss(seen: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Return the mean of 1 - cosine over all cells that show something."""
    is_shown = cells.abs().sum(1) > 0
    cosines = functional.cosine_similarity(seen, cells, dim=1)
    return ((1 - cosines) * is_shown).sum() / is_shown.sum().clamp(min=1)


def contrast(
    embeddings: torch.Tensor, labels: torch.Tensor, *, ignored: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the supervised contrastive loss [2]_ of a batch, its mean over the rows.

    Unit rows (N, D) of the same label are to be alike; with one label a picture and two views
    of it, it is the loss of SimCLR [3]_. It is 0 where no row has another one to be like. Pairs
    that are `ignored`, (N, N), neither attract nor repel each other.
    """
    similarities = embeddings @ embeddings.T / _TEMPERATURE
    left_out = torch.eye(len(embeddings), dtype=torch.bool, device=embeddings.device)
    if ignored is not None:
        left_out = left_out | ignored
    similarities = similarities.masked_fill(left_out, -1e4)
    chances = similarities - torch.logsumexp(similarities, dim=1, keepdim=True)
    alike = (labels[:, None] == labels[None, :]) & ~left_out
    counts = alike.sum(dim=1)
    sums = (chances * alike).sum(dim=1)
    if not bool(counts.any()):
        return sums.sum() * 0
    return -(sums[counts > 0] / counts[counts > 0]).mean()


class PaintingOptimizer:
    """Muon [4]_ for the convolutions, AdamW [5]_ for all else.

    Muon takes matrices: each convolution's weights are seen as one, a row for each channel that
    it gives. The first convolution, whose inputs are colors, is left to AdamW. Scales and biases
    do not decay, nor do `others`. The networks are laid out channels-last.
    """

    def __init__(
        self, networks: Sequence[nn.Module], others: Sequence[nn.Parameter], *, weight_decay: float
    ) -> None:
        layers = [module for network in networks for module in network.modules()]
        convolutions = [m.weight for m in layers if isinstance(m, nn.Conv2d) and m.in_channels > 3]
        # Views of the same memory, (out, h * w * in): steps on a copy would be lost.
        matrices = [nn.Parameter(_inputs_last(w.data).view(len(w), -1)) for w in convolutions]
        self._pairs = list(zip(matrices, convolutions, strict=True))
        taken = {id(weight) for weight in convolutions}
        rest = [p for network in networks for p in network.parameters() if id(p) not in taken]
        self._muon = torch.optim.Muon(
            matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self._adamw = torch.optim.AdamW(
            [
                {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
                {"params": [*(p for p in rest if p.ndim <= 1), *others], "weight_decay": 0.0},
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

    def state_dict(self) -> dict[str, Any]:
        """Return what later steps depend on beside the parameters."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state_dict` returned."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


def _inputs_last(weight: torch.Tensor) -> torch.Tensor:
    return weight.permute(0, 2, 3, 1)


class Batch(NamedTuple):
    """What a step looks at: N pictures, their targets (N, dim), and which works they are of."""

    pictures: torch.Tensor
    targets: torch.Tensor
    works: torch.Tensor
    cells: torch.Tensor | None  # what teachers see where, (N, D, rows, columns); 0: no picture


class PaintingTrainee(Trainee):
    """A `PaintingNetwork`, its average over the run, and its optimizer.

    The loss is the mean of ``1 - cosine`` between embedding and target, and, weighted,
    the contrast of groups, the cross entropy of labels by the cosine to a prototype of
    each, and the contrast of pictures. Batches are made ready in a thread of their own.
    """

    def __init__(self, lessons: Lessons, recipe: PaintingOptions, *, device: torch.device) -> None:
        self._lessons, self._recipe = lessons, recipe
        self._device = device
        self._precision = _training_precision(device)
        self._sampler = Sampler(lessons.groups, recipe)
        groups = np.unique(lessons.groups, return_inverse=True)[1]
        self._groups = torch.from_numpy(groups).to(device)
        known = sorted({label for label in lessons.labels if label is not None})
        numbers = [-1 if label is None else known.index(label) for label in lessons.labels]
        self._labels = torch.tensor(numbers, device=device)
        torch.manual_seed(recipe.seed)
        network: Any = PaintingNetwork(**asdict(recipe.network)).to(device)
        self.network: PaintingNetwork = network.to(memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        prototypes = torch.randn(max(1, len(known)), recipe.network.dim)
        self._prototypes = nn.ParameterList([nn.Parameter(prototypes.to(device))])
        depth = sum(cells[0].shape[-1] for cells in lessons.cells)
        self._cells = CellReader(recipe.network.widths, depth).to(device) if depth else None
        trained: dict[str, nn.Module] = {"network": self.network}
        if self._cells is not None:
            trained["cells"] = self._cells
        self._optimizer = PaintingOptimizer(
            list(trained.values()), list(self._prototypes), weight_decay=recipe.weight_decay
        )
        self.parts = {
            **trained,
            "average": self.average,
            "prototypes": self._prototypes,
            "optimizer": self._optimizer,
        }
        self._pool = ThreadPoolExecutor(1)
        self._ahead: dict[int, Future[Batch]] = {}

    def step(self, index: int) -> dict[str, float]:
        """Look at one batch, and make the network better at it."""
        batch = self._take(index)
        reduced = self._precision is not None
        with torch.autocast(self._device.type, self._precision, enabled=reduced):
            maps = self.network.maps(batch.pictures)
            rows = self.network.embed_maps(maps)
            seen = None if self._cells is None else self._cells(maps)
        embeddings = functional.normalize(rows.float(), dim=1)
        losses = self._losses(embeddings, batch.targets, batch.works)
        losses["cells"] = embeddings.sum() * 0
        if seen is not None and batch.cells is not None:
            losses["cells"] = cells_loss(seen.float(), batch.cells)
        weights = self._recipe.losses
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
        cosines = embeddings[is_known] @ functional.normalize(self._prototypes[0], dim=1).T
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
        ready = self._ahead.pop(index, None)
        batch = self._make_batch(index) if ready is None else ready.result()
        if index + 1 < self._recipe.steps:
            self._ahead = {index + 1: self._pool.submit(self._make_batch, index + 1)}
        return batch

    def _make_batch(self, index: int) -> Batch:
        recipe, lessons = self._recipe, self._lessons
        works, drawn = self._sampler.draw(index)
        pairs = list(zip(works, drawn, strict=True))
        views = torch.from_numpy(np.stack([lessons.views[w][v] for w, v in pairs]))
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + index)
        side = recipe.side_at(index)
        pictures, homographies = augment(views, side, recipe.augmentation, generator)
        grid = places(homographies, math.ceil(side / CELL_PIXELS))
        cells = [cells_at(np.stack([seen[w][v] for w, v in pairs]), grid) for seen in lessons.cells]
        return Batch(
            pictures.to(self._device),
            torch.from_numpy(lessons.targets[works, drawn]).to(self._device),
            torch.from_numpy(works).to(self._device),
            torch.cat(cells, 1).to(self._device) if cells else None,
        )

    def _learning_rate(self, index: int) -> float:
        recipe = self._recipe
        warm_up = min(_WARM_UP, max(1, recipe.steps // 10))
        falling = 0.5 * (1 + math.cos(math.pi * index / recipe.steps))
        return recipe.learning_rate * min(1.0, (index + 1) / warm_up) * falling

    @torch.no_grad()
    def _update_average(self, index: int) -> None:
        """Follow the network; at first closely, since it begins at random."""
        kept = min(self._recipe.averaging, (index + 1) / (index + 10))
        means, values = (net.state_dict().values() for net in (self.average, self.network))
        for mean, value in zip(means, values, strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - kept)


def _training_precision(device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the device computes in it: its range is that of float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    return native_reduced_precision(device)
