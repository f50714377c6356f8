"""Folders of works, and data folders that have them: made once for a module, copied for a test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery


class Works:
    """A folder that is as it was, at the same place, for every test of a module."""

    def __init__(self, root: Path, fill: Callable[[Path], None]) -> None:
        self.folder = root / "pictures"
        self._root = root
        self._whole = root / "whole"
        self._whole.mkdir()
        fill(self._whole)
        self._homes: dict[tuple[str, str], Path] = {}

    def restore(self) -> Path:
        """Return the folder, with what was in it at first."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._whole, self.folder)
        return self.folder

    def ingested(self, target: Path, options: IngestOptions, source: str = ".") -> Path:
        """Make `target` a data folder into which the folder, or a list in it, was ingested."""
        key = (repr(options), source)
        if key not in self._homes:
            home = self._root / f"home{len(self._homes)}"
            with open_gallery(home=home) as gallery:
                ingest_paintings(gallery, self.folder / source, options)
            self._homes[key] = home
        subprocess.run(["cp", "-R", self._homes[key], target], check=True)
        return target


@pytest.fixture(scope="module")
def make_works(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Works]:
    return lambda fill: Works(tmp_path_factory.mktemp("works"), fill)
