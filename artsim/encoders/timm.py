"""Encoders from timm: ``timm:MODEL[/SIZE][+POOLING][@FILE]``.

MODEL is timm's name with the tag of its weights, ``resnet50.a1_in1k``; SIZE the side of the input,
by default as timm declares it. Of the poolings ``avg`` is the embedding that timm itself gives (of
VGG: the average of the feature map), of a vision transformer the average of the patch tokens;
``cls`` the class token; ``gem`` and ``rmac`` are of the feature map.

References
----------
.. [1] Radenović, Tolias & Chum (2019). Fine-tuning CNN image retrieval with no human
   annotation. IEEE TPAMI 41(7), 1655-1668 (arXiv 1711.02512).
.. [2] Tolias, Sicre & Jégou (2016). Particular object retrieval with integral
   max-pooling of CNN activations. ICLR (arXiv 1511.05879).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from artsim.encoders.base import Encoder, Preprocessing
from artsim.encoders.cards import Card, Family, Request, check_known, read_cards
from artsim.encoders.devices import import_library, pick_device
from artsim.encoders.weights import (
    fetch_from_hub,
    load_state_dict,
    no_weights,
    nothing_drawn,
    strict_loading,
)
from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

    from artsim.encoders.torch_encoder import Forward

POOLINGS: Final = ("avg", "gem", "rmac", "cls")
GEM_POWER: Final = 3.0  # where training starts in [1], and the usual value without training
RMAC_SCALES: Final = 3  # as in [2], section 3.2
RMAC_OVERLAP: Final = 0.4  # the same
_SMALLEST: Final = 1e-6
_HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")


def _understand(request: Request) -> Card:
    """Understand ``timm:MODEL[/SIZE][+POOLING][@FILE]``."""
    spec, pooling, _ = request.split_model()
    name, slash, size = spec.partition("/")
    if slash and not (size.isdecimal() and 16 <= int(size) <= 2048):
        raise EncoderError(f"{request.name!r}: size {size!r} is no number of pixels in 16..2048")
    size = slash and str(int(size))
    pooling = pooling or "avg"
    if pooling not in POOLINGS:
        raise EncoderError(
            f"{request.name!r}: pooling {pooling!r} is none of {', '.join(POOLINGS)}"
        )
    architecture, _, tag = name.partition(".")
    found = request.find_weights((name, architecture), tag=tag)
    if found.path is None and not tag:
        tag = getattr(_pretrained_config(architecture), "tag", "")
        if not tag:
            place = "timm's list (it publishes none for this architecture)"
            raise no_weights(f"timm:{architecture}", place)
        name, found = f"{architecture}.{tag}", found._replace(identity=tag)
    spec = f"timm:{name}{slash}{size}+{pooling}"
    return request.card_of(spec, found, architecture, found.identity, pooling, size)


def _load(card: Card, device: str) -> Encoder:
    from artsim.encoders.torch_encoder import TorchEncoder

    pick_device(device)  # a wrong one is known before a long download
    network = create_network(card)
    name, size, pooling = _parts(card)
    forward = _pooled_forward(network, name, pooling)
    return TorchEncoder(card, network, preprocessing_of(network, size), forward, device=device)


def _parts(card: Card) -> tuple[str, int | None, str]:
    """Return name, size and pooling of a card that was understood."""
    model, _, pooling = card.model.partition("@")[0].partition("+")
    name, _, size = model.partition("/")
    return name, int(size) if size else None, pooling


def create_network(card: Card) -> torch.nn.Module:
    """Build timm's network with its weights and without its classifier; see `load_encoder`."""
    import torch

    timm = import_library("timm")
    name, size, _ = _parts(card)
    config = _pretrained_config(name)
    classes = getattr(config, "num_classes", 0)
    with torch.device("meta"):  # neither memory nor time for numbers
        outline = timm.create_model(name, num_classes=classes)
    # Convolutions take any size; transformers fit their position embeddings to it.
    has_fixed_size = size is not None and hasattr(outline, "set_input_size")
    path = card.weights or _fetch(config, name, card.looked_in)
    state = _with_classifier(load_state_dict(path), outline, config)
    with strict_loading(path), nothing_drawn():
        network = timm.create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": state},
            num_classes=classes,  # as in the file, so that timm loads strictly
            **({"img_size": size} if has_fixed_size else {}),
        )
    network.reset_classifier(0)
    if hasattr(network, "pre_logits"):
        network.pre_logits = torch.nn.Identity()  # VGG's fully connected layers
    return cast("torch.nn.Module", network)


def preprocessing_of(network: Any, size: int | None) -> Preprocessing:
    """Return what timm declares for the network's weights, but with the whole picture.

    timm cuts out the center. A painting's edges belong to it: of 707, squashed ones found a work of
    the same artist first for 27.6 % (ResNet-50 v2, stage 3), cut out ones for 27.2 % at most.
    """
    config = network.pretrained_cfg
    _, height, width = config["input_size"]
    return Preprocessing(
        height=size or height,
        width=size or width,
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )


def _pooled_forward(network: Any, name: str, pooling: str) -> Forward:
    """Return the function from normalized pictures to pooled rows."""
    prefix = getattr(network, "num_prefix_tokens", 0)
    has_class_token = getattr(network, "cls_token", None) is not None

    def forward(pictures: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = network.forward_features(pictures)
        has_tokens = features.dim() == 3
        if has_tokens and pooling in {"gem", "rmac"}:
            raise EncoderError(
                f"{name} gives tokens, not the map of non-negative activations that "
                f"{pooling} pools; use +avg{' or +cls' if has_class_token else ''}"
            )
        if pooling == "cls":
            if not (has_tokens and has_class_token):
                raise EncoderError(f"{name} has no class token; use +avg")
            return features[:, 0]
        if has_tokens:
            return features[:, prefix:].mean(dim=1)
        if pooling == "avg":
            return cast("torch.Tensor", network.forward_head(features, pre_logits=True))
        if getattr(network, "output_fmt", "NCHW") == "NHWC":
            features = features.permute(0, 3, 1, 2)
        return gem(features) if pooling == "gem" else rmac(features)

    return forward


def gem(maps: torch.Tensor, power: float = GEM_POWER) -> torch.Tensor:
    """Return the generalized mean of each channel, (N, C), of maps (N, C, H, W): [1]_, equation 3.

    Power 1 is the average, large ones approach the maximum. Negative activations count as none.
    """
    return maps.float().clamp(min=_SMALLEST).pow(power).mean(dim=(2, 3)).pow(1 / power)


def rmac(maps: torch.Tensor, scales: int = RMAC_SCALES) -> torch.Tensor:
    """Return the regional maximum activations of convolutions, (N, C), of maps (N, C, H, W) [2]_.

    Square regions of several sizes cover the map; each gives the maximum of every channel, scaled
    to unit length, and so is their sum. The paper also whitens the regions' vectors by a PCA
    learned on other pictures, to which it would tie the vectors.
    """
    from torch.nn import functional

    maps = maps.float()
    total = maps.new_zeros(maps.shape[:2])
    for top, left, side in rmac_regions(maps.shape[2], maps.shape[3], scales):
        region = maps[:, :, top : top + side, left : left + side].amax(dim=(2, 3))
        total += functional.normalize(region, dim=1, eps=_SMALLEST)
    return functional.normalize(total, dim=1, eps=_SMALLEST)


def rmac_regions(height: int, width: int, scales: int = RMAC_SCALES) -> list[tuple[int, int, int]]:
    """Return R-MAC's regions of a map as (top, left, side).

    At scale l the side is 2 * min(height, width) / (l + 1), and l regions stand along the short
    side, l + m - 1 along the long one, evenly spaced; m is such that neighbors at the first scale
    overlap by as near 40 % as can be.
    """
    short, long = sorted((height, width))
    extra = 0
    if short < long:
        # The authors' program tries 2 to 7; more are needed only beyond 1 : 4.6.
        steps = range(1, max(7, 2 * long // short))
        extra = min(steps, key=lambda n: abs((1 - (long - short) / n / short) - RMAC_OVERLAP))
    regions = []
    for scale in range(1, scales + 1):
        side = 2 * short // (scale + 1)
        if side == 0:
            break
        tops = _evenly(height - side, scale + (extra if height > width else 0))
        lefts = _evenly(width - side, scale + (extra if width > height else 0))
        regions += [(top, left, side) for top in tops for left in lefts]
    return regions


def _evenly(room: int, count: int) -> list[int]:
    """Return `count` offsets from 0 to `room`, rounded down."""
    return [room * i // max(1, count - 1) for i in range(count)]


def _pretrained_config(name: str) -> Any:
    """Return timm's description of the weights; None where it publishes none."""
    timm = import_library("timm")
    architecture, _, tag = name.partition(".")
    published = timm.list_models(f"{architecture}.*", pretrained=True)
    tags = [model.partition(".")[2] for model in published]
    models = [architecture] if timm.is_model(architecture) else timm.list_models()
    check_known("timm", architecture, tag, models=models, tags=tags)
    return timm.get_pretrained_cfg(name)


def _fetch(config: Any, name: str, looked_in: tuple[str, ...]) -> Path:
    repository = getattr(config, "hf_hub_id", None)
    if repository is None:
        raise no_weights(f"timm:{name}", "; ".join([*looked_in, "timm's list (none)"]))
    files = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
    return fetch_from_hub(repository, files, model=f"timm:{name}", looked_in=looked_in)


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


FAMILY: Final = Family(
    load=_load,
    cards=read_cards("timm", _HUB_FILES),
    syntax="timm:MODEL[/SIZE][+avg|+gem|+rmac|+cls]",
    understand=_understand,
)
