"""Films: their frames in order, and one frame by its time."""

from __future__ import annotations

import io
import math
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

_TOLERANCE: Final = 0.0006
"""Seconds by which a time in milliseconds may be beside the frame's own."""

_QUALITY: Final = 95
_DARK: Final = 40
"""Level that no pixel of a bar is above; black is 16 and more in films, and compressed."""

_LEAST_SIDE: Final = 16
_SHORT: Final = 2.0
"""Seconds that may lack at the end of a film that is whole: its length is that of the sound too."""


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
    """A file of a film, whose frames are read as they are asked for.

    Attributes
    ----------
    duration : float or None
        Seconds that it says it has.
    title : str
        As the file itself says it, else its name.
    damage : str
        What could not be read, once the frames are read through; "" where nothing is wrong.
    """

    path: Path
    limits: ImageLimits = field(default_factory=ImageLimits)
    duration: float | None = None
    title: str = ""
    damage: str = ""

    @classmethod
    def open(cls, path: Path, limits: ImageLimits | None = None) -> Film:
        """Return the film, of whose frames none is decoded yet.

        Raises
        ------
        ImageError
            If there is no such file, it is no film, has no pictures, its frames are over the limit
            on pixels, it is longer than the limit, or PyAV is not installed.
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

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except FFmpegError:
            yield None
            return
        try:
            yield from packet.decode()
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
