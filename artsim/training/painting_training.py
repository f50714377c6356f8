"""Training of painting encoders: distillation, and metric learning beside it, from pictures on.

References
----------
.. [1] Romero, Ballas, Kahou, Chassang, Gatta & Bengio (2015). FitNets: hints for thin deep nets.
   ICLR.
.. [2] Khosla et al. (2020), equation 2; see ``docs/training.md``.
.. [3] Chen, Kornblith, Norouzi & Hinton (2020); see the same.
.. [4] Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein (2024), Muon; see the same.
.. [5] Loshchilov & Hutter (2019). Decoupled weight decay regularization. ICLR.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from artsim.catalog.names import Side, side_of
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import Preprocessing
from artsim.encoders.devices import pick_device
from artsim.encoders.networks import PaintingNetwork
from artsim.encoders.registry import resolve
from artsim.encoders.torch_encoder import native_reduced_precision
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.errors import TrainingError
from artsim.training.data import Work, read_works, works_identity, write_source, write_split
from artsim.training.lessons import (
    Lessons,
    Sampler,
    Whitening,
    augment,
    keep_views,
    make_lessons,
    places,
    shrink,
)
from artsim.training.loop import (
    DEFAULT_LOOP,
    LoopOptions,
    Readable,
    Trainee,
    claim_folder,
    made_now,
    run_steps,
)
from artsim.training.recipes import PaintingOptions

ENCODER_FOLDER: Final = "encoder"
_NAMES: Final = ("views", "teacher-*", ENCODER_FOLDER, "losses.png", "validation", "test")

_OF_THE_END: Final = frozenset({"input_side"})  # do not matter before the training has ended
_LAST_STEPS: Final = 100  # of which the mean losses are noted
_POWER: Final = 0.5
_BATCH: Final = 64
CELL_PIXELS: Final = 16  # side of the cells in which a network is asked: the last stage's but one
_WARM_UP: Final = 200  # steps in which the learning rate rises, of a long run
_LABEL_SCALE: Final = 12.0
_TEMPERATURE: Final = 0.1


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
    """Return cells (N, rows, columns, D) at the places of a grid as (N, D, h, w); outside 0."""
    maps = torch.from_numpy(cells).float().permute(0, 3, 1, 2)
    found = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
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
        self._precision = native_reduced_precision(device)
        if device.type == "cuda":  # in training it has to have the range of float32
            self._precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else None
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


class PaintingRun(NamedTuple):
    """What came of a training."""

    spec: str  # names the encoder, ``file:DIR/encoder``
    history: list[dict[str, float]]  # the losses of each step
    works: Mapping[Side, int]  # how many each side of the split has
    problems: list[str]  # rows and files that were left out, with the reasons


def train_painting_encoder(
    sources: Sequence[Path],
    folder: Path,
    options: PaintingOptions,
    *,
    column_map: Mapping[str, str] | None = None,
    device: str = "auto",
    loop: LoopOptions = DEFAULT_LOOP,
    progress: Progress | None = None,
) -> PaintingRun:
    """Train an encoder of pictures from random weights, and write it to ``folder/encoder``.

    Everything that takes long (views, the teachers' vectors, the training itself) is kept in the
    folder, and a run that was killed goes on where it was. The works that are not trained on are
    put into the folders ``validation`` and ``test``, to be ingested; pictures that cannot be read
    are left out. Raises `TrainingError` if there is too little to train on, or the folder holds
    another run, and the errors of sources and encoders.
    """
    progress, recipe, torch_device = progress or SilentProgress(), options, pick_device(device)
    teachers = tuple(resolve(spec).vector_name for spec in recipe.teachers)
    works, rows_left_out = read_works(sources, column_map=column_map)
    sides = _split(works, recipe)
    described = replace(recipe, teachers=teachers).described()
    decisive = {name: value for name, value in described.items() if name not in _OF_THE_END}
    claim_folder(folder, _NAMES, decisive, loop)
    found = keep_views(sides["train"], folder / "views", parts=recipe.parts, progress=progress)
    identity = works_identity(found.works, (recipe.group, recipe.label))
    lessons = make_lessons(found, folder, recipe, device, progress)
    trainee = PaintingTrainee(lessons, recipe, device=torch_device)
    settings = {**decisive, "pictures": identity}
    how: Any = {"settings": settings, "options": loop, "progress": progress}
    history = run_steps(trainee, folder, steps=recipe.steps, seed=recipe.seed, **how)
    average = trainee.average
    finish(average, lessons.views, lessons.groups, side=recipe.input_side, progress=progress)
    learned = Counter(work.key.partition("/")[0] for work in found.works)
    last = history[-_LAST_STEPS:]
    card = {
        "data": {source.absolute().name: learned[source.absolute().name] for source in sources},
        "recipe": {**described, "pictures": identity},
        "losses": {n: round(float(np.mean([each[n] for each in last])), 4) for n in history[0]},
        **made_now(),
    }
    spec = _save(folder, average, recipe, card, found, sides)
    progress.finish()
    counts = {side: len(works) for side, works in sides.items()} | {"train": len(found.works)}
    return PaintingRun(spec, history, counts, [*map(str, rows_left_out), *found.problems])


def _save(
    folder: Path,
    network: PaintingNetwork,
    recipe: PaintingOptions,
    card: Mapping[str, Any],
    found: Readable[Work],
    sides: Mapping[Side, Sequence[Work]],
) -> str:
    """Write the encoder, what each picture was for, and the works held back."""
    config = TrainedConfig(
        network="painting",
        settings=asdict(recipe.network),
        preprocessing=Preprocessing(recipe.input_side, recipe.input_side),
        dim=recipe.network.dim,
        source="trained with artsim train encoder",
        summary=f"paintings, trained on {len(found.works):,} works",
        card=card,
    )
    spec = save_trained(folder / ENCODER_FOLDER, config, network, compact=True)
    hashes = dict(zip([work.key for work in found.works], found.hashes, strict=True))
    rows = [(work.key, side, hashes.get(work.key, "")) for side in sides for work in sides[side]]
    write_split(folder / ENCODER_FOLDER, rows)
    write_source(sides["validation"], folder / "validation")
    write_source(sides["test"], folder / "test")
    return spec


def finish(
    network: PaintingNetwork,
    views: Sequence[npt.NDArray[np.uint8]],
    groups: Sequence[str],
    *,
    side: int,
    progress: Progress,
) -> None:
    """Whiten a network's vectors by half within groups, by its last layer, in place.

    Along each axis the vectors of the whole pictures, view 0, are divided by the root of the
    deviation within groups, artists usually: what an artist's works differ in says little of whose
    they are (decision 0006). Where all are of different groups, nothing changes.
    """
    device = next(network.parameters()).device
    progress.start(len(views), "Whitening the vectors")
    rows = []
    with torch.inference_mode():
        for start in range(0, len(views), _BATCH):
            whole = np.stack([each[0] for each in views[start : start + _BATCH]])
            pictures = shrink(torch.from_numpy(whole), side).to(device)
            rows.append(network(pictures).float().cpu().numpy())
            progress.update(start + len(whole))
    whitening = Whitening.fit_within(np.concatenate(rows), groups, _POWER)
    if whitening is None:
        return
    axes, mean = (torch.from_numpy(x).to(device) for x in (whitening.axes, whitening.mean))
    with torch.no_grad():
        network.embed.bias.copy_(axes.T @ (network.embed.bias - mean))
        network.embed.weight.copy_(axes.T @ network.embed.weight)


def _split(works: Sequence[Work], recipe: PaintingOptions) -> dict[Side, list[Work]]:
    """Split works so that no group is on two sides; those without a group are trained on."""
    sides: dict[Side, list[Work]] = {"train": [], "validation": [], "test": []}
    for work in works:
        group = work.label(recipe.group)
        side: Side = "train"
        if group is not None:
            side = side_of(group, test=recipe.test, validation=recipe.validation)
        sides[side].append(work)
    if not sides["train"]:
        raise TrainingError(
            "no picture is left to train on; lower the share for testing", hint="--test-share"
        )
    return sides
