"""Where models run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
"""What ``--device`` takes."""


def pick_device(name: str) -> torch.device:
    """Return the torch device of that name; ``auto`` is the fastest there is.

    Raises
    ------
    EncoderError
        If this machine, or this build of torch, has no such device.
    """
    import torch

    here = ["cpu"]
    if torch.cuda.is_available():
        here.insert(0, "cuda")
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    return torch.device(choose(name, here))


def choose(name: str, here: list[str]) -> str:
    """Return `name` if it is among the devices `here`, best first; the first for ``auto``.

    Raises
    ------
    EncoderError
        If it is not, or is no device at all.
    """
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
