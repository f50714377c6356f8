"""Progress of an ingest: a live bar on a terminal, plain lines elsewhere.

Both reporters fit `artsim.ingest.progress.ProgressReporter`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from artsim.catalog.progress import counted
from artsim.render.text import clean

Clock = Callable[[], float]

PACE_SECONDS: Final = 30.0
"""Stretch of time over which the rate is taken: what was skipped before says nothing."""


class Pace:
    """Rate over the last `PACE_SECONDS`, and the time left at it."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def mark(self, done: int) -> None:
        """Note that `done` are done by now."""
        now = self._clock()
        self._marks.append((now, done))
        # The mark just before the stretch stays: the rate is over all of it.
        while len(self._marks) > 2 and self._marks[1][0] <= now - PACE_SECONDS:
            self._marks.popleft()

    @property
    def rate(self) -> float | None:
        """How many a second; None before anything was done."""
        (first, done_then), (last, done_now) = self._marks[0], self._marks[-1]
        if last <= first or done_now <= done_then:
            return None
        return (done_now - done_then) / (last - first)

    def seconds_left(self, total: int | None) -> float | None:
        """Return how long the rest will take; None where that cannot be said."""
        rate = self.rate
        if total is None or rate is None:
            return None
        return max(0, total - self._marks[-1][1]) / rate


class LiveBar:
    """Bar on a terminal, with a count in words, rate and time left; it vanishes when finished.

    Parameters
    ----------
    console : Console
        Of a terminal, usually the standard error's.
    """

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._pace = Pace(clock)
        self._total: int | None = None
        self._task: TaskID | None = None
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}", markup=False),
            TextColumn("{task.fields[pace]}", markup=False, style="dim"),
            console=console,
            transient=True,
            expand=True,
        )

    def start(self, total: int | None, description: str) -> None:
        """Show the bar, in the place of one before; None if nobody knows the total."""
        self._total = total
        self._pace = Pace(self._clock)
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(clean(description, 60), total=total, count="", pace="")
        self._progress.start()

    def finish(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def _show(self, done: int, count: str) -> None:
        if self._task is None:
            raise ValueError("start comes before update")
        self._pace.mark(done)
        pace = describe_pace(self._pace, self._total)
        self._progress.update(self._task, completed=done, count=count, pace=pace)


class RichProgress(LiveBar):
    """Live bar of an ingest, with paintings and faces."""

    def update(self, done: int, *, faces: int, skipped: int, failed: int) -> None:
        """Show how far it is, in totals."""
        self._show(done, describe_counts(done, self._total, faces, skipped, failed))


class PlainProgress:
    """A line when work begins, and one whenever `interval` seconds have gone by since the last.

    What is skipped is no work: where nothing else comes, nothing is written.

    Parameters
    ----------
    stream : text file
        Usually the standard error, where it is not a terminal.
    interval : float
        Least seconds between two lines.
    """

    def __init__(
        self, stream: TextIO, *, interval: float = 10.0, clock: Clock = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._pace = Pace(clock)
        self._total: int | None = None
        self._beginning = ""
        self._written_at = 0.0
        self._written_work = 0

    def start(self, total: int | None, description: str) -> None:
        """Tell of `total` paintings to come; without a total at once, else when work begins."""
        self._total = total
        self._pace = Pace(self._clock)
        self._written_work = 0
        self._beginning = clean(description, 200)
        if total is None:
            self._begin()
        else:
            self._beginning += f": {counted(total, 'painting')}"

    def update(self, done: int, *, faces: int, skipped: int, failed: int) -> None:
        """Write how far it is, in totals, if it is time."""
        self._pace.mark(done)
        work = done - skipped
        if work <= self._written_work:
            return
        if self._beginning:
            self._begin()
        elif self._clock() - self._written_at >= self._interval:
            counts = describe_counts(done, self._total, faces, skipped, failed)
            pace = describe_pace(self._pace, self._total)
            self._written_work = work
            self._write(f"{counts}, {pace}" if pace else counts)

    def finish(self) -> None:
        """Write nothing: what came of it is said after it."""

    def _begin(self) -> None:
        self._write(self._beginning)
        self._beginning = ""

    def _write(self, line: str) -> None:
        self._written_at = self._clock()
        self._stream.write(line + "\n")
        self._stream.flush()


def describe_counts(done: int, total: int | None, faces: int, skipped: int, failed: int) -> str:
    """Return counts as words: ``120 of 1,985 paintings, 96 faces, 3 failed``."""
    of = "" if total is None else f"{done:,} of "
    parts = [of + counted(done if total is None else total, "painting")]
    if faces:
        parts.append(counted(faces, "face"))
    if skipped:
        parts.append(f"{skipped:,} skipped")
    if failed:
        parts.append(f"{failed:,} failed")
    return ", ".join(parts)


def describe_pace(pace: Pace, total: int | None) -> str:
    """Return rate and time left as words: ``41/s, 0:45 left``; "" where unknown."""
    rate = pace.rate
    if rate is None:
        return ""
    words = f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    if rate < 0.1:
        words = f"{rate * 60:.1f}/min"
    left = pace.seconds_left(total)
    return words if not left else f"{words}, {_clock_text(left)} left"


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
