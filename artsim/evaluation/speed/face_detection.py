"""Face detection: artsim's detector against facenet-pytorch's plain loop over pictures.

Both use the same weights, smallest face and thresholds, so every face of the library's
must come back: one of artsim's overlaps it by more than half (intersection over union).

The loop is timed twice, with torch on all cores and on one, and the faster counts.
artsim is timed as ingest calls it, from as many threads as there are cores, and called
from one thread, which leaves the other cores idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.progress import Progress, SilentProgress
from artsim.errors import EvaluationError, ImageError
from artsim.evaluation.report import Column, Row, Table
from artsim.evaluation.speed.measured import Measured, Promise, join_notes
from artsim.images.load import load_image

LEAST_RATIO: Final = 3.0
BLOCK: Final = 10
"""Pictures in a row with one method, before the next has its turn: load varies."""

Boxes: TypeAlias = npt.NDArray[np.float64]
"""Rows (left, top, right, bottom, score), shape (N, 5)."""

Detect: TypeAlias = Callable[[RGBImage], Boxes]


@dataclass(frozen=True, slots=True)
class FaceDetection:
    """Milliseconds per picture, faces found, and how many of the library's were lost."""

    pictures: int
    library_all_cores_ms: float
    library_one_core_ms: float
    artsim_ms: float
    artsim_one_caller_ms: float
    library_faces: int
    artsim_faces: int
    faces_lost: int

    @property
    def library_ms(self) -> float:
        """The better of the library's loops."""
        return min(self.library_all_cores_ms, self.library_one_core_ms)


@dataclass(slots=True)
class _Clock:
    """Seconds and boxes of each way to detect, added up over blocks."""

    seconds: dict[str, float] = field(default_factory=dict)
    boxes: dict[str, list[Boxes]] = field(default_factory=dict)

    def time(
        self,
        name: str,
        run: Callable[..., Iterable[Boxes]],
        detect: Detect,
        images: Sequence[RGBImage],
    ) -> None:
        start = time.perf_counter()
        found = list(run(detect, images))
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.boxes.setdefault(name, []).extend(found)


def measure_face_detection(
    paths: Sequence[Path], *, progress: Progress | None = None
) -> FaceDetection:
    """Run and time both on the same pictures, in turns of `BLOCK` pictures.

    Raises
    ------
    EvaluationError
        If none of the pictures can be read.
    """
    from artsim.encoders.devices import usable_cores
    from artsim.encoders.reference_detector import ReferenceDetector, one_torch_core

    reporter = progress or SilentProgress()
    plain, ours = ReferenceDetector().boxes, _artsim_detect()
    clock, read = _Clock(), 0
    with ThreadPoolExecutor(usable_cores()) as threads:
        for image in _load(paths[:3]):  # to warm up
            plain(image)
            list(threads.map(ours, [image] * usable_cores()))
        reporter.start(len(paths), "Detecting faces with both detectors, by turns")
        for start in range(0, len(paths), BLOCK):
            images = _load(paths[start : start + BLOCK])
            read += len(images)
            clock.time("library on all cores", map, plain, images)
            with one_torch_core():
                clock.time("library on one core", map, plain, images)
            clock.time("artsim, one caller", map, ours, images)
            clock.time("artsim", threads.map, ours, images)
            reporter.update(min(start + BLOCK, len(paths)))
    if not read:
        raise EvaluationError(
            f"none of the {len(paths)} pictures to look for faces in can be read; name another "
            "folder",
            hint="--data",
        )
    return _result(clock, read)


def _result(clock: _Clock, pictures: int) -> FaceDetection:
    ms = {name: 1e3 * seconds / pictures for name, seconds in clock.seconds.items()}
    library, artsim = clock.boxes["library on one core"], clock.boxes["artsim"]
    return FaceDetection(
        pictures=pictures,
        library_all_cores_ms=ms["library on all cores"],
        library_one_core_ms=ms["library on one core"],
        artsim_ms=ms["artsim"],
        artsim_one_caller_ms=ms["artsim, one caller"],
        library_faces=sum(map(len, library)),
        artsim_faces=sum(map(len, artsim)),
        faces_lost=count_lost(library, artsim),
    )


def _artsim_detect() -> Detect:
    from artsim.encoders.mtcnn import MTCNNDetector
    from artsim.encoders.reference_detector import LIBRARY_SCORE

    detector = MTCNNDetector(score=LIBRARY_SCORE)

    def detect(image: RGBImage) -> Boxes:
        rows = [
            (f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height, f.score)
            for f in detector.detect(image)
        ]
        return np.array(rows, dtype=float).reshape(-1, 5)

    return detect


def _load(paths: Sequence[Path]) -> list[RGBImage]:
    """Load those that can be, as an ingest does."""
    images = []
    for path in paths:
        try:
            images.append(load_image(path).pixels)
        except ImageError:
            continue
    return images


def count_lost(reference: Sequence[Boxes], found: Sequence[Boxes]) -> int:
    """Return how many faces of `reference` no face of `found` overlaps by more than half."""
    return sum(
        not any(overlap(face, other) > 0.5 for other in theirs)
        for faces, theirs in zip(reference, found, strict=True)
        for face in faces
    )


def overlap(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Return the intersection over union of two boxes (left, top, right, bottom, …)."""
    sides = np.minimum(first[2:4], second[2:4]) - np.maximum(first[:2], second[:2])
    shared = float(np.maximum(sides, 0).prod())
    areas = [float((box[2:4] - box[:2]).prod()) for box in (first, second)]
    return shared / (sum(areas) - shared)


def describe_face_detection(found: FaceDetection, *note: str) -> Measured:
    """Hold times and faces to what is promised."""
    ratio = found.library_ms / found.artsim_ms
    none = "" if found.library_faces else "no face in these pictures, so none could be lost"
    promise = Promise(
        "face detection",
        f"at least {LEAST_RATIO:.0f} times facenet-pytorch's loop, no face lost",
        f"{ratio:.1f} times; {found.faces_lost} of {found.library_faces} faces lost",
        f"{found.library_all_cores_ms:.0f} ms a picture with torch on all cores, "
        f"{found.library_one_core_ms:.0f} ms on one; the better counts",
        ratio >= LEAST_RATIO and found.faces_lost == 0,
        join_notes(*note, none),
    )
    rows = (
        ("artsim, as ingest calls it", found.artsim_ms, found.artsim_faces, found.faces_lost),
        ("artsim, one caller", found.artsim_one_caller_ms, found.artsim_faces, found.faces_lost),
        ("facenet-pytorch, all cores", found.library_all_cores_ms, found.library_faces, 0),
        ("facenet-pytorch, one core", found.library_one_core_ms, found.library_faces, 0),
    )
    table = Table(
        "face_detection",
        f"Face detection in {found.pictures} pictures",
        "detector",
        (
            Column("ms", "per picture", "ms", better="lower"),
            Column("times_as_fast", "times as fast", "ratio"),
            Column("faces", "faces", "count", better=None),
            Column("lost", "lost", "count", better="lower"),
        ),
        tuple(
            Row(
                name,
                {"ms": ms, "times_as_fast": found.library_ms / ms, "faces": faces, "lost": lost},
            )
            for name, ms, faces, lost in rows
        ),
        ("A face is lost where none of artsim's overlaps it by more than half.",),
    )
    return Measured((promise,), (table,))
