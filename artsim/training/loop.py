"""The training loop: seeded, restartable at any moment, the same result either way.

What a step does depends on its number, the seed and the state that it finds, never on what
ran before in the same process. So a run that was killed and goes on from its last checkpoint
ends with the same weights as one that was never killed, as long as torch computes alike:
same machine, same number of threads.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

import artsim
from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import TrainingError
from artsim.files import replacing

CHECKPOINT: Final = "checkpoint.pt"

_MARK: Final = ".artsim-run"  # a training has begun in the folder, and may replace what is there
_RUN_FILE: Final = "run.json"  # what run it is of, as far as known before anything takes long
_RESULTS: Final = (CHECKPOINT, "classifier.json")  # what another run must not overwrite
_STEPS_PER_SEED: Final = 1_000_003  # steps of neighbouring seeds draw from other generators


class Trainee(ABC):
    """What is trained, and how a step changes it; its state is that of its parts."""

    parts: Mapping[str, Any]
    """Networks and optimizers, which tell their state and take it back."""

    def state(self) -> dict[str, Any]:
        """Return all that a later step depends on: tensors, numbers, texts, nested."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])

    @abstractmethod
    def step(self, index: int) -> dict[str, float]:
        """Take step `index` of the run, from 0, and return its losses by name.

        torch's generator has been seeded for this step. Whatever else is drawn must
        come from a generator seeded by the run and `index`.
        """


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Settings of a run that do not change its result.

    `restart` begins anew, whatever the folder holds; `checkpoint_every_s` are the seconds
    between checkpoints, of which 0 writes one after each step.
    """

    restart: bool = False
    checkpoint_every_s: float = 30.0


DEFAULT_LOOP: Final = LoopOptions()


def claim_folder(
    out: Path,
    names: Sequence[str],
    settings: Mapping[str, Any],
    options: LoopOptions = DEFAULT_LOOP,
) -> None:
    """Make the folder of a training and note what run it is of.

    `names` are patterns of what the training makes, `settings` JSON values that the result depends
    on, as far as they are known by now. Raises `TrainingError` if something of these names is
    there and no training has begun in the folder, or it holds a run with other settings.
    """
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out}: a folder is expected, found a file; name another", path=out)
    own = () if (out / _MARK).exists() else (*names, _RUN_FILE, CHECKPOINT)
    if taken := next((there for name in own for there in sorted(out.glob(name))), None):
        why = "this is in the way of the training, and no training of artsim made it"
        raise TrainingError(
            f"{taken}: {why}; name a new or an empty folder", hint="--out", path=taken
        )
    path = out / _RUN_FILE
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / _MARK).touch()
        if not options.restart and path.exists() and any((out / n).exists() for n in _RESULTS):
            try:
                before = dict(json.loads(path.read_text("utf-8")))
            except (ValueError, TypeError) as exc:
                raise _damaged(path) from exc
            _refuse_others(out, before, settings)
        with replacing(path) as stream:
            stream.write((json.dumps(settings, indent=2) + "\n").encode())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what keeps `path` from being written into `TrainingError`."""
    try:
        yield
    except OSError as exc:
        raise TrainingError(
            f"cannot write {path} ({exc.strerror or exc}); make room, or name another folder",
            hint="--out",
            path=path,
        ) from exc


def run_steps(
    trainee: Trainee,
    folder: Path,
    *,
    steps: int,
    seed: int,
    settings: Mapping[str, Any],
    options: LoopOptions = DEFAULT_LOOP,
    progress: Progress | None = None,
    description: str = "Training",
) -> list[dict[str, float]]:
    """Take the steps of a run that the folder's checkpoint does not have yet.

    Returns the losses of each of its `steps`, those before an interruption included; the
    checkpoint stays, so that a second call returns at once. `settings` are all that the result
    depends on beside steps and seed, as JSON values. Raises `TrainingError` if the folder holds a
    run with other settings or a damaged checkpoint, or a loss is no number.
    """
    progress = progress or SilentProgress()
    identity = {**settings, "steps": steps, "seed": seed}
    path = folder / CHECKPOINT
    history: list[dict[str, float]] = []
    if not options.restart and path.exists():
        found = _read_checkpoint(path, identity)
        trainee.load_state(found["state"])
        history = list(found["history"])
    written_at = time.monotonic()
    progress.start(steps, description)
    progress.update(len(history))
    try:
        for index in range(len(history), steps):
            torch.manual_seed(seed * _STEPS_PER_SEED + index)
            history.append(_finite(trainee.step(index), index))
            progress.update(len(history))
            is_last = len(history) == steps
            if is_last or time.monotonic() - written_at >= options.checkpoint_every_s:
                _write_checkpoint(
                    path, {"identity": identity, "state": trainee.state(), "history": history}
                )
                written_at = time.monotonic()
    finally:
        progress.finish()
    return history


def made_now() -> dict[str, str]:
    """Return what every card says of when and by what weights were made."""
    date = datetime.now(UTC).date().isoformat()
    return {"date": date, "artsim": artsim.__version__, "torch": torch.__version__}


def _write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of the one before, which stays until this one is whole."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=True) as stream:
            torch.save(content, stream)


def _read_checkpoint(path: Path, identity: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        there, _, _ = found["identity"], found["state"], found["history"]
    except Exception as exc:  # torch raises types of its own, down to KeyError
        raise _damaged(path) from exc
    _refuse_others(path, there, identity)
    return found


def _damaged(path: Path) -> TrainingError:
    told = f"{path} is damaged and cannot be read; delete it to begin anew"
    return TrainingError(told, hint="--restart", path=path)


def _refuse_others(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if names:
        said = ", ".join(f"{name}: {old.get(name)!r}, now {new.get(name)!r}" for name in names[:3])
        raise TrainingError(
            f"{path} is of a run with other settings ({said}); go on with the same settings, "
            "name another folder, or begin anew",
            hint="--restart",
            path=path,
        )


def _finite(losses: dict[str, float], index: int) -> dict[str, float]:
    wrong = [name for name, loss in losses.items() if not abs(loss) < float("inf")]
    if wrong:
        raise TrainingError(
            f"step {index}: the loss {wrong[0]} is {losses[wrong[0]]}, no finite number; the "
            "last checkpoint stands: try a lower learning rate in a new folder"
        )
    return losses
