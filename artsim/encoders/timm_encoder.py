"""Encoders from timm: ``timm:MODEL[/SIZE][+POOLING][@FILE]``."""

from __future__ import annotations

import dataclasses
import difflib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from artsim.encoders.base import Encoder
from artsim.encoders.model_spec import FoundWeights, find_model_weights, parse_model_spec
from artsim.encoders.plan import EncoderCard, EncoderPlan, EncoderRequest, Family, vector_name
from artsim.encoders.pooling import POOLINGS, gem, rmac
from artsim.encoders.preprocess import Interpolation, Preprocessing, Triple
from artsim.encoders.weights import (
    fetch_from_hub,
    load_state_dict,
    no_weights,
    strict_loading,
)
from artsim.errors import EncoderError, UnknownEncoderError

if TYPE_CHECKING:
    import torch

    from artsim.encoders.torch_encoder import Forward

_HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")


@dataclasses.dataclass(frozen=True, slots=True)
class TimmModel:
    """Which network, at what input size, and what becomes of its feature map.

    Attributes
    ----------
    name : str
        timm's, with the tag of its weights: ``resnet50.a1_in1k``.
    size : int or None
        Side of the input; None: as timm declares it.
    pooling : str
        `avg`: the embedding that timm itself gives (of VGG: the average of the feature
        map, without the fully connected layers); of a vision transformer the average of
        the patch tokens. `cls`: the class token. `gem`, `rmac`: of the feature map.
    """

    name: str
    size: int | None
    pooling: str


def plan_timm(request: EncoderRequest) -> EncoderPlan:
    """Understand ``timm:MODEL[/SIZE][+POOLING][@FILE]``."""
    model, found = find_timm(request)
    size = "" if model.size is None else str(model.size)
    return EncoderPlan(
        name=request.name,
        spec=f"timm:{model.name}{size and '/'}{size}+{model.pooling}{found.spec_suffix}",
        family="timm",
        vector_name=vector_name(model.name.partition(".")[0], found.identity, model.pooling, size),
        dim=None if request.card is None else request.card.dim,
        weights=found.path,
        loader=partial(_load, model=model, found=found),
    )


def find_timm(request: EncoderRequest) -> tuple[TimmModel, FoundWeights]:
    """Return which network a spec asks for, and where its weights are.

    Raises
    ------
    EncoderError
        If the spec cannot be understood.
    WeightsError
        If timm publishes no weights and none are here, or the file given is missing.
    """
    spec = parse_model_spec(request)
    name, slash, size = spec.model.partition("/")
    if slash and not (size.isdecimal() and 16 <= int(size) <= 2048):
        raise EncoderError(f"{request.name!r}: size {size!r} is no number of pixels in 16..2048")
    pooling = spec.pooling or "avg"
    if pooling not in POOLINGS:
        raise EncoderError(
            f"{request.name!r}: pooling {pooling!r} is none of {', '.join(POOLINGS)}"
        )
    architecture, _, tag = name.partition(".")
    found = find_model_weights(request, spec, weights_stems(name), tag=tag)
    if found.path is None and not tag:
        tag = _default_tag(architecture)
        name, found = f"{architecture}.{tag}", dataclasses.replace(found, identity=tag)
    return TimmModel(name, int(size) if size else None, pooling), found


def weights_stems(name: str) -> tuple[str, ...]:
    """Return the stems of a model's file: ``resnet50.a1_in1k``, ``resnet50``."""
    return tuple(dict.fromkeys((name, name.partition(".")[0])))


def create_network(model: TimmModel, found: FoundWeights) -> torch.nn.Module:
    """Build timm's network with its weights and without its classifier.

    Raises
    ------
    UnknownEncoderError
        If timm has no such model; the message gives the nearest.
    WeightsError
        If the weights are missing, damaged, or of another model.
    """
    import torch

    timm = _import_timm()
    config = _pretrained_config(model.name)
    classes = getattr(config, "num_classes", 0)
    with torch.device("meta"):  # neither memory nor time for numbers
        outline = timm.create_model(model.name, num_classes=classes)
    # Convolutions take any size; transformers fit their position embeddings to it.
    has_fixed_size = model.size is not None and hasattr(outline, "set_input_size")
    path = found.path or _fetch(config, model.name, found)
    state = _with_classifier(load_state_dict(path), outline, config)
    with strict_loading(path):
        network = timm.create_model(
            model.name,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": state},
            num_classes=classes,  # as in the file, so that timm loads strictly
            **({"img_size": model.size} if has_fixed_size else {}),
        )
    network.reset_classifier(0)
    if hasattr(network, "pre_logits"):
        network.pre_logits = torch.nn.Identity()  # VGG's fully connected layers
    return cast("torch.nn.Module", network)


def pooled_forward(network: Any, model: TimmModel) -> Forward:
    """Return the function from normalized pictures to rows that `model` asks for.

    It raises `EncoderError` if the network has no such pooling.
    """
    prefix = getattr(network, "num_prefix_tokens", 0)
    has_class_token = getattr(network, "cls_token", None) is not None

    def forward(pictures: torch.Tensor) -> torch.Tensor:
        features = network.forward_features(pictures)
        has_tokens = features.dim() == 3
        if has_tokens and model.pooling in {"gem", "rmac"}:
            raise EncoderError(
                f"{model.name} gives tokens, not the map of non-negative activations that "
                f"{model.pooling} pools; use +avg{' or +cls' if has_class_token else ''}"
            )
        if model.pooling == "cls":
            if not (has_tokens and has_class_token):
                raise EncoderError(f"{model.name} has no class token; use +avg")
            return cast("torch.Tensor", features[:, 0])
        if has_tokens:
            return cast("torch.Tensor", features[:, prefix:].mean(dim=1))
        if model.pooling == "avg":
            return cast("torch.Tensor", network.forward_head(features, pre_logits=True))
        if getattr(network, "output_fmt", "NCHW") == "NHWC":
            features = features.permute(0, 3, 1, 2)
        return gem(features) if model.pooling == "gem" else rmac(features)

    return forward


def preprocessing_of(network: Any, size: int | None) -> Preprocessing:
    """Return what timm declares for the network's weights, but with the whole picture.

    timm cuts out the center. A painting's edges belong to it: squashed, 707 paintings
    found a work of the same artist first for 27.6 % (ResNet-50 v2, stage 3), cut out at
    full height or width for 27.2 %, at 7/8 of it for 25.3 %.
    """
    config = network.pretrained_cfg
    _, height, width = config["input_size"]
    return Preprocessing(
        height=size or height,
        width=size or width,
        interpolation=cast("Interpolation", config["interpolation"]),
        mean=cast("Triple", tuple(config["mean"])),
        std=cast("Triple", tuple(config["std"])),
    )


def _load(plan: EncoderPlan, device: str, *, model: TimmModel, found: FoundWeights) -> Encoder:
    from artsim.encoders.devices import pick_device
    from artsim.encoders.torch_encoder import TorchImageEncoder

    pick_device(device)  # a wrong one is known before a long download
    network = create_network(model, found)
    return TorchImageEncoder(
        plan,
        network,
        pooled_forward(network, model),
        preprocessing_of(network, model.size),
        device=device,
    )


def _import_timm() -> Any:
    from artsim.encoders.torchvision_ops import ensure_torchvision

    ensure_torchvision()
    import timm

    return timm


def _default_tag(architecture: str) -> str:
    tag = getattr(_pretrained_config(architecture), "tag", "")
    if not tag:
        raise no_weights(
            f"timm:{architecture}", "timm's list (it publishes none for this architecture)"
        )
    return str(tag)


def _pretrained_config(name: str) -> Any:
    """Return timm's description of the weights; None where it publishes none."""
    timm = _import_timm()
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnknownEncoderError(f"timm has no model {architecture!r}{hint}")
    known = [n.partition(".")[2] for n in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in known:
        raise UnknownEncoderError(
            f"timm's {architecture} has no weights {tag!r}; it has {', '.join(known) or 'none'}"
        )
    return timm.get_pretrained_cfg(name)


def _fetch(config: Any, name: str, found: FoundWeights) -> Path:
    repository = getattr(config, "hf_hub_id", None)
    if repository is None:
        raise no_weights(f"timm:{name}", "; ".join([*found.looked_in, "timm's list (none)"]))
    files = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
    return fetch_from_hub(repository, files, model=f"timm:{name}", looked_in=found.looked_in)


def _with_classifier(
    state: dict[str, torch.Tensor], outline: torch.nn.Module, config: Any
) -> dict[str, torch.Tensor]:
    """Add an empty classifier to weights that were saved without one; it is not used."""
    import torch

    own = outline.state_dict()
    missing = [name for name in own if name not in state]
    classifiers = getattr(config, "classifier", None) or ()
    heads = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    if not missing or not all(name.rpartition(".")[0] in heads for name in missing):
        return state
    return {**state, **{name: torch.zeros(own[name].shape) for name in missing}}


def _card(
    name: str, model: str, dim: int, size_mb: float, licence: str, summary: str
) -> EncoderCard:
    network = model.partition("+")[0].partition("/")[0]
    repository = f"timm/{network}"
    return EncoderCard(
        name=name,
        spec=f"timm:{model}",
        family="timm",
        kind="image",
        dim=dim,
        size_mb=size_mb,
        licence=licence,
        source=f"hub, {repository}",
        summary=summary,
        stems=(name, *weights_stems(network)),
        hub=(repository, _HUB_FILES),
    )


FAMILY: Final = Family(
    syntax="timm:MODEL[/SIZE][+avg|+gem|+rmac|+cls]",
    plan=plan_timm,
    cards=(
        _card(
            "resnet50",
            "resnet50.a1_in1k+avg",
            2048,
            102,
            "Apache-2.0",
            "ResNet-50, trained on ImageNet; the common baseline",
        ),
        _card(
            "vgg16",
            "vgg16.tv_in1k+avg",
            512,
            553,
            "BSD-3-Clause",
            "VGG-16, trained on ImageNet; its maps carry texture and style",
        ),
        _card(
            "convnext",
            "convnext_tiny.in12k_ft_in1k+avg",
            768,
            114,
            "Apache-2.0",
            "ConvNeXt-T, trained on ImageNet-12k; as fast as ResNet-50, more accurate",
        ),
        _card(
            "dino",
            "vit_small_patch14_dinov2.lvd142m/224+cls",
            384,
            88,
            "Apache-2.0",
            "DINOv2 ViT-S, trained without labels; same motif and composition",
        ),
        _card(
            "mobilenetv2",
            "mobilenetv2_100.ra_in1k+avg",
            1280,
            14,
            "Apache-2.0",
            "MobileNet v2, trained on ImageNet; the fastest on a CPU",
        ),
    ),
)
