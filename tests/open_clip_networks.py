"""A small open_clip network with seeded weights, which encodes pictures and words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file

from artsim.encoders.devices import import_library

MODEL = "artsim-test-tiny"
CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@contextmanager
def tiny_open_clip(folder: Path) -> Iterator[None]:
    """Let open_clip know the network, whose configuration is written into a folder."""
    open_clip = import_library("open_clip")
    (folder / f"{MODEL}.json").write_text(json.dumps(CONFIG))
    before = list(open_clip.factory._MODEL_CONFIG_PATHS)
    open_clip.add_model_config(folder)
    yield
    open_clip.factory._MODEL_CONFIG_PATHS[:] = before
    open_clip.factory._rescan_model_configs()
    open_clip.factory._MODEL_CONFIGS.pop(MODEL, None)


def write_weights(folder: Path) -> Path:
    """Write the network's weights, the same each time, and return their file."""
    open_clip, file = import_library("open_clip"), folder / f"{MODEL}.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = open_clip.model.CLIP(
            *(CONFIG[f] for f in ("embed_dim", "vision_cfg", "text_cfg"))
        )
    state = network.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
    return file
