"""Encoders by name: list them, understand a name, load one.

A new family is one module with a `Family`, and one entry in `FAMILIES`. Listing and
resolving import neither torch nor a model runtime.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from artsim.config import Settings, load_settings
from artsim.encoders import (
    builtin_family,
    facenet_family,
    handcrafted_family,
    onnx_encoder,
    open_clip_encoder,
    timm_encoder,
    trained_family,
)
from artsim.encoders.base import Encoder
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family
from artsim.encoders.weights import find_weights
from artsim.errors import EncoderError, UnknownEncoderError

FAMILIES: Final[Mapping[str, Family]] = {
    "builtin": builtin_family.FAMILY,
    "handcrafted": handcrafted_family.FAMILY,
    "open_clip": open_clip_encoder.FAMILY,
    "timm": timm_encoder.FAMILY,
    "facenet": facenet_family.FAMILY,
    "onnx": onnx_encoder.FAMILY,
    "file": trained_family.FAMILY,
}
"""By the prefix of their specs."""


def list_cards(settings: Settings | None = None) -> list[EncoderCard]:
    """Return the encoders with a short name, and the ONNX files in ``ARTSIM_WEIGHTS``.

    Each says whether its weights are here.

    Parameters
    ----------
    settings : Settings, optional
        By default from the environment.
    """
    settings = settings or load_settings()
    named = [dataclasses.replace(card, weights_here=_are_here(card, settings)) for card in _cards()]
    return named + [card for f in FAMILIES.values() for card in f.find_cards(settings)]


def resolve(
    spec: str, *, weights: Path | None = None, settings: Settings | None = None
) -> EncoderPlan:
    """Understand the name of an encoder, without loading it.

    Parameters
    ----------
    spec : str
        Short name (``builtin``, ``clip``), a short name with another pooling or a file
        of weights (``resnet50+gem``, ``resnet50@weights.safetensors``), or a full spec
        (``timm:MODEL+gem``, ``open_clip:MODEL/PRETRAINED``, ``onnx:FILE``, ``file:DIR``).
    weights : Path, optional
        File of weights, instead of those in ``ARTSIM_WEIGHTS`` or on the hub.
    settings : Settings, optional
        By default from the environment.

    Returns
    -------
    EncoderPlan
        Its ``vector_name`` is final: local weights have been hashed.

    Raises
    ------
    UnknownEncoderError
        If nothing has that name; the message gives the nearest.
    WeightsError
        If `weights` is no file.
    EncoderError
        If the spec asks for what its family does not have.
    """
    settings = settings or load_settings()
    prefix, colon, model = spec.partition(":")
    if colon and prefix in FAMILIES:
        card = next((card for card in _cards() if card.spec == spec), None)
        request = EncoderRequest(spec, model, weights, settings, card)
        return FAMILIES[prefix].plan(request)
    short, extra = _split_short_name(spec)
    for card in _cards():
        if card.name == short:
            model = card.spec.partition(":")[2] + extra
            request = EncoderRequest(spec, model, weights, settings, card)
            return FAMILIES[card.family].plan(request)
    raise UnknownEncoderError(_unknown(spec), hint="artsim models")


def load_encoder(
    spec: str,
    *,
    weights: Path | None = None,
    device: str = "auto",
    settings: Settings | None = None,
) -> Encoder:
    """Load an encoder, downloading its weights on first use where none are here.

    Parameters
    ----------
    spec, weights, settings
        As for `resolve`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    EncoderError
        As for `resolve`; or if weights (`WeightsError`), a library or the device are
        missing.
    """
    return resolve(spec, weights=weights, settings=settings).load(device)


def find_maker(vector_name: str, *, settings: Settings | None = None) -> str | None:
    """Return the short name of the encoder that makes vectors of that name now, if any does."""
    for card in _cards():
        try:
            if resolve(card.name, settings=settings).vector_name == vector_name:
                return card.name
        except EncoderError:  # its weights in ARTSIM_WEIGHTS cannot be read
            continue
    return None


def _cards() -> Iterator[EncoderCard]:
    for family in FAMILIES.values():
        yield from family.cards


def _are_here(card: EncoderCard, settings: Settings) -> bool:
    if card.size_mb == 0:
        return True
    path, _ = find_weights(card.stems, given=None, settings=settings)
    if path is not None:
        return True
    return FAMILIES[card.family].find_download(card) is not None


def _split_short_name(spec: str) -> tuple[str, str]:
    """Split ``resnet50+gem@file`` into ``resnet50`` and ``+gem@file``."""
    ends = [i for i in (spec.find("+"), spec.find("@")) if i > 0]
    return (spec[: min(ends)], spec[min(ends) :]) if ends else (spec, "")


def _unknown(spec: str) -> str:
    names = [card.name for card in _cards()]
    near = difflib.get_close_matches(spec.lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    syntaxes = ", ".join(f.syntax for f in FAMILIES.values() if ":" in f.syntax)
    return f"no encoder is called {spec!r}: {hint}Names: {', '.join(names)}; also {syntaxes}"
