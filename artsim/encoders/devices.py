"""Where models run, and on how many cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

DEVICES: Final = ("auto", "cpu", "cuda", "mps")  # what ``--device`` takes
_WORKERS: Final = "artsim-one-core"


def pick_device(name: str) -> torch.device:
    """Return the torch device of that name, ``auto`` the fastest; EncoderError without it."""
    import torch

    here = ["cpu"]
    if torch.cuda.is_available():
        here.insert(0, "cuda")
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    return torch.device(choose(name, here))


def choose(name: str, here: list[str]) -> str:
    """Return `name` if it is among the devices `here`, best first; the first for ``auto``."""
    if name == "auto":
        return here[0]
    if name not in here:
        known = "" if name in DEVICES else f" (known: {', '.join(DEVICES)})"
        raise EncoderError(
            f"no device {name!r} for this encoder{known}; here: auto, {', '.join(here)}"
        )
    return name


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def on_one_core(work: Callable[[], T]) -> T:
    """Return ``work()``, computed by torch on one core; the calling thread waits.

    Torch splits each operation over all cores. For small nets, and for a batch of one, that
    costs as much as it gains, and where others want the cores too, each operation waits,
    spinning, for the slowest of its parts: beside two busy programs on two cores, a query
    picture took the built-in encoder 1.7 s, on one core 0.13 s. Several calls at a time run
    side by side.
    """
    if threading.current_thread().name.startswith(_WORKERS):
        return work()
    return _workers().submit(work).result()


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        usable_cores(), thread_name_prefix=_WORKERS, initializer=_use_one_core
    )


def _use_one_core() -> None:
    """Let torch use one core in this thread, and as many as before in all others.

    With OpenMP the number is the calling thread's own, except that threads that are new
    to torch start from the one that was set last; so another thread sets the old again.
    """
    import torch

    if "OpenMP" not in torch.__config__.parallel_info():
        return
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    restore = threading.Thread(target=torch.set_num_threads, args=(cores,))
    restore.start()
    restore.join()
