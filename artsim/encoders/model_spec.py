"""The specs of the families whose weights are files: ``MODEL[+POOLING][@FILE]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from artsim.encoders.plan import EncoderRequest
from artsim.encoders.weights import file_sha256, find_weights
from artsim.errors import EncoderError


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A spec without its family, taken apart.

    Attributes
    ----------
    model : str
        What stands before ``+`` and ``@``.
    pooling : str
        The last one given; empty where none is.
    file : Path or None
        Of weights: that of ``--weights``, which comes first, or that after ``@``.
    """

    model: str
    pooling: str = ""
    file: Path | None = None


def parse_model_spec(request: EncoderRequest) -> ModelSpec:
    """Take the spec apart.

    Raises
    ------
    EncoderError
        If a part of it is empty.
    """
    rest, at, file = request.model.partition("@")
    model, *poolings = rest.split("+")
    if not model or (at and not file) or "" in poolings:
        raise EncoderError(f"{request.name!r} is not whole; MODEL+POOLING@FILE is expected")
    given = request.weights or (Path(file).expanduser() if file else None)
    return ModelSpec(model, poolings[-1] if poolings else "", given)


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Where a model's weights are, before they are loaded.

    Attributes
    ----------
    path : Path or None
        Local file; None: to be had from the hub.
    identity : str
        For the vectors' name: of a local file 12 hex digits of its SHA-256, else the tag.
    spec_suffix : str
        ``@FILE`` where the user gave the file, to make the same encoder again.
    looked_in : tuple of str
        For the message when the hub does not have them either.
    """

    path: Path | None
    identity: str
    spec_suffix: str
    looked_in: tuple[str, ...]


def find_model_weights(
    request: EncoderRequest, spec: ModelSpec, stems: tuple[str, ...], *, tag: str
) -> FoundWeights:
    """Find the local weights of a model, if there are any.

    Parameters
    ----------
    stems : tuple of str
        Of files in ``ARTSIM_WEIGHTS``, where the request has no card that names them.
    tag : str
        Identity of the weights on the hub.

    Raises
    ------
    WeightsError
        If the file that the user gave is not there or cannot be read.
    """
    names = stems if request.card is None else request.card.stems
    path, looked_in = find_weights(names, given=spec.file, settings=request.settings)
    identity = tag if path is None else file_sha256(path)[:12]
    suffix = "" if path is None or spec.file is None else f"@{path.absolute()}"
    return FoundWeights(path, identity, suffix, looked_in)
