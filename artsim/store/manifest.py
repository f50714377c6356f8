"""Small JSON files that an embedded store keeps beside the engine's data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from artsim.errors import StoreDamagedError, StoreError
from artsim.store.base import CollectionSchema, VectorSpec

FORMAT: Final = 1
"""Layout of the folder; raised when an older artsim could not read it."""

STORE_FILE: Final = "artsim.json"
"""Marks a folder as a data folder of artsim."""

COLLECTION_FILE: Final = "collection.json"
"""Schema and notes of one collection."""

_GALLERY: Final = re.compile(r"(.+)_(?:paintings|faces)")
"""A collection of a gallery that has a name."""

# What desktops and file systems put into folders unasked.
_LITTER: Final = frozenset({"lost+found", "desktop.ini", "Thumbs.db", "Icon\r"})


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` to `path`: after a crash there is the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names created or changed in `folder` survive a crash of the machine."""
    if os.name != "posix":
        return  # Windows opens no folders, and keeps its names safe by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_store_folder(folder: Path) -> bool:
    """Return whether `folder` is a data folder yet; False if it is absent or empty.

    Raises
    ------
    StoreError
        If it is a file, holds other things, or was written by a newer artsim.
    StoreDamagedError
        If it has collections of artsim and no mark that can be read.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise StoreError(
            f"{folder} is a file, expected a folder for artsim's data; name another one",
            hint="ARTSIM_HOME",
            path=folder,
        )
    marker = folder / STORE_FILE
    if marker.exists():
        _read(marker, folder)
        return True
    if any(folder.glob(f"collections/*/{COLLECTION_FILE}")):
        raise damaged_error(folder, f"{STORE_FILE} is missing")
    others = sorted(p.name for p in folder.iterdir() if not _is_litter(p.name))
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise StoreError(
            f"{folder} is not a data folder of artsim: there is no {STORE_FILE} in it, but "
            f"{shown}; name an empty or a new folder",
            hint="ARTSIM_HOME",
            path=folder,
        )
    return False


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name in _LITTER


def mark_store_folder(folder: Path, *, known: bool = False) -> None:
    """Make `folder` a data folder of artsim, if it is none, or `known` to have been one."""
    if known or not check_store_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / STORE_FILE, {"format": FORMAT})


def write_schema(folder: Path, schema: CollectionSchema) -> None:
    """Write the schema of the collection in `folder`."""
    write_json(
        folder / COLLECTION_FILE,
        {
            "format": FORMAT,
            "vectors": {name: asdict(spec) for name, spec in schema.vectors.items()},
            "payload_indexes": dict(schema.payload_indexes),
            "notes": dict(schema.notes),
        },
    )


def read_schema(folder: Path) -> CollectionSchema:
    """Read the schema of the collection in `folder`.

    Raises
    ------
    StoreError
        If the file is missing, damaged, or was written by a newer artsim.
    """
    found = _read(folder / COLLECTION_FILE, folder)
    try:
        return CollectionSchema(
            {name: VectorSpec(**spec) for name, spec in found["vectors"].items()},
            found["payload_indexes"],
            found["notes"],
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise damaged_error(folder, f"{COLLECTION_FILE} lacks {exc}") from exc


def _read(path: Path, folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise damaged_error(folder, f"{path.name}: {exc}") from exc
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise damaged_error(folder, f"{path.name} states no format")
    if found["format"] > FORMAT:
        raise StoreError(
            f"{folder} was written by a newer artsim (format {found['format']}, this one "
            f"knows {FORMAT}); upgrade artsim",
            hint="pip install -U artsim",
            path=folder,
        )
    return found


def damaged_error(folder: Path, what: str) -> StoreDamagedError:
    """Return what to raise for someone whose data in `folder` cannot be read."""
    found = _GALLERY.fullmatch(folder.name)
    gallery = f" --gallery {found[1]}" if found else ""
    return StoreDamagedError(
        f"{folder} is damaged ({what}); repair it, restore it from a copy, or delete it and "
        "ingest again",
        hint=f"artsim repair{gallery}",
        path=folder,
    )
