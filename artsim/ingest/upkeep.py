"""Keeping galleries: taking out what is gone, copying to another store, mending what is harmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from math import isqrt
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from artsim.catalog.hits import JSON
from artsim.catalog.kinds import KINDS, PAINTINGS, EncoderInfo
from artsim.catalog.payload import Criteria
from artsim.catalog.progress import Progress, SilentProgress, counted
from artsim.config import Settings, load_settings
from artsim.errors import SourceError, StoreError
from artsim.ingest.records import INGESTED_FROM, UNNOTED, Problem, Source, SourceEntry
from artsim.ingest.targets import Target, delete_by_id
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

# --- taking out ------------------------------------------------------------------------

MOST_AT_ONCE = 0.1
"""Share of a source's paintings above which it is rather the source that is not whole."""


def delete_paintings(gallery: Gallery, criteria: Criteria) -> None:
    """Delete the paintings that meet `criteria`, each after its parts.

    Interrupted, it leaves every painting either whole or without parts; run again, it finishes.
    ValueError if `criteria` is empty: `delete_gallery` deletes everything.
    """
    if not criteria.must and not criteria.must_not:
        raise ValueError("criteria must not be empty")
    paintings = gallery[PAINTINGS]
    records = paintings.scroll(criteria, payload_fields=["painting_id"])
    ids = [str(record.payload["painting_id"]) for record in records]
    delete_by_id(ids, paintings, [gallery[kind] for kind in gallery.kinds if not kind.is_whole])


def delete_gallery(gallery: Gallery) -> None:
    """Delete the gallery's collections with all that is in them, the paintings last."""
    for kind in reversed(KINDS.values()):
        gallery.store.delete_collection(gallery.collection_name(kind))


@dataclass(slots=True)
class Yielded:
    """What a source had, as far as it was read: what it has not is taken out.

    `ids` are of its pictures, whether or not they could be read; `named` is what rows with a
    problem call their paintings, which are still in the source; `hidden` is the first problem
    behind which any painting may be.
    """

    ids: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    hidden: Problem | None = None

    def watch(self, entries: Iterable[SourceEntry]) -> Iterator[SourceEntry]:
        """Yield the entries, noting them."""
        for entry in entries:
            if not isinstance(entry, Problem):
                self.ids.add(entry.painting_id)
            elif entry.painting_id is not None:
                self.named |= _other_names(entry.painting_id)
            elif entry.may_hide_any and self.hidden is None:
                self.hidden = entry
            yield entry

    def has(self, painting_id: str) -> bool:
        """Return whether the source may still have the painting."""
        return painting_id in self.ids or not self.named.isdisjoint(_other_names(painting_id))


def prune(
    source: Source, yielded: Yielded, targets: Sequence[Target], *, most: float, dry_run: bool
) -> int:
    """Take out what the source no longer has, and return how many paintings that were.

    Interrupted, it is finished by the next one. SourceError, and nothing is taken out, if the
    source is empty or was not read wholly, or more would go than the share `most`.
    """
    paintings, *parts = (target.collection for target in targets)
    if paintings is None:
        return 0
    if not yielded.ids:
        raise SourceError(f"{source.uri} has no picture that is there: nothing was taken out")
    if yielded.hidden is not None:
        raise SourceError(
            f"{yielded.hidden}: nothing was taken out, since nobody knows which paintings are "
            "behind it; mend it first"
        )
    gone, total = _missing(source, yielded, paintings)
    if len(gone) > most * total:
        raise SourceError(
            f"{len(gone):,} of {counted(total, 'painting')} from {source.uri} are no longer in it, "
            f"more than {most:.0%}: nothing was taken out; check that the source is whole, or "
            "say that they are to go",
            hint="--yes",
        )
    if not dry_run:
        delete_by_id(gone, paintings, [part for part in parts if part is not None])
    return len(gone)


def _missing(source: Source, yielded: Yielded, paintings: Collection) -> tuple[list[str], int]:
    """Return the ids that the source has no longer, and how many paintings came from it."""
    gone: list[str] = []
    total = 0
    # Before sources were noted, a path for an id still showed which folder it came from.
    for criteria in (source.own, UNNOTED) if source.is_folder else (source.own,):
        fields = ["painting_id", "image_uri", INGESTED_FROM]
        for record in paintings.scroll(criteria, payload_fields=fields):
            if criteria is UNNOTED and not source.gave(record.payload):
                continue
            total += 1
            painting_id = str(record.payload["painting_id"])
            if not yielded.has(painting_id):
                gone.append(painting_id)
    return gone, total


def _other_names(painting_id: str) -> set[str]:
    """Return what a row may call a picture of that id: its path, name, or name without suffix."""
    path = PurePosixPath(painting_id.replace("\\", "/"))
    return {painting_id, str(path), path.name, path.stem} - {""}


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
