"""Training of face encoders, from pictures of people to an encoder in a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import prominence
from artsim.catalog.names import side_of
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import FaceDetector
from artsim.encoders.devices import pick_device
from artsim.encoders.face_detectors import CROP_SIZE, crops_identity, find_faces, load_detector
from artsim.encoders.trained import TrainedConfig, save_trained
from artsim.encoders.weights import file_sha256
from artsim.errors import TrainingError
from artsim.images.load import LoadedImage
from artsim.ingest.records import Problem
from artsim.training.data import Work, place_pictures, read_works, write_csv, write_split
from artsim.training.face_trainee import (
    FaceSet,
    FacesTrainee,
    NetworkPlan,
    make_face_set,
    plan_network,
)
from artsim.training.loop import (
    DEFAULT_LOOP,
    LoopOptions,
    Readable,
    claim_folder,
    made_now,
    read_pictures,
    run_steps,
)
from artsim.training.recipes import FacesRecipe

PERSON: Final = "person"  # ``extra.person``, and the folder where a source has no such field
MOST_PAIRS: Final = 3000  # of one person, and as many of different people, as LFW lists
_FIELD: Final = "extra.person"
_CHUNK: Final = 128  # pictures whose faces are kept in one file
_VERSION: Final = 1  # to be raised whenever other crops come of the same pictures and detector

_NAMES: Final = (
    "faces", "encoder.json", "weights.safetensors", "split.csv", "test", "losses.png",
)  # fmt: skip


class PersonPicture(NamedTuple):
    """One picture, and whom it shows."""

    path: Path
    name: str  # of the source and the path below it, with ``/``: the same on every machine
    person: str


class People(NamedTuple):
    """The labeled pictures of all sources, by name, and what is left out of these."""

    pictures: tuple[PersonPicture, ...]
    unlabeled: int  # pictures of which nobody says whom they show
    problems: tuple[Problem, ...]  # rows and files that cannot be read


def read_people(
    sources: Sequence[Path], *, by: str = PERSON, column_map: Mapping[str, str] | None = None
) -> People:
    """Read folders of people and manifests; TrainingError if fewer than two people are named.

    The field `by` says whom a picture shows. ``person`` is ``extra.person``; in a source where
    no picture has that, the folder that the picture is in, by its path below the source.
    """
    works, problems = read_works(sources, column_map=column_map)
    places = [source.absolute() for source in sources]
    roots = {place.name: place if place.is_dir() else place.parent for place in places}
    pictures: list[PersonPicture] = []
    for source, root in sorted(roots.items()):
        of_source = [work for work in works if work.key.startswith(f"{source}/")]
        for work, person in zip(of_source, _labels(of_source, root, by), strict=True):
            if person is not None:
                name = f"{source}/{work.path.relative_to(root).as_posix()}"
                pictures.append(PersonPicture(work.path, name, person))
    people = {picture.person for picture in pictures}
    if len(people) < 2:
        raise TrainingError(
            f"expected pictures of at least two people by {by!r}, found {len(people)} in "
            f"{len(works)} pictures of {', '.join(map(str, sources))}; give a folder with a "
            "subfolder for each person, or name the field that says who is who",
            hint="--by",
        )
    pictures.sort(key=lambda picture: picture.name)
    return People(tuple(pictures), len(works) - len(pictures), tuple(problems))


def _labels(works: Sequence[Work], root: Path, by: str) -> list[str | None]:
    if by != PERSON:
        return [work.label(by) for work in works]
    stated = [work.label(_FIELD) for work in works]
    if any(label is not None for label in stated):
        return stated
    folders = [work.path.relative_to(root).parent.as_posix() for work in works]
    return [None if folder == "." else folder for folder in folders]


def find_crops(
    pictures: Sequence[PersonPicture],
    folder: Path,
    detector: FaceDetector,
    *,
    progress: Progress | None = None,
) -> Readable[PersonPicture]:
    """Find the main face of each picture, see `prominence`, but for those that `folder` has."""

    def main_crop(loaded: LoadedImage) -> RGBImage | None:
        height, width = loaded.pixels.shape[:2]
        faces = find_faces(loaded.pixels, detector)
        main = max(faces, key=lambda one: prominence(one.face.box, (width, height)), default=None)
        return None if main is None else main.crop

    found = read_pictures(
        pictures,
        [(picture.name, picture.path) for picture in pictures],
        main_crop,
        list,
        folder,
        f"{_VERSION}\0{crops_identity(detector)}\0{CROP_SIZE}",
        progress=progress or SilentProgress(),
        description="Finding faces",
        chunk=_CHUNK,
    )
    if not found.works:
        raise TrainingError(
            f"no face was found in {len(pictures)} pictures, {len(found.problems)} of which cannot "
            "be read; give pictures with larger faces"
        )
    return found


def write_unseen(folder: Path, pictures: Sequence[PersonPicture], *, seed: int = 0) -> None:
    """Make a source of the pictures, which an ingest takes as it is, and list pairs of them.

    ``metadata.csv`` says who is on them, and ``pairs.csv`` has pairs of one person and as many of
    different people, in the form that `artsim evaluate faces --pairs` takes.
    """
    place_pictures(folder, {picture.name: picture.path for picture in pictures})
    rows = [(picture.name, picture.person) for picture in pictures]
    write_csv(folder / "metadata.csv", ("filename", "person"), rows)
    pairs = [(a.name, b.name, int(a.person == b.person)) for a, b in draw_pairs(pictures, seed)]
    write_csv(folder / "pairs.csv", ("file_a", "file_b", "same"), pairs)


def draw_pairs(
    pictures: Sequence[PersonPicture], seed: int = 0
) -> list[tuple[PersonPicture, PersonPicture]]:
    """Return pairs of one person, then as many of different people, none of them twice.

    Of pairs of one person all, up to `MOST_PAIRS`, in the order of people, so that folds
    of neighbors share few people; of different people a draw in which the people come first.
    """
    of_person: dict[str, list[PersonPicture]] = defaultdict(list)
    for picture in pictures:
        of_person[picture.person].append(picture)
    people = [of_person[person] for person in sorted(of_person)]
    random = np.random.default_rng(seed)
    same = [pair for own in people for pair in combinations(own, 2)]
    if len(same) > MOST_PAIRS:
        kept = np.sort(random.choice(len(same), MOST_PAIRS, replace=False))
        same = [same[i] for i in kept]
    different: dict[tuple[str, str], tuple[PersonPicture, PersonPicture]] = {}
    for _ in range(20 * len(same) if len(people) > 1 else 0):
        if len(different) == len(same):
            break
        first, second = sorted(random.choice(len(people), 2, replace=False).tolist())
        a = people[first][int(random.integers(len(people[first])))]
        b = people[second][int(random.integers(len(people[second])))]
        different[a.name, b.name] = (a, b)
    return same + [different[names] for names in sorted(different)]


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

    Everything is kept in `out`, so that a run that was interrupted is simply run again: ``faces/``
    (the crops), ``checkpoint.pt``, the encoder, ``split.csv`` (which picture is for what) and
    ``test/``, a source of the pictures of the people held back. `by` is as for `read_people`.
    Raises `TrainingError` if there are too few people or faces, `out` cannot be written, or holds a
    run with other settings, and the errors of sources and encoders.
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
    """Train an encoder on one side's faces, and save it to `out`; `data` is for its card."""
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
