"""How parameters become options of a command, and the groups of options that several share."""

from __future__ import annotations

import functools
import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_type_hints

import typer

from artsim.catalog.kinds import FACES, KINDS, PAINTINGS, Kind
from artsim.commands.command_line import expected_errors
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from artsim.config import Settings
    from artsim.search.filters import Filters
    from artsim.search.models import Models
    from artsim.store.gallery import Gallery
    from artsim.store.protocol import ServerOptions

Form: TypeAlias = Literal["table", "json"]

_REGISTRIES: Final[Mapping[str, Mapping[str, object]]] = {"kinds": KINDS, "rerankers": RERANKERS}


def as_command(command: Callable[..., None], name: str) -> Callable[..., None]:
    """Return the function of a command for typer, with its expected errors as one line.

    Its parameters are options, as are the fields of those whose type is a dataclass: such a group
    says more of them in ``options.toml``, or in the fields' own metadata, as recipes do.
    """
    hints = get_type_hints(command)
    options: list[inspect.Parameter] = []
    groups: dict[str, list[str]] = {}
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and is_dataclass(hint):
            made = _options_of(hint)
            groups[parameter.name] = [each.name for each in made]
            options += made
        else:
            said = _said(name, parameter.name)
            options.append(_option(parameter.name, hint, parameter.default, said))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        with expected_errors():
            for group, own in groups.items():
                values[group] = hints[group](**{each: values.pop(each) for each in own})
            command(**values)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    hints, options = get_type_hints(group), []
    is_recipe = any("about" in each.metadata for each in fields(group))
    for each in fields(group):
        about = each.metadata.get("about")
        said = about and {"flags": each.metadata["flags"], **about}
        if not is_recipe:
            said = _said(group.__name__, each.name)
        if said is not None:
            default = inspect.Parameter.empty if each.default is MISSING else each.default
            options.append(_option(each.name, hints[each.name], default, said))
    return options


@functools.cache
def _tables() -> dict[str, Any]:
    with Path(__file__).with_name("options.toml").open("rb") as stream:
        return tomllib.load(stream)


def _said(of: str, name: str) -> dict[str, Any] | None:
    own = _tables().get(of, {})
    found = own.get(name, _tables()["shared"].get(name))
    return found and {"panel": own.get("panel") if name in own else None, **found}


def _option(
    name: str, hint: Any, default: Any, said: Mapping[str, Any] | None
) -> inspect.Parameter:
    if said is not None:
        about = dict(said)
        flags = about.pop("flags", ()) or ([f"--{name.replace('_', '-')}"] if hint is bool else ())
        if "panel" in about:
            about["rich_help_panel"] = about.pop("panel")
        if (registry := _REGISTRIES.get(about.pop("names", ""))) is not None:
            about |= {"parser": _one_of(registry), "metavar": f"[{'|'.join(registry)}]"}
        make = typer.Argument if about.pop("argument", False) else typer.Option
        hint = Annotated[hint, make(*flags, **about)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _one_of(registry: Mapping[str, object]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in registry:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, registry))}.")
        return text

    return read


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: str | None = None
    url: str | None = None
    api_key: str | None = None
    home: Path | None = None
    wait: float | None = None

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

    artist: list[str] | None = None
    attribution: list[str] | None = None
    style: list[str] | None = None
    genre: list[str] | None = None
    school: list[str] | None = None
    medium: list[str] | None = None
    institution: list[str] | None = None
    tag: list[str] | None = None
    year: str | None = None
    title: str | None = None
    where: list[str] | None = None
    where_not: list[str] | None = None

    def filters(self, **more: list[str] | None) -> Filters:
        """Return what the options say; `more` are values by field."""
        from artsim.search.filters import Filters

        own = ("artist", "attribution", "style", "genre", "school", "medium", "institution")
        any_of = {**more, **{name: getattr(self, name) for name in own}, "tags": self.tag}
        given = {name: tuple(values) for name, values in any_of.items() if values}
        where, where_not = tuple(self.where or ()), tuple(self.where_not or ())
        return Filters(given, self.year, self.title, where, where_not)


@dataclass(frozen=True, slots=True)
class KindOptions:
    """Of what the points are."""

    faces: bool = False
    kind: str | None = None

    @property
    def chosen(self) -> Kind:
        """The kind that ``--kind`` names, or ``--faces`` for short."""
        return chosen_kind(self.kind, self.faces)


def chosen_kind(kind: str | None, faces: bool = False) -> Kind:
    """Return the kind that ``--kind`` names, or ``--faces`` for short."""
    if faces and kind not in (None, FACES.name):
        raise typer.BadParameter(f"--faces is --kind {FACES.name}, not {kind}")
    return FACES if faces else KINDS[kind or PAINTINGS.name]


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """With what pictures are encoded."""

    weights: Path | None = None
    device: str = "auto"
    max_megapixels: float = 200.0

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

    min_face: int | None = None
    face_score: float | None = None


@dataclass(frozen=True, slots=True)
class ServerLayout:
    """How a server lays a new collection out."""

    shards: int | None = None
    replicas: int | None = None
    quantization: Literal["none", "int8", "binary"] = "none"
    on_disk: bool = False

    def server(self) -> ServerOptions:
        """Return them for the store."""
        from artsim.store.protocol import ServerOptions

        return ServerOptions(self.shards, self.replicas, self.quantization, self.on_disk)


def parse_columns(texts: Sequence[str] | None) -> dict[str, str]:
    """Return columns by field from ``--map FIELD=COLUMN``."""
    columns = {}
    for text in texts or ():
        field, equals, column = text.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"--map {text!r}: expected FIELD=COLUMN, as artist=painter")
        columns[field.strip()] = column.strip()
    return columns
