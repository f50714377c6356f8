"""Options that several commands share, in groups: their parameters, their help, their settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.commands.command_line import expected_errors

if TYPE_CHECKING:
    from artsim.config import Settings
    from artsim.search.filters import Filters
    from artsim.search.models import Models
    from artsim.store.gallery import Gallery
    from artsim.store.protocol import ServerOptions

PLACE = "Where the gallery is"
FILTERS = "Filters"
SERVER = "New collections on a server"


def as_command(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` for typer: its groups as options, its expected errors as one line.

    A group is a parameter whose type is a dataclass; for typer its fields are parameters, those
    that are annotated as the parameters of a command are, or say what they are in the
    metadata ``flags`` and ``about``.
    """
    hints = get_type_hints(command, include_extras=True)
    options: list[inspect.Parameter] = []
    groups: dict[str, list[inspect.Parameter]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if isinstance(hints[name], type) and is_dataclass(hints[name]):
            groups[name] = _options_of(hints[name])
            options += groups[name]
        else:
            options.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name]))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        with expected_errors():
            for name, own in groups.items():
                given = {option.name: values.pop(option.name) for option in own}
                values[name] = hints[name](**given)
            command(**values)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


@functools.cache
def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    options = []
    for field in fields(group):
        hint, keyword = hints[field.name], inspect.Parameter.KEYWORD_ONLY
        if "about" in field.metadata:
            about = typer.Option(*field.metadata["flags"], **field.metadata["about"])
            hint = Annotated[hint, about]
        if hasattr(hint, "__metadata__"):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            options.append(inspect.Parameter(field.name, keyword, default=default, annotation=hint))
    return options


def any_of(what: str) -> typer.models.OptionInfo:
    """Return a repeatable filter option."""
    info: typer.models.OptionInfo = typer.Option(
        help=f"Only this {what}; repeatable: any of them.", rich_help_panel=FILTERS
    )
    return info


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: GalleryOption = None
    url: UrlOption = None
    api_key: ApiKeyOption = None
    home: HomeOption = None
    wait: WaitOption = None

    def open(self, *, embedded: bool = False) -> Gallery:
        """Open the gallery; what is not said comes from the environment.

        With `embedded` the one in the data folder, even where the environment names a server.
        """
        from artsim.store.gallery import open_gallery

        settings = replace(self.settings, url=None) if embedded else self.settings
        return open_gallery(
            settings, name=self.gallery, url=self.url, api_key=self.api_key, wait=self.wait
        )

    @property
    def settings(self) -> Settings:
        """The settings of the environment, with the data folder that was given."""
        from artsim.config import load_settings

        settings = load_settings()
        return settings if self.home is None else replace(settings, home=self.home)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which paintings are asked for."""

    artist: Annotated[list[str] | None, any_of("artist, however the name is written")] = None
    attribution: Annotated[
        list[str] | None,
        any_of("tie to the artist (by, attributed, workshop, circle, follower, manner, after)"),
    ] = None
    style: Annotated[list[str] | None, any_of("style")] = None
    genre: Annotated[list[str] | None, any_of("genre")] = None
    school: Annotated[list[str] | None, any_of("school")] = None
    medium: Annotated[list[str] | None, any_of("medium")] = None
    institution: Annotated[list[str] | None, any_of("institution")] = None
    tag: Annotated[list[str] | None, any_of("tag")] = None
    year: Annotated[
        str | None,
        typer.Option(
            metavar="YEARS",
            help="Dated within or across: 1510..1530, 1640.., '17. Jh.'; 'um 1640' is 1635..1645.",
            rich_help_panel=FILTERS,
        ),
    ] = None
    title: Annotated[
        str | None, typer.Option(help="Words of the title.", rich_help_panel=FILTERS)
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Any field, also of the manifest; numbers as A..B.",
            rich_help_panel=FILTERS,
        ),
    ] = None
    where_not: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="FIELD=VALUE", help="Leave out.", rich_help_panel=FILTERS),
    ] = None

    def filters(self, **more: list[str] | None) -> Filters:
        """Return what the options say; `more` are values by field."""
        from artsim.search.filters import Filters

        any_of = {
            **more,
            **{
                name: getattr(self, name)
                for name in ("artist", "attribution", "style", "genre", "school", "medium")
            },
            "institution": self.institution,
            "tags": self.tag,
        }
        given = {name: tuple(values) for name, values in any_of.items() if values}
        where, where_not = tuple(self.where or ()), tuple(self.where_not or ())
        return Filters(given, self.year, self.title, where, where_not)


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


@dataclass(frozen=True, slots=True)
class KindOptions:
    """Of what the points are."""

    faces: Annotated[bool, typer.Option("--faces", help="Faces, not paintings.")] = False
    kind: KindOption = None

    @property
    def chosen(self) -> Kind:
        """The kind that ``--kind`` names, or ``--faces`` for short."""
        return chosen_kind(self.kind, self.faces)


def chosen_kind(kind: str | None, faces: bool) -> Kind:
    """Return the kind that ``--kind`` names, or ``--faces`` for short."""
    if faces and kind not in (None, FACES.name):
        raise typer.BadParameter(f"--faces is --kind {FACES.name}, not {kind}")
    return FACES if faces else KINDS[kind or PAINTINGS.name]


WeightsOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File of weights for the encoder, instead of ARTSIM_WEIGHTS or the hub.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
MaxMegapixelsOption = Annotated[
    float, typer.Option(min=0.001, help="Refuse larger pictures, in millions of pixels.")
]


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """With what pictures are encoded."""

    weights: WeightsOption = None
    device: DeviceOption = "auto"
    max_megapixels: MaxMegapixelsOption = 200.0

    def models(self, *, min_face: int | None = None, face_score: float | None = None) -> Models:
        """Return the models of a query, which are loaded when needed."""
        from artsim.search.models import Models

        return Models(
            weights=self.weights,
            device=self.device,
            min_face=min_face,
            face_score=face_score,
            max_megapixels=self.max_megapixels,
        )


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """Which faces count."""

    min_face: Annotated[
        int | None, typer.Option(min=12, help="Least side of a face, in pixels of the picture.")
    ] = None
    face_score: Annotated[
        float | None, typer.Option(min=0.01, max=0.999, help="Least certainty of a face.")
    ] = None


@dataclass(frozen=True, slots=True)
class ServerLayout:
    """How a server lays a new collection out."""

    shards: Annotated[
        int | None, typer.Option(min=1, help="How many shards.", rich_help_panel=SERVER)
    ] = None
    replicas: Annotated[
        int | None, typer.Option(min=1, help="How many replicas.", rich_help_panel=SERVER)
    ] = None
    quantization: Annotated[
        Literal["none", "int8", "binary"],
        typer.Option(help="Of the vectors on a server.", rich_help_panel=SERVER),
    ] = "none"
    on_disk: Annotated[
        bool, typer.Option("--on-disk", help="Vectors on disk.", rich_help_panel=SERVER)
    ] = False

    def server(self) -> ServerOptions:
        """Return them for the store."""
        from artsim.store.protocol import ServerOptions

        return ServerOptions(self.shards, self.replicas, self.quantization, self.on_disk)


OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace files that artsim did not make, but no picture of the gallery."
    ),
]
TableOrJson = Annotated[
    Literal["table", "json"], typer.Option("--format", "-f", help="Form on stdout.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Which column is which; repeatable."),
]


def parse_columns(texts: Sequence[str] | None) -> dict[str, str]:
    """Return columns by field from ``--map FIELD=COLUMN``."""
    columns = {}
    for text in texts or ():
        field, equals, column = text.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"--map {text!r}: expected FIELD=COLUMN, as artist=painter")
        columns[field.strip()] = column.strip()
    return columns
