"""What is ingested: a source yields paintings, and problems where there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from artsim.catalog.payload import Payload
from artsim.errors import SourceError
from artsim.ingest.columns import Columns


@dataclass(frozen=True, slots=True)
class SourcePainting:
    """One picture to ingest.

    Attributes
    ----------
    painting_id : str
        Unique in the source: from the id column, else the picture's path below it, with ``/``.
    picture : Path or callable
        The picture's file, absolute; or what returns the bytes of one, called from a reader
        thread when they are wanted, and raising an `ArtsimError` where they cannot be had.
    payload : dict
        `painting_id`, `image_uri` (of a file a ``file://`` address) and what the metadata says.
    sha256 : str or None
        Digest of the picture's bytes, from a source that knows it: where the gallery has
        that very picture, it is not opened, so that a run goes on where another was cut short.
    """

    painting_id: str
    picture: Path | Callable[[], bytes]
    payload: Payload
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
    """One row, file or picture that did not go in.

    Attributes
    ----------
    place : str
        The picture's file, or the manifest.
    reason : str
        Where it is, what is wrong, and what to do where that is not plain.
    painting_id : str or None
        Id of the painting, or what the row calls its picture, where it says either.
    line : int or None
        Line of the manifest (row of a Parquet or Excel file), from 1.
    hint : str
        Options of the command line that help.
    may_hide_any : bool
        Whether any painting may be behind it, so that none is known to be gone.
    """

    place: str
    reason: str
    painting_id: str | None = None
    line: int | None = None
    hint: str = ""
    may_hide_any: bool = False

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

    def count(self) -> int:
        """Return how many rows, bad ones too, `rows` yields; reads all but Parquet through."""
        return sum(1 for _ in self.rows()) if self.known_count is None else self.known_count


class Source(ABC):
    """Pictures with their metadata, in an order that is the same every time.

    Of a source that is no folder and no manifest `uri` and iteration suffice; with the uri's
    scheme in `artsim.ingest.sources.SOURCES` the command line reaches it too.

    Attributes
    ----------
    uri : str
        Address that paintings note as ``ingested_from``; the same for the same source.
    root : Path or None
        The folder below which ids may be paths of its pictures.
    metadata, columns : Path and Columns, or None
        The file that the metadata comes from, and how its columns are understood.
    notes : tuple of str
        Remarks on how the source was understood, and on what is left out of it.
    noun : str
        What one of its pictures is; frames of films are passed over where paintings are searched.
    """

    uri: str
    root: Path | None = None
    metadata: Path | None = None
    columns: Columns | None = None
    notes: tuple[str, ...] = ()
    noun: Literal["painting", "frame"] = "painting"

    def count(self) -> int | None:
        """Return how many entries a pass comes to, for a progress bar; None if nobody knows."""
        return None

    def steps(self, done: int) -> int:
        """Return how far so many entries are in what `count` counts: of a film, in seconds."""
        return done

    @abstractmethod
    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield every picture or what is wrong with it, from the beginning.

        What the gallery has already is skipped behind it, by id and bytes; so a source need
        not remember how far it was read. SourceError or MetadataError if it cannot be read
        any further.
        """
