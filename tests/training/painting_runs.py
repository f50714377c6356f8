"""A small training of a painting encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from artsim.training.loop import LoopOptions
from artsim.training.painting_training import PaintingRun, train_painting_encoder
from artsim.training.recipes import NetworkSize, PaintingOptions
from tests.onnx_networks import write_network

SMALL = NetworkSize(widths=(8, 12, 16, 16), depths=(1, 1, 1, 1), stem=8, covariances=4, dim=24)


def write_teacher(path: Path) -> str:
    """Write a network that says what it sees where, and return its spec."""
    weight = np.random.default_rng(5).normal(size=(9, 3, 5, 5)).astype(np.float32)
    write_network(path, weight, {"input": {"size": [32, 32]}, "output": "y"}, side=32)
    return f"onnx:{path}"


def options(**changes: object) -> PaintingOptions:
    usual: dict[str, object] = {
        "teachers": ("builtin",),
        "teacher_weights": (1.0,),
        "parts": 2,
        "steps": 12,
        "groups": 3,
        "works": 2,
        "sides": ((0.0, 32), (0.5, 40)),
        "input_side": 40,
        "network": SMALL,
    }
    return PaintingOptions(**{**usual, **changes})  # type: ignore[arg-type]


def train(source: Path, folder: Path, **changes: object) -> PaintingRun:
    loop = LoopOptions(checkpoint_every_s=0)
    return train_painting_encoder([source], folder, options(**changes), loop=loop)
