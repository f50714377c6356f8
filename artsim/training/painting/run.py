"""The recipe of a painting encoder, from pictures to an encoder's folder."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

import artsim
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.devices import pick_device
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.registry import resolve
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.errors import TrainingError
from artsim.training.loop import LoopOptions, run_steps
from artsim.training.own_folder import own_folder
from artsim.training.painting.finish import finish
from artsim.training.painting.lessons import Lessons
from artsim.training.painting.options import PaintingOptions
from artsim.training.painting.targets import join_targets
from artsim.training.painting.teachers import keep_teachers
from artsim.training.painting.trainee import PaintingTrainee, network_settings
from artsim.training.painting.views import keep_views
from artsim.training.rows import LookOnly, WorkRows, read_rows
from artsim.training.split import Side, side_of
from artsim.training.works import Work, read_works, works_identity, write_source

ENCODER_FOLDER: Final = "encoder"

_NAMES: Final = (
    "checkpoint.pt", "readable", "views.npy*", "teacher-*", ENCODER_FOLDER, "losses.png",
    "validation", "test",
)  # fmt: skip

_OF_THE_END: Final = frozenset({"input_side"})
"""Settings that do not matter before the training has ended."""

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
    works : mapping of {"train", "validation", "test"} to int
        How many works each side of the split has.
    problems : list of str
        Rows and files that were left out, with the reasons.
    """

    spec: str
    history: list[dict[str, float]]
    works: Mapping[Side, int]
    problems: list[str]


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
    SourceError, MetadataError
        If a source cannot be read. Pictures that cannot be are left out.
    EncoderError
        If a teacher cannot be used, or the device is not there.
    TrainingError
        If there is too little to train on, or the folder holds another run.
    """
    progress = progress or SilentProgress()
    torch_device = pick_device(device)
    vector_names = tuple(resolve(spec).vector_name for spec in options.teachers)
    works, rows_left_out = read_works(sources, column_map=column_map)
    sides = split_works(works, options)
    own_folder(folder, _NAMES)
    readable = _keep_readable(sides["train"], folder, progress)
    lessons = _prepare(readable.works, folder, options, device, progress)
    trainee = PaintingTrainee(lessons, options, device=torch_device)
    recipe = {**replace(options, teachers=vector_names).identity(), "pictures": lessons.identity}
    history = run_steps(
        trainee,
        folder,
        steps=options.steps,
        seed=options.seed,
        settings={name: value for name, value in recipe.items() if name not in _OF_THE_END},
        options=loop or LoopOptions(),
        progress=progress,
    )
    side = options.input_side
    finish(trainee.average, lessons.views, lessons.groups, side=side, progress=progress)
    card = _card(sources, readable.works, recipe, history)
    spec = _save(trainee, folder / ENCODER_FOLDER, options, card)
    held_back: tuple[Side, Side] = ("validation", "test")
    for name in held_back:
        write_source(sides[name], folder / name)
    progress.finish()
    counts = {"train": len(readable.works), **{name: len(sides[name]) for name in held_back}}
    return PaintingRun(spec, history, counts, [*map(str, rows_left_out), *readable.problems])


def _keep_readable(works: Sequence[Work], folder: Path, progress: Progress) -> WorkRows:
    """Find out which pictures can be read, before hours are spent on the others."""
    return read_rows(
        works,
        LookOnly(),
        folder,
        "readable",
        progress=progress,
        description="Reading pictures",
    )


def _prepare(
    works: Sequence[Work],
    folder: Path,
    options: PaintingOptions,
    device: str,
    progress: Progress,
) -> Lessons:
    """Return what is to be learned from the works, computing what the folder does not have."""
    identity = works_identity(works, (options.group, options.label))
    views = keep_views(works, folder, parts=options.parts, identity=identity, progress=progress)
    teachers = keep_teachers(
        views,
        folder,
        options.teachers,
        cells=options.losses.cells > 0,
        identity=identity,
        device=device,
        progress=progress,
    )
    vectors = [teacher.vectors for teacher in teachers]
    return Lessons(
        views=views,
        targets=join_targets(vectors, options.teacher_weights, options.network.dim),
        cells=[teacher.cells for teacher in teachers if teacher.cells is not None],
        groups=[work.label(options.group) or work.key for work in works],
        labels=[work.label(options.label) for work in works],
        identity=identity,
    )


def _save(
    trainee: PaintingTrainee, folder: Path, options: PaintingOptions, card: Mapping[str, Any]
) -> str:
    side = options.input_side
    config = TrainedConfig(
        network="painting",
        settings=network_settings(options),
        preprocessing=Preprocessing(side, side),
        dim=options.network.dim,
        source="trained with artsim train encoder",
        summary=f"paintings, trained on {sum(card['data'].values()):,} works",
        card=card,
    )
    return save_trained(folder, config, trainee.average, compact=True)


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
        raise TrainingError(
            "no picture is left to train on; lower the share for testing", hint="--test-share"
        )
    return sides


def _card(
    sources: Sequence[Path],
    works: Sequence[Work],
    recipe: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Return what is known of the weights, for people."""
    last = history[-_LAST_STEPS:]
    names = [source.absolute().name for source in sources]
    return {
        "data": {n: sum(work.key.startswith(f"{n}/") for work in works) for n in names},
        "recipe": dict(recipe),
        "losses": {name: round(float(np.mean([r[name] for r in last])), 4) for name in last[0]},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "artsim": artsim.__version__,
    }
