"""Networks that were never trained: as slow as trained ones, and here without a download.

Imported by measurements of speed only; what such a network says of a picture is noise.
"""

from __future__ import annotations

from pathlib import Path

import torch

from artsim.encoders.torchvision_ops import ensure_torchvision


def write_random_weights(model: str, path: Path, *, seed: int = 0) -> None:
    """Write the weights that timm gives a network before training, as safetensors.

    Parameters
    ----------
    model : str
        timm's name: ``resnet50``.
    seed : int
        Equal seeds give equal weights.
    """
    ensure_torchvision()
    import timm
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_file(timm.create_model(model).state_dict(), path)
