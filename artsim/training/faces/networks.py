"""Which network is trained, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from artsim.encoders.networks import build_network
from artsim.encoders.preprocess import Preprocessing, Triple
from artsim.encoders.weights import file_sha256, fill_model, load_state_dict
from artsim.errors import EncoderError, TrainingError

INCEPTION: Final = "inception-resnet-v1"
PAINTING: Final = "painting"

_HALF: Final[Triple] = (0.5, 0.5, 0.5)
_FACENET_STD: Final[Triple] = (128 / 255, 128 / 255, 128 / 255)

_DIM: Final = 256
_SIDE: Final = 112
"""Pixels a side, as ArcFace has it; FaceNet has 160."""

_PAINTING_SETTINGS: Final[Mapping[str, Any]] = {
    "widths": [32, 64, 128, 256],
    "depths": [1, 1, 1, 1],
    "stem": 32,
    "dim": _DIM,
}
"""A quarter of the built-in network: there are fewer faces to learn from than paintings."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network that can be built, and how faces become its input.

    Attributes
    ----------
    network, settings
        As in `artsim.encoders.trained.TrainedConfig`.
    dim : int
        Length of its embeddings.
    weights : Path or None
        File of weights to begin with; None begins at random.
    """

    network: str
    settings: Mapping[str, Any]
    preprocessing: Preprocessing
    dim: int
    weights: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    def build(self, seed: int) -> torch.nn.Module:
        """Return the network with the weights it begins with; equal seeds give equal ones.

        Raises
        ------
        WeightsError
            If the file of weights is damaged or of another network.
        EncoderError
            If the network cannot be built.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(self.network, self.settings)
        if self.weights is not None:
            # Published weights of FaceNet have a classifier of the people they have seen.
            state = load_state_dict(self.weights)
            fill_model(network, state, path=self.weights, unused="logits.")
        return network


def plan_network(
    name: str,
    *,
    side: int | None = None,
    weights: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> NetworkPlan:
    """Understand the name of a network to train.

    Parameters
    ----------
    name : str
        ``inception-resnet-v1`` (FaceNet), ``painting`` (small, artsim's own), or a model of
        timm, which gets an ending for faces.
    side : int, optional
        Pixels a side of its input; by default 160 for FaceNet and 112 for others.
    weights : Path, optional
        File of that network's weights to begin with.
    settings : mapping, optional
        Of the network, over its usual ones.

    Raises
    ------
    TrainingError
        If nothing has that name, or the network cannot take pictures of that size.
    WeightsError
        If the file of weights cannot be read.
    """
    network, usual, size = _described(name)
    chosen = {**usual, **(settings or {})}
    size = side or size
    std = _FACENET_STD if network == "facenet" else _HALF
    preprocessing = Preprocessing(height=size, width=size, mean=_HALF, std=std)
    identity = {
        "network": network,
        "settings": chosen,
        "side": size,
        "weights": None if weights is None else file_sha256(weights),
    }
    dim = _probe(name, network, chosen, size)
    return NetworkPlan(network, chosen, preprocessing, dim, weights, identity)


def _described(name: str) -> tuple[str, Mapping[str, Any], int]:
    if name == INCEPTION:
        return "facenet", {}, 160
    if name == PAINTING:
        return "painting", _PAINTING_SETTINGS, _SIDE
    return "face", {"model": name.removeprefix("timm:"), "dim": _DIM}, _SIDE


def _probe(name: str, network: str, settings: Mapping[str, Any], side: int) -> int:
    """Return the length of the embeddings, by one picture."""
    with torch.random.fork_rng(devices=[]):
        try:
            built = build_network(network, settings).eval()
        except EncoderError as exc:
            known = f"{INCEPTION}, {PAINTING}, or a model of timm such as resnet10t"
            raise TrainingError(f"no network {name!r} to train ({exc}); there are {known}") from exc
    try:
        with torch.inference_mode():
            rows = built(torch.zeros(1, 3, side, side))
    except (RuntimeError, AssertionError, ValueError) as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise TrainingError(
            f"the network {name!r} cannot take pictures of {side} x {side} pixels ({reason}); "
            "give another side, or another network",
            hint="--side, --network",
        ) from exc
    return int(rows.shape[1])
