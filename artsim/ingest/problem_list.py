"""The list of what did not go in, as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.cells import BOM, csv_lines
from artsim.errors import ArtsimError, ExportError
from artsim.files import FileKind, check_file, discard_file, write_file
from artsim.ingest.progress import Problem
from artsim.store.data_folder import mark_store_folder

LIST: Final = FileKind("list", ExportError, (".csv", ".jsonl", ".ndjson"), noted=True)

_COLUMNS: Final = ("place", "line", "painting_id", "reason")
_OWN_NAMES: Final = 9
"""How many names in the data folder are tried, should the user have changed a list there."""


@dataclass(frozen=True, slots=True)
class ProblemList:
    """Where to list what did not go in, and whether it may be.

    Attributes
    ----------
    path : Path or None
        Ends in ``.csv`` or ``.jsonl``; None is ``ingest-errors.csv`` in the data folder, with
        the gallery's name where it has one.
    home : Path
        Data folder.
    gallery : str or None
        Name of the gallery.
    overwrite : bool
        Whether a file at `path` may be replaced that artsim did not make.
    inputs : tuple of Path
        Files that are ingested or describe what is, which never are.
    """

    path: Path | None
    home: Path
    gallery: str | None = None
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()

    def check(self) -> None:
        """Refuse a place that could not be written, before any work is done.

        Raises
        ------
        ExportError
            As `artsim.files.check_file`; the data folder, which nobody named, is not checked.
        """
        if self.path is not None:
            self._check(self.path)

    def write(self, problems: Sequence[Problem]) -> Path | None:
        """Write the list, and return its place.

        Without problems nothing is written, None is returned, and a list of an earlier run is
        removed, lest it be taken for this one's.

        Raises
        ------
        ExportError
            If it cannot be written.
        """
        if not problems:
            for place in self._places():
                discard_file(place, self.home)
            return None
        place = self._free_place()
        as_csv = place.suffix.lower() == ".csv"
        lines = _csv(problems) if as_csv else _jsonl(problems)
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


def _csv(problems: Sequence[Problem]) -> Iterator[str]:
    yield BOM
    rows = ((p.place, p.line, p.painting_id, p.with_hint) for p in problems)
    yield from csv_lines(_COLUMNS, rows)


def _jsonl(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems:
        yield json.dumps(asdict(problem), ensure_ascii=False) + "\n"
