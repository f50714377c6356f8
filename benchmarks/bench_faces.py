"""Face detection: artsim's detector against facenet-pytorch's plain loop over pictures.

Both use the same weights, smallest face and thresholds, so every face of the library's
must come back: one of artsim's overlaps it by more than half (intersection over union).
The pictures are the `paintings` of ``ARTSIM_TEST_DATA`` where it is set, whose person
boxes also say how many people got a face; else the sample collection.

The loop is timed twice, with torch on all cores and on one, and the faster counts.
artsim is timed as ingest calls it, from as many threads as there are cores, and called
from one thread, which leaves the other cores idle.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from artsim.domain.arrays import RGBImage
from artsim.encoders.devices import usable_cores
from artsim.encoders.mtcnn import MTCNNDetector
from artsim.encoders.torchvision_ops import ensure_torchvision
from artsim.ingest.sample import make_sample

LIBRARY_SCORE = 0.7
"""Last threshold of facenet-pytorch's MTCNN."""

BLOCK = 10
"""Pictures in a row with one method, before the next has its turn: load varies."""

PERSON_SHARE = 0.6
"""A face belongs to a person if its center lies in the upper part of the person's box."""

Boxes = npt.NDArray[np.float64]
"""Rows (left, top, right, bottom, score), shape (N, 5)."""

Detect = Callable[[RGBImage], Boxes]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and the boxes (left, top, right, bottom) of the people in it."""

    path: Path
    people: tuple[tuple[int, ...], ...]

    def load(self) -> RGBImage:
        """Return the pixels."""
        with Image.open(self.path) as opened:
            return np.asarray(opened.convert("RGB"))


def find_pictures(limit: int | None, seed: int, scratch: Path) -> list[Picture]:
    """Return a seeded sample of the paintings; all of them if `limit` is None."""
    data = os.environ.get("ARTSIM_TEST_DATA")
    folder = Path(data) / "paintings" if data else make_sample(scratch / "sample").folder
    with (folder / "metadata.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    order = np.random.default_rng(seed).permutation(len(rows))
    return [_picture(folder, rows[i]) for i in order[:limit]]


def _picture(folder: Path, row: dict[str, str]) -> Picture:
    boxes = [box for box in (row.get("person_boxes") or "").split(";") if box]
    return Picture(
        folder / row["filename"], tuple(tuple(int(x) for x in box.split(":")) for box in boxes)
    )


def library_detect() -> Detect:
    """Return facenet-pytorch's detector as it is called plainly."""
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on the library's weight files
        from facenet_pytorch import MTCNN

        mtcnn = MTCNN(keep_all=True)

    def detect(image: RGBImage) -> Boxes:
        boxes, scores, _ = mtcnn.detect(Image.fromarray(image), landmarks=True)
        if boxes is None:
            return np.zeros((0, 5))
        rows = np.column_stack([np.asarray(boxes, float), np.asarray(scores, float)])
        height, width = image.shape[:2]
        rows[:, :4] = rows[:, :4].clip(0, (width, height, width, height))
        return rows

    return detect


def artsim_detect(detector: MTCNNDetector) -> Detect:
    """Return artsim's detector in the form that is compared."""

    def detect(image: RGBImage) -> Boxes:
        rows = [
            (f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height, f.score)
            for f in detector.detect(image)
        ]
        return np.array(rows, dtype=float).reshape(-1, 5)

    return detect


@dataclass(frozen=True, slots=True)
class Run:
    """Both detectors over the same pictures: milliseconds per picture, and faces."""

    pictures: list[Picture]
    milliseconds: dict[str, float]
    library: list[Boxes]
    artsim: list[Boxes]


def run_both(limit: int | None, seed: int = 0) -> Run:
    """Run and time both, in turns of `BLOCK` pictures."""
    plain = library_detect()
    ours = artsim_detect(MTCNNDetector(score=LIBRARY_SCORE))
    cores = torch.get_num_threads()
    seconds = dict.fromkeys(("library_all_cores", "library_one_core", "one_caller", "artsim"), 0.0)
    library: list[Boxes] = []
    artsim: list[Boxes] = []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(usable_cores()) as threads:
        pictures = find_pictures(limit, seed, Path(scratch))
        for picture in pictures[:3]:
            plain(picture.load())
            list(threads.map(ours, [picture.load()] * usable_cores()))
        for start in range(0, len(pictures), BLOCK):
            images = [picture.load() for picture in pictures[start : start + BLOCK]]
            seconds["library_all_cores"] += _time(map, plain, images)[0]
            torch.set_num_threads(1)
            spent, boxes = _time(map, plain, images)
            torch.set_num_threads(cores)
            seconds["library_one_core"] += spent
            library += boxes
            seconds["one_caller"] += _time(map, ours, images)[0]
            spent, boxes = _time(threads.map, ours, images)
            seconds["artsim"] += spent
            artsim += boxes
    per_picture = {f"{name}_ms": 1e3 * s / len(pictures) for name, s in seconds.items()}
    return Run(pictures, per_picture, library, artsim)


def face_detection(limit: int | None = 400, seed: int = 0) -> dict[str, float]:
    """Return times per picture, their ratio, faces found and lost, and people covered."""
    return summarize(run_both(limit, seed))


def summarize(run: Run) -> dict[str, float]:
    """Return the figures of a run, by name."""
    best = min(run.milliseconds["library_all_cores_ms"], run.milliseconds["library_one_core_ms"])
    return {
        "pictures": float(len(run.pictures)),
        **run.milliseconds,
        "ratio": best / run.milliseconds["artsim_ms"],
        "ratio_one_caller": best / run.milliseconds["one_caller_ms"],
        "library_faces": float(sum(map(len, run.library))),
        "artsim_faces": float(sum(map(len, run.artsim))),
        "faces_lost": float(lost(run.library, run.artsim)),
        "library_people_share": people_share(run.library, run.pictures, LIBRARY_SCORE)[0],
        "artsim_people_share": people_share(run.artsim, run.pictures, LIBRARY_SCORE)[0],
    }


def _time(
    run: Callable[..., Iterable[Boxes]], detect: Detect, images: Sequence[RGBImage]
) -> tuple[float, list[Boxes]]:
    start = time.perf_counter()
    boxes = list(run(detect, images))
    return time.perf_counter() - start, boxes


def people_share(
    found: Sequence[Boxes], pictures: Sequence[Picture], score: float
) -> tuple[float, int, int]:
    """Return the share of people with a face, and how many faces belong to none and in all."""
    kept = [boxes[boxes[:, 4] >= score] for boxes in found]
    covered, people, outside = coverage(kept, [picture.people for picture in pictures])
    return covered / people if people else float("nan"), outside, sum(map(len, kept))


def lost(reference: Sequence[Boxes], found: Sequence[Boxes]) -> int:
    """Return how many faces of `reference` no face of `found` overlaps by more than half."""
    return sum(
        not any(iou(face, other) > 0.5 for other in theirs)
        for faces, theirs in zip(reference, found, strict=True)
        for face in faces
    )


def iou(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Return the intersection over union of two boxes."""
    sides = np.minimum(first[2:4], second[2:4]) - np.maximum(first[:2], second[:2])
    shared = float(np.maximum(sides, 0).prod())
    areas = [float((box[2:4] - box[:2]).prod()) for box in (first, second)]
    return shared / (sum(areas) - shared)


def coverage(
    found: Sequence[Boxes],
    people: Sequence[Sequence[tuple[int, ...]]],
    *,
    least_height: int = 100,
) -> tuple[int, int, int]:
    """Return people with a face, people, and faces that belong to no person.

    People whose box is less than `least_height` pixels high are not counted, but may
    own a face. Pictures without person boxes are left out of all three counts.
    """
    covered = total = outside = 0
    for faces, boxes in zip(found, people, strict=True):
        if not boxes:
            continue
        centers = [((face[0] + face[2]) / 2, (face[1] + face[3]) / 2) for face in faces]
        for box in boxes:
            if box[3] - box[1] >= least_height:
                total += 1
                covered += any(_in_upper_part(center, box) for center in centers)
        outside += sum(not any(_in_upper_part(c, box) for box in boxes) for c in centers)
    return covered, total, outside


def _in_upper_part(center: tuple[float, float], box: tuple[int, ...]) -> bool:
    left, top, right, bottom = box
    return left <= center[0] <= right and top <= center[1] <= top + PERSON_SHARE * (bottom - top)


def main() -> None:
    """Print the measurements, and what other least scores would find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=400, help="pictures; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run = run_both(options.limit or None, options.seed)
    for name, value in summarize(run).items():
        print(f"{name:24} {value:.4g}")
    print("\nscore  faces  in no person  people with a face")
    for score in (0.7, 0.8, 0.9, 0.95, 0.99):
        share, outside, faces = people_share(run.artsim, run.pictures, score)
        print(f"{score:5} {faces:6} {outside:13} {share:19.1%}")


if __name__ == "__main__":
    main()
