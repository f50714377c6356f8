"""What an ingest tells while it runs, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True)
class Counts:
    """How many paintings came to which end so far.

    Attributes
    ----------
    written : int
        Encoded, wholly or with another encoder, and written.
    updated : int
        Only their metadata had changed.
    unchanged : int
        Already there, with the same picture, metadata and encoders.
    failed : int
        Reported as problems.
    faces : int
        Faces written.
    """

    written: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    faces: int = 0

    @property
    def done(self) -> int:
        """Paintings dealt with, in whatever way."""
        return self.written + self.updated + self.unchanged + self.failed


@dataclass(frozen=True, slots=True)
class Problem:
    """One painting or row that did not go in.

    Attributes
    ----------
    place : str
        The picture's file, or the manifest.
    reason : str
        What is wrong and what to do.
    painting_id : str or None
        Where it is known.
    line : int or None
        Of the manifest.
    """

    place: str
    reason: str
    painting_id: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did; with `dry_run`, what it would have done.

    `notes` are remarks on how the source was understood and what of it was passed over.
    """

    counts: Counts
    problems: list[Problem] = field(default_factory=list)
    dry_run: bool = False
    notes: tuple[str, ...] = ()


class ProgressReporter(Protocol):
    """Where an ingest reports as it goes; called from one thread."""

    def start(self, total: int | None, description: str) -> None:
        """Begin; `total` paintings are to come, None if nobody knows."""
        ...

    def update(self, done: int, *, faces: int, skipped: int, failed: int) -> None:
        """Report how far it is, in totals."""
        ...

    def finish(self) -> None:
        """End, also after a failure."""
        ...


class SilentProgress:
    """Reporter that says nothing."""

    def start(self, total: int | None, description: str) -> None:
        """Begin."""

    def update(self, done: int, *, faces: int, skipped: int, failed: int) -> None:
        """Report nothing."""

    def finish(self) -> None:
        """End."""
