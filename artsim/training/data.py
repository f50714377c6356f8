"""What is trained on: pictures with their labels, and which of them are for what."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.payload import Payload, first_text, stored_field
from artsim.errors import TrainingError
from artsim.files import replacing
from artsim.ingest.records import Problem
from artsim.ingest.sources import read_source

_DERIVED: Final = frozenset({"painting_id", "image_uri", "artist_key", "attribution"})
"""Fields that an ingest makes anew from the others."""


@dataclass(frozen=True, slots=True)
class Work:
    """One picture to train on.

    Attributes
    ----------
    path : Path
        Of the picture's file.
    key : str
        Source and id: unique among the works, and the same on every machine.
    payload : dict
        As an ingest would write it.
    """

    path: Path
    key: str
    payload: Payload

    def label(self, field: str) -> str | None:
        """Return the value of a field, ``artist`` by its key; the first of a list.

        Fields below `extra` are named ``extra.FIELD``.
        """
        return first_text(self.payload, stored_field(field))


def read_works(
    sources: Sequence[Path], *, column_map: Mapping[str, str] | None = None
) -> tuple[list[Work], list[Problem]]:
    """Read folders and manifests, as an ingest does.

    Returns
    -------
    works : list of Work
        By key, the same order wherever the sources lie.
    problems : list of Problem
        Rows and files that are left out.

    Raises
    ------
    SourceError, MetadataError
        As for `read_source`.
    TrainingError
        If two sources have the same name, or there is no picture.
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
    """Make a folder of works that an ingest takes: their pictures, and ``metadata.jsonl``.

    Pictures are hard links where the file system has them, else copies. What an earlier
    call left in the folder is replaced.
    """
    lines = []
    try:
        shutil.rmtree(folder, ignore_errors=True)
        for number, work in enumerate(works, start=1):
            place = folder / "images" / f"{number:06d}{work.path.suffix.lower()}"
            link_or_copy(work.path, place)
            payload = dict(work.payload)
            extra = payload.pop("extra", {})
            kept = {name: value for name, value in payload.items() if name not in _DERIVED}
            row = {"id": work.key, "image": f"images/{place.name}", **kept, **extra}
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "metadata.jsonl") as stream:
            stream.write("".join(lines).encode())
    except OSError as exc:
        raise TrainingError(f"cannot write the works held back to {folder}: {exc}") from exc


def link_or_copy(source: Path, place: Path) -> None:
    """Make `place` a hard link of `source`, or a copy where there can be no link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), place)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, place)


def write_split(folder: Path, rows: Iterable[Sequence[object]], more: Sequence[str] = ()) -> None:
    """Say in ``split.csv`` of an encoder's or classifier's folder what each picture was for.

    Its columns are ``picture`` (source and id, or path below it), ``side`` (``train``,
    ``validation`` or ``test``), ``sha256`` of the picture's file, as in a painting's
    ``image_sha256``, empty where it was not read; and `more`. By it an evaluation knows which
    works an encoder was trained on.
    """
    write_csv(folder / "split.csv", ("picture", "side", "sha256", *more), rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table into the folder of a training."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            stream = io.TextIOWrapper(file, "utf-8", newline="")
            csv.writer(stream).writerows([header, *rows])
            stream.detach()
    except OSError as exc:
        raise TrainingError(
            f"cannot write {path} ({exc.strerror or exc}); name a folder that you may write to",
            hint="--out",
            path=path,
        ) from exc
