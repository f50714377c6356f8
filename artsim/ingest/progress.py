"""What an ingest tells of its counts and problems."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from artsim.errors import SourceError


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
    renamed : int
        There under another id, and encoded by all encoders.
    failed : int
        Reported as problems.
    pruned : int
        Taken out, since the source no longer has them.
    faces : int
        Faces written.
    extended : int
        Of those written, how many were there, and lacked an encoder's vectors or faces.
    added : dict of str to int
        Of those extended, how many got the vectors of each encoder, by its name.
    """

    written: int = 0
    updated: int = 0
    unchanged: int = 0
    renamed: int = 0
    failed: int = 0
    pruned: int = 0
    faces: int = 0
    extended: int = 0
    added: dict[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Paintings of the source dealt with, in whatever way."""
        return self.written + self.updated + self.unchanged + self.renamed + self.failed


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
    hint : str
        Options of the command line that help; "" where there are none.
    """

    place: str
    reason: str
    painting_id: str | None = None
    line: int | None = None
    hint: str = ""

    @property
    def with_hint(self) -> str:
        """The reason as the command line shows it."""
        return f"{self.reason} ({self.hint})" if self.hint else self.reason


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did; with `dry_run`, what it would have done.

    Attributes
    ----------
    renamed : list of tuple of str
        Old id and new id of each painting that was there under another one.
    refusal : SourceError or None
        Why nothing was taken out, where that was asked for.
    notes : tuple of str
        Remarks on how the source was understood.
    seconds : float
        How long it took.
    """

    counts: Counts
    problems: list[Problem] = field(default_factory=list)
    dry_run: bool = False
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refusal: SourceError | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-like values, in the form that docs/output.md describes."""
        return {
            "schema": 1,
            "dry_run": self.dry_run,
            **asdict(self.counts),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "renames": [{"from": old_id, "to": new_id} for old_id, new_id in self.renamed],
            "problems": [asdict(problem) for problem in self.problems],
        }
