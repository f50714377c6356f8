"""Reading intakes into galleries: one after another, beside the searches, until told to stop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from artsim.catalog.progress import Progress
from artsim.errors import ArtsimError
from artsim.ingest.summary import IngestSummary
from artsim.web.intakes import ACTIVE, Intake, Intakes, IntakeStateError, Stage
from artsim.web.sharing import UNEXPECTED

_NICENESS: Final = 10
_TOLD_EVERY: Final = 0.2
"""Seconds between two notes of progress."""

_LAST_BATCH: Final = 10.0
"""Seconds after which a server ends nevertheless: what is half done is done again."""

_log = logging.getLogger(__name__)

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
        self._thread: threading.Thread | None = None

    def start(self, intake_id: str) -> Intake:
        """Have an intake read in, as soon as those before it are."""
        with self._turn:
            if self.intakes.get(intake_id).state in (*ACTIVE, "done"):
                raise IntakeStateError("this is being read in already, or has been")
            anew: dict[str, Any] = {
                "done": 0,
                "total": None,
                "counts": {},
                "failed": 0,
                "error": "",
                "stage": "",
            }
            intake = self.intakes.change(intake_id, state="waiting", **anew)
            self._waiting.append(intake_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
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
            before = list(self._waiting)
            running = int(self._running is not None)
            return before.index(intake_id) + running if intake_id in before else 0

    def close(self) -> None:
        """End what runs, for a later server to go on with, and wait a little for its last batch."""
        with self._turn:
            self._ends = True
            self._stop.set()
            self._turn.notify_all()
        if self._thread is not None:
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
