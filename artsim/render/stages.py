"""Progress of long work in stages: a live bar on a terminal, plain lines elsewhere.

Both fit `artsim.catalog.progress.Progress`.
"""

from __future__ import annotations

import time
from typing import TextIO

from artsim.render.progress import Clock, LiveBar, Pace, describe_pace
from artsim.render.text import clean


class RichStages(LiveBar):
    """Live bar of the stage that runs."""

    def update(self, done: int) -> None:
        """Show how far the stage is."""
        self._show(done, _count_text(done, self._total))


class PlainStages:
    """A line for each stage, and one whenever `interval` seconds have gone by.

    Parameters
    ----------
    stream : text file
        Usually the standard error, where it is not a terminal.
    interval : float
        Most seconds without a line, as long as updates come.
    """

    def __init__(
        self, stream: TextIO, *, interval: float = 10.0, clock: Clock = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._pace = Pace(clock)
        self._total: int | None = None
        self._description = ""
        self._written_at = 0.0

    def start(self, total: int | None, description: str) -> None:
        """Write which stage begins."""
        self._total = total
        self._description = clean(description, 200)
        self._pace = Pace(self._clock)
        self._written_at = self._clock()
        self._write(self._description if total is None else f"{self._description}: {total:,}")

    def update(self, done: int) -> None:
        """Write how far the stage is, if it is time."""
        self._pace.mark(done)
        now = self._clock()
        if now - self._written_at < self._interval:
            return
        self._written_at = now
        count, pace = _count_text(done, self._total), describe_pace(self._pace, self._total)
        self._write(", ".join(part for part in (f"{self._description}: {count}", pace) if part))

    def finish(self) -> None:
        """Write nothing: the report says what came of it."""

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def _count_text(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
