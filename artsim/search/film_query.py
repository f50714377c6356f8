"""A film as a query: what of a gallery is seen in it, and from when to when."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from artsim.catalog.arrays import RGBImage, Vector
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import PAINTINGS, POINTS, EncoderInfo
from artsim.catalog.payload import EVERYTHING, Criteria
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.scale import noted_scales
from artsim.errors import ImageError
from artsim.files import local_path
from artsim.images.films import Film, Frame, pick_stills
from artsim.images.load import ImageLimits
from artsim.images.local_points import (
    FOUND_INLIERS,
    QUERY_COUNT,
    Points,
    evidence_of,
    local_points,
    match_all,
)
from artsim.search.filters import Filters, build_criteria
from artsim.search.inspect import Source, source_of
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import Target, probe_pixels, stored_vectors
from artsim.search.question import SearchOptions, describe_criteria, output_form
from artsim.search.verdicts import judge
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, SearchRequest

EVERY: Final = 1.0
"""Seconds of a shot of which one frame is searched by."""

DEPTH: Final = 20
"""First hits of a frame whose points are compared with its."""

NEAR: Final = frozenset({"same picture", "very near", "near"})
"""Verdicts by which a painting may be in a film, where the gallery has no points."""

LEAST_LOOKS: Final = 2
"""Frames, one each `EVERY` seconds, that a painting has to be seen in."""

SURE_INLIERS: Final = 2 * FOUND_INLIERS
"""Points in common by which one frame is enough: a film has thousands of frames to be wrong in."""

_UNMEASURED: Final = 0.9
"""Cosine that counts as near in a gallery that is too small to say what is."""

_CLOSE: Final = 0.2
"""Seconds to which the ends of an interval are told."""

_STEP: Final = 1.5
"""Seconds by which two looks may be out of step in one part of a film."""

_ALIGNED: Final = (0.2, 0.5, 0.8)
"""Where in a part of a film frames are compared with those of the gallery's, which are within so
many seconds of where the looks say; as small as this."""

_WITHIN: Final = 3.0
_ALIGNED_SIZE: Final = (64, 36)
_AS_ALIKE: Final = 0.5
"""Mean difference in levels by which frames are as like each other: compression is."""

_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Sighting:
    """A painting, or a film of the gallery, that is seen in the query film.

    It is seen from `start` to `end`, in seconds of the query film, best at `time`, and in `looks`
    frames, of which there is one a second and at least one a shot. `hit` is what the best frame
    found: the painting, or the frame of the film, with the evidence of points; `film_start` and
    `film_end` are the same part in seconds of the gallery's film, where it is one.
    """

    start: float
    end: float
    time: float
    looks: int
    hit: Hit
    film_start: float | None = None
    film_end: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the sighting as an object of docs/output.md; what is unknown is absent."""
        own = {"start": round(self.start, 2), "end": round(self.end, 2)}
        own |= {"time": round(self.time, 3), "looks": self.looks}
        if self.film_start is not None and self.film_end is not None:
            own |= {"film_start": round(self.film_start, 2), "film_end": round(self.film_end, 2)}
        return own | self.hit.to_dict()


@dataclass(frozen=True, slots=True)
class FilmAnswer:
    """What is seen in a film, in order of time; `looks` is how many frames were searched by."""

    film: Path
    duration: float
    sightings: tuple[Sighting, ...]
    looks: int
    source: Source = field(default_factory=Source)
    criteria: Criteria = EVERYTHING
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``artsim query FILM --format json`` writes it: see docs/output.md."""
        settings = {
            "gallery": self.source.gallery,
            "location": self.source.location,
            "encoders": list(self.source.encoders),
            "criteria": describe_criteria(self.criteria),
        }
        return output_form(
            query={"film": str(self.film), "duration": round(self.duration, 3)},
            settings=settings,
            looks=self.looks,
            notes=self.notes,
            sightings=[sighting.to_dict() for sighting in self.sightings],
        )


def find_in_film(
    gallery: Gallery,
    film: Path,
    filters: Filters | None = None,
    *,
    criteria: Criteria = EVERYTHING,
    encoder: str | None = None,
    models: Models | None = None,
    limits: ImageLimits | None = None,
    progress: Progress | None = None,
) -> FilmAnswer:
    """Say which paintings of a gallery are seen in a film, and from when to when.

    One frame of each shot, and of each second of a long one, is searched by. Where the gallery has
    points, a painting is seen in a frame that shares points with it, elsewhere in one that it is
    nearest and near to; of such frames there have to be two, or one that shares many points.
    Between frames the ends are looked for to a fifth of a second. Works meet both `filters` and
    `criteria`; with filters for films, or in a gallery that has nothing else, it is the film's
    frames that are found, and told by the film. ImageError if the film cannot be read at all; else
    what is raised is as of a search by a picture.
    """
    opened, models = Film.open(film, limits), models or Models()
    collection = gallery[PAINTINGS]
    meets, notes = build_criteria(filters or Filters(), collection, gallery)
    meets &= criteria
    known = gallery.encoders(PAINTINGS)
    (info,) = choose_encoders(known, encoder and [encoder], models)
    eye = GalleryEye(collection, info, models, meets)
    sightings, looks = watch(opened, eye, progress)
    if opened.damage:
        notes.append(f"{opened.path}: {opened.damage}; what could be read was searched by")
    return FilmAnswer(
        opened.path,
        looks[-1].end if looks else 0.0,
        tuple(sightings),
        len(looks),
        source_of(gallery, collection, (info.vector_name,)),
        meets,
        tuple(notes),
    )


class Eye(Protocol):
    """Sees which works are in a picture."""

    def see(self, pictures: Sequence[RGBImage]) -> list[list[Hit]]:
        """Return for each picture the works that are seen in it, with evidence if there is any."""
        ...

    def likeness(self, picture: RGBImage, hit: Hit) -> float:
        """Return how much of a work is in a picture."""
        ...

    def least(self, inside: float, outside: float) -> float:
        """Return from which likeness on a work is seen, of that in a frame and beside it."""
        ...

    def believes(self, looks: int, best: Hit) -> bool:
        """Return whether a work is there that so many looks saw, at best so."""
        ...


def watch(
    film: Film, eye: Eye, progress: Progress | None = None
) -> tuple[list[Sighting], list[Look]]:
    """Return what an eye sees in a film, in order of time, and by which looks at it."""
    progress = progress or SilentProgress()
    progress.start(round(film.duration or 0) or None, f"Looking at {film.path.name}")
    try:
        looks, seen = _look_through(film, eye, progress)
    finally:
        progress.finish()
    runs = [run for of_one in seen.values() for run in _runs(of_one, looks)]
    found = [
        _sighting(run, looks, film, eye)
        for run in runs
        if eye.believes(sum(one.look.count for one in run), max(run, key=_order).hit)
    ]
    return sorted(found, key=lambda s: (s.start, s.end, s.hit.painting_id)), looks


@dataclass(frozen=True, slots=True)
class Look:
    """A still that was searched by, without its pixels."""

    start: float
    end: float
    time: float
    last: float
    begins_shot: bool

    @property
    def count(self) -> int:
        """How many frames it stands for, one each `EVERY` seconds."""
        return max(1, round((self.end - self.start) / EVERY))


@dataclass(frozen=True, slots=True)
class _Seen:
    """That a look, the one at that place, saw a painting."""

    place: int
    look: Look
    hit: Hit

    @property
    def key(self) -> str:
        """What is seen: the painting, or the film of a frame."""
        return str(self.hit.payload.get("video_uri", self.hit.point_id))

    @property
    def film_ends(self) -> tuple[float, float] | None:
        """By how many seconds a film of the gallery is ahead, at least and at most.

        What does not move has the same time in both films; of the rest one is within the other.
        """
        start, end = (self.hit.payload.get(name) for name in ("time_start", "time_end"))
        if "video_uri" not in self.hit.payload or start is None or end is None:
            return None
        low, high = sorted((float(start) - self.look.start, float(end) - self.look.end))
        return low, high


def _order(seen: _Seen) -> tuple[int, float]:
    """Return how well something is seen."""
    return seen.hit.evidence.inliers if seen.hit.evidence else 0, seen.hit.score


@dataclass(slots=True)
class GalleryEye:
    """Sees what of a gallery is in a picture, by vectors, and by points where there are any."""

    collection: Collection
    encoder: EncoderInfo
    models: Models
    criteria: Criteria
    with_points: bool = True
    _seen: dict[str, Vector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compare points only where the gallery has them."""
        self.with_points &= POINTS in self.collection.schema.vectors

    @property
    def _compared(self) -> str:
        """The vectors that pictures are compared by."""
        return POINTS if self.with_points else self.encoder.vector_name

    def see(self, pictures: Sequence[RGBImage]) -> list[list[Hit]]:
        """Return for each picture the works that are seen in it, with evidence if there is any."""
        targets = probe_pixels(pictures, [self.encoder], self.models)
        name = self.encoder.vector_name
        depth = DEPTH if self.with_points else 1
        answers = self.collection.search(
            [
                SearchRequest(target.probes[0].vectors[name], name, self.criteria, depth)
                for target in targets
            ]
        )
        if self.with_points:
            # Large, so that each work is read once, however many of these frames it is near to.
            ids = dict.fromkeys(hit.point_id for hits in answers for hit in hits)
            points = stored_vectors(self.collection, POINTS, ids)
            both = zip(pictures, answers, strict=True)
            return [self._matching(picture, hits, points) for picture, hits in both]
        return [self._near(*found) for found in zip(targets, answers, strict=True)]

    def _matching(
        self, picture: RGBImage, hits: Sequence[Hit], points: Mapping[str, Points]
    ) -> list[Hit]:
        known = [hit for hit in hits if hit.point_id in points]
        own = local_points(picture, count=QUERY_COUNT)
        matches = match_all(own, [points[hit.point_id] for hit in known])
        seen = [
            replace(hit, evidence=evidence_of(match))
            for hit, match in zip(known, matches, strict=True)
        ]
        found = [hit for hit in seen if hit.evidence and hit.evidence.is_found]
        self._seen |= {hit.point_id: points[hit.point_id] for hit in found}
        return found

    def _near(self, target: Target, hits: Sequence[Hit]) -> list[Hit]:
        scale = noted_scales(self.collection.schema.notes).get(self.encoder.vector_name)
        options = SearchOptions(limit=1)
        judged = judge(hits, target.probes, self.collection, scale, options)[0]
        if scale is None:
            return [hit for hit in judged if hit.score >= _UNMEASURED]
        return [hit for hit in judged if hit.verdict and hit.verdict.word in NEAR]

    def believes(self, looks: int, best: Hit) -> bool:
        """Return whether a painting is there that so many looks saw, at best so."""
        inliers = best.evidence.inliers if best.evidence else 0
        return looks >= LEAST_LOOKS or inliers >= SURE_INLIERS

    def likeness(self, picture: RGBImage, hit: Hit) -> float:
        """Return how much of a painting is in a picture: points in common, else the cosine."""
        if hit.point_id not in self._seen:
            self._seen |= stored_vectors(self.collection, self._compared, [hit.point_id])
        there = self._seen[hit.point_id]
        if self.with_points:
            own = local_points(picture, count=QUERY_COUNT)
            return float(match_all(own, [there])[0].inliers)
        (target,) = probe_pixels([picture], [self.encoder], self.models)
        return float(np.dot(target.probes[0].vectors[self._compared], there))

    def least(self, inside: float, outside: float) -> float:
        """Return from which likeness on a painting is seen, of that in a frame and beside it."""
        return float(FOUND_INLIERS) if self.with_points else (inside + outside) / 2


def _look_through(
    film: Film, eye: Eye, progress: Progress
) -> tuple[list[Look], dict[str, list[_Seen]]]:
    """Search by the stills of a film, and return them, and by painting what saw it."""
    looks: list[Look] = []
    seen: dict[str, list[_Seen]] = {}
    waiting: list[tuple[int, RGBImage]] = []

    def search() -> None:
        answers = eye.see([pixels for _, pixels in waiting])
        for (place, _), found in zip(waiting, answers, strict=True):
            for hit in found:
                one = _Seen(place, looks[place], hit)
                of_one = seen.setdefault(one.key, [])
                if of_one and of_one[-1].place == place:  # another frame of the same film
                    of_one[-1] = max(of_one[-1], one, key=_order)
                else:
                    of_one.append(one)
        waiting.clear()

    for still in pick_stills(film, EVERY):
        if not still.is_blank:
            waiting.append((len(looks), still.pixels))
        looks.append(Look(still.start, still.end, still.time, still.last, still.begins_shot))
        if len(waiting) == _BATCH:
            search()
            progress.update(round(still.end))
    if waiting:
        search()
    return looks, seen


def _runs(seen: Sequence[_Seen], looks: Sequence[Look]) -> Iterator[list[_Seen]]:
    """Yield what saw one painting, or one part of a film, without interruption.

    A single look within a shot that missed it is none.
    """
    run: list[_Seen] = []
    for one in seen:
        if run and not (_goes_on(run[-1].place, one.place, looks) and _is_in_step(run[-1], one)):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _goes_on(before: int, now: int, looks: Sequence[Look]) -> bool:
    within = (looks[place].begins_shot for place in range(before + 1, now + 1))
    return now == before + 1 or (now == before + 2 and not any(within))


def _is_in_step(one: _Seen, other: _Seen) -> bool:
    """Return whether two looks are as far apart as what they saw of a film; yes of a painting."""
    if one.film_ends is None or other.film_ends is None:
        return True
    ends = (one.film_ends, other.film_ends)
    return max(low for low, _ in ends) - min(high for _, high in ends) <= _STEP


def _sighting(run: Sequence[_Seen], looks: Sequence[Look], film: Film, eye: Eye) -> Sighting:
    first, last, best = run[0], run[-1], max(run, key=_order)
    start, end = first.look.start, last.look.end
    if first.place > 0 and not first.look.begins_shot:
        before = looks[first.place - 1]
        start = _edge(film, eye, first.hit, first.look.time, before.last)
    if last.place + 1 < len(looks) and not looks[last.place + 1].begins_shot:
        end = _edge(film, eye, last.hit, last.look.last, looks[last.place + 1].time)
    count = sum(seen.look.count for seen in run)
    found = Sighting(start, end, best.look.time, count, best.hit)
    ends = [end for seen in run for end in seen.film_ends or ()]
    if not ends:
        return found
    # The median of what each look says is the least off from all of them.
    shift = _aligned(film, found, statistics.median(ends))
    return replace(found, film_start=max(0.0, start + shift), film_end=end + shift)


def _aligned(film: Film, found: Sighting, shift: float) -> float:
    """Return the shift at which frames are most alike, where the gallery's film is a file here."""
    place = local_path(str(found.hit.payload["video_uri"]))
    if place is None or not place.is_file():
        return shift
    shifts = []
    try:
        other = Film.open(place, film.limits)
        for share in _ALIGNED:
            own = film.frame_at(found.start + share * (found.end - found.start))
            time = _most_alike(other, own, own.time + shift)
            shifts += [] if time is None else [time - own.time]
    except ImageError:
        return shift
    return statistics.median(shifts) if shifts else shift


def _most_alike(film: Film, frame: Frame, expected: float) -> float | None:
    """Return the time of the frame most like another film's, near where it is expected.

    Of a picture that does not move that is where it is expected. None if no frame can be read.
    """
    small = frame.small(*_ALIGNED_SIZE).astype(np.float32)
    apart: dict[float, float] = {}
    with closing(film.frames(max(0.0, expected - _WITHIN))) as frames:
        for other in frames:
            if other.time > expected + _WITHIN:
                break
            apart[other.time] = float(np.abs(other.small(*_ALIGNED_SIZE) - small).mean())
    if not apart:
        return None
    there = min(apart, key=lambda time: abs(time - expected))
    best = min(apart, key=apart.__getitem__)
    return expected if apart[there] - apart[best] < _AS_ALIKE else best


def _edge(film: Film, eye: Eye, hit: Hit, inside: float, outside: float) -> float:
    """Return when a painting begins or ends to be seen, between two times of a film."""
    near, far = (eye.likeness(film.frame_at(time).pixels, hit) for time in (inside, outside))
    least = eye.least(near, far)
    if far >= least:
        return outside
    while abs(outside - inside) > _CLOSE:
        middle = (inside + outside) / 2
        if eye.likeness(film.frame_at(middle).pixels, hit) >= least:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2
