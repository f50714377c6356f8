"""The training loop: seeded, restartable at any moment, the same result either way.

What a step does depends on its number, the seed and the state that it finds, never on what
ran before in the same process. So a run that was killed and goes on from its last checkpoint
ends with the same weights as one that was never killed, as long as torch computes alike:
same machine, same number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch

from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import TrainingError
from artsim.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

CHECKPOINT_EVERY_S: Final = 30.0

_STEPS_PER_SEED: Final = 1_000_003
"""Steps of runs with neighbouring seeds draw from generators of their own."""


class Trainee(Protocol):
    """What is trained: networks, their optimizer, and how a step changes them."""

    def state(self) -> dict[str, Any]:
        """Return all that a later step depends on: tensors, numbers, texts, nested."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        ...

    def step(self, index: int) -> dict[str, float]:
        """Take step `index` of the run, from 0, and return its losses by name.

        torch's generator has been seeded for this step. Whatever else is drawn must
        come from a generator seeded by the run and `index`.
        """
        ...


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Settings of a run that do not change its result.

    Attributes
    ----------
    restart : bool
        Begin anew, whatever the folder holds.
    checkpoint_every_s : float
        Seconds between checkpoints; 0 writes one after each step.
    """

    restart: bool = False
    checkpoint_every_s: float = CHECKPOINT_EVERY_S


def run_steps(
    trainee: Trainee,
    folder: Path,
    *,
    steps: int,
    seed: int,
    settings: Mapping[str, Any],
    options: LoopOptions = LoopOptions(),
    progress: Progress | None = None,
    description: str = "Training",
) -> list[dict[str, float]]:
    """Take the steps of a run that the folder's checkpoint does not have yet.

    Parameters
    ----------
    trainee : Trainee
        Ends up trained.
    folder : Path
        Where the checkpoint is kept; it stays after the run, which makes a second call
        return at once.
    steps : int
        Of the whole run, those before an interruption included.
    settings : mapping
        All that the result depends on, as JSON values: a checkpoint of other settings is
        refused. Steps and seed need not be in it.

    Returns
    -------
    list of dict
        The losses of each step.

    Raises
    ------
    TrainingError
        If the folder holds a run with other settings or a damaged checkpoint, or cannot
        be written, or a loss is no number.
    """
    progress = progress or SilentProgress()
    identity = {**settings, "steps": steps, "seed": seed}
    path = folder / "checkpoint.pt"
    history: list[dict[str, float]] = []
    found = None if options.restart else read_checkpoint(path, identity)
    if found is not None:
        trainee.load_state(found.state)
        history = list(found.history)
    written_at = time.monotonic()
    progress.start(steps, description)
    progress.update(len(history))
    try:
        for index in range(len(history), steps):
            torch.manual_seed(seed * _STEPS_PER_SEED + index)
            losses = trainee.step(index)
            _check_losses(losses, index)
            history.append(losses)
            progress.update(len(history))
            is_last = len(history) == steps
            if is_last or time.monotonic() - written_at >= options.checkpoint_every_s:
                write_checkpoint(path, Checkpoint(identity, trainee.state(), history))
                written_at = time.monotonic()
    finally:
        progress.finish()
    return history


def _check_losses(losses: Mapping[str, float], index: int) -> None:
    wrong = [name for name, loss in losses.items() if not abs(loss) < float("inf")]
    if wrong:
        raise TrainingError(
            f"step {index}: the loss {wrong[0]} is {losses[wrong[0]]}, no finite number; the "
            "last checkpoint stands: try a lower learning rate in a new folder"
        )
