"""The task ``films``: whether paintings are found in films that show them, and when.

Clips are made of the gallery's own pictures: held, panned over, zoomed into, cut and compressed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.film_names import clock
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import POINTS
from artsim.catalog.payload import AnyOf, Criteria, painting_point_id
from artsim.catalog.progress import Progress
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.film_baselines import (
    Baseline,
    HashBaseline,
    HistogramBaseline,
    OrbBaseline,
)
from artsim.evaluation.metrics import Floats
from artsim.evaluation.report import (
    Column,
    Parts,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Report,
    Row,
    Table,
    notes_of,
)
from artsim.evaluation.runner import Run, SearchChoices, load_picture
from artsim.evaluation.statistics import Estimate, estimate_mean
from artsim.evaluation.tasks.copies import Originals, read_originals
from artsim.images.films import Film
from artsim.search.film_query import Eye, GalleryEye, Sighting, watch
from artsim.search.models import Models
from artsim.store.gallery import Gallery

DEFAULT_CLIPS: Final = 10
KNOWN: Final = 3
STRANGE: Final = 2
"""Paintings of a clip that are searched for, and those that are left out of the search."""

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

_CLOSE: Final = 1.0
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmsOptions(SearchChoices):
    """How many clips are made, and what they are searched by; see also `SearchChoices`.

    Pictures that share the field `twins` show one painting. With `baselines` clips are also
    searched by as was usual before: by a perceptual hash, a histogram of colors, and ORB where
    OpenCV is there.
    """

    clips: int = DEFAULT_CLIPS
    twins: str | None = "extra.near_dup_group"
    baselines: bool = True

    least: ClassVar = {"clips": 1}


def evaluate_films(
    gallery: Gallery,
    options: FilmsOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Say which of the paintings that clips show are found in them, and how well their times are.

    The tables are ``films``, with the share of shots whose painting is found, how far off its times
    are, and false intervals, and ``films_by_way``, with the share that is found of each way of
    showing one.

    EvaluationError if the gallery has too few paintings with pictures that can be read; ImageError
    if PyAV is not installed; EncoderMismatchError, WeightsError or StoreError if the gallery lacks
    an encoder, it cannot be loaded, or the database fails.
    """
    options = options or FilmsOptions()
    run: Run[FilmsOptions] = Run("films", gallery, options, models, progress, versions=("av",))
    run.settings["device"] = run.models.device
    with run.progressing("Reading paintings"):
        originals = read_originals(run)
        clips, skipped = _draw_clips(run, originals)
        tallies = _search(run, originals, clips)
    title = f"How {run.gallery_name} finds paintings in {len(clips)} clips of {KNOWN} each"
    return run.report(title, _parts(run, tallies, clips, originals, skipped))


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
    views = [_view(picture, shot, random) for picture, shot in zip(pictures, shots, strict=True)]
    for index in range(round(shots[-1].end * RATE)):
        time, row = index / RATE, 0
        while time >= shots[row].end - 1e-9:
            row += 1
        frame = views[row](time)
        for other, edge in ((row - 1, shots[row].start), (row + 1, shots[row].end)):
            fades = 0 <= other < len(shots) and shots[min(row, other)].dissolves
            if fades and abs(time - edge) < _DISSOLVE / 2:
                share = 0.5 - abs(time - edge) / _DISSOLVE
                mixed = (1 - share) * frame + share * views[other](time).astype(np.float32)
                frame = np.rint(mixed).astype(np.uint8)
        yield frame


def _view(
    picture: RGBImage, shot: Shot, random: np.random.Generator
) -> Callable[[float], RGBImage]:
    """Return what a camera before a picture sees of it at each moment of the clip."""
    image = Image.fromarray(picture)
    width, height = image.size
    across = min(width, height * SIZE[0] / SIZE[1])  # the largest part of the frame's shape
    largest = np.array([across, across * SIZE[1] / SIZE[0]])
    least = float(random.uniform(_NEAREST, 0.8))
    sizes = (least * largest if shot.way == "pan" else largest, least * largest)
    room = [np.array([width, height]) - size for size in sizes]
    first, last = (random.uniform(0, 1, 2) * each for each in room)
    if shot.way == "pan":  # from one side to the other
        first, last = room[0] * (0.0, random.uniform()), room[1] * (1.0, random.uniform())
    begin, end = np.append(first, sizes[0]), np.append(last, sizes[1])
    if random.random() < 0.5:
        begin, end = end, begin
    if shot.way == "hold":
        whole = _between_bars(image)
        return lambda time: whole

    def at(time: float) -> RGBImage:
        share = min(1.0, max(0.0, (time - shot.start) / (shot.end - shot.start)))
        x, y, wide, high = ((1 - share) * begin + share * end).tolist()
        box = (x, y, min(x + wide, width), min(y + high, height))
        return np.asarray(image.resize(SIZE, Image.Resampling.BICUBIC, box=box))

    return at


def _between_bars(image: Image.Image) -> RGBImage:
    scale = min(SIZE[0] / image.width, SIZE[1] / image.height)
    size = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    frame = Image.new("RGB", SIZE, (8, 8, 8))
    whole = image.resize(size, Image.Resampling.BICUBIC)
    frame.paste(whole, ((SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2))
    return np.asarray(frame)


def write_film(path: Path, frames: Iterable[RGBImage]) -> None:
    """Write frames, `RATE` a second, as an MP4 of H.264; the same frames make the same film."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(QUALITY), "preset": "veryfast"}
        stream.codec_context.thread_count = 1
        stream.time_base = Fraction(1, RATE)
        for index, pixels in enumerate(frames):
            if index == 0:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@dataclass(frozen=True, slots=True)
class Clip:
    """What a clip shows: its shots with their pictures, and which of them are searched for."""

    number: int
    shots: tuple[Shot, ...]
    pictures: tuple[RGBImage, ...]
    known: frozenset[str]

    @property
    def searched(self) -> tuple[Shot, ...]:
        """The shots of the paintings that are searched for."""
        return tuple(shot for shot in self.shots if shot.picture_id in self.known)

    def query_id(self, shot: Shot) -> str:
        """Return what a shot is called in values per query."""
        return f"{self.number} {shot.picture_id}"


def _draw_clips(run: Run[FilmsOptions], originals: Originals) -> tuple[list[Clip], list[str]]:
    """Return clips of paintings that no other clip shows, and why others could not be shown."""
    random = np.random.default_rng(run.options.seed)
    skipped: list[str] = []
    pictures = _pictures(run, originals, random, skipped)
    clips: list[Clip] = []
    for number in range(1, run.options.clips + 1):
        drawn = dict(islice(pictures, KNOWN + STRANGE))
        if len(drawn) < KNOWN + STRANGE:
            raise EvaluationError(
                f"{run.options.clips} clips show {KNOWN + STRANGE} paintings each, and the gallery "
                "has too few whose pictures can be read; make fewer",
                hint="--clips",
            )
        ids = list(drawn)
        order = [ids[int(row)] for row in random.permutation(len(ids))]
        shots = tuple(draw_shots(order, random))
        shown = tuple(drawn[shot.picture_id] for shot in shots)
        clips.append(Clip(number, shots, shown, frozenset(ids[:KNOWN])))
    return clips, skipped


def _pictures(
    run: Run[FilmsOptions],
    originals: Originals,
    random: np.random.Generator,
    skipped: list[str],
) -> Iterator[tuple[str, RGBImage]]:
    """Yield paintings in a drawn order, with their pictures, one of those that show the same."""
    ids, taken = list(originals.payloads), set[str]()
    for row in random.permutation(len(ids)):
        painting_id = ids[int(row)]
        if painting_id not in taken:
            taken |= originals.same[painting_id]
            try:
                yield painting_id, load_picture(originals.payloads[painting_id], run.models).pixels
            except ImageError as error:
                skipped.append(str(error))


@dataclass(slots=True)
class Tally:
    """What one way of searching found of shots, by query id, and of clips."""

    found: dict[str, float] = field(default_factory=dict)
    errors: list[float] = field(default_factory=list)
    false: list[float] = field(default_factory=list)
    missed: list[tuple[Clip, Shot]] = field(default_factory=list)
    wrong: list[tuple[Clip, Sighting]] = field(default_factory=list)

    def add(self, clip: Clip, sightings: Sequence[Sighting], originals: Originals) -> None:
        """Add what was seen in a clip."""

        def is_right(seen: Sighting, shot: Shot) -> bool:
            same = originals.same[shot.picture_id]
            return seen.hit.painting_id in same and _overlap(seen, shot) > 0

        for shot in clip.searched:
            own = [seen for seen in sightings if is_right(seen, shot)]
            self.found[clip.query_id(shot)] = float(bool(own))
            if own:
                best = max(own, key=partial(_overlap, shot=shot))
                self.errors += [abs(best.start - shot.start), abs(best.end - shot.end)]
            else:
                self.missed.append((clip, shot))
        wrong = [s for s in sightings if not any(is_right(s, shot) for shot in clip.searched)]
        self.false.append(float(len(wrong)))
        self.wrong += [(clip, seen) for seen in wrong]


def _overlap(seen: Sighting, shot: Shot) -> float:
    return min(seen.end, shot.end) - max(seen.start, shot.start)


def _search(
    run: Run[FilmsOptions], originals: Originals, clips: Sequence[Clip]
) -> dict[str, Tally]:
    """Make the clips, one after the other, and search by each in every way."""
    shown = ((shot, clip) for clip in clips for shot in clip.shots)
    left = (shot.picture_id for shot, clip in shown if shot.picture_id not in clip.known)
    strange = set[str]().union(*(originals.same[picture_id] for picture_id in left))
    left_out = Criteria(must_not=(AnyOf("painting_id", tuple(sorted(strange))),))
    criteria, ways = run.criteria & left_out, {"": False}
    if POINTS in run.collection.schema.vectors:
        ways[" + points"] = True
    eyes: dict[str, Eye] = {
        one.name + way: GalleryEye(run.collection, one.encoders[0], run.models, criteria, points)
        for one in run.single
        for way, points in ways.items()
    }
    if run.options.baselines:
        eyes |= {eye.name: eye for eye in _baselines(run, originals, strange)}
    tallies = {name: Tally() for name in eyes}
    run.progress.start(len(clips), "Searching by clips")
    with tempfile.TemporaryDirectory(prefix="artsim-") as folder:
        path = Path(folder) / "clip.mp4"
        for done, clip in enumerate(clips, 1):
            random = np.random.default_rng((run.options.seed, clip.number))
            write_film(path, draw_frames(clip.shots, clip.pictures, random))
            film = Film.open(path)
            for name, eye in eyes.items():
                tallies[name].add(clip, watch(film, eye)[0], originals)
            run.progress.update(done)
    return tallies


def _baselines(
    run: Run[FilmsOptions], originals: Originals, strange: set[str]
) -> Iterator[Baseline]:
    """Yield the eyes of before, which have looked at the pictures of all that is searched."""
    works: list[Hit] = []
    pictures: list[RGBImage] = []
    run.progress.start(len(originals.payloads), "Reading pictures for the baselines")
    for done, (painting_id, payload) in enumerate(originals.payloads.items(), 1):
        if painting_id not in strange:
            with suppress(ImageError):
                pictures.append(load_picture(payload, run.models).pixels)
                works.append(Hit(painting_point_id(painting_id), 1.0, payload))
        run.progress.update(done)
    yield HashBaseline(works, pictures)
    yield HistogramBaseline(works, pictures)
    try:
        yield OrbBaseline(works, pictures)
    except ImportError:
        run.notes.append("ORB is left out without OpenCV (pip install 'artsim[details]')")


_COLUMNS: Final = (
    Column("recall", "paintings found"),
    Column("close", f"times within {_CLOSE:g} s"),
    Column("error", "error of a time", "seconds", "lower"),
    Column("worst", "worst", "seconds", "lower"),
    Column("false", "false intervals a clip", "score", "lower"),
)


def _parts(
    run: Run[FilmsOptions],
    tallies: Mapping[str, Tally],
    clips: Sequence[Clip],
    originals: Originals,
    skipped: Sequence[str],
) -> Parts:
    def mean(values: Sequence[float] | Floats) -> Estimate | None:
        return estimate_mean(values, seed=run.options.seed) if len(values) else None

    rows, by_way, values = [], [], []
    ways = {clip.query_id(shot): shot.way for clip in clips for shot in clip.searched}
    for name, tally in tallies.items():
        found = np.array([*tally.found.values()])
        row = {
            "recall": mean(found),
            "close": mean([error <= _CLOSE for error in tally.errors]),
            "error": mean(tally.errors),
            "worst": max(tally.errors, default=None),
            "false": mean(tally.false),
        }
        rows.append(Row(name, row))
        shown = np.array([ways[shot] for shot in tally.found])
        by_way.append(Row(name, {way: mean(found[shown == way]) for way in WAYS}))
        values.append(QueryValues("films", name, "recall", tuple(tally.found), found))
    ways_shown = tuple(Column(way, title) for way, title in WAYS.items())
    title, by = "Paintings found, by how the camera shows them", "searched by"
    tables = (
        Table("films", "Paintings found in films", by, _COLUMNS, tuple(rows)),
        Table("films_by_way", title, by, ways_shown, tuple(by_way)),
    )
    shown_by = {"known": KNOWN, "strange": STRANGE, "size": SIZE, "quality": QUALITY}
    notes = notes_of(
        "films", clips=len(clips), options=run.options, seconds=SECONDS, skipped=skipped, **shown_by
    )
    best = max(tallies, key=lambda name: sum(tallies[name].found.values()))
    return Parts(tables, tuple(values), (), (_failures(best, tallies[best], originals),), notes)


def _failures(name: str, tally: Tally, originals: Originals) -> PictureGroup:
    """Return the paintings that the best way of searching missed, and what it saw wrongly."""
    rows = []
    for clip, shot in tally.missed[:_SHOWN]:
        said = f"clip {clip.number}, {clock(shot.start)} to {clock(shot.end)}, {shot.way}"
        picture = Picture(originals.payloads[shot.picture_id], (said,), right=False)
        rows.append(PictureRow(picture, (), "missed"))
    for clip, seen in tally.wrong[:_SHOWN]:
        said = f"clip {clip.number}, {clock(seen.start)} to {clock(seen.end)}"
        picture = Picture(seen.hit.payload, (said,), right=False)
        rows.append(PictureRow(picture, (), "not shown then"))
    return PictureGroup(f"Missed and wrongly seen by {name}", tuple(rows))
