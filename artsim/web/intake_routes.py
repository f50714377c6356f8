"""The addresses of intakes: their files, their columns, their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from artsim.catalog.cells import BOM, csv_lines
from artsim.errors import OptionError, SourceError
from artsim.web.begin import PARTS, Beginning
from artsim.web.forms import shown
from artsim.web.guard import INTAKES, ROLE
from artsim.web.intakes import (
    FIELDS,
    From,
    Intake,
    IntakeStateError,
    Look,
    State,
    check_list,
    look_at,
)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


GalleryName = Annotated[str | None, Field(max_length=100)]


class BeginForm(_Form):
    """What is to be read in, and into which gallery; it is made if need be."""

    origin: From
    folder: Annotated[
        str | None,
        Field(max_length=4096, description="Of the server's machine; or a list in a file."),
    ] = None
    gallery: GalleryName = None


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


def may_write(request: Request) -> bool:
    """Return whether a visitor may add pictures."""
    return bool(request.scope.get(ROLE) == "write")


def _must_write(request: Request) -> None:
    if not may_write(request):
        raise HTTPException(403, "only who knows the token for writing may add pictures here")


_SHOWN: Final = 100
_PAGE: Final[Any] = {"openapi_extra": {"requestBody": {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}}}  # fmt: skip


def intake_routes(app: FastAPI, beginning: Beginning) -> None:
    """Add the addresses of intakes to an application."""
    router = APIRouter(
        prefix=INTAKES.rstrip("/"), tags=["intakes"], dependencies=[Depends(_must_write)]
    )
    intakes, jobs = beginning.intakes, beginning.jobs
    _add_records(router, beginning)
    _add_reading(router, beginning)

    @router.put("/{intake_id}/files", response_model=FileForm, **_PAGE)
    async def send_file(
        request: Request, intake_id: str, path: Annotated[str, Parameter(max_length=4096)]
    ) -> Any:
        """Send a picture or a list, its content as the body, by the path it has at home."""
        intake = await run_in_threadpool(intakes.get, intake_id)
        if intake.origin != "sent" or intake.state != "open":
            raise IntakeStateError("no files can be sent for this any more; begin anew")
        received = beginning.received(intake.gallery)
        try:
            with await run_in_threadpool(received.begin, path) as incoming:
                async for content in request.stream():
                    incoming.write(content)
                stored, is_new = await run_in_threadpool(incoming.keep)
        except OSError as exc:
            raise SourceError(f"{path[-80:]!r} cannot be kept here: {exc.strerror}") from exc
        await run_in_threadpool(intakes.add_file, intake_id, path, stored, is_new=is_new)
        return {"path": stored, "is_new": is_new}

    @router.post("/{intake_id}/stop", response_model=IntakeForm)
    def stop(intake_id: str) -> Any:
        """End reading in; what is in is whole, and stays, and `start` goes on."""
        return _described(jobs.stop(intake_id), beginning)

    app.include_router(router)


def _add_records(router: APIRouter, beginning: Beginning) -> None:
    intakes = beginning.intakes

    @router.get("", response_model=list[IntakeForm])
    def all_intakes() -> Any:
        """List what is read in, or was, the newest first."""
        return [_described(intake, beginning) for intake in intakes.all()]

    @router.post("", response_model=IntakeForm, status_code=201)
    def begin(form: BeginForm) -> Any:
        """Begin with the sample, a folder of the server's machine, or files that will be sent."""
        return _described(beginning.begin(form.origin, form.folder or "", form.gallery), beginning)

    @router.get("/{intake_id}", response_model=IntakeForm)
    def intake(intake_id: str) -> Any:
        """Say how far an intake has come."""
        return _described(intakes.get(intake_id), beginning)

    @router.delete("/{intake_id}", status_code=204, response_class=Response)
    def discard(intake_id: str) -> None:
        """Forget an intake; files that were sent and never read in are removed."""
        beginning.discard(intake_id)

    @router.get("/{intake_id}/problems", response_model=TroublesForm)
    def problems(intake_id: str) -> Any:
        """Return the first of what did not go in, with the reason for each."""
        rows = list(intakes.problems(intake_id))
        return {"total": len(rows), "problems": [_trouble(*row) for row in rows[:_SHOWN]]}

    @router.get("/{intake_id}/problems.csv", response_class=Response)
    def problems_file(intake_id: str) -> Any:
        """Write all that did not go in as a table."""
        intakes.get(intake_id)

        def lines() -> Iterator[str]:
            yield BOM
            yield from csv_lines(list(TroubleForm.model_fields), intakes.problems(intake_id))

        headers = {"content-disposition": 'attachment; filename="artsim-not-read.csv"'}
        return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _add_reading(router: APIRouter, beginning: Beginning) -> None:
    intakes = beginning.intakes

    def read_as(intake_id: str, form: ReadingForm) -> tuple[Intake, dict[str, str]]:
        intake = intakes.get(intake_id)
        if intake.state == "done":
            raise IntakeStateError("this has been read in; begin anew")
        changed = intakes.change(intake_id, metadata=form.metadata, columns=form.columns)
        return changed, intakes.files(intake_id)

    @router.post("/{intake_id}/look", response_model=LookForm)
    def look(intake_id: str, form: ReadingForm) -> Any:
        """Say how an intake is understood, with some columns corrected; nothing is read in."""
        intake, files = read_as(intake_id, form)
        return {"place": intake.place, **_said_of(look_at(intake, files))}

    @router.post("/{intake_id}/start", response_model=IntakeForm)
    def start(intake_id: str, form: StartForm | None = None) -> Any:
        """Read an intake in; without a body as it was understood last, to go on."""
        if form is not None:
            if unknown := [name for name in form.kinds if name not in PARTS]:
                raise OptionError(f"kinds: expected {', '.join(PARTS)}, found {unknown[0][:80]!r}")
            intake, files = read_as(intake_id, form)
            check_list(intake, files)
            intakes.change(intake_id, kinds=tuple(form.kinds))
        return _described(beginning.jobs.start(intake_id), beginning)


def _said_of(seen: Look) -> dict[str, Any]:
    found = seen.found
    return {
        "lists": seen.lists,
        "metadata": seen.metadata,
        "columns": [
            {"name": name, "field": field, "example": example}
            for name, field, example in seen.columns
        ],
        "fields": FIELDS,
        "pictures": found.pictures if found else 0,
        "described": found.described if found else 0,
        "failed": found.failed if found else 0,
        "problems": [
            _trouble(p.place, p.line, p.painting_id, p.reason)
            for p in (found.problems if found else ())
        ],
        "works": [shown(row) for row in found.rows] if found else [],
        "not_understood": {
            kind: [text[:200] for text, _ in texts.most_common(3)]
            for kind, texts in (found.missed.items() if found else ())
            if texts
        },
        "notes": seen.notes,
        "error": seen.error,
    }


def _described(intake: Intake, beginning: Beginning) -> dict[str, Any]:
    names = IntakeForm.model_fields.keys() - {"files", "ahead"}
    files = len(beginning.intakes.files(intake.id)) if intake.origin == "sent" else 0
    own = {name: getattr(intake, name) for name in names}
    return {**own, "files": files, "ahead": beginning.jobs.ahead(intake.id)}


def _trouble(place: str, line: int | None, painting_id: str | None, reason: str) -> dict[str, Any]:
    return {"place": place, "line": line, "painting_id": painting_id, "reason": reason}
