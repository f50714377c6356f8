"""Faces to train on: who is on which picture, the aligned faces, and the people held back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import prominence
from artsim.catalog.names import Side, side_of
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.base import FaceDetector
from artsim.encoders.face_detectors import CROP_SIZE, crops_identity, find_faces
from artsim.errors import TrainingError
from artsim.images.load import LoadedImage
from artsim.ingest.records import Problem
from artsim.training.data import Work, place_pictures, read_works, write_csv
from artsim.training.rows import Readable, read_pictures, split_readable

PERSON: Final = "person"  # ``extra.person``, and the folder where a source has no such field
MOST_PAIRS: Final = 3000  # of one person, and as many of different people, as LFW lists
_FIELD: Final = "extra.person"
_CHUNK: Final = 128  # pictures whose faces are kept in one file
_VERSION: Final = 1  # to be raised whenever other crops come of the same pictures and detector


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
    unlabeled = 0
    for source, root in sorted(roots.items()):
        of_source = [work for work in works if work.key.startswith(f"{source}/")]
        for work, person in zip(of_source, _labels(of_source, root, by), strict=True):
            if person is None:
                unlabeled += 1
                continue
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
    return People(tuple(pictures), unlabeled, tuple(problems))


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
    """Find the main face of each picture, but for those that `folder` has already.

    Of several faces the largest near the middle is taken, see `prominence`.
    """

    def main_crop(loaded: LoadedImage) -> RGBImage | None:
        height, width = loaded.pixels.shape[:2]
        faces = find_faces(loaded.pixels, detector)
        faces.sort(key=lambda found: -prominence(found.face.box, (width, height)))
        return faces[0].crop if faces else None

    kept = read_pictures(
        [(picture.name, picture.path) for picture in pictures],
        main_crop,
        list,
        folder,
        f"{_VERSION}\0{crops_identity(detector)}\0{CROP_SIZE}",
        progress=progress or SilentProgress(),
        description="Finding faces",
        chunk=_CHUNK,
    )
    found = split_readable(pictures, kept)
    if not found.works:
        raise TrainingError(
            f"no face was found in {len(pictures)} pictures, {len(found.problems)} of which cannot "
            "be read; give pictures with larger faces"
        )
    return found


@dataclass(frozen=True, slots=True)
class FaceSet:
    """N aligned faces (size, size, 3), whose they are, and what each person's are for."""

    crops: Sequence[RGBImage]
    people: tuple[str, ...]
    sides: tuple[Side, ...]
    identity: str  # changes with the crops and the people

    def rows(self, side: Side) -> npt.NDArray[np.intp]:
        """Return which crops are on a side, rising."""
        return np.flatnonzero([each == side for each in self.sides])

    def codes(self, side: Side) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Return the number of the person of each crop of a side, and their sorted names."""
        names, codes = np.unique([self.people[i] for i in self.rows(side)], return_inverse=True)
        return codes.astype(np.intp), [str(name) for name in names]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many faces of how many people each side has."""
        sides: tuple[Side, ...] = ("train", "validation", "test")
        return {
            side: {"faces": len(self.rows(side)), "people": len(self.codes(side)[1])}
            for side in sides
        }


def make_face_set(
    crops: Sequence[RGBImage],
    people: Sequence[str],
    *,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int = 0,
) -> FaceSet:
    """Split faces by person, as `side_of` does; TrainingError if too few are left to train on."""
    sides = tuple(side_of(one, test=test, validation=validation, seed=seed) for one in people)
    digest = hashlib.sha256("\0".join(people).encode("utf-8", "surrogatepass"))
    for crop in crops:
        digest.update(np.ascontiguousarray(crop).tobytes())
    found = FaceSet(crops, tuple(people), sides, digest.hexdigest())
    codes, names = found.codes("train")
    if len(names) < 2 or np.bincount(codes).max() < 2:
        raise TrainingError(
            f"expected faces of at least two people to train on, two of one of them, found "
            f"{len(codes)} faces of {len(names)} people on that side of the split, of "
            f"{len(set(people))} people in all; add people, or give another seed or smaller "
            "shares for testing and validation",
            hint="--seed, --test-share, --validation-share",
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
