"""Feature maps of the ONNX networks, pooled in several ways.

The shared files end in a global average: the maps before it are pooled by
`artsim.encoders.timm`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.config import Settings
from artsim.encoders.base import Encoder, MapReader, unit_rows
from artsim.encoders.registry import load_encoder
from artsim.encoders.timm import gem, rmac
from benchmarks.quality_data import Array, Data

MAPS: Final = ("ResNet-50", "MobileNet")
"""Encoders whose output is the average of a feature map."""

GEM_POWERS: Final = (1.5, 2.0, 3.0, 4.0, 6.0)


Pool = Callable[[Any], Any]


def poolings() -> dict[str, Pool]:
    """Return the poolings by name, each from maps (N, C, H, W) to rows (N, C)."""
    ways: dict[str, Pool] = {"average": _average}
    for power in GEM_POWERS:
        ways[f"GeM {power:g}"] = partial(gem, power=power)
    ways["maximum"] = _maximum
    ways["R-MAC"] = rmac
    ways["root of the average"] = _root_of_average
    return ways


class Pooled:
    """A network cut before its average, with every pooling behind it."""

    def __init__(self, data: Data, name: str, weights: Path | None) -> None:
        settings = Settings(home=data.home, weights=weights)
        self._encoder = load_encoder(data.specs[name], device="cpu", settings=settings)
        self._maps = maps_of(self._encoder, name)
        self._name = name

    def encode(self, images: Sequence[RGBImage]) -> Array:
        """Return the unit rows of every pooling: shape (P, N, D)."""
        import torch

        _, found = self._maps([self._encoder.prepare(image) for image in images])
        maps = torch.from_numpy(found)
        rows = [pool(maps).numpy() for pool in poolings().values()]
        return np.stack([unit_rows(of_pooling, encoder=self._name) for of_pooling in rows])


def maps_of(encoder: Encoder, name: str) -> MapReader:
    """Return what computes an encoder's last map; the program ends if it has none."""
    maps = encoder.open_maps()
    if maps is None:
        raise SystemExit(f"the vectors of {name} are no averages of a map")
    return maps


def encode_poolings(data: Data, name: str, weights: Path | None) -> dict[str, Embeddings]:
    """Return the unit rows (N, D) of every pooling of all works."""

    def make() -> Array:
        pooled = Pooled(data, name, weights)
        batches = data.pictures(range(len(data.works)))
        return np.concatenate([pooled.encode(images) for images in batches], axis=1)

    return dict(zip(poolings(), data.kept(f"{name}-poolings", make), strict=True))


def _average(maps: Any) -> Any:
    return maps.mean(dim=(2, 3))


def _maximum(maps: Any) -> Any:
    return maps.amax(dim=(2, 3))


def _root_of_average(maps: Any) -> Any:
    # Evens out channels that outshout the others, as Hellinger's distance does histograms.
    return maps.mean(dim=(2, 3)).clamp(min=0).sqrt()
