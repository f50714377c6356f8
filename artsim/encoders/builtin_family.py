"""The built-in encoder's place in the registry."""

from __future__ import annotations

from typing import Final

from artsim.encoders.base import Encoder
from artsim.encoders.builtin import BuiltinEncoder
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family
from artsim.errors import EncoderError


def plan_builtin(request: EncoderRequest) -> EncoderPlan:
    """Understand ``builtin``."""
    if request.weights is not None or request.model:
        raise EncoderError(
            "the builtin encoder has no weights and no variants; call it just builtin, "
            "and leave --weights out"
        )
    info = BuiltinEncoder.INFO
    return EncoderPlan(
        name=info.name,
        spec=info.spec,
        family="builtin",
        vector_name=info.vector_name,
        dim=info.dim,
        loader=_load,
        kind=info.kind,
        takes_text=info.takes_text,
    )


def _load(plan: EncoderPlan, device: str) -> Encoder:  # it runs on the CPU wherever asked
    return BuiltinEncoder()


FAMILY: Final = Family(
    syntax="builtin",
    plan=plan_builtin,
    cards=(
        EncoderCard(
            name=BuiltinEncoder.INFO.name,
            spec=BuiltinEncoder.INFO.spec,
            family="builtin",
            kind="image",
            dim=BuiltinEncoder.INFO.dim,
            size_mb=0,
            licence="Apache-2.0; statistics of research-only pictures",
            source="part of artsim",
            summary="composition, color and texture; the default, needs no download",
        ),
    ),
)
