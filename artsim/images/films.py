"""Films: their frames in order, one frame by its time, and stills that stand for their parts."""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.film_names import clock
from artsim.errors import ImageError
from artsim.images.memory import ImageLimits, check_pixels

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.reformatter import VideoReformatter

_TOLERANCE: Final = 0.0006  # seconds by which a time in milliseconds may be beside the frame's own
_QUALITY: Final = 95
_DARK: Final = 40  # no pixel of a bar is above; black is 16 and more in films, and compressed
_LEAST_SIDE: Final = 16
_SHORT: Final = 2.0
"""Seconds that may lack at the end of a film that is whole: its length is that of the sound too."""

EVERY: Final = 2.0  # seconds of a shot of which one still is taken
_LOOK: Final = 0.2  # seconds between the frames of a shot among which the sharpest is chosen
_SHARPER: Final = 1.05
"""By how much a frame has to be sharper than an earlier one: compression alone changes a little."""

_SIZE: Final = (64, 36)
_SHARP_SIZE: Final = (320, 180)
_CUT: Final = 10.0
_CUT_RATIO: Final = 2.5
_AROUND: Final = 3
"""A shot ends where a frame differs from the one before by more than so many levels in the mean,
and by so many times what any of the frames around it does: a pan or a shaking hand changes all."""

_EQUAL: Final = 4.0  # mean difference in levels below which two stills are as good as equal
_BLANK: Final = 4.0  # standard deviation in levels below which there is nothing to see

_Small: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a film, `time` seconds from its beginning; `video` is PyAV's.

    Frames of a film share the `reducer` that `small` is made by, which is slow to set up.
    """

    time: float
    video: VideoFrame = field(repr=False)
    reducer: VideoReformatter = field(repr=False)
    shape: float = 1.0  # width of a pixel to its height

    @property
    def pixels(self) -> RGBImage:
        """The upright picture, of square pixels, without the dark bars around it."""
        width = max(1, round(self.video.width * self.shape))
        wide = self.video.reformat(width=width, height=self.video.height, format="rgb24")
        turned = np.rot90(np.asarray(wide.to_ndarray(), np.uint8), self.video.rotation // 90)
        return np.ascontiguousarray(_without_bars(turned))

    def small(self, width: int, height: int, form: str = "rgb24") -> npt.NDArray[np.uint8]:
        """Return the frame at that size, not turned, to be compared with its neighbors."""
        reduced = self.reducer.reformat(self.video, width, height, form, interpolation="AREA")
        return np.asarray(reduced.to_ndarray(), np.uint8)


def _without_bars(pixels: RGBImage) -> RGBImage:
    """Return a frame without the bars that a picture of another shape is shown between."""
    lightest = pixels.max(axis=2)
    rows, columns = (np.flatnonzero(lightest.max(axis=axis) > _DARK) for axis in (1, 0))
    if min(len(rows), len(columns)) < _LEAST_SIDE:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@dataclass(slots=True)
class Film:
    """A file of a film, whose frames are read as they are asked for."""

    path: Path
    limits: ImageLimits = field(default_factory=ImageLimits)
    duration: float | None = None  # seconds that it says it has
    title: str = ""  # as the file itself says it, else its name
    damage: str = ""  # what could not be read, once the frames are read through

    @classmethod
    def open(cls, path: Path, limits: ImageLimits | None = None) -> Film:
        """Return the film, of whose frames none is decoded yet.

        ImageError if there is no such file, it is no film, has no pictures, its frames are over
        the limit on pixels, it is longer than the limit, or PyAV is not installed.
        """
        film = cls(path, limits or ImageLimits())
        with film._opened() as container:
            if container.duration is not None:
                film.duration = container.duration / 1_000_000
            film.title = str(container.metadata.get("title") or path.stem)
        most = film.limits.max_film_hours * 3600
        if film.duration is not None and film.duration > most:
            raise ImageError(
                f"{path}: the film has {clock(film.duration)}, and the limit is {clock(most)}; cut "
                "it or raise the limit",
                hint="--max-film-hours",
                path=path,
            )
        return film

    def frames(self, start: float = 0.0) -> Generator[Frame, None, None]:
        """Yield the frames in order, from the last one before `start`, or somewhat earlier.

        Their times are those of the stream's own time stamps. What is damaged is passed over, and
        told in `damage`.
        """
        self.damage = ""
        with self._opened() as container:
            from av.video.reformatter import VideoReformatter

            reducer = VideoReformatter()
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            base = stream.time_base or 1
            zero = (container.start_time or 0) / 1_000_000
            if start > 0:
                container.seek(math.floor((start + zero) / base), stream=stream)
            lost, last, shape = 0, -math.inf, float(stream.sample_aspect_ratio or 1) or 1.0
            most = self.limits.max_film_hours * 3600
            for video in _decoded(container, stream):
                if video is None or video.pts is None or video.is_corrupt:
                    lost += 1
                    continue
                time = float(video.pts * base) - zero
                if time <= last:
                    continue
                if time > most:
                    self.damage = f"it is longer than the limit of {clock(most)}"
                    return
                last = time
                yield Frame(time, video, reducer, shape)
        self.damage = self._wrong(lost, last)

    def frame_at(self, time: float) -> Frame:
        """Return the frame that is seen at a time in seconds; ImageError where there is none."""
        for start in (time, 0.0):  # of some files the index leads beyond what is looked for
            found: Frame | None = None
            with closing(self.frames(start)) as frames:
                for frame in frames:
                    if frame.time > time + _TOLERANCE:
                        break
                    found = frame
            if found is not None:
                return found
        raise ImageError(f"{self.path}: no frame at {clock(time)} can be read", path=self.path)

    @contextmanager
    def _opened(self) -> Iterator[InputContainer]:
        av = _import_av(self.path)
        if not self.path.is_file():
            raise ImageError(f"{self.path}: there is no such film; check the path", path=self.path)
        try:
            with av.open(str(self.path), metadata_errors="replace") as container:
                self._check(container)
                yield container
        except (av.error.FFmpegError, OSError, ValueError, IndexError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise ImageError(
                f"{self.path}: a damaged or unsupported film ({reason}); save it anew as MP4",
                path=self.path,
            ) from exc

    def _check(self, container: InputContainer) -> None:
        streams = container.streams.video
        if not streams or "attached_pic" in str(streams[0].disposition):
            raise ImageError(
                f"{self.path}: there are no moving pictures in this film; give one that has them",
                path=self.path,
            )
        size = streams[0].codec_context.width, streams[0].codec_context.height
        if min(size) > 0:
            check_pixels(size, str(self.path), self.limits)

    def _wrong(self, lost: int, last: float) -> str:
        if last == -math.inf:
            return "no frame of it can be read"
        found = [f"{lost:,} of its frames cannot be decoded"] if lost else []
        if self.duration is not None and last < 0.98 * self.duration - _SHORT:
            found += [f"it ends at {clock(last)} of {clock(self.duration)}"]
        return " and ".join(found)


def _decoded(container: InputContainer, stream: Any) -> Iterator[VideoFrame | None]:
    """Yield the frames of a stream, and None for each piece of it that cannot be decoded."""
    from av.error import FFmpegError

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except FFmpegError:
                yield None
    except FFmpegError:
        yield None


def _import_av(path: Path) -> Any:
    try:
        import av
        import av.error
    except ImportError as exc:
        raise ImageError(
            f"{path}: to read films PyAV is needed, which is not installed",
            hint="pip install 'artsim[video]'",
            path=path,
        ) from exc
    av.logging.set_level(None)
    return av


def frame_file(pixels: RGBImage) -> bytes:
    """Return a frame as the bytes of a picture file: the same for the same pixels."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def read_frame(film: Path, time: float, limits: ImageLimits) -> bytes:
    """Return the frame at a time as the bytes that it was ingested as."""
    return frame_file(Film.open(film, limits).frame_at(time).pixels)


# --- stills: for each shot, and each few seconds of a long one, its sharpest frame ----


@dataclass(frozen=True, slots=True)
class Still:
    """A frame of a film that stands for a part of it; times are seconds from the beginning."""

    time: float
    start: float  # of the part that it stands for
    end: float
    last: float  # time of the last frame that was looked at and equals it
    pixels: RGBImage = field(repr=False)
    small: _Small = field(repr=False)
    begins_shot: bool = True  # at `start`

    @property
    def is_blank(self) -> bool:
        """Whether it is of one color, as between shots."""
        return float(self.small.std(axis=(0, 1)).max()) < _BLANK


class _Part:
    """What is being read: a shot, or a piece of a long one."""

    def __init__(self, frame: Frame, small: _Small, *, begins_shot: bool) -> None:
        self.start = self.looked = frame.time
        self.begins_shot = begins_shot
        self.best, self.small, self.sharpness = frame, small, _sharpness(frame)

    def look(self, frame: Frame, small: _Small) -> None:
        if frame.time - self.looked < _LOOK:
            return
        self.looked, sharpness = frame.time, _sharpness(frame)
        if sharpness > _SHARPER * self.sharpness:
            self.best, self.small, self.sharpness = frame, small, sharpness

    def still(self, end: float) -> Still:
        time, pixels = self.best.time, self.best.pixels
        return Still(time, self.start, end, time, pixels, self.small, self.begins_shot)


def pick_stills(film: Film, every: float = EVERY) -> Iterator[Still]:
    """Yield a still of each shot, and of each `every` seconds of a longer one, in order.

    A shot that does not move is one still, however long. All together they cover the film, but for
    what cannot be decoded.
    """
    pending: Still | None = None
    for still in _every_still(film, every):
        if pending is None:
            pending = still
        elif not still.begins_shot and np.abs(pending.small - still.small).mean() < _EQUAL:
            pending = replace(pending, end=still.end, last=still.last)
        else:
            yield pending
            pending = still
    if pending is not None:
        yield pending


def _every_still(film: Film, every: float) -> Iterator[Still]:
    part: _Part | None = None
    shown, last = 0.0, 0.0
    for frame, small, is_cut in _with_cuts(film):
        if part is None or is_cut or frame.time - part.start >= every - 1e-6:
            if part is not None:
                yield part.still(frame.time)
            part = _Part(frame, small, begins_shot=part is None or is_cut)
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
