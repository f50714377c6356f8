"""A small training of a painting encoder; as a program, one that may be killed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from artsim.training.loop import LoopOptions
from artsim.training.painting_training import PaintingRun, train_painting_encoder
from artsim.training.recipes import NetworkSize, PaintingOptions
from tests.onnx_networks import write_network

SMALL = NetworkSize(widths=(8, 12, 16, 16), depths=(1, 1, 1, 1), stem=8, covariances=4, dim=24)


class Announcing:
    """Progress that writes what is done to stdout at once."""

    def start(self, total: int | None, description: str) -> None:
        self.stage = description

    def update(self, done: int, **counts: int) -> None:
        sys.stdout.write(f"{self.stage} {done}\n")
        sys.stdout.flush()

    def finish(self) -> None:
        pass


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
    return train_painting_encoder(
        [source],
        folder,
        options(**changes),
        loop=LoopOptions(checkpoint_every_s=0),
        progress=Announcing(),
    )


if __name__ == "__main__":
    train(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        teachers=("builtin", sys.argv[3]),
        teacher_weights=(1.0, 1.0),
    )
