"""Which views a step looks at: groups alike in number, whatever their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.errors import TrainingError
from artsim.training.painting.options import PaintingOptions

_LARGE: Final = 30
_EVENNESS: Final = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What a step looks at.

    Attributes
    ----------
    works, views : ndarray of int64, shape (N,)
        Works, each in both halves, and which of its views; 0 is the whole picture.
    """

    works: npt.NDArray[np.int64]
    views: npt.NDArray[np.int64]


class Sampler:
    """Draws batches; the same ones for the same seed and step.

    A group of n works is drawn with a probability that rises with ``min(n, 30) ** 0.7``:
    many groups have few works, of which little can be learned.

    Parameters
    ----------
    groups : sequence of str
        The group of each work.

    Raises
    ------
    TrainingError
        If there are fewer groups than a batch has.
    """

    def __init__(self, groups: Sequence[str], options: PaintingOptions) -> None:
        names, inverse = np.unique(np.asarray(groups), return_inverse=True)
        if len(names) < options.groups:
            raise TrainingError(
                f"there are {len(names)} values of {options.group} to train on, "
                f"{options.groups} are needed in a batch; give more pictures, or fewer groups",
                hint="--groups",
            )
        self._members = [np.flatnonzero(inverse == number) for number in range(len(names))]
        chances = np.array([min(len(m), _LARGE) ** _EVENNESS for m in self._members])
        self._chances = chances / chances.sum()
        self._options = options

    def draw(self, step: int) -> Draw:
        """Return what a step looks at."""
        options = self._options
        random = np.random.default_rng([options.seed, step])
        groups = random.choice(len(self._members), options.groups, replace=False, p=self._chances)
        works = np.concatenate([self._draw_works(self._members[g], random) for g in groups])
        count = len(works)
        parts = random.integers(1, 1 + options.parts, (2, count))
        is_whole = random.random(count) < options.whole
        first = np.where(is_whole, 0, parts[0])
        return Draw(np.concatenate([works, works]), np.concatenate([first, parts[1]]))

    def _draw_works(
        self, members: npt.NDArray[np.int64], random: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        wanted = self._options.works
        return random.choice(members, wanted, replace=len(members) < wanted)
