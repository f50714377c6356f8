"""Ingest, from a path and names to a gallery and a summary."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings, load_settings
from artsim.encoders.registry import load_encoder
from artsim.errors import SourceError
from artsim.images.load import ImageLimits
from artsim.ingest.destination import Destination, existing_destination, make_destination
from artsim.ingest.equipment import Equipment, check_encoders, default_specs
from artsim.ingest.origin import Origin
from artsim.ingest.pipeline import run_ingest
from artsim.ingest.progress import IngestSummary
from artsim.ingest.prune import MOST_AT_ONCE, Yielded, prune
from artsim.ingest.reader import Reader
from artsim.ingest.renames import Renames
from artsim.ingest.sources import read_source
from artsim.store.base import ServerOptions
from artsim.store.gallery import Gallery

WORTH_SAYING = 5000
"""Paintings from which on building the indexes takes long enough to be announced."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Settings of an ingest.

    Attributes
    ----------
    encoders : sequence of str
        Names or specs for whole pictures; by default those the gallery has, else
        the built-in one.
    face_encoder : str or None
        For aligned faces; by default as for pictures.
    faces : bool
        Whether faces are looked for.
    weights : Path or None
        File of weights, where there is one encoder.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    min_face, face_score : int, float or None
        Least side in pixels and least score of a face; None is the detector's own.
    workers : int or None
        Reader threads; by default one for each core.
    batch_size : int
        Paintings encoded and written together.
    limit : int or None
        Only the first so many paintings of the source (of the shard).
    shard : tuple of int or None
        (i, n): only every n-th painting, from the i-th, i in 1..n.
    force : bool
        Encode again what the gallery has.
    dry_run : bool
        Read and decode everything, write nothing.
    prune : bool
        In the end take out what came from this source and is no longer in it.
    prune_any : bool
        Even if that is more than a tenth of what came from it.
    server : ServerOptions
        How a server lays new collections out.
    """

    encoders: Sequence[str] = ()
    face_encoder: str | None = None
    faces: bool = True
    weights: Path | None = None
    device: str = "auto"
    min_face: int | None = None
    face_score: float | None = None
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

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
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
    source: str | os.PathLike[str],
    options: IngestOptions | None = None,
    *,
    metadata: str | os.PathLike[str] | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> IngestSummary:
    """Bring a folder or manifest of paintings into a gallery, which is made if need be.

    What the gallery has already, with the same picture, metadata and encoders, is
    skipped: after an interruption of any kind the same call goes on. Safe to repeat.
    A painting that is there under its picture's old path keeps its vectors and is renamed.

    Parameters
    ----------
    gallery : Gallery
        From `open_gallery`.
    source : path or str
        Folder (recursive) or manifest: CSV, TSV, JSON Lines or Parquet.
    metadata : path or str, optional
        Manifest for a folder; by default its ``metadata.csv``.
    columns : mapping of str to str, optional
        Column by field, where they are not recognised.
    progress : Progress, optional
        Where to report; silent by default.

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
    options = options or IngestOptions()
    source = Path(source)
    metadata = None if metadata is None else Path(metadata)
    progress = progress or SilentProgress()
    begun = time.monotonic()
    opened = read_source(source, metadata=metadata, column_map=columns)
    equipment = load_equipment(gallery, options, settings or load_settings())
    if options.dry_run:
        destination = existing_destination(gallery, equipment)
    else:
        destination = make_destination(gallery, equipment, options.server)
    origin, yielded = Origin.of(opened.location), Yielded()
    renames = Renames(origin, destination.paintings, destination.look_up)
    reader = Reader(equipment, options.limits, renames, options.force, options.dry_run)
    entries = yielded.watch(opened) if options.prune else opened
    progress.start(_expected(opened.count(), options), f"Ingesting {source}")
    try:
        summary = run_ingest(
            islice(_every_nth(entries, options.shard), options.limit),
            reader,
            renames.look_up,
            destination.write,
            workers=options.workers or os.cpu_count() or 1,
            batch_size=options.batch_size,
            progress=progress,
        )
        if options.prune:
            yielded.ids.update(old_id for old_id, _ in summary.renamed)
            summary = _prune(summary, origin, yielded, destination, options)
    finally:
        progress.finish()
        destination.flush()
    if not options.dry_run:
        gallery.settle_reading()
        if summary.counts.written:
            _build_indexes(destination, progress)
    return replace(summary, notes=opened.notes, seconds=time.monotonic() - begun)


def _prune(
    summary: IngestSummary,
    origin: Origin,
    yielded: Yielded,
    destination: Destination,
    options: IngestOptions,
) -> IngestSummary:
    most = 1.0 if options.prune_any else MOST_AT_ONCE
    try:
        summary.counts.pruned = prune(
            origin, yielded, destination, most=most, dry_run=options.dry_run
        )
    except SourceError as refusal:
        return replace(summary, refusal=refusal)
    return summary


def _build_indexes(destination: Destination, progress: Progress) -> None:
    if destination.paintings is None or destination.paintings.count() < WORTH_SAYING:
        destination.optimize()
        return
    progress.start(None, "Building the search index, which may take minutes")
    try:
        destination.optimize()
    finally:
        progress.finish()


def load_equipment(gallery: Gallery, options: IngestOptions, settings: Settings) -> Equipment:
    """Load the encoders and the face detector of an ingest.

    Raises
    ------
    EncoderError
        If one cannot be loaded, or the gallery has other vectors of its name.
    """
    recorded = gallery.image_encoders() if gallery.has_paintings else {}
    specs = list(options.encoders) or default_specs(recorded)
    encoders = [
        load_encoder(spec, weights=options.weights, device=options.device, settings=settings)
        for spec in specs
    ]
    check_encoders([e.info for e in encoders], recorded, gallery.paintings_name)
    if not options.faces:
        return Equipment(encoders)
    from artsim.encoders.face_crops import load_detector

    recorded = gallery.face_encoders() if gallery.has_faces else {}
    face_specs = [options.face_encoder] if options.face_encoder else default_specs(recorded)
    face_encoders = [
        load_encoder(spec, device=options.device, settings=settings) for spec in face_specs
    ]
    check_encoders([e.info for e in face_encoders], recorded, gallery.faces_name)
    detector = load_detector(
        min_face=options.min_face, score=options.face_score, device=options.device
    )
    return Equipment(encoders, detector, face_encoders)


def _every_nth(paintings: Iterable[T], shard: tuple[int, int] | None) -> Iterator[T]:
    if shard is None:
        return iter(paintings)
    first, step = shard
    return islice(paintings, first - 1, None, step)


def _expected(count: int, options: IngestOptions) -> int:
    if options.shard is not None:
        first, step = options.shard
        count = len(range(first - 1, count, step))
    return count if options.limit is None else min(count, options.limit)
