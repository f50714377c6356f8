"""Running small torch work on one core a piece, several pieces at a time.

Torch splits each operation over all cores. For nets as small as a face detector's the
splitting costs as much as it gains, and where other threads or programs want the cores
too, each operation waits for the slowest of its parts: a picture of 50 ms takes a second.
Whole pictures side by side, one core each, use the cores better.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from artsim.encoders.devices import usable_cores

T = TypeVar("T")


class OneCoreWorkers:
    """As many worker threads as there are cores, in each of which torch uses one."""

    def __init__(self) -> None:
        self._workers = ThreadPoolExecutor(
            usable_cores(), thread_name_prefix="artsim-faces", initializer=_use_one_core
        )

    def run(self, work: Callable[[], T]) -> T:
        """Return ``work()``, computed in a worker; the calling thread waits."""
        return self._workers.submit(work).result()


def _use_one_core() -> None:
    """Let torch use one core in this thread, and as many as before in all others.

    With OpenMP the number is the calling thread's own, except that threads that are new
    to torch start from the one that was set last; so another thread sets the old again.
    """
    if "OpenMP" not in torch.__config__.parallel_info():
        return
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    restore = threading.Thread(target=torch.set_num_threads, args=(cores,))
    restore.start()
    restore.join()
