"""What an ingest says: before it how its source is understood, after it what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from artsim.catalog.cells import BOM, csv_lines
from artsim.catalog.kinds import FACES
from artsim.catalog.payload import Payload
from artsim.errors import ArtsimError, ExportError, SourceError
from artsim.files import FileKind, check_file, discard_file, write_file
from artsim.ingest.columns import as_text, clean
from artsim.ingest.records import Columns, Manifest, Problem, Row, Source
from artsim.store.data_folder import mark_store_folder

LIST: Final = FileKind("list", ExportError, (".csv", ".jsonl", ".ndjson"), noted=True)

_COLUMNS: Final = ("place", "line", "painting_id", "reason")
_OWN_NAMES: Final = 9
"""How many names in the data folder are tried, should the user have changed a list there."""

_SHOWN_ROWS: Final = 3
_SHOWN_TEXTS: Final = 3
_SHOWN_PROBLEMS: Final = 20
_ROWS_OF_EXAMPLES: Final = 200
_LONGEST_EXAMPLE: Final = 200

_FROM_COLUMN: Final = {
    "artist": "artist, artist_key, attribution",
    "attribution_suffix": "attribution",
    "date_text": "date_text, year_start, year_end",
    "dimensions": "height_cm, width_cm, extra",
}


# --- how a source is understood ------------------------------------------------------


@dataclass(slots=True)
class Understanding:
    """What a source comes to by its metadata; no picture was opened."""

    pictures: int = 0
    described: int = 0  # those of the pictures that the metadata says anything of
    failed: int = 0  # rows or files that are no pictures
    problems: tuple[Problem, ...] = ()  # the first of those
    rows: tuple[Payload, ...] = ()  # of the first pictures that were described
    # Texts from which nothing could be read, by what is not there: year, artist, size.
    missed: Mapping[str, Counter[str]] = field(
        default_factory=lambda: {"year": Counter(), "artist": Counter(), "size": Counter()}
    )


def understand(source: Source) -> Understanding:
    """Read a source through."""
    found = Understanding()
    for entry in source:
        if isinstance(entry, Problem):
            found.failed += 1
            if len(found.problems) < _SHOWN_PROBLEMS:
                found.problems += (entry,)
            continue
        found.pictures += 1
        if len(entry.payload) > 2:
            found.described += 1
            if len(found.rows) < _SHOWN_ROWS:
                found.rows += (entry.payload,)
        for kind, text in _not_understood(entry.payload, source.columns).items():
            found.missed[kind][text] += 1
    return found


def examples(manifest: Manifest) -> dict[str, str]:
    """Return for each column of a list the first value in it; "" where there is none near."""
    found = dict.fromkeys(filter(None, manifest.columns), "")
    for row in islice(manifest.rows(), _ROWS_OF_EXAMPLES):
        for column in [name for name, text in found.items() if not text]:
            value = clean(row.values.get(column)) if isinstance(row, Row) else None
            if value is not None:
                found[column] = as_text(value)[:_LONGEST_EXAMPLE]
        if all(found.values()):
            break
    return found


def understand_metadata(source: Source) -> list[str] | None:
    """Read a source's metadata through, opening no picture, and say how it is understood.

    There is a line for each column with its field, for those that go to ``extra``, for what was
    read of the first paintings, and for texts from which no year, artist or size was read, with
    how many paintings have such. None if there is no metadata.
    """
    if source.metadata is None:
        return None
    columns, found = source.columns, understand(source)
    by_column = sorted(columns.by_field.items(), key=lambda item: item[1])
    lines = [f"{column} -> {_FROM_COLUMN.get(field, field)}" for field, column in by_column]
    lines += [f"{', '.join(columns.extra)} -> extra"] if columns.extra else []
    lines += [f"{row['painting_id']}: {_in_words(row)}" for row in found.rows]
    for kind, texts in found.missed.items():
        if texts:
            some = ", ".join(f"{text[:60]!r}" for text, _ in texts.most_common(_SHOWN_TEXTS))
            more = ", ..." if len(texts) > _SHOWN_TEXTS else ""
            without = f"{'an' if kind == 'artist' else 'a'} {kind}"
            lines.append(f"{texts.total()} of {found.pictures} without {without}: {some}{more}")
    return lines


def _not_understood(payload: Payload, columns: Columns) -> dict[str, str]:
    """Return the texts of a payload from which nothing could be read, by what is not there."""
    sizes = payload.get("extra", {}).get(columns.by_field.get("dimensions", ""))
    texts = {
        "year": None if "year_start" in payload else payload.get("date_text"),
        "artist": None if "artist_key" in payload else payload.get("artist"),
        "size": None if payload.keys() & {"height_cm", "width_cm"} else sizes,
    }
    return {kind: str(text) for kind, text in texts.items() if text}


def _in_words(payload: Payload) -> str:
    """Return what was read of a painting in a line."""
    parts = [str(payload["title"])] if "title" in payload else []
    if "artist" in payload:
        key = payload.get("artist_key")
        read = f"{payload['attribution']} {key}" if key else str(payload["attribution"])
        parts.append(f"{payload['artist']} = {read}")
    if "date_text" in payload or "year_start" in payload:
        has_years = "year_start" in payload
        years = f"{payload['year_start']}..{payload['year_end']}" if has_years else "no year"
        parts.append(f"{payload.get('date_text', '')} = {years}".strip())
    if "height_cm" in payload or "width_cm" in payload:
        height, width = (f"{payload.get(side, '?')}" for side in ("height_cm", "width_cm"))
        parts.append(f"{height} x {width} cm")
    return "; ".join(parts) or "nothing but its picture"


# --- what came of it -----------------------------------------------------------------


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


@dataclass(slots=True)
class IngestSummary:
    """What an ingest did; with `dry_run`, what it would have done."""

    counts: Counts
    problems: list[Problem] = field(default_factory=list)
    dry_run: bool = False
    renamed: list[tuple[str, str]] = field(default_factory=list)  # old and new ids
    refusal: SourceError | None = None  # why nothing was taken out, where that was asked for
    notes: tuple[str, ...] = ()  # on how the source was understood
    seconds: float = 0.0
    noun: str = "painting"  # what one of the source's pictures is

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

    def check(self, place: Path | None = None) -> None:
        """Refuse a place that could not be written, as `artsim.files.check_file` does.

        By default it is the one that was named, if any.
        """
        if place := place or self.path:
            check_file(place, LIST, overwrite=self.overwrite, inputs=self.inputs, home=self.home)

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
                self.check(place)
            except ArtsimError:
                continue
            return place
        return last
