"""Throughput of an ingest from files: against the bare forward pass, and with faces."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.devices import ensure_torchvision
from artsim.encoders.registry import load_encoder
from artsim.errors import EvaluationError
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.speed.bench import Bench, Promise, by_turns, join_notes

LEAST_LEARNED: Final = 0.90
LEAST_BUILTIN: Final = 0.60
MOST_WITH_FACES: Final = 2.5
FEW: Final = 256
"""Pictures below which filling and emptying the queues weighs on the rate."""

RANDOM_MODEL: Final = "resnet50"


class Clock:
    """Progress that notes when reading began: models are loaded by then."""

    begun: float

    def start(self, total: int | None, description: str) -> None:
        """Begin a stage; the first is the reading."""
        if not hasattr(self, "begun"):
            self.begun = time.perf_counter()

    def update(self, done: int, **counts: int) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


def measure_ingest(bench: Bench) -> list[Promise]:
    """Ingest the same pictures by a learned encoder and the built-in one, without faces and with.

    Raises
    ------
    EncoderError
        If the encoder cannot be loaded.
    EvaluationError
        If none of the pictures can be read.
    """
    spec, weights = bench.encoder, None
    if spec is None:
        spec, weights = RANDOM_MODEL, bench.scratch / f"{RANDOM_MODEL}-random.safetensors"
        write_random_weights(RANDOM_MODEL, weights)
    source, sizes = bench.copies(bench.sizes.ingest_pictures), bench.sizes
    count = len(list(source.iterdir()))
    homes = iter(range(10_000))

    def ingest(encoder: str, file: Path | None, faces: bool) -> Callable[[], float]:
        options = IngestOptions(
            encoders=(encoder,), weights=file, faces=faces, batch_size=sizes.batch_size
        )
        return lambda: ingest_rate(
            source,
            open_gallery(Settings(home=bench.scratch / f"home{next(homes)}")),
            options,
            bench,
        )

    learned = load_encoder(spec, weights=weights, settings=bench.settings)
    builtin = load_encoder("builtin")
    batches = max(1, count // sizes.batch_size)
    bench.say(f"ingesting {count} pictures, and the bare forward passes, by turns")
    rates = by_turns(
        sizes.ingest_rounds,
        learned_bare=lambda: forward_rate(learned, sizes.batch_size, batches),
        learned=ingest(spec, weights, False),
        builtin_bare=lambda: forward_rate(builtin, sizes.batch_size, batches),
        builtin=ingest("builtin", None, False),
        faces=ingest(spec, weights, True),
    )
    few = f"only {count} pictures: starting and stopping weigh on the rate" if count < FEW else ""
    random = "" if weights is None else f"{spec} with random weights, since none was named"
    named = learned.info.vector_name
    least = ((named, "learned", LEAST_LEARNED, random), ("built-in", "builtin", LEAST_BUILTIN, ""))
    promises = []
    for shown, name, bound, note in least:
        ratio = float(np.median(rates[name] / rates[f"{name}_bare"]))
        rate, bare = (float(np.median(rates[n])) for n in (name, f"{name}_bare"))
        promises.append(
            Promise(
                f"ingest from files, {shown} encoder, no faces",
                f"at least {bound:.2f} of its bare forward pass",
                f"{ratio:.2f}, {rate:.1f} pictures/s",
                f"{bare:.1f} pictures/s",
                ratio >= bound,
                join_notes(bench.note, few, note),
                {"ratio": ratio, "ingest_per_s": rate, "bare_per_s": bare},
            )
        )
    times = float(np.median(rates["learned"] / rates["faces"]))
    with_faces, without = (float(np.median(rates[n])) for n in ("faces", "learned"))
    promises.append(
        Promise(
            f"ingest with faces, {named} encoder",
            f"at most {MOST_WITH_FACES} times the time without",
            f"{times:.2f} times, {with_faces:.1f} pictures/s",
            f"{without:.1f} pictures/s without",
            times <= MOST_WITH_FACES,
            join_notes(bench.note, few, random),
            {"ratio": times, "ingest_per_s": with_faces},
        )
    )
    return promises


def ingest_rate(
    source: Path,
    opened: AbstractContextManager[Gallery],
    options: IngestOptions,
    bench: Bench,
) -> float:
    """Return the pictures a second of an ingest into a new gallery, from the first file on."""
    clock = Clock()
    with opened as gallery:
        summary = ingest_paintings(
            gallery, source, options, progress=clock, settings=bench.settings
        )
        seconds = time.perf_counter() - clock.begun
    if not summary.counts.written:
        raise EvaluationError(
            "none of the pictures that were to be ingested can be read "
            f"({summary.problems[0].reason}); name another folder",
            hint="--data",
        )
    return summary.counts.written / seconds


def forward_rate(encoder: Encoder, batch_size: int, batches: int) -> float:
    """Return the pictures a second of the network alone.

    Pictures are prepared, stacked, scaled and moved to the device beforehand.
    """
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (batch_size, 320, 400, 3), dtype=np.uint8)
    network: Any = encoder
    inputs = network.to_input(np.stack([encoder.prepare(picture) for picture in pictures]))

    def run() -> None:
        rows = network.forward(inputs)
        np.asarray(rows.cpu() if hasattr(rows, "cpu") else rows)  # waits for the device

    run()  # buffers are made and kernels chosen on first use
    start = time.perf_counter()
    for _ in range(batches):
        run()
    return batch_size * batches / (time.perf_counter() - start)


def write_random_weights(model: str, path: Path, *, seed: int = 0) -> None:
    """Write the weights that timm gives a network before training, as safetensors.

    As slow as trained ones, and here without a download; equal seeds give equal weights.
    """
    ensure_torchvision()
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_file(timm.create_model(model).state_dict(), path)
