"""Encoders by name: list them, understand a name, load one, find one again.

A new family is one module with a `Family`, and one entry in `FAMILIES`; `register_family`
adds one from outside. Listing and resolving import neither torch nor a model runtime.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from artsim.catalog.kinds import EncoderInfo
from artsim.config import Settings, load_settings
from artsim.encoders import face_encoders, handcrafted, onnx, open_clip, timm, trained
from artsim.encoders.base import Encoder
from artsim.encoders.cards import Card, Family, Request
from artsim.encoders.weights import find_weights
from artsim.errors import EncoderError, EncoderMismatchError, UnknownEncoderError

FAMILIES: Final[dict[str, Family]] = {  # by the prefix of their specs
    "builtin": trained.BUILTIN,
    "handcrafted": handcrafted.FAMILY,
    "open_clip": open_clip.FAMILY,
    "timm": timm.FAMILY,
    "dlib": face_encoders.DLIB,
    "facenet": face_encoders.FACENET,
    "onnx": onnx.FAMILY,
    "file": trained.FAMILY,
}


def register_family(prefix: str, family: Family) -> None:
    """Add a family, known from then on; `prefix` is of its specs, and its cards' ``family``."""
    taken = {card.name for card in _cards()}
    names = [card.name for card in family.cards]
    if prefix in FAMILIES or taken & set(names) or {c.family for c in family.cards} - {prefix}:
        raise ValueError(f"the family {prefix!r} ({', '.join(names)}) has a name that is taken")
    FAMILIES[prefix] = family


def list_cards(settings: Settings | None = None) -> list[Card]:
    """Return the named encoders and those in ``ARTSIM_WEIGHTS``; each says if it is here."""
    settings = settings or load_settings()
    named = [dataclasses.replace(card, weights_here=_are_here(card, settings)) for card in _cards()]
    return named + [card for f in FAMILIES.values() for card in f.find_cards(settings)]


def resolve(spec: str, *, weights: Path | None = None, settings: Settings | None = None) -> Card:
    """Understand the name of an encoder, without loading it; local weights are hashed.

    `spec` is a short name (``builtin``, ``clip``), one with another pooling or a file of weights
    (``resnet50+gem``, ``resnet50@weights.safetensors``), or a full spec (``timm:MODEL+gem``,
    ``open_clip:MODEL/PRETRAINED``, ``onnx:FILE``, ``file:DIR``). `weights` is a file, instead of
    those in ``ARTSIM_WEIGHTS`` or on the hub. Raises `EncoderError` if nothing has that name
    (`UnknownEncoderError`), `weights` is no file (`WeightsError`), or the spec asks for what its
    family does not have.
    """
    settings = settings or load_settings()
    prefix, colon, model = spec.partition(":")
    if colon and prefix in FAMILIES:
        card = next((card for card in _cards() if card.spec == spec), None)
        return FAMILIES[prefix].understand(Request(spec, model, weights, settings, card))
    short = re.split("[+@]", spec, maxsplit=1)[0]  # of resnet50+gem@file
    for card in _cards():
        if card.name == short:
            request = Request(spec, card.model + spec[len(short) :], weights, settings, card)
            return FAMILIES[card.family].understand(request)
    names = [card.name for card in _cards()]
    near = difflib.get_close_matches(spec.lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    syntaxes = ", ".join(family.syntax for family in FAMILIES.values() if ":" in family.syntax)
    raise UnknownEncoderError(
        f"no encoder is called {spec!r}: {hint}Names: {', '.join(names)}; also {syntaxes}",
        hint="artsim models",
    )


def load_encoder(
    spec: str | Card,
    *,
    weights: Path | None = None,
    device: str = "auto",
    settings: Settings | None = None,
) -> Encoder:
    """Load an encoder, downloading its weights on first use where none are here.

    `spec` is understood with `weights` and `settings` as by `resolve`, or what that returned;
    `device` is ``auto``, ``cpu``, ``cuda`` or ``mps``. Raises `EncoderError` as `resolve` does, or
    if weights (`WeightsError`), a library or the device are missing.
    """
    card = resolve(spec, weights=weights, settings=settings) if isinstance(spec, str) else spec
    load = FAMILIES[card.family].load
    if card.base is None:
        return load(card, device)
    below = recall_encoder(card.base, settings=settings)
    return load(card, device, load_encoder(below, device=device, settings=settings))


def recall_encoder(
    info: EncoderInfo, *, weights: Path | None = None, settings: Settings | None = None
) -> Card:
    """Return the card of the very encoder that `info` is of, which was used before.

    It is looked for under its name and its full spec, so that it is found where files lie elsewhere
    than they did. Raises `EncoderMismatchError` if what has that name makes other vectors.
    """
    failure: EncoderError | None = None
    others: list[str] = []
    for spec in dict.fromkeys((info.spec, info.name)):
        try:
            card = resolve(spec, weights=weights, settings=settings)
        except EncoderError as error:
            failure = failure or error
            continue
        if card.vector_name == info.vector_name:
            return card
        others.append(card.vector_name)
    if others:
        raise EncoderMismatchError(
            f"vectors {info.vector_name!r} of the encoder {info.name!r} are needed, and it now "
            f"makes {others[0]!r}: give the weights that were used then, by ARTSIM_WEIGHTS "
            "or as a file, or train again",
            hint="--weights FILE",
        )
    raise EncoderError(
        f"the encoder {info.name!r}, which made the vectors {info.vector_name!r}, is not to be "
        f"had: {failure}"
    ) from failure


def find_maker(vector_name: str, *, settings: Settings | None = None) -> str | None:
    """Return the short name of the encoder that makes vectors of that name now, if any does."""
    for card in _cards():
        try:
            if resolve(card.name, settings=settings).vector_name == vector_name:
                return card.name
        except EncoderError:  # its weights in ARTSIM_WEIGHTS cannot be read
            continue
    return None


def _cards() -> Iterator[Card]:
    for family in FAMILIES.values():
        yield from family.cards


def _are_here(card: Card, settings: Settings) -> bool:
    if card.size_mb == 0:
        return True
    path, _ = find_weights(card.stems, given=None, settings=settings)
    return path is not None or FAMILIES[card.family].find_download(card) is not None
