"""How parameters become options of a command, and the groups of options that several share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

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

Form: TypeAlias = Literal["table", "json"]


def option(
    default: Any,
    help: str,
    *flags: str,
    panel: str | None = None,
    is_option: bool = True,
    **more: Any,
) -> Any:
    """Return the default of a parameter, or of a group's field, that is an option of a command.

    Parameters
    ----------
    default : object
        ``...`` where it must be given.
    flags : str
        Where they are not the parameter's own name.
    names : mapping of str to object, optional
        A registry of which the option takes one name, as it is when the command is called.
    more
        Of `typer.Option`.
    """
    about = {"help": help, "rich_help_panel": panel, **more}
    metadata = {
        "flags": flags,
        "about": about,
        "make": typer.Option if is_option else typer.Argument,
    }
    return field(default=MISSING if default is ... else default, metadata=metadata)


argument = partial(option, is_option=False)


def as_command(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` for typer: its groups as options, its expected errors as one line.

    A group is a parameter whose type is a dataclass; its fields made by `option` are options.
    """
    hints = get_type_hints(command)
    options: list[inspect.Parameter] = []
    groups: dict[str, list[str]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if isinstance(hints[name], type) and is_dataclass(hints[name]):
            own = get_type_hints(hints[name])
            made = [f for f in fields(hints[name]) if "about" in f.metadata]
            groups[name] = [each.name for each in made]
            options += [_parameter(each.name, own[each.name], each) for each in made]
        else:
            options.append(_parameter(name, hints[name], parameter.default))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        with expected_errors():
            for name, own in groups.items():
                values[name] = hints[name](**{each: values.pop(each) for each in own})
            command(**values)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    if isinstance(default, Field):
        said = default.metadata
        about = dict(said["about"])
        if (registry := about.pop("names", None)) is not None:
            about |= {"parser": _one_of(registry), "metavar": f"[{'|'.join(registry)}]"}
        hint = Annotated[hint, said.get("make", typer.Option)(*said["flags"], **about)]
        default = inspect.Parameter.empty if default.default is MISSING else default.default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _one_of(registry: Mapping[str, object]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in registry:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, registry))}.")
        return text

    return read


_of_place = partial(option, panel=PLACE)
gallery_option = partial(
    _of_place, None, "Name of the gallery; prefixes its collections.", "--gallery", "-g",
    envvar="ARTSIM_GALLERY",
)  # fmt: skip
url_option = partial(
    _of_place,
    None,
    "Qdrant server, instead of the embedded gallery; also ARTSIM_URL or QDRANT_URL.",
)
home_option = partial(
    _of_place, None, "Data folder of embedded galleries.", envvar="ARTSIM_HOME",
    show_default="the user's data folder",
)  # fmt: skip
wait_option = partial(
    _of_place, None, "How long to wait for another process that has the embedded gallery open.",
    min=0, metavar="SECONDS", envvar="ARTSIM_WAIT", show_default="0",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: str | None = gallery_option()
    url: str | None = url_option()
    api_key: str | None = _of_place(
        None, "Key of the server; better given as QDRANT_API_KEY, which other users cannot see."
    )
    home: Path | None = home_option()
    wait: float | None = wait_option()

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


_filter = partial(option, None, panel=FILTERS)


def _only(what: str) -> Any:
    return _filter(f"Only this {what}; repeatable: any of them.")


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which paintings are asked for."""

    artist: list[str] | None = _only("artist, however the name is written")
    attribution: list[str] | None = _only(
        "tie to the artist (by, attributed, workshop, circle, follower, manner, after)"
    )
    style: list[str] | None = _only("style")
    genre: list[str] | None = _only("genre")
    school: list[str] | None = _only("school")
    medium: list[str] | None = _only("medium")
    institution: list[str] | None = _only("institution")
    tag: list[str] | None = _only("tag")
    year: str | None = _filter(
        "Dated within or across: 1510..1530, 1640.., '17. Jh.'; 'um 1640' is 1635..1645.",
        metavar="YEARS",
    )
    title: str | None = _filter("Words of the title.")
    where: list[str] | None = _filter(
        "Any field, also of the manifest; numbers as A..B.", metavar="FIELD=VALUE"
    )
    where_not: list[str] | None = _filter("Leave out.", "--not", metavar="FIELD=VALUE")

    def filters(self, **more: list[str] | None) -> Filters:
        """Return what the options say; `more` are values by field."""
        from artsim.search.filters import Filters

        own = ("artist", "attribution", "style", "genre", "school", "medium", "institution")
        any_of = {**more, **{name: getattr(self, name) for name in own}, "tags": self.tag}
        given = {name: tuple(values) for name, values in any_of.items() if values}
        where, where_not = tuple(self.where or ()), tuple(self.where_not or ())
        return Filters(given, self.year, self.title, where, where_not)


kind_option = partial(
    option, None, "What of the gallery: whole pictures, or parts of them.", "--kind", names=KINDS,
    show_default="paintings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KindOptions:
    """Of what the points are."""

    faces: bool = option(False, "Faces, not paintings.", "--faces")
    kind: str | None = kind_option()

    @property
    def chosen(self) -> Kind:
        """The kind that ``--kind`` names, or ``--faces`` for short."""
        return chosen_kind(self.kind, self.faces)


def chosen_kind(kind: str | None, faces: bool = False) -> Kind:
    """Return the kind that ``--kind`` names, or ``--faces`` for short."""
    if faces and kind not in (None, FACES.name):
        raise typer.BadParameter(f"--faces is --kind {FACES.name}, not {kind}")
    return FACES if faces else KINDS[kind or PAINTINGS.name]


device_option = partial(option, "auto", "auto, cpu, cuda or mps.")
max_megapixels_option = partial(
    option, 200.0, "Refuse larger pictures, in millions of pixels.", min=0.001
)


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """With what pictures are encoded."""

    weights: Path | None = option(
        None,
        "File of weights for the encoder, instead of ARTSIM_WEIGHTS or the hub.",
        exists=True,
        dir_okay=False,
    )
    device: str = device_option()
    max_megapixels: float = max_megapixels_option()

    def models(self, min_face: int | None = None, face_score: float | None = None) -> Models:
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

    min_face: int | None = option(None, "Least side of a face, in pixels of the picture.", min=12)
    face_score: float | None = option(None, "Least certainty of a face.", min=0.01, max=0.999)


_of_server = partial(option, panel="New collections on a server")


@dataclass(frozen=True, slots=True)
class ServerLayout:
    """How a server lays a new collection out."""

    shards: int | None = _of_server(None, "How many shards.", min=1)
    replicas: int | None = _of_server(None, "How many replicas.", min=1)
    quantization: Literal["none", "int8", "binary"] = _of_server(
        "none", "Of the vectors on a server."
    )
    on_disk: bool = _of_server(False, "Vectors on disk.", "--on-disk")

    def server(self) -> ServerOptions:
        """Return them for the store."""
        from artsim.store.protocol import ServerOptions

        return ServerOptions(self.shards, self.replicas, self.quantization, self.on_disk)


overwrite_option = partial(
    option, False, "Replace files that artsim did not make, but no picture of the gallery.",
    "--overwrite",
)  # fmt: skip
format_option = partial(option, "table", "Form on stdout.", "--format", "-f")
report_format_option = partial(
    option, "table", "Form on stdout: a table for people, json for programs.", "--format", "-f"
)
seed_option = partial(option, 0, "Of samples and intervals.", min=0)
columns_option = partial(
    option, None, "Which column is which; repeatable.", "--map", metavar="FIELD=COLUMN"
)


def parse_columns(texts: Sequence[str] | None) -> dict[str, str]:
    """Return columns by field from ``--map FIELD=COLUMN``."""
    columns = {}
    for text in texts or ():
        field, equals, column = text.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"--map {text!r}: expected FIELD=COLUMN, as artist=painter")
        columns[field.strip()] = column.strip()
    return columns
