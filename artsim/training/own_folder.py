"""The folder of a training, in which everything is its own to replace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from artsim.errors import TrainingError

_MARK: Final = ".artsim-run"
"""Says that a training has begun in a folder; what it makes there is replaced by the next."""


def own_folder(out: Path, names: Sequence[str]) -> None:
    """Make the folder of a training, or refuse one where it would replace what is not its own.

    Parameters
    ----------
    names : sequence of str
        Of the files and folders that the training makes; they may be patterns.

    Raises
    ------
    TrainingError
        If something of these names is there and no training has begun in the folder, or it
        cannot be made.
    """
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out}: a folder is expected, found a file; name another", path=out)
    if not (out / _MARK).exists() and not _is_of_an_earlier_artsim(out):
        for name in names:
            if taken := sorted(out.glob(name)):
                raise TrainingError(
                    f"{taken[0]}: this is in the way of the training, and no training of artsim "
                    "made it; name a new or an empty folder",
                    hint="--out",
                    path=taken[0],
                )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / _MARK).touch()
    except OSError as exc:
        raise TrainingError(
            f"the folder {out} cannot be made or written to ({exc.strerror or exc}); name another",
            hint="--out",
            path=out,
        ) from exc


def _is_of_an_earlier_artsim(out: Path) -> bool:
    """Return whether a training has begun in a folder before there was a mark for that."""
    try:
        run = json.loads((out / "run.json").read_text("utf-8"))
        if isinstance(run, dict) and {"by", "kind", "works"} <= run.keys():
            return True
    except (OSError, ValueError, RecursionError):
        pass
    if not (out / "checkpoint.pt").is_file():
        return False
    import torch

    try:
        content = torch.load(out / "checkpoint.pt", map_location="cpu", weights_only=True)
        return bool({"identity", "state", "history"} <= content.keys())
    except Exception:  # torch raises types of its own, down to KeyError
        return False
