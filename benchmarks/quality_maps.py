"""Feature maps of the ONNX networks, pooled in several ways.

The shared files end in a global average. Their graphs are cut before it, with the package
``onnx`` (``pip install onnx``), and the maps pooled by `artsim.encoders.pooling`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.config import Settings
from artsim.domain.arrays import Embeddings, RGBImage
from artsim.encoders.onnx_config import load_onnx_config
from artsim.encoders.onnx_encoder import open_session, to_input
from artsim.encoders.pooling import gem, rmac
from artsim.encoders.vectors import unit_rows
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
        spec = data.specs[name].partition(":")[2]
        settings = Settings(home=data.home, weights=weights)
        self._config = load_onnx_config(Path(spec), settings)
        with tempfile.TemporaryDirectory() as folder:
            cut = Path(folder) / "cut.onnx"
            cut_before_average(self._config.model, self._config.output or "feat", cut)
            self._session = open_session(cut, "cpu")
        self._name = name

    def encode(self, images: Sequence[RGBImage]) -> Array:
        """Return the unit rows of every pooling: shape (P, N, D)."""
        import torch

        taken = self._config.input
        ready = np.stack([taken.preprocessing.fit_image(image) for image in images])
        inputs = {self._session.get_inputs()[0].name: to_input(ready, taken)}
        maps = torch.from_numpy(self._session.run(None, inputs)[0])
        rows = [pool(maps).numpy() for pool in poolings().values()]
        return np.stack([unit_rows(of_pooling, encoder=self._name) for of_pooling in rows])


def encode_poolings(data: Data, name: str, weights: Path | None) -> dict[str, Embeddings]:
    """Return the unit rows (N, D) of every pooling of all works."""

    def make() -> Array:
        pooled = Pooled(data, name, weights)
        batches = data.pictures(range(len(data.works)))
        return np.concatenate([pooled.encode(images) for images in batches], axis=1)

    return dict(zip(poolings(), data.kept(f"{name}-poolings", make), strict=True))


def cut_before_average(model: Path, output: str, into: Path) -> None:
    """Write the graph up to what the average behind `output` is taken of, as ``maps``."""
    import onnx

    graph = onnx.load(model).graph
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by[output]
    while node.op_type != "ReduceMean":
        node = made_by[node.input[0]]
    taken = [value.name for value in graph.input]
    onnx.utils.extract_model(str(model), str(into), taken, [node.input[0]], check_model=False)


def _average(maps: Any) -> Any:
    return maps.mean(dim=(2, 3))


def _maximum(maps: Any) -> Any:
    return maps.amax(dim=(2, 3))


def _root_of_average(maps: Any) -> Any:
    # Evens out channels that outshout the others, as Hellinger's distance does histograms.
    return maps.mean(dim=(2, 3)).clamp(min=0).sqrt()
