"""Face detection: artsim's detector against facenet-pytorch's plain loop over pictures.

Both use the same weights, smallest face and thresholds, so every face of the library's
must come back: one of artsim's overlaps it by more than half (intersection over union).

The loop is timed twice, with torch on all cores and on one, and the faster counts.
artsim is timed as ingest calls it, from as many threads as there are cores.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.devices import usable_cores
from artsim.encoders.torchvision_ops import ensure_torchvision
from artsim.errors import EvaluationError, ImageError
from artsim.images.load import load_image
from benchmarks.speed.bench import Bench, Promise, join_notes

LEAST_RATIO: Final = 3.0
BLOCK: Final = 10
"""Pictures in a row with one method, before the next has its turn: load varies."""

LIBRARY_SCORE: Final = 0.7
"""Last threshold of facenet-pytorch's ``MTCNN``, models/mtcnn.py, version 2.5.3."""

Boxes: TypeAlias = npt.NDArray[np.float64]
"""Rows (left, top, right, bottom, score), shape (N, 5)."""

Detect: TypeAlias = Callable[[RGBImage], Boxes]


def measure_faces(bench: Bench) -> list[Promise]:
    """Run and time both detectors on the same pictures, in turns of `BLOCK` pictures.

    Raises
    ------
    EvaluationError
        If none of the pictures can be read.
    """
    paths = bench.choose(bench.sizes.face_pictures, bench.seed)
    plain, ours = library_detector(), artsim_detector()
    seconds = {"library": 0.0, "library_one_core": 0.0, "artsim": 0.0}
    reference: list[Boxes] = []
    found: list[Boxes] = []
    bench.say(f"detecting faces in {len(paths)} pictures with both detectors, by turns")
    with ThreadPoolExecutor(usable_cores()) as threads:
        for image in load(paths[:3]):  # to warm up
            plain(image)
            list(threads.map(ours, [image] * usable_cores()))
        for start in range(0, len(paths), BLOCK):
            images = load(paths[start : start + BLOCK])
            with timed(seconds, "library"):
                list(map(plain, images))
            with one_torch_core(), timed(seconds, "library_one_core"):
                reference += map(plain, images)
            with timed(seconds, "artsim"):
                found += threads.map(ours, images)
    if not found:
        raise EvaluationError(
            f"none of the {len(paths)} pictures can be read; name another folder", hint="--data"
        )
    ms = {name: 1e3 * value / len(found) for name, value in seconds.items()}
    ratio = min(ms["library"], ms["library_one_core"]) / ms["artsim"]
    faces, lost = sum(map(len, reference)), count_lost(reference, found)
    none = "" if faces else "no face in these pictures, so none could be lost"
    return [
        Promise(
            "face detection",
            f"at least {LEAST_RATIO:.0f} times facenet-pytorch's loop, no face lost",
            f"{ratio:.1f} times, {ms['artsim']:.0f} ms a picture; {lost} of {faces} faces lost",
            f"{ms['library']:.0f} ms with torch on all cores, {ms['library_one_core']:.0f} ms on "
            "one; the better counts",
            ratio >= LEAST_RATIO and lost == 0,
            join_notes(bench.note, none),
            {"ratio": ratio, "lost": lost, "faces": faces, **ms},
        )
    ]


@contextlib.contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add what the block takes to `seconds`."""
    start = time.perf_counter()
    yield
    seconds[name] += time.perf_counter() - start


@contextlib.contextmanager
def one_torch_core() -> Iterator[None]:
    """Let torch use one core for what this thread calls inside."""
    import torch

    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)


def library_detector() -> Detect:
    """Return ``MTCNN(keep_all=True)`` as its users call it, one picture at a time."""
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on the library's weight files
        from facenet_pytorch import MTCNN

        mtcnn = MTCNN(keep_all=True)

    def detect(image: RGBImage) -> Boxes:
        from PIL import Image

        boxes, scores, _ = mtcnn.detect(Image.fromarray(image), landmarks=True)
        if boxes is None:
            return np.zeros((0, 5))
        rows = np.column_stack([np.asarray(boxes, float), np.asarray(scores, float)])
        height, width = image.shape[:2]
        rows[:, :4] = rows[:, :4].clip(0, (width, height, width, height))  # as artsim's are
        return rows

    return detect


def artsim_detector() -> Detect:
    """Return artsim's detector with the library's threshold."""
    from artsim.encoders.face_crops import load_detector

    detector = load_detector(score=LIBRARY_SCORE)

    def detect(image: RGBImage) -> Boxes:
        rows = [
            (f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height, f.score)
            for f in detector.detect(image)
        ]
        return np.array(rows, dtype=float).reshape(-1, 5)

    return detect


def load(paths: Sequence[Path]) -> list[RGBImage]:
    """Load those that can be, as an ingest does."""
    images = []
    for path in paths:
        with contextlib.suppress(ImageError):
            images.append(load_image(path).pixels)
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
