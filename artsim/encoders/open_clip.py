"""Encoders of pictures and texts from open_clip: ``open_clip:MODEL/PRETRAINED[@FILE]``.

References
----------
.. [1] Radford et al. (2021). Learning transferable visual models from natural language
   supervision. ICML (arXiv 2103.00020).
.. [2] Ilharco et al. (2021). OpenCLIP. doi:10.5281/zenodo.5143773.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artsim.encoders.base import Preprocessing, TextEncoder
from artsim.encoders.cards import Card, Family, Request, check_known, read_cards
from artsim.encoders.devices import import_library, pick_device
from artsim.encoders.weights import (
    fetch_from_hub,
    fill_model,
    load_state_dict,
    no_weights,
    nothing_drawn,
)
from artsim.errors import EncoderError

if TYPE_CHECKING:
    import torch

# The first is what open_clip's publishers now upload, the second what they used to.
_HUB_FILES: Final = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def _understand(request: Request) -> Card:
    """Understand ``open_clip:MODEL/PRETRAINED[@FILE]``; of a local file MODEL is enough."""
    spec, pooling, _ = request.split_model()
    if pooling:
        raise EncoderError(
            f"{request.name!r}: open_clip's models pool as they were trained to; leave "
            f"+{pooling} out"
        )
    model, _, tag = spec.partition("/")
    found = request.find_weights((spec.replace("/", "-"), model), tag=tag)
    if found.path is None and not tag:
        raise EncoderError(
            f"{request.name!r} does not say which weights: open_clip:{model}/PRETRAINED is "
            f"expected, such as open_clip:ViT-B-32/laion2b_s34b_b79k, or a file of weights",
            hint="--weights FILE",
        )
    identity = ("clip", model, found.identity)
    return request.card_of(f"open_clip:{spec}", found, *identity, takes_text=True)


def _load(card: Card, device: str) -> TextEncoder:
    from artsim.encoders.torch_encoder import TorchTextEncoder

    pick_device(device)  # a wrong one is known before a long download
    model, _, tag = card.model.partition("@")[0].partition("/")
    open_clip = import_library("open_clip")
    tags = open_clip.list_pretrained_tags_by_model(model)
    check_known("open_clip", model, tag, models=open_clip.list_models(), tags=tags)
    config = dict(open_clip.get_pretrained_cfg(model, tag)) if tag else {}
    path = card.weights or _fetch(config, model, tag, card.looked_in)
    state = load_state_dict(path)
    try:
        with _quiet_logging(), nothing_drawn():
            network: Any = open_clip.create_model(
                model,
                load_weights=False,
                pretrained_text=False,
                force_quick_gelu=bool(config.get("quick_gelu")),
            )
    except Exception as exc:  # whatever a text tower from another library raises
        raise EncoderError(f"open_clip cannot build {model}: {exc}") from exc
    fill_model(network, _in_todays_layout(state, network), path=path)
    return TorchTextEncoder(
        card,
        network,
        _preprocessing_of(network, config),
        lambda texts: _tokenizer(open_clip, model)(texts),
        device=device,
    )


@cache
def _tokenizer(open_clip: Any, model: str) -> Any:
    try:
        return open_clip.get_tokenizer(model)
    except Exception as exc:  # some models' tokenizers need other libraries and the hub
        raise EncoderError(f"no tokenizer for the texts of {model}: {exc}") from exc


def _preprocessing_of(network: Any, config: dict[str, Any]) -> Preprocessing:
    """Return what open_clip declares, but with all of the picture, as timm's `preprocessing_of`."""
    size = network.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    declared = {**network.visual.preprocess_cfg, **config}
    return Preprocessing(
        height=height,
        width=width,
        interpolation=declared["interpolation"],
        mean=tuple(declared["mean"]),
        std=tuple(declared["std"]),
    )


def _fetch(config: dict[str, Any], model: str, tag: str, looked_in: tuple[str, ...]) -> Path:
    name = f"open_clip:{model}/{tag}"
    repository, _, filename = config.get("hf_hub", "").rpartition("/")
    if not repository:
        elsewhere = f"the hub (it is only at {config.get('url') or 'no known address'})"
        raise no_weights(name, "; ".join([*looked_in, elsewhere]))
    files = (str(Path(filename).with_suffix(".safetensors")), filename) if filename else _HUB_FILES
    return fetch_from_hub(repository, files, model=name, looked_in=looked_in)


def _in_todays_layout(
    state: dict[str, torch.Tensor], network: torch.nn.Module
) -> dict[str, torch.Tensor]:
    """Rename what older checkpoints call otherwise, as `open_clip.load_checkpoint` does."""
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    state = convert_state_dict(network, state)
    if "positional_embedding" in state and not hasattr(network, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    own = network.state_dict()
    for name in ("logit_scale", "logit_bias"):
        if name in state and name in own:
            state[name] = state[name].reshape(own[name].shape)
    return state


@contextlib.contextmanager
def _quiet_logging() -> Iterator[None]:
    """Keep open_clip from warning that the network is random: weights follow at once."""
    root, silent, before = logging.getLogger(), logging.NullHandler(), logging.root.manager.disable
    root.addHandler(silent)  # without one, its warning would configure the root logger
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(silent)


FAMILY: Final = Family(
    load=_load,
    cards=read_cards("open_clip", _HUB_FILES),
    syntax="open_clip:MODEL/PRETRAINED",
    understand=_understand,
)
