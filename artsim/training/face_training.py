"""Training of face encoders, from pictures of people to an encoder in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from artsim.catalog.names import side_of
from artsim.catalog.progress import Progress
from artsim.encoders.devices import pick_device
from artsim.encoders.face_detectors import load_detector
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.encoders.weights import file_sha256
from artsim.training.data import write_split
from artsim.training.face_data import (
    PERSON,
    FaceSet,
    People,
    PersonPicture,
    find_crops,
    make_face_set,
    read_people,
    write_unseen,
)
from artsim.training.face_trainee import FacesTrainee, NetworkPlan, plan_network
from artsim.training.loop import DEFAULT_LOOP, LoopOptions, claim_folder, made_now, run_steps
from artsim.training.recipes import FacesRecipe
from artsim.training.rows import Readable

_NAMES: Final = (
    "faces", "encoder.json", "weights.safetensors", "split.csv", "test", "losses.png",
)  # fmt: skip


class TrainedFaces(NamedTuple):
    """A face encoder, and how it came about."""

    spec: str  # names it
    history: list[dict[str, float]]  # losses of each step; ``validation`` where an epoch ends
    kept_step: int  # how many steps the network that was kept has taken
    faces: FaceSet


class FacesRun(NamedTuple):
    """A training from pictures: the encoder, what was read, and where the held back lie."""

    trained: TrainedFaces
    people: People
    found: Readable[PersonPicture]
    unseen: Path


def train_faces(
    sources: Sequence[Path],
    out: Path,
    recipe: FacesRecipe,
    *,
    by: str = PERSON,
    column_map: Mapping[str, str] | None = None,
    device: str = "auto",
    options: LoopOptions = DEFAULT_LOOP,
    progress: Progress | None = None,
) -> FacesRun:
    """Find the faces of people, train an encoder on some, and set the others aside.

    Everything is kept in `out`, so that a run that was interrupted is simply run again:
    ``faces/`` (the crops), ``checkpoint.pt``, the encoder, ``split.csv`` (which picture is
    for what) and ``test/``, a source of the pictures of the people held back.

    Parameters
    ----------
    by : str
        As for `read_people`.

    Raises
    ------
    SourceError, MetadataError
        If a source cannot be read.
    TrainingError
        If there are too few people or faces, `out` cannot be written, or holds a run with
        other settings.
    EncoderError
        If the device or the weights to begin with are missing.
    """
    where = pick_device(device)
    claim_folder(out, _NAMES, {**_settings(recipe, plan_network(recipe)), "by": by}, options)
    people = read_people(sources, by=by, column_map=column_map)
    detector = load_detector(device=device)
    found = find_crops(people.pictures, out / "faces", detector, progress=progress)
    shares: Any = {"test": recipe.test, "validation": recipe.validation, "seed": recipe.seed}
    faces = make_face_set(found.rows, [picture.person for picture in found.works], **shares)
    sides = {picture: side_of(picture.person, **shares) for picture in people.pictures}
    hashes = dict(zip(found.works, found.hashes, strict=True))
    rows = [
        (picture.name, side, hashes.get(picture, ""), picture.person, int(picture in hashes))
        for picture, side in sides.items()
    ]
    write_split(out, rows, ("person", "face"))
    unseen = [picture for picture, side in sides.items() if side == "test"]
    write_unseen(out / "test", unseen, seed=recipe.seed)
    trained = train_on_faces(
        faces,
        out,
        recipe,
        device=where,
        options=options,
        progress=progress,
        data={"sources": [source.absolute().name for source in sources], "by": by},
    )
    return FacesRun(trained, people, found, out / "test")


def train_on_faces(
    faces: FaceSet,
    out: Path,
    recipe: FacesRecipe,
    *,
    device: torch.device | None = None,
    options: LoopOptions = DEFAULT_LOOP,
    progress: Progress | None = None,
    data: Mapping[str, Any] | None = None,
) -> TrainedFaces:
    """Train an encoder on the faces of one side of the split, and save it to `out`.

    `data` is what the encoder's card says of where the faces come from.
    """
    plan = plan_network(recipe)
    trainee = FacesTrainee(faces, plan, recipe, device or torch.device("cpu"))
    history = run_steps(
        trainee,
        out,
        steps=trainee.steps,
        seed=recipe.seed,
        settings={**_settings(recipe, plan), "crops": faces.identity},
        options=options,
        progress=progress,
        description="Training on faces",
    )
    kept = trainee.best_step or len(history)
    config = TrainedConfig(
        *plan,
        kind="face",
        summary=f"faces, {recipe.network} trained by a {recipe.loss} loss",
        card={
            "data": {**(data or {}), **faces.counts()},
            "recipe": recipe.described(),
            "steps": len(history),
            "kept_step": kept,
            "losses": dict(history[kept - 1]),
            **made_now(),
        },
    )
    return TrainedFaces(save_trained(out, config, trainee.finish()), history, kept, faces)


def _settings(recipe: FacesRecipe, plan: NetworkPlan) -> dict[str, Any]:
    """Return all that the result depends on beside the faces."""
    return {
        **recipe.described(),
        "network": plan.network,
        "settings": dict(plan.settings),
        "side": plan.preprocessing.height,
        "weights": None if recipe.weights is None else file_sha256(recipe.weights),
    }
