"""What looking for faces adds to an ingest, with a second look at large pictures and without.

    ARTSIM_WEIGHTS=WEIGHTS python -m benchmarks.ingest_faces PAINTINGS [--count N] [ENCODER ...]

On single works, and on walls of four works each, in whose own size the second look begins. The
settings take turns, and count processor time from the first file on. The median of the rounds'
ratios to the same pictures without faces is printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery
from benchmarks.face_detection import hang, read
from benchmarks.quality_judge import table
from benchmarks.speed.bench import by_turns
from benchmarks.speed.ingest import Clock

ROUNDS = 3
ENCODERS = ("onnx:tests/data/encoders/resnet50v2-stage3.json", "builtin")


class OwnClock(Clock):
    """Notes the processor time at which reading began."""

    def start(self, total: int | None, description: str) -> None:
        """Begin a stage; the first is the reading."""
        if not hasattr(self, "begun"):
            self.begun = time.process_time()


def write(pictures: Iterable[RGBImage], folder: Path) -> Path:
    """Write pictures as JPEG files of a folder."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:03d}.jpg", quality=90)
    return folder


def ingest(folder: Path, encoder: str, *, faces: bool, twice: bool) -> Callable[[], float]:
    """Return a run that ingests a folder into a new gallery, and its processor time in seconds."""
    options = IngestOptions(encoders=(encoder,), faces=faces, small_faces=twice)

    def run() -> float:
        clock = OwnClock()
        with tempfile.TemporaryDirectory() as home, open_gallery(home=Path(home)) as gallery:
            ingest_paintings(gallery, folder, options, progress=clock)
            return time.process_time() - clock.begun

    return run


def main() -> None:
    """Print a table: pictures and encoder, without faces, with them, with a second look."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("encoders", nargs="*", default=ENCODERS)
    parser.add_argument("--count", type=int, default=32, help="pictures of each sort")
    args = parser.parse_args()
    works = list(islice(read(args.folder), 4 * args.count))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        single = write((picture for picture, _ in works[: args.count]), Path(scratch) / "works")
        walls = write((picture for picture, _ in hang(works)), Path(scratch) / "walls")
        for folder in (single, walls):
            count = len(list(folder.iterdir()))
            for encoder in args.encoders:
                times = by_turns(
                    ROUNDS,
                    plain=ingest(folder, encoder, faces=False, twice=False),
                    faces=ingest(folder, encoder, faces=True, twice=False),
                    twice=ingest(folder, encoder, faces=True, twice=True),
                )
                each = 1000 * np.median(times["plain"]) / count
                more = (float(np.median(times[of] / times["plain"])) for of in ("faces", "twice"))
                rows.append([f"{count} {folder.name}", encoder, f"{each:.0f}"])
                rows[-1] += [f"{ratio:.2f}" for ratio in more]
    print(table(["pictures", "encoder", "ms without faces", "with faces", "second look"], rows))


if __name__ == "__main__":
    main()
