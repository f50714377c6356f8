"""Making a harmed embedded collection whole again, without losing what it was.

What can still be read is read from a copy: the engine replays its log and lays files out anew as
it opens.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.arrays import Vector
from artsim.catalog.payload import why_unstorable
from artsim.errors import StoreDamagedError, StoreError
from artsim.store.data_folder import (
    COLLECTION_FILE,
    DISK_RESERVE,
    OPENING_SPACE,
    STORE_FILE,
    bytes_on_disk,
    check_space,
    check_store_folder,
    damaged_error,
    data_of,
    lock_folder,
    mark_store_folder,
    read_schema,
    sync_folder,
    write_json,
    write_schema,
)
from artsim.store.edge_dialect import edge_errors
from artsim.store.embedded import SHARD, EmbeddedCollection, make_collection
from artsim.store.protocol import CollectionSchema, Record, VectorSpec

COPIES: Final = "damaged"  # folder of the data folder that keeps harmed collections as they were
_FINISHED: Final = "finished.json"  # in the folder of work: only the exchange is left to do
_AT_ONCE: Final = 128  # points read together; where that fails, halves of them, down to one
_LOG: Final = "wal"
_PAINTING_ID: Final = re.compile(
    # "painting_id" as a key of CBOR, and the text that follows with its length in the first
    # byte, or in 1, 2 or 4 bytes after it. Filters and indexes have it as a value instead.
    rb"(?<!ckey)(?<!field_name)\x6bpainting_id([\x60-\x77]|\x78.|\x79..|\x7a....)",
    re.DOTALL,
)

RestoreSchema = Callable[[str, Mapping[str, VectorSpec]], CollectionSchema]
"""Makes a lost schema again, from the collection's name and the vectors that the engine has."""

Progress = Callable[[int, int], None]
"""Called with how many points are written, and of how many."""


@dataclass(frozen=True, slots=True)
class CollectionRepair:
    """What was wrong with a collection, and what became of it.

    The paintings to ingest again are of points that could not be read, or that stood in the
    engine's log and are not in the collection; some may have been deleted on purpose.
    """

    collection: str
    damage: str | None = None  # None of a sound one, which is left as it is
    points: int = 0  # that it has now
    missing: int = 0  # points that the engine knew of and that could not be read
    without_some_vectors: int = 0  # points of which only some vectors could be read
    painting_ids: tuple[str, ...] = ()
    copy: str | None = None  # folder with the collection as it was
    renewed: tuple[str, ...] = ()  # what a server's had of earlier versions, and has no more


def repair_store_folder(home: Path) -> str | None:
    """Write the mark of a data folder anew where it is lost; return what was wrong with it."""
    try:
        check_store_folder(home)
    except StoreDamagedError as exc:
        mark = home / STORE_FILE
        with edge_errors(home, "repairing"):
            if mark.exists():
                (home / COPIES).mkdir(exist_ok=True)
                mark.rename(_aside(home, STORE_FILE))
            mark_store_folder(home, known=True)
        return str(exc)
    return None


def unfinished_repairs(home: Path) -> list[str]:
    """Return the names of collections that a repair was about to exchange when it was killed."""
    found = home.glob(f"collections/.repair-*/{_FINISHED}")
    return [path.parent.name.removeprefix(".repair-") for path in found]


def repair_collection(
    home: Path,
    name: str,
    restore_schema: RestoreSchema,
    *,
    wait: float = 0.0,
    progress: Progress | None = None,
) -> CollectionRepair:
    """Make a collection whole from what can be read of it; keep it as it was beside.

    A sound one is left as it is. Cut short at any moment, the harmed collection is still there,
    under its name or as its copy, and the next call starts again or finishes. `restore_schema` is
    asked where ``collection.json`` cannot be read.

    StoreLockedError if another process has it open, for more than `wait` seconds; StoreError if the
    disk has too little room, or the repaired collection cannot be read either.
    """
    folder = home / "collections" / name
    work = folder.parent / f".repair-{name}"
    with edge_errors(folder, "repairing"):
        begun = (work / _FINISHED).exists()
        # Until the exchange has begun, someone may have mended it meanwhile.
        is_untouched = (work / "new" / SHARD).exists() and (folder / SHARD).exists()
        if not begun or is_untouched:
            damage, points = _diagnose(folder, wait)
            if damage is None:
                shutil.rmtree(work, ignore_errors=True)
                return CollectionRepair(name, points=points)
        folder.mkdir(exist_ok=True)
        lock = lock_folder(folder, wait)
        try:
            if not begun:
                shutil.rmtree(work, ignore_errors=True)
                # For a copy to read from and a new collection; the harmed one is moved.
                check_space(folder, 2 * bytes_on_disk(folder) + DISK_RESERVE)
                work.mkdir()
                made = _make_whole(folder, work, damage or "", restore_schema, progress)
                write_json(work / _FINISHED, asdict(made))
            return _exchange(folder, work)
        finally:
            lock.release()


def _diagnose(folder: Path, wait: float) -> tuple[str | None, int]:
    lock_folder(folder, wait).release()
    try:
        salvage = _examine(folder)
    except StoreDamagedError as exc:
        return str(exc).partition(" is damaged (")[2].rpartition("); ")[0] or str(exc), 0
    if salvage.is_whole:
        return None, salvage.points
    wrong = len(salvage.unreadable) + len(salvage.partly)
    return f"{wrong:,} of {salvage.points:,} points cannot be read", salvage.points


def _make_whole(
    folder: Path,
    work: Path,
    damage: str,
    restore_schema: RestoreSchema,
    progress: Progress | None,
) -> CollectionRepair:
    """Write a new collection of what can be read, and read it."""
    schema = _schema_of(folder, restore_schema)
    source, new = work / "source", work / "new"
    tried = _try_out(schema, folder, source)
    make_collection(new, schema)
    best = tried or _Salvage("")
    refused = _write(source, new, best, progress) if tried else 0
    made = _examine(new)
    if not made.is_whole or made.points != best.points - len(best.unreadable) - refused:
        raise StoreError(
            f"{folder}: what was saved of it cannot be read either ({made.points:,} of "
            f"{best.points:,} points); it is left as it is: restore it from a copy, or delete it "
            "and ingest again",
            path=folder,
        )
    fewer = Counter(best.faceted) - Counter(made.faceted)
    gone = {*fewer, *(_ids_in_log(folder) - made.faceted.keys())}
    what = "nothing of it can be read" if tried is None else best.how and f"read {best.how}"
    return CollectionRepair(
        folder.name,
        f"{damage}; {what}" if what else damage,
        made.points,
        best.points - made.points,
        len(best.partly),
        tuple(sorted(gone)),
        str(_aside(folder.parents[1], folder.name)),
    )


def _schema_of(folder: Path, restore_schema: RestoreSchema) -> CollectionSchema:
    try:
        return read_schema(folder)
    except StoreDamagedError:
        vectors = _vectors_of_shard(folder)
        if not vectors:
            raise damaged_error(
                folder, f"neither {COLLECTION_FILE} nor the engine's files say what is in it"
            ) from None
        return restore_schema(folder.name, vectors)


def _write(source: Path, new: Path, salvage: _Salvage, progress: Progress | None) -> int:
    """Write what can be read of `source` to `new`; return how many points are refused."""
    refused = 0
    old, target = _open_copy(source), _open_copy(new)
    try:
        written = 0
        records = _read_all(old, salvage)
        while batch := list(islice(records, _AT_ONCE)):
            good = [point for point in batch if why_unstorable(point.payload) is None]
            target.upsert(good)
            refused += len(batch) - len(good)
            written += len(batch)
            if progress is not None:
                progress(written, salvage.points)
        target.optimize()
        target.flush()
    finally:
        target.close()
        with suppress(StoreError):
            old.close()
    return refused


def _exchange(folder: Path, work: Path) -> CollectionRepair:
    """Move the harmed collection to its copy, and the new one to its place.

    Every step is one renaming, done only where it is still to do, so that a call that was
    killed at any of them is finished by the next.
    """
    said: dict[str, Any] = json.loads((work / _FINISHED).read_text(encoding="utf-8"))
    copy, new = Path(said["copy"]), work / "new"
    copy.mkdir(parents=True, exist_ok=True)
    for name in (SHARD, COLLECTION_FILE):
        if not (new / name).exists():
            continue
        if (folder / name).exists() and not (copy / name).exists():
            (folder / name).rename(copy / name)
            sync_folder(copy)
        (new / name).rename(folder / name)
        sync_folder(folder)
    shutil.rmtree(work)
    known = {"painting_ids": tuple(said["painting_ids"]), "renewed": ()}
    return CollectionRepair(**{**said, **known})


def _aside(home: Path, name: str) -> Path:
    """Return a new place for what was harmed: its name and the time, or with a number too."""
    path = home / COPIES / f"{name}-{datetime.now():%Y-%m-%d-%H%M%S}"
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(place for place in chain([path], numbered) if not place.exists())


# --- what can still be read ----------------------------------------------------------


@dataclass(slots=True)
class _Salvage:
    """What was found out about a copy of a harmed collection.

    The points are all that the engine knows of, and in the lists are the ids of those without a
    payload, and with only some vectors, that could be read.
    """

    how: str  # was done to it before it could be read; "" where nothing was needed
    points: int = 0
    unreadable: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    faceted: dict[str, int] = field(default_factory=dict)  # by painting id, from its index

    @property
    def is_whole(self) -> bool:
        """Whether every point can be read."""
        return not self.unreadable and not self.partly


def _copy_file(source: str, target: str) -> None:
    """Copy a file with the holes in it."""
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        for start, data in data_of(old):
            new.seek(start)
            new.write(data)
        new.truncate(os.fstat(old.fileno()).st_size)


def _drop_indexes(shard: Path) -> None:
    for folder in (shard / "segments").glob("*/payload_index"):
        shutil.rmtree(folder)


def _drop_log(shard: Path) -> None:
    shutil.rmtree(shard / _LOG, ignore_errors=True)


def _drop_broken_segments(shard: Path) -> None:
    """Leave only the segments that load, each tried without the others."""
    kept, tried = shard / "segments", shard.parent / "tried"
    found = sorted(kept.iterdir()) if kept.is_dir() else []
    tried.mkdir()
    good = []
    for segment in found:
        segment.rename(tried / segment.name)
    for segment in found:
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        (tried / segment.name).rename(segment)
        with suppress(StoreError), edge_errors(shard, "opening"):
            edge.EdgeShard.load(str(shard)).close()
            segment.rename(tried / segment.name)
            good.append(segment)
        _drop_log(shard)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for segment in good:
        (tried / segment.name).rename(segment)


_REMEDIES: Final[Mapping[str, Sequence[Callable[[Path], None]]]] = {
    "": (),
    "without its indexes of the metadata": (_drop_indexes,),
    "without the engine's log": (_drop_log,),
    "without the engine's log and its indexes of the metadata": (_drop_log, _drop_indexes),
    "without the engine's log and the segments that cannot be read": (
        _drop_log,
        _drop_indexes,
        _drop_broken_segments,
    ),
}
"""What is left out of a copy, the least first: the log holds what was written last."""


def _try_out(schema: CollectionSchema, source: Path, copy: Path) -> _Salvage | None:
    """Leave at `copy` the best that a remedy gets out of the harmed collection `source`.

    None where no remedy makes the engine open a copy.
    """
    found: list[_Salvage] = []
    for how in _REMEDIES:
        salvage = _apply(how, schema, source, copy)
        found += [salvage] if salvage else []
        if salvage and salvage.is_whole:
            return salvage
    if not found:
        return None
    best = max(found, key=lambda s: s.points - len(s.unreadable) - len(s.partly) / 2)
    return _apply(best.how, schema, source, copy)


def _apply(how: str, schema: CollectionSchema, source: Path, copy: Path) -> _Salvage | None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, copy_function=_copy_file)
    write_schema(copy, schema)
    config = copy / SHARD / "edge_config.json"
    try:
        json.loads(config.read_bytes())
    except (OSError, ValueError):
        config.unlink(missing_ok=True)  # the engine makes it again from its segments
    for remedy in _REMEDIES[how]:
        remedy(copy / SHARD)
    try:
        return _examine(copy, how)
    except StoreError:
        # A full disk is not to be taken for a collection of which nothing can be read.
        check_space(copy, OPENING_SPACE)
        return None


def _open_copy(folder: Path) -> EmbeddedCollection:
    """Open a collection that is in no store."""
    return EmbeddedCollection(folder, 0, on_close=lambda _: None)


def _examine(folder: Path, how: str = "") -> _Salvage:
    """Open a collection and read every point; StoreError if it tells not even which it has."""
    collection = _open_copy(folder)
    try:
        salvage = _Salvage(how)
        with suppress(StoreError, ValueError):
            counts = collection.facet("painting_id", limit=2**31)
            salvage.faceted = {str(count.value): count.count for count in counts}
        for _ in _read_all(collection, salvage):
            pass
    finally:
        with suppress(StoreError):
            collection.close()
    return salvage


def _read_all(collection: EmbeddedCollection, salvage: _Salvage) -> Iterator[Record]:
    """Yield every point that can be read, and note in `salvage` which cannot."""
    ids = [record.point_id for record in collection.scroll(payload_fields=())]
    salvage.points = len(ids)
    salvage.unreadable, salvage.partly = [], []
    for start in range(0, len(ids), _AT_ONCE):
        yield from _read(collection, ids[start : start + _AT_ONCE], salvage)


def _read(
    collection: EmbeddedCollection, ids: Sequence[str], salvage: _Salvage
) -> Iterator[Record]:
    names = list(collection.schema.vectors)
    with suppress(StoreError):
        found = collection.retrieve(ids, with_vectors=names)
        if len(found) == len(ids):
            yield from found.values()
            return
    if len(ids) > 1:
        half = len(ids) // 2
        yield from _read(collection, ids[:half], salvage)
        yield from _read(collection, ids[half:], salvage)
        return
    (point_id,) = ids
    record: Record | None = None
    with suppress(StoreError):
        record = collection.retrieve(ids).get(point_id)
    (salvage.unreadable if record is None else salvage.partly).append(point_id)
    if record is not None:
        vectors: dict[str, Vector] = {}
        for name in names:
            with suppress(StoreError):
                vectors |= collection.retrieve(ids, with_vectors=[name])[point_id].vectors
        yield Record(point_id, vectors, record.payload)


def _ids_in_log(folder: Path) -> set[str]:
    """Return the painting ids that stand in the log of the collection in `folder`.

    They are looked for in its bytes, whether or not the log can be read, and are those of
    paintings written, deleted since or not.
    """
    found: set[str] = set()
    for path in (folder / SHARD / _LOG).glob("*"):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            log = b"".join(data for _, data in data_of(file))
        for match in _PAINTING_ID.finditer(log):
            head = match[1]
            length = head[0] - 0x60 if len(head) == 1 else int.from_bytes(head[1:], "big")
            with suppress(UnicodeDecodeError):
                found.add(log[match.end() : match.end() + length].decode())
    return found


def _vectors_of_shard(folder: Path) -> dict[str, VectorSpec]:
    """Return the vectors of a collection as the engine's own files have them; {} if none do."""
    shard = folder / SHARD
    configs = [shard / "edge_config.json", *sorted(shard.glob("segments/*/segment.json"))]
    for path in configs:
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            found = json.loads(path.read_text(encoding="utf-8"))
            listed = found["vectors"] if "vectors" in found else found["config"]["vector_data"]
            return {name: _to_spec(params) for name, params in sorted(listed.items())}
    return {}


def _to_spec(params: Mapping[str, Any]) -> VectorSpec:
    datatype = params.get("datatype") or "float32"
    # Only pixels and points are of uint8, and never indexed.
    return VectorSpec(
        int(params["size"]),
        params["distance"].lower(),
        "uint8" if datatype == "uint8" else "float32",
        indexed=datatype != "uint8",
        many=bool(params.get("multivector_config")),
    )
