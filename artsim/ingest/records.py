"""What is ingested: a source yields paintings, and problems where there is none."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from artsim.catalog.payload import AnyOf, Criteria, Known, Payload
from artsim.errors import SourceError

INGESTED_FROM: Final = "ingested_from"
"""Field that notes the source that a painting came from last."""

UNNOTED: Final = Criteria(must_not=(Known(INGESTED_FROM),))
"""Points that were written before sources were noted."""


@dataclass(frozen=True, slots=True)
class SourcePainting:
    """One picture to ingest.

    Where a source knows the `sha256` of a picture's bytes, and the gallery has that very picture,
    it is not opened, so that a run goes on where another was cut short.
    """

    painting_id: str  # unique in the source: from the id column, else the path below it, with /
    # Its file, absolute; or what returns the bytes of one, called from a reader thread when they
    # are wanted, and raising an `ArtsimError` where they cannot be had.
    picture: Path | Callable[[], bytes]
    payload: Payload  # painting_id, image_uri (of a file a file:// address), and the metadata
    sha256: str | None = None

    def open(self) -> Path | bytes:
        """Return the picture's file, or its bytes."""
        return self.picture if isinstance(self.picture, Path) else self.picture()

    @property
    def image_path(self) -> Path:
        """The picture's file; SourceError if it is in none."""
        if isinstance(self.picture, Path):
            return self.picture
        raise SourceError(f"{self.place} is no file of this machine; save the picture first")

    @property
    def place(self) -> str:
        """What messages call the picture: its file, else its address."""
        is_file = isinstance(self.picture, Path)
        return str(self.picture if is_file else self.payload.get("image_uri", self.painting_id))


@dataclass(frozen=True, slots=True)
class Problem:
    """One row, file or picture that did not go in."""

    place: str  # the picture's file, or the manifest
    reason: str  # where it is, what is wrong, and what to do where that is not plain
    painting_id: str | None = None  # or what the row calls its picture, where it says either
    line: int | None = None  # of the manifest (row of a Parquet or Excel file), from 1
    hint: str = ""  # options of the command line that help
    may_hide_any: bool = False  # any painting may be behind it, so that none is known to be gone

    @classmethod
    def of_row(cls, place: object, line: int, reason: str, named: str | None = None) -> Problem:
        """Return the problem of a row; `named` is "" where it names nothing, None if unread."""
        where = f"{place}, line {line}: {reason}"
        return cls(str(place), where, named or None, line, may_hide_any=named is None)

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason

    @property
    def with_hint(self) -> str:
        """The reason as the command line shows it."""
        return f"{self.reason} ({self.hint})" if self.hint else self.reason

    def to_dict(self) -> dict[str, str | int | None]:
        """Return it as docs/output.md has it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "may_hide_any"}


SourceEntry: TypeAlias = SourcePainting | Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list by column; `line` is that of a text, or its number, from 1."""

    line: int
    values: Mapping[str, Any]


Rows: TypeAlias = Iterator[Row | Problem]

Suits: TypeAlias = Callable[[Sequence[str]], bool]
"""Whether names of columns are those that are looked for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one list: that of each field that has one, and the others in order."""

    by_field: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """An open list; `notes` are remarks on how it was read, where that is not plain.

    `rows` yields every row in file order, blank ones left out, reading the file anew;
    MetadataError if it is damaged beyond single rows.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[], Rows]
    notes: tuple[str, ...] = ()
    known_count: int | None = None
    understood: Columns = field(default_factory=Columns)  # which of its columns is which field

    def count(self) -> int:
        """Return how many rows, bad ones too, `rows` yields; reads all but Parquet through."""
        return sum(1 for _ in self.rows()) if self.known_count is None else self.known_count


class Source(ABC):
    """Pictures with their metadata, in an order that is the same every time.

    Of a source that is no folder and no manifest `uri` and iteration suffice; with the uri's
    scheme in `artsim.ingest.sources.SOURCES` the command line reaches it too.
    """

    uri: str  # address that paintings note as ``ingested_from``; the same for the same source
    root: Path | None = None  # the folder below which ids may be paths of its pictures
    metadata: Path | None = None  # the file that the metadata comes from
    columns: Columns = Columns()  # how its columns are understood
    notes: tuple[str, ...] = ()  # on how the source was understood, and what is left out of it
    noun: Literal["painting", "frame"] = "painting"  # frames of films are searched when asked for

    def count(self) -> int | None:
        """Return how many entries a pass comes to, for a progress bar; None if nobody knows."""
        return None

    def steps(self, done: int) -> int:
        """Return how far so many entries are in what `count` counts: of a film, in seconds."""
        return done

    @property
    def is_folder(self) -> bool:
        """Whether it is all of a folder, rather than what a manifest names in it."""
        return self.root is not None and named_path(self.root).as_uri() == self.uri

    @property
    def own(self) -> Criteria:
        """What points meet that came from this source."""
        return Criteria((AnyOf(INGESTED_FROM, (self.uri,)),))

    def path_id(self, painting: SourcePainting) -> str | None:
        """Return the id that a picture had if the metadata gave none: its path below the root."""
        path = painting.picture
        if self.root is None or not isinstance(path, Path) or not path.is_relative_to(self.root):
            return None
        path_id = path.relative_to(self.root).as_posix()
        return None if path_id == painting.painting_id else path_id

    def gave(self, payload: Payload) -> bool:
        """Return whether a painting is of this source and has its picture's path for its id.

        Of points that do not note their source, the path itself shows where they came from.
        """
        painting_id = str(payload.get("painting_id"))
        is_other = payload.get(INGESTED_FROM, self.uri) != self.uri
        if self.root is None or is_other or "\0" in painting_id:
            return False
        return (self.root / painting_id).as_uri() == payload.get("image_uri")

    def has_lost(self, payload: Payload) -> bool:
        """Return whether a painting that this source `gave` has no picture there any more."""
        if self.root is None or not self.gave(payload):
            return False
        try:
            os.lstat(self.root / str(payload["painting_id"]))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # it cannot be looked at, which does not mean that it is gone
            return False
        return False

    @abstractmethod
    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield every picture or what is wrong with it, from the beginning.

        What the gallery has already is skipped behind it, by id and bytes; so a source need
        not remember how far it was read. SourceError or MetadataError if it cannot be read
        any further.
        """


def named_path(path: Path) -> Path:
    """Return the absolute path by the name given: links are kept, wherever they point."""
    return path.resolve() if ".." in path.parts else path.absolute()
