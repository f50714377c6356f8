"""Which parts of paintings, kept as vectors, find a detail of a quarter and of a sixteenth best.

    python -m benchmarks.quality_parts --data wikiart224 --works 900 --queries 300

Of so many works, drawn by lot of those without twins, the parts of every grid are encoded by the
built-in encoder, and details of the first ones are searched for among them: how often the work
comes first, and among the first fifty, whose points are then checked, with 95 % intervals.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.encoders.base import Encoder
from artsim.encoders.registry import load_encoder
from artsim.evaluation.edits import EDITS, HARD_EDITS
from artsim.evaluation.statistics import estimate_mean
from artsim.images.details import cut, grid
from artsim.images.load import load_image

GRIDS: Final = {"whole": (1, 1.0), "4": (2, 0.6), "9": (3, 0.4), "16": (4, 1 / 3)}
"""Parts across and down, and the share of the picture's sides that each has."""

SETS: Final = (("whole",), ("4",), ("9",), ("4", "9"), ("16",), ("4", "16"), ("4", "9", "16"))
DETAILS: Final = {"quarter, straight": EDITS["detail"], **HARD_EDITS}
ASKED: Final = ("quarter, straight", "quarter", "sixteenth", "mirrored-quarter")
DEPTHS: Final = (1, 50)


def pictures(folder: Path, works: int) -> Iterator[RGBImage]:
    """Yield the pictures of so many works without twins."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["near_dup_group"]]
    for i in np.random.default_rng(0).permutation(len(rows))[:works]:
        yield load_image(folder / rows[i]["filename"]).pixels


def ranks(folder: Path, works: int, queries: int, encoder: Encoder) -> dict[str, dict[str, object]]:
    """Return for each detail the rank of its work by each set of parts."""
    parts: dict[str, list[object]] = {name: [] for name in GRIDS}
    asked: dict[str, list[object]] = {name: [] for name in ASKED}
    for number, picture in enumerate(pictures(folder, works)):
        height, width = picture.shape[:2]
        for name, (count, share) in GRIDS.items():
            boxes = grid(width, height, count, share)
            parts[name].append(encoder.encode([cut(picture, box) for box in boxes]))
        if number < queries:
            random = np.random.default_rng(number)
            made = [DETAILS[name].apply(picture, random).pixels for name in ASKED]
            for name, row in zip(ASKED, encoder.encode(made), strict=True):
                asked[name].append(row)
    found: dict[str, dict[str, object]] = {}
    for detail, rows in asked.items():
        nearest = {
            name: np.einsum("qd,wpd->qwp", np.stack(rows), np.stack(of)).max(axis=2)  # type: ignore[arg-type]
            for name, of in parts.items()
        }
        for chosen in SETS:
            scores = np.max([nearest[name] for name in chosen], axis=0)
            own = np.diagonal(scores)[:, None]
            found.setdefault(detail, {})[" + ".join(chosen)] = (scores > own).sum(axis=1) + 1
    return found


def main() -> None:
    """Print a row for each set of parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--works", type=int, default=900)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    found = ranks(options.data, options.works, options.queries, load_encoder("builtin"))
    say = partial(print, sep=" | ")
    say("parts", *(f"{detail}: R@{depth}" for detail in found for depth in DEPTHS))
    for chosen in map(" + ".join, SETS):
        cells = []
        for by_set in found.values():
            for depth in DEPTHS:
                hit = 100.0 * (np.asarray(by_set[chosen]) <= depth)
                found_of = estimate_mean(hit)
                cells.append(f"{found_of.value:.1f} [{found_of.low:.1f}, {found_of.high:.1f}]")
        say(chosen, *cells)


if __name__ == "__main__":
    main()
