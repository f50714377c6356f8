"""Face detection: artsim's detector against facenet-pytorch's plain loop over pictures.

They are different networks: artsim's has to find at least as many faces in less time.

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
from artsim.encoders.devices import ensure_torchvision, usable_cores
from artsim.errors import EvaluationError, ImageError
from artsim.images.load import load_image
from benchmarks.speed.bench import Bench, Promise, join_notes

LEAST_RATIO: Final = 1.2
BLOCK: Final = 10
"""Pictures in a row with one method, before the next has its turn: load varies."""

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
    faces, more = sum(map(len, reference)), sum(map(len, found))
    none = "" if faces else "no face in these pictures"
    return [
        Promise(
            "face detection",
            f"at least {LEAST_RATIO:g} times as fast as facenet-pytorch's loop, and as many faces",
            f"{ratio:.1f} times, {ms['artsim']:.0f} ms a picture; {more} faces, the loop {faces}",
            f"{ms['library']:.0f} ms with torch on all cores, {ms['library_one_core']:.0f} ms on "
            "one; the better counts",
            ratio >= LEAST_RATIO and more >= faces,
            join_notes(bench.note, none),
            {"ratio": ratio, "found": more, "faces": faces, **ms},
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
    """Return artsim's detector as an ingest has it."""
    from artsim.encoders.face_detectors import load_detector

    detector = load_detector()

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
