"""Repairing a gallery in a folder of this machine that cannot be read any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isqrt
from pathlib import Path

from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.results import JSON
from artsim.config import Settings, load_settings
from artsim.errors import StoreError
from artsim.store.base import CollectionSchema, VectorSpec
from artsim.store.data_folder import read_schema
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import (
    PIXELS,
    Part,
    check_gallery_name,
    collection_name,
    missing_gallery,
    payload_indexes,
    read_notes,
)
from artsim.store.repair import (
    CollectionRepair,
    repair_collection,
    repair_store_folder,
    unfinished_repairs,
)


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
        Paintings, and faces where there are any.
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
    parts: tuple[Part, ...] = ("paintings", "faces")
    there = [
        collection for part in parts if (collection := collection_name(gallery, part)) in known
    ]
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
        part: Part = (
            "faces" if collection == "faces" or collection.endswith("_faces") else "paintings"
        )
        pixels = vectors.get(PIXELS)
        encoders = [
            asdict(self.find(name, spec.dim)) for name, spec in vectors.items() if name != PIXELS
        ]
        notes = {
            "part": part,
            "pixels_side": 64 if pixels is None else isqrt(pixels.dim),
            "encoders": encoders,
        }
        return CollectionSchema(vectors, payload_indexes(part), notes)

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
