"""The addresses of intakes: their files, how they are understood, their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from artsim.catalog.cells import BOM, csv_lines
from artsim.errors import MetadataError, OptionError, SourceError
from artsim.ingest.columns import FIELD_COLUMNS, HELPER_COLUMNS
from artsim.ingest.records import Columns
from artsim.ingest.sources import open_list
from artsim.ingest.summary import Understanding, examples, understand
from artsim.web.begin import PARTS, Beginning, check_list, open_intake
from artsim.web.forms import PROBLEMS, shown
from artsim.web.guard import INTAKES, may_write
from artsim.web.intakes import From, Intake, IntakeStateError, State, trouble


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BeginForm(_Form):
    """What is to be read in, and into which gallery; it is made if need be."""

    origin: From
    folder: Annotated[
        str | None,
        Field(max_length=4096, description="Of the server's machine; or a list in a file."),
    ] = None
    gallery: Annotated[str | None, Field(max_length=100)] = None


class ReadingForm(_Form):
    """Which list belongs to the pictures, and which of its columns are to be corrected."""

    metadata: Annotated[str | None, Field(max_length=4096)] = None
    columns: Annotated[
        dict[str, Annotated[str, Field(max_length=1000)]],
        Field(max_length=100, description='Column by field; "" where no column is that field.'),
    ] = {}


class StartForm(ReadingForm):
    """How it is read in."""

    kinds: Annotated[list[str], Field(max_length=10, description="Parts to look for.")] = []


class IntakeForm(BaseModel):
    """What is read in, or will be, and how far it has come."""

    id: str
    gallery: str | None
    origin: From
    place: str
    created: str
    state: State
    stage: str
    files: int
    ahead: Annotated[int, Field(description="How many are read in before.")]
    done: int
    total: int | None
    counts: dict[str, int]
    failed: int
    notes: list[str]
    error: str


class FileForm(BaseModel):
    """A file that was kept: its path below the folder of the gallery's own."""

    path: str
    is_new: bool


class ColumnForm(BaseModel):
    """A column of a list, its field, and the first value in it."""

    name: str
    field: str
    example: str


class TroubleForm(BaseModel):
    """A picture or a row that did not go in, or will not."""

    place: str
    line: int | None
    painting_id: str | None
    reason: str


class TroublesForm(BaseModel):
    """The first of what did not go in, and how many there are."""

    total: int
    problems: list[TroubleForm]


class LookForm(BaseModel):
    """How an intake is understood, before it is read in; or in `error` why it is not."""

    place: str
    lists: list[str]
    metadata: str | None
    columns: list[ColumnForm]
    fields: list[str]
    pictures: int
    described: int
    failed: int
    problems: list[TroubleForm]
    works: Annotated[list[dict[str, Any]], Field(description="The first ones, as they are read.")]
    not_understood: dict[str, list[str]]
    notes: list[str]
    error: str


def _must_write(request: Request) -> None:
    if not may_write(request):
        raise HTTPException(403, "only who knows the token for writing may add pictures here")


async def _beginning(request: Request) -> Beginning:
    found: Beginning = request.app.state.beginning
    return found


BeginningGiven = Annotated[Beginning, Depends(_beginning)]

_SHOWN: Final = 100
_PAGE: Final[Any] = {"openapi_extra": {"requestBody": {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}}}  # fmt: skip

router = APIRouter(
    prefix=INTAKES.rstrip("/"),
    tags=["intakes"],
    dependencies=[Depends(_must_write)],
    responses=PROBLEMS,
)


@router.get("", response_model=list[IntakeForm])
def all_intakes(beginning: BeginningGiven) -> Any:
    """List what is read in, or was, the newest first."""
    return [_described(intake, beginning) for intake in beginning.intakes.all()]


@router.post("", response_model=IntakeForm, status_code=201)
def begin(form: BeginForm, beginning: BeginningGiven) -> Any:
    """Begin with the sample, a folder of the server's machine, or files that will be sent."""
    return _described(beginning.begin(form.origin, form.folder or "", form.gallery), beginning)


@router.get("/{intake_id}", response_model=IntakeForm)
def intake(intake_id: str, beginning: BeginningGiven) -> Any:
    """Say how far an intake has come."""
    return _described(beginning.intakes.get(intake_id), beginning)


@router.delete("/{intake_id}", status_code=204, response_class=Response)
def discard(intake_id: str, beginning: BeginningGiven) -> None:
    """Forget an intake; files that were sent and never read in are removed."""
    beginning.discard(intake_id)


@router.get("/{intake_id}/problems", response_model=TroublesForm)
def problems(intake_id: str, beginning: BeginningGiven) -> Any:
    """Return the first of what did not go in, with the reason for each."""
    rows = list(beginning.intakes.problems(intake_id))
    return {"total": len(rows), "problems": rows[:_SHOWN]}


@router.get("/{intake_id}/problems.csv", response_class=Response)
def problems_file(intake_id: str, beginning: BeginningGiven) -> Any:
    """Write all that did not go in as a table."""
    beginning.intakes.get(intake_id)

    def lines() -> Iterator[str]:
        yield BOM
        rows = (list(row.values()) for row in beginning.intakes.problems(intake_id))
        yield from csv_lines(list(TroubleForm.model_fields), rows)

    headers = {"content-disposition": 'attachment; filename="artsim-not-read.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.put("/{intake_id}/files", response_model=FileForm, **_PAGE)
async def send_file(
    request: Request,
    intake_id: str,
    path: Annotated[str, Parameter(max_length=4096)],
    beginning: BeginningGiven,
) -> Any:
    """Send a picture or a list, its content as the body, by the path it has at home."""
    intakes = beginning.intakes
    intake = await run_in_threadpool(intakes.get, intake_id)
    if intake.origin != "sent" or intake.state != "open":
        raise IntakeStateError("no files can be sent for this any more; begin anew")
    try:
        with await run_in_threadpool(beginning.receive, intake, path) as incoming:
            async for content in request.stream():
                incoming.write(content)
            stored, is_new = await run_in_threadpool(incoming.keep)
    except OSError as exc:
        raise SourceError(f"{path[-80:]!r} cannot be kept here: {exc.strerror}") from exc
    await run_in_threadpool(intakes.add_file, intake_id, path, stored, is_new=is_new)
    return {"path": stored, "is_new": is_new}


@router.post("/{intake_id}/look", response_model=LookForm)
def look(intake_id: str, form: ReadingForm, beginning: BeginningGiven) -> Any:
    """Say how an intake is understood, with some columns corrected; nothing is read in."""
    return _look(*_read_as(intake_id, form, beginning))


@router.post("/{intake_id}/start", response_model=IntakeForm)
def start(intake_id: str, beginning: BeginningGiven, form: StartForm | None = None) -> Any:
    """Read an intake in; without a body as it was understood last, to go on."""
    if form is not None:
        if unknown := [name for name in form.kinds if name not in PARTS]:
            raise OptionError(f"kinds: expected {', '.join(PARTS)}, found {unknown[0][:80]!r}")
        check_list(*_read_as(intake_id, form, beginning))
        beginning.intakes.change(intake_id, kinds=tuple(form.kinds))
    return _described(beginning.jobs.start(intake_id), beginning)


@router.post("/{intake_id}/stop", response_model=IntakeForm)
def stop(intake_id: str, beginning: BeginningGiven) -> Any:
    """End reading in; what is in is whole, and stays, and `start` goes on."""
    return _described(beginning.jobs.stop(intake_id), beginning)


def _described(intake: Intake, beginning: Beginning) -> dict[str, Any]:
    files = len(beginning.intakes.files(intake.id)) if intake.origin == "sent" else 0
    return {**asdict(intake), "files": files, "ahead": beginning.jobs.ahead(intake.id)}


def _read_as(
    intake_id: str, form: ReadingForm, beginning: Beginning
) -> tuple[Intake, dict[str, str]]:
    """Change how an intake is understood; return it, and the files that were sent for it."""
    intakes = beginning.intakes
    if intakes.get(intake_id).state == "done":
        raise IntakeStateError("this has been read in; begin anew")
    changed = intakes.change(intake_id, metadata=form.metadata, columns=form.columns)
    return changed, intakes.files(intake_id)


def _look(intake: Intake, files: Mapping[str, str]) -> dict[str, Any]:
    """Return how an intake is understood, without opening a picture.

    Of a list that is the only one the columns are shown even if it names no pictures yet.
    """
    place, prefix = Path(intake.place), f"{intake.folder}/"
    lists = check_list(intake, files)
    metadata = lists[0] if intake.metadata is None and len(lists) == 1 else intake.metadata
    found, error = Understanding(0, 0, 0, (), (), {}), ""
    notes: tuple[str, ...] = ()
    columns: list[dict[str, str]] = []
    read_as = None
    try:
        source = open_intake(intake, files)
        found, notes = understand(source), source.notes
        if source.metadata is not None:
            metadata, read_as = str(source.metadata).removeprefix(prefix), source.columns
    except (SourceError, MetadataError) as exc:
        error = str(exc).replace(prefix, "").replace(str(place), place.name)
    if metadata is not None:
        try:
            columns = _columns(Path(prefix + metadata), intake, read_as)
        except MetadataError as exc:
            error = error or str(exc).replace(prefix, "")
    return {
        "place": intake.place,
        "lists": lists,
        "metadata": metadata,
        "columns": columns,
        "fields": [*FIELD_COLUMNS, *HELPER_COLUMNS],
        **_understood(found, prefix),
        "notes": [note.replace(prefix, "") for note in notes],
        "error": error,
    }


def _understood(found: Understanding, prefix: str) -> dict[str, Any]:
    problems = [trouble(prefix, p.place, p.line, p.painting_id, p.reason) for p in found.problems]
    return {
        "pictures": found.pictures,
        "described": found.described,
        "failed": found.failed,
        "problems": problems,
        "works": [shown(row) for row in found.rows],
        "not_understood": {
            kind: [text[:200] for text, _ in texts.most_common(3)]
            for kind, texts in found.missed.items()
            if texts
        },
    }


def _columns(path: Path, intake: Intake, read_as: Columns | None) -> list[dict[str, str]]:
    """Return the columns of a list with their fields, "" where one is the museum's own."""
    manifest = open_list(path, intake.columns)
    by_column = {c: field for field, c in (read_as or manifest.understood).by_field.items()}
    return [
        {"name": column, "field": by_column.get(column, ""), "example": example}
        for column, example in examples(manifest).items()
    ]
