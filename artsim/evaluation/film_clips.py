"""Clips of paintings as films show them: held, panned over, zoomed into, cut and compressed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage

WAYS: Final[Mapping[str, str]] = {
    "hold": "held, between bars",
    "pan": "panned over",
    "zoom": "zoomed into",
}
"""How the camera shows a painting, in words."""

SIZE: Final = (640, 360)
RATE: Final = 25
QUALITY: Final = 36
"""Constant rate factor of x264: blocks show, as in what is sent over a network."""

SECONDS: Final = (3.0, 7.0)
"""Least and most seconds that a painting is seen."""

_DISSOLVE: Final = 0.6
_DISSOLVED: Final = 1 / 3
_NEAREST: Final = 0.55
"""Least part of a painting's width or height that a camera shows."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture, from one moment of a clip to another, by one of `WAYS`."""

    picture_id: str
    start: float
    end: float
    way: str
    dissolves: bool  # into the next


def draw_shots(picture_ids: Sequence[str], random: np.random.Generator) -> list[Shot]:
    """Return a shot of each picture, one after the other, of drawn length, way and ending."""
    shots, start = [], 0.0
    for picture_id in picture_ids:
        end = start + round(float(random.uniform(*SECONDS)) * RATE) / RATE
        way = list(WAYS)[int(random.integers(len(WAYS)))]
        shots.append(Shot(picture_id, start, end, way, bool(random.random() < _DISSOLVED)))
        start = end
    return shots


def draw_frames(
    shots: Sequence[Shot], pictures: Sequence[RGBImage], random: np.random.Generator
) -> Iterator[RGBImage]:
    """Yield the frames of shots, `RATE` a second, each of `SIZE`.

    A dissolve is in the middle of where one shot ends and the next begins.
    """
    views = [_View(picture, shot, random) for picture, shot in zip(pictures, shots, strict=True)]
    for index in range(round(shots[-1].end * RATE)):
        time, row = index / RATE, 0
        while time >= shots[row].end - 1e-9:
            row += 1
        frame = views[row].at(time)
        for other, edge in ((row - 1, shots[row].start), (row + 1, shots[row].end)):
            fades = 0 <= other < len(shots) and shots[min(row, other)].dissolves
            if fades and abs(time - edge) < _DISSOLVE / 2:
                share = 0.5 - abs(time - edge) / _DISSOLVE
                mixed = (1 - share) * frame + share * views[other].at(time).astype(np.float32)
                frame = np.rint(mixed).astype(np.uint8)
        yield frame


class _View:
    """A camera before a picture: which part of it is seen when."""

    def __init__(self, picture: RGBImage, shot: Shot, random: np.random.Generator) -> None:
        self._image, self._shot = Image.fromarray(picture), shot
        width, height = self._image.size
        across = min(width, height * SIZE[0] / SIZE[1])  # the largest part of the frame's shape
        largest = np.array([across, across * SIZE[1] / SIZE[0]])
        least = float(random.uniform(_NEAREST, 0.8))
        if shot.way == "pan":
            sizes = (least * largest, least * largest)
        else:
            sizes = (largest, least * largest)
        room = [np.array([width, height]) - size for size in sizes]
        first, last = (random.uniform(0, 1, 2) * each for each in room)
        if shot.way == "pan":  # from one side to the other
            first, last = room[0] * (0.0, random.uniform()), room[1] * (1.0, random.uniform())
        if random.random() < 0.5:
            sizes, first, last = (sizes[1], sizes[0]), last, first
        self._from, self._to = (*first, *sizes[0]), (*last, *sizes[1])

    def at(self, time: float) -> RGBImage:
        """Return what is seen at a moment of the clip."""
        shot = self._shot
        if shot.way == "hold":
            return self._whole()
        share = min(1.0, max(0.0, (time - shot.start) / (shot.end - shot.start)))
        x, y, width, height = (
            (1 - share) * one + share * other
            for one, other in zip(self._from, self._to, strict=True)
        )
        box = (x, y, min(x + width, self._image.width), min(y + height, self._image.height))
        return np.asarray(self._image.resize(SIZE, Image.Resampling.BICUBIC, box=box))

    def _whole(self) -> RGBImage:
        scale = min(SIZE[0] / self._image.width, SIZE[1] / self._image.height)
        size = tuple(max(1, round(scale * side)) for side in self._image.size)
        frame = Image.new("RGB", SIZE, (8, 8, 8))
        whole = self._image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
        frame.paste(whole, ((SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2))
        return np.asarray(frame)


def write_film(path: Path, frames: Iterable[RGBImage], *, quality: int = QUALITY) -> None:
    """Write frames, `RATE` a second, as an MP4 of H.264; the same frames make the same film."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        stream.codec_context.thread_count = 1
        stream.time_base = Fraction(1, RATE)
        for index, pixels in enumerate(frames):
            if index == 0:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
