"""The measurements by name: each makes its folder, measures, and holds the result to a promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.progress import Progress
from artsim.config import Settings
from artsim.evaluation.speed.measured import Measured
from artsim.evaluation.speed.options import Part, SpeedOptions, SpeedSizes
from artsim.evaluation.speed.pictures import Pictures

RANDOM_WEIGHTS_NOTE: Final = (
    "ResNet-50 with random weights, as slow as with trained ones, since no encoder was named "
    "(--encoder)"
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement works with; `scratch` is an empty folder that goes afterwards."""

    options: SpeedOptions
    settings: Settings
    scratch: Path
    progress: Progress

    @property
    def sizes(self) -> SpeedSizes:
        """How much is measured."""
        return self.options.sizes

    @property
    def pictures(self) -> Pictures:
        """What pictures are taken from."""
        return Pictures(self.options.data, self.progress)


def _ingest(bench: Bench) -> Measured:
    from artsim.evaluation.speed.ingest_rate import (
        describe_ingest_rate,
        measure_ingest_rate,
        speed_encoder,
    )

    spec = bench.options.encoder
    source = bench.pictures.copies(bench.sizes.ingest_pictures, bench.scratch)
    bench.progress.start(None, "Loading the encoder")
    rate = measure_ingest_rate(
        source,
        speed_encoder(spec, bench.settings, bench.scratch),
        bench.scratch,
        batch_size=bench.sizes.batch_size,
        rounds=bench.sizes.ingest_rounds,
        progress=bench.progress,
    )
    random = RANDOM_WEIGHTS_NOTE if spec is None else ""
    return describe_ingest_rate(rate, bench.pictures.note, random)


def _faces(bench: Bench) -> Measured:
    from artsim.evaluation.speed.face_detection import (
        describe_face_detection,
        measure_face_detection,
    )

    count = bench.sizes.face_pictures
    paths = bench.pictures.choose(count, bench.scratch, seed=bench.options.seed)
    found = measure_face_detection(paths, progress=bench.progress)
    return describe_face_detection(found, bench.pictures.note)


def _rerank(bench: Bench) -> Measured:
    from artsim.evaluation.speed.reranking import describe_reranking, measure_reranking

    bench.progress.start(None, "Re-ranking by SSIM")
    times = measure_reranking(bench.sizes.rerank_hits, seed=bench.options.seed)
    return describe_reranking(times)


def _cold(bench: Bench) -> Measured:
    from artsim.evaluation.speed.cold_starts import describe_cold_starts, measure_cold_starts

    starts = measure_cold_starts(bench.scratch, runs=bench.sizes.cold_runs, progress=bench.progress)
    return describe_cold_starts(starts)


def _search(bench: Bench) -> Measured:
    from artsim.evaluation.speed.large_gallery import (
        describe_large_gallery,
        measure_large_gallery,
    )

    found = measure_large_gallery(
        bench.scratch / "home",
        points=bench.sizes.gallery_points,
        dim=bench.sizes.gallery_dim,
        count=bench.sizes.queries,
        seed=bench.options.seed,
        progress=bench.progress,
    )
    return describe_large_gallery(found)


def _kill(bench: Bench) -> Measured:
    from artsim.evaluation.speed.killing import describe_kills, measure_kills

    count = bench.sizes.kill_paintings
    found = measure_kills(
        bench.pictures.to_ingest(count, bench.scratch),
        bench.scratch,
        kills=bench.sizes.kills,
        seed=bench.options.seed,
        options=("--limit", str(count), "--batch-size", "8"),
        progress=bench.progress,
    )
    return describe_kills(found, bench.pictures.note)


def _leave_one_out(bench: Bench) -> Measured:
    from artsim.evaluation.speed.leave_one_out import (
        describe_leave_one_out,
        measure_leave_one_out,
    )

    found = measure_leave_one_out(
        bench.sizes.works,
        bench.sizes.work_dim,
        seed=bench.options.seed,
        progress=bench.progress,
    )
    return describe_leave_one_out(found)


MEASURES: Final[Mapping[Part, Callable[[Bench], Measured]]] = {
    "ingest": _ingest,
    "faces": _faces,
    "rerank": _rerank,
    "cold": _cold,
    "search": _search,
    "kill": _kill,
    "leave-one-out": _leave_one_out,
}
