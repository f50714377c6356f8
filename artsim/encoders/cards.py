"""What is said of an encoder before it is loaded. Nothing here needs torch."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from artsim.catalog.kinds import EncoderInfo, EncoderKind
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.weights import file_sha256, find_in_hub_cache, find_weights
from artsim.errors import EncoderError, UnknownEncoderError

_NOT_LISTED: Final = ("vector_name", "weights", "looked_in", "base")
_TABLE: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Card:
    """An encoder by its data: one line of the list, or a spec that was understood."""

    name: str  # short name for the command line, or the spec as it was given there
    spec: str  # full spec that the name stands for
    family: str  # who computes it: a key of `artsim.encoders.registry.FAMILIES`
    kind: EncoderKind = "image"
    dim: int | None = None  # length of its vectors; None where only loading tells
    size_mb: float = 0  # of the download, in units of 10^6 bytes; 0 where there is none
    licence: str = "not stated"  # of the weights, as their publisher states it
    source: str = "not stated"  # where the weights come from
    summary: str = ""  # one line on what it is good for
    takes_text: bool = False
    stems: tuple[str, ...] = ()  # of its file in ``ARTSIM_WEIGHTS``, best first
    hub: tuple[str, tuple[str, ...]] | None = None  # repository, and file names, best first
    weights_here: bool = False  # whether it can be loaded without a download
    vector_name: str = ""  # `resolve` says it, where weights may be a file
    weights: Path | None = None  # local file; None: loading fetches them, or needs none
    looked_in: tuple[str, ...] = ()  # places without its weights, for the message
    base: EncoderInfo | None = None  # whose vectors this one takes, where it takes no pixels

    @property
    def model(self) -> str:
        """What its family calls it: the spec after ``family:``."""
        return self.spec.partition(":")[2]

    def info(self, dim: int | None = None) -> EncoderInfo:
        """Return its identity; `dim` is the length of its vectors where that is not known here."""
        known = dim or self.dim
        if known is None:
            raise ValueError(f"{self.spec}: only loading tells the length of its vectors")
        return EncoderInfo(
            self.name, self.spec, self.vector_name, known, self.kind, self.takes_text
        )

    def listed(self) -> dict[str, Any]:
        """Return what the list of encoders says of it."""
        return {key: value for key, value in asdict(self).items() if key not in _NOT_LISTED}


def read_cards(family: str, hub_files: tuple[str, ...] = ()) -> tuple[Card, ...]:
    """Return the cards of a family; `hub_files` are names of its files on the hub, best first."""
    cards = []
    for row in _TABLE[family]:
        hub = (row["hub"], hub_files) if "hub" in row else None
        stems = tuple(row.get("stems", ()))
        cards.append(Card(**{**row, "family": family, "stems": stems, "hub": hub}))
    return tuple(cards)


class FoundWeights(NamedTuple):
    """Where a model's weights are, before they are loaded."""

    path: Path | None  # local file; None: to be had from the hub
    identity: str  # for the vectors' name: of a file 12 digits of its SHA-256, else the tag
    suffix: str  # of the spec: ``@FILE`` where the user gave the file
    looked_in: tuple[str, ...]  # places without it


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, as a family is given it."""

    name: str  # as given on the command line
    model: str  # the spec after ``family:``
    weights: Path | None  # the file given with ``--weights``
    settings: Settings
    card: Card | None = None  # where the name is a listed one

    def find_place(self) -> Path:
        """Return the file or folder that the spec names, which may lie in ``ARTSIM_WEIGHTS``."""
        place, folder = Path(self.model).expanduser(), self.settings.weights
        if folder is not None and not place.exists() and (folder / place).exists():
            return folder / place
        return place

    def split_model(self) -> tuple[str, str, Path | None]:
        """Take ``MODEL[+POOLING][@FILE]`` apart; the last pooling counts, "" is none."""
        rest, at, file = self.model.partition("@")
        model, *poolings = rest.split("+")
        if not model or (at and not file) or "" in poolings:
            raise EncoderError(f"{self.name!r} is not whole; MODEL+POOLING@FILE is expected")
        return model, poolings[-1] if poolings else "", Path(file).expanduser() if file else None

    def find_weights(self, stems: tuple[str, ...], *, tag: str) -> FoundWeights:
        """Find the model's local weights, if there are any; WeightsError if a given file is not.

        `stems` are of files in ``ARTSIM_WEIGHTS``, where no card names them; `tag` says which
        weights the hub has.
        """
        given = self.weights or self.split_model()[2]
        names = stems if self.card is None else self.card.stems
        path, looked_in = find_weights(names, given=given, settings=self.settings)
        identity = tag if path is None else file_sha256(path)[:12]
        suffix = "" if path is None or given is None else f"@{path.absolute()}"
        return FoundWeights(path, identity, suffix, looked_in)

    def card_of(self, spec: str, found: FoundWeights, *identity: str, **known: Any) -> Card:
        """Return the card of a model by its weights; `identity` is of its vectors, in parts."""
        return Card(
            self.name,
            f"{spec}{found.suffix}",
            family=spec.partition(":")[0],
            **{"dim": None if self.card is None else self.card.dim, **known},
            vector_name=vector_name(*identity),
            weights=found.path,
            looked_in=found.looked_in,
        )


def as_listed(request: Request) -> Card:
    """Understand the name of an encoder that has neither weights to choose nor variants."""
    card = request.card
    if card is None or request.weights is not None or request.model != card.model:
        name = request.name.partition(":")[0] if card is None else card.name
        raise EncoderError(
            f"the {name} encoder has no weights and no variants to name; call it just {name}, "
            "and give no weights",
            hint="leave --weights out",
        )
    return card


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of encoders.

    `load` takes a card that was understood, a device as the user names it and, of a card that has a
    `base`, the encoder that this is of. `understand` makes of a spec its card with the final
    ``vector_name``, without importing torch.
    """

    load: Callable[..., Encoder]
    cards: tuple[Card, ...] = ()  # those with a short name
    syntax: str = ""  # how its specs are written, for messages
    understand: Callable[[Request], Card] = as_listed
    find_cards: Callable[[Settings], Iterable[Card]] = lambda settings: ()  # that this machine has
    # Weights from an earlier download.
    find_download: Callable[[Card], Path | None] = lambda c: c.hub and find_in_hub_cache(*c.hub)


def check_known(
    library: str, model: str, tag: str, *, models: Sequence[str], tags: Sequence[str]
) -> None:
    """Refuse a model, or published weights of it, that a library does not have."""
    if model not in models:
        near = difflib.get_close_matches(model, models, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnknownEncoderError(f"{library} has no model {model!r}{hint}")
    if tag and tag not in tags:
        known = ", ".join(tags) or "none"
        raise UnknownEncoderError(f"{library}'s {model} has no weights {tag!r}; it has {known}")


def vector_name(*parts: str) -> str:
    """Join the parts of an encoder's identity, as ``clip-ViT-B-32-laion2b_s34b_b79k-v1``.

    Empty parts are left out; runs of characters other than letters, digits, ``.``, ``_`` and
    ``-`` become one ``_``. The version is of artsim's own preprocessing and pooling: to be
    raised when they change.
    """
    kept = (re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in parts if part)
    return "-".join([*kept, "v1"])
