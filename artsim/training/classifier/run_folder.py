"""The folder of a training: what run it is of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from artsim.errors import TrainingError
from artsim.files import replacing
from artsim.training.own_folder import own_folder

RUN_FILE: Final = "run.json"
CACHE_FOLDER: Final = "vectors"
"""Where vectors are kept, unless the user names another place."""

_RESULTS: Final = ("checkpoint.pt", "classifier.json")
"""What another run must not overwrite; vectors know themselves whose they are."""

_NAMES: Final = (
    RUN_FILE, *_RESULTS, CACHE_FOLDER, "head.safetensors", "encoder.json", "weights.safetensors",
    "report.html", "report.json", "plot-*.png",
)  # fmt: skip


def claim_folder(out: Path, identity: Mapping[str, Any], *, restart: bool) -> None:
    """Note in the folder what run it is of, so that no other is mixed up with it.

    Raises
    ------
    TrainingError
        If it is of another run and `restart` is not wanted, holds files of these names that
        no training made, or cannot be written.
    """
    path = out / RUN_FILE
    own_folder(out, _NAMES)
    try:
        there = None if restart or not path.exists() else json.loads(path.read_text("utf-8"))
        begun = any((out / name).exists() for name in _RESULTS)
        if begun and there is not None and there != dict(identity):
            names = [n for n in {**there, **identity} if there.get(n) != identity.get(n)]
            changes = ", ".join(
                f"{n}: {there.get(n)!r}, now {identity.get(n)!r}" for n in names[:3]
            )
            raise TrainingError(
                f"{out} is of a run with other settings ({changes}); go on with the same "
                "settings, name another folder, or begin anew",
                hint="--restart",
                path=out,
            )
        if restart:
            shutil.rmtree(out / CACHE_FOLDER, ignore_errors=True)
        with replacing(path) as stream:
            stream.write((json.dumps(identity, indent=2) + "\n").encode())
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        raise TrainingError(
            f"{path} cannot be read or written ({exc}); name another folder, or begin anew",
            hint="--restart",
            path=path,
        ) from exc
