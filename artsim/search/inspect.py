"""What a gallery holds, without searching it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

from artsim import __version__
from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import JSON
from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.catalog.payload import AnyOf, Criteria, Payload
from artsim.errors import QueryError, StoreError, StoreLockedError
from artsim.files import FileKind, file_hash, is_same_file, local_path
from artsim.search.models import Models
from artsim.search.named_faces import Unplaced, find_people, names_of, place_faces
from artsim.search.probes import PictureSource, QueryFace, find_painting, stored_vectors
from artsim.search.question import IdQuery, ImageQuery, output_form
from artsim.search.rerank import PIXELS
from artsim.store.gallery import (
    Gallery,
    collection_name,
    list_galleries,
    missing_gallery,
    read_notes,
    remark_on_reading,
)
from artsim.store.protocol import Collection, Record, Store


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
    own = {"point_id": record.point_id, "vectors": sorted(record.vectors)}
    return {**record.payload, **own, **parts}


def _part_order(part: Record, kind: Kind) -> tuple[int, str]:
    index = part.payload.get(kind.index_field)
    return (index if isinstance(index, int) else 0, part.point_id)


def describe_store(gallery: Gallery, *, alone: bool = False) -> dict[str, JSON]:
    """Return every gallery of a store: collections, counts, encoders, bytes on disk.

    Where a collection cannot be read, because it is damaged or another process has it open, it has
    an ``error`` instead, and the others are there all the same. `alone` is only `gallery` itself,
    which must exist, else CollectionNotFoundError; StoreError if the store cannot be reached, or is
    of another kind or too old.
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
            notes: list[str] = []
            with suppress(StoreError):  # which is in the collection's description
                notes += filter(None, [remark_on_reading(store.open_collection(parts[0]))])
            notes += _what_lacks(described)
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


def _describe_collection(store: Store, name: str) -> dict[str, JSON]:
    try:
        collection = store.open_collection(name)
        stats = collection.stats()
        encoders = read_notes(collection.schema, collection.name)
        # Counts are read without the payloads, whose damage would not be seen.
        next(iter(collection.scroll(page_size=1)), None)
    except StoreError as error:
        return {"name": name, "error": error.to_dict()}
    server, own = stats.server, None
    if server is not None:
        own = {**asdict(server), "survives": server.survives, "lacks": list(server.lacks)}
    return {
        "name": name,
        "points": stats.points,
        "bytes_on_disk": stats.bytes_on_disk,
        "written": None if stats.written is None else f"{stats.written:%Y-%m-%dT%H:%M:%SZ}",
        "encoders": [asdict(info) for info in encoders.values()],
        "server": own,
    }


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


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer comes of beside the question: gallery, vectors compared, version of artsim.

    `digest` is the SHA-256 of the collection's name, points, notes and time of last writing; a
    server does not tell the last, so that there a change within a point is not seen. What others
    write to a server shows after five seconds.
    """

    gallery: str | None = None
    location: str = ""
    points: int = 0
    digest: str = ""
    encoders: tuple[str, ...] = ()
    artsim: str = __version__


def source_of(gallery: Gallery, collection: Collection, encoders: tuple[str, ...]) -> Source:
    """Return what an answer of a collection, by vectors of those names, comes of."""
    points, digest = describe_state(collection)
    return Source(gallery.name, gallery.store.location, points, digest, encoders)


def describe_state(collection: Collection) -> tuple[int, str]:
    """Return how many points a collection has, and the digest of `Source`."""
    stats = collection.stats(on_disk=False)
    told = [collection.name, stats.points, dict(collection.schema.notes), str(stats.written)]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
    return stats.points, digest


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


def read_grays(gallery: Gallery, faces: Sequence[tuple[str, Payload]]) -> dict[str, Pixels]:
    """Return the small gray pictures of faces, by point id, whose pictures are not here."""
    uris = {uri for _, payload in faces if isinstance(uri := payload.get("image_uri"), str)}
    here = {uri for uri in uris if (path := local_path(uri)) is not None and path.is_file()}
    wanted = [point_id for point_id, payload in faces if payload.get("image_uri") not in here]
    return stored_vectors(gallery[FACES], PIXELS, wanted)


# The faces of one picture


@dataclass(frozen=True, slots=True)
class FacesOf:
    """The faces of a picture, by the numbers that searches take.

    `names` are what a person called them, by number; `payload` is of the painting, where it was
    named by its id, and `image` the picture, where it was not.
    """

    name: str
    image: PictureSource | None = field(repr=False, compare=False)
    payload: Payload | None
    faces: tuple[QueryFace, ...]
    names: Mapping[int, str] = field(default_factory=dict)
    unplaced: tuple[Unplaced, ...] = ()
    notes: tuple[str, ...] = ()
    grays: Mapping[int, Pixels] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``artsim faces --format json`` writes it: see docs/output.md."""
        faces = [
            {
                "face_index": face.index,
                "box": astuple(face.box),
                "face_size": face.size,
                "detection_score": face.score,
                "sure": face.is_sure(),
                **({"name": self.names[face.index]} if face.index in self.names else {}),
            }
            for face in self.faces
        ]
        unplaced = [one.to_dict() for one in self.unplaced]
        return output_form(
            picture=self.name,
            notes=self.notes,
            faces=faces,
            unplaced=unplaced,
            payload=self.payload,
        )


def list_faces(
    gallery: Gallery | None,
    query: IdQuery | ImageQuery,
    models: Models | None = None,
    *,
    people: Sequence[str] = (),
) -> FacesOf:
    """List the faces of a painting of the gallery, or of any picture's file, with their numbers.

    Those of a file are looked for as a search by it looks for them. With `people` only faces that
    have one of these names in the gallery's file of names: a QueryError where there are none. Else
    what is raised is as of a search, and MetadataError if the file of names cannot be read.
    """
    if isinstance(query, ImageQuery):
        if people:
            raise QueryError("names are of faces in the gallery; give the id of a painting")
        models = models or Models()
        image = models.image(query.picture, query.name)
        crops = models.cut(FACES, image.pixels, image.width)
        found = (QueryFace.of(crop.payload, i) for i, crop in enumerate(crops))
        return FacesOf(query.name, query.picture, None, tuple(found))
    if gallery is None:
        raise ValueError("the gallery of the painting is not given")
    painting = find_painting(query.painting_id, gallery[PAINTINGS]).payload
    of_painting = Criteria((AnyOf("painting_id", (query.painting_id,)),))
    stored = {
        int(record.payload["face_index"]): record for record in gallery[FACES].scroll(of_painting)
    }
    file = names_of(gallery)
    wanted, notes = find_people(file, people) if people else ({}, [])
    placed = place_faces([r for r in file.rows if r.painting_id == query.painting_id], gallery)
    rows = {i: placed.faces[r.point_id] for i, r in stored.items() if r.point_id in placed.faces}
    shown = [i for i in sorted(stored) if not people or (i in rows and rows[i].key in wanted)]
    points = [(stored[i].point_id, stored[i].payload) for i in shown]
    grays = read_grays(gallery, points)
    return FacesOf(
        query.painting_id,
        None,
        painting,
        tuple(QueryFace.of(stored[i].payload, i) for i in shown),
        {i: rows[i].name for i in shown if i in rows and rows[i].name},
        tuple(one for one in placed.unplaced if one.row.says_something),
        tuple(notes),
        {i: grays[stored[i].point_id] for i in shown if stored[i].point_id in grays},
    )
