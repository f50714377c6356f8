"""Keeping galleries: copying to another store, and mending what is harmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from artsim.catalog.hits import JSON
from artsim.catalog.kinds import KINDS, PAINTINGS, EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings, load_settings
from artsim.errors import StoreError
from artsim.store.data_folder import read_schema
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import (
    PIXELS,
    POINTS,
    Gallery,
    check_gallery_name,
    collection_name,
    missing_gallery,
    noted_cutters,
    noted_films,
    noted_reading,
    open_gallery,
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

# --- copying ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CopyCounts:
    """How far a copy is: points looked at, of `total`; of them written, already there."""

    total: int
    written: int = 0
    unchanged: int = 0

    @property
    def done(self) -> int:
        """Points looked at so far."""
        return self.written + self.unchanged


def copy_collection(
    source: Collection,
    target: Collection,
    *,
    batch_size: int = 128,
    progress: Callable[[CopyCounts], None] = lambda _: None,
    before: CopyCounts | None = None,
) -> CopyCounts:
    """Write every point of `source` to `target`, unless it is there with the same content.

    May be cut short at any moment and run again. Vectors and payload are compared, so that
    a second run writes only what differs; `target` keeps vectors that `source` has not, and
    gets those that it lacks. `progress` is called after every batch. The counts go on from
    those of the copies `before`. SchemaMismatchError if `target` has one of the vectors in
    another dimension, distance or datatype.
    """
    if batch_size < 1:
        raise ValueError(f"expected a batch size of 1 or more, found {batch_size}")
    schema = source.schema
    if any(name not in target.schema.vectors for name in schema.vectors):
        target.add_vectors(schema.vectors, schema.notes)
    names = list(schema.vectors)
    counts = before or CopyCounts(source.count())
    records = source.scroll(with_vectors=names, page_size=batch_size)
    while batch := list(islice(records, batch_size)):
        try:
            written = _copy_batch(batch, target, names)
        except StoreError:
            raise
        except ValueError as exc:  # ids that are no UUIDs
            raise StoreError(f"{source.name} has points that are not artsim's: {exc}") from exc
        unchanged = counts.unchanged + len(batch) - written
        counts = CopyCounts(counts.total, counts.written + written, unchanged)
        progress(counts)
    target.flush()
    return counts


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
    mine, others = ({n: r.vectors[n] for n in names if n in r.vectors} for r in (ours, theirs))
    # Normalizing a unit vector again, as every store does, changes the last bit of some.
    return mine.keys() == others.keys() and all(
        vector.shape == others[name].shape and np.allclose(vector, others[name], rtol=0, atol=1e-6)
        for name, vector in mine.items()
    )


def push_gallery(
    source: Gallery,
    target: Gallery,
    *,
    options: ServerOptions | None = None,
    progress: Progress | None = None,
) -> CopyCounts:
    """Copy paintings and their parts into `target`, which is made if need be.

    Points that are there with the same content are left: cut short at any moment, the same
    call goes on. What `target` has beside them stays. `options` say how a server lays new
    collections out; the counts are of paintings and parts together. CollectionNotFoundError if
    `source` holds nothing, SchemaMismatchError if `target` has other vectors of the same name.
    """
    progress = progress or SilentProgress()
    target.store.expect_writing()
    pairs: list[tuple[Collection, Collection]] = []
    for kind in [PAINTINGS, *(kind for kind in source.kinds if not kind.is_whole)]:
        copied = source[kind]
        vectors, notes = copied.schema.vectors, copied.schema.notes
        made = target.create(
            kind,
            list(source.encoders(kind).values()),
            pixels_side=_pixels_side(vectors),
            options=options,
            reading=noted_reading(notes),
            cutters=noted_cutters(notes),
            points=POINTS in vectors,
            films=noted_films(notes),
        )
        pairs.append((copied, made))

    def report(now: CopyCounts) -> None:
        progress.update(now.done, skipped=now.unchanged)

    counts = CopyCounts(sum(copied.count() for copied, _ in pairs))
    progress.start(counts.total, f"Copying to {target.store.location}")
    try:
        # Parts first, as an ingest writes them: a painting's notes on them are never ahead.
        for copied, into in reversed(pairs):
            counts = copy_collection(copied, into, progress=report, before=counts)
    finally:
        progress.finish()
    target.settle_reading()
    for copied, into in pairs:
        _copy_scales(copied.schema.notes, into)
    return counts


def _copy_scales(ours: Mapping[str, Any], target: Collection) -> None:
    theirs = target.schema.notes
    if "scales" in ours and "scales" not in theirs:
        target.add_vectors({}, {**theirs, "scales": ours["scales"]})


def _pixels_side(vectors: Mapping[str, VectorSpec]) -> int:
    pixels = vectors.get(PIXELS)
    return 64 if pixels is None else isqrt(pixels.dim)


# --- repair ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GalleryRepair:
    """What was wrong with a gallery, and what became of it."""

    gallery: str | None
    folder_damage: str | None  # what was wrong with the data folder itself, which is mended
    collections: tuple[CollectionRepair, ...]  # paintings, and parts of each kind there are

    @property
    def was_sound(self) -> bool:
        """Whether nothing was wrong, and nothing was changed."""
        changed = any(c.damage is not None or c.renewed for c in self.collections)
        return self.folder_damage is None and not changed

    def to_dict(self) -> dict[str, JSON]:
        """Return it as docs/output.md has it."""
        made = [
            asdict(one) | {"painting_ids": list(one.painting_ids), "renewed": list(one.renewed)}
            for one in self.collections
        ]
        return {
            "gallery": self.gallery,
            "sound": self.was_sound,
            "folder_damage": self.folder_damage,
            "collections": made,
        }


def repair_gallery(
    settings: Settings | None = None,
    *,
    name: str | None = None,
    url: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    wait: float | None = None,
    progress: Progress | None = None,
) -> GalleryRepair:
    """Make an embedded gallery whole again from what can be read of it.

    A sound gallery is left as it is. Of a harmed one every point that can be read is written
    anew, and what it was is kept in the data folder, under ``damaged``. May be cut short at any
    moment and run again. A gallery of a server, which looks after its own files, is given the
    settings of a new one. `settings`, `name` and all others are as of `open_gallery`.
    CollectionNotFoundError if there is no such gallery, StoreLockedError if another process has it
    open, StoreError if the disk has too little room, or nothing says what it held.
    """
    settings = load_settings() if settings is None else settings
    url = settings.url if url is None and home is None else url
    if url is not None:
        with open_gallery(settings, name=name, url=url, api_key=api_key) as served:
            paintings = served[PAINTINGS]
            others = [served[kind] for kind in served.kinds if not kind.is_whole]
            renewed = [(c, c.renew()) for c in (paintings, *others)]
            of_server = [CollectionRepair(c.name, points=c.count(), renewed=r) for c, r in renewed]
            return GalleryRepair(served.name, None, tuple(of_server))
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
    readable = store.list_collections()
    restore = partial(_restored_schema, home=folder, readable=readable, settings=settings)
    made = [
        repair_collection(folder, one, restore, wait=waiting, progress=_reporter(progress))
        for one in there
    ]
    return GalleryRepair(gallery, folder_damage, tuple(made))


def _restored_schema(
    collection: str,
    vectors: Mapping[str, VectorSpec],
    *,
    home: Path,
    readable: Sequence[str],
    settings: Settings,
) -> CollectionSchema:
    """Return the schema of a collection as `Gallery` makes it, where only its vectors are left."""
    suffixes = (name for name in KINDS if f"_{collection}".endswith(f"_{name}"))
    part = next(suffixes, PAINTINGS.name)
    noted: dict[str, EncoderInfo] = {}
    for other in readable:
        with suppress(StoreError):
            noted = read_notes(read_schema(home / "collections" / other), other) | noted
    encoders = [
        asdict(noted.get(name) or _listed_encoder(name, spec.dim, settings))
        for name, spec in vectors.items()
        if name not in (PIXELS, POINTS)
    ]
    notes = {"part": part, "pixels_side": _pixels_side(vectors), "encoders": encoders}
    return CollectionSchema(vectors, KINDS[part].indexes, notes)


def _listed_encoder(vector_name: str, dim: int, settings: Settings) -> EncoderInfo:
    """Return the listed encoder of a vector; one that nobody knows is called by its vectors.

    Searches by id need no more.
    """
    # Imported here: most repairs ask for none, and the encoders take long to import.
    from artsim.encoders.registry import find_maker, resolve

    maker = find_maker(vector_name, settings=settings)
    if maker is None:
        return EncoderInfo(vector_name, vector_name, vector_name, dim)
    return resolve(maker, settings=settings).info(dim)


def _reporter(progress: Progress | None) -> Callable[[int, int], None]:
    """Return what reports points; it begins with the first ones, for a sound gallery has none."""
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
