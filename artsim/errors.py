"""Every expected failure of artsim, as one tree.

A message gives the place, what was expected, what was found, and the next step, in words that
hold in Python as on the command line. Wrong arguments are `OptionError`, which is also a
`ValueError`, where they may come from a user, else plain `ValueError` and `TypeError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

SHOWN: Final = 80  # most characters of a name that a message repeats


def shortened(name: str) -> str:
    """Return `name` for a message: its beginning and end where it is long."""
    if len(name) <= SHOWN:
        return name
    return f"{name[: SHOWN // 2]}…{name[-SHOWN // 4 :]}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names for a message: the first of them where they are many; ``none`` of none."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(shortened(name) for name in names[:most]) or "none") + more


class ArtsimError(Exception):
    """Base of every failure that a user can cause or mend.

    `hint` is the command or options that take the next step, such as ``--max-megapixels``, else "";
    `painting_id` and `path` are the painting, and the file or folder, that it is about.
    """

    def __init__(
        self,
        message: str = "",
        *,
        hint: str = "",
        painting_id: str | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.painting_id = painting_id
        self.path = path

    def to_dict(self) -> dict[str, str]:
        """Return kind, message and what else is known, as docs/output.md has it."""
        known = {
            "kind": type(self).__name__,
            "message": " ".join(str(self).split()),
            "hint": self.hint or None,
            "painting_id": self.painting_id,
            "path": None if self.path is None else str(self.path),
        }
        return {name: value for name, value in known.items() if value is not None}

    @property
    def with_hint(self) -> str:
        """The message as the command line shows it."""
        return f"{self} ({self.hint})" if self.hint else str(self)


class ConfigError(ArtsimError):
    """A setting, from the environment or an option, does not make sense."""


class OptionError(ArtsimError, ValueError):
    """An option of a search, a filter or an ingest has a value that makes no sense."""


class ImageError(ArtsimError):
    """A picture cannot be read: missing, truncated, not a picture, or over a limit."""


class MetadataError(ArtsimError):
    """A manifest or one of its rows cannot be understood."""


class SourceError(ArtsimError):
    """A folder or manifest to ingest is missing or holds no pictures."""


class EncoderError(ArtsimError):
    """An encoder or face detector cannot be used."""


class UnknownEncoderError(EncoderError):
    """No encoder has the given name."""


class WeightsError(EncoderError):
    """An encoder's weights are missing, damaged, or of an unsafe format."""


class EncoderMismatchError(EncoderError):
    """A gallery holds vectors of another encoder than the one asked for."""


class QueryError(ArtsimError):
    """A query that this gallery cannot answer, or a filter that makes no sense."""


class NoFaceError(QueryError):
    """A query picture in which no face was found."""


class ExportError(ArtsimError):
    """A gallery cannot be written to a file."""


class StoreError(ArtsimError):
    """The vector database refused, failed, or cannot be reached."""


class StoreLockedError(StoreError):
    """Another process holds the embedded gallery."""


class StoreDamagedError(StoreError):
    """What an embedded gallery has on the disk cannot be read; `artsim repair` may help."""


class StoreUnavailableError(StoreError):
    """The server cannot be reached, is too slow, or went away."""


class StoreAccessError(StoreError):
    """The server refused the API key, or asks for one."""


class CollectionNotFoundError(StoreError):
    """The gallery has no such collection."""


class SchemaMismatchError(StoreError):
    """A collection exists, with other vectors or settings than expected."""


class UnknownVectorError(SchemaMismatchError, ValueError):
    """A collection has no vector of the given name.

    A wrong argument where the name is the caller's; but a name that the collection itself gave
    may be gone when it is used, as where another process makes the gallery anew.
    """


class PaintingNotFoundError(StoreError):
    """The gallery has no painting of that id."""


class RenderError(ArtsimError):
    """A contact sheet cannot be written where it was asked for."""


class ReportError(ArtsimError):
    """An evaluation's report cannot be written, read or compared."""


class EvaluationError(ArtsimError):
    """Something cannot be evaluated or measured with what there is here."""


class TrainingError(ArtsimError):
    """Something cannot be trained with the pictures, labels or settings given."""
