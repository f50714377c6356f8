"""Networks that artsim itself defines or trains, by the name that their files give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

Builder = Callable[[Mapping[str, Any]], "torch.nn.Module"]
"""From a network's settings to the network with random weights."""


def _painting(settings: Mapping[str, Any]) -> torch.nn.Module:
    from artsim.encoders.networks.painting import PaintingNetwork

    return PaintingNetwork(**settings)


def _timm(settings: Mapping[str, Any]) -> torch.nn.Module:
    from artsim.encoders.networks.timm_network import build_timm

    return build_timm(**settings)


def _recurrent(settings: Mapping[str, Any]) -> torch.nn.Module:
    from artsim.encoders.networks.recurrent import RecurrentNetwork

    return RecurrentNetwork(**settings)


def _facenet(settings: Mapping[str, Any]) -> torch.nn.Module:
    from artsim.encoders.networks.facenet_network import build_facenet

    return build_facenet(**settings)


def _face(settings: Mapping[str, Any]) -> torch.nn.Module:
    from artsim.encoders.networks.face import FaceNetwork

    return FaceNetwork(**settings)


BUILDERS: Final[Mapping[str, Builder]] = {
    "painting": _painting,
    "timm": _timm,
    "recurrent": _recurrent,
    "facenet": _facenet,
    "face": _face,
}


def build_network(name: str, settings: Mapping[str, Any]) -> torch.nn.Module:
    """Return a network with random weights: from pictures (N, 3, H, W) to rows (N, D).

    The network ``recurrent`` takes sequences of a base encoder's vectors instead of pictures.

    Raises
    ------
    EncoderError
        If there is no such network, or it has no such settings.
    """
    if name not in BUILDERS:
        raise EncoderError(f"no network is called {name!r}; there are {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](settings)
    except (TypeError, ValueError) as exc:
        raise EncoderError(
            f"network {name!r} cannot be built from {dict(settings)}: {exc}"
        ) from exc
