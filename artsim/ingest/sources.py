"""Sources of pictures: opening a folder or a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from artsim.errors import MetadataError, SourceError
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.columns import Columns, resolve_columns
from artsim.ingest.folder import FolderSource, list_pictures
from artsim.ingest.manifest import MANIFEST_SUFFIXES, Manifest, open_manifest
from artsim.ingest.manifest_source import ManifestSource
from artsim.ingest.source_types import Source


def read_source(
    source: Path,
    *,
    metadata: Path | None = None,
    column_map: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Source:
    """Open a folder of pictures or a manifest.

    Parameters
    ----------
    source : Path
        A folder, searched with all below it, or a manifest (CSV, TSV, JSON Lines,
        Parquet) of one row a picture with paths relative to it.
    metadata : Path, optional
        Manifest whose rows a folder's pictures are joined with. By default the folder's
        own ``metadata.csv`` (or ``.tsv``, ``.jsonl``, ``.ndjson``, ``.parquet``), else
        the only manifest in the folder, if it names pictures.
    column_map : mapping of str to str, optional
        Columns by field (`image`, `id`, or a payload's field), where the usual names will
        not do; ``""`` says that no column is that field.
    encoding : str
        Of text manifests.

    Returns
    -------
    Source
        To be iterated over, as often as wanted.

    Raises
    ------
    SourceError
        If there is no such folder or file, or no picture in the folder.
    MetadataError
        If a manifest cannot be read, has no column of pictures, or `column_map` does not
        fit it.
    """
    if source.is_dir():
        return _open_folder(source, metadata, column_map, encoding)
    if not source.exists():
        raise SourceError(f"there is no folder or file {source}; check the path")
    if source.suffix.lower() not in MANIFEST_SUFFIXES:
        hint = "; ingest the folder it is in" if source.suffix.lower() in IMAGE_SUFFIXES else ""
        raise SourceError(
            f"{source} is neither a folder nor a manifest ({', '.join(MANIFEST_SUFFIXES)}){hint}"
        )
    if metadata is not None:
        raise SourceError(
            f"{source} is a manifest and has the metadata in it; "
            f"{metadata} can only be joined with a folder"
        )
    manifest = open_manifest(source, encoding=encoding)
    columns = resolve_columns(manifest.columns, column_map, place=str(source))
    if "image" not in columns.by_field:
        raise _no_pictures_named(manifest)
    return ManifestSource(manifest, columns)


def _open_folder(
    folder: Path, metadata: Path | None, column_map: Mapping[str, str] | None, encoding: str
) -> FolderSource:
    listing = list_pictures(folder)
    if not listing.pictures:
        why = f" ({listing.problems[0]})" if listing.problems else ""
        raise SourceError(
            f"there is no picture in {folder}{why}; "
            f"expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    found = metadata or _own_metadata(folder)
    if found is not None:
        manifest = open_manifest(found, encoding=encoding)
        columns = resolve_columns(manifest.columns, column_map, place=str(found))
        if not columns.by_field.keys() & {"image", "id"}:
            raise _no_pictures_named(manifest)
        return FolderSource(folder, listing, manifest, columns)
    only = _only_manifest(folder, column_map, encoding)
    if only is not None:
        return FolderSource(folder, listing, *only)
    if column_map:
        raise MetadataError(
            f"there is no metadata in {folder} to map columns of; name its file by --metadata"
        )
    return FolderSource(folder, listing)


def _own_metadata(folder: Path) -> Path | None:
    found = [path for path in _manifests(folder) if path.stem == "metadata"]
    if len(found) > 1:
        raise MetadataError(
            f"{folder} has {' and '.join(path.name for path in found)}; "
            "say by --metadata which to take"
        )
    return found[0] if found else None


def _only_manifest(
    folder: Path, column_map: Mapping[str, str] | None, encoding: str
) -> tuple[Manifest, Columns] | None:
    """Return the folder's one manifest if it names pictures; it is none of ours otherwise."""
    found = _manifests(folder)
    if len(found) != 1:
        return None
    try:
        manifest = open_manifest(found[0], encoding=encoding)
        columns = resolve_columns(manifest.columns, column_map, place=str(found[0]))
    except MetadataError:
        if column_map:
            raise
        return None
    return (manifest, columns) if "image" in columns.by_field else None


def _manifests(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in MANIFEST_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )


def _no_pictures_named(manifest: Manifest) -> MetadataError:
    return MetadataError(
        f"{manifest.path} has no column of picture files among {', '.join(manifest.columns)}; "
        "say which by --map image=COLUMN"
    )
