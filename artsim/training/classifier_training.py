"""Training of classifiers: from works with labels to a classifier in a folder, with its scores."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from artsim.catalog.kinds import EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.classifier import ClassifierConfig, Head, Logits, save_classifier, softmax
from artsim.encoders.devices import pick_device
from artsim.encoders.networks import build_network
from artsim.encoders.registry import load_encoder, resolve
from artsim.encoders.torch_encoder import ENERGIES, SequenceReader
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.errors import TrainingError
from artsim.images.load import LoadedImage
from artsim.training.data import (
    LabeledWorks,
    Sides,
    Work,
    label_works,
    read_works,
    split_works,
    works_identity,
    write_split,
)
from artsim.training.heads import (
    Beginning,
    HeadTraining,
    Inputs,
    PictureInputs,
    Scores,
    begin_mobilenet,
    choose_threshold,
    fit_linear,
    fit_temperature,
    score_classifier,
)
from artsim.training.loop import (
    LoopOptions,
    Readable,
    Row,
    claim_folder,
    made_now,
    read_pictures,
    run_steps,
)
from artsim.training.recipes import BATCH_SIZES, EPOCHS, LEARNING_RATES, ClassifierOptions

_CACHE: Final = "vectors"  # where vectors are kept, unless the user names another place

_NAMES: Final = (
    "classifier.json", "head.safetensors", "encoder.json", "weights.safetensors", _CACHE,
    "split.csv", "report.html", "report.json", "plot-*.png",
)  # fmt: skip

_HIDDEN: Final = 192
_OWN: Final = "file:."  # what a classifier calls the encoder in its own folder


class Curve(NamedTuple):
    """How a training went: losses by epoch, or scores by regularization."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class ClassifierOutcome:
    """A trained classifier, and what is known of it."""

    folder: Path
    config: ClassifierConfig  # as it lies in the folder: field, kind, temperature, threshold
    encoder: str  # what people call it
    settings: Mapping[str, Any]  # all that the result depends on, as JSON values
    sides: Sides
    scores: Scores
    curve: Curve
    problems: tuple[str, ...]  # rows and pictures that could not be read


class _Fit(NamedTuple):
    """A head before it is calibrated, and what it says of works that it was not fitted to."""

    head: Head
    curve: Curve
    encoder: EncoderInfo
    calibration: npt.NDArray[np.intp]
    logits: Logits
    test: Row


class _Run(NamedTuple):
    """What all steps of a training need."""

    recipe: ClassifierOptions
    out: Path
    progress: Progress
    start: Encoder | Beginning  # what it begins with: a frozen encoder or a MobileNetV2

    def read(self, works: Sequence[Work], encoder: Encoder | SequenceReader | None, name: str,
             description: str) -> Readable[Work]:  # fmt: skip
        """Return an encoder's rows of works; without one only which of them can be read."""

        def prepare(loaded: LoadedImage) -> Prepared:
            return np.zeros(1) if encoder is None else encoder.prepare(loaded.pixels)

        def encode(batch: Sequence[Prepared]) -> Sequence[Row]:
            return list(encoder.encode_prepared(batch)) if encoder and batch else batch

        pictures = [(work.key, work.path) for work in works]
        folder = (self.recipe.cache or self.out / _CACHE) / name
        how = {"progress": self.progress, "description": description}
        return read_pictures(works, pictures, prepare, encode, folder, "", **how)


def train_classifier(
    sources: Sequence[Path],
    out: Path,
    options: ClassifierOptions,
    *,
    column_map: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ClassifierOutcome:
    """Train a classifier of one field, calibrate it, and test it on works put aside.

    A run that was killed goes on where it was when it is called again, and comes to the same
    classifier. Where a network is trained, its folder is also that of an encoder, ``file:OUT``.
    Raises `TrainingError` if there are too few works or classes, the split makes no sense for the
    field, or the folder holds another run, and the errors of sources, fields and encoders.
    """
    recipe = options
    _check(recipe)
    works, rejected = read_works(sources, column_map=column_map)
    labeled = label_works(works, recipe.by, least=recipe.min_works)
    run = _Run(recipe, out, progress or SilentProgress(), _begin(recipe))
    settings = _settings(run, labeled)
    claim_folder(out, _NAMES, settings, LoopOptions(recipe.restart))
    if recipe.restart:
        shutil.rmtree(out / _CACHE, ignore_errors=True)
    if isinstance(run.start, Beginning):
        found = run.read(labeled.works, None, "readable", "Checking pictures")
    else:
        recurrent = recipe.kind == "recurrent"
        name = f"{run.start.info.vector_name}-{'parts' if recurrent else 'whole'}"
        reader = SequenceReader(run.start) if recurrent else run.start
        found = run.read(labeled.works, reader, name, "Encoding")
    if found.problems:
        again = label_works(found.works, recipe.by, least=recipe.min_works)
        left_out = {**labeled.left_out, **again.left_out}
        labeled = replace(again, left_out=left_out, without=labeled.without)
    sides = split_works(labeled, recipe.split, test=recipe.test_share, seed=recipe.seed)
    place = {work.key: row for row, work in enumerate(found.works)}
    rows = np.stack([found.rows[place[work.key]] for work in sides.labeled.works])
    fit = _fit(run, sides, rows.astype(np.float32), settings)
    found.problems[:0] = map(str, rejected)
    return _finish(run, fit, sides, settings, found)


def _check(recipe: ClassifierOptions) -> None:
    """Refuse settings that go against each other."""
    if recipe.split == "artist" and recipe.by in ("artist", "artist_key"):
        raise TrainingError(
            "artists cannot be learned from works of other artists; split by chance",
            hint="--split random",
        )
    if recipe.from_scratch and recipe.kind != "mobilenetv2":
        raise TrainingError(
            "only mobilenetv2 can begin from scratch", hint="leave --from-scratch out"
        )
    if recipe.from_scratch and recipe.weights is not None:
        raise TrainingError(
            "a network begins from weights or from scratch, not from both",
            hint="--weights or --from-scratch",
        )


def _begin(recipe: ClassifierOptions) -> Encoder | Beginning:
    """Load what it begins with, which may not be there, before any work is done."""
    if recipe.kind == "mobilenetv2":
        return begin_mobilenet(recipe)
    card = resolve(recipe.encoder, weights=recipe.weights)
    if card.kind != "image":
        raise TrainingError(f"{recipe.encoder!r} encodes faces only; name an encoder of pictures")
    return load_encoder(card, device=recipe.device)


def _settings(run: _Run, labeled: LabeledWorks) -> dict[str, Any]:
    """Return all that the result depends on but steps, which the loop adds."""
    recipe = run.recipe
    settings: dict[str, Any] = {
        "by": recipe.by,
        "kind": recipe.kind,
        "works": works_identity(labeled.works, (recipe.by, "artist")),
        "classes": len(labeled.classes),
        "split": recipe.split,
        "test_share": recipe.test_share,
        "min_works": recipe.min_works,
        "seed": recipe.seed,
    }
    if isinstance(run.start, Beginning):
        settings["begun_with"] = run.start.weights
    else:
        settings["encoder"] = run.start.info.vector_name
    if recipe.kind != "linear":
        settings |= _schedule(recipe, len(labeled.works))
    return settings


def _schedule(recipe: ClassifierOptions, works: int) -> dict[str, Any]:
    """Return the kind's own schedule, with what the user said instead."""
    batch_size = recipe.batch_size or BATCH_SIZES[recipe.kind]
    return {
        "epochs": recipe.epochs or EPOCHS[recipe.kind],
        "batch_size": max(2, min(batch_size, works)),
        "learning_rate": recipe.learning_rate or LEARNING_RATES[recipe.kind],
    }


def _fit(run: _Run, sides: Sides, rows: Row, settings: Mapping[str, Any]) -> _Fit:
    """Fit a head to the vectors (N, D) of a frozen encoder, or train a network with its head."""
    labels, train = sides.labeled.labels, sides.train
    if isinstance(run.start, Encoder) and run.recipe.kind == "linear":
        classes, folds = len(sides.labeled.classes), sides.folds[train]
        head, held_out, search = fit_linear(
            rows[train], labels[train], folds, classes, progress=run.progress
        )
        x, y = tuple(search), tuple(search.values())
        curve = Curve(
            "cross-validation", x, y, "strength of the fit (C)", "balanced accuracy", True
        )
        return _Fit(head, curve, run.start.info, train, held_out, rows[sides.test])
    head, curve = _train_network(run, sides, rows, settings)
    # With the encoder as it will be loaded, so that the scores are of what users get.
    encoder = load_encoder(f"file:{run.out.absolute()}", device=run.recipe.device)
    calibration = np.flatnonzero(sides.folds == 0)
    works = [sides.labeled.works[row] for row in (*calibration, *sides.test)]
    seen = np.stack(run.read(works, encoder, encoder.info.vector_name, "Testing").rows)
    logits = head.logits(seen[: len(calibration)])
    # The folder may be moved: what is written names no place.
    info = replace(encoder.info, name=_OWN, spec=_OWN)
    return _Fit(head, curve, info, calibration, logits, seen[len(calibration) :])


def _train_network(
    run: _Run, sides: Sides, rows: Row, settings: Mapping[str, Any]
) -> tuple[Head, Curve]:
    """Train MobileNetV2, or a recurrent network on sequences (N, T, F); it becomes an encoder."""
    recipe = run.recipe
    learned_from = np.flatnonzero(sides.folds > 0)
    if isinstance(run.start, Beginning):
        paths = [sides.labeled.works[row].path for row in learned_from]
        inputs: Inputs = PictureInputs(paths, run.start.preprocessing)
        network, config = run.start.network, run.start.config
    else:
        network, inputs, config = _recurrent_network(run.start, recipe, rows[learned_from])
    torch.manual_seed(recipe.seed)  # for the head
    trainee = HeadTraining(
        network,
        inputs,
        sides.labeled.labels[learned_from],
        dim=config.dim,
        classes=len(sides.labeled.classes),
        **_schedule(recipe, len(learned_from)),
        seed=recipe.seed,
        device=pick_device(recipe.device),
    )
    history = run_steps(
        trainee,
        run.out,
        steps=trainee.steps,
        seed=recipe.seed,
        settings=settings,
        options=LoopOptions(recipe.restart, recipe.checkpoint_every_s),
        progress=run.progress,
    )
    save_trained(run.out, replace(config, card={"recipe": settings}), network)
    losses = np.reshape([step["loss"] for step in history], (-1, trainee.batches)).mean(axis=1)
    epochs = tuple(float(i + 1) for i in range(len(losses)))
    curve = Curve("training side", epochs, tuple(losses.tolist()), "epoch", "class-weighted loss")
    return trainee.head(), curve


def _recurrent_network(
    base: Encoder, recipe: ClassifierOptions, sequences: Row
) -> tuple[nn.Module, Inputs, TrainedConfig]:
    sizes = {"base_dim": base.info.dim, "energies": ENERGIES, "hidden": _HIDDEN}
    torch.manual_seed(recipe.seed)
    config = TrainedConfig(
        network="recurrent",
        settings=sizes,
        preprocessing=None,  # the base encoder has one of its own
        dim=2 * _HIDDEN,
        base=base.info,
        summary=f"recurrent network over {base.info.short_name}, trained for {recipe.by}",
    )
    learned, network = torch.from_numpy(sequences), build_network("recurrent", sizes)
    return network, lambda rows, _: learned[torch.from_numpy(rows)], config


def _finish(
    run: _Run, fit: _Fit, sides: Sides, settings: Mapping[str, Any], found: Readable[Work]
) -> ClassifierOutcome:
    """Choose temperature and threshold, then score on the test side, and write the classifier."""
    recipe, labeled = run.recipe, sides.labeled
    truth = labeled.labels[fit.calibration]
    temperature = fit_temperature(fit.logits, truth)
    known = softmax(fit.logits / temperature)
    right = known.argmax(axis=1) == truth
    threshold = choose_threshold(known.max(axis=1), right, precision=recipe.precision)
    head = Head(fit.head.weights, fit.head.bias, temperature)
    scores = score_classifier(
        head.probabilities(fit.test),
        labeled.labels[sides.test],
        labeled.labels[sides.train],
        labeled.classes,
        threshold=threshold,
    )
    is_own = fit.encoder.spec == _OWN
    config = ClassifierConfig(
        field=recipe.by,
        kind=recipe.kind,
        classes=labeled.classes,
        encoder=fit.encoder,
        own_encoder=is_own,
        temperature=temperature,
        threshold=threshold,
        precision=recipe.precision,
        scores=scores.summary(),
        card={"recipe": dict(settings), "works": len(labeled.works), **made_now()},
    )
    save_classifier(run.out, config, head)
    hashes = dict(zip([work.key for work in found.works], found.hashes, strict=True))
    fates = zip(labeled.works, np.where(sides.folds < 0, "test", "train"), strict=True)
    write_split(run.out, [(work.key, str(side), hashes[work.key]) for work, side in fates])
    name = run.out.absolute().name if is_own else fit.encoder.short_name
    told, left_out = {**settings, "precision": recipe.precision}, tuple(found.problems)
    return ClassifierOutcome(run.out, config, name, told, sides, scores, fit.curve, left_out)
