"""Rows that take long to compute: kept in a file as they come, and gone on with."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artsim.errors import TrainingError
from artsim.files import replacing


class KeptRows:
    """An array in a ``.npy`` file that is filled from its first row on.

    How far it is filled is noted beside it after each part, so that a run that was killed
    goes on behind the last whole part.

    Parameters
    ----------
    path : Path
        The file; with ``.json`` appended, the note.
    shape : tuple of int
        Of the whole array.
    identity : str
        What the rows depend on: a file of another identity is begun anew.

    Raises
    ------
    TrainingError
        If the file cannot be made.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, identity: str
    ) -> None:
        self._note = path.with_name(path.name + ".json")
        self._is = {"identity": identity, "shape": list(shape), "dtype": np.dtype(dtype).name}
        self._path = path
        try:
            self.done = self._read_note() if path.exists() else 0
            mode = "r+" if self.done else "w+"
            if not self.done:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                _check_room(path.parent, math.prod(shape) * np.dtype(dtype).itemsize)
                self._note.unlink(missing_ok=True)
            self._rows = np.lib.format.open_memmap(
                path, mode, None if self.done else np.dtype(dtype), None if self.done else shape
            )
        except (OSError, ValueError) as exc:
            raise self._cannot_keep(exc) from exc

    def append(self, rows: npt.NDArray[np.generic]) -> None:
        """Write the next rows, and note them.

        Raises
        ------
        TrainingError
            If they cannot be written.
        """
        end = self.done + len(rows)
        try:
            self._rows[self.done : end] = rows
            self._rows.flush()
            with replacing(self._note) as stream:
                stream.write(json.dumps({**self._is, "done": end}).encode())
        except OSError as exc:
            raise self._cannot_keep(exc) from exc
        self.done = end

    def read(self) -> npt.NDArray[Any]:
        """Return the array, whose rows are read from the file as they are used."""
        return self._rows

    def _cannot_keep(self, why: Exception) -> TrainingError:
        return TrainingError(
            f"cannot keep what is computed in {self._path}: {why}; make room, or name another "
            "folder",
            hint="--out",
            path=self._path,
        )

    def _read_note(self) -> int:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return int(note.pop("done")) if {**note, "done": 0} == {**self._is, "done": 0} else 0
        except (OSError, ValueError, KeyError, AttributeError):
            return 0


def _check_room(folder: Path, size: int) -> None:
    """Refuse what does not fit: written through memory, a full disk would kill the process."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OSError(f"it takes {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free")
