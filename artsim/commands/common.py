"""Options that several commands share, and what becomes of expected errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.errors import ArtsimError

try:  # typer's own copy of click, which has a current context of its own
    from typer._click.globals import get_current_context
except ImportError:  # versions before that depend on click
    from click import get_current_context  # type: ignore[no-redef]

if TYPE_CHECKING:
    from artsim.config import Settings
    from artsim.search.filters import Filters
    from artsim.store.gallery import Gallery

PLACE = "Where the gallery is"
FILTERS = "Filters"
SERVER = "New collections on a server"

_LONGEST_LINE = 4000
"""Characters of what is said in one line; messages can repeat what somebody gave."""

GalleryOption = Annotated[
    str | None,
    typer.Option(
        "--gallery",
        "-g",
        envvar="ARTSIM_GALLERY",
        help="Name of the gallery; prefixes its collections.",
        rich_help_panel=PLACE,
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        help="Qdrant server, instead of the embedded gallery; also ARTSIM_URL or QDRANT_URL.",
        rich_help_panel=PLACE,
    ),
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        help="Key of the server; better given as QDRANT_API_KEY, which other users cannot see.",
        rich_help_panel=PLACE,
    ),
]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        envvar="ARTSIM_HOME",
        help="Data folder of embedded galleries.",
        show_default="the user's data folder",
        rich_help_panel=PLACE,
    ),
]
WaitOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="SECONDS",
        envvar="ARTSIM_WAIT",
        help="How long to wait for another process that has the embedded gallery open.",
        show_default="0",
        rich_help_panel=PLACE,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File of weights for the encoder, instead of ARTSIM_WEIGHTS or the hub.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
MinFaceOption = Annotated[
    int | None, typer.Option(min=12, help="Least side of a face, in pixels of the picture.")
]
FaceScoreOption = Annotated[
    float | None, typer.Option(min=0.01, max=0.999, help="Least certainty of a face.")
]
MaxMegapixelsOption = Annotated[
    float, typer.Option(min=0.001, help="Refuse larger pictures, in millions of pixels.")
]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace files that artsim did not make, but no picture of the gallery."
    ),
]
TableOrJson = Annotated[
    Literal["table", "json"], typer.Option("--format", "-f", help="Form on stdout.")
]
Quantization = Annotated[
    Literal["none", "int8", "binary"],
    typer.Option(help="Of the vectors on a server.", rich_help_panel=SERVER),
]
ShardsOption = Annotated[
    int | None, typer.Option(min=1, help="How many shards.", rich_help_panel=SERVER)
]
ReplicasOption = Annotated[
    int | None, typer.Option(min=1, help="How many replicas.", rich_help_panel=SERVER)
]
OnDiskOption = Annotated[
    bool, typer.Option("--on-disk", help="Vectors on disk.", rich_help_panel=SERVER)
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE",
        help="Any field, also of the manifest; numbers as A..B.",
        rich_help_panel=FILTERS,
    ),
]
NotOption = Annotated[
    list[str] | None,
    typer.Option("--not", metavar="FIELD=VALUE", help="Leave out.", rich_help_panel=FILTERS),
]
YearOption = Annotated[
    str | None,
    typer.Option(
        metavar="YEARS",
        help="Dated within or across: 1510..1530, 1640.., '17. Jh.'; 'um 1640' is 1635..1645.",
        rich_help_panel=FILTERS,
    ),
]
TitleOption = Annotated[
    str | None, typer.Option(help="Words of the title.", rich_help_panel=FILTERS)
]


def any_of(what: str) -> typer.models.OptionInfo:
    """Return a repeatable filter option."""
    info: typer.models.OptionInfo = typer.Option(
        help=f"Only this {what}; repeatable: any of them.", rich_help_panel=FILTERS
    )
    return info


ArtistOption = Annotated[list[str] | None, any_of("artist, however the name is written")]
StyleOption = Annotated[list[str] | None, any_of("style")]
GenreOption = Annotated[list[str] | None, any_of("genre")]
SchoolOption = Annotated[list[str] | None, any_of("school")]
MediumOption = Annotated[list[str] | None, any_of("medium")]
InstitutionOption = Annotated[list[str] | None, any_of("institution")]
TagOption = Annotated[list[str] | None, any_of("tag")]
AttributionOption = Annotated[
    list[str] | None,
    any_of("tie to the artist (by, attributed, workshop, circle, follower, manner, after)"),
]


def one_of(registry: Mapping[str, object]) -> Callable[[str], str]:
    """Return what reads an option that names an entry of `registry`, as that is by then."""

    def read(text: str) -> str:
        if text not in registry:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, registry))}.")
        return text

    return read


def names_of(registry: Mapping[str, object]) -> str:
    """Return the names that an option may give, for its help."""
    return f"[{'|'.join(registry)}]"


KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        parser=one_of(KINDS),
        metavar=names_of(KINDS),
        help="What of the gallery: whole pictures, or parts of them.",
        show_default="paintings",
    ),
]


def chosen_kind(kind: str | None, faces: bool) -> Kind:
    """Return the kind that ``--kind`` names, or ``--faces`` for short."""
    if faces and kind not in (None, FACES.name):
        raise typer.BadParameter(f"--faces is --kind {FACES.name}, not {kind}")
    return FACES if faces else KINDS[kind or PAINTINGS.name]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: str | None
    url: str | None
    api_key: str | None
    home: Path | None
    wait: float | None = None

    def open(self) -> Gallery:
        """Open the gallery; what is not said comes from the environment."""
        from artsim.store.gallery import open_gallery

        return open_gallery(
            self.settings, name=self.gallery, url=self.url, api_key=self.api_key, wait=self.wait
        )

    def open_embedded(self) -> Gallery:
        """Open the embedded gallery, even where the environment names a server."""
        from artsim.store.gallery import open_gallery

        settings = replace(self.settings, url=None)
        return open_gallery(settings, name=self.gallery, wait=self.wait)

    @property
    def settings(self) -> Settings:
        """The settings of the environment, with the data folder that was given."""
        from artsim.config import load_settings

        settings = load_settings()
        return settings if self.home is None else replace(settings, home=self.home)


@contextmanager
def expected_errors() -> Iterator[None]:
    """Turn an expected failure into one line on stderr and exit code 1.

    Where the command writes JSON to stdout, the line is JSON too, as docs/output.md has it.
    The reader of a pipe that goes away, as ``head`` does, ends the command in silence.
    """
    try:
        yield
    except ArtsimError as error:
        show_error(error)
        raise typer.Exit(1) from error
    except BrokenPipeError as error:
        # Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from error


def show_error(error: ArtsimError, context: Any = None) -> None:
    """Write an error to stderr in one line, as JSON where the command writes JSON to stdout.

    `context` is typer's, of the command that failed, where it runs no longer.
    """
    if writes_json(context):
        typer.echo(json.dumps({"error": error.to_dict()}, ensure_ascii=False), err=True)
    else:
        say(f"Error: {error.with_hint}")


def writes_json(context: Any = None) -> bool:
    """Return whether the command that runs was asked for JSON or JSON Lines."""
    context = context or get_current_context(silent=True)
    return context is not None and context.params.get("output_format") in ("json", "jsonl")


def say(text: str) -> None:
    """Write a line for the user to stderr: one line without control characters."""
    from artsim.render.text import clean

    typer.echo(clean(text, _LONGEST_LINE), err=True)


def say_notes(notes: Sequence[str]) -> None:
    """Write remarks on how names and values were understood, with what to do about them."""
    for note in notes:
        say(f"Note: {getattr(note, 'with_hint', note)}")


def make_filters(
    *,
    year: str | None = None,
    title: str | None = None,
    where: Sequence[str] | None = None,
    where_not: Sequence[str] | None = None,
    **any_of: Sequence[str] | None,
) -> Filters:
    """Return the filters that the options say; `any_of` are values by field."""
    from artsim.search.filters import Filters

    given = {name: tuple(values) for name, values in any_of.items() if values}
    return Filters(given, year, title, tuple(where or ()), tuple(where_not or ()))


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Return columns by field from ``--map FIELD=COLUMN``."""
    columns = {}
    for text in texts:
        field, equals, column = text.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"--map {text!r}: expected FIELD=COLUMN, as artist=painter")
        columns[field.strip()] = column.strip()
    return columns


def write_json(value: object) -> None:
    """Write a JSON document to stdout, in UTF-8 whatever the locale."""
    from artsim.render.output import dump_json

    sys.stdout.buffer.write(dump_json(value, indent=2).encode())
    sys.stdout.buffer.flush()
