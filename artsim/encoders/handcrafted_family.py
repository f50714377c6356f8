"""The handcrafted encoder's place in the registry."""

from __future__ import annotations

from typing import Final

from artsim.encoders.base import Encoder
from artsim.encoders.handcrafted.encoder import HandcraftedEncoder
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family
from artsim.errors import EncoderError


def plan_handcrafted(request: EncoderRequest) -> EncoderPlan:
    """Understand ``handcrafted``."""
    if request.weights is not None or request.model:
        raise EncoderError(
            "the handcrafted encoder has no weights and no variants; call it just handcrafted, "
            "and give no weights",
            hint="leave --weights out",
        )
    info = HandcraftedEncoder.INFO
    return EncoderPlan(
        name=info.name,
        spec=info.spec,
        family="handcrafted",
        vector_name=info.vector_name,
        dim=info.dim,
        loader=_load,
        kind=info.kind,
        takes_text=info.takes_text,
    )


def _load(plan: EncoderPlan, device: str) -> Encoder:  # it runs on the CPU wherever asked
    return HandcraftedEncoder()


FAMILY: Final = Family(
    syntax="handcrafted",
    plan=plan_handcrafted,
    cards=(
        EncoderCard(
            name=HandcraftedEncoder.INFO.name,
            spec=HandcraftedEncoder.INFO.spec,
            family="handcrafted",
            kind="image",
            dim=HandcraftedEncoder.INFO.dim,
            size_mb=0,
            licence="Apache-2.0; statistics of research-only pictures",
            source="part of artsim",
            summary="composition, color and texture without a network; was the default",
        ),
    ),
)
