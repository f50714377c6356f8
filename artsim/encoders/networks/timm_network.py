"""Any network of timm with random weights, to be trained or filled."""

from __future__ import annotations

from typing import Any

import torch

from artsim.encoders.torchvision_ops import ensure_torchvision


def build_timm(*, model: str, **settings: Any) -> torch.nn.Module:
    """Return timm's `model` without its classifier: its output is the pooled embedding.

    Raises
    ------
    ValueError
        If timm has no such model.
    """
    ensure_torchvision()
    import timm

    try:
        network: torch.nn.Module = timm.create_model(
            model, pretrained=False, num_classes=0, **settings
        )
    except RuntimeError as exc:
        raise ValueError(str(exc)) from exc
    return network
