"""How well local points find details, how often they err, and what a threshold has to be.

    python -m benchmarks.quality_points details --data wikiart224 --works 500
    python -m benchmarks.quality_points strangers --data wikiart224 --cache FOLDER [--sheet PNG]

`details` takes details of works, of a quarter and a sixteenth of the area, enlarged by 0.9 to 1.6
and compressed, and prints by how many points they are found among all the works, with 95 %
intervals.
`strangers` asks for works that the gallery, the first --gallery works, lacks: the fifty nearest to
the embedding of an edited picture, but for the work itself and its known twins, and the most points
that any of them matches. What was computed is kept, so that it goes on where it was stopped. The
data are a folder with a ``metadata.csv``.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.stats import beta

from artsim.catalog.arrays import RGBImage
from artsim.encoders.registry import load_encoder
from artsim.evaluation.edits import edit_picture
from artsim.images import local_points as local
from artsim.images.load import load_image
from artsim.images.local_points import POINT_COUNT, POINT_DIM, QUERY_COUNT, Points, local_points

Row = dict[str, str]

CANDIDATES: Final = 50
_COUNTS: Final = (200, 300, 500, 1000)
_WORST: Final = 40


class Works:
    """Pictures of a folder with a list, in the order of that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def picture(self, index: int) -> RGBImage:
        """Return one as it is read for an ingest."""
        return load_image(self.folder / self.rows[index]["filename"]).pixels


def part_of(picture: RGBImage, random: np.random.Generator, area: float) -> RGBImage:
    """Return a detail of `area` of a picture, at another size, as JPEG of quality 85."""
    height, width = picture.shape[:2]
    stretch = 2 ** random.uniform(-0.25, 0.25)
    down = min(height, max(1, round(height * area**0.5 * stretch)))
    across = min(width, max(1, round(width * area**0.5 / stretch)))
    top, left = random.integers(height - down + 1), random.integers(width - across + 1)
    factor = float(random.uniform(0.9, 1.6))
    cut = Image.fromarray(np.ascontiguousarray(picture[top : top + down, left : left + across]))
    sized = cut.resize(
        (max(1, round(across * factor)), max(1, round(down * factor))), Image.Resampling.BICUBIC
    )
    return compressed(np.asarray(sized))


def compressed(picture: RGBImage, quality: int = 85) -> RGBImage:
    """Return a picture after JPEG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return np.asarray(again.convert("RGB"))


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Clopper and Pearson."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(0.975, hits + 1, of - hits))
    return low, high


# --- details ---------------------------------------------------------------------------


def measure_details(works: Works, count: int, rivals: int, enlarged: float) -> None:
    """Print how many details are found first among `count` works, by the number of points kept.

    A work is found by as many points as it takes, and by more than one of so many others.
    """
    local._ENLARGED = enlarged  # type: ignore[misc]
    chosen = np.random.default_rng(0).permutation(len(works.rows))[:count]
    pictures = [works.picture(int(index)) for index in chosen]
    begun = time.process_time()
    stored = [local_points(picture, count=max(_COUNTS)) for picture in pictures]
    each = 1000 * (time.process_time() - begun) / count
    print(f"enlarged {enlarged:g}: {each:.0f} ms of processor time a work", flush=True)
    for area in (1 / 4, 1 / 16):
        random = np.random.default_rng(1)
        asked = [part_of(picture, random, area) for picture in pictures]
        queries = [local_points(picture, count=QUERY_COUNT) for picture in asked]
        for kept in _COUNTS:
            found = _first(queries, [points[: kept + 1] for points in stored], rivals)
            low, high = interval(int(found.sum()), count)
            print(
                f"{kept} points, {kept * POINT_DIM / 1000:.0f} kB, detail of 1/{1 / area:g}: "
                f"{100 * found.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]",
                flush=True,
            )


def _first(queries: list[Points], works: list[Points], rivals: int) -> npt.NDArray[np.bool_]:
    found = []
    for i, query in enumerate(queries):
        others = [works[(i + k) % len(works)] for k in range(1, 1 + min(rivals, len(works) - 1))]
        own = local.match_points(query, works[i]).inliers
        best = max(match.inliers for match in local.match_all(query, others)) if own else 0
        found.append(own > best and own >= local.FOUND_INLIERS)
    return np.array(found)


# --- strangers -------------------------------------------------------------------------


def _edits(picture: RGBImage, index: int) -> Iterator[tuple[str, Callable[[], RGBImage]]]:
    """Yield the ways in which a work is asked for, each by its name."""
    random = np.random.default_rng(index)
    yield "whole", partial(compressed, picture, 60)
    yield "quarter", partial(part_of, picture, random, 1 / 4)
    yield "sixteenth", partial(part_of, picture, random, 1 / 16)
    for edit in ("frame", "perspective", "scratches"):
        yield edit, lambda edit=edit: edit_picture(picture, edit, painting_id=str(index)).pixels


def measure_strangers(
    works: Works, gallery: int, queries: int, cache: Path, sheet: Path | None
) -> None:
    """Ask for works that are not there, and print how many points match at the most."""
    cache.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder("builtin")
    count = len(works.rows)
    vectors = _kept(cache / "vectors.npy", lambda: _encode(works, encoder))
    stored = _stored(works, gallery, cache / "points.npy")
    twins = np.array([row["near_dup_group"] for row in works.rows])
    results = cache / "strangers.jsonl"
    done = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    with results.open("a") as file:
        for index in range(len(done), min(queries, count)):
            picture = works.picture(index)
            ways = list(_edits(picture, index))
            name, edit = ways[index % len(ways)]
            query = edit()
            (vector,) = encoder.encode([query])
            cosines = vectors @ vector
            cosines[[index, *range(gallery, count)]] = -2
            cosines[(twins == twins[index]) & (twins != "")] = -2
            near = np.argsort(-cosines, kind="stable")[:CANDIDATES]
            points = local_points(query, count=QUERY_COUNT)
            matches = local.match_all(points, [_row(stored, i) for i in near])
            best = max(range(len(near)), key=lambda i: matches[i].inliers)
            told = {
                "query": index,
                "edit": name,
                "points": len(points) - 1,
                "work": int(near[best]),
                "inliers": matches[best].inliers,
                "mirrored": matches[best].mirrored,
            }
            file.write(json.dumps(told) + "\n")
            file.flush()
            done.append(told)
    _tell(done)
    if sheet is not None:
        draw_worst(works, done, sheet)


def _tell(done: list[dict[str, Any]]) -> None:
    inliers = np.array([one["inliers"] for one in done])
    for least in range(5, 21):
        hits = int((inliers >= least).sum())
        bound = float(beta.ppf(0.95, hits + 1, len(done) - hits))
        print(f"{least} points or more: {hits} of {len(done)}, at most {1000 * bound:.2f} in 1,000")
    worst = sorted(done, key=lambda one: -one["inliers"])[:_WORST]
    for one in worst:
        print(json.dumps(one))


def _kept(path: Path, make: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if not path.exists():
        np.save(path, make())
    kept: npt.NDArray[Any] = np.load(path)
    return kept


def _encode(works: Works, encoder: Any) -> npt.NDArray[np.float32]:
    batches = [range(i, min(i + 32, len(works.rows))) for i in range(0, len(works.rows), 32)]
    return np.concatenate([encoder.encode([works.picture(i) for i in b]) for b in batches])


def _stored(works: Works, count: int, path: Path) -> npt.NDArray[np.uint8]:
    """Return all works' points, as many rows for each, with zeros where it has fewer."""
    shape = (len(works.rows), 1 + POINT_COUNT, POINT_DIM)
    mode = "r+" if path.exists() else "w+"
    rows = np.lib.format.open_memmap(path, mode, np.uint8, shape)
    for index in range(count):
        if not rows[index, 0].any():
            points = local_points(works.picture(index))
            rows[index, : len(points)] = points
    return rows


def _row(stored: npt.NDArray[np.uint8], index: int) -> Points:
    points = np.asarray(stored[index])
    return points[: 1 + np.count_nonzero(points[1:].any(axis=1))]


def draw_worst(works: Works, done: list[dict[str, Any]], sheet: Path) -> None:
    """Draw the pairs of works that match by the most points side by side."""
    worst = sorted(done, key=lambda one: -one["inliers"])[:_WORST]
    across, side = 5, 190
    page = Image.new(
        "RGB", (across * (2 * side + 20), -(-len(worst) // across) * (side + 30)), "white"
    )
    draw = ImageDraw.Draw(page)
    for place, one in enumerate(worst):
        x, y = place % across * (2 * side + 20), place // across * (side + 30)
        for i, index in enumerate((one["query"], one["work"])):
            picture = Image.fromarray(works.picture(index))
            picture.thumbnail((side, side))
            page.paste(picture, (x + i * side, y))
        text = f"{one['inliers']} {one['edit']} {one['query']}-{one['work']}"
        draw.text((x, y + side + 4), text + (" mirrored" if one["mirrored"] else ""), "black")
    page.save(sheet)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("details", "strangers"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--works", type=int, default=500)
    parser.add_argument("--rivals", type=int, default=20)
    parser.add_argument("--enlarged", type=float, default=2.0)
    parser.add_argument("--queries", type=int, default=3400)
    parser.add_argument("--gallery", type=int, default=2400)
    parser.add_argument("--cache", type=Path, default=Path("points-cache"))
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    works = Works(args.data)
    if args.what == "details":
        measure_details(works, args.works, args.rivals, args.enlarged)
    else:
        stored = min(args.gallery, len(works.rows))
        measure_strangers(works, stored, args.queries, args.cache, args.sheet)


if __name__ == "__main__":
    main()
