"""Ingest, from a source and names of encoders to a gallery and a summary."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import InitVar, dataclass, field, replace
from itertools import islice
from pathlib import Path

from artsim.catalog.encoder_info import DEFAULT_ENCODER, POINTS, EncoderInfo
from artsim.catalog.kinds import FACE_ENCODER, FACES, KINDS, PAINTINGS, CutterOptions, Kind
from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings, load_settings
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.errors import SourceError
from artsim.images.load import ImageLimits
from artsim.images.local_points import load_opencv
from artsim.ingest.prune import MOST_AT_ONCE, Origin, Renames, Yielded, prune
from artsim.ingest.read import Reader, ReadPainting
from artsim.ingest.records import Problem, Source, SourceEntry, SourcePainting
from artsim.ingest.sources import read_source
from artsim.ingest.summary import Counts, IngestSummary
from artsim.ingest.targets import Target, check_encoders, measure_scales
from artsim.ingest.write import encode_paintings, writing
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, ServerOptions

WORTH_SAYING = 5000
"""Paintings from which on building the indexes takes long enough to be announced."""

_LOOK_UP = 128
"""Paintings that are looked up in the gallery at a time."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Settings of an ingest.

    Attributes
    ----------
    encoders : sequence of str
        Names or specs for whole pictures; by default those the gallery has, else
        the built-in one.
    kinds : sequence of Kind
        Parts of pictures that are looked for; `faces` takes faces out of them.
    face_encoder : str or None
        For kinds with encoders of their own, as faces. By default those the gallery has, and
        one that knows people where it has none, or that and the built-in one. Parts of other
        kinds are encoded as the pictures are.
    points : bool
        Also make local points, by which details are found; needs the extra ``details``.
    weights : Path or None
        File of weights, where there is one encoder.
    min_face, face_score, face_detector, small_faces
        How faces are looked for, as in `CutterOptions`.
    workers : int or None
        Reader threads; by default one for each core.
    batch_size : int
        Paintings encoded and written together.
    limit, shard : int, tuple of int, or None
        Only the first so many paintings; and (i, n) only every n-th, from the i-th, i in 1..n.
    force : bool
        Encode again what the gallery has.
    dry_run : bool
        Read and decode everything, write nothing.
    prune, prune_any : bool
        In the end take out what came from this source and is no longer in it; even if that
        is more than a tenth of what came from it.
    server : ServerOptions
        How a server lays new collections out.
    """

    encoders: Sequence[str] = ()
    kinds: Sequence[Kind] = (FACES,)
    face_encoder: str | None = None
    faces: InitVar[bool] = True
    points: bool = False
    weights: Path | None = None
    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
    face_detector: str | None = None
    small_faces: bool = False
    limits: ImageLimits = field(default_factory=ImageLimits)
    workers: int | None = None
    batch_size: int = 32
    limit: int | None = None
    shard: tuple[int, int] | None = None
    force: bool = False
    dry_run: bool = False
    prune: bool = False
    prune_any: bool = False
    server: ServerOptions = field(default_factory=ServerOptions)

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

    Parameters
    ----------
    source : path, str or Source
        Folder (recursive), manifest (CSV, TSV, Excel, JSON Lines or Parquet), film, the address of
        one of `artsim.ingest.sources.SOURCES`, or a source itself.
    metadata : path or str, optional
        Manifest for a folder; by default its ``metadata.csv``.
    columns : mapping of str to str, optional
        Column by field, where they are not recognised.
    stopped : callable
        Asked at each painting; once it returns True, the ingest ends with what it has.

    Returns
    -------
    IngestSummary
        With every painting and row that did not go in, and why; and why nothing was pruned,
        if that was asked for and would not have been safe.

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
    origin, yielded = Origin.of(opened), Yielded()
    renames = Renames(origin, targets)
    reader = Reader(
        targets, options.limits, renames, options.force, options.dry_run, options.points
    )
    entries: Iterable[SourceEntry] = yielded.watch(opened) if options.prune else opened
    first, step = options.shard or (1, 1)
    own_all = options.shard is None and options.limit is None
    progress.start(_own_count(opened.count(), options), f"Ingesting {name}")
    try:
        own = islice(islice(entries, first - 1, None, step), options.limit)
        summary = _run(own, reader, options, progress, opened.steps if own_all else int, stopped)
        if options.prune and not stopped():
            yielded.ids.update(old_id for old_id, _ in summary.renamed)
            summary = _pruned(summary, origin, yielded, targets, options)
    finally:
        progress.finish()
        for collection in reversed(collections):
            collection.flush()
    if not options.dry_run:
        _settle(gallery, collections if summary.counts.written else [], progress)
    seconds = time.monotonic() - begun
    return replace(summary, notes=opened.notes, noun=opened.noun, seconds=seconds)


def _settle(gallery: Gallery, written: Sequence[Collection], progress: Progress) -> None:
    """Note how pictures were read, index what was written, and measure what scores mean."""
    gallery.settle_reading()
    _build_indexes(written, progress)
    measure_scales(gallery)


def _pruned(
    summary: IngestSummary,
    origin: Origin,
    yielded: Yielded,
    targets: Sequence[Target],
    options: IngestOptions,
) -> IngestSummary:
    share = 1.0 if options.prune_any else MOST_AT_ONCE
    try:
        gone = prune(origin, yielded, targets, most=share, dry_run=options.dry_run)
        summary.counts.pruned = gone
    except SourceError as refusal:
        return replace(summary, refusal=refusal)
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
        check_encoders(infos, recorded, gallery.collection_name(kind))
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


def _build_indexes(collections: Sequence[Collection], progress: Progress) -> None:
    is_long = bool(collections) and collections[0].count() >= WORTH_SAYING
    if is_long:
        progress.start(None, "Building the search index, which may take minutes")
    try:
        for collection in collections:
            collection.optimize()
    finally:
        if is_long:
            progress.finish()


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
    counts = summary.counts
    batch: list[ReadPainting] = []

    def report() -> None:
        done = counts.done + len(batch)
        progress.update(steps(done), **counts.parts, skipped=counts.unchanged, failed=counts.failed)

    def finish_batch() -> None:
        if batch and not reader.dry_run:
            put(encode_paintings(batch, reader.targets, options.batch_size))
        for read in batch:
            _count(read, reader.targets, summary)
        batch.clear()

    with writing(reader.targets) as put, closing(_read_ahead(entries, reader, options)) as reads:
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
            if read.points is not None:
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
