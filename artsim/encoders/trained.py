"""Encoders trained with artsim, ``file:DIR``, and ``builtin``: ``encoder.json`` and weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from artsim.catalog.kinds import EncoderInfo, EncoderKind, parse_info
from artsim.catalog.scale import Cohort
from artsim.encoders.base import Encoder, Preprocessing
from artsim.encoders.cards import Card, Family, Request, read_cards, vector_name
from artsim.encoders.weights import (
    file_sha256,
    fill_model,
    load_state_dict,
    nothing_drawn,
    read_json,
    write_folder,
)
from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

CONFIG_FILE: Final = "encoder.json"
WEIGHTS_FILE: Final = "weights.safetensors"
BUILTIN_FOLDER: Final = Path(__file__).parent / "builtin"  # as `artsim train encoder` makes it
_SCALE: Final = ":scale"


@dataclass(frozen=True, slots=True)
class TrainedConfig:
    """What it takes to use an encoder's weights, and what is known of them."""

    network: str  # its name in `artsim.encoders.networks`
    settings: Mapping[str, Any]  # what that network is built from
    preprocessing: Preprocessing | None  # of pictures; None where a `base` does that
    dim: int  # length of its vectors
    kind: EncoderKind = "image"
    base: EncoderInfo | None = None  # the frozen encoder whose vectors the network takes
    licence: str = "not stated"
    source: str = "trained here"
    summary: str = ""
    # Data, terms, recipe, date, scores: for people, and without influence on vectors.
    card: Mapping[str, Any] = field(default_factory=dict)
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        """Refuse a base that no encoder can be."""
        if self.base is not None:
            parse_info(asdict(self.base))

    def identity(self, weights: Path) -> str:
        """Return 12 hex digits of a SHA-256 over the weights and all that changes vectors."""
        decisive: dict[str, Any] = {
            "network": self.network,
            "settings": dict(self.settings),
            "preprocessing": self.preprocessing and asdict(self.preprocessing),
            "weights": file_sha256(weights),
        }
        if self.base is not None:
            decisive["base"] = self.base.vector_name  # wherever its files lie
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


def read_config(folder: Path) -> TrainedConfig:
    """Read ``encoder.json``; EncoderError if there is none, or one of a newer artsim."""
    path = folder / CONFIG_FILE
    if not path.is_file() or not (folder / WEIGHTS_FILE).is_file():
        raise EncoderError(
            f"{folder} holds no trained encoder ({CONFIG_FILE} and {WEIGHTS_FILE}); name a "
            "folder in which an encoder was trained",
            hint="artsim train",
            path=folder,
        )
    return read_json(path, TrainedConfig, next_step="train again, or update artsim")


def save_trained(
    folder: Path, config: TrainedConfig, network: torch.nn.Module, *, compact: bool = False
) -> str:
    """Write an encoder's folder, and return its spec; EncoderError if that cannot be.

    If it is `compact`, its numbers have 8 bits, a quarter of the size.
    """
    from safetensors.torch import save

    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    weights = save(compress(tensors) if compact else tensors)
    write_folder(folder, (WEIGHTS_FILE, weights), (CONFIG_FILE, config))
    return f"file:{folder.absolute()}"


def compress(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights in a quarter of their size: int8 matrices, and their scales [1]_.

    Every matrix and every bank of filters is divided, for each of its outputs apart, by what brings
    the largest number to 127, and rounded; the scales get its name with ``:scale``. Vectors stay as
    they are.

    References
    ----------
    .. [1] Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam & Kalenichenko (2018). Quantization
       and training of neural networks for efficient integer-arithmetic-only inference. CVPR.
    """
    import torch

    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if tensor.ndim < 2 or not tensor.is_floating_point():
            found[name] = tensor
            continue
        rows = tensor.float().flatten(1)
        scale = (rows.abs().amax(dim=1) / 127).clamp_min(1e-12)
        found[name] = (rows / scale[:, None]).round().to(torch.int8).view(tensor.shape)
        found[name + _SCALE] = scale
    return found


def expand(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights of float32 from what `compress` returned; others as they are."""
    found = {name: tensor for name, tensor in state.items() if not name.endswith(_SCALE)}
    for name, tensor in found.items():
        scale = state.get(name + _SCALE)
        if scale is not None:
            found[name] = tensor.float() * scale.view(-1, *[1] * (tensor.ndim - 1))
    return found


def _understand(request: Request) -> Card:
    """Understand ``file:DIR``; DIR may lie in ``ARTSIM_WEIGHTS``."""
    if request.weights is not None:
        raise EncoderError(
            "a trained encoder's weights are in its folder; give no others",
            hint="leave --weights out",
        )
    folder = request.find_place()
    config = read_config(folder)
    weights = folder / WEIGHTS_FILE
    return Card(
        name=request.name,
        spec=f"file:{folder.absolute()}",
        family="file",
        kind=config.kind,
        dim=config.dim,
        vector_name=vector_name(folder.absolute().name, config.identity(weights)),
        weights=weights,
        base=config.base,
    )


def _load(card: Card, device: str, base: Encoder | None = None) -> Encoder:
    """Load a network that takes pictures, or one that takes the vectors of a `base`."""
    from artsim.encoders.networks import build_network
    from artsim.encoders.torch_encoder import RecurrentEncoder, TorchEncoder

    folder = Path(card.model) if card.model else BUILTIN_FOLDER
    config, weights = read_config(folder), folder / WEIGHTS_FILE
    with nothing_drawn():
        network = build_network(config.network, config.settings)
    fill_model(network, expand(load_state_dict(weights)), path=weights)
    if base is not None:
        taken = config.settings.get("base_dim")
        if taken != base.info.dim:
            raise EncoderError(
                f"{card.model}: a network for vectors of {taken} numbers and a backbone with "
                f"{base.info.dim}; train again"
            )
        return RecurrentEncoder(card, base, network, device=device)
    if config.preprocessing is None or config.network == "recurrent":
        raise EncoderError(f"{folder}: a recurrent network needs a base encoder; train it")
    if make_ready := getattr(network, "make_ready", None):
        make_ready()
    return TorchEncoder(card, network, config.preprocessing, device=device, precision="full")


@cache
def read_cohort(vector_name: str) -> Cohort | None:
    """Return what is common among paintings by that vector's encoder; None where unknown."""
    with np.load(BUILTIN_FOLDER / "cohort.npz") as kept:
        if str(kept["vector_name"]) != vector_name:
            return None
        rows = kept["vectors"].astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Cohort(rows, float(kept["least"]))


FAMILY: Final = Family(load=_load, syntax="file:DIR", understand=_understand)
BUILTIN: Final = Family(load=_load, cards=read_cards("builtin"))
