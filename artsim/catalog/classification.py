"""What a classification answers: candidates with probabilities, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from artsim.catalog.hits import Hit


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value of the field, and how probable it is, in 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Voter:
    """A neighbor that votes.

    Attributes
    ----------
    labels : tuple of str
        Its values of the field, which share its vote evenly.
    weight : float
        What its vote counts: its cosine to the picture, 0 where that is negative.
    """

    hit: Hit
    labels: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Classification:
    """What is said of one picture.

    Attributes
    ----------
    image : Path
        The picture's file.
    field : str
        What was asked for: ``style``, ``artist``.
    candidates : tuple of Candidate
        Every value that is possible, most probable first, equal ones by label; their
        probabilities add up to 1. Empty where no neighbor votes.
    threshold : float or None
        Least probability of the first candidate at which it is the answer; None: there is
        none at which the classifier was right often enough.
    voters : tuple of Voter
        The neighbors that voted, nearest first; empty for a trained classifier.
    """

    image: Path
    field: str
    candidates: tuple[Candidate, ...]
    threshold: float | None
    voters: tuple[Voter, ...] = ()

    @property
    def answer(self) -> str | None:
        """The most probable value; None where it is not probable enough to be said."""
        if not self.candidates or self.threshold is None:
            return None
        first = self.candidates[0]
        return first.label if first.probability >= self.threshold else None


def rank_candidates(shares: dict[str, float]) -> tuple[Candidate, ...]:
    """Return candidates from their probabilities, most probable first, equal ones by label."""
    ordered = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Candidate(label, probability) for label, probability in ordered)
