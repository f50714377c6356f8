"""What visitors have read into a gallery: what it is, how it is understood, how far it has come."""

from __future__ import annotations

import datetime
import json
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from artsim.errors import ArtsimError, MetadataError, SourceError
from artsim.files import replacing
from artsim.ingest.columns import FIELD_COLUMNS, HELPER_COLUMNS
from artsim.ingest.records import Problem, Source
from artsim.ingest.sources import LIST_SUFFIXES, lists_in, open_list, read_files, read_source
from artsim.ingest.summary import Understanding, examples, understand

From: TypeAlias = Literal["sample", "folder", "sent"]

State: TypeAlias = Literal[
    "open", "waiting", "running", "stopping", "stopped", "interrupted", "failed", "done"
]
"""Of an intake. While it is open files are sent and columns are corrected; one that was cut
short with the server is interrupted, and goes on as one that was stopped."""

Stage: TypeAlias = Literal["", "preparing", "reading", "indexing", "finishing"]

ACTIVE: Final = ("waiting", "running", "stopping")
"""States of intakes that are worked at, or will be."""

FIELDS: Final = (*FIELD_COLUMNS, *HELPER_COLUMNS)
"""What a column can be, beside something of the museum's own."""

_KEPT_RECORDS: Final = 50
_MOST_FILES: Final = 200_000


class NoIntakeError(ArtsimError):
    """There is no such intake."""


class IntakeStateError(ArtsimError):
    """An intake has come too far for what is asked, or not far enough."""


@dataclass(frozen=True, slots=True)
class Intake:
    """One source, as it goes into a gallery.

    Attributes
    ----------
    gallery : str or None
        Name of the gallery that it goes into.
    origin, place
        Whether it is the sample, a folder of this machine or files that were sent; and the
        folder, or the list, in which it is.
    metadata : str or None
        Path below the folder of the list that is joined with the pictures.
    columns : mapping of str to str
        Columns by field, as `artsim ingest --map` takes them.
    kinds : tuple of str
        Parts of pictures that are looked for.
    done, total, counts
        How far it has come, of how many entries, and what came of them.
    failed : int
        Pictures and rows that did not go in.
    """

    id: str
    gallery: str | None
    origin: From
    place: str
    created: str
    state: State = "open"
    stage: Stage = ""
    metadata: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    done: int = 0
    total: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How an intake is understood as it is now, or in `error` why it is not.

    `lists` are those that it has, `metadata` the one that is taken; `columns` has each of its
    columns with its field, "" where that is the museum's own, and an example.
    """

    lists: tuple[str, ...]
    metadata: str | None
    columns: tuple[tuple[str, str, str], ...] = ()
    found: Understanding | None = None
    notes: tuple[str, ...] = ()
    error: str = ""


class Intakes:
    """The intakes of a server, each in a folder of its own, so that they outlast it.

    Threads may share it. What was worked at when the server ended is interrupted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._all: dict[str, Intake] = {}
        self._sent: dict[str, dict[str, tuple[str, bool]]] = {}
        for path in folder.glob("*/intake.json"):
            with suppress(OSError, ValueError, TypeError):
                intake = _read(path)
                cut = intake.state in ACTIVE
                self._all[intake.id] = replace(intake, state="interrupted") if cut else intake
        self._forget_oldest()

    def all(self) -> list[Intake]:
        """Return all, the newest first."""
        with self._lock:
            return sorted(self._all.values(), key=lambda one: one.created, reverse=True)

    def get(self, intake_id: str) -> Intake:
        """Return one by its id."""
        with self._lock:
            if intake_id not in self._all:
                raise NoIntakeError("what was to be read in is not known here any more; begin anew")
            return self._all[intake_id]

    def add(self, gallery: str | None, origin: From, place: Path) -> Intake:
        """Begin an intake."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        intake = Intake(secrets.token_hex(8), gallery, origin, str(place), now)
        with self._lock:
            self._forget_oldest()
            return self.put(intake)

    def put(self, intake: Intake, *, keep: bool = True) -> Intake:
        """Take an intake for what it is now; without `keep` only until the server ends."""
        with self._lock:
            self._all[intake.id] = intake
            if keep:
                self._of(intake.id).mkdir(parents=True, exist_ok=True)
                with replacing(self._of(intake.id) / "intake.json") as stream:
                    stream.write(json.dumps(asdict(intake)).encode())
        return intake

    def change(self, intake_id: str, *, keep: bool = True, **changes: Any) -> Intake:
        """Change some of an intake."""
        with self._lock:
            return self.put(replace(self.get(intake_id), **changes), keep=keep)

    def forget(self, intake_id: str) -> None:
        """Forget an intake that nothing works at; pictures stay."""
        with self._lock:
            if self.get(intake_id).state in ACTIVE:
                raise IntakeStateError("this is being read in; stop it first")
            del self._all[intake_id]
            self._sent.pop(intake_id, None)
            shutil.rmtree(self._of(intake_id), ignore_errors=True)

    def add_file(self, intake_id: str, given: str, stored: str, *, is_new: bool) -> None:
        """Note a file that was sent, by the path it was given and the one it is kept under."""
        with self._lock:
            sent = self._files(intake_id)
            if len(sent) >= _MOST_FILES:
                raise IntakeStateError(
                    f"more than {_MOST_FILES:,} files; add the others afterwards"
                )
            sent[given] = stored, is_new
            with (self._of(intake_id) / "files.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([given, stored, is_new]) + "\n")

    def files(self, intake_id: str) -> dict[str, str]:
        """Return the files that were sent: where each is kept, by the path it was given."""
        with self._lock:
            return {given: stored for given, (stored, _) in self._files(intake_id).items()}

    def own_files(self, intake_id: str) -> list[str]:
        """Return the files that came with this intake, and no other has."""
        with self._lock:
            rest = [one.id for one in self.all() if one.id != intake_id]
            others = {stored for one in rest for stored, _ in self._files(one).values()}
            own = {stored for stored, is_new in self._files(intake_id).values() if is_new}
        return sorted(own - others)

    def _files(self, intake_id: str) -> dict[str, tuple[str, bool]]:
        if intake_id not in self._sent:
            lines = self._lines(intake_id, "files")
            self._sent[intake_id] = {given: (stored, is_new) for given, stored, is_new in lines}
        return self._sent[intake_id]

    def set_problems(self, intake_id: str, problems: Iterable[Problem]) -> None:
        """Keep what did not go in."""
        rows = ((p.place, p.line, p.painting_id, p.reason) for p in problems)
        with replacing(self._of(intake_id) / "problems.jsonl") as stream:
            for row in rows:
                stream.write(json.dumps(row).encode() + b"\n")

    def problems(self, intake_id: str) -> Iterator[tuple[str, int | None, str | None, str]]:
        """Yield what did not go in: place, line, id and reason, paths below the folder."""
        prefix = f"{_folder_of(self.get(intake_id))}/"
        for place, line, painting_id, reason in self._lines(intake_id, "problems"):
            yield place.removeprefix(prefix), line, painting_id, reason.replace(prefix, "")

    def _of(self, intake_id: str) -> Path:
        return self._folder / intake_id

    def _lines(self, intake_id: str, name: str) -> Iterator[Any]:
        with suppress(OSError), (self._of(intake_id) / f"{name}.jsonl").open("rb") as stream:
            for line in stream:
                with suppress(ValueError):  # the end of one may be lost in a crash
                    yield json.loads(line)

    def _forget_oldest(self) -> None:
        ended = [one for one in self.all() if one.state in ("done", "failed")]
        for intake in ended[_KEPT_RECORDS:]:
            self.forget(intake.id)


def _read(path: Path) -> Intake:
    known = {one.name for one in fields(Intake)}
    found = {name: value for name, value in json.loads(path.read_bytes()).items() if name in known}
    found["kinds"], found["notes"] = (tuple(found.get(name, ())) for name in ("kinds", "notes"))
    if found["id"] != path.parent.name:
        raise ValueError(found["id"])
    return Intake(**found)


def _folder_of(intake: Intake) -> Path:
    place = Path(intake.place)
    return place.parent if place.suffix.lower() in LIST_SUFFIXES and place.is_file() else place


def open_intake(intake: Intake, files: Mapping[str, str]) -> Source:
    """Open what is to be read in, `files` being those that were sent for it.

    Raises
    ------
    SourceError, MetadataError
        If it cannot be understood as it is.
    """
    place = Path(intake.place)
    metadata = None if intake.metadata is None else _folder_of(intake) / intake.metadata
    if intake.origin == "sent":
        if not files:
            raise SourceError("no pictures were sent yet")
        return read_files(place, files, metadata=metadata, column_map=intake.columns)
    if not place.is_dir():
        metadata = None  # it is the list itself
    return read_source(place, metadata=metadata, column_map=intake.columns)


def look_at(intake: Intake, files: Mapping[str, str]) -> Look:
    """Return how an intake is understood, without opening a picture.

    Of a list that is the only one the columns are shown even if it names no pictures yet.
    """
    place, prefix = Path(intake.place), f"{_folder_of(intake)}/"
    lists = check_list(intake, files)
    found, error, columns = None, "", None
    notes: tuple[str, ...] = ()
    metadata = lists[0] if intake.metadata is None and len(lists) == 1 else intake.metadata
    try:
        source = open_intake(intake, files)
        found, notes = _below(understand(source), prefix), source.notes
        if source.metadata is not None:
            metadata, columns = str(source.metadata).removeprefix(prefix), source.columns
    except (SourceError, MetadataError) as exc:
        error = str(exc).replace(prefix, "").replace(str(place), place.name)
    shown: tuple[tuple[str, str, str], ...] = ()
    if metadata is not None:
        try:
            manifest = open_list(Path(prefix + metadata), intake.columns)
            by_column = {c: f for f, c in (columns or manifest.understood).by_field.items()}
            shown = tuple((c, by_column.get(c, ""), said) for c, said in examples(manifest).items())
        except MetadataError as exc:
            error = error or str(exc).replace(prefix, "")
    said = tuple(note.replace(prefix, "") for note in notes)
    return Look(lists, metadata, shown, found, said, error)


def _below(found: Understanding, prefix: str) -> Understanding:
    """Return what was found with paths below the folder."""
    shown = (
        replace(p, place=p.place.removeprefix(prefix), reason=p.reason.replace(prefix, ""))
        for p in found.problems
    )
    return replace(found, problems=tuple(shown))


def check_list(intake: Intake, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lists that an intake has; SourceError where its own is none of them."""
    lists = _lists_of(intake, files)
    if intake.metadata is not None and intake.metadata not in lists:
        raise SourceError(f"there is no list {intake.metadata[:80]!r} here")
    return lists


def _lists_of(intake: Intake, files: Mapping[str, str]) -> tuple[str, ...]:
    place = Path(intake.place)
    if intake.origin == "sent":
        stored = sorted(set(files.values()))
        return tuple(name for name in stored if Path(name).suffix.lower() in LIST_SUFFIXES)
    return tuple(path.name for path in lists_in(place)) if place.is_dir() else (place.name,)
