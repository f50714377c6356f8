"""What lets a training go on where it was killed: its folder, its rows, and its loop.

Rows that take long to compute are kept in files as they come. A row belongs to a key that changes
with all it depends on, so that several runs may share a folder, and a source that has grown costs
only what is new in it.

What a step depends on is its number, the seed and the state that it finds. So a run that was killed
and goes on from its last checkpoint ends with the same weights as one that was never killed, as
long as torch computes alike: same machine, same number of threads.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

import artsim
from artsim.catalog.progress import Progress, SilentProgress
from artsim.encoders.devices import usable_cores
from artsim.errors import ImageError, TrainingError
from artsim.files import replacing
from artsim.images.load import LoadedImage, load_image

CHECKPOINT: Final = "checkpoint.pt"

_MARK: Final = ".artsim-run"  # a training has begun in the folder, and may replace what is there
_RUN_FILE: Final = "run.json"  # what run it is of, as far as known before anything takes long
_RESULTS: Final = (CHECKPOINT, "classifier.json")  # what another run must not overwrite
_STEPS_PER_SEED: Final = 1_000_003  # steps of neighbouring seeds draw from other generators
_AT_ONCE: Final = 32  # pictures in memory

Row: TypeAlias = npt.NDArray[Any]
Ready = TypeVar("Ready")
Of = TypeVar("Of")


class Trainee(ABC):
    """What is trained, and how a step changes it; its state is that of its parts."""

    parts: Mapping[str, Any]  # networks and optimizers, which tell their state and take it back

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

        torch's generator has been seeded for it; other draws come of the run's seed and `index`.
        """


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Settings of a run that do not change its result."""

    restart: bool = False  # begin anew, whatever the folder holds
    checkpoint_every_s: float = 30.0  # seconds between checkpoints; 0 writes one after each step


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


@contextmanager
def writing_file(path: Path, *, sync: bool = False) -> Iterator[BinaryIO]:
    """Open a file of a training, as `replacing` does; its folder is made."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=sync) as stream:
            yield stream


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
                content = {"identity": identity, "state": trainee.state(), "history": history}
                with writing_file(path, sync=True) as stream:
                    torch.save(content, stream)
                written_at = time.monotonic()
    finally:
        progress.finish()
    return history


def made_now() -> dict[str, str]:
    """Return what every card says of when and by what weights were made."""
    date = datetime.now(UTC).date().isoformat()
    return {"date": date, "artsim": artsim.__version__, "torch": torch.__version__}


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


class Kept(NamedTuple):
    """What came of one key."""

    row: Row | None  # read from the file as it is used; None where there is none
    text: str = ""  # SHA-256 of the picture's file; where there is no row, why


class Readable(NamedTuple, Generic[Of]):
    """Works that have a row, their rows, their files' SHA-256, and what is with the others."""

    works: list[Of]
    rows: list[Row]
    hashes: list[str]
    problems: list[str]  # why pictures cannot be read
    without: list[Of]  # works of which nothing was found, though they can be read


def keep_rows(
    folder: Path,
    keys: Sequence[str],
    compute: Callable[[Sequence[int]], Iterable[Kept]],
    *,
    progress: Progress,
    description: str,
    chunk: int = 256,
    row_bytes: int = 0,
) -> list[Kept]:
    """Return what belongs to each key, computing what the folder does not have.

    All rows of a folder have the same shape; `chunk` of them are in a file, which is what a kill
    costs at the most. `compute` yields what belongs to the keys at the positions it is given, in
    their order. Where rows may fill a disk, `row_bytes` says how large one is: what does not fit is
    refused at once.
    """
    known: dict[str, Kept] = {}
    for note in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, TypeError, EOFError):  # what it held is computed again
            known |= _read(note)
    missing = [place for place, key in enumerate(keys) if key not in known]
    done = len(keys) - len(missing)
    progress.start(len(keys), description)
    progress.update(done)
    try:
        with writing(folder):
            if missing:
                folder.mkdir(parents=True, exist_ok=True)
                size, free = row_bytes * len(missing), shutil.disk_usage(folder).free
                if size > free:
                    raise OSError(f"it takes {size / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free")
            for start in range(0, len(missing), chunk):
                part, found = missing[start : start + chunk], []
                for kept in compute(part):
                    found.append(kept)
                    progress.update(done + len(found))
                done += len(part)
                known |= _read(_write(folder, [keys[place] for place in part], found))
    finally:
        progress.finish()
    return [known[key] for key in keys]


def read_pictures(
    works: Sequence[Of],
    pictures: Sequence[tuple[str, Path]],
    prepare: Callable[[LoadedImage], Ready | None],
    encode: Callable[[Sequence[Ready]], Iterable[Row]],
    folder: Path,
    identity: str,
    **how: Any,
) -> Readable[Of]:
    """Return the rows of works, or why they have none, as `keep_rows` does.

    The picture of a work is a name, the same on every machine, and a file; `identity` changes with
    all that rows depend on beside them. `prepare` makes one ready, in threads (None: it has no row,
    and no reason is given), `encode` rows of several or none. Raises `TrainingError` if none can be
    read.
    """

    def ready(place: int) -> tuple[Ready | None, str]:
        try:
            loaded = load_image(pictures[place][1])
            found = prepare(loaded)
            return found, "" if found is None else loaded.sha256
        except ImageError as error:
            return None, str(error)

    def compute(places: Sequence[int]) -> Iterable[Kept]:
        with ThreadPoolExecutor(usable_cores()) as pool:
            for start in range(0, len(places), _AT_ONCE):
                part = list(pool.map(ready, places[start : start + _AT_ONCE]))
                rows = iter(encode([one for one, _ in part if one is not None]))
                for one, text in part:
                    yield Kept(None if one is None else np.asarray(next(rows)), text)

    kept = keep_rows(folder, picture_keys(pictures, identity), compute, **how)
    found: Readable[Of] = Readable([], [], [], [], [])
    for work, (row, text) in zip(works, kept, strict=True):
        if row is None and text:
            found.problems.append(text)
        elif row is None:
            found.without.append(work)
        else:
            found.works.append(work)
            found.rows.append(row)
            found.hashes.append(text)
    if not found.works and not found.without:
        raise TrainingError(f"none of {len(works)} pictures can be read: {found.problems[0]}")
    return found


def picture_keys(pictures: Iterable[tuple[str, Path]], identity: str) -> list[str]:
    """Return a key for each picture, which changes with its name, size and time."""
    keys = []
    for name, path in pictures:
        try:
            status = path.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:
            state = "missing"
        text = f"{identity}\0{name}\0{state}".encode("utf-8", "surrogatepass")
        keys.append(hashlib.sha256(text).hexdigest())
    return keys


def _read(note: Path) -> dict[str, Kept]:
    """Return what a note and the rows beside it hold."""
    found = json.loads(note.read_text("utf-8"))
    rows: Iterable[Row] = ()
    if any(has_row for _, has_row, _ in found):
        # A plain array over the file: numpy's own class for it takes long to cut rows from.
        rows = np.load(note.with_suffix(".npy"), mmap_mode="r").view(np.ndarray)
    of_key = dict(zip([key for key, has_row, _ in found if has_row], rows, strict=True))
    return {key: Kept(of_key.get(key), text) for key, _, text in found}


def _write(folder: Path, keys: Sequence[str], found: Sequence[Kept]) -> Path:
    """Write the rows, then the note, without which they do not count; return the note."""
    rows = [kept.row for kept in found if kept.row is not None]
    # Named by all of its keys: another run that shares the folder writes the same, or elsewhere.
    path = folder / f"{hashlib.sha256(' '.join(keys).encode()).hexdigest()[:16]}.npy"
    if rows:
        with replacing(path) as stream:
            np.save(stream, np.stack(rows))
    pairs = zip(keys, found, strict=True)
    text = json.dumps([[key, kept.row is not None, kept.text] for key, kept in pairs])
    with replacing(path.with_suffix(".json")) as stream:
        stream.write(text.encode())
    return path.with_suffix(".json")
