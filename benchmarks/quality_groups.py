"""How many copies `artsim copies` finds, beside perceptual hashes and embeddings alone.

    artsim ingest DATA/wikiart224 --gallery wikiart224 --no-faces --details
    artsim copies --gallery wikiart224 --out points.json
    python -m benchmarks.quality_groups judge DATA/wikiart224 points.json --gallery wikiart224

    python -m benchmarks.quality_groups make DATA/wikiart224 FOLDER --works 299
    artsim ingest FOLDER --gallery edits --no-faces --details
    artsim copies --gallery edits --out points.json
    python -m benchmarks.quality_groups judge FOLDER points.json --gallery edits

    python -m benchmarks.quality_groups sheet points.json sheet.png --kind "shared motif"

Right are the pairs of pictures that share a value of the column ``near_dup_group``. `make` writes
works of which no other scan is known, and one copy of each, edited in one of the ways of
`artsim.evaluation.edits` in turn. Rows of the table: the ties that `artsim copies` wrote, but those
of a shared motif; pairs whose cosine is very near; and pHash [1]_ (`imagehash`) with
locality-sensitive hashing [2]_, pairs with a band of bits in common and so many bits that differ at
most, also of the mirror image. `sheet` draws ties by lot, to be looked at.

References
----------
.. [1] Zauner (2010). Implementation and benchmarking of perceptual image hash functions.
.. [2] Leskovec, Rajaraman & Ullman (2014). Mining of massive datasets, chapter 3: bands.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import imagehash
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.scale import noted_scales
from artsim.evaluation.edits import EDITS, edit_picture
from artsim.evaluation.statistics import estimate_mean
from artsim.files import local_path
from artsim.search.copy_groups import Tie, join
from artsim.search.neighbors import read_vectors
from artsim.store.gallery import open_gallery

Pair = frozenset[str]

GROUP: Final = "near_dup_group"
BANDS: Final = 8
"""Bands of 8 of the 64 bits: pairs with 7 bits that differ have one in common."""

MOST_BITS: Final = (4, 8, 12)
_SIDE: Final = 220


def main() -> None:
    """Make works and copies, judge ties, or draw some."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    made = commands.add_parser("make")
    made.add_argument("data", type=Path)
    made.add_argument("folder", type=Path)
    made.add_argument("--works", type=int, default=300)
    made.set_defaults(run=make)
    judged = commands.add_parser("judge")
    judged.add_argument("data", type=Path)
    judged.add_argument("ties", type=Path, nargs="+")
    judged.add_argument("--home", type=Path)
    judged.add_argument("--gallery")
    judged.set_defaults(run=judge)
    drawn = commands.add_parser("sheet")
    drawn.add_argument("ties", type=Path)
    drawn.add_argument("out", type=Path)
    drawn.add_argument("--kind", action="append")
    drawn.add_argument("--count", type=int, default=50)
    drawn.set_defaults(run=sheet)
    arguments = parser.parse_args()
    arguments.run(arguments)


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's list."""
    with (folder / "metadata.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def make(arguments: argparse.Namespace) -> None:
    """Write works and an edited copy of each, which share a group."""
    alone = [row for row in rows_of(arguments.data) if not row[GROUP]]
    order = np.random.default_rng(0).permutation(len(alone))[: arguments.works]
    arguments.folder.mkdir()
    rows = []
    for number, (index, edit) in enumerate(zip(order, [*EDITS] * len(order), strict=False)):
        name = alone[index]["filename"]
        with Image.open(arguments.data / name) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        copied = edit_picture(pixels, edit, painting_id=name, seed=1).pixels
        for made, kind in ((pixels, ""), (copied, edit)):
            filename = f"{number:04d}{kind and '-'}{kind}.png"
            Image.fromarray(made).save(arguments.folder / filename)
            rows.append({"filename": filename, GROUP: str(number), "edit": kind})
    with (arguments.folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# Judging


def judge(arguments: argparse.Namespace) -> None:
    """Print precision and recall of pairs and groups, and of each edit's copies."""
    rows = rows_of(arguments.data)
    groups = defaultdict(list)
    for row in rows:
        if row[GROUP]:
            groups[row[GROUP]].append(row["filename"])
    right = {frozenset(pair) for names in groups.values() for pair in combinations(names, 2)}
    written = {f"artsim copies, {path.stem}": ties_of(path) for path in arguments.ties}
    found = {**written, **near(arguments), **hashed(arguments.data)}
    print("| by | pairs | precision | recall | groups, precision | groups, recall |")
    print("| --- | --- | --- | --- | --- | --- |")
    whole = {frozenset(names) for names in groups.values() if len(names) > 1}
    for name, pairs in found.items():
        joined = {frozenset(of) for of in join(Tie(*sorted(p), "mirrored", 0, 0) for p in pairs)}
        shares = (
            [pair in right for pair in pairs],
            [pair in pairs for pair in right],
            [group in whole for group in joined],
            [group in joined for group in whole],
        )
        print(f"| {name} | {len(pairs):,} | {' | '.join(map(percent, shares))} |")
    if "edit" in rows[0]:
        print_edits(rows, found)
    edits = {row["filename"]: row.get("edit") or "" for row in rows}
    for path in arguments.ties:
        print_evidence([tie for tie in read_ties(path) if ends(tie) in right], edits)


def percent(values: list[bool]) -> str:
    """Return a share with its interval, in percent."""
    if not values:
        return "none"
    of = estimate_mean(np.array(values, float))
    return f"{100 * of.value:.1f} ({100 * of.low:.1f} to {100 * of.high:.1f})"


def print_edits(rows: list[dict[str, str]], found: Mapping[str, set[Pair]]) -> None:
    """Print how many copies of each edit are tied to their work."""
    pairs = defaultdict(list)
    works = {row[GROUP]: row["filename"] for row in rows if not row["edit"]}
    for row in rows:
        if row["edit"]:
            pairs[row["edit"]].append(frozenset((row["filename"], works[row[GROUP]])))
    print(f"\n| edit | copies | {' | '.join(found)} |\n| --- | --- |{' --- |' * len(found)}")
    for edit, of in pairs.items():
        counts = (f"{sum(pair in some for pair in of)}" for some in found.values())
        print(f"| {EDITS[edit].title} | {len(of)} | {' | '.join(counts)} |")


def print_evidence(ties: list[dict[str, Any]], edits: Mapping[str, str]) -> None:
    """Print what right ties rest on, by edit: the least, the 1 % and the middle of each measure."""
    by_edit = defaultdict(list)
    for tie in ties:
        edit = edits[tie["first"]] or edits[tie["second"]]
        measured = (tie.get("inliers", 0), tie["ssim"], min(tie.get("shown", [1])))
        for name in dict.fromkeys((edit, "all")):
            by_edit[name].append((*measured, tie["kind"] == "same photograph"))
    print("\n| edit | ties | inliers | SSIM | less shown of the two | same photograph |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, rows in sorted(by_edit.items()):
        low, some, middle = np.quantile(np.array(rows, float), (0, 0.01, 0.5), axis=0)
        most = max(row[2] for row in rows)
        same = sum(row[3] for row in rows)
        ssim = f"{low[1]:.2f}, {some[1]:.2f}, {middle[1]:.2f}"
        shown = f"{low[2]:.2f} to {most:.2f}"
        print(
            f"| {name} | {len(rows)} | {low[0]:.0f}, {middle[0]:.0f} | {ssim} | {shown} | {same} |"
        )


def ends(tie: Mapping[str, Any]) -> Pair:
    """Return the pair that a tie is of."""
    return frozenset((tie["first"], tie["second"]))


def read_ties(path: Path) -> list[dict[str, Any]]:
    """Return what `artsim copies` wrote of ties, with the pictures of both."""
    groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
    uris = {w["painting_id"]: w["payload"]["image_uri"] for g in groups for w in g["works"]}
    ties = [tie for group in groups for tie in group["ties"]]
    return [{**t, "pictures": [uris[t["first"]], uris[t["second"]]]} for t in ties]


def ties_of(path: Path) -> set[Pair]:
    """Return the pairs that are tied as copies."""
    return {ends(tie) for tie in read_ties(path) if tie["kind"] != "shared motif"}


def near(arguments: argparse.Namespace) -> dict[str, set[Pair]]:
    """Return the pairs that are very near by the gallery's first encoder."""
    with open_gallery(name=arguments.gallery, home=arguments.home) as gallery:
        paintings = gallery[PAINTINGS]
        info = next(iter(gallery.encoders(PAINTINGS).values()))
        table = read_vectors(paintings, info.vector_name, payload_fields=())
        least = noted_scales(paintings.schema.notes)[info.vector_name].very_near
    ids = [str(payload["painting_id"]) for payload in table.payloads]
    close = np.argwhere(np.triu(table.vectors @ table.vectors.T >= least, 1))
    return {f"cosine of {least:.2f}": {frozenset((ids[i], ids[j])) for i, j in close.tolist()}}


def hashed(folder: Path) -> dict[str, set[Pair]]:
    """Return the pairs by pHash and bands, for each of `MOST_BITS`, also of mirror images."""
    names, plain, turned = [], [], []
    for row in rows_of(folder):
        with Image.open(folder / row["filename"]) as picture:
            for hashes, of in ((plain, picture), (turned, ImageOps.mirror(picture))):
                hashes.append(imagehash.phash(of).hash.reshape(-1))
        names.append(row["filename"])
    own, mirrored = np.array(plain), np.array(turned)
    pairs = candidates(own, own) | candidates(own, mirrored)
    first, second = np.array(sorted(pairs)).T
    apart = np.minimum(
        (own[first] != own[second]).sum(axis=1), (own[first] != mirrored[second]).sum(axis=1)
    )
    return {
        f"pHash, {most} bits": {
            frozenset((names[i], names[j]))
            for i, j in zip(first[apart <= most], second[apart <= most], strict=True)
        }
        for most in MOST_BITS
    }


def candidates(own: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> set[tuple[int, int]]:
    """Return the pairs of rows that have a band of bits in common."""
    pairs = set()
    for bits in np.split(np.arange(own.shape[1]), BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for row, band in enumerate(other[:, bits]):
            buckets[band.tobytes()].append(row)
        for row, band in enumerate(own[:, bits]):
            pairs |= {(min(row, j), max(row, j)) for j in buckets[band.tobytes()] if j != row}
    return pairs


# Looking


def sheet(arguments: argparse.Namespace) -> None:
    """Draw ties of some kinds, by lot, side by side."""
    ties = [t for t in read_ties(arguments.ties) if t["kind"] in (arguments.kind or [t["kind"]])]
    drawn = np.random.default_rng(0).permutation(len(ties))[: arguments.count]
    draw([ties[i] for i in sorted(drawn)]).save(arguments.out)


def draw(ties: Iterable[dict[str, Any]], columns: int = 5) -> Image.Image:
    """Return a sheet of pairs, with their numbers, kinds and evidence."""
    ties = list(ties)
    wide, high = 2 * _SIDE + 24, _SIDE + 30
    made = Image.new("RGB", (columns * wide, -(-len(ties) // columns) * high), "white")
    pen = ImageDraw.Draw(made)
    for number, tie in enumerate(ties):
        x, y = number % columns * wide, number // columns * high
        for side, uri in enumerate(tie["pictures"]):
            path = local_path(uri)
            if path is not None:
                with Image.open(path) as picture:
                    shown = ImageOps.contain(picture.convert("RGB"), (_SIDE, _SIDE))
                made.paste(shown, (x + side * (_SIDE + 4), y + 22))
        inliers = f", {tie['inliers']} points" if "inliers" in tie else ""
        turned = ", mirrored" if tie["mirrored"] else ""
        said = f"{number + 1} {tie['kind']}{turned}, SSIM {tie['ssim']:.2f}{inliers}"
        pen.text((x, y + 4), said, fill="black")
    return made


if __name__ == "__main__":
    main()
