"""What is trained on: pictures with their labels, and which of them are for what."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.names import side_of
from artsim.catalog.payload import Payload, first_text, most_written, stored_field
from artsim.errors import TrainingError
from artsim.files import replacing
from artsim.ingest.records import Problem
from artsim.ingest.sources import read_source
from artsim.search.filters import check_field
from artsim.training.loop import writing, writing_file

# Fields that an ingest makes anew from the others.
_DERIVED: Final = frozenset({"painting_id", "image_uri", "artist_key", "attribution"})


@dataclass(frozen=True, slots=True)
class Work:
    """One picture to train on."""

    path: Path
    key: str  # source and id: unique among the works, and the same on every machine
    payload: Payload  # as an ingest would write it

    def label(self, field: str) -> str | None:
        """Return the value of a field, ``artist`` by its key; the first of a list."""
        return first_text(self.payload, stored_field(field))


def read_works(
    sources: Sequence[Path], *, column_map: Mapping[str, str] | None = None
) -> tuple[list[Work], list[Problem]]:
    """Read folders and manifests, as an ingest does: works by key, and what is left out.

    Raises as `read_source` does, and `TrainingError` if sources share a name or have no picture.
    """
    names = [source.absolute().name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TrainingError(f"two sources are called {twice[0]}; give sources of different names")
    works: list[Work] = []
    problems: list[Problem] = []
    for name, source in zip(names, sources, strict=True):
        for entry in read_source(source, column_map=column_map):
            if isinstance(entry, Problem):
                problems.append(entry)
            else:
                works.append(Work(entry.image_path, f"{name}/{entry.painting_id}", entry.payload))
    if not works:
        raise TrainingError(f"no picture to train on in {', '.join(map(str, sources))}")
    return sorted(works, key=lambda work: work.key), problems


def works_identity(works: Iterable[Work], fields: Sequence[str]) -> str:
    """Return 12 hex digits that change with the works, their files' sizes or their labels."""
    digest = hashlib.sha256()
    for work in works:
        row = [work.key, str(work.path.stat().st_size), *(str(work.label(f)) for f in fields)]
        digest.update("\0".join(row).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:12]


def write_source(works: Iterable[Work], folder: Path) -> None:
    """Make a folder of works that an ingest takes: their pictures, and ``metadata.jsonl``."""
    lines, places = [], {}
    for number, work in enumerate(works, start=1):
        place = f"images/{number:06d}{work.path.suffix.lower()}"
        places[place] = work.path
        payload = dict(work.payload)
        extra = payload.pop("extra", {})
        kept = {name: value for name, value in payload.items() if name not in _DERIVED}
        row = {"id": work.key, "image": place, **kept, **extra}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    place_pictures(folder, places)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "metadata.jsonl") as stream:
            stream.write("".join(lines).encode())


def place_pictures(folder: Path, pictures: Mapping[str, Path]) -> None:
    """Put pictures at places below a folder, whose content they replace: as links where it can."""
    with writing(folder):
        if folder.exists():
            shutil.rmtree(folder)
        for name, source in pictures.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source.resolve(), place)
            except OSError:  # another file system, or one without links
                shutil.copyfile(source, place)


def write_split(folder: Path, rows: Iterable[Sequence[object]], more: Sequence[str] = ()) -> None:
    """Say in ``split.csv`` what each picture was for, so that an evaluation knows it.

    A row is ``picture`` (source and id, or path below it), ``side`` (``train``, ``validation`` or
    ``test``), ``sha256`` of the picture's file, empty where it was not read; and `more`.
    """
    write_csv(folder / "split.csv", ("picture", "side", "sha256", *more), rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table into the folder of a training."""
    with writing_file(path) as file:
        stream = io.TextIOWrapper(file, "utf-8", newline="")
        csv.writer(stream).writerows([header, *rows])
        stream.detach()


Labels: TypeAlias = npt.NDArray[np.intp]

FOLDS: Final = 5
_ORDER: Final = (1, 0, 2, 3, 4)  # that get works of a class: to learn from first, then to calibrate


@dataclass(frozen=True, slots=True)
class LabeledWorks:
    """N works with their labels."""

    works: list[Work]
    labels: Labels  # positions in `classes`
    classes: tuple[str, ...]  # as people read them, sorted
    left_out: dict[str, int]  # classes that have too few works, with how many they have
    without: int  # works without the field

    def take(self, rows: Labels, classes: Sequence[int]) -> LabeledWorks:
        """Return some works, of these classes only, which rise; none is counted as left out."""
        return replace(
            self,
            works=[self.works[row] for row in rows],
            labels=np.searchsorted(classes, self.labels[rows]),
            classes=tuple(self.classes[old] for old in classes),
        )


def label_works(works: Sequence[Work], field: str, *, least: int) -> LabeledWorks:
    """Return the works that have the field, of classes with at least `least` works.

    Of several values the first counts. Artists are told apart by their key and called what their
    works call them most often. Raises `QueryError` if no payload has such a field, `TrainingError`
    if fewer than two classes have enough works.
    """
    check_field(field)
    by_value: dict[str, list[int]] = defaultdict(list)
    for row, work in enumerate(works):
        value = work.label(field)
        if value:
            by_value[value].append(row)
    if not by_value:
        raise TrainingError(f"no work has the field {field!r}; {_fields_there(works)}")
    names = _names(works, by_value, field)
    sizes = Counter({value: len(by_value[value]) for value in sorted(by_value)})
    kept = sorted((v for v, size in sizes.items() if size >= least), key=names.__getitem__)
    left_out = {names[v]: size for v, size in sizes.items() if size < least}
    if len(kept) < 2:
        largest = ", ".join(f"{names[v]} ({size})" for v, size in sizes.most_common(3))
        raise TrainingError(
            f"{len(kept)} of {len(by_value)} values of {field!r} have {least} works or more, and "
            f"two are needed (largest: {largest}); add works, or lower how many a value needs",
            hint="--min-works",
        )
    pairs = sorted((row, place) for place, value in enumerate(kept) for row in by_value[value])
    return LabeledWorks(
        works=[works[row] for row, _ in pairs],
        labels=np.array([place for _, place in pairs], dtype=np.intp),
        classes=tuple(names[value] for value in kept),
        left_out=dict(sorted(left_out.items())),
        without=len(works) - sizes.total(),
    )


def _names(works: Sequence[Work], by_value: dict[str, list[int]], field: str) -> dict[str, str]:
    if field not in ("artist", "artist_key"):
        return {value: value for value in by_value}
    names: dict[str, str] = {}
    for value, rows in sorted(by_value.items()):
        name = most_written(str(works[row].payload.get("artist", value)) for row in rows)
        names[value] = name if name not in names.values() else value
    return names


def _fields_there(works: Sequence[Work]) -> str:
    own = {"painting_id", "image_uri", "title", "extra"}
    there = sorted({name for work in works for name in work.payload} - own)
    more = {f"extra.{name}" for work in works for name in work.payload.get("extra", {})}
    found = ", ".join([*there, *sorted(more)])
    return f"they have: {found}" if found else "they have no metadata: add a metadata.csv"


@dataclass(frozen=True, slots=True)
class Sides:
    """A split of N works into two sides, the first of them in folds."""

    labeled: LabeledWorks
    folds: Labels  # (N,), on the training side; 0 is for calibration. -1: the test side
    untrained: dict[str, int]  # classes all of whose works were for the test; they are left out

    @property
    def train(self) -> Labels:
        """Rows of the training side."""
        return np.flatnonzero(self.folds >= 0)

    @property
    def test(self) -> Labels:
        """Rows of the test side."""
        return np.flatnonzero(self.folds < 0)


def split_works(
    labeled: LabeledWorks, split: Literal["random", "artist"], *, test: float, seed: int
) -> Sides:
    """Put aside a share for the test, and the rest into folds; TrainingError if one is too small.

    Of ``random`` a share of each class's works, as published work does it; of ``artist`` one of the
    artists, with all of their works.
    """
    if split == "random":
        folds = _by_class(labeled.labels, test, seed)
    else:
        groups = [artist_of(labeled, row) for row in range(len(labeled.works))]
        folds = np.array([_fold_of(group, test, seed) for group in groups], dtype=np.intp)
    trained = np.unique(labeled.labels[folds > 0])  # fold 0 may be kept from learning
    kept = np.isin(labeled.labels, trained)
    gone = np.unique(labeled.labels[~kept])
    untrained = {labeled.classes[c]: int((labeled.labels == c).sum()) for c in gone}
    rows = np.flatnonzero(kept)
    sides = Sides(labeled.take(rows, trained.tolist()), folds[rows], untrained)
    if len(trained) < 2 or len(sides.test) == 0 or not (sides.folds == 0).any():
        raise TrainingError(
            f"{len(labeled.works)} works of {len(labeled.classes)} classes are too few to split by "
            f"{'artist' if split == 'artist' else 'chance'}; add works, or try another seed",
            hint="--seed",
        )
    return sides


def _by_class(labels: Labels, test: float, seed: int) -> Labels:
    folds = np.empty(len(labels), dtype=np.intp)
    for value in np.unique(labels):
        rows = np.flatnonzero(labels == value)
        np.random.default_rng([seed, int(value)]).shuffle(rows)
        tested = min(len(rows) - 2, max(1, round(test * len(rows))))
        folds[rows[:tested]] = -1
        folds[rows[tested:]] = np.resize(_ORDER, len(rows) - tested)
    return folds


def _fold_of(group: str, test: float, seed: int) -> int:
    if side_of(group, test=test, seed=seed) == "test":
        return -1
    for fold in range(FOLDS - 1):
        if side_of(f"{fold}\0{group}", test=1 / (FOLDS - fold), seed=seed) == "test":
            return fold
    return FOLDS - 1


def artist_of(labeled: LabeledWorks, row: int) -> str:
    """Return the artist's key of a work, or a name of its own."""
    work = labeled.works[row]
    return work.label("artist") or f"\0{work.key}"
