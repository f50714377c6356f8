"""Encoders that were trained with artsim: ``file:DIR``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.plan import EncoderPlan, EncoderRequest, Family, vector_name
from artsim.encoders.trained_config import (
    WEIGHTS_FILE,
    TrainedConfig,
    read_config,
    write_config,
)
from artsim.errors import EncoderError
from artsim.files import replacing

if TYPE_CHECKING:
    import torch


_AT_ONCE: Final = 16
"""Of the built-in encoder's network, 32 pictures take a third more time each than 16 do."""


def plan_trained(request: EncoderRequest) -> EncoderPlan:
    """Understand ``file:DIR``; DIR may lie in ``ARTSIM_WEIGHTS``."""
    if request.weights is not None:
        raise EncoderError(
            "a trained encoder's weights are in its folder; give no others",
            hint="leave --weights out",
        )
    folder = Path(request.model).expanduser()
    weights_folder = request.settings.weights
    if not folder.exists() and weights_folder is not None:
        folder = weights_folder / request.model
    config = read_config(folder)
    weights = folder / WEIGHTS_FILE
    return EncoderPlan(
        name=request.name,
        spec=f"file:{folder.absolute()}",
        family="file",
        vector_name=vector_name(folder.absolute().name, config.identity(weights)),
        dim=config.dim,
        kind=config.kind,
        weights=weights,
        loader=lambda plan, device: load_trained(plan, config, weights, device, request.settings),
    )


def load_trained(
    plan: EncoderPlan,
    config: TrainedConfig,
    weights: Path,
    device: str,
    settings: Settings | None = None,
) -> Encoder:
    """Load the network of `config` with the weights in `weights`.

    Parameters
    ----------
    settings : Settings, optional
        Where a base encoder is looked for; by default from the environment.

    Raises
    ------
    WeightsError
        If the weights are damaged or of another network.
    EncoderError
        If there is no such network or device.
    """
    if config.base is not None:
        from artsim.encoders.recurrent_encoder import load_recurrent

        return load_recurrent(plan, config, weights, device, settings)
    from artsim.encoders.compact import expand
    from artsim.encoders.networks import build_network
    from artsim.encoders.networks.painting import PaintingNetwork
    from artsim.encoders.torch_encoder import TorchImageEncoder
    from artsim.encoders.weights import fill_model, load_state_dict

    network = build_network(config.network, config.settings)
    fill_model(network, expand(load_state_dict(weights)), path=weights)
    at_once = None
    if isinstance(network, PaintingNetwork):
        network.eval().fold_norms()
        at_once = _AT_ONCE
    return TorchImageEncoder(
        plan,
        network,
        network,
        config.preprocessing,
        device=device,
        precision="full",
        at_once=at_once,
    )


def save_trained(
    folder: Path, config: TrainedConfig, network: torch.nn.Module, *, compact: bool = False
) -> str:
    """Write an encoder's folder, and return the spec that names it.

    Parameters
    ----------
    compact : bool
        In a quarter of the size, with numbers of 8 bits.

    Raises
    ------
    EncoderError
        If the folder cannot be written.
    """
    from safetensors.torch import save

    from artsim.encoders.compact import compress

    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    if compact:
        tensors = compress(tensors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / WEIGHTS_FILE) as stream:
            stream.write(save(tensors))
        write_config(folder, config)
    except OSError as exc:
        raise EncoderError(f"cannot write the encoder to {folder}: {exc}") from exc
    return f"file:{folder.absolute()}"


FAMILY: Final = Family(syntax="file:DIR", plan=plan_trained)
