"""From pictures of people to a face encoder in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

from artsim.catalog.progress import Progress
from artsim.encoders.devices import pick_device
from artsim.encoders.face_crops import load_detector
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.training.faces.crops import FoundCrops, find_crops
from artsim.training.faces.face_set import FaceSet, make_face_set
from artsim.training.faces.networks import NetworkPlan, plan_network
from artsim.training.faces.options import FacesRecipe
from artsim.training.faces.people import PERSON, People, read_people
from artsim.training.faces.trainee import FacesTrainee
from artsim.training.faces.unseen import write_split, write_unseen
from artsim.training.loop import LoopOptions, run_steps
from artsim.training.own_folder import own_folder
from artsim.training.split import sides_of

_NAMES: Final = (
    "faces", "checkpoint.pt", "encoder.json", "weights.safetensors", "split.csv", "test",
    "losses.png",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrainedFaces:
    """A face encoder, and how it came about.

    Attributes
    ----------
    spec : str
        What names it: ``file:DIR``.
    history : list of dict
        The losses of each step; those that end an epoch also have ``validation``.
    kept_step : int
        How many steps the network that was kept has taken.
    faces : FaceSet
    """

    spec: str
    history: list[dict[str, float]]
    kept_step: int
    faces: FaceSet


@dataclass(frozen=True, slots=True)
class FacesRun:
    """A training from pictures: the encoder, what was read, and where the held back lie."""

    trained: TrainedFaces
    people: People
    found: FoundCrops
    unseen: Path


def train_faces(
    sources: Sequence[Path],
    out: Path,
    recipe: FacesRecipe,
    *,
    by: str = PERSON,
    column_map: Mapping[str, str] | None = None,
    device: str = "auto",
    options: LoopOptions | None = None,
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
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

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
    own_folder(out, _NAMES)
    plan = plan_network(
        recipe.network,
        side=recipe.side,
        weights=recipe.weights,
        settings=recipe.network_settings,
    )
    people = read_people(sources, by=by, column_map=column_map)
    found = find_crops(
        people.pictures, out / "faces", load_detector(device=device), progress=progress
    )
    faces = make_face_set(
        found.crops,
        [picture.person for picture in found.pictures],
        identity=found.identity,
        test=recipe.test,
        validation=recipe.validation,
        seed=recipe.seed,
    )
    sides = sides_of(
        [picture.person for picture in people.pictures],
        test=recipe.test,
        validation=recipe.validation,
        seed=recipe.seed,
    )
    write_split(out / "split.csv", people.pictures, sides, (p.name for p in found.pictures))
    unseen = [p for p, side in zip(people.pictures, sides, strict=True) if side == "test"]
    write_unseen(out / "test", unseen, seed=recipe.seed)
    trained = train_on_faces(
        faces,
        out,
        recipe,
        plan=plan,
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
    plan: NetworkPlan | None = None,
    device: torch.device | None = None,
    options: LoopOptions | None = None,
    progress: Progress | None = None,
    data: Mapping[str, Any] | None = None,
) -> TrainedFaces:
    """Train an encoder on the faces of one side of the split, and save it to `out`.

    Parameters
    ----------
    plan : NetworkPlan, optional
        By default what `recipe` says.
    data : mapping, optional
        What the encoder's card says of where the faces come from.

    Raises
    ------
    TrainingError, EncoderError
        As for `train_faces`.
    """
    plan = plan or plan_network(
        recipe.network,
        side=recipe.side,
        weights=recipe.weights,
        settings=recipe.network_settings,
    )
    trainee = FacesTrainee(faces, plan, recipe, device or torch.device("cpu"))
    settings = {
        **recipe.described(),
        **plan.identity,
        "crops": faces.identity,
    }
    history = run_steps(
        trainee,
        out,
        steps=trainee.steps,
        seed=recipe.seed,
        settings=settings,
        options=options or LoopOptions(),
        progress=progress,
        description="Training on faces",
    )
    network = trainee.finish()
    config = TrainedConfig(
        network=plan.network,
        settings=plan.settings,
        preprocessing=plan.preprocessing,
        dim=plan.dim,
        kind="face",
        summary=f"faces, {recipe.network} trained by a {recipe.loss} loss",
        card=_card(faces, recipe, trainee, history, data or {}),
    )
    kept = trainee.best_step or len(history)
    return TrainedFaces(save_trained(out, config, network), history, kept, faces)


def _card(
    faces: FaceSet,
    recipe: FacesRecipe,
    trainee: FacesTrainee,
    history: Sequence[Mapping[str, float]],
    data: Mapping[str, Any],
) -> dict[str, Any]:
    sides = {
        side: {"faces": len(faces.rows(side)), "people": len(faces.codes(side)[1])}
        for side in ("train", "validation", "test")
    }
    kept = trainee.best_step or len(history)
    return {
        "data": {**data, **sides},
        "recipe": recipe.described(),
        "steps": len(history),
        "kept_step": kept,
        "losses": dict(history[kept - 1]),
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__,
    }
