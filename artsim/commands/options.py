"""Groups of options that several commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from artsim.catalog.kinds import KINDS, PAINTINGS, Kind

if TYPE_CHECKING:
    from artsim.config import Settings
    from artsim.search.filters import Filters
    from artsim.search.models import Models
    from artsim.search.question import IdQuery, ImageQuery
    from artsim.store.gallery import Gallery
    from artsim.store.protocol import ServerOptions

_ID_PREFIX = "id:"

Form: TypeAlias = Literal["table", "json"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user says the gallery is."""

    gallery: str | None = None
    url: list[str] | None = None
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
    person: list[str] | None = None
    where: list[str] | None = None
    where_not: list[str] | None = None
    films: bool = False

    def filters(self, **more: list[str] | None) -> Filters:
        """Return what the options say; `more` are values by field."""
        from artsim.search.filters import Filters

        own = ("artist", "attribution", "style", "genre", "school", "medium", "institution")
        any_of = {**more, **{name: getattr(self, name) for name in own}, "tags": self.tag}
        given = {name: tuple(values) for name, values in any_of.items() if values}
        where, where_not = tuple(self.where or ()), tuple(self.where_not or ())
        people = tuple(self.person or ())
        return Filters(given, self.year, self.title, where, where_not, people, self.films)


@dataclass(frozen=True, slots=True)
class KindOptions:
    """Of what the points are."""

    faces: bool = False
    kind: str | None = None

    @property
    def chosen(self) -> Kind:
        """The kind that ``--kind`` names, or ``--faces`` for short."""
        return chosen_kind(self.kind, faces=self.faces)


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
class ServerLayout:
    """How a server lays a new collection out."""

    shards: int | None = None
    replicas: int | None = None
    quantization: Literal["none", "int8"] = "none"
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


def file_or_id(text: str) -> IdQuery | ImageQuery:
    """Return a query by a picture's file, or by the id that is no file's name, or ``id:ID``."""
    from artsim.search.question import IdQuery

    is_id = not text.startswith(_ID_PREFIX) and not Path(text).exists() and not Path(text).suffix
    return IdQuery(text) if is_id else picture_or_id(text)


def picture_or_id(text: str) -> IdQuery | ImageQuery:
    """Return a query by a picture's file, or by ``id:ID``."""
    from artsim.search.question import IdQuery

    if text.startswith(_ID_PREFIX):
        return IdQuery(text.removeprefix(_ID_PREFIX))
    return picture_file(text)


def picture_file(text: str) -> ImageQuery:
    """Return a query by a picture's file; `ImageError` of an address or a folder."""
    from artsim.errors import ImageError
    from artsim.files import local_path
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
