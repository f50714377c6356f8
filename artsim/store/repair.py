"""Making a harmed embedded collection whole again, without losing what it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Final

from artsim.catalog.payload import why_unstorable
from artsim.errors import StoreDamagedError, StoreError
from artsim.store.data_folder import (
    COLLECTION_FILE,
    DISK_RESERVE,
    STORE_FILE,
    FolderLock,
    bytes_on_disk,
    check_space,
    check_store_folder,
    damaged_error,
    mark_store_folder,
    read_schema,
    sync_folder,
    write_json,
)
from artsim.store.edge_dialect import edge_errors
from artsim.store.embedded import make_collection
from artsim.store.embedded_collection import SHARD
from artsim.store.protocol import CollectionSchema, Point, VectorSpec
from artsim.store.salvage import (
    AT_ONCE,
    Salvage,
    examine,
    ids_in_log,
    missing_ids,
    open_copy,
    read_all,
    try_out,
    vectors_of_shard,
)

COPIES: Final = "damaged"
"""Folder of the data folder that keeps harmed collections as they were."""

_FINISHED: Final = "finished.json"
"""Says in the folder of work that only the exchange is left to do."""

RestoreSchema = Callable[[str, Mapping[str, VectorSpec]], CollectionSchema]
"""Makes a lost schema again, from the collection's name and the vectors that the engine has."""

Progress = Callable[[int, int], None]
"""Called with how many points are written, and of how many."""


@dataclass(frozen=True, slots=True)
class CollectionRepair:
    """What was wrong with a collection, and what became of it.

    Attributes
    ----------
    damage : str or None
        What was wrong; None of a sound one, which is left as it is.
    points, missing, without_some_vectors : int
        Points that it has now; that the engine knew of and that could not be read; and of
        which only some vectors could be read.
    painting_ids : tuple of str
        Paintings to ingest again: of points that could not be read, or that stood in the
        engine's log and are not in the collection; some may have been deleted on purpose.
    copy : str or None
        Folder with the collection as it was.
    renewed : tuple of str
        What a server's collection had of earlier versions, and has no more.
    """

    collection: str
    damage: str | None = None
    points: int = 0
    missing: int = 0
    without_some_vectors: int = 0
    painting_ids: tuple[str, ...] = ()
    copy: str | None = None
    renewed: tuple[str, ...] = ()


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
    reserve: int = DISK_RESERVE,
    progress: Progress | None = None,
) -> CollectionRepair:
    """Make a collection whole from what can be read of it; keep it as it was beside.

    A sound one is left as it is. Cut short at any moment, the harmed collection is still there,
    under its name or as its copy, and the next call starts again or finishes. `restore_schema` is
    asked where ``collection.json`` cannot be read.

    Raises
    ------
    StoreLockedError
        If another process has it open, for more than `wait` seconds.
    StoreError
        If the disk has too little room; or the repaired collection cannot be read either.
    """
    folder = home / "collections" / name
    work = folder.parent / f".repair-{name}"
    with edge_errors(folder, "repairing"):
        begun = (work / _FINISHED).exists()
        if not begun or _is_untouched(folder, work):
            damage, points = _diagnose(folder, wait)
            if damage is None:
                shutil.rmtree(work, ignore_errors=True)
                return CollectionRepair(name, points=points)
        folder.mkdir(exist_ok=True)
        lock = FolderLock(folder, wait)
        try:
            if not begun:
                shutil.rmtree(work, ignore_errors=True)
                # For a copy to read from and a new collection; the harmed one is moved.
                check_space(folder, 2 * bytes_on_disk(folder) + reserve)
                work.mkdir()
                made = _make_whole(folder, work, damage or "", restore_schema, progress)
                write_json(work / _FINISHED, asdict(made))
            return _exchange(folder, work)
        finally:
            lock.release()


def _is_untouched(folder: Path, work: Path) -> bool:
    """Return whether the exchange has still to begin: someone may have mended it meanwhile."""
    return (work / "new" / SHARD).exists() and (folder / SHARD).exists()


def _diagnose(folder: Path, wait: float) -> tuple[str | None, int]:
    FolderLock(folder, wait).release()
    try:
        salvage = examine(folder)
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
    tried = try_out(schema, folder, source)
    make_collection(new, schema)
    best = tried or Salvage("")
    refused = _write(source, new, best, progress) if tried else []
    made = examine(new)
    if not made.is_whole or made.points != best.points - len(best.unreadable) - len(refused):
        raise StoreError(
            f"{folder}: what was saved of it cannot be read either ({made.points:,} of "
            f"{best.points:,} points); it is left as it is: restore it from a copy, or delete it "
            "and ingest again",
            path=folder,
        )
    what = "nothing of it can be read" if tried is None else best.how and f"read {best.how}"
    return CollectionRepair(
        folder.name,
        f"{damage}; {what}" if what else damage,
        made.points,
        best.points - made.points,
        len(best.partly),
        tuple(missing_ids(best.faceted, ids_in_log(folder), made.faceted)),
        str(_aside(folder.parents[1], folder.name)),
    )


def _schema_of(folder: Path, restore_schema: RestoreSchema) -> CollectionSchema:
    try:
        return read_schema(folder)
    except StoreDamagedError:
        vectors = vectors_of_shard(folder)
        if not vectors:
            raise damaged_error(
                folder, f"neither {COLLECTION_FILE} nor the engine's files say what is in it"
            ) from None
        return restore_schema(folder.name, vectors)


def _write(source: Path, new: Path, salvage: Salvage, progress: Progress | None) -> list[str]:
    """Write what can be read of `source` to `new`; return the points that are refused."""
    refused: list[str] = []
    old, target = open_copy(source), open_copy(new)
    try:
        written = 0
        records = read_all(old, salvage)
        while batch := list(islice(records, AT_ONCE)):
            bad = [r.point_id for r in batch if why_unstorable(r.payload) is not None]
            refused += bad
            good = [r for r in batch if r.point_id not in bad]
            target.upsert([Point(r.point_id, r.vectors, r.payload) for r in good])
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
    said["painting_ids"] = tuple(said["painting_ids"])
    return CollectionRepair(**{**said, "renewed": ()})


def _aside(home: Path, name: str) -> Path:
    """Return a new place for what was harmed: its name and the time, or with a number too."""
    path = home / COPIES / f"{name}-{datetime.now():%Y-%m-%d-%H%M%S}"
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(place for place in chain([path], numbered) if not place.exists())
