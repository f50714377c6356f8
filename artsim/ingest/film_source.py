"""A film as a source: its stills, each a picture that knows where in the film it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from artsim.catalog.film_names import clock, frame_place
from artsim.errors import ImageError, SourceError
from artsim.images.films import Film, Still, frame_file, pick_stills
from artsim.images.memory import ImageLimits
from artsim.ingest.records import Problem, Source, SourceEntry, SourcePainting


class FilmSource(Source):
    """The stills of a film, in order: of each shot, and of every two seconds of a long one.

    Ids are the film's name with the frame's time, ``lecture-00h01m23.480``, and so the same every
    time. What is of one color is left out. A film that is damaged gives what can be read, and then
    the problem.
    """

    noun = "frame"

    def __init__(self, path: Path, limits: ImageLimits | None = None) -> None:
        try:
            self.film = Film.open(path, limits)
        except ImageError as exc:
            raise SourceError(str(exc), hint=exc.hint, path=path) from exc
        self.uri = path.absolute().as_uri()
        self._ends: list[float] = []

    def count(self) -> int | None:
        """Return the film's seconds."""
        return None if self.film.duration is None else max(1, round(self.film.duration))

    def steps(self, done: int) -> int:
        """Return the seconds of the film that so many entries come to."""
        return round(self._ends[done - 1]) if 0 < done <= len(self._ends) else 0

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the stills, decoding the film as they are asked for."""
        self._ends = []
        film = self.film
        try:
            for still in pick_stills(film):
                if not still.is_blank:
                    self._ends.append(still.end)
                    yield self._picture(still)
        except ImageError as exc:
            film.damage = str(exc).removeprefix(f"{film.path}: ")
        if film.damage:
            self._ends.append(film.duration or 0.0)
            reason = f"{film.path}: {film.damage}; what could be read is kept"
            yield Problem(str(film.path), reason, may_hide_any=True)

    def _picture(self, still: Still) -> SourcePainting:
        film, time = self.film, round(still.time, 3)
        minutes, seconds = divmod(time, 60)
        moment = f"{int(minutes) // 60:02}h{int(minutes) % 60:02}m{seconds:06.3f}"
        name = f"{film.path.stem}-{moment}"
        payload = {
            "painting_id": name,
            "title": f"{film.title}, {clock(time)}",
            "image_uri": frame_uri(film.path, time),
            "video_uri": self.uri,
            "time_start": round(still.start, 3),
            "time_end": round(still.end, 3),
        }
        return SourcePainting(name, partial(frame_file, still.pixels), payload)


def frame_uri(film: Path, time: float) -> str:
    """Return the address of a frame: the film's, with ``#t=`` and the time in seconds."""
    return f"{film.absolute().as_uri()}{frame_place(film, time).name.removeprefix(film.name)}"
