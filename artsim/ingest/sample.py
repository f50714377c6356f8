"""A small collection of paintings that artsim makes itself, to try everything on."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.errors import SourceError
from artsim.files import replacing
from artsim.ingest.sample_art.canvas import Picture, rgb, to_image
from artsim.ingest.sample_art.manners import MANNERS
from artsim.ingest.sample_art.sitters import framed
from artsim.ingest.sample_art.works import WORKS, Work

VERSION: Final = 1
"""To be raised whenever the same seed gives other pictures."""

MARKER: Final = "sample.json"
METADATA: Final = "metadata.csv"
IMAGES: Final = "images"

COLUMNS: Final = (
    "filename", "id", "artist", "title", "date", "style", "genre", "school", "medium",
    "institution", "width_cm", "height_cm", "rights", "tags",
)  # fmt: skip

PEOPLE: Final = frozenset({"portrait", "group portrait", "religious painting"})
"""Genres of the works that show a sitter."""

_MOST: Final = 1_000_000
"""Pictures of a sample whose marker is believed."""

_RIGHTS: Final = "CC0 1.0"
_GILDING: Final = rgb(0xC9A24A)
_ABOUT: Final = (
    "Made by `artsim sample`: invented painters, pictures computed from a seed. The faces "
    "derive from NASA's public-domain photograph of Eileen Collins, shipped by scikit-image."
)


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What `make_sample` made.

    Attributes
    ----------
    folder : Path
        A source to ingest.
    pictures : int
        Pictures in the collection.
    portraits : int
        Those that show one or more sitters.
    made : int
        Pictures painted now; the others were there already.
    """

    folder: Path
    pictures: int
    portraits: int
    made: int


def make_sample(
    folder: Path,
    *,
    seed: int = 0,
    count: int = len(WORKS),
    progress: Callable[[int, int], None] | None = None,
) -> SampleSummary:
    """Write a collection of invented paintings, with metadata, into `folder`.

    `folder` then holds ``images/*.jpg``, ``metadata.csv`` and a marker. The same seed
    gives the same bytes on the same versions of NumPy, SciPy and Pillow. Ten painters
    take turns, each with a manner and subjects of their own; about every fourth work is
    a portrait, and a sitter recurs in several. Beyond sixty the works come again, newly
    composed. A call that was cut short is finished by the next, and a complete sample
    of the same seed and count is left as it is.

    Parameters
    ----------
    folder : Path
        New, empty, or a sample; one of another seed or count is replaced.
    seed : int
        At least 0.
    count : int
        How many pictures, at least 1.
    progress : callable, optional
        Called with the pictures done and `count`, from 0 on, after each picture.

    Returns
    -------
    SampleSummary

    Raises
    ------
    SourceError
        If `folder` holds something else, or cannot be written.
    ValueError
        If `seed` is negative or `count` below 1.
    """
    if seed < 0 or count < 1:
        raise ValueError(f"seed must be at least 0 and count at least 1, not {seed} and {count}")
    try:
        return _make(folder, seed, count, progress or (lambda done, total: None))
    except OSError as exc:
        place = exc.filename or folder
        raise SourceError(
            f"{place}: the sample cannot be written ({exc.strerror or exc}); "
            "choose another folder or make room"
        ) from exc


def sample_rows(*, seed: int = 0, count: int = len(WORKS)) -> list[dict[str, str]]:
    """Return the rows of the ``metadata.csv`` that `make_sample` writes; see `COLUMNS`."""
    return [_row(index, seed) for index in range(count)]


def _make(
    folder: Path, seed: int, count: int, progress: Callable[[int, int], None]
) -> SampleSummary:
    rows = sample_rows(seed=seed, count=count)
    plan = {"made_by": "artsim sample", "version": VERSION, "seed": seed, "count": count}
    _take_over(folder, plan)
    made = 0
    progress(0, count)
    for index, row in enumerate(rows):
        path = folder / row["filename"]
        if not path.exists():
            _write(path, _jpeg(_painted(index, seed)))
            made += 1
        progress(index + 1, count)
    _write(folder / METADATA, _csv(rows))
    portraits = sum(row["genre"] in PEOPLE for row in rows)
    return SampleSummary(folder, count, portraits, made)


def _take_over(folder: Path, plan: dict[str, Any]) -> None:
    """Make sure that `folder` is ours, and free of pictures of another plan."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    found = _read_marker(marker)
    if found is None and any(folder.iterdir()):
        raise SourceError(
            f"{folder}: not empty, and no sample that artsim made; give a new or an empty folder"
        )
    rows = _rows_of(found or plan)
    if (folder / METADATA).exists() and (folder / METADATA).read_bytes() != _csv(rows):
        raise SourceError(
            f"{folder / METADATA} was changed since artsim made it, and is not replaced; give "
            "another folder, or remove it first",
            path=folder / METADATA,
        )
    if found != {**plan, "about": _ABOUT}:
        for row in rows:
            (folder / row["filename"]).unlink(missing_ok=True)
        (folder / METADATA).unlink(missing_ok=True)
    (folder / IMAGES).mkdir(exist_ok=True)
    text = json.dumps({**plan, "about": _ABOUT}, indent=2) + "\n"
    _write(marker, text.encode())


def _read_marker(marker: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    is_ours = isinstance(found, dict) and found.get("made_by") == "artsim sample"
    return found if is_ours else None


def _rows_of(plan: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rows of the sample that a marker tells of; none where it cannot be told."""
    seed, count = plan.get("seed"), plan.get("count")
    if not (isinstance(seed, int) and isinstance(count, int) and seed >= 0 and 0 < count <= _MOST):
        return []
    return sample_rows(seed=seed, count=count)


def _work(index: int) -> Work:
    return WORKS[index % len(WORKS)]


def _random(index: int, seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng((seed, index, purpose))


def _painted(index: int, seed: int) -> Picture:
    work = _work(index)
    scene = work.scene(_random(index, seed, 0), work.shape)
    painted = MANNERS[work.painter.manner](_random(index, seed, 1), scene)
    return framed(painted, _GILDING) if work.framed else painted


def _jpeg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    to_image(picture).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _row(index: int, seed: int) -> dict[str, str]:
    work = _work(index)
    round_ = index // len(WORKS)
    title = work.title if round_ == 0 else f"{work.title} ({round_ + 1})"
    painter = work.painter
    long_side = float(_random(index, seed, 2).uniform(*painter.long_side_cm))
    height, width = (long_side * side / max(work.shape) for side in work.shape)
    return {
        "filename": f"{IMAGES}/{index + 1:03d}-{_slug(title)}.jpg",
        "id": f"sample-{index + 1:03d}",
        "artist": work.attribution.format(painter.name),
        "title": title,
        "date": work.date,
        "style": painter.style,
        "genre": work.genre,
        "school": painter.school,
        "medium": painter.medium,
        "institution": painter.institution,
        "width_cm": f"{width:.1f}",
        "height_cm": f"{height:.1f}",
        "rights": _RIGHTS,
        "tags": "; ".join(work.tags),
    }


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())


def _csv(rows: list[dict[str, str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8")


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none: what is there is complete."""
    with replacing(path) as stream:
        stream.write(data)
