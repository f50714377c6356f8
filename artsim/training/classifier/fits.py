"""The three kinds of classifiers, each fitted to the training side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.progress import Progress
from artsim.encoders.base import Encoder
from artsim.encoders.classifier import Head, Logits
from artsim.encoders.devices import pick_device
from artsim.encoders.networks import build_network
from artsim.encoders.recurrent import ENERGIES
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.training.classifier.classes import Labels
from artsim.training.classifier.head_training import HeadTraining, Inputs, Schedule
from artsim.training.classifier.linear import fit_linear
from artsim.training.classifier.mobilenet import (
    DIM,
    MODEL,
    Beginning,
    PictureInputs,
    lay_out,
)
from artsim.training.classifier.options import (
    BATCH_SIZES,
    EPOCHS,
    LEARNING_RATES,
    ClassifierOptions,
)
from artsim.training.classifier.outcome import Curve
from artsim.training.classifier.sides import Sides
from artsim.training.loop import LoopOptions, run_steps

_HIDDEN = 192


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A head before it is calibrated.

    Attributes
    ----------
    held_out : ndarray of float64, shape (M, C), or None
        Logits of the training side, each work's by a head that did not see it; None where
        fold 0 was kept from the fit for that.
    encoder : Path or None
        Folder of an encoder that was trained with it: the classifier's own.
    """

    head: Head
    curve: Curve
    held_out: Logits | None = None
    encoder: Path | None = None


def fit_to_vectors(rows: npt.NDArray[np.float32], sides: Sides, *, progress: Progress) -> Fit:
    """Fit a linear head to the vectors (N, D) of a frozen encoder."""
    train, labels = sides.train, sides.labeled.labels
    fit = fit_linear(
        rows[train],
        labels[train],
        sides.folds[train],
        len(sides.labeled.classes),
        progress=progress,
    )
    curve = Curve(
        "cross-validation",
        tuple(fit.search),
        tuple(fit.search.values()),
        "strength of the fit (C)",
        "balanced accuracy",
        log_x=True,
    )
    return Fit(fit.head, curve, fit.held_out)


def schedule_of(options: ClassifierOptions, works: int) -> Schedule:
    """Return the kind's own schedule, with what the user said instead."""
    batch_size = options.batch_size or BATCH_SIZES[options.kind]
    return Schedule(
        epochs=options.epochs or EPOCHS[options.kind],
        batch_size=max(2, min(batch_size, works)),
        learning_rate=options.learning_rate or LEARNING_RATES[options.kind],
    )


def fit_mobilenet(
    beginning: Beginning,
    sides: Sides,
    folder: Path,
    options: ClassifierOptions,
    identity: dict[str, Any],
    *,
    progress: Progress,
) -> Fit:
    """Train MobileNetV2 and its head; the network becomes the folder's encoder."""
    rows = np.flatnonzero(sides.folds > 0)
    inputs = PictureInputs([sides.labeled.works[row].path for row in rows], beginning.preprocessing)
    config = TrainedConfig(
        network="timm",
        settings={"model": MODEL},
        preprocessing=beginning.preprocessing,
        dim=DIM,
        summary=f"MobileNetV2, trained for {options.by}",
        card={"recipe": identity},
    )
    return _fit_network(
        lay_out(beginning.network), inputs, rows, sides, folder, options, identity, config, progress
    )


def fit_recurrent(
    sequences: npt.NDArray[np.float32],
    sides: Sides,
    base: Encoder,
    folder: Path,
    options: ClassifierOptions,
    identity: dict[str, Any],
    *,
    progress: Progress,
) -> Fit:
    """Train a recurrent network on sequences (N, T, F) of a frozen backbone."""
    settings = {"base_dim": base.info.dim, "energies": ENERGIES, "hidden": _HIDDEN}
    torch.manual_seed(options.seed)
    network = build_network("recurrent", settings)
    learned_from = np.flatnonzero(sides.folds > 0)
    learned = torch.from_numpy(sequences[learned_from])

    def inputs(rows: npt.NDArray[np.intp], random: np.random.Generator) -> torch.Tensor:
        return learned[torch.from_numpy(rows)]

    config = TrainedConfig(
        network="recurrent",
        settings=settings,
        preprocessing=None,  # the base encoder has one of its own
        dim=2 * _HIDDEN,
        base=base.info,
        summary=f"recurrent network over {base.info.short_name}, trained for {options.by}",
        card={"recipe": identity},
    )
    return _fit_network(
        network, inputs, learned_from, sides, folder, options, identity, config, progress
    )


def _fit_network(
    network: torch.nn.Module,
    inputs: Inputs,
    rows: Labels,
    sides: Sides,
    folder: Path,
    options: ClassifierOptions,
    identity: dict[str, Any],
    config: TrainedConfig,
    progress: Progress,
) -> Fit:
    labels = sides.labeled.labels[rows]
    schedule = schedule_of(options, len(rows))
    torch.manual_seed(options.seed)  # for the head
    trainee = HeadTraining(
        network,
        inputs,
        labels,
        dim=config.dim,
        classes=len(sides.labeled.classes),
        schedule=schedule,
        seed=options.seed,
        device=pick_device(options.device),
    )
    history = run_steps(
        trainee,
        folder,
        steps=schedule.steps(len(rows)),
        seed=options.seed,
        settings=identity,
        options=LoopOptions(options.restart, options.checkpoint_every_s),
        progress=progress,
        description="Training",
    )
    save_trained(folder, config, network)
    curve = _loss_curve(history, schedule.batches(len(rows)))
    return Fit(trainee.head(), curve, encoder=folder.absolute())


def _loss_curve(history: list[dict[str, float]], batches: int) -> Curve:
    losses = np.array([step["loss"] for step in history]).reshape(-1, batches).mean(axis=1)
    epochs = tuple(float(i + 1) for i in range(len(losses)))
    return Curve("training side", epochs, tuple(losses.tolist()), "epoch", "class-weighted loss")
