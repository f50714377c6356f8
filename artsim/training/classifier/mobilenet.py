"""MobileNetV2, trained as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import torch

from artsim.config import Settings
from artsim.encoders.devices import usable_cores
from artsim.encoders.networks import build_network
from artsim.encoders.preprocess import Preprocessing
from artsim.encoders.registry import resolve
from artsim.encoders.timm import create_network, preprocessing_of
from artsim.images.load import load_image

MODEL: Final = "mobilenetv2_100"
SIDE: Final = 224
DIM: Final = 1280

_LEAST_AREA: Final = 0.4
_LONGEST: Final = 512
"""Pixels of a picture's long side before it is cropped: more than the crop shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """A network before training.

    Attributes
    ----------
    network : Module
        From pictures (N, 3, SIDE, SIDE) to the pooled last layer (N, DIM).
    preprocessing : Preprocessing
        How a picture becomes its input.
    weights : str
        Their identity, or ``random``.
    """

    network: torch.nn.Module
    preprocessing: Preprocessing
    weights: str


def begin_mobilenet(
    *, from_scratch: bool, weights: Path | None, seed: int, settings: Settings | None = None
) -> Beginning:
    """Return the network before training.

    Parameters
    ----------
    from_scratch : bool
        Random weights; else those of ImageNet, from `weights`, ``ARTSIM_WEIGHTS`` or the hub.

    Raises
    ------
    WeightsError
        If the weights are not to be had; they are never replaced by random ones.
    """
    if from_scratch:
        torch.manual_seed(seed)
        network = build_network("timm", {"model": MODEL})
        return Beginning(network, Preprocessing(SIDE, SIDE), "random")
    card = resolve("mobilenetv2", weights=weights, settings=settings)
    network = create_network(card)
    identity = card.vector_name.removeprefix(f"{MODEL}-").removesuffix("-avg-v1")
    return Beginning(network, preprocessing_of(network, SIDE), identity)


class PictureInputs:
    """Batches of pictures, each cropped and mirrored anew.

    A crop has 40 % of the picture's area at least and is squashed to a square, as the whole
    picture is when the trained network is used.
    """

    def __init__(self, paths: Sequence[Path], preprocessing: Preprocessing) -> None:
        self._paths = list(paths)
        self._preprocessing = preprocessing
        self._pool = ThreadPoolExecutor(usable_cores())

    def __call__(self, rows: npt.NDArray[np.intp], random: np.random.Generator) -> torch.Tensor:
        """Return normalized pictures, shape (N, 3, 224, 224)."""
        draws = random.random((len(rows), 5))
        pictures = np.stack(list(self._pool.map(self._draw, rows.tolist(), draws)))
        mean, std = (
            np.array(values, dtype=np.float32)
            for values in (self._preprocessing.mean, self._preprocessing.std)
        )
        normal = (pictures.astype(np.float32) / 255 - mean) / std
        batch = torch.from_numpy(normal.transpose(0, 3, 1, 2))
        return batch.contiguous(memory_format=torch.channels_last)

    def _draw(self, row: int, draw: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        image = load_image(self._paths[row], max_side=_LONGEST).pixels
        height, width = image.shape[:2]
        side = (_LEAST_AREA + (1 - _LEAST_AREA) * draw[0]) ** 0.5
        stretch = 2 ** (0.3 * (draw[1] - 0.5))
        across = min(width, max(1, round(width * side * stretch)))
        down = min(height, max(1, round(height * side / stretch)))
        left = int(draw[2] * (width - across + 1))
        top = int(draw[3] * (height - down + 1))
        part = image[top : top + down, left : left + across]
        fitted = self._preprocessing.fit_image(part)
        return fitted[:, ::-1] if draw[4] < 0.5 else fitted


def lay_out(network: torch.nn.Module) -> torch.nn.Module:
    """Return the network channels-last, in which CPUs compute convolutions twice as fast."""
    return cast("torch.nn.Module", cast("Any", network).to(memory_format=torch.channels_last))
