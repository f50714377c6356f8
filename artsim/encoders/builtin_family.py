"""The built-in encoder's place in the registry: a small network whose weights are installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from artsim.encoders.base import Encoder
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family
from artsim.encoders.trained_config import WEIGHTS_FILE, TrainedConfig, read_config
from artsim.encoders.trained_family import load_trained
from artsim.errors import EncoderError

FOLDER: Final = Path(__file__).parent / "builtin"
"""A trained encoder's folder as `artsim train encoder` makes it; its card says from what."""

VECTOR_NAME: Final = "builtin-v3"
"""Other weights or another preprocessing need a new one. ``builtin-v1`` are the handcrafted
encoder's vectors."""

DIM: Final = 384


def plan_builtin(request: EncoderRequest) -> EncoderPlan:
    """Understand ``builtin``."""
    if request.weights is not None or request.model:
        raise EncoderError(
            "the builtin encoder has no weights and no variants to name; call it just builtin, "
            "and give no weights",
            hint="leave --weights out",
        )
    return EncoderPlan(
        name="builtin",
        spec="builtin",
        family="builtin",
        vector_name=VECTOR_NAME,
        dim=DIM,
        loader=_load,
    )


@cache
def builtin_config() -> TrainedConfig:
    """Return what is known of the built-in encoder, its card included."""
    return read_config(FOLDER)


def _load(plan: EncoderPlan, device: str) -> Encoder:
    return load_trained(plan, builtin_config(), FOLDER / WEIGHTS_FILE, device)


FAMILY: Final = Family(
    syntax="builtin",
    plan=plan_builtin,
    cards=(
        EncoderCard(
            name="builtin",
            spec="builtin",
            family="builtin",
            kind="image",
            dim=DIM,
            size_mb=0,
            licence="Apache-2.0; trained on research-only pictures",
            source="part of artsim",
            summary="trained on paintings; the default, needs no download",
        ),
    ),
)
