"""What visitors have read into galleries: the record of each, and the thread that reads them in."""

from __future__ import annotations

import datetime
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from artsim.catalog.progress import Progress
from artsim.errors import ArtsimError
from artsim.files import replacing
from artsim.ingest.records import Problem
from artsim.ingest.sources import LIST_SUFFIXES
from artsim.ingest.summary import IngestSummary
from artsim.web.sharing import UNEXPECTED

From: TypeAlias = Literal["sample", "folder", "sent"]

State: TypeAlias = Literal[
    "open", "waiting", "running", "stopping", "stopped", "interrupted", "failed", "done"
]
"""Of an intake. While it is open files are sent and columns are corrected; one that was cut
short with the server is interrupted, and goes on as one that was stopped."""

Stage: TypeAlias = Literal["", "preparing", "reading", "indexing", "finishing"]

ACTIVE: Final = ("waiting", "running", "stopping")
"""States of intakes that are worked at, or will be."""

_KEPT_RECORDS: Final = 50
_MOST_FILES: Final = 200_000
_NICENESS: Final = 10
_TOLD_EVERY: Final = 0.2
"""Seconds between two notes of progress."""

_LAST_BATCH: Final = 10.0
"""Seconds after which a server ends nevertheless: what is half done is done again."""

_log = logging.getLogger(__name__)


class NoIntakeError(ArtsimError):
    """There is no such intake."""


class IntakeStateError(ArtsimError):
    """An intake has come too far for what is asked, or not far enough."""


@dataclass(frozen=True, slots=True)
class Intake:
    """One source, as it goes into a gallery.

    It is the sample, a folder or list of this machine, or files that were sent, and lies at
    `place`; `metadata` is the path below that of the list that is joined with the pictures, whose
    `columns` are by field, as `artsim ingest --map` takes them; parts of pictures of `kinds` are
    looked for. It has come to `done` of `total` entries, of which `failed` did not go in.
    """

    id: str
    gallery: str | None
    origin: From
    place: str
    created: str
    state: State = "open"
    stage: Stage = ""
    metadata: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    done: int = 0
    total: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def folder(self) -> Path:
        """The folder that it is, or in which its list is."""
        place = Path(self.place)
        is_list = place.suffix.lower() in LIST_SUFFIXES and place.is_file()
        return place.parent if is_list else place


def trouble(
    prefix: str, place: str, line: int | None, painting_id: str | None, reason: str
) -> dict[str, Any]:
    """Return what did not go in, its paths below the folder that `prefix` is."""
    said = {"place": place.removeprefix(prefix), "line": line, "painting_id": painting_id}
    return {**said, "reason": reason.replace(prefix, "")}


class Intakes:
    """The intakes of a server, each in a folder of its own, so that they outlast it.

    Threads may share it. What was worked at when the server ended is interrupted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._all: dict[str, Intake] = {}
        self._sent: dict[str, dict[str, tuple[str, bool]]] = {}
        for path in folder.glob("*/intake.json"):
            with suppress(OSError, ValueError, TypeError):
                intake = _read(path)
                cut = intake.state in ACTIVE
                self._all[intake.id] = replace(intake, state="interrupted") if cut else intake
        self._forget_oldest()

    def all(self) -> list[Intake]:
        """Return all, the newest first."""
        with self._lock:
            return sorted(self._all.values(), key=lambda one: one.created, reverse=True)

    def get(self, intake_id: str) -> Intake:
        """Return one by its id."""
        with self._lock:
            if intake_id not in self._all:
                raise NoIntakeError("what was to be read in is not known here any more; begin anew")
            return self._all[intake_id]

    def add(self, gallery: str | None, origin: From, place: Path) -> Intake:
        """Begin an intake."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        intake = Intake(secrets.token_hex(8), gallery, origin, str(place), now)
        with self._lock:
            self._forget_oldest()
            return self._put(intake)

    def _put(self, intake: Intake, *, keep: bool = True) -> Intake:
        """Take an intake for what it is now; without `keep` only until the server ends."""
        with self._lock:
            self._all[intake.id] = intake
            if keep:
                self._of(intake.id).mkdir(parents=True, exist_ok=True)
                with replacing(self._of(intake.id) / "intake.json") as stream:
                    stream.write(json.dumps(asdict(intake)).encode())
        return intake

    def change(self, intake_id: str, *, keep: bool = True, **changes: Any) -> Intake:
        """Change some of an intake."""
        with self._lock:
            return self._put(replace(self.get(intake_id), **changes), keep=keep)

    def forget(self, intake_id: str) -> None:
        """Forget an intake that nothing works at; pictures stay."""
        with self._lock:
            if self.get(intake_id).state in ACTIVE:
                raise IntakeStateError("this is being read in; stop it first")
            del self._all[intake_id]
            self._sent.pop(intake_id, None)
            shutil.rmtree(self._of(intake_id), ignore_errors=True)

    def add_file(self, intake_id: str, given: str, stored: str, *, is_new: bool) -> None:
        """Note a file that was sent, by the path it was given and the one it is kept under."""
        with self._lock:
            sent = self._files(intake_id)
            if len(sent) >= _MOST_FILES:
                raise IntakeStateError(
                    f"more than {_MOST_FILES:,} files; add the others afterwards"
                )
            sent[given] = stored, is_new
            with (self._of(intake_id) / "files.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([given, stored, is_new]) + "\n")

    def files(self, intake_id: str) -> dict[str, str]:
        """Return the files that were sent: where each is kept, by the path it was given."""
        with self._lock:
            return {given: stored for given, (stored, _) in self._files(intake_id).items()}

    def own_files(self, intake_id: str) -> list[str]:
        """Return the files that came with this intake, and no other has."""
        with self._lock:
            rest = [one.id for one in self.all() if one.id != intake_id]
            others = {stored for one in rest for stored, _ in self._files(one).values()}
            own = {stored for stored, is_new in self._files(intake_id).values() if is_new}
        return sorted(own - others)

    def _files(self, intake_id: str) -> dict[str, tuple[str, bool]]:
        if intake_id not in self._sent:
            lines = self._lines(intake_id, "files")
            self._sent[intake_id] = {given: (stored, is_new) for given, stored, is_new in lines}
        return self._sent[intake_id]

    def set_problems(self, intake_id: str, problems: Iterable[Problem]) -> None:
        """Keep what did not go in."""
        rows = ((p.place, p.line, p.painting_id, p.reason) for p in problems)
        with replacing(self._of(intake_id) / "problems.jsonl") as stream:
            for row in rows:
                stream.write(json.dumps(row).encode() + b"\n")

    def problems(self, intake_id: str) -> Iterator[dict[str, Any]]:
        """Yield what did not go in: its place, line, painting_id and reason."""
        prefix = f"{self.get(intake_id).folder}/"
        for row in self._lines(intake_id, "problems"):
            yield trouble(prefix, *row)

    def _of(self, intake_id: str) -> Path:
        return self._folder / intake_id

    def _lines(self, intake_id: str, name: str) -> Iterator[Any]:
        with suppress(OSError), (self._of(intake_id) / f"{name}.jsonl").open("rb") as stream:
            for line in stream:
                with suppress(ValueError):  # the end of one may be lost in a crash
                    yield json.loads(line)

    def _forget_oldest(self) -> None:
        ended = [one for one in self.all() if one.state in ("done", "failed")]
        for intake in ended[_KEPT_RECORDS:]:
            self.forget(intake.id)


def _read(path: Path) -> Intake:
    known = {one.name for one in fields(Intake)}
    found = {name: value for name, value in json.loads(path.read_bytes()).items() if name in known}
    found["kinds"], found["notes"] = (tuple(found.get(name, ())) for name in ("kinds", "notes"))
    if found["id"] != path.parent.name:
        raise ValueError(found["id"])
    return Intake(**found)


Ingest: TypeAlias = Callable[[Intake, Progress, Callable[[], bool]], IngestSummary]


class Jobs:
    """Reads intakes in by `ingest`, in a thread of its own, in the order in which they came."""

    def __init__(self, intakes: Intakes, ingest: Ingest) -> None:
        self.intakes = intakes
        self._ingest = ingest
        self._turn = threading.Condition()
        self._waiting: deque[str] = deque()
        self._running: str | None = None
        self._stop = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def start(self, intake_id: str) -> Intake:
        """Have an intake read in, as soon as those before it are."""
        with self._turn:
            if self.intakes.get(intake_id).state in (*ACTIVE, "done"):
                raise IntakeStateError("this is being read in already, or has been")
            anew: dict[str, Any] = {"done": 0, "total": None, "counts": {}, "failed": 0}
            intake = self.intakes.change(intake_id, state="waiting", stage="", error="", **anew)
            self._waiting.append(intake_id)
            self._turn.notify_all()
        return intake

    def stop(self, intake_id: str) -> Intake:
        """End an intake: what was read in is whole, and stays."""
        with self._turn:
            if intake_id in self._waiting:
                self._waiting.remove(intake_id)
                return self.intakes.change(intake_id, state="stopped")
            if intake_id != self._running:
                raise IntakeStateError("this is not being read in")
            self._stop.set()
            return self.intakes.change(intake_id, state="stopping")

    def ahead(self, intake_id: str) -> int:
        """Return how many are read in before this one."""
        with self._turn:
            is_waiting = intake_id in self._waiting
            return self._waiting.index(intake_id) + (self._running is not None) if is_waiting else 0

    def close(self) -> None:
        """End what runs, for a later server to go on with, and wait a little for its last batch."""
        with self._turn:
            self._ends = True
            self._stop.set()
            self._turn.notify_all()
        self._thread.join(_LAST_BATCH)

    def _work(self) -> None:
        # Of this thread, and of those that it starts: who searches meanwhile does not wait.
        with suppress(AttributeError, OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._waiting or self._ends)
                if self._ends:
                    return
                self._running = self._waiting.popleft()
                self._stop.clear()
            self._run(self._running)
            with self._turn:
                self._running = None

    def _run(self, intake_id: str) -> None:
        intake = self.intakes.change(intake_id, state="running", stage="preparing")
        try:
            summary = self._ingest(intake, _Told(self.intakes, intake_id), self._stop.is_set)
        except ArtsimError as exc:
            self._end(intake_id, "failed", error=" ".join(exc.with_hint.split()))
            return
        except Exception:
            if not self._ends:  # what is loaded as the interpreter ends fails in any way
                _log.exception("an intake failed")
            self._end(intake_id, "failed", error=UNEXPECTED)
            return
        self.intakes.set_problems(intake_id, summary.problems)
        counts = {**summary.counts.parts, **summary.counts.to_dict()}
        self._end(
            intake_id,
            "stopped" if summary.counts.done < (self.intakes.get(intake_id).total or 0) else "done",
            counts={name: n for name, n in counts.items() if isinstance(n, int)},
            done=summary.counts.done,
            failed=summary.counts.failed,
            notes=summary.notes,
        )

    def _end(self, intake_id: str, state: str, **more: Any) -> None:
        with self._turn:
            # The gallery may have been closed under it: that is no failure.
            ended = "interrupted" if self._ends else state
            self.intakes.change(intake_id, state=ended, stage="", **more)


class _Told:
    """Progress of an ingest, as the intake has it."""

    def __init__(self, intakes: Intakes, intake_id: str) -> None:
        self._intakes, self._id = intakes, intake_id
        self._told = 0.0

    def start(self, total: int | None, description: str) -> None:
        """Begin reading, or what comes after it."""
        stage: Stage = "indexing" if total is None else "reading"
        known = {} if total is None else {"total": total}
        self._intakes.change(self._id, keep=False, stage=stage, **known)

    def update(self, done: int, **counts: int) -> None:
        """Note how far it is, but not all the time."""
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            failed = counts.get("failed", 0)
            self._intakes.change(self._id, keep=False, done=done, failed=failed, counts=counts)

    def finish(self) -> None:
        """Begin what nobody counts."""
        self._intakes.change(self._id, keep=False, stage="finishing")
