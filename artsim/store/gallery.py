"""A gallery: the two named collections of paintings and faces, and what is noted of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, cast

from artsim.catalog.kinds import (
    FACES,
    KINDS,
    NO_FRAMES,
    PAINTINGS,
    POINT_DIM,
    EncoderInfo,
    Kind,
    parse_info,
)
from artsim.catalog.kinds import PIXELS as PIXELS
from artsim.catalog.kinds import POINTS as POINTS
from artsim.catalog.payload import EVERYTHING, Criteria, Known
from artsim.catalog.progress import counted
from artsim.config import NAMES_FILE, Settings, load_settings
from artsim.errors import CollectionNotFoundError, ConfigError, StoreError, listed, shortened
from artsim.store.protocol import Collection, CollectionSchema, ServerOptions, Store, VectorSpec

READING: Final = 2
"""Which reading of metadata makes today's payloads, as noted under the key ``reading``.

In the first, which was not noted, a column ``DateBegin`` was unknown while ``DateEnd`` was
not, nor was it noted where a painting came from."""

_READ_BEFORE: Final = Criteria(must_not=(Known("ingested_from"),))

_GALLERY_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Gallery(AbstractContextManager["Gallery"]):
    """The collections ``paintings`` and ``faces`` of a store, under a common prefix.

    The store is closed with the gallery. Of the `name` ``nga`` the paintings are
    ``nga_paintings``; it has letters, digits, ``-`` and ``_``, else ConfigError. In `names_file`,
    which need not exist, people wrote who is on which face.
    """

    def __init__(
        self, store: Store, name: str | None = None, names_file: Path | None = None
    ) -> None:
        check_gallery_name(name)
        self.store, self.name, self.names_file = store, name, names_file

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __getitem__(self, kind: Kind) -> Collection:
        """Return the collection of that kind; CollectionNotFoundError if there is none yet."""
        try:
            return self.store.open_collection(self.collection_name(kind))
        except CollectionNotFoundError as exc:
            raise self._missing(kind) from exc

    def __contains__(self, kind: Kind) -> bool:
        """Whether there is a collection of that kind."""
        return self.collection_name(kind) in self.store.list_collections()

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that the gallery has a collection of, in the registry's order."""
        names = self.store.list_collections()
        return [kind for kind in KINDS.values() if self.collection_name(kind) in names]

    def collection_name(self, kind: Kind) -> str:
        """Return the full name of the collection of that kind."""
        return collection_name(self.name, kind.name)

    def create(
        self,
        kind: Kind,
        encoders: Sequence[EncoderInfo],
        *,
        pixels_side: int = 64,
        options: ServerOptions | None = None,
        reading: int = READING,
        cutters: Sequence[str] = (),
        points: bool = False,
        films: bool = False,
    ) -> Collection:
        """Create the collection of that kind, or bring it up to `encoders`.

        Each encoder gets a named vector; those of an existing collection stay. `pixels_side` is
        that of the small gray pictures, `reading` how the metadata to be written was read, and
        `cutters` are identities of what cuts the parts that will be, noted after those before;
        `films` whether frames of films will be among the points, `points` whether there is room
        for local points of pictures. SchemaMismatchError if the collection has one of the
        vectors in another dimension.
        """
        name = self.collection_name(kind)
        vectors = {info.vector_name: VectorSpec(info.dim) for info in encoders}
        if kind.has_pixels:
            vectors[PIXELS] = VectorSpec(pixels_side**2, "euclid", "uint8", indexed=False)
        if points:
            vectors[POINTS] = VectorSpec(POINT_DIM, "dot", "uint8", indexed=False, many=True)
        known: dict[str, EncoderInfo] = {}
        if name in self.store.list_collections():
            existing = self.store.open_collection(name)
            known = read_notes(existing.schema, name)
            reading = min(reading, noted_reading(existing.schema.notes))
            cutters = [*noted_cutters(existing.schema.notes), *cutters]
        # An encoder that is there keeps its place, and takes on a new spec: its weights
        # may lie elsewhere now, while its vectors are the same by their name.
        known |= {info.vector_name: info for info in encoders}
        notes = {
            "part": kind.name,
            "pixels_side": pixels_side,
            "encoders": [asdict(info) for info in known.values()],
            "reading": reading,
        }
        if cutters:
            notes["cutters"] = list(dict.fromkeys(cutters))
        if films:
            notes["films"] = True
        schema = CollectionSchema(vectors, kind.indexes, notes)
        return self.store.create_collection(name, schema, options)

    def encoders(self, kind: Kind) -> dict[str, EncoderInfo]:
        """Return the encoders of a kind's points by vector name, in the order of their adding."""
        collection = self[kind]
        return read_notes(collection.schema, collection.name)

    def settle_reading(self) -> None:
        """Note that all metadata was read as `READING` reads it, once that is so."""
        for collection in [self[kind] for kind in self.kinds]:
            notes = collection.schema.notes
            if noted_reading(notes) < READING and collection.count(_READ_BEFORE) == 0:
                collection.add_vectors({}, {**notes, "reading": READING})

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _missing(self, kind: Kind) -> CollectionNotFoundError:
        if kind != PAINTINGS and PAINTINGS in self:
            how = "without --no-faces" if kind == FACES else f"with --kind {kind.name}"
            return CollectionNotFoundError(
                f"{self.store.location} has no {kind.name} of {_shown(self.name)}: they were not "
                f"looked for; ingest the pictures again, with their {kind.name}",
                hint=f"artsim ingest, {how}",
            )
        return missing_gallery(self.store, self.name)


def check_gallery_name(name: str | None) -> None:
    """Raise ConfigError unless `name` is None, or letters, digits, ``-`` and ``_``."""
    if name is None or _GALLERY_NAME.fullmatch(name):
        return
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fitting = re.sub(r"[^A-Za-z0-9_-]+", "-", folded[:100]).strip("-")
    raise ConfigError(
        f"gallery name {shortened(name)!r}: expected 1 to 100 letters (without accents), digits, "
        f"'-' or '_'{f', found {len(name)}' if len(name) > 100 else ''}; "
        f"for example {fitting[:40].rstrip('-') or 'my-gallery'}"
    )


def missing_gallery(store: Store, name: str | None) -> CollectionNotFoundError:
    """Return what to raise for someone who asks for a gallery that `store` does not have."""
    others = list_galleries(store)
    hint = "artsim ingest FOLDER" + (f" --gallery {shortened(name)}" if name else "")
    if not others:
        return CollectionNotFoundError(
            f"nothing was ingested yet into {store.location}; ingest some pictures first",
            hint=hint,
        )
    known = listed([_shown(other) for other in others])
    return CollectionNotFoundError(
        f"{store.location} has no {_shown(name)}; there is: {known}. Name one of those, or "
        "make it by ingesting some pictures into it",
        hint=hint,
    )


def collection_name(gallery: str | None, part: str) -> str:
    """Return the name of a gallery's collection."""
    return part if gallery is None else f"{gallery}_{part}"


def _shown(gallery: str | None) -> str:
    return "default gallery" if gallery is None else f"gallery {shortened(gallery)!r}"


def read_notes(schema: CollectionSchema, name: str) -> dict[str, EncoderInfo]:
    """Return the encoders noted with the collection `name` by vector name, in order of adding.

    StoreError if the notes are missing or not artsim's: another program made the collection.
    """
    noted = schema.notes.get("encoders")
    try:
        found = [parse_info(note) for note in cast("list[Mapping[str, str]]", noted)]
        has_pixels = KINDS.get(str(schema.notes.get("part")), PAINTINGS).has_pixels
        needed = {info.vector_name for info in found} | ({PIXELS} if has_pixels else set())
        unknown = needed.difference(schema.vectors)
        if unknown or not found:
            raise ValueError(f"no encoders, or no vectors {unknown}")
    except (TypeError, ValueError) as exc:
        raise StoreError(
            f"collection {shortened(name)!r} does not say which encoders made its vectors "
            "(no usable notes under the key 'artsim'): it was not made by artsim; use "
            "another gallery name"
        ) from exc
    return {info.vector_name: info for info in found}


def noted_reading(notes: Mapping[str, object]) -> int:
    """Return which reading of metadata a collection's notes tell of, 1 where they do not."""
    reading = notes.get("reading")
    return reading if isinstance(reading, int) else 1


def noted_cutters(notes: Mapping[str, object]) -> list[str]:
    """Return the identities of what cut a collection's parts, in the order of their first use."""
    cutters = notes.get("cutters")
    return [str(cutter) for cutter in cutters] if isinstance(cutters, list) else []


def noted_films(notes: Mapping[str, object]) -> bool:
    """Return whether a collection's notes tell that frames of films are among its points."""
    return notes.get("films") is True


def without_frames(collection: Collection) -> Criteria:
    """Return what the points meet that are shown unless films are asked for: no frames of these.

    A gallery that has nothing but films shows them all the same.
    """
    if noted_films(collection.schema.notes) and collection.count(NO_FRAMES):
        return NO_FRAMES
    return EVERYTHING


def remark_on_reading(collection: Collection) -> str | None:
    """Return what to tell of points whose metadata an earlier artsim read; None without any."""
    notes = collection.schema.notes
    if noted_reading(notes) >= READING:
        return None
    count = collection.count(_READ_BEFORE)
    if count == 0:
        return None
    noun = KINDS.get(str(notes.get("part")), PAINTINGS).noun
    return (
        f"the metadata of {counted(count, noun)} was read by an earlier artsim, which did not "
        "know a museum's DateBegin and so cut some years in half: start the same ingest again, "
        "which encodes nothing, and delete what its source no longer has"
    )


def list_galleries(store: Store) -> list[str | None]:
    """Return the names of the galleries in `store`; None is the one without a name."""
    found = (re.fullmatch("(?:(.+)_)?paintings", name) for name in store.list_collections())
    return sorted((match[1] for match in found if match), key=lambda name: name or "")


def open_gallery(
    settings: Settings | None = None,
    *,
    name: str | None = None,
    url: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    wait: float | None = None,
) -> Gallery:
    """Open a gallery, which need not exist yet.

    Parameters
    ----------
    settings : Settings, optional
        By default those of the environment.
    name, url, api_key, home : optional
        Used instead of what `settings` say. `home` without `url` asks for the embedded
        store even where the settings name a server.
    wait : float, optional
        Seconds to wait for another process that has the embedded gallery open; a server
        serves many at once. Those of the settings by default, which is none.

    Raises
    ------
    ConfigError
        If `name` has other characters than letters, digits, ``-`` and ``_``, or `url` is none.
    StoreError
        If the store cannot be opened.
    """
    chosen = load_settings() if settings is None else settings
    if home is not None:
        chosen = replace(chosen, home=Path(home), url=None)
    given = {"url": url, "api_key": api_key, "wait": wait}
    chosen = replace(chosen, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    gallery = chosen.gallery if name is None else name
    check_gallery_name(gallery)
    names = chosen.names or chosen.home / collection_name(gallery, NAMES_FILE)
    # Imported here: a query of an embedded gallery does not wait for the client of the
    # server, which takes longer to import than the query takes.
    store: Store
    if chosen.url is not None:
        from artsim.store.server import ServerStore

        store = ServerStore(chosen.url, chosen.api_key)
    else:
        from artsim.store.embedded import EmbeddedStore

        store = EmbeddedStore(chosen.home, wait=chosen.wait)
    return Gallery(store, gallery, names)
