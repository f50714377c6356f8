"""How alike hits and queries are pixel by pixel: SSIM, RMSE and LPIPS of the first K.

This is how two programs that find similar paintings of the National Gallery of Art report
themselves: PSY222/Painting_similarity_AI (``readme.md``, ``utils/evaluation.py`` and
``utils/retrieve.py``) and Atharva-Malode/HumanAI (``task2/README.md``, ``task2/eval.py`` and
``task2/utils/image_retrival.py``). It says how alike pictures look to a ruler, not to people: a
mirrored copy scores like any other picture.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import PAINTINGS, EncoderInfo, Kind
from artsim.catalog.payload import Criteria, HasVector, Known
from artsim.catalog.progress import Progress
from artsim.errors import EncoderError, ImageError, QueryError
from artsim.evaluation.pixel_scores import BEST, COLUMNS, Load, Pair, Pictures, Subject, Tally
from artsim.evaluation.report import BarPlot, Line, LinePlot, Parts, Report, Row, Table
from artsim.evaluation.runner import Contender, Run, SearchChoices, draw, list_contenders
from artsim.evaluation.statistics import Estimate
from artsim.search.models import Models
from artsim.search.rerank import PIXELS, rerankers_of
from artsim.store.gallery import Gallery, without_frames

if TYPE_CHECKING:
    from artsim.encoders.lpips import Backbone, LpipsDistance

RANDOM: Final = "random"
"""Name of the row whose hits are drawn by lot."""

_FIELDS: Final = (
    *("painting_id", "title", "artist", "artist_key", "date_text"),
    *("image_uri", "image_sha256", "image_width", "image_height"),
)
_WORDS: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("pixels.toml").read_text(encoding="utf-8")
)

PUBLISHED: Final = tuple(
    Row(name, values, of["from"], measured=False)
    for of in _WORDS["published"]
    for name, values in of["rows"].items()
)
"""As printed in their readmes."""

_COMPARED: Final = ("resnet50", "vgg16", "convnext", "dino")
"""Short names of the encoders whose kinds were published."""


@dataclass(frozen=True, slots=True)
class PixelsOptions(SearchChoices):
    """What is compared, and how it is searched for; see also `SearchChoices`.

    A `fraction` of the paintings, or so many `queries`, are compared with their first `k` hits, as
    squares of `size` pixels; with `not_same_artist` those of known artists, with hits by others.
    Parts of `kinds` (None: whatever the gallery has) are compared too, found by their
    `face_encoders`. The best possible hits are looked for among at most `best_limit` paintings or
    parts. `published` puts the figures of others beside; `lpips` is its backbone, or None.
    """

    fraction: float = 0.2
    queries: int | None = None
    k: int = 5
    size: int = 200
    face_encoders: Sequence[str] = ()
    rerank: tuple[str, ...] = field(default_factory=lambda: rerankers_of(PIXELS))
    kinds: tuple[Kind, ...] | None = None
    not_same_artist: bool = False
    best_limit: int = 500
    published: bool = True
    lpips: Backbone | None = "alex"

    least: ClassVar = {"k": 1, "size": 7, "best_limit": 0, "queries": 1}
    shares: ClassVar = ("fraction",)


def evaluate_pixels(
    gallery: Gallery,
    options: PixelsOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare sampled paintings with their first K hits, pixel by pixel.

    Every encoder of the gallery searches, without and with re-ranking, through the
    functions that answer queries; hits drawn by lot and the best there are in the gallery
    stand beside them. Files are opened for the comparison alone; one that is missing or
    damaged is left out and counted. No encoder is loaded, and LPIPS where its weights are.
    The tables are ``pictures`` and, with faces, ``face_pictures`` (whole pictures found by
    faces) and ``faces``.

    ImageError if no query's picture can be read, QueryError if fewer than two paintings have the
    vectors, EncoderMismatchError or StoreError if the gallery lacks an encoder or the database
    fails.
    """
    options = options or PixelsOptions()
    run = Run("pixels", gallery, options, models, progress, versions=("lpips", "torchvision"))
    work = _Work(run)
    with run.progressing("Reading paintings"):
        parts, queries = work.compare_pictures()
        kinds = options.kinds
        for kind in [k for k in gallery.kinds if not k.is_whole] if kinds is None else kinds:
            try:
                parts += work.compare_parts(kind)
            except QueryError as error:
                if kinds is not None:
                    raise
                run.notes.append(f"{kind.name.capitalize()} were not compared: {error}.")
    lpips = None if work.perceptual is None else work.perceptual.identity
    used = [info.vector_name for info in work.part_encoders]
    run.settings |= {"face_encoders": used, "lpips": lpips}
    run.notes[:0] = (note.format(size=options.size, k=options.k) for note in _WORDS["definitions"])
    if problems := work.pictures.problems:
        run.notes.append(
            f"{len(problems)} pictures could not be read and were left out, {work.skipped} of them "
            f"queries; the first: {next(iter(problems.values()))}"
        )
    run.notes += _WORDS["notes"] if options.published else ()
    title = (
        f"How alike {queries} paintings of {run.gallery_name} and their first {options.k} hits are"
    )
    return run.report(title, parts)


@dataclass(frozen=True)
class Subjects:
    """The paintings of a gallery, or parts of them, that can be queries and hits.

    `by_painting` has a painting's one picture, or its parts, in order of painting id.
    """

    by_painting: Mapping[str, Sequence[Subject]]
    not_same_artist: bool = False

    @cached_property
    def flat(self) -> list[Subject]:
        """All subjects, in the order of `by_painting`."""
        return [subject for of_one in self.by_painting.values() for subject in of_one]

    def all_pairs(self, query: str, most: int) -> list[Pair]:
        """Return every pair with a subject of `query`; none of more than `most` subjects."""
        if len(self.flat) > most:
            return []
        others = [other for other in self.flat if self._may_be_hit(query, other)]
        return [(own, other) for own in self.by_painting[query] for other in others]

    def random_pairs(self, query: str, k: int, rng: np.random.Generator) -> list[Pair]:
        """Return K hits drawn by lot, each with a subject of `query` drawn by lot."""
        drawn = (self.flat[int(i)] for i in rng.permutation(len(self.flat)))
        hits = list(islice((one for one in drawn if self._may_be_hit(query, one)), k))
        own = self.by_painting[query]
        return [(own[int(rng.integers(len(own)))], hit) for hit in hits]

    def _may_be_hit(self, query: str, other: Subject) -> bool:
        if other.painting_id == query:
            return False
        key = self.by_painting[query][0].payload.get("artist_key")
        return not (self.not_same_artist and other.payload.get("artist_key") == key)


class _Work:
    """What the tables share: pictures, LPIPS, the paintings and how they are drawn."""

    def __init__(self, run: Run[PixelsOptions]) -> None:
        self.run, self.options = run, run.options
        self.perceptual = self._load_lpips()
        self.pictures = Pictures(self.options.size, run.models)
        self.part_encoders: list[EncoderInfo] = []
        self.streams, self.skipped = 0, 0

    def compare_pictures(self) -> tuple[Parts, int]:
        """Search by whole pictures, and compare whole pictures; also return how many."""
        subjects, load, lots = self._paintings, self.pictures.whole, self._random()
        tally = Tally(self.options.k, load, self.perceptual)
        for query in self._readable(subjects, list(subjects.by_painting), "pictures", load):
            every = subjects.all_pairs(query, self.options.best_limit)
            tally.add(query, self._by_picture(query, lots), every)
        about = f"{len(subjects.flat):,} paintings were searched, by the whole picture."
        beside: list[Row] = []
        if self.options.published:
            beside = [*PUBLISHED, *missing_rows(self.run.gallery, self.run.models)]
        named = ("pictures", "Whole pictures")
        parts = self._parts(*named, tally, about, beside, self.run.contenders)
        return parts, tally.queries

    def compare_parts(self, kind: Kind) -> Parts:
        """Search by parts, and compare the pictures found, then the parts themselves.

        Searches by whole pictures of the same queries stand beside in the first table.
        """
        run, k, most = self.run, self.options.k, self.options.best_limit
        encoders = run.encoders_of(kind, self.options.face_encoders)
        contenders = list_contenders(encoders, self.options)
        subjects = self._read(kind, encoders)
        of_parts, of_pictures = (
            Tally(k, load, self.perceptual) for load in (self.pictures.part, self.pictures.whole)
        )
        lots, other_lots = self._random(), self._random()
        both = [key for key in subjects.by_painting if key in self._paintings.by_painting]
        if not both:
            raise QueryError(f"no painting has the vectors of both its picture and its {kind.name}")
        self.part_encoders += encoders
        for query in self._readable(subjects, both, kind.name, self.pictures.part):
            own = subjects.by_painting[query]
            found = {one.name: self._by_part(kind, one, query, own) for one in contenders}
            others = {
                f"by {kind.noun}: {name}": [(part.painting, hit.painting) for part, hit in pairs]
                for name, pairs in found.items()
            } | self._by_picture(query, other_lots)
            of_pictures.add(query, others, self._paintings.all_pairs(query, most))
            found[RANDOM] = subjects.random_pairs(query, k, lots)
            of_parts.add(query, found, subjects.all_pairs(query, most))
        published = PUBLISHED if self.options.published else ()
        beside = [row for row in published if f"{kind.noun} crop" in row.name]
        by_part = [replace(one, name=f"by {kind.noun}: {one.name}") for one in contenders]
        named = (f"{kind.noun}_pictures", f"Whole pictures, of paintings with {kind.name}")
        about, rows = _WORDS["searched"].format(kind=kind), [*by_part, *run.contenders]
        pictures = self._parts(*named, of_pictures, about, beside, rows)
        named = (kind.name, kind.name.capitalize())
        about = _WORDS["found_by"].format(len(subjects.flat), kind=kind)
        parts = self._parts(*named, of_parts, about, (), contenders)
        return replace(pictures, failures=()) + parts

    def _load_lpips(self) -> LpipsDistance | None:
        if self.options.lpips is None:
            self.run.notes.append("LPIPS was not asked for.")
            return None
        from artsim.encoders.lpips import LpipsDistance, find_lpips

        models = self.run.models
        try:
            weights = find_lpips(self.options.lpips, models.settings)
        except EncoderError as error:
            self.run.notes.append(f"LPIPS was not measured: {error}.")
            return None
        return LpipsDistance(self.options.lpips, weights, device=models.device)

    @cached_property
    def _paintings(self) -> Subjects:
        return self._read(PAINTINGS, self.run.encoders)

    def _read(self, kind: Kind, encoders: Sequence[EncoderInfo]) -> Subjects:
        """Read what has the vectors of every encoder, and pixels.

        With `not_same_artist` only works whose artist is known, since for others the search
        cannot tell. QueryError if fewer than two paintings remain.
        """
        collection, but = self.run.gallery[kind], self.options.not_same_artist
        must = (*(HasVector(e.vector_name) for e in encoders), HasVector(PIXELS))
        known = (Known("artist_key"),) if but else ()
        own = () if kind.is_whole else (kind.index_field, "box", "landmarks")
        fields = (*_FIELDS, *(name for name in own if name in kind.fields))
        having = Criteria(must=(*must, *known)) & without_frames(collection)
        records = collection.scroll(having, payload_fields=fields, page_size=1000)
        grouped: dict[str, list[Subject]] = defaultdict(list)
        for record in sorted(records, key=lambda r: int(r.payload.get(kind.index_field, 0))):
            painting_id = str(record.payload["painting_id"])
            key = painting_id if kind.is_whole else record.point_id
            grouped[painting_id].append(Subject(key, record.payload))
        if len(grouped) < 2:
            raise QueryError(
                f"{collection.name!r} has {len(grouped)} paintings to compare, and two are needed",
                hint="artsim info",
            )
        return Subjects(dict(sorted(grouped.items())), but)

    def _readable(
        self, subjects: Subjects, ids: Sequence[str], what: str, load: Load
    ) -> Iterator[str]:
        """Yield a sample of `ids`, without those of which no picture can be read."""
        options = self.options
        wanted = round(options.fraction * len(ids)) if options.queries is None else options.queries
        queries = draw(ids, max(1, wanted), np.random.default_rng([options.seed, 0]))
        self.run.progress.start(len(queries), f"Comparing {what}")
        skipped = 0
        for done, query in enumerate(queries, start=1):
            if any(load(own) is not None for own in subjects.by_painting[query]):
                yield query
            else:
                skipped += 1
            self.run.progress.update(done)
        self.skipped = max(self.skipped, skipped)
        if skipped == len(queries):
            first = next(iter(self.pictures.problems.values()), "there is none")
            raise ImageError(
                f"none of {len(queries)} query pictures could be read; the first: {first}"
            )

    def _random(self) -> np.random.Generator:
        """Return random numbers of their own for each use, so that none shifts another."""
        self.streams += 1
        return np.random.default_rng([self.options.seed, self.streams])

    def _by_picture(self, query: str, lots: np.random.Generator) -> dict[str, list[Pair]]:
        """Return what each search by the whole picture puts first, and hits drawn by lot."""
        subjects, own = self._paintings, self._paintings.by_painting[query][0]
        found = {}
        for one in self.run.contenders:
            hits = self._search(one, query, PAINTINGS)
            found[one.name] = [(own, Subject(hit.painting_id, hit.payload)) for hit in hits]
        return found | {RANDOM: subjects.random_pairs(query, self.options.k, lots)}

    def _by_part(
        self, kind: Kind, contender: Contender, query: str, own: Sequence[Subject]
    ) -> list[Pair]:
        """Return what a search puts first, each hit with the part of the query that found it."""
        by_index = {int(part.payload[kind.index_field]): part for part in own}
        return [
            (by_index[hit.query_face], Subject(hit.point_id, hit.payload))
            for hit in self._search(contender, query, kind)
            if hit.query_face is not None
        ]

    def _search(self, contender: Contender, query: str, kind: Kind) -> Sequence[Hit]:
        but = self.options.not_same_artist
        return self.run.search(
            contender, query, kind=kind, limit=self.options.k, not_same_artist=but
        )

    def _parts(
        self,
        name: str,
        what: str,
        tally: Tally,
        about: str,
        beside: Sequence[Row],
        contenders: Sequence[Contender],
    ) -> Parts:
        """Return one table with the rows of `contenders`, its plots and worst queries."""
        size, k = self.options.size, self.options.k
        estimates, query_values = tally.estimates(name, self.options.seed)
        rows = []
        for row, values in estimates.items():
            missing = tally.missing(row)
            note = f"hits without a readable picture: {missing}" if missing else ""
            if row == BEST:
                note = (
                    "a bound, no ranking: each column takes the hits that this very figure puts "
                    "first among all"
                )
            rows.append(Row(row, values, note, measured=row != BEST))
        # The bound stands last, below what is bound by it.
        rows.sort(key=lambda row: (row.name == BEST, row.name == RANDOM))
        title = f"{what}, {size} x {size}: {tally.queries} queries, {k} hits each"
        table = Table(name, title, "encoder", COLUMNS, (*beside, *rows), (about,))
        works = [of_one[0].payload for of_one in self._paintings.by_painting.values()]
        table = self.run.with_training(table, contenders, works)
        failures = tally.failures(what, [one.name for one in contenders if one.rerank is None])
        plots = _plots(name, what, tally, estimates)
        return Parts((table,), query_values, plots, failures)


def _plots(
    name: str, what: str, tally: Tally, estimates: Mapping[str, Mapping[str, Estimate]]
) -> tuple[BarPlot, LinePlot]:
    series = {
        color: [values.get(f"ssim_{color}") for values in estimates.values()]
        for color in ("color", "gray")
    }
    title = f"{what}: SSIM, with 95 % intervals over queries"
    bars = BarPlot(f"{name}_ssim", title, "mean SSIM", tuple(estimates), series, unit="score")
    ranks = tuple(map(float, range(1, tally.k + 1)))
    lines = tuple(
        Line(row, ranks[: len(values)], tuple(values), dashed=row in (RANDOM, BEST))
        for row, values in tally.by_rank().items()
        if values
    )
    by_rank = f"{what}: SSIM in color by rank"
    return bars, LinePlot(f"{name}_ssim_by_rank", by_rank, "rank", "mean SSIM", lines)


def missing_rows(gallery: Gallery, models: Models) -> list[Row]:
    """Return a row for each published kind of encoder that the gallery has no vectors of."""
    from artsim.encoders.registry import list_cards

    encoders = gallery.encoders(PAINTINGS).values()
    have = {info.name for info in encoders} | {info.spec for info in encoders}
    rows = []
    for card in list_cards(models.settings):
        if card.name in _COMPARED and not {card.name, card.spec} & have:
            note = f"not measured; add its vectors: artsim ingest SOURCE --encoder {card.name}"
            if not card.weights_here:
                note += ", which fetches its weights, or finds them where ARTSIM_WEIGHTS says"
            rows.append(Row(card.name, {}, note, measured=False))
    return rows
