"""What an ingest comes to: its counts, and the list of what did not go in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any, Final

from artsim.catalog.cells import BOM, csv_lines
from artsim.catalog.kinds import FACES
from artsim.errors import ArtsimError, ExportError, SourceError
from artsim.files import FileKind, check_file, discard_file, write_file
from artsim.ingest.records import Problem
from artsim.store.data_folder import mark_store_folder

LIST: Final = FileKind("list", ExportError, (".csv", ".jsonl", ".ndjson"), noted=True)

_COLUMNS: Final = ("place", "line", "painting_id", "reason")
_OWN_NAMES: Final = 9
"""How many names in the data folder are tried, should the user have changed a list there."""


@dataclass(slots=True)
class Counts:
    """How many paintings came to which end so far."""

    written: int = 0  # encoded, wholly or with another encoder
    updated: int = 0  # only their metadata had changed
    unchanged: int = 0  # there, with the same picture, metadata and encoders
    renamed: int = 0  # there under another id, and encoded by all encoders
    failed: int = 0  # reported as problems
    pruned: int = 0  # taken out, since the source no longer has them
    parts: dict[str, int] = field(default_factory=lambda: {FACES.name: 0})  # by their kind
    extended: int = 0  # of those written: were there, and lacked an encoder's vectors or parts
    added: dict[str, int] = field(default_factory=dict)  # of those extended: by encoder

    @property
    def done(self) -> int:
        """Paintings of the source dealt with, in whatever way."""
        return self.written + self.updated + self.unchanged + self.renamed + self.failed

    @property
    def faces(self) -> int:
        """Faces written."""
        return self.parts.get(FACES.name, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts by name, those of parts by the names of their kinds."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        named = [v if name == "parts" else {name: v} for name, v in values.items()]
        return {name: value for one in named for name, value in one.items()}


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
    noun : str
        What one of its pictures is.
    """

    counts: Counts
    problems: list[Problem] = field(default_factory=list)
    dry_run: bool = False
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refusal: SourceError | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    noun: str = "painting"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-like values, in the form that docs/output.md describes."""
        return {
            "schema": 1,
            "dry_run": self.dry_run,
            **self.counts.to_dict(),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "renames": [{"from": old_id, "to": new_id} for old_id, new_id in self.renamed],
            "problems": [problem.to_dict() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class ProblemList:
    """Where to list what did not go in, and whether it may be.

    Without a `path`, which ends in ``.csv`` or ``.jsonl``, it is ``ingest-errors.csv`` in the data
    folder `home`, with the gallery's name where it has one. `overwrite` lets a file at `path` be
    replaced that artsim did not make, but for the `inputs` of the ingest.
    """

    path: Path | None
    home: Path
    gallery: str | None = None
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()

    def check(self) -> None:
        """Refuse a named place that could not be written, as `artsim.files.check_file` does."""
        if self.path is not None:
            self._check(self.path)

    def write(self, problems: Sequence[Problem]) -> Path | None:
        """Write the list, and return its place; ExportError if it cannot be written.

        Without problems nothing is written, None is returned, and a list of an earlier run is
        removed, lest it be taken for this one's.
        """
        if not problems:
            for place in self._places():
                discard_file(place, self.home)
            return None
        place = self._free_place()
        if place.suffix.lower() == ".csv":
            rows = ((p.place, p.line, p.painting_id, p.with_hint) for p in problems)
            lines: Iterable[str] = chain([BOM], csv_lines(_COLUMNS, rows))
        else:
            lines = (json.dumps(p.to_dict(), ensure_ascii=False) + "\n" for p in problems)
        with write_file(
            place, LIST, overwrite=self.overwrite, inputs=self.inputs, home=self.home
        ) as stream:
            for line in lines:
                stream.write(line.encode("utf-8", "replace"))
        return place

    def _check(self, place: Path) -> None:
        check_file(place, LIST, overwrite=self.overwrite, inputs=self.inputs, home=self.home)

    def _places(self) -> list[Path]:
        if self.path is not None:
            return [self.path]
        name = "ingest-errors" if self.gallery is None else f"ingest-errors-{self.gallery}"
        numbers = ["", *(f".{number}" for number in range(2, _OWN_NAMES + 1))]
        return [self.home / f"{name}{number}.csv" for number in numbers]

    def _free_place(self) -> Path:
        """Return the first place that nobody's file is at."""
        *others, last = self._places()
        if self.path is None:
            try:
                mark_store_folder(self.home)
            except OSError as exc:
                raise ExportError(
                    f"{self.home}: the list of what did not go in cannot be kept there "
                    f"({exc.strerror or exc}); name a file for it",
                    hint="--errors",
                    path=self.home,
                ) from exc
        for place in others:
            try:
                self._check(place)
            except ArtsimError:
                continue
            return place
        return last
