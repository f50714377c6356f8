"""What is said of an encoder before it is loaded. Nothing here needs torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from artsim.catalog.encoder_info import EncoderInfo, EncoderKind
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.weights import find_in_hub_cache


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """One line of the list of encoders.

    Attributes
    ----------
    name : str
        Short name for the command line.
    spec : str
        Full spec that the name stands for.
    family : str
        Who computes it: ``builtin``, ``timm``, ``open_clip``, ``onnx``, ``facenet``.
    dim : int or None
        Length of its vectors; None where only loading tells.
    size_mb : float
        Download, in units of 10^6 bytes; 0 where there is none.
    licence : str
        Of the weights, as their publisher states it.
    source : str
        Where the weights come from.
    summary : str
        One line on what it is good for.
    stems : tuple of str
        Of its file in ``ARTSIM_WEIGHTS``, best first.
    hub : tuple of (str, tuple of str) or None
        Repository of the hub, and the file names to look for, best first.
    weights_here : bool
        Whether it can be loaded without a download.
    """

    name: str
    spec: str
    family: str
    kind: EncoderKind
    dim: int | None
    size_mb: float
    licence: str
    source: str
    summary: str
    takes_text: bool = False
    stems: tuple[str, ...] = ()
    hub: tuple[str, tuple[str, ...]] | None = None
    weights_here: bool = False


@dataclass(frozen=True, slots=True)
class EncoderRequest:
    """What the user asked for, as a family is given it.

    Attributes
    ----------
    name : str
        As given on the command line.
    model : str
        The spec after ``family:``.
    weights : Path or None
        File given with ``--weights``.
    card : EncoderCard or None
        Where the name is a listed one.
    """

    name: str
    model: str
    weights: Path | None
    settings: Settings
    card: EncoderCard | None = None


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """A spec that was understood, with the identity of its weights: ready to load.

    Attributes
    ----------
    name, spec, vector_name, kind, takes_text
        As in `EncoderInfo`.
    dim : int or None
        Length of its vectors; None where only loading tells.
    weights : Path or None
        Local file of weights; None means that loading fetches them, or needs none.
    loader : callable
        Takes this plan and the device as the user names it.
    """

    name: str
    spec: str
    family: str
    vector_name: str
    dim: int | None
    loader: Callable[[EncoderPlan, str], Encoder]
    kind: EncoderKind = "image"
    takes_text: bool = False
    weights: Path | None = None

    def load(self, device: str = "auto") -> Encoder:
        """Load the encoder, downloading its weights where none are here.

        Raises
        ------
        WeightsError
            If the weights are missing, damaged, or of another model.
        EncoderError
            If the device or a library is missing.
        """
        return self.loader(self, device)

    def info(self, dim: int) -> EncoderInfo:
        """Return the identity of the loaded encoder, whose vectors have length `dim`."""
        return EncoderInfo(
            name=self.name,
            spec=self.spec,
            vector_name=self.vector_name,
            dim=dim,
            kind=self.kind,
            takes_text=self.takes_text,
        )


def _in_hub_cache(card: EncoderCard) -> Path | None:
    return None if card.hub is None else find_in_hub_cache(*card.hub)


def _no_cards(settings: Settings) -> Iterable[EncoderCard]:
    return ()


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of encoders.

    Attributes
    ----------
    syntax : str
        How its specs are written, for messages.
    plan : callable
        Understands a spec, without importing torch. It raises `EncoderError`.
    cards : tuple of EncoderCard
        Those with a short name.
    find_cards : callable
        Further ones that this machine has.
    find_download : callable
        The weights of a card that were downloaded before, or None.
    """

    syntax: str
    plan: Callable[[EncoderRequest], EncoderPlan]
    cards: tuple[EncoderCard, ...] = ()
    find_cards: Callable[[Settings], Iterable[EncoderCard]] = _no_cards
    find_download: Callable[[EncoderCard], Path | None] = _in_hub_cache


def vector_name(*parts: str, version: int = 1) -> str:
    """Join the parts of an encoder's identity into the name of its vectors.

    Examples
    --------
    >>> vector_name("clip", "ViT-B-32", "laion2b_s34b_b79k")
    'clip-ViT-B-32-laion2b_s34b_b79k-v1'

    Parameters
    ----------
    *parts : str
        Model, weights, pooling; empty ones are left out, and runs of characters other
        than letters, digits, ``.``, ``_`` and ``-`` become one ``_``.
    version : int
        Of artsim's own preprocessing and pooling: to be raised when they change.
    """
    kept = (re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in parts if part)
    return "-".join([*kept, f"v{version}"])
