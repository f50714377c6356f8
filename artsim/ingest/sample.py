"""A small collection of real paintings that comes with artsim, to try everything on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from artsim.errors import SourceError
from artsim.files import replacing

VERSION: Final = 2
"""To be raised whenever the works are others."""

WORKS: Final = 114
"""Works of the whole collection."""

MARKER: Final = "sample.json"
METADATA: Final = "metadata.csv"
BESIDE: Final = ("SOURCES.md", "groups.csv", "terms.csv")
"""Where the pictures come from, which works belong together, the terms of each picture."""

_DATA: Final = files("artsim.ingest") / "sample_data"


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What `make_sample` made: `made` pictures now, of `pictures` with `portraits` among them."""

    folder: Path
    pictures: int
    portraits: int
    made: int


def make_sample(
    folder: Path,
    *,
    count: int = WORKS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SampleSummary:
    """Write a collection of real paintings, with metadata, into `folder`.

    The paintings are in the public domain, their pictures CC0; ``SOURCES.md`` says more.
    `folder` then holds ``images/*.jpg``, ``metadata.csv``, `BESIDE` and a marker. The
    first 60 works stand for the whole: portraits, landscapes and still lifes of nine
    styles, most of them with the one that belongs to them. A call that was cut short is
    finished by the next, and a complete sample of the same count is left as it is.

    Parameters
    ----------
    folder : Path
        New, empty, or a sample; one of another count becomes one of this. SourceError if it holds
        something else, or cannot be written.
    count : int
        How many works, the first of the list; 1 to `WORKS`.
    progress : callable, optional
        Called with the pictures done and `count`, from 0 on, after each picture.
    """
    if not 1 <= count <= WORKS:
        raise ValueError(f"count must be 1 to {WORKS}, not {count}")
    rows = sample_rows(count=count)
    made = 0
    try:
        _take_over(folder, count)
        progress(0, count)
        for done, row in enumerate(rows, 1):
            made += _write_missing(folder, row["filename"])
            progress(done, count)
        for name in BESIDE:
            _write_missing(folder, name)
        _write(folder / METADATA, _metadata(count))
    except OSError as exc:
        place = exc.filename or folder
        raise SourceError(
            f"{place}: the sample cannot be written ({exc.strerror or exc}); "
            "choose another folder or make room"
        ) from exc
    portraits = sum("portrait" in row["genre"] for row in rows)
    return SampleSummary(folder, count, portraits, made)


def sample_rows(*, count: int = WORKS) -> list[dict[str, str]]:
    """Return the rows of the ``metadata.csv`` that `make_sample` writes."""
    return list(csv.DictReader(_metadata(count).decode().splitlines()))


def _take_over(folder: Path, count: int) -> None:
    """Make sure that `folder` is ours, and free of our pictures beyond `count`."""
    folder.mkdir(parents=True, exist_ok=True)
    marker, metadata = folder / MARKER, folder / METADATA
    plan = {"made_by": "artsim sample", "version": VERSION, "count": count}
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        found = None
    had = found.get("count") if isinstance(found, dict) else None
    is_ours = isinstance(had, int) and 1 <= had <= WORKS and found == plan | {"count": had}
    if not is_ours and any(folder.iterdir()):
        raise SourceError(
            f"{folder}: not empty, and no sample that this version of artsim made; "
            "give a new or an empty folder"
        )
    if metadata.exists() and metadata.read_bytes() != _metadata(had or count):
        raise SourceError(
            f"{metadata} was changed since artsim made it, and is not replaced; give "
            "another folder, or remove it first",
            path=metadata,
        )
    if found != plan:
        for row in sample_rows()[count:]:
            (folder / row["filename"]).unlink(missing_ok=True)
        metadata.unlink(missing_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    _write(marker, (json.dumps(plan, indent=2) + "\n").encode())


def _metadata(count: int) -> bytes:
    """Return the beginning of the list, of which each row is a line."""
    lines = (_DATA / METADATA).read_bytes().splitlines(keepends=True)
    return b"".join(lines[: count + 1])


def _write_missing(folder: Path, name: str) -> bool:
    """Copy a file of the package, unless there is one of its name already."""
    if (folder / name).exists():
        return False
    _write(folder / name, _DATA.joinpath(name).read_bytes())
    return True


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none: what is there is complete."""
    with replacing(path) as stream:
        stream.write(data)
