"""Reading what can still be read of an embedded collection that was harmed.

Everything here works on a copy: the engine replays its log and lays files out anew as it opens.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import qdrant_edge as edge

from artsim.catalog.arrays import Vector
from artsim.errors import StoreError
from artsim.store.data_folder import OPENING_SPACE, check_space, data_of, write_schema
from artsim.store.edge_dialect import edge_errors
from artsim.store.embedded_collection import SHARD, EmbeddedCollection
from artsim.store.protocol import CollectionSchema, Record, VectorSpec

AT_ONCE: Final = 128
"""Points read together; where that fails, halves of them, down to one."""

_LOG: Final = "wal"

_PAINTING_ID: Final = re.compile(
    # "painting_id" as a key of CBOR, and the text that follows with its length in the first
    # byte, or in 1, 2 or 4 bytes after it. Filters and indexes have it as a value instead.
    rb"(?<!ckey)(?<!field_name)\x6bpainting_id([\x60-\x77]|\x78.|\x79..|\x7a....)",
    re.DOTALL,
)


@dataclass(slots=True)
class Salvage:
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


def try_out(schema: CollectionSchema, source: Path, copy: Path) -> Salvage | None:
    """Leave at `copy` the best that a remedy gets out of the harmed collection `source`.

    None where no remedy makes the engine open a copy.
    """
    found: list[Salvage] = []
    for how in _REMEDIES:
        salvage = _apply(how, schema, source, copy)
        found += [salvage] if salvage else []
        if salvage and salvage.is_whole:
            return salvage
    if not found:
        return None
    best = max(found, key=lambda s: s.points - len(s.unreadable) - len(s.partly) / 2)
    return _apply(best.how, schema, source, copy)


def _apply(how: str, schema: CollectionSchema, source: Path, copy: Path) -> Salvage | None:
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
        return examine(copy, how)
    except StoreError:
        # A full disk is not to be taken for a collection of which nothing can be read.
        check_space(copy, OPENING_SPACE)
        return None


def open_copy(folder: Path) -> EmbeddedCollection:
    """Open a collection that is in no store."""
    return EmbeddedCollection(folder, 0, on_close=lambda _: None)


def examine(folder: Path, how: str = "") -> Salvage:
    """Open a collection and read every point; StoreError if it tells not even which it has."""
    collection = open_copy(folder)
    try:
        salvage = Salvage(how)
        with suppress(StoreError, ValueError):
            counts = collection.facet("painting_id", limit=2**31)
            salvage.faceted = {str(count.value): count.count for count in counts}
        for _ in read_all(collection, salvage):
            pass
    finally:
        with suppress(StoreError):
            collection.close()
    return salvage


def read_all(collection: EmbeddedCollection, salvage: Salvage) -> Iterator[Record]:
    """Yield every point that can be read, and note in `salvage` which cannot."""
    ids = [record.point_id for record in collection.scroll(payload_fields=())]
    salvage.points = len(ids)
    salvage.unreadable, salvage.partly = [], []
    for start in range(0, len(ids), AT_ONCE):
        yield from _read(collection, ids[start : start + AT_ONCE], salvage)


def _read(collection: EmbeddedCollection, ids: Sequence[str], salvage: Salvage) -> Iterator[Record]:
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
        yield Record(point_id, record.payload, vectors)


def ids_in_log(folder: Path) -> set[str]:
    """Return the painting ids that stand in the log of the collection in `folder`.

    They are looked for in its bytes, whether or not the log can be read, and are those of
    paintings written, deleted since or not.
    """
    found: set[str] = set()
    for path in sorted((folder / SHARD / _LOG).glob("*")):
        if path.is_file():
            with path.open("rb") as file:
                log = b"".join(data for _, data in data_of(file))
            found.update(_painting_ids(log))
    return found


def _painting_ids(log: bytes) -> Iterator[str]:
    for match in _PAINTING_ID.finditer(log):
        head = match[1]
        length = head[0] - 0x60 if len(head) == 1 else int.from_bytes(head[1:], "big")
        text = log[match.end() : match.end() + length]
        with suppress(UnicodeDecodeError):
            yield text.decode()


def vectors_of_shard(folder: Path) -> dict[str, VectorSpec]:
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


def missing_ids(before: Mapping[str, int], log: set[str], after: Mapping[str, int]) -> list[str]:
    """Return the painting ids of which points are gone, sorted."""
    fewer = Counter(before) - Counter(after)
    return sorted({*fewer, *(painting_id for painting_id in log if painting_id not in after)})
