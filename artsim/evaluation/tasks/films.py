"""The task ``films``: whether paintings are found in films that show them, and when.

Clips are made of the gallery's own pictures, in the ways of `artsim.evaluation.film_clips`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.film_names import clock
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import POINTS
from artsim.catalog.payload import AnyOf, Criteria, Payload, painting_point_id
from artsim.catalog.progress import Progress
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.film_baselines import (
    Baseline,
    HashBaseline,
    HistogramBaseline,
    OrbBaseline,
)
from artsim.evaluation.film_clips import (
    QUALITY,
    SECONDS,
    SIZE,
    WAYS,
    Shot,
    draw_frames,
    draw_shots,
    write_film,
)
from artsim.evaluation.originals import Originals, read_originals
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
from artsim.images.films import Film
from artsim.search.film_query import Eye, GalleryEye, Sighting, watch
from artsim.search.models import Models
from artsim.store.gallery import Gallery

DEFAULT_CLIPS: Final = 10
KNOWN: Final = 3
STRANGE: Final = 2
"""Paintings of a clip that are searched for, and those that are left out of the search."""

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

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        SearchChoices.__post_init__(self)
        self.check_least(clips=1)


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

    Raises
    ------
    EvaluationError
        If the gallery has too few paintings with pictures that can be read.
    ImageError
        If PyAV is not installed.
    EncoderMismatchError, WeightsError, StoreError
        If the gallery lacks an encoder, it cannot be loaded, or the database fails.
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
        if painting_id in taken:
            continue
        taken |= originals.same[painting_id]
        try:
            picture = load_picture(originals.payloads[painting_id], run.models).pixels
        except ImageError as error:
            skipped.append(str(error))
            continue
        yield painting_id, picture


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
        right: set[int] = set()
        for shot in clip.searched:
            same = originals.same[shot.picture_id]
            own = [
                (row, seen)
                for row, seen in enumerate(sightings)
                if seen.hit.painting_id in same and _overlap(seen, shot) > 0
            ]
            right |= {row for row, _ in own}
            self.found[clip.query_id(shot)] = float(bool(own))
            if own:
                best = max((seen for _, seen in own), key=lambda seen: _overlap(seen, shot))
                self.errors += [abs(best.start - shot.start), abs(best.end - shot.end)]
            else:
                self.missed.append((clip, shot))
        wrong = [seen for row, seen in enumerate(sightings) if row not in right]
        self.false.append(float(len(wrong)))
        self.wrong += [(clip, seen) for seen in wrong]


def _overlap(seen: Sighting, shot: Shot) -> float:
    return min(seen.end, shot.end) - max(seen.start, shot.start)


def _search(
    run: Run[FilmsOptions], originals: Originals, clips: Sequence[Clip]
) -> dict[str, Tally]:
    """Make the clips, one after the other, and search by each in every way."""
    strange = {
        name
        for clip in clips
        for shot in clip.shots
        if shot.picture_id not in clip.known
        for name in originals.same[shot.picture_id]
    }
    left_out = Criteria(must_not=(AnyOf("painting_id", tuple(sorted(strange))),))
    eyes: dict[str, Eye] = {}
    for one in run.single:
        for points in (False, True)[: 1 + (POINTS in run.collection.schema.vectors)]:
            name = f"{one.name} + points" if points else one.name
            criteria = run.criteria & left_out
            eyes[name] = GalleryEye(
                run.collection, one.encoders[0], run.models, criteria, with_points=points
            )
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
            try:
                pictures.append(load_picture(payload, run.models).pixels)
                works.append(Hit(painting_point_id(painting_id), 1.0, payload))
            except ImageError:
                pass
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
    mean = partial(_mean, seed=run.options.seed)
    rows, by_way, values = [], [], []
    ways = {clip.query_id(shot): shot.way for clip in clips for shot in clip.searched}
    for name, tally in tallies.items():
        row = {
            "recall": mean(list(tally.found.values())),
            "close": mean([float(error <= _CLOSE) for error in tally.errors]),
            "error": mean(tally.errors),
            "worst": max(tally.errors, default=None),
            "false": mean(tally.false),
        }
        rows.append(Row(name, row))
        shares = {
            way: mean([found for shot, found in tally.found.items() if ways[shot] == way])
            for way in WAYS
        }
        by_way.append(Row(name, shares))
        found = np.array(list(tally.found.values()))
        values.append(QueryValues("films", name, "recall", tuple(tally.found), found))
    ways_shown = tuple(Column(way, title) for way, title in WAYS.items())
    title, by = "Paintings found, by how the camera shows them", "searched by"
    tables = (
        Table("films", "Paintings found in films", by, _COLUMNS, tuple(rows)),
        Table("films_by_way", title, by, ways_shown, tuple(by_way)),
    )
    notes = _notes(run.options, len(clips), skipped)
    best = max(tallies, key=lambda name: sum(tallies[name].found.values()))
    return Parts(tables, tuple(values), (), (_failures(best, tallies[best], originals),), notes)


def _mean(values: Sequence[float], *, seed: int) -> Estimate | None:
    return estimate_mean(values, seed=seed) if values else None


def _notes(options: FilmsOptions, clips: int, skipped: Sequence[str]) -> tuple[str, ...]:
    return notes_of(
        "films",
        clips=clips,
        seed=options.seed,
        known=KNOWN,
        strange=STRANGE,
        least=f"{SECONDS[0]:g}",
        most=f"{SECONDS[1]:g}",
        width=SIZE[0],
        height=SIZE[1],
        quality=QUALITY,
        baselines=options.baselines,
        skipped=list(skipped),
    )


def _failures(name: str, tally: Tally, originals: Originals) -> PictureGroup:
    """Return the paintings that the best way of searching missed, and what it saw wrongly."""
    rows = []
    for clip, shot in tally.missed[:_SHOWN]:
        said = f"clip {clip.number}, {clock(shot.start)} to {clock(shot.end)}, {shot.way}"
        rows.append(PictureRow(_picture(originals.payloads[shot.picture_id], said), (), "missed"))
    for clip, seen in tally.wrong[:_SHOWN]:
        said = f"clip {clip.number}, {clock(seen.start)} to {clock(seen.end)}"
        rows.append(PictureRow(_picture(seen.hit.payload, said), (), "not shown then"))
    return PictureGroup(f"Missed and wrongly seen by {name}", tuple(rows))


def _picture(payload: Payload, said: str) -> Picture:
    return Picture(payload, (said,), right=False)
