"""What long work tells while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where a task reports as it goes, one stage after another; by itself it says nothing."""

    def start(self, total: int | None, description: str) -> None:
        """Begin a stage of `total` steps, None if nobody knows; it ends the one before."""
        return

    def update(self, done: int, **counts: int) -> None:
        """Report how many steps of the stage are done, and how many of what came of them.

        Known counts are ``faces``, ``skipped`` (no work) and ``failed``.
        """
        return

    def finish(self) -> None:
        """End, also after a failure."""
        return


def counted(count: int, noun: str) -> str:
    """Return a count in words: ``1 face``, ``1,985 paintings``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class SilentProgress(Progress):
    """Progress that says nothing."""
