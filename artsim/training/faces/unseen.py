"""The people who were held back: their pictures as a source, and pairs of them to verify."""

from __future__ import annotations

import csv
import io
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.split import Side
from artsim.errors import TrainingError
from artsim.files import replacing
from artsim.training.faces.people import PersonPicture
from artsim.training.works import link_or_copy

MOST_PAIRS: Final = 3000
"""Of one person; as many again are of different people. LFW lists 3,000 of each."""


def write_split(
    path: Path, pictures: Sequence[PersonPicture], sides: Sequence[Side], faces: Iterable[str]
) -> None:
    """Write which picture was for what, and whether it has a face.

    Parameters
    ----------
    sides : sequence of {"train", "validation", "test"}
        Of each picture.
    faces : iterable of str
        Names of the pictures with a face.
    """
    with_face = set(faces)
    rows = [
        (picture.name, picture.person, side, int(picture.name in with_face))
        for picture, side in zip(pictures, sides, strict=True)
    ]
    _write_csv(path, ("picture", "person", "side", "face"), rows)


def write_unseen(folder: Path, pictures: Sequence[PersonPicture], *, seed: int = 0) -> None:
    """Make a source of the pictures, which an ingest takes as it is, and list pairs of them.

    The pictures are linked or else copied below `folder`; ``metadata.csv`` says who is on
    them, and ``pairs.csv`` has pairs of one person and as many of different people, in the
    form that `artsim evaluate faces --pairs` takes. What `folder` held before goes.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    try:
        if folder.exists():
            shutil.rmtree(folder)
        for picture in pictures:
            link_or_copy(picture.path, folder / picture.name)
    except OSError as exc:
        raise TrainingError(
            f"cannot write the pictures of unseen people to {folder} ({exc.strerror or exc}); "
            "make room, or name another folder",
            hint="--out",
            path=folder,
        ) from exc
    rows = [(picture.name, picture.person) for picture in pictures]
    _write_csv(folder / "metadata.csv", ("filename", "person"), rows)
    pairs = [(a.name, b.name, int(a.person == b.person)) for a, b in draw_pairs(pictures, seed)]
    _write_csv(folder / "pairs.csv", ("file_a", "file_b", "same"), pairs)


def draw_pairs(
    pictures: Sequence[PersonPicture], seed: int = 0
) -> list[tuple[PersonPicture, PersonPicture]]:
    """Return pairs of one person, then as many of different people, none of them twice.

    Of pairs of one person all, up to `MOST_PAIRS`, in the order of people, so that folds
    of neighbors share few people; of pairs of different people a draw in which the people
    are drawn first, each as likely as any other.
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


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            stream = io.TextIOWrapper(file, "utf-8", newline="")
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows(rows)
            stream.detach()
    except OSError as exc:
        raise TrainingError(
            f"cannot write {path} ({exc.strerror or exc}); name a folder that you may write to",
            hint="--out",
            path=path,
        ) from exc
