"""What the task ``copies`` found, before it is put into tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.encoder_info import EncoderInfo
from artsim.evaluation.contenders import Contender
from artsim.evaluation.copies.originals import Originals
from artsim.evaluation.copies.search import Tally

MEAN: Final = "mean"
"""Column of the mean over the edits."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the report is made of.

    Attributes
    ----------
    copied : tuple of str
        Ids of the paintings whose copies were searched for, in the order of the tallies.
    copies : mapping of str to Tally
        By edit.
    skipped : mapping of str to str
        By painting id why a sampled painting was not copied.
    twins : Tally
        Of the paintings in ``originals.twins``, in their order.
    """

    encoders: Sequence[EncoderInfo]
    contenders: Sequence[Contender]
    originals: Originals
    copied: tuple[str, ...]
    copies: Mapping[str, Tally]
    skipped: Mapping[str, str]
    twins: Tally

    def values(self, contender: str, edit: str, depth: int) -> npt.NDArray[np.float64]:
        """Return, for each copied painting, whether it was found; of `MEAN` how often."""
        if edit != MEAN:
            return self.copies[edit].found(contender, depth)
        of_edits = [tally.found(contender, depth) for tally in self.copies.values()]
        return np.asarray(np.mean(of_edits, axis=0))

    @property
    def best(self) -> str:
        """Contender with the most copies found first; the first of equals."""
        names = [contender.name for contender in self.contenders]
        return max(names, key=lambda name: float(self.values(name, MEAN, 1).mean()))

    @property
    def best_of_twins(self) -> str:
        """Contender with the most twins found first; the first of equals."""
        names = [contender.name for contender in self.contenders]
        return max(names, key=lambda name: float(self.twins.found(name, 1).mean()))
