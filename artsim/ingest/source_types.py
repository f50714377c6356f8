"""What a list of pictures and a source yield."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from artsim.catalog.payload import Payload
from artsim.ingest.columns import Columns


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: where it is, and its values by column.

    `line` is the physical line in a text file, the row's number in Parquet and Excel, from 1.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be read, and why."""

    line: int
    reason: str


Rows: TypeAlias = Iterator[Row | BadRow]


@dataclass(frozen=True, slots=True)
class SourcePainting:
    """One picture to ingest.

    Attributes
    ----------
    painting_id : str
        From the id column, else the picture's path below the source, with ``/``.
    image_path : Path
        The picture's file, absolute.
    payload : dict
        `painting_id`, `image_uri` (a ``file://`` address) and what the metadata says.
    """

    painting_id: str
    image_path: Path
    payload: Payload


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row or file that is left out, and why.

    Attributes
    ----------
    place : str
        The manifest, or the picture's file.
    line : int or None
        Line of the manifest (row of a Parquet or Excel file), from 1.
    reason : str
        What is wrong, and what to do where that is not plain.
    painting_id : str or None
        Id of the painting, or what the row calls its picture; ``""`` where it names none,
        None where any painting may be meant.
    """

    place: str
    line: int | None
    reason: str
    painting_id: str | None = None

    def __str__(self) -> str:
        """Return place, line and reason as one line."""
        where = self.place if self.line is None else f"{self.place}, line {self.line}"
        return f"{where}: {self.reason}"


SourceEntry: TypeAlias = SourcePainting | RowProblem


class Source(Protocol):
    """Pictures with their metadata, in an order that depends on the files alone."""

    @property
    def location(self) -> Path:
        """The folder or manifest."""
        ...

    @property
    def metadata(self) -> Path | None:
        """The file that the metadata comes from, if any."""
        ...

    @property
    def columns(self) -> Columns | None:
        """How the metadata's columns are understood."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on how the source was understood, and on what is left out of it."""
        ...

    def count(self) -> int:
        """Return how many entries a pass comes to, for a progress bar."""
        ...

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield every picture or what is wrong with it, reading the files anew.

        Raises
        ------
        MetadataError
            If a manifest cannot be decoded or is damaged beyond single rows.
        """
        ...
