"""Batches: so many people, so many faces of each, drawn by the step's number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Return the generator of one step of a run; what it draws depends on nothing else."""
    return np.random.default_rng((seed, step))


def draw_batch(
    codes: npt.NDArray[np.intp], *, people: int, faces: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return the places of up to `people` x `faces` faces, every person with equally many.

    Each person is as likely as any other, however many faces of it there are. A person
    with fewer than `faces` gives some of them more than once.

    Parameters
    ----------
    codes : ndarray of int, shape (N,)
        Number of each face's person, from 0, each at least once.
    people, faces : int
        At least 1; with fewer people in all, all are taken.

    Returns
    -------
    ndarray of int, shape (min(people, P) * faces,)
        Person by person.
    """
    by_person = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    chosen = random.choice(len(sizes), min(people, len(sizes)), replace=False)
    return np.concatenate(
        [by_person[starts[person] + _draw(int(sizes[person]), faces, random)] for person in chosen]
    )


def _draw(size: int, count: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return `count` of `size`, none a second time before all have come."""
    rounds = [random.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count].astype(np.intp)
