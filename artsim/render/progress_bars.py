"""Progress of long work: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, TextIO

from rich import progress as rich
from rich.console import Console

from artsim.catalog.progress import Progress, counted
from artsim.render.table import make_console
from artsim.render.text import clean

Clock = Callable[[], float]

PACE_SECONDS: Final = 30.0  # the rate is taken over these: what was skipped before says nothing


_INTERVAL: Final = 10.0


def make_progress(noun: str = "") -> Progress:
    """Return a live bar where stderr is a terminal, else a writer of plain lines.

    `noun` is what one step is, as "painting"; "" where stages count different things.
    """
    if sys.stderr.isatty():
        return LiveProgress(make_console(sys.stderr), noun)
    return PlainProgress(sys.stderr, noun)


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

    def words(self, total: int | None) -> str:
        """Return rate and time left: ``41/s, 0:45 left``; "" where unknown."""
        (first, done_then), (last, done_now) = self._marks[0], self._marks[-1]
        if last <= first or done_now <= done_then:
            return ""
        rate = (done_now - done_then) / (last - first)
        words = f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        if rate < 0.1:
            words = f"{rate * 60:.1f}/min"
        if total is None or total <= done_now:
            return words
        time_left = timedelta(seconds=max(1, round((total - done_now) / rate)))
        return f"{words}, {str(time_left).removeprefix('0:').removeprefix('0')} left"


def describe_counts(done: int, total: int | None, noun: str, counts: Mapping[str, int]) -> str:
    """Return counts as words: ``120 of 1,985 paintings, 96 faces, 3 failed``.

    The name of a count is a plural (``faces``) or what became of steps (``failed``).
    """
    of = "" if total is None else f"{done:,} of "
    count = done if total is None else total
    parts = [of + (counted(count, noun) if noun else f"{count:,}")]
    for name, value in counts.items():
        if value:
            singular = name.removesuffix("s")
            parts.append(f"{value:,} {name}" if singular == name else counted(value, singular))
    return ", ".join(parts)


class LiveProgress:
    """Bar on a terminal, with counts in words, rate and time left; it vanishes when finished.

    `noun` is what one step is; "" where the description says it.
    """

    def __init__(self, console: Console, noun: str = "", *, clock: Clock = time.monotonic) -> None:
        self._noun, self._clock = noun, clock
        self._pace = Pace(clock)
        self._total: int | None = None
        self._bar = rich.Progress(
            rich.SpinnerColumn(),
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(bar_width=None),
            rich.TextColumn("{task.fields[count]}", markup=False),
            rich.TextColumn("{task.fields[pace]}", markup=False, style="dim"),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("", visible=False)

    def start(self, total: int | None, description: str) -> None:
        """Show the bar, in the place of one before; None if nobody knows the total."""
        self._total, self._pace = total, Pace(self._clock)
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(clean(description, 60), total=total, count="", pace="")
        self._bar.start()

    def update(self, done: int, **counts: int) -> None:
        """Show how far it is, in totals."""
        self._pace.mark(done)
        count = describe_counts(done, self._total, self._noun, counts)
        pace = self._pace.words(self._total)
        self._bar.update(self._task, completed=done, count=count, pace=pace)

    def finish(self) -> None:
        """Remove the bar."""
        self._bar.stop()


class PlainProgress:
    """A line when a stage begins, and one whenever 10 seconds have gone by since the last.

    What is skipped is no work: with a `noun` and a total, a stage begins with the first step that
    is not. Without a noun later lines repeat the description.
    """

    def __init__(self, stream: TextIO, noun: str = "", *, clock: Clock = time.monotonic) -> None:
        self._stream, self._noun, self._clock = stream, noun, clock
        self._pace = Pace(clock)
        self._total: int | None = None
        self._description = self._beginning = ""
        self._written_at, self._written_work = 0.0, 0

    def start(self, total: int | None, description: str) -> None:
        """Tell what begins; with a noun and a total only when work does."""
        self._total, self._pace, self._written_work = total, Pace(self._clock), 0
        self._beginning = self._description = clean(description, 200)
        if total is not None:
            self._beginning += f": {counted(total, self._noun) if self._noun else f'{total:,}'}"
        if total is None or not self._noun:
            self._write(self._beginning)

    def update(self, done: int, **counts: int) -> None:
        """Write how far it is, in totals, if it is time."""
        self._pace.mark(done)
        work = done - counts.get("skipped", 0)
        if work <= self._written_work:
            return
        if self._beginning:
            self._write(self._beginning)
        elif self._clock() - self._written_at >= _INTERVAL:
            self._written_work = work
            words = describe_counts(done, self._total, self._noun, counts)
            words = words if self._noun else f"{self._description}: {words}"
            pace = self._pace.words(self._total)
            self._write(f"{words}, {pace}" if pace else words)

    def finish(self) -> None:
        """Write nothing: what came of it is said after it."""

    def _write(self, line: str) -> None:
        self._written_at, self._beginning = self._clock(), ""
        self._stream.write(line + "\n")
        self._stream.flush()
