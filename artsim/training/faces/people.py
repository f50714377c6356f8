"""Who is on which picture: from a field of the metadata, or from folders of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.errors import TrainingError
from artsim.ingest.records import Problem
from artsim.training.works import Work, read_works

PERSON: Final = "person"
"""Stands for ``extra.person``, and for the folder where a source has no such field."""

_FIELD: Final = "extra.person"


@dataclass(frozen=True, slots=True)
class PersonPicture:
    """One picture, and whom it shows.

    Attributes
    ----------
    name : str
        Name of the source and path below it, with ``/``: unique, and the same on every
        machine.
    """

    path: Path
    name: str
    person: str


@dataclass(frozen=True, slots=True)
class People:
    """The labeled pictures of all sources, by name.

    Attributes
    ----------
    unlabeled : int
        Pictures of which nobody says whom they show; they are left out.
    problems : tuple of Problem
        Rows and files that are left out.
    """

    pictures: tuple[PersonPicture, ...]
    unlabeled: int = 0
    problems: tuple[Problem, ...] = ()


def read_people(
    sources: Sequence[Path], *, by: str = PERSON, column_map: Mapping[str, str] | None = None
) -> People:
    """Read folders of people and manifests.

    Parameters
    ----------
    sources : sequence of Path
        As for `read_works`.
    by : str
        Field that says whom a picture shows (``artist``, ``extra.sitter``). ``person`` is
        ``extra.person``; in a source where no picture has that, the folder that the
        picture is in, by its path below the source.

    Raises
    ------
    SourceError, MetadataError
        As for `read_works`.
    TrainingError
        If fewer than two people are named.
    """
    works, problems = read_works(sources, column_map=column_map)
    roots = {source.absolute().name: _root(source) for source in sources}
    pictures: list[PersonPicture] = []
    unlabeled = 0
    for source, root in sorted(roots.items()):
        of_source = [work for work in works if work.key.startswith(f"{source}/")]
        for work, person in zip(of_source, _labels(of_source, root, by), strict=True):
            if person is None:
                unlabeled += 1
                continue
            name = f"{source}/{work.path.relative_to(root).as_posix()}"
            pictures.append(PersonPicture(work.path, name, person))
    people = {picture.person for picture in pictures}
    if len(people) < 2:
        raise TrainingError(
            f"expected pictures of at least two people by {by!r}, found {len(people)} in "
            f"{len(works)} pictures of {', '.join(map(str, sources))}; give a folder with a "
            "subfolder for each person, or name the field that says who is who",
            hint="--by",
        )
    pictures.sort(key=lambda picture: picture.name)
    return People(tuple(pictures), unlabeled, tuple(problems))


def _root(source: Path) -> Path:
    """Return what a source's paths are relative to."""
    return source.absolute() if source.is_dir() else source.absolute().parent


def _labels(works: Sequence[Work], root: Path, by: str) -> list[str | None]:
    if by != PERSON:
        return [work.label(by) for work in works]
    stated = [work.label(_FIELD) for work in works]
    if any(label is not None for label in stated):
        return stated
    folders = [work.path.relative_to(root).parent.as_posix() for work in works]
    return [None if folder == "." else folder for folder in folders]
