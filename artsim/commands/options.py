"""Groups of options that several commands share, and what they stand for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import typer

from artsim.catalog.kinds import KINDS, PAINTINGS, Kind
from artsim.catalog.progress import counted
from artsim.commands.command_line import say
from artsim.config import Settings, load_settings
from artsim.errors import ImageError
from artsim.files import FileKind, check_file, choose_form, local_path

if TYPE_CHECKING:
    from artsim.render.sheet import Shown
    from artsim.search.answer import Answer
    from artsim.search.filters import Filters
    from artsim.search.listing import Listing
    from artsim.search.models import Models
    from artsim.search.question import IdQuery, ImageQuery
    from artsim.store.gallery import Gallery

Form: TypeAlias = Literal["table", "json"]
AnswerForm: TypeAlias = Literal["table", "json", "jsonl", "csv", "xlsx", "paths", "bibtex", "iiif"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: str | None = None
    url: tuple[str, ...] = ()
    api_key: str | None = None
    home: Path | None = None
    wait: float | None = None

    def open(self, *, embedded: bool = False, names: Path | None = None) -> Gallery:
        """Open the gallery; what is not said comes from the environment.

        With `embedded` the one in the data folder, even where the environment names a server;
        with `names` that file says who is on which face.
        """
        from artsim.store.gallery import open_gallery

        settings = replace(self.settings, url=None) if embedded else self.settings
        settings = settings if names is None else replace(settings, names=names)
        return open_gallery(
            settings, name=self.gallery, url=self.address, api_key=self.api_key, wait=self.wait
        )

    @property
    def address(self) -> str | None:
        """The server's address, or those of a cluster's nodes, separated by commas."""
        return ",".join(self.url) if self.url else None

    @property
    def settings(self) -> Settings:
        """The settings of the environment, with the data folder that was given."""
        settings = load_settings()
        return settings if self.home is None else replace(settings, home=self.home)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which paintings are asked for."""

    artist: tuple[str, ...] = ()
    attribution: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    genre: tuple[str, ...] = ()
    school: tuple[str, ...] = ()
    medium: tuple[str, ...] = ()
    institution: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    year: str | None = None
    title: str | None = None
    person: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    where_not: tuple[str, ...] = ()
    films: bool = False

    def filters(self, **more: tuple[str, ...]) -> Filters:
        """Return what the options say; `more` are values by field."""
        from artsim.search.filters import Filters

        own = ("artist", "attribution", "style", "genre", "school", "medium", "institution")
        any_of = {**more, **{name: getattr(self, name) for name in own}, "tags": self.tag}
        others = (self.year, self.title, self.where, self.where_not, self.person, self.films)
        return Filters(any_of, *others)


def chosen_kind(kind: str | None, **short: bool) -> Kind:
    """Return the kind that ``--kind`` names, or an option of its name, as ``--faces``."""
    named = [name for name, is_given in short.items() if is_given]
    for name in named:
        if kind not in (None, name):
            raise typer.BadParameter(f"--{name} is --kind {name}, not {kind}")
    if len(named) > 1:
        raise typer.BadParameter(f"one kind is searched at a time, not {' and '.join(named)}")
    return KINDS[kind or next(iter(named), PAINTINGS.name)]


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """With what pictures are encoded."""

    weights: Path | None = None
    device: str = "auto"
    max_megapixels: float = 200.0

    def models(self, faces: FaceOptions | None = None) -> Models:
        """Return the models of a query, which are loaded when needed."""
        from artsim.search.models import Models

        return Models(**asdict(self), **asdict(faces or FaceOptions()))


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """How faces are looked for."""

    min_face: int | None = None
    face_score: float | None = None
    face_detector: Literal["centerface", "yunet", "mtcnn"] | None = None
    small_faces: bool = False


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where an answer goes, and in which form."""

    output_format: AnswerForm | None = None
    output: Path | None = None
    print0: bool = False
    sheet: tuple[Path, ...] = ()
    overwrite: bool = False

    def checked(
        self,
        home: Path,
        inputs: Sequence[Path] = (),
        question: Path | None = None,
        kind: FileKind | None = None,
    ) -> Outputs:
        """Return what is written, or refuse what could not be written after the search.

        `inputs` are the query's own pictures, never replaced. What `sheet` names is of another
        `kind` than contact sheets where one is given.
        """
        form: AnswerForm = self.output_format or "table"
        files: dict[Path, FileKind] = {}
        if self.sheet:
            from artsim.render.sheet import SHEET

            files = dict.fromkeys(self.sheet, kind or SHEET)
        if self.output is not None:
            from artsim.render.output import ANSWER, ENDINGS

            files[self.output] = ANSWER
            form = choose_form(self.output, self.output_format, ENDINGS, ANSWER)
        elif form == "xlsx" and sys.stdout.isatty():
            raise typer.BadParameter("xlsx is not for a terminal: --output FILE.xlsx")
        if self.print0 and form != "paths":
            raise typer.BadParameter("--print0 is for --format paths")
        if form == "xlsx":
            from artsim.search.export import check_spreadsheet

            check_spreadsheet(0)
        if question is not None:
            from artsim.search.replay import QUESTION

            files[question] = QUESTION
        door: dict[str, Any] = {"overwrite": self.overwrite, "inputs": tuple(inputs), "home": home}
        for path, of in files.items():
            check_file(path, of, **door)
        return Outputs(self, form, files, door, question)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a query or a list writes; `door` are the arguments with which files are written."""

    options: OutputOptions
    form: AnswerForm
    files: Mapping[Path, FileKind]
    door: Mapping[str, Any]
    question: Path | None = None

    @property
    def as_table(self) -> bool:
        """Whether the answer is a table on the terminal."""
        return self.form == "table" and self.options.output is None

    def check_paintings(self, gallery: Gallery) -> None:
        """Refuse to write where a picture of the gallery lies."""
        from artsim.search.inspect import check_no_painting

        for path, kind in self.files.items():
            check_no_painting(gallery, path, kind)

    def write(self, answer: Answer | Listing, count: int) -> None:
        """Write the answer, which has `count` hits or points, but for a table on the terminal."""
        from artsim.render.output import write_form, write_form_file

        path, null = self.options.output, self.options.print0
        if path is not None:
            write_form_file(answer, self.form, path, null=null, **self.door)
            say(f"Wrote {counted(count, 'row')} to {path}.")
        elif not self.as_table:
            write_form(answer, self.form, sys.stdout.buffer, null=null)
            sys.stdout.buffer.flush()

    def write_sheets(self, answer: Shown) -> None:
        """Write the contact sheets."""
        for sheet in self.options.sheet:
            from artsim.render.sheet import write_sheet

            write_sheet(answer, sheet, overwrite=self.options.overwrite)
            say(f"Sheet: {sheet}")


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Return columns by field from ``--map FIELD=COLUMN``."""
    columns = {}
    for text in texts:
        field, equals, column = text.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"--map {text!r}: expected FIELD=COLUMN, as artist=painter")
        columns[field.strip()] = column.strip()
    return columns


def picture_or_id(text: str, *, plain: bool = False) -> IdQuery | ImageQuery:
    """Return a query by a picture's file, or by ``id:ID``, or an id that is `plain` and no file."""
    from artsim.search.question import IdQuery

    if text.startswith("id:") or (plain and not Path(text).suffix and not Path(text).exists()):
        return IdQuery(text.removeprefix("id:"))
    return picture_file(text)


def picture_file(text: str) -> ImageQuery:
    """Return a query by a picture's file; `ImageError` of an address or a folder."""
    from artsim.search.question import ImageQuery

    path = local_path(text)
    if path is None:
        raise ImageError(f"{text}: artsim does not download pictures; save it and give its path")
    if path.is_dir():
        raise ImageError(
            f"{path}: a folder, where one picture is expected; give one of its pictures, or make "
            "a gallery of the folder",
            hint=f"artsim ingest {path}",
            path=path,
        )
    return ImageQuery(path)
