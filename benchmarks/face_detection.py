"""Which painted people get a face by each detector, and in what time on one core.

``python -m benchmarks.face_detection PAINTINGS`` (a folder with ``metadata.csv`` and boxes of
people) on the works that ``face_detection.txt`` lists: 400 of 619, drawn with seed 7.
As in `artsim evaluate faces` a face has a person of its own if its center lies in the upper 60 % of
the box. ``--wall`` puts four works each on one picture, which is what a second look is for.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import SURE_SCORE, SURE_SIZE
from artsim.encoders.face_detectors import DEFAULT_MIN_FACE, DETECTORS, load_detector
from artsim.evaluation.metrics import Floats
from artsim.evaluation.tasks.detection import match_faces, parse_boxes, place_in_people
from artsim.images.load import load_image

LEAST_PERSON: Final = 100
UPPER: Final = 0.6
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    **{name: {"name": name} for name in DETECTORS},
    "centerface, small faces too": {"twice": True},
}


def read(folder: Path) -> Iterator[tuple[RGBImage, Floats]]:
    """Yield each listed work and the boxes of its people."""
    listed = Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        boxes = {row["filename"]: row["person_boxes"] for row in csv.DictReader(file)}
    for name in listed:
        yield load_image(folder / name).pixels, parse_boxes(boxes[name], name)


def hang(works: list[tuple[RGBImage, Floats]]) -> Iterator[tuple[RGBImage, Floats]]:
    """Yield walls of four works each, 1,020 pixels square."""
    for start in range(0, len(works), 4):
        wall, people = np.full((1020, 1020, 3), 128, np.uint8), []
        for i, (pixels, boxes) in enumerate(works[start : start + 4]):
            top, left = (10 + 510 * j for j in divmod(i, 2))
            wall[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels[:500, :500]
            people.append(boxes + np.array([left, top, left, top]))
        yield wall, np.concatenate(people)


def judge(works: list[tuple[RGBImage, Floats]], settings: dict[str, Any]) -> str:
    """Return the cells of one detector."""
    detector, seconds = load_detector(**settings, device="cpu"), 0.0
    kept = {name: np.zeros(6) for name in ("stored", "searched")}
    for pixels, people in works:
        start = time.process_time()
        faces = detector.detect(pixels)
        seconds += time.process_time() - start
        tall = people[:, 3] - people[:, 1] >= LEAST_PERSON
        for name, least, score in (
            ("stored", DEFAULT_MIN_FACE, 0.0),
            ("searched", SURE_SIZE, SURE_SCORE),
        ):
            boxes = [
                f.box for f in faces if min(f.box.width, f.box.height) >= least and f.score >= score
            ]
            corners = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in boxes])
            found = match_faces(place_in_people(corners.reshape(-1, 4), people, upper=UPPER))
            kept[name] += [
                *(tall.sum(), found.has_face[tall].sum()),
                *(len(people), found.has_face.sum(), len(boxes), found.has_person.sum()),
            ]
    shares = [
        f"{100 * c[1] / c[0]:.1f} | {100 * c[3] / c[2]:.1f} | {100 * c[5] / max(1, c[4]):.1f}"
        for c in kept.values()
    ]
    return f"{' | '.join(shares)} | {1e3 * seconds / len(works):.0f}"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wall", action="store_true")
    asked = parser.parse_args()
    works = list(read(asked.folder))
    works = list(hang(works)) if asked.wall else works
    stored = "stored: people of 100 pixels | of all sizes | precision"
    print(f"| detector | {stored} | {stored.replace('stored', 'searched')} | ms |")
    print("| --- " * 8 + "|")
    for name, settings in SETTINGS.items():
        print(f"| {name} | {judge(works, settings)} |", flush=True)


if __name__ == "__main__":
    main()
