"""What frames of films are called, and times in them.

A frame is named as Media Fragments [1]_ name it, ``lecture.mp4#t=83.48``, wherever a picture's path
is: `artsim.images.load` opens such a name as it opens a file.

References
----------
.. [1] W3C (2012). Media Fragments URI 1.0. https://www.w3.org/TR/media-frags/
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FILM_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
"""Lower-case endings of the files that are taken for films."""

_FRAME: Final = re.compile(r"(.+)#t=(\d+(?:\.\d+)?)", re.DOTALL)


def is_film(path: Path) -> bool:
    """Return whether a file is taken for a film, by its ending."""
    return path.suffix.lower() in FILM_SUFFIXES


def frame_place(film: Path, time: float) -> Path:
    """Return what the frame at a time in seconds is called: ``lecture.mp4#t=83.48``."""
    return film.with_name(f"{film.name}#t={round(time, 3):.12g}")


def split_frame(path: Path) -> tuple[Path, float] | None:
    """Return the film and the time in seconds that a frame's name is of; None for other paths."""
    found = _FRAME.fullmatch(str(path))
    film = None if found is None else Path(found[1])
    if found is None or film is None or not is_film(film):
        return None
    return film, float(found[2])


def clock(seconds: float) -> str:
    """Return a time as people write it: ``1:23`` or ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
