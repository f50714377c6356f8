"""Rows that take long to compute: kept in a file as they come, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from artsim.errors import TrainingError


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
        try:
            self.done = self._read_note() if path.exists() else 0
            mode = "r+" if self.done else "w+"
            if not self.done:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._note.unlink(missing_ok=True)
            self._rows = np.lib.format.open_memmap(
                path, mode, None if self.done else np.dtype(dtype), None if self.done else shape
            )
        except (OSError, ValueError) as exc:
            raise TrainingError(f"cannot keep what was computed in {path}: {exc}") from exc

    def append(self, rows: npt.NDArray[np.generic]) -> None:
        """Write the next rows, and note them."""
        end = self.done + len(rows)
        self._rows[self.done : end] = rows
        self._rows.flush()
        self.done = end
        new = self._note.with_name(self._note.name + ".new")
        new.write_text(json.dumps({**self._is, "done": end}), encoding="utf-8")
        new.replace(self._note)

    def read(self) -> npt.NDArray[np.uint8]:
        """Return the array, whose rows are read from the file as they are used."""
        return self._rows

    def _read_note(self) -> int:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return int(note.pop("done")) if {**note, "done": 0} == {**self._is, "done": 0} else 0
        except (OSError, ValueError, KeyError, AttributeError):
            return 0
