"""Who is on which face, as a person wrote it into a file: read, and placed on a gallery's faces.

The file is CSV with a row for each face. A name belongs to a place in a painting, not to a
point of the gallery: it is found again by the overlap of boxes, whichever detector looked last.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from artsim.catalog.cells import BOM, csv_lines
from artsim.catalog.kinds import FACES, PAINTINGS, Box, Kind
from artsim.catalog.names import artist_key, fold_text, match_artist, suggest_artists
from artsim.catalog.payload import EVERYTHING, AnyOf, Condition, Criteria, Payload, Shows
from artsim.catalog.progress import counted
from artsim.errors import MetadataError, QueryError, shortened
from artsim.files import FileKind, check_file, write_file
from artsim.store.gallery import Gallery

BOX_COLUMNS: Final = ("x", "y", "width", "height")
REQUIRED: Final = ("name", "painting_id", *BOX_COLUMNS)
COLUMNS: Final = (
    *("group", "name", "not", "title", "artist", "date", "painting_id", "face"),
    *(*BOX_COLUMNS, "picture_width", "picture_height"),
)
"""Of a file that artsim writes; of others `REQUIRED` are enough, and any may be there besides."""

NAMES: Final = FileKind("file of names", MetadataError, endings=(".csv",), noted=True)

LEAST_OVERLAP: Final = 0.4
"""Least intersection over union of a box and that of the same face by another detector.

Boxes of CenterFace, YuNet and MTCNN overlap by 0.5 or more where they are of one face, and by
less than 0.2 where they are of two, with 3 exceptions of 886: see docs/quality.md."""

MAX_BYTES: Final = 256 * 1024 * 1024
_SAME_SHAPE: Final = 0.02
"""Most that width to height of a picture may differ for boxes to be scaled with it."""

_NOWHERE: Final = "no face is found there now"
_PAGE: Final = 256
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A row of the file, which stands in `line`, from 1; its `cells` are as they were read.

    The `box` is in pixels of the picture, which was of `size` then, where the row says so. `name`
    is whose face it is, "" where nobody said: rows of one name are of one person, those of two
    names are of two. `nots` are folded names whose face it is not, and numbers of groups of the
    file that it is not of; `group` is the number of its group when the file was written, else "".
    """

    line: int
    cells: Mapping[str, str] = field(repr=False, compare=False)
    painting_id: str
    box: Box
    size: tuple[float, float] | None
    name: str
    nots: frozenset[str]
    group: str

    @property
    def key(self) -> str:
        """The name without case and accents, by which it is compared."""
        return fold_text(self.name)

    @property
    def says_something(self) -> bool:
        """Whether a person has said anything of this face."""
        return bool(self.name or self.nots)


@dataclass(frozen=True, slots=True)
class NamesFile:
    """What a person wrote; of a file that is not there nothing."""

    path: Path
    columns: tuple[str, ...] = ()
    rows: tuple[NamedFace, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """The names by their folded form, as they are first written."""
        found: dict[str, str] = {}
        for row in self.rows:
            if row.name:
                found.setdefault(row.key, row.name)
        return found


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A row that belongs to no face of the gallery, and why.

    `in_painting` says whether the gallery has the painting as it was, in which only no face is
    found at that place.
    """

    row: NamedFace
    reason: str
    in_painting: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        what = f"{self.row.name!r} " if self.row.name else ""
        return f"{what}in {shortened(self.row.painting_id)!r} (line {self.row.line}): {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md."""
        row = self.row
        place = {"line": row.line, "painting_id": row.painting_id, "box": astuple(row.box)}
        return {**place, "name": row.name, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows by the point of the face that each belongs to, and those that belong to none."""

    faces: Mapping[str, NamedFace] = field(default_factory=dict)
    unplaced: tuple[Unplaced, ...] = ()


def read_names(path: Path) -> NamesFile:
    """Read the file; where there is none, nothing is said of any face.

    Text is UTF-8, UTF-16 or Windows-1252, cells are divided by commas, semicolons or tabs.
    MetadataError, naming the line, if it cannot be read, lacks a column of `REQUIRED`, or a row
    makes no sense.
    """
    try:
        if not path.exists():
            return NamesFile(path)
        if path.stat().st_size > MAX_BYTES:
            raise _error(path, f"more than {MAX_BYTES >> 20} MiB, expected a row for each face")
        text = _decode(path, path.read_bytes())
    except OSError as exc:
        raise _error(path, f"cannot be read: {exc.strerror or exc}") from exc
    header = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(cell.strip() for cell in next(reader, []))
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            found = ", ".join(shortened(name) for name in columns[:12]) or "nothing"
            raise _error(
                path, f"no column {', '.join(missing)}; found {found}", "artsim people --write FILE"
            )
        rows = [_row(path, reader.line_num, columns, cells) for cells in reader if any(cells)]
    except csv.Error as exc:
        raise _error(path, f"line {reader.line_num} is not CSV: {exc}") from exc
    return NamesFile(path, columns, tuple(rows))


def _error(path: Path, problem: str, hint: str = "") -> MetadataError:
    return MetadataError(f"{path}, a file of names: {problem}", hint=hint, path=path)


def _decode(path: Path, content: bytes) -> str:
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _error(
        path, 'text in neither UTF-8, UTF-16 nor Windows-1252; save it as what Excel calls "CSV '
        'UTF-8"'
    )  # fmt: skip


def _row(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> NamedFace:
    if any(cells[len(columns) :]):
        raise _error(path, f"line {line} has {len(cells)} cells, the header {len(columns)}")
    # artsim writes an apostrophe before what a spreadsheet would take for a formula.
    plain = [re.sub(r"^'(?=[=+\-@])", "", cell.strip()) for cell in cells]
    named = dict(zip(columns, plain, strict=False))
    said = {name: named.get(name, "") for name in COLUMNS}
    if not said["painting_id"]:
        raise _error(path, f"line {line} names no painting_id")
    box = Box(*(_number(path, line, name, said[name]) for name in BOX_COLUMNS))
    size = None
    if said["picture_width"] and said["picture_height"]:
        width, height = (
            _number(path, line, name, said[name]) for name in ("picture_width", "picture_height")
        )
        size = (width, height)
    if why := _why_no_box(box, size):
        raise _error(path, f"line {line}, {shortened(said['painting_id'])!r}: {why}")
    name = " ".join(said["name"].split())
    nots = frozenset(fold_text(" ".join(w.split())) for w in re.split(r"[;|]", said["not"])) - {""}
    if fold_text(name) in nots:
        raise _error(path, f"line {line} says of one face that it is {name!r} and that it is not")
    group = said["group"]
    return NamedFace(line, named, said["painting_id"], box, size, name, nots, group)


def _number(path: Path, line: int, column: str, text: str) -> float:
    if not re.fullmatch(r"-?\d{1,7}([.,]\d{1,6})?", text):
        found = repr(shortened(text)) if text else "nothing"
        raise _error(path, f"line {line}, {column}: expected pixels, found {found}")
    return float(text.replace(",", "."))


def _why_no_box(box: Box, size: tuple[float, float] | None) -> str | None:
    """Return in words what is wrong with a box; a pixel more comes of rounding."""
    if box.width <= 0 or box.height <= 0:
        return f"a box {box.width:g} x {box.height:g} pixels large is of no face"
    within = (box.x, box.y, box.x + box.width, box.y + box.height)
    if min(within) < -1 or (size and (within[2] > size[0] + 1 or within[3] > size[1] + 1)):
        of = f" of {size[0]:g} x {size[1]:g} pixels" if size else ""
        return f"the box {_shown(box)} is outside the picture{of}"
    return None


def _shown(box: Box) -> str:
    return f"{box.width:g} x {box.height:g} at {box.x:g}, {box.y:g}"


def place_faces(rows: Iterable[NamedFace], gallery: Gallery) -> Placed:
    """Find the gallery's face of each row: that whose box overlaps most, and each only once.

    Read are the faces of the rows' paintings only. Where a picture has another size now, and the
    same shape, boxes are scaled with it.
    """
    by_painting: dict[str, list[NamedFace]] = defaultdict(list)
    for row in rows:
        by_painting[row.painting_id].append(row)
    ids, unplaced = list(by_painting), dict[int, Unplaced]()
    pairs: list[tuple[int, float, int, str]] = []
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        wanted = [PAINTINGS.point_id(painting_id) for painting_id in page]
        fields = ("painting_id", "image_width", "image_height")
        paintings = gallery[PAINTINGS].retrieve(wanted, payload_fields=fields)
        stored = _boxes_of(page, gallery)
        for number, (painting_id, point_id) in enumerate(zip(page, wanted, strict=True), start):
            painting = paintings[point_id].payload if point_id in paintings else None
            for row in by_painting[painting_id]:
                box = _in_picture(row, painting)
                if isinstance(box, str):
                    unplaced[row.line] = Unplaced(row, box)
                    continue
                unplaced[row.line] = Unplaced(row, _NOWHERE, in_painting=True)
                overlaps = ((box.overlap(face), name) for name, face in stored[painting_id])
                pairs += [
                    (number, -overlap, row.line, name)
                    for overlap, name in overlaps
                    if overlap >= LEAST_OVERLAP
                ]
    faces = _place(pairs, unplaced)
    return Placed(faces, tuple(sorted(unplaced.values(), key=lambda one: one.row.line)))


def _boxes_of(painting_ids: Sequence[str], gallery: Gallery) -> dict[str, list[tuple[str, Box]]]:
    """Return the boxes of paintings' faces, with the ids of their points."""
    found: dict[str, list[tuple[str, Box]]] = defaultdict(list)
    if FACES in gallery:
        these = Criteria((AnyOf("painting_id", tuple(painting_ids)),))
        for record in gallery[FACES].scroll(these, payload_fields=("painting_id", "box")):
            with suppress(LookupError, TypeError, ValueError):  # no row is of a face without a box
                box = Box(*map(float, record.payload["box"]))
                found[str(record.payload["painting_id"])].append((record.point_id, box))
    return found


def _place(
    pairs: Iterable[tuple[int, float, int, str]], unplaced: dict[int, Unplaced]
) -> dict[str, NamedFace]:
    """Take rows out of `unplaced`, by line, and return them by their face: first the nearest."""
    placed: dict[str, NamedFace] = {}
    for _, _, line, point_id in sorted(pairs):
        if line not in unplaced:
            continue
        if point_id not in placed:
            placed[point_id] = unplaced.pop(line).row
        elif unplaced[line].reason == _NOWHERE:
            same = f"line {placed[point_id].line} is of the same face"
            unplaced[line] = replace(unplaced[line], reason=same)
    return placed


def _in_picture(row: NamedFace, painting: Payload | None) -> Box | str:
    """Return the row's box in pixels of the picture as it is now, or why that makes no sense."""
    if painting is None:
        return "the gallery has no such painting"
    width, height = painting.get("image_width"), painting.get("image_height")
    if not width or not height:
        return row.box
    if row.size is None:
        return _why_no_box(row.box, (width, height)) or row.box
    factor = width / row.size[0]
    if abs(height / row.size[1] / factor - 1) > _SAME_SHAPE:
        then = f"{row.size[0]:g} x {row.size[1]:g}"
        return f"the picture is {width} x {height} pixels now, and of another shape than {then}"
    return row.box.scaled(factor)


def find_people(file: NamesFile, wanted: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the names of the file that are meant, by their folded form, and remarks.

    A name matches as artists' do: whole, else in part, whatever its case, accents and order of
    words. QueryError if there is no file of names.
    """
    if not file.columns:
        raise QueryError(
            f"{file.path}: there is no file of names, so that nobody is known by a name; write "
            "one, and fill it in",
            hint="artsim people --write FILE",
            path=file.path,
        )
    names, notes = file.names, []
    by_words: dict[str, list[str]] = {}
    for key, name in names.items():
        by_words.setdefault(artist_key(name), []).append(key)
    found: dict[str, str] = {}
    for name in wanted:
        key = fold_text(" ".join(name.split()))
        words = [] if key in names else match_artist(name, by_words)
        keys = [key] if key in names else [key for each in words for key in by_words[each]]
        written = [names[key] for key in keys[:_SHOWN]]
        if len(keys) > 1:
            notes.append(f"person {name!r} matches {len(keys)}: {'; '.join(written)}")
        elif not keys:
            near = suggest_artists(name, by_words, limit=_SHOWN)
            others = [names[by_words[each][0]] for each in near] or list(names.values())[:_SHOWN]
            what = f"; {'nearest' if near else 'it has'}: {'; '.join(others)}" if others else ""
            notes.append(f"{file.path.name} names nobody {name!r}{what}")
        found |= {key: names[key] for key in keys}
    return found, notes


def people_criteria(
    wanted: Sequence[str], gallery: Gallery, kind: Kind
) -> tuple[Criteria, list[str]]:
    """Return the criteria that a point shows one of the people, and remarks.

    Of whole pictures and other parts, those of paintings with a face of theirs are taken, also
    where no face is found any more at the place that the file names.
    """
    file = names_of(gallery)
    names, notes = find_people(file, wanted)
    rows = [row for row in file.rows if row.name and row.key in names]
    placed = place_faces(rows, gallery)
    if placed.unplaced:
        told = "; ".join(map(str, placed.unplaced[:3]))
        more = f" and {len(placed.unplaced) - 3} more" if len(placed.unplaced) > 3 else ""
        notes.append(f"of {counted(len(rows), 'named face')} these are not found: {told}{more}")
    shown = tuple(names.values()) or tuple(wanted)
    return Criteria((_shows(shown, placed, kind),)), notes


def _shows(names: tuple[str, ...], placed: Placed, kind: Kind) -> Condition:
    if kind.name == FACES.name:
        return Shows(names, tuple(placed.faces))
    there = [row.painting_id for row in placed.faces.values()]
    there += [one.row.painting_id for one in placed.unplaced if one.in_painting]
    ids = tuple(dict.fromkeys(there))
    return (
        Shows(names, tuple(map(kind.point_id, ids))) if kind.is_whole else AnyOf("painting_id", ids)
    )


def count_people(
    gallery: Gallery, kind: Kind, criteria: Criteria = EVERYTHING
) -> tuple[dict[str, int], int]:
    """Return how many points show each person of the file of names, and how many show nobody.

    Of the points that meet `criteria`; most frequent first, without names that none has. Each
    name costs a count.
    """
    file, collection = names_of(gallery), gallery[kind]
    named = [row for row in file.rows if row.name]
    placed = place_faces(named, gallery)
    counts = {}
    for key, name in file.names.items():
        faces = {point_id: row for point_id, row in placed.faces.items() if row.key == key}
        own = Placed(faces, tuple(one for one in placed.unplaced if one.row.key == key))
        counts[name] = collection.count(criteria & Criteria((_shows((name,), own, kind),)))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    nobody = Criteria(must_not=(_shows(tuple(counts), placed, kind),) if named else ())
    return {name: n for name, n in ordered if n}, collection.count(criteria & nobody)


def names_of(gallery: Gallery) -> NamesFile:
    """Return what the gallery's file of names says; see `read_names`."""
    return NamesFile(Path()) if gallery.names_file is None else read_names(gallery.names_file)


def check_names_file(path: Path, *, home: Path | None = None) -> None:
    """Raise MetadataError where a file of names cannot be written: a person's is never replaced."""
    try:
        check_file(path, NAMES, home=home)
    except MetadataError as error:
        if not path.is_file() or path.suffix.lower() not in NAMES.endings:
            raise
        raise MetadataError(
            f"{path}: there is such a file, and what is written in it is never replaced; write "
            "another, which has all of it too",
            hint=f"--names {path} --write OTHER.csv",
            path=path,
        ) from error


def write_names(
    file: NamesFile,
    new: Mapping[str, Sequence[Mapping[str, object]]],
    path: Path,
    *,
    home: Path | None = None,
) -> int:
    """Write a file of names to be filled in, and return how many rows are in it.

    Every row of `file` is in it as it was read, unplaced ones too, with the `new` rows of its
    group behind it. A file that a person changed is never replaced, nor the one that was read:
    MetadataError if there is such a file, or it cannot be written.
    """
    columns = list(filter(None, dict.fromkeys([*file.columns, *COLUMNS])))
    groups: dict[str, list[Mapping[str, object]]] = {}
    for row in file.rows:
        groups.setdefault(row.group, []).append(row.cells)
    for group, cells in new.items():
        groups.setdefault(group, []).extend(cells)
    rows = [[cells.get(name, "") for name in columns] for of in groups.values() for cells in of]
    inputs = [file.path] if file.columns else []
    with write_file(path, NAMES, inputs=inputs, home=home) as stream:
        stream.write(BOM.encode())
        for line in csv_lines(columns, rows):
            stream.write(line.encode("utf-8", "replace"))
    return len(rows)
