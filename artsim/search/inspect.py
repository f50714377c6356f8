"""What a gallery holds, without searching it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from artsim.catalog.criteria import AnyOf, Criteria
from artsim.catalog.hits import JSON
from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.errors import StoreError, StoreLockedError
from artsim.files import FileKind, file_hash, is_same_file, local_path
from artsim.search.probes import find_painting
from artsim.store.gallery import (
    Gallery,
    collection_name,
    list_galleries,
    missing_gallery,
    read_encoders,
    remark_on_reading,
)
from artsim.store.protocol import Record, ServerState, Store


def describe_painting(gallery: Gallery, painting_id: str) -> dict[str, JSON]:
    """Return a painting's payload, the names of its vectors, and its faces and other parts."""
    paintings = gallery[PAINTINGS]
    record = find_painting(painting_id, paintings, list(paintings.schema.vectors))
    of_painting = Criteria((AnyOf("painting_id", (painting_id,)),))
    parts: dict[str, JSON] = {FACES.name: []}
    for kind in [kind for kind in gallery.kinds if not kind.is_whole]:
        found = gallery[kind].scroll(of_painting, payload_fields=list(kind.own_fields))
        ordered = sorted(found, key=lambda part: _part_order(part, kind))
        parts[kind.name] = [part.payload for part in ordered]
    return {
        **record.payload,
        "point_id": record.point_id,
        "vectors": sorted(record.vectors),
        **parts,
    }


def _part_order(part: Record, kind: Kind) -> tuple[int, str]:
    index = part.payload.get(kind.index_field)
    return (index if isinstance(index, int) else 0, part.point_id)


def describe_store(gallery: Gallery, *, alone: bool = False) -> dict[str, JSON]:
    """Return every gallery of a store: collections, counts, encoders, bytes on disk.

    Where a collection cannot be read, because it is damaged or another process has it open, it
    has an ``error`` instead, and the others are there all the same.

    Parameters
    ----------
    alone : bool
        Only `gallery` itself, which must exist.

    Raises
    ------
    CollectionNotFoundError
        If there is no such gallery.
    StoreError
        If the store cannot be reached, or is of another kind or too old.
    """
    store = gallery.store
    collections = store.list_collections()
    store.hurry()  # how things are is told, not waited for until they are well
    names = list_galleries(store)
    if alone and gallery.name not in names:
        raise missing_gallery(store, gallery.name)
    if not names:
        store.check_version()
    ours = {
        name: [one for kind in KINDS if (one := collection_name(name, kind)) in collections]
        for name in names
    }
    foreign = set(collections).difference(*ours.values())
    galleries: list[JSON] = []
    for name, parts in ours.items():
        if not alone or name == gallery.name:
            described = [_describe_collection(store, part) for part in parts]
            notes = [*_remarks(store, parts[0]), *_what_lacks(described)]
            galleries.append({"gallery": name, "collections": described, "notes": notes})
    return {
        "location": store.location,
        "galleries": galleries,
        "other_collections": [] if alone else sorted(foreign),
    }


def list_errors(described: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the errors in what `describe_store` returned; one in use counts if all are."""
    collections = [c for gallery in described["galleries"] for c in gallery["collections"]]
    errors = [c["error"] for c in collections if "error" in c]
    in_use = [error for error in errors if error["kind"] == StoreLockedError.__name__]
    if len(in_use) == len(collections):
        return errors
    return [error for error in errors if error not in in_use]


def _remarks(store: Store, name: str) -> list[str]:
    try:
        remark = remark_on_reading(store.open_collection(name))
    except StoreError:  # which is in the collection's description
        return []
    return [] if remark is None else [remark]


def _describe_collection(store: Store, name: str) -> dict[str, JSON]:
    try:
        collection = store.open_collection(name)
        stats = collection.stats()
        encoders = read_encoders(collection)
        # Counts are read without the payloads, whose damage would not be seen.
        next(iter(collection.scroll(page_size=1)), None)
    except StoreError as error:
        return {"name": name, "error": error.to_dict()}
    return {
        "name": name,
        "points": stats.points,
        "bytes_on_disk": stats.bytes_on_disk,
        "written": None if stats.written is None else f"{stats.written:%Y-%m-%dT%H:%M:%SZ}",
        "encoders": [asdict(info) for info in encoders.values()],
        "server": None if stats.server is None else _describe_server(stats.server),
    }


def _describe_server(state: ServerState) -> dict[str, JSON]:
    return {**asdict(state), "survives": state.survives, "lacks": list(state.lacks)}


def _what_lacks(described: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to tell of collections that were made before, in one line."""
    lacking = {c["name"]: c["server"]["lacks"] for c in described if c.get("server")}
    found = {name: lacks for name, lacks in lacking.items() if lacks}
    if not found:
        return []
    has = ", ".join(dict.fromkeys(lack for lacks in found.values() for lack in lacks))
    return [
        f"{' and '.join(found)} as earlier versions made them, with {has}: artsim repair changes "
        "that in place"
    ]


def check_no_painting(gallery: Gallery, path: Path, kind: FileKind) -> None:
    """Raise an error of `kind` where a picture or a list of the gallery lies at `path`."""
    if not path.is_file() or PAINTINGS not in gallery:
        return
    names = tuple({path.absolute().as_uri(), path.resolve().as_uri()})
    painting_id = _painting_at(gallery, path, names)
    if painting_id is not None:
        raise kind.error(
            f"{path}: this is the picture of {painting_id!r} in the gallery, which is never "
            "replaced; name another file",
            path=path,
            painting_id=painting_id,
        )
    if gallery[PAINTINGS].count(Criteria((AnyOf("ingested_from", names),))):
        raise kind.error(
            f"{path}: the gallery was ingested from this list, which is never replaced; name "
            "another file",
            path=path,
        )


def _painting_at(gallery: Gallery, path: Path, names: tuple[str, ...]) -> str | None:
    """Return the id of the painting whose picture a file is, by whatever name."""
    conditions = [AnyOf("image_uri", names)]
    with suppress(OSError):
        # Links, and other spellings where case does not count, lead to the same bytes.
        conditions.append(AnyOf("image_sha256", (file_hash(path),)))
    for condition in conditions:
        for record in gallery[PAINTINGS].scroll(
            Criteria((condition,)), payload_fields=("painting_id", "image_uri")
        ):
            uri = str(record.payload.get("image_uri", ""))
            place = local_path(uri)
            if uri in names or place is None or not place.exists() or is_same_file(place, path):
                return str(record.payload["painting_id"])
    return None
