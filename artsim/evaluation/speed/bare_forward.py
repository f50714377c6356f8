"""How fast an encoder's network is by itself, on tensors that are ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.base import Encoder, Prepared


@runtime_checkable
class NetworkEncoder(Protocol):
    """Encoder whose work on a batch is a network's, as those of torch and ONNX are."""

    def prepare(self, image: RGBImage) -> Prepared:
        """Return one picture at the network's size."""
        ...

    def to_input(self, pictures: npt.NDArray[np.uint8]) -> Any:
        """Scale and normalize pictures of shape (N, height, width, 3), on the device."""
        ...

    def forward(self, inputs: Any) -> Any:
        """Run the network on N ready inputs."""
        ...


def bare_forward_rate(encoder: Encoder, *, batch_size: int, batches: int) -> float:
    """Return the pictures per second of the bare forward pass.

    Pictures are prepared, stacked, scaled and moved to the device beforehand. Of an
    encoder without a network, whose work is all done picture by picture, that work on
    one thread is measured.
    """
    run = _forward_of(encoder, _pictures(batch_size))
    run()  # buffers are made and kernels chosen on first use
    start = time.perf_counter()
    for _ in range(batches):
        run()
    return batch_size * batches / (time.perf_counter() - start)


def _forward_of(encoder: Encoder, pictures: list[RGBImage]) -> Callable[[], object]:
    if not isinstance(encoder, NetworkEncoder):
        return lambda: encoder.encode(pictures)
    network = encoder
    inputs = network.to_input(np.stack([network.prepare(picture) for picture in pictures]))
    return lambda: np.asarray(_on_cpu(network.forward(inputs)))


def _on_cpu(rows: Any) -> Any:
    """Wait for the device."""
    return rows.cpu() if hasattr(rows, "cpu") else rows


def _pictures(count: int) -> list[RGBImage]:
    generator = np.random.default_rng(0)
    return list(generator.integers(0, 256, (count, 320, 400, 3), dtype=np.uint8))
