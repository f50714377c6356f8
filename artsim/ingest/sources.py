"""Opening a source by its address, with the list that belongs to it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from artsim.catalog.film_names import clock, frame_place, is_film
from artsim.catalog.hits import Note
from artsim.errors import ImageError, MetadataError, SourceError, listed
from artsim.images.films import Film, Still, frame_file, pick_stills
from artsim.images.load import IMAGE_SUFFIXES, ImageLimits
from artsim.ingest.columns import resolve_columns, shown
from artsim.ingest.folder import (
    Listing,
    PictureFinder,
    PictureSource,
    list_pictures,
    picture_beside,
)
from artsim.ingest.manifest import MANIFEST_SUFFIXES, OTHER_LISTS, open_manifest
from artsim.ingest.records import Manifest, Problem, Source, SourceEntry, SourcePainting

SOURCES: Final[dict[str, Callable[[str], Source]]] = {}
"""What opens an address, by its scheme: of ``louvre:paintings`` it is ``louvre``. A source
that is put here can be ingested by its address; what has no such scheme is a path."""

_NO_LISTS: Final = frozenset({"ingest-errors.jsonl"})
"""What artsim itself may have left in a folder."""

LIST_SUFFIXES: Final = (*MANIFEST_SUFFIXES, *OTHER_LISTS)
"""Lower-case endings of lists, also of those that are not read."""

_SPREADSHEETS: Final = frozenset({".xlsx", ".xlsm", *OTHER_LISTS})
_LISTS_NAMED: Final = 5


def read_source(
    source: str | Path,
    *,
    metadata: Path | None = None,
    column_map: Mapping[str, str] | None = None,
    limits: ImageLimits | None = None,
) -> Source:
    """Open a folder of pictures, a manifest, a film, or a source of `SOURCES` by its address.

    A folder is searched with all below it. A manifest (CSV, TSV, Excel, JSON Lines, Parquet) has
    a row for each picture, with paths relative to it. SourceError if there is none of these, or no
    picture in the folder; MetadataError if a manifest cannot be read, or has no column of pictures.

    Parameters
    ----------
    metadata : Path, optional
        Manifest whose rows a folder's pictures are joined with. By default the folder's
        own ``metadata.csv`` (or another ending), else the only manifest in the folder that
        names pictures. Other lists in the folder are in the source's notes.
    column_map : mapping of str to str, optional
        Columns by field (`image`, `id`, or a payload's field), where the usual names will
        not do; ``""`` says that no column is that field. MetadataError if it does not fit.
    limits : ImageLimits, optional
        Of a film: its length, and the pixels of its frames.
    """
    scheme, colon, _ = str(source).partition(":")
    if colon and scheme in SOURCES:
        if metadata is not None or column_map:
            raise SourceError(
                f"{source} brings its own metadata: no list is joined with it, no column mapped"
            )
        return SOURCES[scheme](str(source))
    source = Path(source)
    if is_film(source) and source.is_file():
        if metadata is not None or column_map:
            raise SourceError(f"{source} is a film: no list is joined with it, no column mapped")
        return FilmSource(source, limits)
    try:
        if source.is_dir():
            listing = list_pictures(source)
            finder = PictureFinder(listing.pictures)
            return _open_listing(source, listing, lists_in(source), finder, metadata, column_map)
        is_there = source.exists()
    except OSError as exc:
        reason = exc.strerror or exc
        raise SourceError(f"{shown(str(source))} cannot be read: {reason}", path=source) from exc
    _refuse_other_files(source, is_there=is_there)
    if metadata is not None:
        raise SourceError(
            f"{source} is a manifest and has the metadata in it; "
            f"{metadata} can only be joined with a folder",
            path=source,
        )
    manifest = open_list(source, column_map)
    if "image" not in manifest.understood.by_field:
        raise _no_pictures_named(manifest)
    find = partial(picture_beside, source.parent)
    return PictureSource(source, source.parent, find, manifest, notes=manifest.notes)


def _refuse_other_files(source: Path, *, is_there: bool) -> None:
    # A path has lost one of the two slashes.
    if address := re.match(r"([a-z][a-z0-9+.-]+):/+(?=[^/])", str(source), re.IGNORECASE):
        whole = f"{address[1]}://{str(source)[address.end() :]}"
        raise SourceError(
            f"{whole} is a web address, and nothing is downloaded; "
            "save the pictures in a folder and give that"
        )
    if not is_there:
        raise SourceError(f"there is no folder or file {source}; check the path", path=source)
    suffix = source.suffix.lower()
    if suffix not in MANIFEST_SUFFIXES and suffix not in OTHER_LISTS:
        way_out = "; ingest the folder it is in" if suffix in IMAGE_SUFFIXES else ""
        raise SourceError(
            f"{source} is neither a folder nor a manifest (CSV, TSV, Excel, JSON Lines or "
            f"Parquet), nor a film{way_out}",
            path=source,
        )


# --- the list of a folder ----------------------------------------------------------


def read_files(
    folder: Path,
    names: Mapping[str, str],
    *,
    metadata: Path | None = None,
    column_map: Mapping[str, str] | None = None,
) -> PictureSource:
    """Open some of a folder's files as `read_source` opens all of one.

    `names` are the paths that they were given, which lists know, with those that they have
    below the folder.
    """
    given = [name for name in names if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES]
    listing = Listing(tuple(sorted({names[name] for name in given})))
    lists = [folder / names[name] for name in sorted(names) if name not in given]
    finder = PictureFinder(given)
    source = _open_listing(folder, listing, lists, finder, metadata, column_map)
    source.find = lambda cell: names[finder.find(cell)]
    return source


def _open_listing(
    folder: Path,
    listing: Listing,
    lists: Sequence[Path],
    finder: PictureFinder,
    metadata: Path | None,
    column_map: Mapping[str, str] | None,
) -> PictureSource:
    if not listing.pictures:
        raise _no_picture(folder, listing)
    chosen = metadata or _own_metadata(folder, lists)
    used = None if chosen is None else _join(chosen, column_map, finder)
    if isinstance(used, MetadataError):
        raise used
    others = [path for path in lists if chosen is None or not path.samefile(chosen)]
    tried = {path: _join(path, column_map, finder, by_cells=chosen is None) for path in others}
    naming = {
        path: one
        for path, one in tried.items()
        if isinstance(one, Manifest) and "image" in one.understood.by_field
    }
    if chosen is None and len(naming) == 1:
        (used,) = naming.values()
    if used is None and column_map:
        if len(tried) == 1 and isinstance(error := next(iter(tried.values())), MetadataError):
            raise error
        raise MetadataError(
            f"there is no metadata in {folder} to map columns of; name its file",
            hint="--metadata",
            path=folder,
        )
    unused = {path: one for path, one in (naming if used else tried).items() if one is not used}
    notes = (*(used.notes if used else ()), *_remarks(unused), *filter(None, [listing.passed_over]))
    if used and not used.understood.by_field.keys() & {"image", "id"}:
        raise _no_pictures_named(used)
    return PictureSource(folder, folder, finder.find, used, listing, notes)


def _no_picture(folder: Path, listing: Listing) -> SourceError:
    why = f" ({listing.problems[0]})" if listing.problems else ""
    instead = f"; {listing.passed_over}" if listing.passed_over else ""
    return SourceError(
        f"there is no picture in {folder}{why}; "
        f"expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}{instead}",
        path=folder,
    )


def lists_in(folder: Path) -> list[Path]:
    """Return the lists in a folder, also those that are not read; of texts only tables."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in LIST_SUFFIXES
        and not path.name.startswith((".", "~$"))
        and path.name not in _NO_LISTS
        and _is_list(path)
    )


def _is_list(path: Path) -> bool:
    """Return whether a file can be read; of a text, whether its first line has tabs."""
    try:
        if not path.is_file() or path.suffix.lower() != ".txt":
            return path.is_file()
        with path.open("rb") as file:
            return b"\t" in file.readline(4096)  # which also UTF-16 writes as this byte
    except OSError:
        return False


def _own_metadata(folder: Path, lists: Sequence[Path]) -> Path | None:
    found = [path for path in lists if path.stem == "metadata"]
    # Beside the workbook often lies what was saved from it.
    found = [path for path in found if path.suffix.lower() not in _SPREADSHEETS] or found
    if len(found) > 1:
        raise MetadataError(
            f"{folder} has {' and '.join(path.name for path in found)}; say which to take",
            hint="--metadata",
            path=folder,
        )
    return found[0] if found else None


def _join(
    path: Path,
    column_map: Mapping[str, str] | None,
    finder: PictureFinder,
    *,
    by_cells: bool = True,
) -> Manifest | MetadataError:
    """Open a list and find the column by which its rows find their pictures, or why it cannot be.

    Where the column of pictures, or the ids if there is none, find no picture at all, it is
    the column whose cells do.
    """
    try:
        manifest = open_list(path, column_map)
        by_field = manifest.understood.by_field
        known = by_field.get("image") or by_field.get("id")
        if by_cells and "image" not in (column_map or {}):
            finds = known is not None and finder.finds_any(manifest.rows(), known)
            if not finds and (column := finder.naming_column(manifest.rows())):
                columns = replace(manifest.understood, by_field={**by_field, "image": column})
                how = f"the pictures were found by the column {column!r} of {path.name}"
                return replace(manifest, notes=(*manifest.notes, how), understood=columns)
    except MetadataError as exc:
        return exc
    return manifest


def open_list(path: Path, column_map: Mapping[str, str] | None) -> Manifest:
    """Open a list of pictures, and find its columns; MetadataError if it cannot be read."""
    manifest = open_manifest(path, suits=partial(_has_pictures, column_map))
    columns = resolve_columns(manifest.columns, column_map, place=str(path))
    return replace(manifest, understood=columns)


def _remarks(unused: Mapping[Path, Manifest | MetadataError]) -> list[str]:
    """Return a remark for each list that was not used."""
    notes: list[str] = []
    for path, one in unused.items():
        option = f"--metadata {shlex.quote(str(path))}"
        text = f"{path.name} lies in the folder and was not used"
        if isinstance(one, MetadataError):
            notes.append(Note(f"{text}: it{str(one).removeprefix(str(path))}", hint=one.hint))
        elif column := one.understood.by_field.get("image"):
            text += f", though its column {column!r} names pictures; if it is the metadata, say so"
            notes.append(Note(text, hint=option))
        else:
            text += f": which of its columns names the pictures ({_some(one.columns)})?"
            notes.append(Note(text, hint=f"{option} --map image=COLUMN"))
    more = len(notes) - _LISTS_NAMED
    return notes[:_LISTS_NAMED] + ([f"nor were {more} more lists in it"] if more > 0 else [])


def _has_pictures(column_map: Mapping[str, str] | None, header: Sequence[str]) -> bool:
    try:
        columns = resolve_columns(header, column_map, place="")
    except MetadataError:
        return False
    return bool(columns.by_field.keys() & {"image", "id"})


def _no_pictures_named(manifest: Manifest) -> MetadataError:
    return MetadataError(
        f"{manifest.path} has no column of picture files among {_some(manifest.columns)}; "
        "say which it is",
        hint="--map image=COLUMN",
        path=manifest.path,
    )


def _some(columns: Sequence[str]) -> str:
    return listed([column for column in columns if column], most=20)


# --- a film ------------------------------------------------------------------------


class FilmSource(Source):
    """The stills of a film, in order: of each shot, and of every two seconds of a long one.

    Ids are the film's name with the frame's time, ``lecture-00h01m23.480``, and so the same every
    time. What is of one color is left out. A film that is damaged gives what can be read, and then
    the problem.
    """

    noun = "frame"

    def __init__(self, path: Path, limits: ImageLimits | None = None) -> None:
        try:
            self.film = Film.open(path, limits)
        except ImageError as exc:
            raise SourceError(str(exc), hint=exc.hint, path=path) from exc
        self.uri = path.absolute().as_uri()
        self._ends: list[float] = []

    def count(self) -> int | None:
        """Return the film's seconds."""
        return None if self.film.duration is None else max(1, round(self.film.duration))

    def steps(self, done: int) -> int:
        """Return the seconds of the film that so many entries come to."""
        return round(self._ends[done - 1]) if 0 < done <= len(self._ends) else 0

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield the stills, decoding the film as they are asked for."""
        self._ends = []
        film = self.film
        try:
            for still in pick_stills(film):
                if not still.is_blank:
                    self._ends.append(still.end)
                    yield self._picture(still)
        except ImageError as exc:
            film.damage = str(exc).removeprefix(f"{film.path}: ")
        if film.damage:
            self._ends.append(film.duration or 0.0)
            reason = f"{film.path}: {film.damage}; what could be read is kept"
            yield Problem(str(film.path), reason, may_hide_any=True)

    def _picture(self, still: Still) -> SourcePainting:
        film, time = self.film, round(still.time, 3)
        minutes, seconds = divmod(time, 60)
        moment = f"{int(minutes) // 60:02}h{int(minutes) % 60:02}m{seconds:06.3f}"
        name = f"{film.path.stem}-{moment}"
        fragment = frame_place(film.path, time).name.removeprefix(film.path.name)
        payload = {
            "painting_id": name,
            "title": f"{film.title}, {clock(time)}",
            "image_uri": self.uri + fragment,
            "video_uri": self.uri,
            "time_start": round(still.start, 3),
            "time_end": round(still.end, 3),
        }
        return SourcePainting(name, partial(frame_file, still.pixels), payload)
