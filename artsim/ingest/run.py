"""Ingest, from a source and names of encoders to a gallery and a summary."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import InitVar, asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.kinds import (
    DEFAULT_ENCODER,
    FACE_ENCODER,
    FACES,
    KINDS,
    PAINTINGS,
    POINTS,
    CutterOptions,
    EncoderInfo,
    Kind,
)
from artsim.catalog.names import sitter_of
from artsim.catalog.payload import AnyOf, Criteria, HasVector
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.scale import NONE, Scale, noted_scales
from artsim.config import Settings, load_settings
from artsim.encoders.base import Encoder
from artsim.encoders.registry import find_maker, load_encoder
from artsim.encoders.trained import read_cohort
from artsim.errors import EncoderMismatchError, SourceError
from artsim.images.load import ImageLimits
from artsim.images.local_points import load_opencv
from artsim.ingest.painting import Reader, ReadPainting, encode_paintings, writing
from artsim.ingest.prune import MOST_AT_ONCE, Yielded, prune
from artsim.ingest.records import Problem, Source, SourceEntry, SourcePainting
from artsim.ingest.sources import read_source
from artsim.ingest.summary import Counts, IngestSummary
from artsim.ingest.targets import Renames, Target
from artsim.store.gallery import Gallery, read_notes, without_frames
from artsim.store.protocol import Collection, Record, SearchRequest, ServerOptions

WORTH_SAYING = 5000
"""Paintings from which on building the indexes takes long enough to be announced."""

_LOOK_UP = 128
"""Paintings that are looked up in the gallery at a time."""

_SAMPLE: Final = 800
"""Most points that are compared with each other and with the collection, for a scale."""

_FEWEST: Final = 20
_OF_SITTER: Final = 50
"""Most faces of one sitter that are passed over to find the nearest of another."""
_GROWTH: Final = 0.1
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Settings of an ingest.

    Encoders are names or specs. By default they are those that the gallery has, else the built-in
    one. That of faces, and of other kinds with encoders of their own, is by default one that knows
    people where the gallery has none, or that and the built-in one; parts of other kinds are
    encoded as the pictures are. How faces are looked for is as in `CutterOptions`.
    """

    encoders: Sequence[str] = ()  # for whole pictures
    kinds: Sequence[Kind] = (FACES,)  # parts of pictures that are looked for
    face_encoder: str | None = None
    faces: InitVar[bool] = True  # False takes faces out of the kinds
    points: bool = False  # also make local points; needs the extra ``details``
    weights: Path | None = None  # file of weights, where there is one encoder
    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
    face_detector: str | None = None
    small_faces: bool = False
    limits: ImageLimits = field(default_factory=ImageLimits)
    workers: int | None = None  # reader threads; by default one for each core
    batch_size: int = 32  # paintings encoded and written together
    limit: int | None = None  # only the first so many paintings
    shard: tuple[int, int] | None = None  # (i, n): only every n-th, from the i-th, i in 1..n
    force: bool = False  # encode again what the gallery has
    dry_run: bool = False  # read and decode everything, write nothing
    prune: bool = False  # in the end take out what came from this source and is no longer in it
    prune_any: bool = False  # even if that is more than a tenth of what came from it
    server: ServerOptions = field(default_factory=ServerOptions)  # how it lays collections out

    def __post_init__(self, faces: bool) -> None:
        """Refuse what makes no sense."""
        kinds = tuple(kind for kind in self.kinds if faces or kind.name != FACES.name)
        object.__setattr__(self, "kinds", kinds)
        if whole := [kind.name for kind in kinds if kind.is_whole]:
            raise ValueError(f"{whole[0]} are whole pictures, which are ingested in any case")
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            raise ValueError(f"shard must be (i, n) with i in 1..n, not {self.shard}")
        for name in ("workers", "batch_size", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.prune and (self.shard is not None or self.limit is not None):
            raise ValueError("prune needs the whole source: no shard and no limit")


def ingest_paintings(
    gallery: Gallery,
    source: str | os.PathLike[str] | Source,
    options: IngestOptions | None = None,
    *,
    metadata: str | os.PathLike[str] | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
    stopped: Callable[[], bool] = bool,
) -> IngestSummary:
    """Bring a source of paintings into a gallery, which is made if need be.

    What the gallery has already, with the same picture, metadata and encoders, is
    skipped: after an interruption of any kind the same call goes on. Safe to repeat.
    A painting that is there under its picture's old path keeps its vectors and is renamed.
    The summary has every painting and row that did not go in, and why; and why nothing was
    pruned, if that was asked for and would not have been safe.

    Parameters
    ----------
    source : path, str or Source
        A source, or what `artsim.ingest.sources.read_source` opens, with `metadata` and `columns`.
    stopped : callable
        Asked at each painting; once it returns True, the ingest ends with what it has.

    Raises
    ------
    SourceError, MetadataError
        If the source is missing or cannot be understood at all.
    EncoderError
        If an encoder cannot be loaded, or the gallery has other vectors of its name.
    StoreError
        If the database fails; what was written before stays.
    """
    options, progress = options or IngestOptions(), progress or SilentProgress()
    begun = time.monotonic()
    opened, name = _open(source, metadata, columns, options.limits)
    gallery.store.expect_writing()
    targets = _load_targets(gallery, opened, options, settings or load_settings())
    collections = [target.collection for target in targets if target.collection is not None]
    yielded, renames = Yielded(), Renames(opened, targets)
    reader = Reader(renames, options.limits, options.force, options.dry_run, options.points)
    entries: Iterable[SourceEntry] = yielded.watch(opened) if options.prune else opened
    first, step = options.shard or (1, 1)
    own_all = options.shard is None and options.limit is None
    progress.start(_own_count(opened.count(), options), f"Ingesting {name}")
    try:
        own = islice(islice(entries, first - 1, None, step), options.limit)
        summary = _run(own, reader, options, progress, opened.steps if own_all else int, stopped)
        if options.prune and not stopped():
            yielded.ids.update(old_id for old_id, _ in summary.renamed)
            _prune(opened, yielded, targets, options, summary)
    finally:
        progress.finish()
        for collection in reversed(collections):
            collection.flush()
    if not options.dry_run:
        _settle(gallery, collections if summary.counts.written else [], progress)
    summary.notes, summary.noun = opened.notes, opened.noun
    summary.seconds = time.monotonic() - begun
    return summary


def _open(
    source: str | os.PathLike[str] | Source,
    metadata: str | os.PathLike[str] | None,
    columns: Mapping[str, str] | None,
    limits: ImageLimits,
) -> tuple[Source, str]:
    """Return the source, and what to call it."""
    if isinstance(source, Source):
        if metadata is not None or columns:
            raise ValueError("a source brings its own metadata: give neither list nor columns")
        return source, source.uri
    listed = None if metadata is None else Path(metadata)
    opened = read_source(os.fspath(source), metadata=listed, column_map=columns, limits=limits)
    return opened, os.fspath(source) if opened.root is None else str(Path(source))


def _load_targets(
    gallery: Gallery, source: Source, options: IngestOptions, settings: Settings
) -> list[Target]:
    """Load the models of an ingest, and create the collections that it writes to.

    All models are loaded before anything is created.
    """
    if options.points:
        load_opencv()
    looked_for = {kind.name: kind for kind in (PAINTINGS, *options.kinds)}
    loaded: dict[str, list[Encoder]] = {}
    for name, kind in looked_for.items():
        recorded = gallery.encoders(kind) if kind in gallery else {}
        is_shared = not kind.is_whole and not kind.own_encoders
        loaded[name] = (
            loaded[PAINTINGS.name]
            if is_shared
            else _load_encoders(kind, recorded, options, settings)
        )
        infos = [encoder.info for encoder in loaded[name]]
        _check_encoders(infos, recorded, gallery.collection_name(kind))
    how = CutterOptions.of(options)
    cutters = {kind.name: kind.make_cutter(how) for kind in options.kinds}
    targets = []
    for name, kind in (KINDS | looked_for).items():
        encoders, cutter = loaded.get(name, ()), cutters.get(name)
        collection = None
        if encoders and not options.dry_run:
            infos = [encoder.info for encoder in encoders]
            made_by = [] if cutter is None else [cutter.identity]
            collection = gallery.create(
                kind,
                infos,
                options=options.server,
                cutters=made_by,
                points=kind.is_whole and options.points,
                films=source.noun == "frame",
            )
        elif kind in gallery:
            collection = gallery[kind]
        targets.append(Target(kind, collection, encoders, cutter))
    return targets


def _load_encoders(
    kind: Kind, recorded: Mapping[str, EncoderInfo], options: IngestOptions, settings: Settings
) -> list[Encoder]:
    named = options.encoders if kind.is_whole else filter(None, [options.face_encoder])
    specs = list(named)
    if not specs:
        specs = [info.spec for info in recorded.values()] or [DEFAULT_ENCODER]
        if kind.own_encoders and all(info.kind != "face" for info in recorded.values()):
            specs.insert(0, FACE_ENCODER)
    weights = options.weights if kind.is_whole else None
    return [
        load_encoder(spec, weights=weights, device=options.device, settings=settings)
        for spec in specs
    ]


def _check_encoders(
    encoders: Iterable[EncoderInfo], recorded: Mapping[str, EncoderInfo], collection: str
) -> None:
    """Refuse an encoder that has the name of a recorded one but makes other vectors."""
    by_name = {info.name: info for info in recorded.values()}
    for info in encoders:
        old = by_name.get(info.name)
        if old is not None and info.vector_name not in recorded:
            maker = find_maker(old.vector_name)
            way_out, option = (
                ("an encoder that the gallery holds", "artsim info")
                if maker is None
                else (f"the encoder that makes the old ones, {maker!r}", f"--encoder {maker}")
            )
            raise EncoderMismatchError(
                f"{collection} holds vectors {old.vector_name!r} of the encoder {info.name!r}, "
                f"which now makes {info.vector_name!r}: their vectors cannot be compared; "
                f"ingest into a new gallery, or name {way_out}",
                hint=f"--gallery NAME; {option}",
            )


def _prune(
    source: Source,
    yielded: Yielded,
    targets: Sequence[Target],
    options: IngestOptions,
    summary: IngestSummary,
) -> None:
    most = 1.0 if options.prune_any else MOST_AT_ONCE
    try:
        gone = prune(source, yielded, targets, most=most, dry_run=options.dry_run)
        summary.counts.pruned = gone
    except SourceError as refusal:
        summary.refusal = refusal


def _settle(gallery: Gallery, written: Sequence[Collection], progress: Progress) -> None:
    """Note how pictures were read, index what was written, and measure what scores mean."""
    gallery.settle_reading()
    is_long = bool(written) and written[0].count() >= WORTH_SAYING
    if is_long:
        progress.start(None, "Building the search index, which may take minutes")
    try:
        for collection in written:
            collection.optimize()
    finally:
        if is_long:
            progress.finish()
    _measure_scales(gallery)


def _own_count(count: int | None, options: IngestOptions) -> int | None:
    """Return how many of a source's paintings this run is to look at; None: nobody knows."""
    if count is None:
        return options.limit
    first, step = options.shard or (1, 1)
    return len(range(count)[first - 1 :: step][: options.limit])


# --- reading, encoding and writing at once -------------------------------------------


def _run(
    entries: Iterable[SourceEntry],
    reader: Reader,
    options: IngestOptions,
    progress: Progress,
    steps: Callable[[int], int],
    stopped: Callable[[], bool],
) -> IngestSummary:
    """Bring every painting into the gallery, skipping what it has already.

    Memory is bounded by the number of workers and the size of a batch, whatever the source's
    length. Ctrl-C (KeyboardInterrupt) and failures of the store leave only whole paintings.
    """
    summary = IngestSummary(Counts(), dry_run=reader.dry_run)
    counts, targets = summary.counts, reader.renames.targets
    batch: list[ReadPainting] = []

    def report() -> None:
        done = counts.done + len(batch)
        progress.update(steps(done), **counts.parts, skipped=counts.unchanged, failed=counts.failed)

    def finish_batch() -> None:
        if batch and not reader.dry_run:
            put(encode_paintings(batch, targets, options.batch_size))
        for read in batch:
            _count(read, targets, summary)
        batch.clear()

    with writing(targets) as put, closing(_read_ahead(entries, reader, options)) as reads:
        for read in reads:
            if isinstance(read, Problem):
                summary.problems.append(read)
                counts.failed += 1
            elif read.unchanged:
                counts.unchanged += 1
            else:
                batch.append(read)
            report()
            if len(batch) == options.batch_size:
                finish_batch()
            if stopped():
                break
        finish_batch()
    report()
    return summary


def _count(read: ReadPainting, targets: Sequence[Target], summary: IngestSummary) -> None:
    counts = summary.counts
    if read.renamed_from is not None:
        summary.renamed.append((read.renamed_from, read.painting_id))
    if read.has_new_vectors:
        counts.written += 1
        for kind, parts in read.parts.items():
            counts.parts[kind] = counts.parts.get(kind, 0) + len(parts)
        if not read.fresh:
            counts.extended += 1
            for info in (encoder.info for encoder in targets[0].encoders):
                if info.vector_name in read.prepared:
                    counts.added[info.name] = counts.added.get(info.name, 0) + 1
            if POINTS in read.vectors:
                counts.added[POINTS] = counts.added.get(POINTS, 0) + 1
    elif read.renamed_from is not None:
        counts.renamed += 1
    else:
        counts.updated += 1


def _read_ahead(
    entries: Iterable[SourceEntry], reader: Reader, options: IngestOptions
) -> Generator[ReadPainting | Problem, None, None]:
    """Yield in the source's order what the reader threads made of it."""
    workers = options.workers or os.cpu_count() or 1
    ahead = workers + 2 * options.batch_size
    waiting: deque[Future[ReadPainting | Problem]] = deque()
    entries = iter(entries)
    with ThreadPoolExecutor(workers, thread_name_prefix="artsim-reader") as pool:
        try:
            while chunk := list(islice(entries, _LOOK_UP)):
                known = reader.renames.look_up([p for p in chunk if isinstance(p, SourcePainting)])
                for entry in chunk:
                    waiting.append(pool.submit(reader.read, entry, known))
                    while len(waiting) > ahead:
                        yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


# --- what scores mean --------------------------------------------------------------


def _measure_scales(gallery: Gallery) -> None:
    """Note what the scores of every encoder mean, where points came or went since by a tenth.

    Only points count that searches show: scales of an artsim that measured small and doubtful faces
    too are of more points, and measured anew where those were more than a tenth.
    """
    for kind in gallery.kinds:
        collection = gallery[kind]
        shown = kind.sure & without_frames(collection)
        points, scales = collection.count(shown), noted_scales(collection.schema.notes)
        before = dict(scales)
        for name in read_notes(collection.schema, collection.name):
            known = scales.get(name)
            lacks = kind.is_whole and read_cohort(name) is not None
            if (
                known is None
                or abs(points - known.points) > _GROWTH * known.points
                or (lacks and not known.above)
            ):
                scale = _measure(collection, kind, shown, name, points)
                scales |= {} if scale is None else {name: scale}
        if scales != before:
            noted = {name: asdict(scale) for name, scale in scales.items()}
            collection.add_vectors({}, {**collection.schema.notes, "scales": noted})


def _measure(
    collection: Collection, kind: Kind, shown: Criteria, name: str, points: int
) -> Scale | None:
    """Return the scale of a sample: its first points, whose ids, being hashes, are in no order."""
    fields = ("painting_id", "artist_key", "attribution", "title", "extra")
    having = shown & Criteria((HasVector(name),))
    scrolled = collection.scroll(having, with_vectors=(name,), payload_fields=fields)
    sample = list(islice(scrolled, _SAMPLE))
    if len(sample) < _FEWEST:
        return None
    vectors = np.stack([record.vectors[name] for record in sample])
    paintings = np.array([str(record.payload.get("painting_id")) for record in sample])
    others = np.triu(paintings[:, None] != paintings[None, :])
    found = np.array(list(_nearest_strangers(collection, kind, shown, name, sample)), np.float32)
    there = ~np.isnan(found)
    if there.sum() < _FEWEST:
        return None
    nearest, cohort = found[there], read_cohort(name) if kind.is_whole else None
    above = NONE if cohort is None else nearest - cohort.common(vectors[there])
    return Scale.measured(points, (vectors @ vectors.T)[others], nearest, above)


def _nearest_strangers(
    collection: Collection, kind: Kind, shown: Criteria, name: str, sample: Sequence[Record]
) -> Iterator[float]:
    """Yield the score of the nearest point by another artist, and of another sitter, that shows.

    It is no number where there is none.
    """
    for start in range(0, len(sample), _AT_ONCE):
        asked = sample[start : start + _AT_ONCE]
        sitters = [None if kind.is_whole else sitter_of(record.payload) for record in asked]
        requests = [
            SearchRequest(
                record.vectors[name],
                name,
                shown & _strangers_of(record),
                limit=1 if sitter is None else _OF_SITTER,
            )
            for record, sitter in zip(asked, sitters, strict=True)
        ]
        for hits, sitter in zip(collection.search(requests), sitters, strict=True):
            others = (h.score for h in hits if sitter is None or sitter_of(h.payload) != sitter)
            yield next(others, np.nan)


def _strangers_of(record: Record) -> Criteria:
    """Return what leaves out a point's painting, and the works by its artists."""
    own = ((name, record.payload.get(name)) for name in ("painting_id", "artist_key"))
    values = {name: tuple(v) if isinstance(v, list) else (v,) for name, v in own if v}
    return Criteria(must_not=tuple(AnyOf(name, value) for name, value in values.items()))
