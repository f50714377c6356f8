"""Checkpoints: a run's state in one file that is whole or not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from artsim.errors import TrainingError
from artsim.files import replacing


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after some of its steps.

    Attributes
    ----------
    identity : mapping
        All that the run's result depends on, as JSON values.
    state : mapping
        Of the trainee: tensors, numbers and texts, nested.
    history : sequence of dict
        The losses of the steps so far.
    """

    identity: Mapping[str, Any]
    state: Mapping[str, Any]
    history: Sequence[dict[str, float]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of the one before, which stays until this one is whole.

    Raises
    ------
    TrainingError
        If the file cannot be written.
    """
    content = {
        "identity": dict(checkpoint.identity),
        "state": dict(checkpoint.state),
        "history": list(checkpoint.history),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=True) as stream:
            torch.save(content, stream)
    except (OSError, RuntimeError) as exc:
        raise TrainingError(f"cannot write {path}: {exc}; the checkpoint before it stands") from exc


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Read a run's checkpoint; None if there is none.

    Raises
    ------
    TrainingError
        If it cannot be read, or is of a run with another identity.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = Checkpoint(content["identity"], content["state"], content["history"])
    except Exception as exc:  # torch raises types of its own, down to KeyError
        raise TrainingError(
            f"{path} is no checkpoint that can be read ({type(exc).__name__}); delete it to "
            "begin anew",
            hint="--restart",
            path=path,
        ) from exc
    if dict(found.identity) != dict(identity):
        raise TrainingError(
            f"{path} is of a run with other settings ({_difference(found.identity, identity)}); "
            "go on with the same settings, name another folder, or begin anew",
            hint="--restart",
            path=path,
        )
    return found


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name}: {old.get(name)!r}, now {new.get(name)!r}" for name in names[:3])
