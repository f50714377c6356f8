"""The faces of a run: crops with their people, and which people are for what."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.split import Side, sides_of
from artsim.errors import TrainingError


@dataclass(frozen=True, slots=True)
class FaceSet:
    """N aligned faces, and whose they are.

    Attributes
    ----------
    crops : sequence of ndarray of uint8, shape (size, size, 3)
        As `artsim.encoders.face_crops` cuts them.
    people : tuple of str
        Whose face each crop is.
    sides : tuple of {"train", "validation", "test"}
        What each is for; a person is on one side only.
    identity : str
        Changes with the crops and the people.
    """

    crops: Sequence[RGBImage]
    people: tuple[str, ...]
    sides: tuple[Side, ...]
    identity: str

    def rows(self, side: Side) -> npt.NDArray[np.intp]:
        """Return which crops are on a side, rising."""
        return np.flatnonzero([each == side for each in self.sides])

    def codes(self, side: Side) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Return the number of the person of each crop of a side, and their sorted names."""
        names, codes = np.unique([self.people[i] for i in self.rows(side)], return_inverse=True)
        return codes.astype(np.intp), [str(name) for name in names]


def make_face_set(
    crops: Sequence[RGBImage],
    people: Sequence[str],
    *,
    identity: str | None = None,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int = 0,
) -> FaceSet:
    """Split faces by person.

    Parameters
    ----------
    identity : str, optional
        Of the crops; by default their digest.
    test, validation : float
        Shares of the people, see `artsim.catalog.split.side_of`.

    Raises
    ------
    TrainingError
        If fewer than two people are left to train on, or none of them has two faces.
    """
    if len(crops) != len(people):
        raise ValueError(f"{len(crops)} crops of {len(people)} people")
    sides = sides_of(people, test=test, validation=validation, seed=seed)
    found = FaceSet(
        crops, tuple(people), tuple(sides), _identity(identity or _digest(crops), people)
    )
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


def _identity(crops: str, people: Sequence[str]) -> str:
    labels = "\0".join([crops, *people]).encode("utf-8", "surrogatepass")
    return hashlib.sha256(labels).hexdigest()


def _digest(crops: Sequence[RGBImage]) -> str:
    digest = hashlib.sha256()
    for crop in crops:
        digest.update(np.ascontiguousarray(crop).tobytes())
    return digest.hexdigest()
