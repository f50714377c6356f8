"""The recipe of a painting encoder, from pictures to an encoder's folder."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

import artsim
from artsim.domain.progress import Progress, SilentProgress
from artsim.encoders.devices import pick_device
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.registry import resolve
from artsim.encoders.trained_config import TrainedConfig
from artsim.encoders.trained_family import save_trained
from artsim.errors import TrainingError
from artsim.ingest.source_types import RowProblem
from artsim.training.loop import LoopOptions, run_steps
from artsim.training.painting.finish import finish
from artsim.training.painting.options import PaintingOptions
from artsim.training.painting.targets import join_targets, keep_teachers
from artsim.training.painting.trainee import PaintingTrainee, network_settings
from artsim.training.painting.views import keep_views
from artsim.training.split import Side, side_of
from artsim.training.works import Work, read_works, works_identity, write_source

ENCODER_FOLDER: Final = "encoder"

_LAST_STEPS: Final = 100
"""Of which the mean losses are noted."""


@dataclass(frozen=True, slots=True)
class PaintingRun:
    """What came of a training.

    Attributes
    ----------
    spec : str
        Names the encoder: ``file:DIR/encoder``.
    history : list of dict
        The losses of each step.
    works : mapping of str to int
        How many works each side of the split has.
    problems : list of RowProblem
        Rows and files that were left out.
    """

    spec: str
    history: list[dict[str, float]]
    works: Mapping[str, int]
    problems: list[RowProblem]


def train_painting_encoder(
    sources: Sequence[Path],
    folder: Path,
    options: PaintingOptions,
    *,
    column_map: Mapping[str, str] | None = None,
    device: str = "auto",
    loop: LoopOptions | None = None,
    progress: Progress | None = None,
) -> PaintingRun:
    """Train an encoder of pictures from random weights, and write it to ``folder/encoder``.

    Everything that takes long (views, the teachers' vectors, the training itself) is kept
    in the folder, and a run that was killed goes on where it was. The works that are not
    trained on are put into the folders ``validation`` and ``test``, to be ingested.

    Raises
    ------
    SourceError, MetadataError, ImageError
        If the pictures cannot be read.
    EncoderError
        If a teacher cannot be used, or the device is not there.
    TrainingError
        If there is too little to train on, or the folder holds another run.
    """
    progress = progress or SilentProgress()
    torch_device = pick_device(device)
    vector_names = tuple(resolve(spec).vector_name for spec in options.teachers)
    works, problems = read_works(sources, column_map=column_map)
    sides = split_works(works, options)
    train = sides["train"]
    groups = [work.label(options.group) or work.key for work in train]
    labels = [work.label(options.label) for work in train]
    identity = works_identity(train, (options.group, options.label))
    views = keep_views(train, folder, parts=options.parts, identity=identity, progress=progress)
    teachers = keep_teachers(
        views, folder, options.teachers, identity=identity, device=device, progress=progress
    )
    targets = join_targets(teachers, options.teacher_weights, options.network.dim)
    trainee = PaintingTrainee(views, targets, groups, labels, options, device=torch_device)
    settings = {**replace(options, teachers=vector_names).identity(), "pictures": identity}
    history = run_steps(
        trainee,
        folder,
        steps=options.steps,
        seed=options.seed,
        settings=settings,
        options=loop or LoopOptions(),
        progress=progress,
    )
    network = trainee.average
    side = options.input_side
    finish(network, views, targets, groups, labels, side=side, progress=progress)
    config = TrainedConfig(
        network="painting",
        settings=network_settings(options),
        preprocessing=Preprocessing(side, side),
        dim=options.network.dim,
        source="trained with artsim train encoder",
        summary=f"paintings, trained on {len(train):,} works",
        card=_card(sources, train, settings, history),
    )
    spec = save_trained(folder / ENCODER_FOLDER, config, network, compact=True)
    held_back: tuple[Side, Side] = ("validation", "test")
    for name in held_back:
        write_source(sides[name], folder / name)
    progress.finish()
    return PaintingRun(spec, history, {s: len(found) for s, found in sides.items()}, problems)


def split_works(works: Sequence[Work], options: PaintingOptions) -> dict[Side, list[Work]]:
    """Split works so that no group is on two sides; those without a group are trained on.

    Raises
    ------
    TrainingError
        If nothing is left to train on.
    """
    sides: dict[Side, list[Work]] = {"train": [], "validation": [], "test": []}
    for work in works:
        group = work.label(options.group)
        side: Side = "train"
        if group is not None:
            side = side_of(group, test=options.test, validation=options.validation)
        sides[side].append(work)
    if not sides["train"]:
        raise TrainingError("no picture is left to train on; lower --test-share")
    return sides


def _card(
    sources: Sequence[Path],
    works: Sequence[Work],
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Return what is known of the weights, for people."""
    last = history[-_LAST_STEPS:]
    names = [source.absolute().name for source in sources]
    return {
        "data": {n: sum(work.key.startswith(f"{n}/") for work in works) for n in names},
        "recipe": dict(settings),
        "losses": {name: round(float(np.mean([r[name] for r in last])), 4) for name in last[0]},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "artsim": artsim.__version__,
    }
