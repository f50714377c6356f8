"""Ingest throughput: pictures a second from files, against the encoder's bare forward pass.

The pictures are the `paintings` of ``ARTSIM_TEST_DATA`` where it is set, else the sample
collection; the encoder is the ResNet-50 of ``ARTSIM_TEST_WEIGHTS``, else timm's ResNet-50
with random weights, which takes as long as with trained ones.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.images.load import IMAGE_SUFFIXES
from artsim.ingest.destination import make_destination
from artsim.ingest.equipment import Equipment
from artsim.ingest.pipeline import run_ingest
from artsim.ingest.progress import SilentProgress
from artsim.ingest.reader import Reader
from artsim.ingest.run import IngestOptions
from artsim.ingest.sample import make_sample
from artsim.ingest.sources import read_source
from artsim.store.gallery import open_gallery
from benchmarks.bench_encoder import measure_forward

RESNET50 = Path(__file__).parents[1] / "tests/data/encoders/resnet50v2-stage3.json"


@contextmanager
def benchmark_encoder() -> Iterator[Encoder]:
    """Load the ResNet-50 that the throughput is measured with."""
    weights = os.environ.get("ARTSIM_TEST_WEIGHTS")
    if weights:
        os.environ.setdefault("ARTSIM_WEIGHTS", weights)
        yield load_encoder(f"onnx:{RESNET50}")
        return
    import timm
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.safetensors"
        save_file(timm.create_model("resnet50").state_dict(), file)
        yield load_encoder("resnet50", weights=file)


def pictures(limit: int, folder: Path) -> Path:
    """Return a folder with `limit` pictures: real ones where there are any."""
    target = folder / "pictures"
    data = os.environ.get("ARTSIM_TEST_DATA")
    if not data:
        return make_sample(target, count=limit).folder
    target.mkdir()
    found = sorted(p for p in Path(data, "paintings").rglob("*") if p.suffix in IMAGE_SUFFIXES)
    for path in found[:limit]:
        shutil.copy(path, target / path.name)
    return target


def ingest_throughput(limit: int = 256, batch_size: int = 32, rounds: int = 3) -> dict[str, float]:
    """Return pictures a second of both, and the median of their ratio over the rounds.

    The two take turns, since the machine's speed drifts.
    """
    bare, whole = [], []
    with tempfile.TemporaryDirectory() as folder, benchmark_encoder() as encoder:
        source = pictures(limit, Path(folder))
        for turn in range(rounds):
            bare.append(
                measure_forward(
                    encoder, batch_size=batch_size, batches=limit // batch_size, rounds=1
                )
            )
            whole.append(_ingest(source, encoder, Path(folder) / f"home{turn}", batch_size))
    return {
        "pictures": float(limit),
        "bare_forward_per_s": statistics.median(bare),
        "ingest_per_s": statistics.median(whole),
        "ratio": float(np.median(np.divide(whole, bare))),
    }


def _ingest(source: Path, encoder: Encoder, home: Path, batch_size: int) -> float:
    options = IngestOptions(faces=False, batch_size=batch_size)
    with open_gallery(home=home) as gallery:
        equipment = Equipment([encoder])
        destination = make_destination(gallery, equipment, options.server)
        opened = read_source(source)
        start = time.perf_counter()
        summary = run_ingest(
            opened,
            Reader(equipment, options.limits),
            destination.look_up,
            destination.write,
            workers=os.cpu_count() or 1,
            batch_size=batch_size,
            progress=SilentProgress(),
        )
        destination.flush()
        return summary.counts.written / (time.perf_counter() - start)


if __name__ == "__main__":
    for name, value in ingest_throughput().items():
        print(f"{name:20} {value:.4g}")
