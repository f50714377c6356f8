"""How fast an encoder's network is by itself, on tensors that are ready.

The rate of an ingest is to be compared with this one, measured in the same run::

    python benchmarks/bench_encoder.py resnet50 --weights resnet50.safetensors
    python benchmarks/bench_encoder.py onnx:net.json --batch-size 32
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from artsim.config import load_settings
from artsim.domain.arrays import RGBImage
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.errors import ArtsimError


def measure_forward(
    encoder: Encoder, *, batch_size: int = 32, batches: int = 4, rounds: int = 3
) -> float:
    """Return the pictures per second of the bare forward pass: the median of the rounds.

    Pictures are prepared, stacked, scaled and moved to the device beforehand. Of an
    encoder without a network, whose work is all done picture by picture, that work on
    one thread is measured.
    """
    run = _forward_of(encoder, _pictures(batch_size))
    run()  # buffers are made and kernels chosen on first use
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(batches):
            run()
        rates.append(batch_size * batches / (time.perf_counter() - start))
    return statistics.median(rates)


def measure_encode(
    encoder: Encoder, *, batch_size: int = 32, batches: int = 4, rounds: int = 3
) -> float:
    """Return the pictures per second of `encode_prepared`: scaling and normalizing too."""
    prepared = [encoder.prepare(picture) for picture in _pictures(batch_size)]
    encoder.encode_prepared(prepared)
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(batches):
            encoder.encode_prepared(prepared)
        rates.append(batch_size * batches / (time.perf_counter() - start))
    return statistics.median(rates)


def _forward_of(encoder: Encoder, pictures: list[RGBImage]) -> Callable[[], object]:
    network: Any = encoder
    if not hasattr(network, "forward"):
        return lambda: encoder.encode(pictures)
    inputs = network.to_input(np.stack([encoder.prepare(picture) for picture in pictures]))
    return lambda: np.asarray(_on_cpu(network.forward(inputs)))


def _on_cpu(rows: Any) -> Any:
    """Wait for the device."""
    return rows.cpu() if hasattr(rows, "cpu") else rows


def _pictures(count: int) -> list[RGBImage]:
    generator = np.random.default_rng(0)
    return list(generator.integers(0, 256, (count, 320, 400, 3), dtype=np.uint8))


def main() -> None:
    """Print the rates of one encoder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("encoder", help="name or spec, as for artsim ingest --encoder")
    parser.add_argument("--weights", type=Path, help="file of weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    try:
        encoder = load_encoder(
            args.encoder, weights=args.weights, device=args.device, settings=load_settings()
        )
    except ArtsimError as exc:
        raise SystemExit(f"error: {exc}") from exc
    forward = measure_forward(encoder, batch_size=args.batch_size)
    whole = measure_encode(encoder, batch_size=args.batch_size)
    print(f"{encoder.info.vector_name}, batches of {args.batch_size}")
    print(f"  bare forward pass        {forward:8.1f} pictures/s")
    print(f"  prepared to unit vectors {whole:8.1f} pictures/s ({whole / forward:.2f} of it)")


if __name__ == "__main__":
    main()
