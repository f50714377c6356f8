"""Keeping galleries: copying one to another store, and mending one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from math import isqrt
from pathlib import Path

import numpy as np

from artsim.catalog.arrays import Vector
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.hits import JSON
from artsim.catalog.kinds import KINDS, PAINTINGS
from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings, load_settings
from artsim.errors import StoreError
from artsim.store.data_folder import read_schema
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import (
    PIXELS,
    Gallery,
    check_gallery_name,
    collection_name,
    missing_gallery,
    noted_reading,
    read_notes,
)
from artsim.store.protocol import (
    Collection,
    CollectionSchema,
    Point,
    Record,
    ServerOptions,
    VectorSpec,
)
from artsim.store.repair import (
    CollectionRepair,
    repair_collection,
    repair_store_folder,
    unfinished_repairs,
)

Report = Callable[["CopyCounts"], None]
"""Called after every batch."""


@dataclass(frozen=True, slots=True)
class CopyCounts:
    """How far a copy is: points looked at, of `total`; of them written, already there."""

    total: int
    written: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def done(self) -> int:
        """Points looked at so far."""
        return self.written + self.unchanged


def copy_collection(
    source: Collection,
    target: Collection,
    *,
    batch_size: int = 128,
    delete_others: bool = False,
    progress: Report | None = None,
) -> CopyCounts:
    """Write every point of `source` to `target`, unless it is there with the same content.

    May be cut short at any moment and run again. Vectors and payload are compared, so that
    a second run writes only what differs; `target` keeps vectors that `source` has not.

    Parameters
    ----------
    source, target : Collection
        Missing vectors of `source` are added to `target`.
    batch_size : int
        Points read, compared and written together.
    delete_others : bool
        Whether points of `target` that are not in `source` go.
    progress : callable, optional
        Gets a `CopyCounts` after every batch.

    Returns
    -------
    CopyCounts
        Of the whole copy.

    Raises
    ------
    SchemaMismatchError
        If `target` has one of the vectors in another dimension, distance or datatype.
    ValueError
        If `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"expected a batch size of 1 or more, found {batch_size}")
    schema = source.schema
    if any(name not in target.schema.vectors for name in schema.vectors):
        target.add_vectors(schema.vectors, schema.notes)
    names = list(schema.vectors)
    counts = CopyCounts(source.count())
    for batch in _batches(source.scroll(with_vectors=names, page_size=batch_size), batch_size):
        written = _copy_batch(batch, target, names)
        counts = CopyCounts(
            counts.total, counts.written + written, counts.unchanged + len(batch) - written
        )
        if progress is not None:
            progress(counts)
    deleted = _delete_others(source, target, batch_size) if delete_others else 0
    target.flush()
    return CopyCounts(counts.total, counts.written, counts.unchanged, deleted)


def _copy_batch(batch: Sequence[Record], target: Collection, names: Sequence[str]) -> int:
    # All vectors of the target are read: an upsert drops those that it does not name.
    every = list(target.schema.vectors)
    present = target.retrieve([r.point_id for r in batch], with_vectors=every)
    points = []
    for record in batch:
        there = present.get(record.point_id)
        if not _same(record, there, names):
            kept = there.vectors if there else {}
            others = {name: v for name, v in kept.items() if name not in names}
            points.append(Point(record.point_id, {**others, **record.vectors}, record.payload))
    target.upsert(points)
    return len(points)


def _same(ours: Record, theirs: Record | None, names: Sequence[str]) -> bool:
    if theirs is None or ours.payload != theirs.payload:
        return False
    return all(
        (name in ours.vectors) == (name in theirs.vectors)
        and (name not in ours.vectors or _close(ours.vectors[name], theirs.vectors[name]))
        for name in names
    )


def _close(ours: Vector, theirs: Vector) -> bool:
    # Normalizing a unit vector again, as every store does, changes the last bit of some.
    return bool(np.allclose(ours, theirs, rtol=0, atol=1e-6))


def _delete_others(source: Collection, target: Collection, batch_size: int) -> int:
    deleted = 0
    for batch in _batches(target.scroll(payload_fields=()), batch_size):
        point_ids = [r.point_id for r in batch]
        kept = source.retrieve(point_ids, payload_fields=())
        others = [point_id for point_id in point_ids if point_id not in kept]
        target.delete_ids(others)
        deleted += len(others)
    return deleted


def _batches(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while batch := list(islice(records, size)):
        yield batch


def push_gallery(
    source: Gallery,
    target: Gallery,
    *,
    options: ServerOptions | None = None,
    progress: Progress | None = None,
) -> CopyCounts:
    """Copy paintings and their parts into `target`, which is made if need be.

    Points that are there with the same content are left: cut short at any moment, the same
    call goes on. What `target` has beside them stays.

    Parameters
    ----------
    options : ServerOptions, optional
        How a server lays new collections out.

    Returns
    -------
    CopyCounts
        Of paintings and parts together.

    Raises
    ------
    CollectionNotFoundError
        If `source` holds nothing.
    SchemaMismatchError
        If `target` has other vectors of the same name.
    StoreError
        If either database fails.
    """
    progress = progress or SilentProgress()
    pairs: list[tuple[Collection, Collection]] = []
    for kind in [PAINTINGS, *(kind for kind in source.kinds if not kind.is_whole)]:
        copied = source[kind]
        made = target.create(
            kind,
            list(source.encoders(kind).values()),
            pixels_side=_pixels_side(copied.schema.vectors),
            options=options,
            reading=noted_reading(copied.schema.notes),
        )
        pairs.append((copied, made))
    done = CopyCounts(total=sum(copied.count() for copied, _ in pairs))
    progress.start(done.total, f"Copying to {target.store.location}")

    def report(counts: CopyCounts) -> None:
        now = _sum(done, counts)
        progress.update(now.done, skipped=now.unchanged)

    try:
        # Parts first, as an ingest writes them: a painting's notes on them are never ahead.
        for copied, into in reversed(pairs):
            done = _sum(done, copy_collection(copied, into, progress=report))
    finally:
        progress.finish()
    target.settle_reading()
    return done


def _pixels_side(vectors: Mapping[str, VectorSpec]) -> int:
    pixels = vectors.get(PIXELS)
    return 64 if pixels is None else isqrt(pixels.dim)


def _sum(before: CopyCounts, counts: CopyCounts) -> CopyCounts:
    return CopyCounts(
        before.total, before.written + counts.written, before.unchanged + counts.unchanged
    )


# --- repair ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GalleryRepair:
    """What was wrong with a gallery, and what became of it.

    Attributes
    ----------
    gallery : str or None
        Its name.
    folder_damage : str or None
        What was wrong with the data folder itself, which is mended.
    collections : tuple of CollectionRepair
        Paintings, and parts of each kind where there are any.
    """

    gallery: str | None
    folder_damage: str | None
    collections: tuple[CollectionRepair, ...]

    @property
    def was_sound(self) -> bool:
        """Whether nothing was wrong, and nothing was changed."""
        return self.folder_damage is None and all(c.damage is None for c in self.collections)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as docs/output.md has it."""
        return {
            "gallery": self.gallery,
            "sound": self.was_sound,
            "folder_damage": self.folder_damage,
            "collections": [
                {**asdict(made), "painting_ids": list(made.painting_ids)}
                for made in self.collections
            ],
        }


def repair_gallery(
    settings: Settings | None = None,
    *,
    name: str | None = None,
    url: str | None = None,
    home: Path | None = None,
    wait: float | None = None,
    progress: Progress | None = None,
) -> GalleryRepair:
    """Make an embedded gallery whole again from what can be read of it.

    A sound gallery is left as it is. Of a harmed one every point that can be read is written
    anew, and what it was is kept in the data folder, under ``damaged``. May be cut short at any
    moment and run again.

    Parameters
    ----------
    settings : Settings, optional
        By default those of the environment.
    name, url, home, wait : optional
        Used instead of what `settings` say, as by `open_gallery`.
    progress : Progress, optional
        Told how many points are written.

    Raises
    ------
    CollectionNotFoundError
        If there is no such gallery.
    StoreLockedError
        If another process has it open.
    StoreError
        If it is on a server, the disk has too little room, or nothing says what it held.
    """
    settings = load_settings() if settings is None else settings
    url = settings.url if url is None and home is None else url
    if url is not None:
        from artsim.store.server_calls import check_address

        raise StoreError(
            f"{check_address(url)} is a server, which looks after its own files; only galleries "
            "in a folder of this machine can be repaired"
        )
    folder = settings.home if home is None else Path(home)
    gallery = settings.gallery if name is None else name
    check_gallery_name(gallery)
    waiting = settings.wait if wait is None else wait
    folder_damage = repair_store_folder(folder)
    store = EmbeddedStore(folder)
    known = {*store.list_collections(), *unfinished_repairs(folder)}
    names = [collection_name(gallery, kind) for kind in KINDS]
    there = [collection for collection in names if collection in known]
    if not there:
        raise missing_gallery(store, gallery)
    makers = _Makers(folder, store.list_collections(), settings)
    made = [
        repair_collection(
            folder, collection, makers.restore_schema, wait=waiting, progress=_report(progress)
        )
        for collection in there
    ]
    return GalleryRepair(gallery, folder_damage, tuple(made))


@dataclass(frozen=True, slots=True)
class _Makers:
    """The encoders of vectors of which only the name is left."""

    home: Path
    collections: Sequence[str]
    settings: Settings

    def restore_schema(
        self, collection: str, vectors: Mapping[str, VectorSpec]
    ) -> CollectionSchema:
        """Return the schema of a collection as `Gallery` makes it."""
        suffixes = (name for name in KINDS if f"_{collection}".endswith(f"_{name}"))
        part = next(suffixes, PAINTINGS.name)
        encoders = [
            asdict(self.find(name, spec.dim)) for name, spec in vectors.items() if name != PIXELS
        ]
        notes = {
            "part": part,
            "pixels_side": _pixels_side(vectors),
            "encoders": encoders,
        }
        return CollectionSchema(vectors, KINDS[part].indexes, notes)

    def find(self, vector_name: str, dim: int) -> EncoderInfo:
        """Return the encoder as a sound collection notes it, else the listed one.

        One that nobody knows is called by its vectors: searches by id need no more.
        """
        for collection in self.collections:
            with suppress(StoreError):
                schema = read_schema(self.home / "collections" / collection)
                noted = read_notes(schema, collection)
                if vector_name in noted:
                    return noted[vector_name]
        # Imported here: most repairs ask for none, and the encoders take long to import.
        from artsim.encoders.registry import find_maker, resolve

        maker = find_maker(vector_name, settings=self.settings)
        if maker is None:
            return EncoderInfo(vector_name, vector_name, vector_name, dim)
        return resolve(maker, settings=self.settings).info(dim)


def _report(progress: Progress | None) -> Callable[[int, int], None]:
    reporter = progress or SilentProgress()
    began = False

    def report(done: int, total: int) -> None:
        nonlocal began
        if not began:
            reporter.start(total, "Saving what can be read")
            began = True
        reporter.update(done)
        if done >= total:
            reporter.finish()

    return report
