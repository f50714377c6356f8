"""Throughput of an ingest: pictures a second from files, against the bare forward pass."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.progress import Progress, SilentProgress
from artsim.config import Settings
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.errors import EvaluationError
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.bare_forward import NetworkEncoder, bare_forward_rate
from artsim.evaluation.speed.measured import Measured, Promise, join_notes
from artsim.ingest.destination import make_destination
from artsim.ingest.equipment import Equipment
from artsim.ingest.folder import list_pictures
from artsim.ingest.origin import Origin
from artsim.ingest.pipeline import run_ingest
from artsim.ingest.reader import Reader
from artsim.ingest.renames import Renames
from artsim.ingest.run import IngestOptions
from artsim.ingest.sources import read_source
from artsim.store.gallery import open_gallery

LEAST_RATIO: Final = 0.85
FEW: Final = 256
"""Pictures below which filling and emptying the queues weighs on the rate."""

RANDOM_MODEL: Final = "resnet50"


@dataclass(frozen=True, slots=True)
class IngestRate:
    """Medians over the rounds; `ratio` is the median of each round's own ratio.

    Attributes
    ----------
    encoder : str
        Vector name.
    is_learned : bool
        Whether it has a network, whose bare forward pass is the baseline.
    """

    pictures: int
    encoder: str
    is_learned: bool
    bare_per_s: float
    ingest_per_s: float
    ratio: float


def speed_encoder(spec: str | None, settings: Settings, scratch: Path) -> Encoder:
    """Load the encoder to measure with; ResNet-50 with random weights where none is named.

    The random weights are written into `scratch`.

    Raises
    ------
    EncoderError
        If the named one cannot be loaded.
    """
    if spec is not None:
        return load_encoder(spec, settings=settings)
    from artsim.encoders.random_weights import write_random_weights

    file = scratch / f"{RANDOM_MODEL}-random.safetensors"
    write_random_weights(RANDOM_MODEL, file)
    return load_encoder(RANDOM_MODEL, weights=file, settings=settings)


def measure_ingest_rate(
    source: Path,
    encoder: Encoder,
    scratch: Path,
    *,
    batch_size: int = 32,
    rounds: int = 3,
    progress: Progress | None = None,
) -> IngestRate:
    """Time both by turns, since a machine's speed drifts.

    Parameters
    ----------
    source : Path
        Folder of pictures; all of them are ingested in each round.
    scratch : Path
        Where each round makes a gallery.

    Raises
    ------
    EvaluationError
        If none of the pictures could be read.
    """
    reporter = progress or SilentProgress()
    count = len(list_pictures(source).pictures)
    reporter.start(2 * rounds, f"Ingesting {count} pictures, and the bare forward pass, by turns")
    bare, whole = [], []
    for turn in range(rounds):
        batches = max(1, count // batch_size)
        bare.append(bare_forward_rate(encoder, batch_size=batch_size, batches=batches))
        reporter.update(2 * turn + 1)
        whole.append(_ingest(source, encoder, scratch / f"home{turn}", batch_size))
        reporter.update(2 * turn + 2)
    return IngestRate(
        pictures=count,
        encoder=encoder.info.vector_name,
        is_learned=isinstance(encoder, NetworkEncoder),
        bare_per_s=statistics.median(bare),
        ingest_per_s=statistics.median(whole),
        ratio=statistics.median(w / b for w, b in zip(whole, bare, strict=True)),
    )


def _ingest(source: Path, encoder: Encoder, home: Path, batch_size: int) -> float:
    options = IngestOptions(faces=False, batch_size=batch_size)
    with open_gallery(Settings(home=home)) as gallery:
        equipment = Equipment([encoder])
        destination = make_destination(gallery, equipment, options.server)
        opened = read_source(source)
        origin = Origin.of(opened.location)
        renames = Renames(origin, destination.paintings, destination.look_up)
        start = time.perf_counter()
        summary = run_ingest(
            opened,
            Reader(equipment, options.limits, renames),
            renames.look_up,
            destination.write,
            workers=os.cpu_count() or 1,
            batch_size=batch_size,
            progress=SilentProgress(),
        )
        destination.flush()
        seconds = time.perf_counter() - start
    if not summary.counts.written:
        raise EvaluationError(
            f"none of the pictures that were to be ingested can be read "
            f"({summary.problems[0].reason}); name another folder",
            hint="--data",
        )
    return summary.counts.written / seconds


def describe_ingest_rate(rate: IngestRate, *note: str) -> Measured:
    """Hold the rates to what is promised."""
    few = f"only {rate.pictures} pictures: starting and stopping weigh on the rate"
    builtin = "no learned encoder: its work on one thread is the baseline, and nothing is promised"
    promise = Promise(
        "ingest with a learned encoder, from files",
        f"at least {LEAST_RATIO} of the bare forward pass",
        f"{rate.ingest_per_s:.1f} pictures/s, ratio {rate.ratio:.2f}",
        f"{rate.bare_per_s:.1f} pictures/s, {rate.encoder}",
        rate.ratio >= LEAST_RATIO if rate.is_learned else None,
        join_notes(*note, few if rate.pictures < FEW else "", "" if rate.is_learned else builtin),
    )
    table = Table(
        "ingest",
        f"Ingesting {rate.pictures} pictures by {rate.encoder}",
        "what",
        (
            Column("ms", "per picture", "ms", better="lower"),
            Column("ratio", "rate, of the bare forward pass", "ratio"),
        ),
        (
            Row("ingest from files", {"ms": 1e3 / rate.ingest_per_s, "ratio": rate.ratio}),
            Row("bare forward pass", {"ms": 1e3 / rate.bare_per_s, "ratio": 1.0}),
        ),
    )
    return Measured((promise,), (table,))
