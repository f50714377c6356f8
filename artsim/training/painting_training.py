"""Training of painting encoders, from pictures to an encoder's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from artsim.catalog.names import Side, side_of
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import Preprocessing
from artsim.encoders.devices import pick_device
from artsim.encoders.networks import PaintingNetwork
from artsim.encoders.registry import resolve
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.errors import TrainingError
from artsim.training.data import Work, read_works, works_identity, write_source, write_split
from artsim.training.lessons import Whitening, join_targets, keep_teachers, keep_views, shrink
from artsim.training.loop import (
    DEFAULT_LOOP,
    LoopOptions,
    Readable,
    claim_folder,
    made_now,
    picture_keys,
    run_steps,
)
from artsim.training.painting_trainee import Lessons, PaintingTrainee
from artsim.training.recipes import PaintingOptions

ENCODER_FOLDER: Final = "encoder"
_NAMES: Final = ("views", "teacher-*", ENCODER_FOLDER, "losses.png", "validation", "test")

_OF_THE_END: Final = frozenset({"input_side"})  # do not matter before the training has ended
_LAST_STEPS: Final = 100  # of which the mean losses are noted
_POWER: Final = 0.5
_BATCH: Final = 64


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
    lessons = _prepare(found, folder, recipe, device, progress)
    trainee = PaintingTrainee(lessons, recipe, device=torch_device)
    settings = {**decisive, "pictures": identity}
    how: Any = {"settings": settings, "options": loop, "progress": progress}
    history = run_steps(trainee, folder, steps=recipe.steps, seed=recipe.seed, **how)
    average = trainee.average
    finish(average, lessons.views, lessons.groups, side=recipe.input_side, progress=progress)
    learned = Counter(work.key.partition("/")[0] for work in found.works)
    card = {
        "data": {source.absolute().name: learned[source.absolute().name] for source in sources},
        "recipe": {**described, "pictures": identity},
        "losses": {
            name: round(float(np.mean([each[name] for each in history[-_LAST_STEPS:]])), 4)
            for name in history[0]
        },
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
    write_split(
        folder / ENCODER_FOLDER,
        [(work.key, side, hashes.get(work.key, "")) for side in sides for work in sides[side]],
    )
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


def _prepare(
    found: Readable[Work], folder: Path, recipe: PaintingOptions, device: str, progress: Progress
) -> Lessons:
    """Return what is to be learned from the works, computing what the folder does not have."""
    works = found.works
    teachers = keep_teachers(
        found.rows,
        folder,
        recipe.teachers,
        cells=recipe.losses.cells > 0,
        keys=picture_keys([(work.key, work.path) for work in works], f"{recipe.parts} parts"),
        device=device,
        progress=progress,
    )
    vectors = (np.stack(teacher.vectors) for teacher in teachers)
    return Lessons(
        views=found.rows,
        targets=join_targets(vectors, recipe.teacher_weights, recipe.network.dim),
        cells=[teacher.cells for teacher in teachers if teacher.cells is not None],
        groups=[work.label(recipe.group) or work.key for work in works],
        labels=[work.label(recipe.label) for work in works],
    )
