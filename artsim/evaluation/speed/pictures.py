"""The pictures that speed is measured on: the user's own, else the sample's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import EvaluationError, SourceError
from artsim.ingest.folder import list_pictures
from artsim.ingest.sample import WORKS, make_sample

SAMPLE_NOTE: Final = "on the pictures of `artsim sample`, since no folder was given (--data)"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures below a folder of the user's, or of the sample where there is none.

    The user's folder is only read from.
    """

    folder: Path | None
    progress: Progress = field(default_factory=SilentProgress)

    @property
    def note(self) -> str:
        """What a reader must know of them; "" where they are real."""
        return SAMPLE_NOTE if self.folder is None else ""

    def check(self) -> None:
        """Refuse a folder without pictures, before anything is measured.

        Raises
        ------
        SourceError
            If it is missing, or holds no picture.
        """
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise SourceError(
                f"there is no folder {self.folder}; name one that holds pictures, or none "
                "to measure on the sample's",
                hint="--data",
            )
        if not list_pictures(self.folder).pictures:
            raise SourceError(
                f"{self.folder} holds no pictures; name another folder, or none "
                "to measure on the sample's",
                hint="--data",
            )

    def to_ingest(self, count: int, scratch: Path) -> Path:
        """Return a folder to ingest of at least `count` pictures, if there are so many.

        The sample, which may have fewer, is copied into `scratch`.
        """
        if self.folder is not None:
            return self.folder
        self.progress.start(count, "Copying the sample")
        made = make_sample(
            scratch / "sample",
            count=min(count, WORKS),
            progress=lambda done, _: self.progress.update(done),
        )
        return made.folder

    def copies(self, count: int, scratch: Path) -> Path:
        """Return a folder in `scratch` with the first `count` pictures and no metadata.

        Raises
        ------
        EvaluationError
            If one cannot be copied.
        """
        copied = scratch / "pictures"
        copied.mkdir()
        for number, path in enumerate(self._paths(count, scratch)[:count]):
            try:
                shutil.copyfile(path, copied / f"{number:06d}{path.suffix}")
            except OSError as exc:
                raise EvaluationError(
                    f"{path} cannot be copied to {copied} ({exc.strerror or exc}); make room, "
                    "name another temporary folder in TMPDIR, or other pictures",
                    hint="--data",
                ) from exc
        return copied

    def choose(self, count: int, scratch: Path, *, seed: int = 0) -> list[Path]:
        """Return a seeded sample of `count` pictures, or all where there are fewer."""
        paths = self._paths(count, scratch)
        return [paths[i] for i in np.random.default_rng(seed).permutation(len(paths))[:count]]

    def _paths(self, count: int, scratch: Path) -> list[Path]:
        folder = self.to_ingest(count, scratch)
        return [folder / relative for relative in list_pictures(folder).pictures]
