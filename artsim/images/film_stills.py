"""Stills of a film: for each shot, and each few seconds of a long one, its sharpest frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.images.films import Film, Frame

EVERY: Final = 2.0
"""Seconds of a shot of which one still is taken."""

_LOOK: Final = 0.2
"""Seconds between the frames of a shot among which the sharpest is chosen."""

_SHARPER: Final = 1.05
"""By how much a frame has to be sharper than an earlier one: compression alone changes a little."""

_SIZE: Final = (64, 36)
_SHARP_SIZE: Final = (320, 180)
_CUT: Final = 10.0
_CUT_RATIO: Final = 2.5
_AROUND: Final = 3
"""A shot ends where a frame differs from the one before by more than so many levels in the mean,
and by so many times what any of the frames around it does: a pan or a shaking hand changes all."""

_EQUAL: Final = 4.0
"""Mean difference in levels below which two stills are as good as equal."""

_BLANK: Final = 4.0
"""Standard deviation in levels below which there is nothing to see."""

_Small: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Still:
    """A frame of a film that stands for a part of it.

    Attributes
    ----------
    time : float
        Of the frame, in seconds from the film's beginning.
    start, end : float
        The part of the film that it stands for.
    last : float
        Of the last frame that was looked at and equals it, in seconds.
    begins_shot : bool
        Whether a shot begins at `start`.
    """

    time: float
    start: float
    end: float
    last: float
    pixels: RGBImage = field(repr=False)
    small: _Small = field(repr=False)
    begins_shot: bool = True

    @property
    def is_blank(self) -> bool:
        """Whether it is of one color, as between shots."""
        return float(self.small.std(axis=(0, 1)).max()) < _BLANK


@dataclass(slots=True)
class _Part:
    """What is being read: a shot, or a piece of a long one."""

    start: float
    begins_shot: bool
    best: Frame
    small: _Small
    sharpness: float
    looked: float

    @classmethod
    def of(cls, frame: Frame, small: _Small, *, begins_shot: bool) -> _Part:
        return cls(frame.time, begins_shot, frame, small, _sharpness(frame), frame.time)

    def look(self, frame: Frame, small: _Small) -> None:
        if frame.time - self.looked < _LOOK:
            return
        self.looked, sharpness = frame.time, _sharpness(frame)
        if sharpness > _SHARPER * self.sharpness:
            self.best, self.small, self.sharpness = frame, small, sharpness

    def still(self, end: float) -> Still:
        pixels = self.best.pixels
        time = self.best.time
        return Still(time, self.start, end, time, pixels, self.small, self.begins_shot)


def pick_stills(film: Film, every: float = EVERY) -> Iterator[Still]:
    """Yield a still of each shot, and of each `every` seconds of a longer one, in order.

    A shot that does not move is one still, however long. All together they cover the film, but for
    what cannot be decoded.
    """
    pending: Still | None = None
    for still in _every_still(film, every):
        if pending is not None and _goes_on(pending, still):
            pending = replace(pending, end=still.end, last=still.last)
            continue
        if pending is not None:
            yield pending
        pending = still
    if pending is not None:
        yield pending


def _goes_on(one: Still, other: Still) -> bool:
    return not other.begins_shot and float(np.abs(one.small - other.small).mean()) < _EQUAL


def _every_still(film: Film, every: float) -> Iterator[Still]:
    part: _Part | None = None
    shown, last = 0.0, 0.0
    for frame, small, is_cut in _with_cuts(film):
        if part is None or is_cut or frame.time - part.start >= every - 1e-6:
            if part is not None:
                yield part.still(frame.time)
            part = _Part.of(frame, small, begins_shot=part is None or is_cut)
        else:
            part.look(frame, small)
        shown, last = frame.time - last, frame.time
    if part is not None:
        yield part.still(last + min(shown, every))


def _with_cuts(film: Film) -> Iterator[tuple[Frame, _Small, bool]]:
    """Yield the frames, each small too, and whether a shot begins with it."""
    ahead: deque[tuple[Frame, _Small, float]] = deque()
    behind: deque[float] = deque(maxlen=_AROUND)

    def first() -> tuple[Frame, _Small, bool]:
        frame, small, change = ahead.popleft()
        around = max((*behind, *(later for _, _, later in ahead)), default=0.0)
        behind.append(change)
        return frame, small, change > max(_CUT, _CUT_RATIO * around)

    before: _Small | None = None
    for frame in film.frames():
        small = frame.small(*_SIZE).astype(np.float32)
        change = 0.0 if before is None else float(np.abs(small - before).mean())
        ahead.append((frame, small, change))
        before = small
        if len(ahead) > _AROUND:
            yield first()
    while ahead:
        yield first()


def _sharpness(frame: Frame) -> float:
    """Return the variance of the Laplacian of the gray frame (Pech-Pacheco et al., ICPR 2000)."""
    gray = frame.small(*_SHARP_SIZE, form="gray").astype(np.float32)
    around = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    return float((around - 4 * gray[1:-1, 1:-1]).var())
