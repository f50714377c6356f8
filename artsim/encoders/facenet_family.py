"""FaceNet's place in the registry: ``facenet:VARIANT[@FILE]``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal, get_args

from artsim.encoders.base import Encoder
from artsim.encoders.model_spec import find_model_weights, parse_model_spec
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family, vector_name
from artsim.errors import EncoderError, UnknownEncoderError

Variant = Literal["vggface2", "casia-webface"]
"""What the published weights were trained on."""

VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)

FILES: Final[Mapping[Variant, str]] = {
    "vggface2": "20180402-114759-vggface2.pt",
    "casia-webface": "20180408-102900-casia-webface.pt",
}
"""Names of the published weights, as in facenet-pytorch's own loader."""


def plan_facenet(request: EncoderRequest) -> EncoderPlan:
    """Understand ``facenet:VARIANT[@FILE]``."""
    spec = parse_model_spec(request)
    variant = next((v for v in VARIANTS if v == spec.model), None)
    if variant is None:
        raise UnknownEncoderError(
            f"facenet has no variant {spec.model!r}; it has {', '.join(VARIANTS)}"
        )
    if spec.pooling:
        raise EncoderError(f"{request.name!r}: facenet has no poolings; leave +{spec.pooling} out")
    found = find_model_weights(request, spec, weights_stems(variant), tag=spec.model)
    return EncoderPlan(
        name=request.name,
        spec=f"facenet:{spec.model}{found.spec_suffix}",
        family="facenet",
        vector_name=vector_name("facenet", found.identity),
        dim=512,
        kind="face",
        weights=found.path,
        loader=partial(_load, variant=variant),
    )


def download_path(variant: Variant) -> Path:
    """Return where facenet-pytorch keeps its downloads; the file need not be there."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or Path(cache, "torch")
    return Path(home).expanduser() / "checkpoints" / FILES[variant]


def _find_download(card: EncoderCard) -> Path | None:
    path = next(download_path(v) for v in VARIANTS if card.spec == f"facenet:{v}")
    return path if path.is_file() else None


def weights_stems(variant: Variant) -> tuple[str, ...]:
    """Return the stems of a variant's file: ``facenet-vggface2``."""
    return (f"facenet-{variant}",)


def _load(plan: EncoderPlan, device: str, *, variant: Variant) -> Encoder:
    from artsim.encoders.facenet import load_facenet

    return load_facenet(variant, device=device, plan=plan)


def _card(name: str, variant: Variant, size_mb: float, summary: str) -> EncoderCard:
    return EncoderCard(
        name=name,
        spec=f"facenet:{variant}",
        family="facenet",
        kind="face",
        dim=512,
        size_mb=size_mb,
        licence="MIT",
        source="facenet-pytorch's releases",
        summary=summary,
        stems=(name, *weights_stems(variant)),
    )


FAMILY: Final = Family(
    syntax="facenet:VARIANT",
    plan=plan_facenet,
    find_download=_find_download,
    cards=(
        _card("facenet", "vggface2", 112, "Inception-ResNet v1, trained on VGGFace2"),
        _card(
            "facenet-casia", "casia-webface", 116, "Inception-ResNet v1, trained on CASIA-WebFace"
        ),
    ),
)
