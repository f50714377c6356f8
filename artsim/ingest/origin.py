"""Which source a painting came from, and whether its picture is still where it was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from artsim.catalog.criteria import AnyOf, Criteria, Known
from artsim.catalog.payload import Payload

FIELD: Final = "ingested_from"

UNNOTED: Final = Criteria(must_not=(Known(FIELD),))
"""Points that were written before sources were noted."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an ingest, as it is noted with every painting.

    Attributes
    ----------
    uri : str
        Of the folder or manifest.
    root : Path
        The folder that paths of pictures are below.
    is_folder : bool
        Whether the source is all of `root`, rather than what a manifest names in it.
    """

    uri: str
    root: Path
    is_folder: bool

    @classmethod
    def of(cls, location: Path) -> Origin:
        """Return the origin that a folder or manifest is."""
        # Links are kept: a source under one name stays one source, wherever the link points.
        named = location.resolve() if ".." in location.parts else location.absolute()
        is_folder = location.is_dir()
        root = location if is_folder else location.parent
        return cls(named.as_uri(), root.absolute(), is_folder)

    @property
    def own(self) -> Criteria:
        """Points that came from this source."""
        return Criteria((AnyOf(FIELD, (self.uri,)),))

    def path_id(self, picture: Path) -> str | None:
        """Return the id of a picture that has none in the metadata: its path below the root."""
        if not picture.is_relative_to(self.root):
            return None
        return picture.relative_to(self.root).as_posix()

    def gave(self, payload: Payload) -> bool:
        """Return whether a painting is of this source and has its picture's path for its id.

        Of points that do not note their source, the path itself shows where they came from.
        """
        painting_id = str(payload.get("painting_id"))
        if payload.get(FIELD, self.uri) != self.uri or "\0" in painting_id:
            return False
        return (self.root / painting_id).as_uri() == payload.get("image_uri")

    def has_lost(self, payload: Payload) -> bool:
        """Return whether a painting that this source `gave` has no picture there any more."""
        if not self.gave(payload):
            return False
        try:
            os.lstat(self.root / str(payload["painting_id"]))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # it cannot be looked at, which does not mean that it is gone
            return False
        return False


def other_names(painting_id: str) -> set[str]:
    """Return what a row may call a picture of that id: its path, name, or name without suffix."""
    path = PurePosixPath(painting_id.replace("\\", "/"))
    return {painting_id, str(path), path.name, path.stem}
