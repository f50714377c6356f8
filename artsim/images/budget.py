"""One budget of memory for all the pictures that a process decodes at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class MemoryBudget:
    """Bytes that threads share, first come, first served.

    A large request is never overtaken for ever by small ones: who comes later waits
    behind it. A request beyond the whole budget waits until it is alone, and then goes on.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.reset()

    def reset(self) -> None:
        """Forget whoever holds or awaits bytes; in a forked child they are not there."""
        self._free = self.total
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def share(self, wanted: int) -> Iterator[None]:
        """Hold bytes while the block runs. A thread that holds some must not ask for more."""
        amount = min(wanted, self.total)
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(
                    lambda: self._waiting[0] is turn and self._free >= amount,
                )
                self._free -= amount
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


DECODING: Final = MemoryBudget(1_700_000_000)
"""What decoders may hold together; the rest of 2 GB is for what the estimates leave out."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DECODING.reset)
